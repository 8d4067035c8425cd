"""One chapter run once in a process of its own: its seconds, and what it learnt.

    CONVBOOK_SCALE=smoke python -m bench.chapter_child 01_convolution 0 '{"right": "accuracy"}'

is called by `bench.chapters`, with a turn and the results to read. The last line printed is JSON.
"""

import contextlib
import inspect
import io
import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joblib.externals.loky import get_reusable_executor

BEGAN = time.monotonic()

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
SEED = re.compile(r"(set_random_seed\()(\d+)(\))")


def with_seed(source: str, turn: int) -> str:
    """A cell with every seed that it names as a number exchanged; turn 0 leaves it as it is."""
    return SEED.sub(lambda m: f"{m[1]}{int(m[2]) + 1000 * turn}{m[3]}", source)


class DataTime:
    """Processor seconds spent in the functions that make data, nested calls counted once."""

    def __init__(self) -> None:
        self.seconds, self.depth = 0.0, 0

    def watch(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            start, self.depth = time.process_time(), self.depth + 1
            try:
                return function(*args, **options)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.seconds += time.process_time() - start

        return timed

    def install(self) -> None:
        """Watch what `convbook.data` offers; before a chapter imports it."""
        from convbook import data

        for name in data.__all__:
            function = getattr(data, name)
            if inspect.isfunction(function):
                setattr(data, name, self.watch(function))


class Fits:
    """All calls of `fit`: their processor seconds, and what being handed the batches takes of them.

    For the second, a net that does nothing is fitted in the same calls, each with its number of
    passes (a call makes its pipeline anew), after the chapter has ended: nothing of the run, no
    random number, is changed by measuring.
    """

    def __init__(self) -> None:
        self.seconds, self.depth = 0.0, 0
        self.calls: dict[Any, list[Any]] = {}  # by what is fitted: arguments, how many such calls

    def install(self) -> None:
        import keras

        self.original = original = keras.Model.fit
        names = inspect.signature(original)

        def fit(net: Any, *args: Any, **options: Any) -> Any:
            start, self.depth = time.process_time(), self.depth + 1
            try:
                return original(net, *args, **options)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.seconds += time.process_time() - start
                    self.note(names.bind(net, *args, **options).arguments)

        keras.Model.fit = fit

    def note(self, given: dict[str, Any]) -> None:
        keep = ("x", "y", "sample_weight", "batch_size", "epochs", "steps_per_epoch", "shuffle")
        own = {name: given[name] for name in keep if name in given}
        key = (id(own.get("x")), *(own.get(name) for name in keep[3:6]))
        self.calls.setdefault(key, [own, 0])[1] += 1

    def handing_over(self) -> float | None:
        """Processor seconds of a net that does nothing on all that was fitted."""
        import keras
        from keras import ops

        class Idle(keras.Model):
            def __init__(self) -> None:
                super().__init__()
                self.built = True

            def call(self, x: Any) -> Any:
                return x

            def train_step(self, *_: Any) -> dict[str, Any]:
                return {"loss": ops.zeros(())}

        total = 0.0
        for own, calls in self.calls.values():
            idle = Idle()
            idle.compile(jit_compile=False)
            with contextlib.redirect_stdout(io.StringIO()):
                self.original(idle, **{**own, "epochs": 1}, verbose=0)  # traced here
                start = time.process_time()
                self.original(idle, **own, verbose=0)
                total += calls * (time.process_time() - start)
        return total


def execute(notebook: Any, name: str, turn: int) -> dict[str, Any]:
    """Run all code cells; return the names that they leave."""
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {"__name__": "__main__"}
    plt.show = lambda *_, **__: plt.close("all")
    with contextlib.chdir(CHAPTERS), contextlib.redirect_stdout(sys.stderr):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                source = with_seed(cell.source, turn)
                exec(compile(source, f"{name}:{cell.id}", "exec"), names)
                plt.close("all")
    return names


def of_processes() -> float:
    """Processor seconds of the processes in which nets were trained side by side; ends them."""
    get_reusable_executor().shutdown(wait=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def values(expression: str, names: dict[str, Any]) -> list[float]:
    """A learning result as one number for each run that the chapter made."""
    import numpy as np

    return [float(value) for value in np.ravel(eval(expression, {**names, "np": np}))]


def measure(name: str, turn: int, expressions: dict[str, str]) -> dict[str, Any]:
    """Run a chapter once; say its seconds, its shares of data, and its results."""
    import nbformat

    data, fits = DataTime(), Fits()
    data.install()
    fits.install()
    names = execute(nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4), name, turn)
    wall = time.monotonic() - BEGAN
    found: dict[str, Any] = {
        "wall": wall,
        "cpu": time.process_time() + of_processes(),
        "making data": data.seconds,
        "fit": fits.seconds,
        "results": {what: values(text, names) for what, text in expressions.items()},
    }
    try:
        found["handing over"] = fits.handing_over()
    except Exception as error:  # a data set of its own kind: then nothing is said of it
        print(f"the batches of {name} were not measured: {error}", file=sys.stderr)
        found["handing over"] = None
    return found


def main(name: str, turn: str, expressions: str) -> None:
    print(json.dumps(measure(name, int(turn), json.loads(expressions))))


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(*sys.argv[1:4])
