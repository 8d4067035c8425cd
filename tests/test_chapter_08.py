"""Chapter 08 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import keras
import numpy as np
import pytest
from chapter_run import Run, of, run_chapter
from keras import ops
from sklearn import metrics

NAME = "08_fully_convolutional"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


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
        "ceiling",
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
    outcomes = {name: list(came.values()) for name, came in run.names["outcomes"].items()}
    for as_it_is, *_ in outcomes.values():
        assert "expected shape=(None, 32, 32, 3), found shape=(1, 48, 40, 3)" in as_it_is
    assert outcomes["global average pooling"][1:] == ["(1, 10)"] * 2
    assert outcomes["1x1 convolution"][1:] == ["(1, 21, 17, 10)"] * 2
    _, moved, any_size = outcomes["Flatten"]
    assert "(2856, 10)" in moved
    assert "(1352, 10)" in moved
    assert "None" in any_size
    assert not any_size.startswith("(")
    assert np.ptp(ops.convert_to_numpy(run.names["expected"])) > 1e-3  # no constant answer
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
    if keras.backend.backend() in ("tensorflow", "jax"):
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
    check_the_nearest_map(run)
    # A skip costs a 1x1 convolution: a weight for each map and class, and a bias for each class.
    parameters = [parameters for parameters, _ in run.names["sizes"].values()]
    assert list(np.diff(parameters)) == [(64 + 1) * 4, (32 + 1) * 4]
    for fcn, (_, multiplications) in run.names["sizes"].items():
        assert multiplications < 1.05 * run.names["sizes"]["FCN-32s"][1], fcn


def check_the_nearest_map(run: Run) -> None:
    """Of all maps that a bilinear enlargement can draw, against an outside solver."""
    truth = run.names["y_test"][:1]
    side = truth.shape[1] // 32
    maps = np.eye(side * side, dtype="float32").reshape(-1, side, side, 1)
    drawn = ops.convert_to_numpy(ops.image.resize(maps, truth.shape[1:], "bilinear"))
    shares = np.eye(4)[truth[0]].reshape(-1, 4)
    best = np.linalg.lstsq(drawn.reshape(side * side, -1).T, shares, rcond=None)[0]
    labels = (drawn.reshape(side * side, -1).T @ best).argmax(-1).reshape(truth.shape)
    assert np.mean(labels == run.names["nearest_of_stride"](truth, 32)) > 0.999


@pytest.mark.notebook
@pytest.mark.timeout(300)
def test_the_chapter_runs_and_holds_the_syllabus_numbers() -> None:
    check_what_holds_at_every_scale(smoke())


def check_the_claims(run: Run) -> None:
    # The classifier reads; slid over scenes it finds digits "far more often than chance", and errs.
    assert run.names["named_rightly"] > 0.8
    assert len(run.names["preferred"]) > 100
    assert 0.5 < np.mean(run.names["preferred"]) < 1
    agree, windows = run.names["alike"]["trained, padded"]
    assert windows == 36
    assert agree > 18
    assert run.names["crop_errors"]["trained, padded"] > 1e-2

    # The first skip is worth more than the seeds differ and than more training; FCN-8s is better
    # than FCN-16s, but most of that is training, and its own skip adds far less than the first.
    scores = {name: values[:, 0] for name, values in run.names["scored_ways"].items()}
    assert all(len(values) == 3 for values in scores.values())
    verdicts = {pair: found.verdict for pair, found in run.names["verdicts"].items()}
    for pair in (
        ("FCN-32s", "FCN-16s"),
        ("FCN-16s", "FCN-8s"),
        ("32s, longer", "FCN-16s"),
        ("32s, longer", "FCN-8s"),
    ):
        assert verdicts[pair] == "better", pair
    mean = {name: values.mean() for name, values in scores.items()}
    trained_on, both = mean["16s, longer"] - mean["FCN-16s"], mean["FCN-8s"] - mean["FCN-16s"]
    assert trained_on > 0.5 * both
    assert mean["FCN-8s"] - mean["16s, longer"] < 0.5 * (mean["FCN-16s"] - mean["32s, longer"])

    # "All are far above the answer that calls everything ground", FCN-32s has reached a
    # "far larger part" of what its map can hold than FCN-8s.
    ground, ceilings = run.names["all_ground"], run.names["ceilings"]
    assert scores["FCN-32s"].min() > 1.5 * ground
    assert scores["FCN-32s"].min() / ceilings[32] > 0.1 + scores["FCN-8s"].max() / ceilings[8]
    assert run.names["four"]["all ground"]["pixel accuracy"] > 0.8


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims() -> None:
    run = run_chapter(NAME, "default")
    check_what_holds_at_every_scale(run)
    check_the_claims(run)
