"""What the data costs: making it, holding it, and waiting for it beside a training step.

    python -m bench.data            # prints the tables and writes bench/data.md

Every set is of its default size. A step is one `train_on_batch`. A busy machine stretches what a
clock shows, so processor time stands beside it: it counts the work of all threads, whoever else
works, and is what the pipeline takes from training where there is no core to spare.
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

STEPS = 100


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
    """What a batch and a step cost, in milliseconds.

    Returns:
        Making a batch in the first pass, which makes the pictures; in later passes, the medians of
        waiting for a batch and of a step; processor time of a batch, and of a step.
    """
    settings = dict(settings)
    if settings.pop("augment", None):
        settings["augment"] = [
            layers.RandomFlip("horizontal", seed=0),
            layers.RandomZoom(0.2, fill_mode="constant", seed=0),
        ]
    data = load(name, pipeline=pipeline, keys=keys, **settings)
    first, _ = passing(data)
    _, batch_work = passing(data)
    batch = next(iter(data))
    model = build(tuple(batch[0].shape[1:]))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255))
    for _ in range(5):
        model.train_on_batch(*batch)
    start = time.process_time()
    for _ in range(STEPS):
        model.train_on_batch(*batch)
    step_work = 1000 * (time.process_time() - start) / STEPS
    waits, steps = [], []
    endless = itertools.chain.from_iterable(data for _ in itertools.count())
    for _ in range(STEPS + 5):
        start = time.perf_counter()
        batch = next(endless)
        got = time.perf_counter()
        model.train_on_batch(*batch)
        waits.append(got - start)
        steps.append(time.perf_counter() - got)
    wait, step = (1000 * statistics.median(times[5:]) for times in (waits, steps))
    return first, wait, step, batch_work, step_work


def passing(data):
    """Milliseconds a batch of one pass over the data: by the clock, and of processor time."""
    start, work = time.perf_counter(), time.process_time()
    count = sum(1 for _ in data)
    return tuple(
        1000 * spent / count for spent in (time.perf_counter() - start, time.process_time() - work)
    )


def making():
    """Seconds of one core for a thousand of each generated set, read over 200."""
    makers = {
        "digit_scenes, 128 pixels": lambda n: digit_scenes(n),
        "figures, 96 pixels": lambda n: figures(n),
        "figures, two or three, 128 pixels": lambda n: figures(n, size=128, people=(2, 3)),
        "heads, 64 pixels": lambda n: heads(n),
        "heads, 128 pixels": lambda n: heads(n, size=128),
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
        "wait in both | processor time of a batch, ms | of a step, ms | share |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, (name, settings, keys, build) in CASES.items():
        for pipeline in ("tf", "keras"):
            first, wait, step, batch_work, step_work = waiting(
                name, settings, keys, build, pipeline
            )
            share, of_work = wait / (wait + step), batch_work / (batch_work + step_work)
            lines.append(
                f"| {case} | {pipeline} | {first:.1f} | {wait:.2f} | {step:.1f} | {share:.1%} | "
                f"{batch_work:.2f} | {step_work:.1f} | {of_work:.1%} |"
            )
            print(lines[-1], flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines += [
        "",
        "Both pipelines make batches ahead, beside the steps. Augmenting costs them the same kind "
        "of work as training does; `tf.data` (the default on TensorFlow) runs it as one graph, the "
        "Keras pipeline operation by operation.",
        "",
        f"Resizing one 375x500 picture with six boxes to 300x300: {resizing():.1f} ms.",
        "",
        f"Most memory held during all of this: {peak:.1f} GiB.",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
