"""What the data costs: making it, holding it, and waiting for it beside a training step.

    python -m bench.data            # prints the tables and writes bench/data.md
    python -m bench.data --rounds 1 # in half the time, for the page of all measurements

Every set is of its default size. What the pipeline takes of a step is told in two ways: the wait
for a batch between two steps of a loop, by the clock; and how much more processor time `fit` needs
on the pipeline than on one batch held in memory, which other programs hardly disturb.
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
import tensorflow as tf
from keras import layers

from bench.pages import write_page
from convbook.architectures.classic import lenet5
from convbook.data import arrays, digit_scenes, figures, heads, load, photo_patches, structure
from convbook.data.augment import resize_example

STEPS = 100
ROUNDS = 3


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


def lenet(shape):
    """The net that chapter 3 trains on the digits."""
    del shape
    return lenet5()


CASES = {
    "digits, LeNet-5, batches of 32": (
        "digits",
        {"batch_size": 32, "size": 32},
        ("image", "label"),
        lenet,
    ),
    "digits, small classifier, batches of 64": (
        "digits",
        {"batch_size": 64},
        ("image", "label"),
        classifier,
    ),
    "structure, small classifier, batches of 32": (
        "structure",
        {"batch_size": 32},
        ("image", "label"),
        classifier,
    ),
    "digit_scenes, small segmenter, batches of 8": (
        "digit_scenes",
        {},
        ("image", "semantic"),
        segmenter,
    ),
    "the same, flipped and zoomed": (
        "digit_scenes",
        {"augment": "yes"},
        ("image", "semantic"),
        segmenter,
    ),
}


def waiting(name, settings, keys, build, pipeline, rounds=ROUNDS):
    """What batches and steps cost, in milliseconds.

    Returns:
        Making a batch in the first pass, which makes the pictures; in later passes, the medians of
        the wait for a batch and of a step in a loop; processor time of a step of `fit` on one batch
        that is held in memory, and on the pipeline.
    """
    settings = dict(settings)
    if settings.pop("augment", None):
        settings["augment"] = [
            layers.RandomFlip("horizontal", seed=0),
            layers.RandomZoom(0.2, fill_mode="constant", seed=0),
        ]
    if pipeline == "arrays":
        arguments = arrays(name, keys=keys, size=settings.get("size"))
        options = {"batch_size": settings["batch_size"]}
        count = -(-len(arguments[0]) // options["batch_size"])
        batch = tuple(values[: options["batch_size"]] for values in arguments)
        first = wait = step = float("nan")
    else:
        data = load(name, pipeline=pipeline, keys=keys, **settings)
        arguments, options, count = (data,), {}, len(data)
        start = time.perf_counter()
        batches = [*data]
        first = 1000 * (time.perf_counter() - start) / count
        batch = batches[0]
    model = build(tuple(batch[0].shape[1:]))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(True, ignore_class=255))
    held = tf.data.Dataset.from_tensors(batch).repeat(count)
    work: list[list[float]] = [[], []]
    for _ in range(rounds + 1):
        for times, source, more in ((work[0], (held,), {}), (work[1], arguments, options)):
            start = time.process_time()
            model.fit(*source, **more, verbose=0)
            times.append(1000 * (time.process_time() - start) / count)
    if pipeline != "arrays":
        wait, step = in_a_loop(data, model)
    # The first epoch builds graphs; of the others the quickest is the least disturbed.
    return first, wait, step, *(min(times[1:]) for times in work)


def in_a_loop(data, model):
    """The medians of waiting for a batch and of a step, in milliseconds."""
    waits, steps = [], []
    endless = itertools.chain.from_iterable(data for _ in itertools.count())
    for _ in range(STEPS + 5):
        start = time.perf_counter()
        batch = next(endless)
        got = time.perf_counter()
        model.train_on_batch(*batch)
        waits.append(got - start)
        steps.append(time.perf_counter() - got)
    return tuple(1000 * statistics.median(times[5:]) for times in (waits, steps))


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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="epochs of `fit` after the first"
    )
    rounds = parser.parse_args().rounds
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
        "In a loop: medians by the clock, the share is wait / (wait + step). In `fit`: processor "
        f"time, the least of {rounds} epochs, the share is what the pipeline adds to one batch "
        "held in memory. The rows *arrays* are no pipeline of ours: Keras's own way with NumPy "
        "arrays, to compare with.",
        "",
        "| task | pipeline | making a batch, first pass only, ms | wait in a loop, ms | step, ms | "
        "share | step of fit, batch held, ms | on the pipeline, ms | share |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case, (name, settings, keys, build) in CASES.items():
        kinds = ("tf", "keras", "arrays") if name in ("digits", "structure") else ("tf", "keras")
        for pipeline in kinds:
            first, wait, step, held, piped = waiting(name, settings, keys, build, pipeline, rounds)
            shown = [f"{first:.1f}", f"{wait:.2f}", f"{step:.1f}", f"{wait / (wait + step):.1%}"]
            if pipeline == "arrays":
                shown = ["-"] * 4
            lines.append(
                f"| {case} | {pipeline} | {' | '.join(shown)} | {held:.1f} | {piped:.1f} | "
                f"{1 - held / piped:.1%} |"
            )
            print(lines[-1], flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines += [
        "",
        "Both pipelines make batches ahead, beside the steps. Augmenting is work of the same kind "
        "as training, though: on two cores, which training keeps busy, it comes on top, and so "
        "small a step may have to wait for it. On TensorFlow `fit` hands every batch of a "
        "`PyDataset` over to a `tf.data` pipeline, as it does with arrays: `tf.data`, the default "
        "there, is the one to train from.",
        "",
        f"Resizing one 375x500 picture with six boxes to 300x300: {resizing():.1f} ms.",
        "",
        f"Most memory held during all of this: {peak:.1f} GiB.",
    ]
    write_page(Path(__file__).with_suffix(".md"), lines)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
