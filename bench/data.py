"""What the data costs: making it, holding it, and waiting for it beside a training step.

    python -m bench.data            # prints the tables and writes bench/data.md

Shares are of one run: a busy machine slows both parts. A step is one `train_on_batch`.
"""

import argparse
import itertools
import os
import platform
import resource
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

from convbook.data import digit_scenes, figures, heads, load, photo_patches, structure
from convbook.data.augment import resize_example

STEPS = 30


def classifier(shape):
    """A small net for pictures with one class."""
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(10),
        ]
    )


def segmenter(shape):
    """A small net for a map of 11 classes."""
    x = inputs = layers.Input(shape)
    for filters in (16, 32, 48):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    x = layers.UpSampling2D(8, interpolation="bilinear")(layers.Conv2D(11, 1)(x))
    return keras.Model(inputs, x)


CASES = {
    "digits, small classifier": ("digits", {"batch_size": 32}, ("image", "label"), classifier),
    "structure, small classifier": (
        "structure",
        {"batch_size": 32},
        ("image", "label"),
        classifier,
    ),
    "digit_scenes, small segmenter": ("digit_scenes", {}, ("image", "semantic"), segmenter),
    "the same, flipped and zoomed": (
        "digit_scenes",
        {"augment": "yes"},
        ("image", "semantic"),
        segmenter,
    ),
}


def waiting(name, settings, keys, build, pipeline):
    """Milliseconds a batch in the first pass, which makes the pictures; then, in later passes, the
    medians of waiting for a batch and of a step."""
    settings = dict(settings)
    if settings.pop("augment", None):
        settings["augment"] = [
            layers.RandomFlip("horizontal", seed=0),
            layers.RandomZoom(0.2, fill_mode="constant", seed=0),
        ]
    data = load(name, count=200, pipeline=pipeline, keys=keys, **settings)
    start = time.perf_counter()
    made = sum(1 for _ in data)
    first = 1000 * (time.perf_counter() - start) / made
    shape = next(iter(data))[0].shape[1:]
    model = build(tuple(shape))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255))
    waits, steps = [], []
    endless = itertools.chain.from_iterable(data for _ in itertools.count())
    for _ in range(STEPS + 5):
        start = time.perf_counter()
        batch = next(endless)
        got = time.perf_counter()
        model.train_on_batch(*batch)
        waits.append(got - start)
        steps.append(time.perf_counter() - got)
    return first, *(1000 * statistics.median(times[5:]) for times in (waits, steps))


def making():
    """Seconds of one core for a thousand of each generated set, read over 200."""
    makers = {
        "digit_scenes, 128 pixels": lambda n: digit_scenes(n),
        "figures, 96 pixels": lambda n: figures(n),
        "figures, two or three, 128 pixels": lambda n: figures(n, size=128, people=(2, 3)),
        "heads, 64 pixels": lambda n: heads(n),
        "photo_patches, 64 pixels": lambda n: photo_patches(n),
        "structure 15 pixels wide, 64 pixels": lambda n: structure(15, n, 0),
    }
    for name, make in makers.items():
        make(2)
        start, cpu = time.perf_counter(), time.process_time()
        make(200)
        yield name, 5 * (time.perf_counter() - start), 5 * (time.process_time() - cpu)


def resizing():
    """Milliseconds to resize one example of the size of PASCAL VOC's, with boxes and masks."""
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(0, 375, (6, 2, 2)), 1).reshape(6, 4).astype(np.float32)
    example = {
        "image": rng.integers(0, 256, (375, 500, 3), dtype=np.uint8),
        "boxes": boxes,
        "classes": np.arange(6),
    }
    times = []
    for _ in range(15):
        start = time.perf_counter()
        resize_example(example, 300)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    lines = [
        "# What the data costs",
        "",
        "Made by `python -m bench.data`. "
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, load "
        f"{os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}, "
        f"Keras {keras.__version__} on {keras.backend.backend()}.",
        "",
        "| making a thousand | seconds | of processor time |",
        "|---|---|---|",
    ]
    for name, wall, cpu in making():
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    lines += [
        "",
        f"Waiting for a batch beside training on it, medians of {STEPS} steps. Batches of 8, of 32 "
        "for the first two.",
        "",
        "| task | pipeline | making a batch, first pass only, ms | wait, ms | step, ms | share of "
        "wait in both |",
        "|---|---|---|---|---|---|",
    ]
    for case, (name, settings, keys, build) in CASES.items():
        for pipeline in ("tf", "keras"):
            first, wait, step = waiting(name, settings, keys, build, pipeline)
            share = wait / (wait + step)
            lines.append(
                f"| {case} | {pipeline} | {first:.1f} | {wait:.2f} | {step:.1f} | {share:.1%} |"
            )
            print(lines[-1], flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines += [
        "",
        "The Keras pipeline applies augmenting layers between the steps, not beside them: "
        "on TensorFlow, `tf.data` (the default there) is the one to augment with.",
        "",
        f"Resizing one 375x500 picture with six boxes to 300x300: {resizing():.1f} ms.",
        "",
        f"Most memory held during all of this: {peak:.1f} GiB.",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
