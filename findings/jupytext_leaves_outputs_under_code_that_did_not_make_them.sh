#!/usr/bin/env bash
# jupytext 1.19.6: a cell rewritten in the text keeps the output of the code that stood there before.
#
# Guess before it was run: of a notebook paired with a Python file, jupytext keeps the outputs of
# cells that stayed as they were, and perhaps where a digit changed; a cell rewritten or moved loses
# its output, and a rewritten text its pasted picture.
#
# Seen: outputs of unchanged cells follow them. What is left over is given out by order: a cell
# between two unchanged ones that was rewritten to the last letter keeps the old output, with its
# number of execution, and so does one with a new number in it. A new cell put before one that was
# edited as well takes that one's output, and the edited one has none. `--update` does the same.
# Pictures pasted into cells of text (attachments) go the same way, to text that speaks of another.
# Nothing is said, and the notebook looks as if it had been run.
# Who meets it: whoever edits a course's notebooks as text and gives them out with their outputs, and
# who marks notebooks handed in by what they show. Way out: run the notebook anew after every such
# edit, or clear all outputs.
#
# Usage: findings/jupytext_leaves_outputs_under_code_that_did_not_make_them.sh  (half a minute; pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q jupytext==1.19.6 nbformat==5.10.4
cat >"$folder/seen.py" <<'PYTHON'
import os
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbformat import v4

folder, tool = Path(sys.argv[1]), sys.argv[2]


def synced(name, before, after, *how):
    """(source, what it shows) of each cell of a notebook that was run, once its text was edited."""
    book = v4.new_notebook(metadata={"jupytext": {"formats": "ipynb,py:percent"}})
    pasted = before[0].startswith("![]")
    for count, source in enumerate(before, 1):
        if pasted:
            picture = {"p.png": {"image/png": f"picture {count}"}}
            book.cells.append(v4.new_markdown_cell(source, attachments=picture))
        else:
            shown = v4.new_output("stream", text=f"output {count}")
            book.cells.append(v4.new_code_cell(source, outputs=[shown], execution_count=count))
    notebook, text = folder / f"{name}.ipynb", folder / f"{name}.py"
    nbformat.write(book, notebook)
    subprocess.run([tool, "--quiet", "--sync", notebook], check=True)
    head = text.read_text().partition("# %%")[0]
    mark = "# %% [markdown]\n# " if pasted else "# %%\n"
    text.write_text(head + "\n\n".join(mark + source for source in after) + "\n")
    os.utime(text, (time.time() + 5,) * 2)  # the text is the newer of the two
    subprocess.run([tool, "--quiet", *how, text], check=True)
    found = []
    for cell in nbformat.read(notebook, 4).cells:
        if pasted:
            own = [picture["image/png"] for picture in cell.get("attachments", {}).values()]
        else:
            own = [f"{output.text} [{cell.execution_count}]" for output in cell.outputs]
        found.append((cell.source, *own))
    return found


LOAD, FIT, TEST = CELLS = ["data = load()", "net.fit(data)", "net.evaluate()"]
first, last = (LOAD, "output 1 [1]"), (TEST, "output 3 [3]")
old = "output 2 [2]"
text = ["![](attachment:p.png) of a cat"]
cases = {  # cells before, cells after, what they show
    "moved": (CELLS, [TEST, LOAD, FIT], [last, first, (FIT, old)]),
    "another number": (CELLS, [LOAD, "net.fit(data, 9)", TEST], [first, ("net.fit(data, 9)", old), last]),
    "rewritten": (CELLS, [LOAD, "draw(net)", TEST], [first, ("draw(net)", old), last]),
    "one more before an edited one": (
        CELLS,
        [LOAD, "rate = 0.1", "net.fit(data, rate)", TEST],
        [first, ("rate = 0.1", old), ("net.fit(data, rate)",), last],
    ),
    "text": (text, ["Questions of dogs"], [("Questions of dogs", "picture 1")]),
}
print("jupytext", jupytext.__version__)
for name, (before, after, expected) in cases.items():
    for how in (["--sync"], ["--update", "--to", "ipynb"]):
        found = synced((name + how[0]).replace(" ", "_"), before, after, *how)
        print(f"{name}, {how[0]}:", "; ".join(": ".join(cell) for cell in found))
        assert found == expected, "no longer as described above"
PYTHON
"$folder/venv/bin/python" "$folder/seen.py" "$folder" "$folder/venv/bin/jupytext" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
