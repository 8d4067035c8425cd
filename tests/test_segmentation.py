"""Measures of segmentation against scikit-learn and Keras, and how label maps are drawn."""

import re
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from sklearn import metrics

from convbook.data.augment import apply_layers
from convbook.data.labels import IGNORE
from convbook.drawing.segmentation import (
    ERRORS,
    class_colours,
    draw_fcn_heads,
    draw_heat,
    draw_segmentation,
    error_kinds,
    paint,
)
from convbook.segmentation import (
    check_labels,
    class_ious,
    confusion_matrix,
    keras_mean_iou,
    mean_iou,
    measures,
    segment,
)


def label_maps(seed: int, classes: int, ignored: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Two maps that agree in about two pixels of three; class 1 is in neither."""
    rng = np.random.default_rng(seed)
    known = [label for label in range(classes) if label != 1]
    truth = rng.choice(known, (3, 8, 7)).astype(np.uint8)
    other = rng.choice(known, truth.shape).astype(np.uint8)
    prediction = np.where(rng.random(truth.shape) < 0.6, truth, other)
    if ignored:
        truth[rng.random(truth.shape) < 0.2] = IGNORE
    return truth, prediction


def counted(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return truth[truth != IGNORE], prediction[truth != IGNORE]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_the_measures_are_those_of_scikit_learn(seed: int, classes: int) -> None:
    truth, prediction = label_maps(seed, classes)
    true, predicted = counted(truth, prediction)
    confusion = confusion_matrix(truth, prediction, classes)
    expected = metrics.confusion_matrix(true, predicted, labels=range(classes))
    np.testing.assert_array_equal(confusion, expected)
    found = measures(confusion)
    assert found["pixel accuracy"] == pytest.approx(metrics.accuracy_score(true, predicted))
    assert found["mean accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, predicted))
    present = np.union1d(true, predicted)
    for measure, average in (("mean IoU", "macro"), ("weighted IoU", "weighted")):
        theirs = metrics.jaccard_score(true, predicted, labels=present, average=average)
        assert found[measure] == pytest.approx(theirs)
    assert mean_iou(truth, prediction, classes) == found["mean IoU"]


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_iou_is_that_of_keras(seed: int) -> None:
    truth, prediction = label_maps(seed, 5)
    metric = keras.metrics.MeanIoU(5, ignore_class=IGNORE)
    metric.update_state(truth.astype("int32"), prediction.astype("int32"))
    ours = mean_iou(truth, prediction, 5)
    assert float(metric.result()) == pytest.approx(ours, abs=1e-6)
    assert keras_mean_iou(truth, prediction, 5) == pytest.approx(ours, abs=1e-6)


def test_other_ways_to_average_differ_and_would_be_noticed() -> None:
    """Absent classes as 0, pictures averaged, and ignored pixels counted: all give other values."""
    truth, prediction = label_maps(0, 5)
    ours = mean_iou(truth, prediction, 5)
    ious = class_ious(confusion_matrix(truth, prediction, 5))
    assert np.isnan(ious[1])
    altered = {
        "absent as 0": np.nan_to_num(ious).mean(),
        "picture by picture": np.mean(
            [mean_iou(*pair, 5) for pair in zip(truth[:, :2], prediction[:, :2], strict=True)]
        ),
        "ignored counted": mean_iou(np.where(truth == IGNORE, 0, truth), prediction, 5),
    }
    for name, value in altered.items():
        assert abs(value - ours) > 1e-3, name


def test_a_class_that_is_only_predicted_counts_as_none_and_an_absent_one_not_at_all() -> None:
    assert mean_iou([0, 0, 1, 1], [0, 0, 1, 1], 3) == 1
    assert mean_iou([0, 0, 1, 1], [0, 0, 1, 2], 3) == pytest.approx((1 + 1 / 2 + 0) / 3)


def test_what_is_predicted_on_ignored_pixels_does_not_matter() -> None:
    truth = np.array([0, 1, IGNORE, IGNORE])
    assert mean_iou(truth, np.array([0, 1, 1, 0]), 2) == 1
    assert mean_iou(truth, np.array([0, 1, 77, 0]), 2) == 1
    assert keras_mean_iou(truth, np.array([0, 1, 77, 0]), 2) == pytest.approx(1)


def test_pixels_that_come_into_view_when_a_picture_is_moved_do_not_count() -> None:
    layer = keras.layers.RandomTranslation((0.25, 0.25), (0, 0), fill_mode="reflect", seed=0)
    before = np.tile(np.arange(8)[:, None] % 2, (1, 8))[np.newaxis]
    batch = {"image": np.zeros((1, 8, 8, 3), "float32"), "semantic": before.astype(np.uint8)}
    moved = keras.ops.convert_to_numpy(apply_layers([layer], batch)["semantic"])
    assert (moved == IGNORE).sum() == 16
    assert mean_iou(moved, before, 2) == 1  # down by two rows: the same stripes
    with pytest.raises(ValueError, match="255 is among the labels"):
        mean_iou(moved, before, 2, ignore=None)


def test_labels_that_are_no_class_are_refused_in_a_sentence() -> None:
    sentence = "7 is among the labels, but the classes are 0 to 1; "
    for function in (confusion_matrix, mean_iou, keras_mean_iou):
        with pytest.raises(ValueError, match=re.escape(sentence)):
            function([0, 1], [0, 7], 2)
        with pytest.raises(ValueError, match=re.escape(sentence)):
            function([0, 7], [0, 1], 2)
    with pytest.raises(ValueError, match="255 is among the labels"):
        mean_iou([0, 255], [0, 1], 2, ignore=None)
    with pytest.raises(ValueError, match="-1 is among"):
        mean_iou([0, -1], [0, 1], 2)
    with pytest.raises(ValueError, match="give whole numbers"):
        check_labels([0.5, 1], 2)
    with pytest.raises(ValueError, match=r"truth has the shape \(2,\), the prediction \(3,\)"):
        mean_iou([0, 1], [0, 1, 1], 2)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="seen on TensorFlow and JAX")
def test_kerass_metric_drops_such_labels_without_a_word() -> None:
    """The trap that the check is for; should Keras mend it, the chapter's text must change."""
    metric = keras.metrics.MeanIoU(2)
    metric.update_state([0, 1, 1], [0, 1, 7])
    assert float(metric.result()) == pytest.approx(1)


def test_where_nothing_counts_the_measures_are_nan_without_a_warning() -> None:
    nothing = np.full((2, 2), IGNORE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(mean_iou(nothing, np.zeros((2, 2), int), 3))
        assert all(np.isnan(value) for value in measures(np.zeros((3, 3))).values())


def test_segment_names_the_class_with_the_highest_score() -> None:
    net = keras.Sequential([keras.Input((4, 5, 3)), keras.layers.Activation("linear")])
    scores = np.random.default_rng(0).random((3, 4, 5, 3))
    np.testing.assert_array_equal(segment(net, scores, batch_size=2), scores.argmax(-1))


def test_segment_takes_several_inputs_and_the_scores_among_several_answers() -> None:
    shape, draw = (4, 5, 3), np.random.default_rng(0)
    one, two = keras.Input(shape), keras.Input(shape)
    added = keras.layers.Add()([one, two])
    net = keras.Model([one, two], {"auxiliary": -added, "scores": added})
    first, second = draw.random((2, 3, *shape), "float32")
    labels = segment(net, [first, second], batch_size=2)
    np.testing.assert_array_equal(labels, (first + second).argmax(-1))


def test_segment_names_more_classes_than_a_byte_holds() -> None:
    net = keras.Sequential([keras.Input((1, 2, 300)), keras.layers.Activation("linear")])
    scores = np.zeros((1, 1, 2, 300), "float32")
    scores[0, 0, 0, 299], scores[0, 0, 1, 7] = 1, 1
    assert segment(net, scores).tolist() == [[[299, 7]]]


# --- drawing --------------------------------------------------------------------------------------


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* of colours (n, 3), 0 to 100."""
    linear = np.where(colours > 0.04045, ((colours + 0.055) / 1.055) ** 2.4, colours / 12.92)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return 116 * np.cbrt(luminance) - 16


@pytest.mark.parametrize(("classes", "apart"), [(2, 12), (4, 12), (5, 12), (11, 5)])
def test_the_colours_of_classes_stay_apart_in_grey(classes: int, apart: float) -> None:
    light = lightness(class_colours(classes))
    assert light.shape == (classes,)
    assert (-np.diff(light)).min() > apart


def test_errors_come_in_three_kinds() -> None:
    truth = np.array([[0, 0, 1, 1, 1, IGNORE]])
    prediction = np.array([[0, 2, 1, 0, 2, 1]])
    np.testing.assert_array_equal(error_kinds(truth, prediction), [[0, 3, 0, 1, 2, 0]])


def test_the_kinds_of_error_have_colours_of_their_own_that_stay_apart_in_grey() -> None:
    kinds = np.array([to_rgb(colour) for colour in ERRORS.values()])
    for classes in (4, 5, 11):
        for colour in class_colours(classes):
            assert np.abs(kinds - colour).max(-1).min() > 0.1
    light = lightness(np.vstack([kinds, [1, 1, 1]]))
    assert np.diff(light).min() > 12


def test_ignored_pixels_look_like_no_class() -> None:
    picture = paint(np.full((4, 4), IGNORE), 4)
    assert len(np.unique(picture)) == 2
    colours = class_colours(4)
    assert not any(np.allclose(pixel, colour) for pixel in picture[:, 0] for colour in colours)


def test_the_figures_name_what_they_show() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((2, 32, 32), np.uint8)
    truth[:, 4:14, 4:14], truth[:, 18:30, 10:26] = 1, 2
    wrong = np.where(truth == 2, 0, truth)
    figure = draw_segmentation(
        rng.random((2, 32, 32, 3)), truth, {"one": truth, "two": wrong}, ["ground", "0", "1"]
    )
    heads = [panel.get_title(loc="center") for panel in figure.axes[:5]]
    assert heads == ["picture", "truth", "one", "two", "errors"]
    assert [text.get_text() for text in figure.axes[1].texts] == ["0", "1"]
    assert [text.get_text() for text in figure.legends[0].texts] == list(ERRORS)
    two = draw_segmentation(np.zeros((2, 32, 32, 3)), truth > 0, {"one": wrong > 0}, ["", ""])
    assert [text.get_text() for text in two.legends[0].texts] == ["missed", "invented"]
    share = 100 * (truth[0] == 2).mean()
    assert figure.axes[4].get_xlabel() == f"{share:.1f} % wrong"
    heat = draw_heat(rng.random((64, 64, 3)), {"a": np.eye(2), "b": np.eye(2)}, 32, 32)
    assert len(heat.axes) == 3
    marked = draw_heat(
        rng.random((64, 64, 3)), {"a": np.eye(2), "b": np.eye(2)}, 32, 32, {"b": [[4, 8, 30, 20]]}
    )
    boxes = [[patch.get_bbox().bounds for patch in panel.patches] for panel in marked.axes[1:]]
    assert boxes == [[], [(7.5, 3.5, 12, 26)]]
    axes = draw_fcn_heads(96)
    words = [text.get_text() for text in axes.texts]
    assert {"FCN-32s", "FCN-16s", "FCN-8s", "×32", "×16", "×8"} <= set(words)
    plt.close("all")
