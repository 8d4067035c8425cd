"""U-Net, encoder-decoders, tiles, boundaries and Dice, against counts and code of others."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import ndimage
from skimage.segmentation import find_boundaries
from sklearn import metrics

from convbook.architectures.unet import (
    crop_to,
    pool_with_switches,
    segnet,
    unet,
    unet_size,
    unpool,
)
from convbook.boundaries import (
    boundary,
    boundary_band,
    boundary_measures,
)
from convbook.counting import blueprint, count_parameters
from convbook.losses import DiceLoss
from convbook.tiling import mirror, overlap_tile


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# --- U-Net ----------------------------------------------------------------------------------------


def test_the_published_net_has_its_sizes_and_31_030_658_parameters():
    net = blueprint(unet)
    assert net.input_shape == (None, 572, 572, 1)
    assert net.output_shape == (None, 388, 388, 2)
    assert count_parameters(net) == 31_030_658
    # Sides after each pair of convolutions, as written in figure 1 of Ronneberger et al. 2015.
    pairs = [layer for layer in net.layers if isinstance(layer, layers.Conv2D)][1:-1:2]
    sides = [layer.output.shape[1] for layer in pairs if layer.kernel_size == (3, 3)]
    assert sides == [568, 280, 136, 64, 28, 52, 100, 196, 388]
    kinds = (layers.Conv2D, layers.Conv2DTranspose)
    assert sum(isinstance(layer, kinds) for layer in net.layers) == 23  # section 2


@pytest.mark.parametrize("altered", [{"skips": False}, {"filters": 32}, {"depth": 3}])
def test_a_net_altered_has_other_counts(altered):
    net = blueprint(unet, (572, 572, 1), **altered)
    assert count_parameters(net) != 31_030_658


def by_hand(net, picture):
    """The small U-Net of the next test, computed by NumPy-like steps from its weights."""
    weights = iter(net.get_weights())

    def pair(x):
        for _ in range(2):
            kernel, bias = next(weights), next(weights)
            x = ops.relu(ops.conv(x, kernel, padding="valid") + bias)
        return x

    high = pair(picture)
    low = pair(ops.max_pool(high, 2))
    kernel, bias = next(weights), next(weights)
    # A 2x2 transposed convolution with stride 2: each position becomes a square of its own.
    n, h, w, _ = low.shape
    squares = ops.einsum("nhwc,abkc->nhawbk", low, kernel)
    up = ops.reshape(squares, (n, 2 * h, 2 * w, -1)) + bias
    edge = (high.shape[1] - up.shape[1]) // 2
    cut = high[:, edge : edge + up.shape[1], edge : edge + up.shape[2]]
    x = pair(ops.concatenate([cut, up], -1))
    kernel, bias = next(weights), next(weights)
    return ops.conv(x, kernel) + bias


def test_a_small_unet_computes_what_its_figure_says():
    net = unet((20, 24, 1), classes=3, filters=2, depth=1)
    net.set_weights([numbers(*w.shape, seed=i) for i, w in enumerate(net.get_weights())])
    picture = numbers(2, 20, 24, 1)
    expected = ops.convert_to_numpy(by_hand(net, picture))
    found = ops.convert_to_numpy(net(picture))
    assert found.shape == (2, 4, 8, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    # Altered: the cut taken from the corner instead of the middle.
    cropping = next(layer for layer in net.layers if isinstance(layer, layers.Cropping2D))
    cropping.cropping = ((0, 8), (0, 8))
    assert np.abs(ops.convert_to_numpy(net(picture)) - expected).max() > 0.1


def test_same_padding_keeps_the_size_and_normalisation_takes_the_biases():
    net = unet((16, 24, 3), 4, filters=4, depth=2, padding="same", normalise=True)
    assert net.output_shape == (None, 16, 24, 4)
    convs = [each for each in net.layers if type(each) is layers.Conv2D]
    assert [each.use_bias for each in convs] == [False] * 10 + [True]


def test_an_odd_difference_is_lost_at_the_end():
    maps = np.arange(25.0).reshape(1, 5, 5, 1)
    inputs = keras.Input((5, 5, 1))
    model = keras.Model(inputs, crop_to(inputs, keras.KerasTensor((None, 2, 4, 7))))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(model(maps))[0, ..., 0], maps[0, 1:3, 0:4, 0]
    )


def test_sizes_that_do_not_go_through_are_told_the_next_that_does():
    assert unet_size(572) == 388
    assert unet_size(188) == 4
    assert unet_size(64, 3, "same") == 64
    with pytest.raises(ValueError, match=r"570 pixels .* is 572\."):
        unet_size(570)
    with pytest.raises(ValueError, match=r"50 pixels .* is 56\."):
        unet((64, 50, 3), padding="same", depth=3)
    with pytest.raises(ValueError, match='give "valid" or "same"'):
        unet(padding="reflect")
    for side in range(140, 600):  # what the formula refuses, Keras's layers cannot join evenly
        try:
            assert unet_size(side) == side - 184
        except ValueError:
            continue
        assert side % 16 == 12


# --- SegNet's switches ----------------------------------------------------------------------------


def test_switches_put_every_maximum_back_where_it_was():
    x = numbers(2, 6, 8, 3)
    pooled, switches = pool_with_switches(x)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(pooled), ops.convert_to_numpy(layers.MaxPooling2D(2)(x))
    )
    back = ops.convert_to_numpy(unpool(pooled, switches))
    largest = x == np.repeat(np.repeat(ops.convert_to_numpy(pooled), 2, 1), 2, 2)
    np.testing.assert_array_equal(back, np.where(largest, x, 0))
    elsewhere = ops.convert_to_numpy(unpool(pooled, 3 - switches))
    assert not np.array_equal(elsewhere, back)


def test_of_equal_values_the_first_counts():
    pooled, switches = pool_with_switches(np.zeros((1, 2, 2, 1), "float32"))
    back = ops.convert_to_numpy(unpool(pooled + 5, switches))[0, ..., 0]
    np.testing.assert_array_equal(back, [[5, 0], [0, 0]])


def test_segnet_learns_through_its_switches():
    net = segnet((16, 16, 3), 4, filters=4, depth=2)
    assert net.output_shape == (None, 16, 16, 4)
    before = [w.copy() for w in net.get_weights()]
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(numbers(4, 16, 16, 3), np.ones((4, 16, 16)), verbose=0)
    after = net.get_weights()
    assert all(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))


# --- overlap-tile ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_valid():
    keras.utils.set_random_seed(1)
    return unet((60, 60, 1), classes=2, filters=2, depth=2)  # answers with 20


def whole_and_tiles(step):
    keras.utils.set_random_seed(1)
    picture = numbers(70, 53, 1)
    small = unet((60, 60, 1), classes=2, filters=2, depth=2)
    padded = mirror(picture, 20, 20, step)
    # One pass wants a size that goes through; what is added lies at the end and is cut off.
    more = [next(k for k in range(9) if goes(side + k)) for side in padded.shape[:2]]
    padded = np.pad(padded, [(0, more[0]), (0, more[1]), (0, 0)], "reflect")
    large = unet(padded.shape, classes=2, filters=2, depth=2)
    large.set_weights(small.get_weights())
    whole = ops.convert_to_numpy(large(padded[None]))[0, :70, :53]
    return whole, overlap_tile(small, picture, 20, 20, step)


def goes(side):
    try:
        return bool(unet_size(side, 2))
    except ValueError:
        return False


@pytest.mark.parametrize("step", [20, 16, 4])
def test_tiles_are_seamless_where_the_step_fits_the_pools(step):
    whole, tiled = whole_and_tiles(step)
    assert tiled.shape == (70, 53, 2)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


@pytest.mark.parametrize("step", [19, 18, 17])
def test_other_steps_show_seams(step):
    whole, tiled = whole_and_tiles(step)
    assert np.abs(tiled - whole).max() > 1e-2


def test_answers_as_large_as_tiles_are_cut_by_the_margin():
    """With zeros as padding, the margin has to hold all that an answer depends on."""
    keras.utils.set_random_seed(2)
    blur = keras.Sequential(
        [keras.Input((None, None, 1)), *(layers.Conv2D(1, 3, padding="same") for _ in range(3))]
    )
    picture = numbers(40, 33, 1)
    padded = mirror(picture, 16, 3)
    whole = ops.convert_to_numpy(blur(padded[None]))[0, 3:-3, 3:-3][:40, :33]
    np.testing.assert_allclose(overlap_tile(blur, picture, 16, 3), whole, atol=1e-5)
    short = overlap_tile(blur, picture, 16, 2)
    assert np.abs(short - whole).max() > 1e-3


def test_pictures_smaller_than_a_tile_go_too(small_valid):
    picture = numbers(7, 11, 1)
    assert overlap_tile(small_valid, picture, 20, 20).shape == (7, 11, 2)


def test_wrong_tiles_are_told_in_one_sentence(small_valid):
    with pytest.raises(ValueError, match="there would be gaps"):
        overlap_tile(small_valid, numbers(70, 50, 1), 20, 20, step=24)
    with pytest.raises(ValueError, match=r"give a margin of 20"):
        overlap_tile(lambda tiles: tiles[:, 20:-20, 20:-20], numbers(70, 50, 1), 24, 18)


# --- boundaries -----------------------------------------------------------------------------------


def labels(seed: int = 0, count: int = 3) -> np.ndarray:
    """Label maps of smooth blobs."""
    noise = ndimage.gaussian_filter(numbers(count, 24, 30, 3, seed=seed), (0, 3, 3, 0))
    return noise.argmax(-1)


def test_boundaries_are_scikit_images():
    for each in labels():
        np.testing.assert_array_equal(boundary(each), find_boundaries(each, connectivity=1))
    np.testing.assert_array_equal(
        boundary(labels()), [find_boundaries(each, connectivity=1) for each in labels()]
    )
    assert not boundary(np.ones((5, 5), int)).any()


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_band_reaches_so_many_pixels_to_each_side(width):
    halves = np.zeros((9, 20), int)
    halves[:, 10:] = 1
    columns = np.flatnonzero(boundary_band(halves, width).any(0))
    assert list(columns) == list(range(10 - width, 10 + width))
    for each in labels(1):
        marked = find_boundaries(each, connectivity=1)
        near = np.array(
            [
                [np.hypot(*(np.argwhere(marked) - (y, x)).T).min() <= width - 1 for x in range(30)]
                for y in range(24)
            ]
        )
        np.testing.assert_array_equal(boundary_band(each, width), near)


def test_boundary_measures_are_scikit_learns_on_the_band():
    truth, prediction = labels(2), labels(2)
    prediction[:, 1:] = prediction[:, :-1].copy()  # an outline one pixel too low
    band = boundary_band(truth, 2)
    found = boundary_measures(truth, prediction, 3, 2)
    assert found["pixel accuracy"] == pytest.approx(
        metrics.accuracy_score(truth[band], prediction[band])
    )
    assert found["mean IoU"] == pytest.approx(
        metrics.jaccard_score(truth[band], prediction[band], average="macro")
    )
    assert found["pixel accuracy"] < (truth == prediction).mean()
    assert boundary_measures(truth, truth, 3)["pixel accuracy"] == 1


def test_errors_away_from_a_boundary_do_not_count():
    truth = np.zeros((20, 20), int)
    truth[:, 10:] = 1
    prediction = truth.copy()
    prediction[:, 0] = 1
    assert boundary_measures(truth, prediction, 2)["pixel accuracy"] == 1
    prediction[:, 10] = 0
    assert boundary_measures(truth, prediction, 2)["pixel accuracy"] == 0.75


def test_stray_labels_are_refused_at_a_boundary_too():
    truth = np.array([[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="7 is among the labels"):
        boundary_measures(truth, np.array([[0, 7, 1, 1]]), 2)


def test_ignored_pixels_do_not_count_at_a_boundary():
    truth = np.array([[0, 0, 255, 1, 1]])
    prediction = np.array([[0, 0, 0, 1, 1]])
    assert boundary_measures(truth, prediction, 2)["pixel accuracy"] == 1


# --- Dice -----------------------------------------------------------------------------------------

SCORES, TRUTH = 2 * numbers(3, 6, 5, 4, seed=4), np.random.default_rng(4).integers(0, 4, (3, 6, 5))


def keras_dice(axis):
    """Keras's Dice of the same numbers; its epsilon is 1e-7."""
    shares, truth = ops.softmax(SCORES), np.eye(4, dtype="float32")[TRUTH]
    values = keras.losses.Dice(axis=axis, reduction=None)(truth, shares)
    return np.asarray(ops.convert_to_numpy(values))


