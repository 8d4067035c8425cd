"""Chapter 08 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools
from typing import Any

import keras
import numpy as np
import pytest
from chapter_run import Run, run_chapter
from sklearn import metrics

NAME = "08_fully_convolutional"
FCNS = ("FCN-32s", "FCN-16s", "FCN-8s")


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def of(run: Run, *names: str) -> list[Any]:
    return [run.names[name] for name in names]


def check_what_holds_at_every_scale(run: Run) -> None:
    check_dense_layers(run)
    check_sizes(run)
    check_measures(run)
    check_heads(run)
    for cell in (
        "picture",
        "singles",
        "heat",
        "scenes",
        "heads",
        "bilinear",
        "bars",
        "masks",
    ):
        assert run.figures[cell] == 1, cell


def check_dense_layers(run: Run) -> None:
    lines = run.printed["dense-small"].splitlines()
    assert lines[0].split(": ")[1].split() == ["10.5", "4321.0"]
    assert lines[1].split(": ")[1].split() == ["10.5", "4321.0"]
    assert lines[2].split() == ["on", "2x3,", "left:", "10.5", "4321.0", "right:", "17.5", "6452.0"]
    units = run.names["UNITS"]
    for name, kernel in (
        ("VGG, first", (7, 7, 512, units)),
        ("AlexNet, first", (6, 6, 256, units)),
        ("both, second", (1, 1, units, units)),
    ):
        shape, parameters, (apart, without_bias) = run.names["twins"][name]
        assert tuple(shape) == kernel
        assert parameters == np.prod(kernel) + units
        assert apart < 1e-4
        assert without_bias > 100 * apart


def check_sizes(run: Run) -> None:
    assert run.names["same_scores"] < 1e-5
    sizes = run.names["map_sizes"]
    side = min(sizes)[0]
    for (height, width), (maps, answers) in sizes.items():
        assert maps == (height // 32, width // 32)
        assert answers == ((height - side) // 32 + 1, (width - side) // 32 + 1)
    outcomes = run.names["outcomes"]
    assert outcomes["global average pooling"] == "(1, 10)"
    assert outcomes["1x1 convolution"] == "(1, 21, 17, 10)"
    assert "expected shape=(None, 32, 32, 3)" in outcomes["Flatten, built for 32x32"]
    assert "None" in outcomes["Flatten, built for any size"]
    assert not outcomes["Flatten, built for any size"].startswith("(")
    assert run.names["resnet_same"] < 1e-4
    assert run.names["of_mean"] < 1e-4
    assert run.names["heat"].shape == (6, 6, 4)
    errors = run.names["crop_errors"]
    assert errors["random, no padding"] < 1e-5
    assert errors["random, padded"] > 1e-4


def check_measures(run: Run) -> None:
    truth, named, ious = of(run, "truth", "named", "ious")
    theirs = metrics.jaccard_score(truth.ravel(), named.ravel(), average=None)
    np.testing.assert_allclose(ious, theirs)
    for values in run.names["cases"].values():
        assert np.ptp(values) < 1e-6
    assert run.names["cases"]["both errors marked 255"][0] == 1
    ground = (run.names["y_test"] == 0).mean()
    assert run.names["all_ground"] == pytest.approx(ground / 4)
    assert "7 is among the labels" in run.names["refused"]
    if keras.backend.backend() == "tensorflow":
        assert run.names["stray_score"] == pytest.approx(1)
    assert run.names["ways_apart"] < 1e-6
    for name, runs in run.names["predictions"].items():
        for seed, labels in enumerate(runs):
            true = run.names["y_test"].ravel()
            present = np.union1d(true, labels)
            theirs = metrics.jaccard_score(true, labels.ravel(), labels=present, average="macro")
            assert run.names["scored_ways"][name][seed, 0] == pytest.approx(theirs), name


def check_heads(run: Run) -> None:
    assert run.names["unmoved"] > 0.9
    assert run.names["inside"] < 1e-5
    assert run.names["frame"] > 0.1
    ceilings = run.names["ceilings"]
    assert ceilings[32] < ceilings[16] < ceilings[8] < 1


@pytest.mark.notebook
@pytest.mark.timeout(300)
def test_the_chapter_runs_and_holds_the_syllabus_numbers() -> None:
    check_what_holds_at_every_scale(smoke())


def check_the_claims(run: Run) -> None:
    # The classifier reads, and in most places the window over a digit prefers that digit.
    assert len(run.names["read"]) == 3
    assert min(run.names["read"].values()) > 60
    right = [digit == preferred for digit, preferred, _ in run.names["named_there"]]
    assert np.mean(right) > 0.5
    agree, windows = run.names["alike"]["trained, padded"]
    assert windows == 36
    assert agree > 18
    assert run.names["crop_errors"]["trained, padded"] > 1e-2

    # The first skip is worth more than the seeds differ; the second helps in every seed; and both
    # are worth more than the training that came with them.
    scores = {name: values[:, 0] for name, values in run.names["scored_ways"].items()}
    assert all(len(values) == 3 for values in scores.values())
    assert all(min(gains) > 0 for gains in run.names["gains"].values())
    verdicts = {pair: verdict.verdict for pair, verdict in run.names["verdicts"].items()}
    assert verdicts["FCN-32s", "FCN-16s"] == "better"
    second = run.names["verdicts"]["FCN-16s", "FCN-8s"]
    assert abs(second.gap) < 2 * second.spread  # "of the size of the seeds' spread"
    assert verdicts["FCN-32s, longer", "FCN-8s"] == "better"
    assert scores["FCN-32s"].min() > run.names["ceilings"][32]  # "that was no bound"

    # It has learnt: well above the answer that calls everything ground.
    assert scores["FCN-32s"].min() > 1.3 * run.names["all_ground"]
    assert scores["FCN-8s"].min() > 2 * run.names["all_ground"]
    assert run.names["four"]["all ground"]["pixel accuracy"] > 0.8


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims() -> None:
    run = run_chapter(NAME, "default")
    check_what_holds_at_every_scale(run)
    check_the_claims(run)
