"""How long each demonstration takes to answer to a control that is moved.

Run from the project's folder: `.venv/bin/python -m bench.demonstrations`. Writes
bench/demonstrations.md. Every control is moved away from its start and back, several times; a move
is answered when the new picture is drawn and encoded. The processor's seconds beside the clock's
tell how much of the wait was the machine's other work.
"""

import os
import platform
import statistics
import time
from pathlib import Path

from bench.pages import write_page

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROUNDS = 5
LIMIT = 0.2
"""Seconds within which a picture seems to move with the hand."""


def moved(control):
    """Another value of a control, as far from its own as there is."""
    import ipywidgets

    if isinstance(control, ipywidgets.Checkbox):
        return not control.value
    if isinstance(control, ipywidgets.ToggleButtons):
        return next(option for option in control.options[::-1] if option != control.value)
    if isinstance(control, ipywidgets.Text):
        return "5 5/2 3:2"
    return control.min if control.value != control.min else control.max


def controls_of(box):
    """The controls of a demonstration; one with a button to play it lies in a box of its own."""
    return [each.children[-1] if hasattr(each, "children") else each for each in box.children]


def times(name):
    """The clock's and the processor's seconds of each move, and the controls moved."""
    from convbook import demo

    _, rows, _ = getattr(demo, name)().children
    controls = controls_of(rows)
    waited, worked = [], []
    for _ in range(ROUNDS):
        for control in controls:
            for value in (moved(control), control.value):
                clock, processor = time.perf_counter(), time.process_time()
                control.value = value
                waited.append(time.perf_counter() - clock)
                worked.append(time.process_time() - processor)
    return waited, worked, len(controls)


def main():
    from convbook import demo
    from convbook.drawing import stage

    stage.in_notebook = lambda: True  # the widgets' own side, without a browser before it
    lines = [
        "# Demonstrations: how long a picture takes to follow its control",
        "",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} before it; each of a demonstration's controls is moved and "
        f"moved back {ROUNDS} times, the first move too. At most {LIMIT} s is asked for.",
        "",
        "| demonstration | controls | median (s) | worst (s) | median (processor's s) |",
        "|---|---|---|---|---|",
    ]
    for name in demo.__all__:
        waited, worked, controls = times(name)
        row = (statistics.median(waited), max(waited), statistics.median(worked))
        lines.append(f"| `{name}` | {controls} | " + " | ".join(f"{t:.3f}" for t in row) + " |")
        print(lines[-1], flush=True)
    write_page(Path(__file__).with_suffix(".md"), lines)


if __name__ == "__main__":
    main()