@pytest.mark.parametrize(
    ("over", "axis", "shape"),
    [("batch", None, ()), ("picture", (1, 2, 3), (3,)), ("class", (1, 2), (3, 4))],
)
def test_dice_says_over_what_it_sums(over, axis, shape):
    theirs = keras_dice(axis)
    assert theirs.shape == shape
    loss = DiceLoss(over, epsilon=0)
    ours = loss(TRUTH, SCORES)
    assert float(ours) == pytest.approx(theirs.mean(), abs=1e-5)


def test_keras_takes_a_batch_for_one_picture_unless_told():
    """What the chapter says of Keras 3.15: one number, also without a reduction."""
    truth = (np.array([0, 1, 2])[:, None, None] < TRUTH).astype("float32")[..., None]
    shares = ops.sigmoid(SCORES[..., :1])
    for loss in (keras.losses.Dice, keras.losses.Tversky):
        whole = ops.convert_to_numpy(loss(reduction=None)(truth, shares))
        each = ops.convert_to_numpy(loss(reduction=None, axis=(1, 2, 3))(truth, shares))
        assert (whole.shape, each.shape) == ((), (3,))
        assert abs(float(whole) - each.mean()) > 1e-3


def test_with_a_softmax_over_all_classes_pictures_weigh_alike_in_a_batch():
    """Each picture's sizes add up to twice its pixels: only "class" counts in another way."""
    batch, picture, each = (
        float(DiceLoss(over, epsilon=0)(TRUTH, SCORES)) for over in ("batch", "picture", "class")
    )
    assert batch == pytest.approx(picture, abs=1e-6)
    assert abs(each - picture) > 1e-3


def test_a_binary_net_has_one_channel():
    score, truth = SCORES[..., :1], (TRUTH > 1).astype("int32")
    theirs = keras.losses.Dice(axis=(1, 2, 3), reduction=None)(
        truth[..., None].astype("float32"), ops.sigmoid(score)
    )
    for mask in (truth, truth[..., None]):
        assert float(DiceLoss(epsilon=0)(mask, score)) == pytest.approx(
            float(ops.mean(theirs)), abs=1e-5
        )


def test_a_class_that_is_nowhere_costs_nothing():
    truth = np.zeros((1, 4, 4), int)
    scores = np.zeros((1, 4, 4, 3), "float32")
    scores[..., 0] = 50
    assert float(DiceLoss("class")(truth, scores)) == pytest.approx(0, abs=1e-6)
    assert float(DiceLoss("class", epsilon=1e-7)(truth, scores)) == pytest.approx(0, abs=1e-6)


def test_another_way_to_sum_is_refused_and_a_loss_can_be_stored():
    with pytest.raises(ValueError, match="give one of batch, picture, class"):
        DiceLoss("everything")
    again = keras.losses.deserialize(keras.losses.serialize(DiceLoss("class", 0.5)))
    assert (again.over, again.epsilon) == ("class", 0.5)
