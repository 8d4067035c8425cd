"""What the single-shot detectors take for a picture beyond their convolutions.

    python -m bench.single_shot       # prints the table and writes bench/single_shot.md

The net alone, and the whole prediction (net, decoding, suppression), take turns on the same scenes,
as `predict_on_batch` runs them.
"""

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from bench.pages import write_page
from convbook.architectures.single_shot import small_ssd, small_yolo
from convbook.data import digit_scenes


def turns(calls, count):
    """Medians of the milliseconds of each call, taken in turns after three that do not count."""
    times = [[] for _ in calls]
    for number in range(count + 3):
        for call, kept in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            if number >= 3:
                kept.append(1000 * (time.perf_counter() - start))
    return [statistics.median(kept) for kept in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=60)
    calls = parser.parse_args().calls
    scenes = np.stack([scene["image"] for scene in digit_scenes(8, "test")])
    lines = [
        "# Single-shot detectors: the whole prediction beside the convolutions alone",
        "",
        f"Made by `python -m bench.single_shot`. {platform.machine()}, "
        f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}, Keras "
        f"{keras.__version__} on {keras.backend.backend()}. Scenes of 128 x 128; medians of "
        f"{calls} calls in milliseconds, the two taking turns. The nets are not trained: all of "
        "their detections go through suppression.",
        "",
        "| detector | scenes at once | XLA | net alone | whole prediction | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for build in (small_ssd, small_yolo):
        for xla in (False, True):
            keras.utils.set_random_seed(0)
            whole = build()
            whole.compile(jit_compile=xla)
            whole.net.compile(jit_compile=xla)
            for batch in (1, 8):
                pictures = scenes[:batch]
                alone, all_of_it = turns(
                    [
                        lambda p=pictures, net=whole.net: net.predict_on_batch(p),
                        lambda p=pictures, net=whole: net.predict_on_batch(p),
                    ],
                    calls,
                )
                lines.append(
                    f"| {whole.name} | {batch} | {'yes' if xla else 'no'} | {alone:.1f} | "
                    f"{all_of_it:.1f} | {all_of_it / alone:.2f} |"
                )
                print(lines[-1], flush=True)
    write_page(Path(__file__).with_suffix(".md"), lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
