"""The book's detection operations beside torchvision's compiled ones, on the same cores.

torchvision has an environment of its own, whose Python is named:

    python -m venv /somewhere/else && /somewhere/else/bin/pip install torch torchvision
    python -m bench.detection --torch /somewhere/else/bin/python

writes bench/detection.md. Both sides take their turns, a process each, round by round, on the same
boxes and maps and with the same number of threads. With ``--expected`` it writes what torchvision
computes on a small map into tests/torchvision_regions.json instead.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bench.pages import write_page

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 10
SIDES = {"tensorflow": "Keras on TensorFlow", "jax": "Keras on JAX", "torchvision": "torchvision"}


def drawn(count, size, seed):
    """Boxes (count, 4) as (y1, x1, y2, x2), of 5 to 50% of the picture's side, cut off at it."""
    rng = np.random.default_rng(seed)
    centres, sides = rng.uniform(0, size, (count, 2)), rng.uniform(0.05, 0.5, (count, 2)) * size
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], -1)
    return np.clip(boxes, 0, size).astype("float32")


def work():
    """What both sides are given."""
    rng = np.random.default_rng(0)
    return {
        "boxes": drawn(2000, 512, 1),
        "scores": rng.permutation(2000).astype("float32") / 2000,
        "maps": rng.standard_normal((1, 32, 32, 256)).astype("float32"),
        "rois": drawn(512, 32, 2),
        "anchors": drawn(10_000, 512, 3),
        "truth": drawn(20, 512, 4),
    }


def seconds(call, wait):
    """Times of REPEATS calls, after three that do not count."""
    times = []
    for _ in range(REPEATS + 3):
        start = time.perf_counter()
        wait(call())
        times.append(time.perf_counter() - start)
    return times[3:]


# --- the book's side


def book_calls():
    """Name: function, its tensors, its settings."""
    from convbook.detection.matching import match
    from convbook.detection.regions import roi_align, roi_pool
    from convbook.detection.suppression import nms

    given = {key: value[None] if key != "maps" else value for key, value in work().items()}
    boxes, there = (given["boxes"], given["scores"]), np.ones((1, 20), bool)
    return {
        "NMS, all that are kept": (nms, boxes, {"threshold": 0.7, "count": 2000}),
        "NMS, the best 300": (nms, boxes, {"threshold": 0.7, "count": 300}),
        "RoI pooling": (roi_pool, (given["maps"], given["rois"]), {"size": 7}),
        "RoIAlign": (roi_align, (given["maps"], given["rois"]), {"size": 7}),
        "matching": (
            match,
            (given["anchors"], given["truth"], there),
            {"positive": 0.7, "negative": 0.3},
        ),
    }


def measure_book():
    import keras
    from keras import ops

    from convbook.compiling import compiled

    wait = keras.ops.convert_to_numpy if keras.backend.backend() == "tensorflow" else _wait_for_jax
    found = {"versions": {"keras": keras.__version__, **_backend_version()}}
    ways = {"XLA": compiled}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        ways["graph"] = lambda function, **settings: tf.function(
            lambda *tensors: function(*tensors, **settings)
        )
    for way, make in ways.items():
        for name, (function, arrays, settings) in book_calls().items():
            tensors = [ops.convert_to_tensor(values) for values in arrays]
            call = make(function, **settings)
            start = time.perf_counter()
            first = call(*tensors)
            _wait(wait, first)
            compiling = time.perf_counter() - start
            times = seconds(lambda call=call, t=tensors: call(*t), lambda r: _wait(wait, r))
            found[f"{name} ({way})"] = {"times": times, "first call": compiling}
            if name.startswith("NMS"):
                found[f"{name} ({way})"]["kept"] = int(np.asarray(first[1]).sum())
    return found


def _wait(wait, result):
    for value in result if isinstance(result, (tuple, list)) else (result,):
        wait(value)


def _wait_for_jax(value):
    value.block_until_ready()


def _backend_version():
    import keras

    name = keras.backend.backend()
    return {name: __import__(name).__version__}


# --- torchvision's side


def measure_torchvision():
    import torch
    import torchvision
    from torchvision.models.detection._utils import Matcher

    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    given = {
        key: torch.from_numpy(
            np.ascontiguousarray(value[:, [1, 0, 3, 2]] if value.shape[-1] == 4 else value)
        )
        for key, value in work().items()
    }
    maps = given["maps"].permute(0, 3, 1, 2).contiguous()
    matcher = Matcher(0.7, 0.3, allow_low_quality_matches=True)
    calls = {
        "NMS, all that are kept": lambda: torchvision.ops.nms(given["boxes"], given["scores"], 0.7),
        "NMS, the best 300": lambda: torchvision.ops.nms(given["boxes"], given["scores"], 0.7)[
            :300
        ],
        "RoI pooling": lambda: torchvision.ops.roi_pool(maps, [given["rois"]], 7),
        "RoIAlign": lambda: torchvision.ops.roi_align(
            maps, [given["rois"]], 7, sampling_ratio=2, aligned=True
        ),
        "matching": lambda: matcher(torchvision.ops.box_iou(given["truth"], given["anchors"])),
    }
    versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
    with torch.no_grad():
        found = {name: {"times": seconds(call, lambda r: r)} for name, call in calls.items()}
        for name in found:
            if name.startswith("NMS"):
                found[name]["kept"] = len(calls[name]())
    return {"versions": versions, **found}


def pattern(height, width, channels):
    """A map that the tests can make again, without torchvision."""
    i = np.arange(height * width * channels)
    return ((i * 7919 % 101) / 50 - 1).astype("float32").reshape(1, height, width, channels)


