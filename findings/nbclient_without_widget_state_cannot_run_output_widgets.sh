#!/usr/bin/env bash
# nbclient 0.11.0: told not to store widgets' state, it cannot run a cell with an Output widget.
#
# Guess before it was run: `store_widget_state=False` leaves the state of widgets out of the
# notebook's metadata and changes nothing else.
#
# Seen: the notebook with `ipywidgets.interactive_output` (8.1.9) runs when the option is left
# alone, and ends with KeyError, the widget's id, when it is False: what the Output widget catches
# is written into the state that is not kept. A slider alone runs either way.
# Who meets it: whoever runs notebooks into pages and wants no widget state in them (it can be
# large, and a page loads scripts from a network for it). Way out: let it be stored, and take
# "widgets" out of the metadata after the run.
#
# Usage: findings/nbclient_without_widget_state_cannot_run_output_widgets.sh     (half a minute)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q nbclient==0.11.0 nbformat==5.10.4 ipykernel==7.4.0 ipywidgets==8.1.9
cat >"$folder/seen.py" <<'PYTHON'
import logging

import nbclient
from nbformat import v4

logging.disable(logging.CRITICAL)
SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(3, 0, 9)\nslider"
OUTPUT = "ipywidgets.interactive_output(lambda value: print('value', value), {'value': slider})"


def ends(stored, *sources):
    """How a run of these cells ends: "runs", or the error's name."""
    book = v4.new_notebook(cells=[v4.new_code_cell(source) for source in sources])
    try:
        nbclient.NotebookClient(book, kernel_name="python3", store_widget_state=stored).execute()
    except Exception as error:
        return type(error).__name__
    return "runs"


found = {}
print("nbclient", nbclient.__version__)
for stored in (True, False):
    for name, sources in {"slider": (SLIDER,), "slider, Output": (SLIDER, OUTPUT)}.items():
        found[stored, name] = ends(stored, *sources)
        print(f"store_widget_state={stored!s:6} {name:15} {found[stored, name]}")
expected = {(True, "slider"): "runs", (True, "slider, Output"): "runs",
            (False, "slider"): "runs", (False, "slider, Output"): "KeyError"}
assert found == expected, "no longer as described above"
PYTHON
PATH="$folder/venv/bin:$PATH" JUPYTER_DATA_DIR="$folder/data" "$folder/venv/bin/python" "$folder/seen.py"