EXPECTED = {
    "inside": (
        [[0, 0, 6, 8], [0.3, 0.2, 4.7, 5.9], [2.5, 3.25, 3, 3.5], [5, 7, 6, 8], [1, 0, 2, 8]],
        (1, 2, 3),
    ),
    # Wholly outside; in part further than one cell outside; outside by less.
    "outside": ([[-9, -9, -4, -4], [-4, 1, 4, 12], [-0.5, -0.5, 6.5, 8.5]], (2,)),
}


def expected():
    """What torchvision's RoIAlign makes of `pattern`, channels last."""
    import torch
    import torchvision

    maps = torch.from_numpy(np.ascontiguousarray(pattern(6, 8, 2).transpose(0, 3, 1, 2)))
    result = {"torchvision": torchvision.__version__}
    for name, (rois, sizes) in EXPECTED.items():
        boxes = torch.tensor(rois, dtype=torch.float32)[:, [1, 0, 3, 2]]
        result[name] = {"rois": rois, "sizes": {}}
        for size in sizes:
            pooled = torchvision.ops.roi_align(maps, [boxes], size, sampling_ratio=2, aligned=True)
            values = pooled.permute(0, 2, 3, 1).numpy().astype(float).round(6)
            result[name]["sizes"][size] = values.tolist()
    return result


# --- both


def measured(side, python, threads):
    """One turn of a side, in a process of its own."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": side,
        "THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [python, "-m", "bench.detection", "--measure", side]
    ran = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(ran.stdout.splitlines()[-1])


def collect(torch, threads, rounds):
    """The times of every side over all rounds, and what else it said."""
    pythons = {"tensorflow": sys.executable, "jax": sys.executable, "torchvision": torch}
    found = {}
    for number in range(rounds):
        for side, python in pythons.items():
            print(f"round {number + 1} of {rounds}: {SIDES[side]}", file=sys.stderr, flush=True)
            for name, row in measured(side, python, threads).items():
                kept = found.setdefault(side, {}).setdefault(name, row)
                if kept is not row and name != "versions":
                    kept["times"] += row["times"]
    return found


def report(found, threads, rounds, load):
    """The page."""
    versions = {name: v for side in found.values() for name, v in side["versions"].items()}
    lines = [
        "# Detection operations beside torchvision's",
        "",
        f"Made by `python -m bench.detection --torch ...`. {platform.machine()}, {threads} "
        f"core{'s' if threads > 1 else ''}, load {load:.1f} at the start, Python "
        f"{platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
        "",
        "NMS of 2,000 boxes at a threshold of 0.7; RoI pooling and RoIAlign (2 x 2 samples a bin) "
        "of 512 boxes to 7 x 7 on a map of 32 x 32 x 256; matching of 10,000 anchors with 20 "
        f"boxes. Milliseconds: the median of {rounds * REPEATS} calls, {REPEATS} a round, in "
        f"{rounds} rounds, and the least; in brackets the book's median divided by torchvision's.",
        "",
        "| operation | torchvision | " + " | ".join(_columns()) + " |",
        "|---|---|" + "---|" * len(_columns()),
    ]
    for name, row in found["torchvision"].items():
        if name == "versions":
            continue
        base = statistics.median(row["times"])
        cells = [_cell(row, None)]
        for side, way in (("tensorflow", "XLA"), ("tensorflow", "graph"), ("jax", "XLA")):
            cells.append(_cell(found[side][f"{name} ({way})"], base))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    firsts = [
        row["first call"] for side in ("tensorflow", "jax") for name, row in found[side].items()
        if name.endswith("(XLA)")
    ]  # fmt: skip
    lines += [
        "",
        "*XLA*: `convbook.compiling.compiled(nms, threshold=0.7, count=300)`, which on JAX is what "
        "`fit` and `predict` do with all of a net, and on TensorFlow what they do after "
        "`compile(jit_compile=True)` or where there is a GPU. *graph*: what they do on TensorFlow "
        "otherwise. The first call, which compiles, takes "
        f"{min(firsts):.1f} to {max(firsts):.1f} s with XLA.",
        "",
        "torchvision has no NMS that stops early, so the best 300 are cut from all.",
    ]
    return "\n".join(lines) + "\n"


def _columns():
    return ["Keras on TensorFlow, XLA", "Keras on TensorFlow, graph", "Keras on JAX"]


def _cell(row, base):
    median, least = statistics.median(row["times"]), min(row["times"])
    text = f"{1000 * median:.2f}, least {1000 * least:.2f}"
    return text if base is None else f"{text} ({median / base:.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", help="the Python of an environment with torchvision")
    parser.add_argument("--threads", type=int, default=1, help="of each side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--expected", action="store_true")
    parser.add_argument("--measure", choices=SIDES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(
            json.dumps((measure_torchvision if given.measure == "torchvision" else measure_book)())
        )
    elif given.expected and not given.torch:
        path = ROOT / "tests" / "torchvision_regions.json"
        path.write_text(json.dumps(expected()) + "\n", encoding="utf-8")
    elif given.expected:
        command = [given.torch, "-m", "bench.detection", "--expected"]
        subprocess.run(command, cwd=ROOT, check=True)
    elif given.torch:
        load = os.getloadavg()[0]
        page = report(
            collect(given.torch, given.threads, given.rounds), given.threads, given.rounds, load
        )
        write_page(Path(__file__).with_suffix(".md"), page)
        print(page)
    else:
        parser.error("Name the Python of an environment with torchvision: --torch PATH.")


if __name__ == "__main__":
    main()
