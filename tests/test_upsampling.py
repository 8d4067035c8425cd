"""Every way from a small map to a large one computes what a trusted library computes."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy import ndimage

from convbook.upsampling import (
    METHODS,
    checkerboard,
    convolution_matrix,
    cubic,
    dilated,
    dilated_by_interleaving,
    grid_points,
    insert_zeros,
    interpolation_matrix,
    max_pool_with_switches,
    overlap_counts,
    resize,
    shift_and_stitch,
    subpixel_as_transposed,
    transposed_by_matrix,
    transposed_by_scatter,
    transposed_by_zeros,
    unpool,
)

ON_TORCH = keras.backend.backend() == "torch"


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def apart(one, other):
    return float(np.abs(ops.convert_to_numpy(one) - ops.convert_to_numpy(other)).max())


# ------------------------------------------------------------------------------- interpolation

SIZES = [(10, 14), (20, 28), (5, 7), (15, 21), (12, 9), (4, 5)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_resize_is_that_of_keras(method, size):
    maps = drawn(2, 5, 7, 3)
    assert apart(resize(maps, size, method), ops.image.resize(maps, size, method)) < 1e-5


@pytest.mark.skipif(ON_TORCH, reason="PyTorch's cubic is another one (a = -0.75)")
@pytest.mark.parametrize(("size", "most"), [((10, 14), 1e-5), ((20, 28), 1e-5), ((15, 21), 3e-3)])
def test_bicubic_is_that_of_keras(size, most):
    """TensorFlow reads the cubic from a table of 1,024 entries: exact for powers of two."""
    maps = drawn(2, 5, 7, 3)
    assert apart(resize(maps, size), ops.image.resize(maps, size, "bicubic")) < most
    assert apart(resize(maps, size, a=-0.75), ops.image.resize(maps, size, "bicubic")) > 0.05


def test_bicubic_is_that_of_pillow():
    from PIL import Image

    row = drawn(6, 9)
    for height, width in ((12, 18), (18, 27), (15, 20)):
        theirs = Image.fromarray(row).resize((width, height), Image.Resampling.BICUBIC)
        ours = resize(row[None, :, :, None], (height, width))[0, :, :, 0]
        assert apart(ours, np.asarray(theirs)) < 1e-5


def test_the_other_cubic_parts_by_a_known_amount_at_a_step():
    step = np.repeat([0.0, 1.0], 4)[None, None, :, None]
    assert apart(resize(step, (1, 16)), resize(step, (1, 16), a=-0.75)) == pytest.approx(
        0.0352, abs=1e-4
    )


def test_aligned_corners_are_those_of_scipy():
    maps = drawn(1, 5, 7, 1)
    for size in ((9, 13), (10, 14), (5, 8)):
        zoom = np.array(size) / (5, 7)
        theirs = ndimage.zoom(maps[0, :, :, 0], zoom, order=1, grid_mode=False)
        ours = resize(maps, size, "bilinear", aligned=True)[0, :, :, 0]
        assert theirs.shape == size
        assert apart(ours, theirs) < 1e-5
        assert apart(resize(maps, size, "bilinear")[0, :, :, 0], theirs) > 0.05


def test_grids_cover_the_row_or_its_corners():
    np.testing.assert_allclose(grid_points(2, 4), [-0.25, 0.25, 0.75, 1.25])
    np.testing.assert_allclose(grid_points(2, 3, aligned=True), [0, 0.5, 1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("aligned", [False, True])
def test_what_is_interpolated_keeps_a_flat_picture_flat(method, aligned):
    np.testing.assert_allclose(interpolation_matrix(5, 12, method, aligned).sum(1), 1)


def test_the_cubic_is_smooth_and_passes_through_the_pixels():
    np.testing.assert_allclose(cubic([0, 1, -1, 2, 3]), [1, 0, 0, 0, 0], atol=1e-12)
    for a in (-0.5, -0.75):
        slope = (cubic(1 + 1e-6, a) - cubic(1 - 1e-6, a)) / 2e-6
        assert slope == pytest.approx(a, abs=1e-4)


def test_an_unknown_method_is_told_which_there_are():
    with pytest.raises(ValueError, match="choose one of nearest, bilinear, bicubic"):
        resize(drawn(1, 2, 2, 1), (4, 4), "lanczos")


# ----------------------------------------------------------------------------------- unpooling


@pytest.mark.parametrize("size", [2, 3])
def test_unpooling_puts_each_maximum_back_where_it_was(size):
    maps = drawn(2, 2 * size, 3 * size, 4)
    pooled, switches = max_pool_with_switches(maps, size)
    assert apart(pooled, ops.max_pool(maps, size, padding="valid")) == 0
    back = unpool(pooled, switches, size)
    kept = back != 0
    np.testing.assert_array_equal(back[kept], maps[kept])
    assert kept.sum() == pooled.size
    again, same = max_pool_with_switches(np.where(kept, back, -9), size)
    np.testing.assert_array_equal(again, pooled)
    np.testing.assert_array_equal(same, switches)
    turned = unpool(pooled, (switches + 1) % size**2, size)
    assert apart(turned, back) > 0.1


def test_maps_that_cannot_be_cut_into_blocks_are_refused():
    with pytest.raises(ValueError, match="5x4 maps"):
        max_pool_with_switches(drawn(1, 5, 4, 1))


# ---------------------------------------------------------------------- transposed convolution

CASES = [(k, s) for k in ((3, 3), (4, 4), (2, 5), (1, 1), (5, 3)) for s in (1, 2, 3) if min(k) >= s]
WAYS = (transposed_by_scatter, transposed_by_zeros, transposed_by_matrix)


def by_keras(maps, kernel, stride, padding="valid"):
    options = {"strides": stride, "padding": padding, "use_bias": False}
    layer = layers.Conv2DTranspose(kernel.shape[2], kernel.shape[:2], **options)
    layer.build(maps.shape)
    layer.set_weights([kernel])
    return layer(maps)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("side", "stride"), CASES)
def test_a_transposed_convolution_is_that_of_keras(way, side, stride):
    for height, width, channels, filters in ((3, 3, 1, 1), (4, 2, 3, 2), (1, 5, 2, 4)):
        maps, kernel = drawn(2, height, width, channels), drawn(*side, filters, channels, seed=1)
        expected = by_keras(maps, kernel, stride)
        assert way(maps, kernel, stride).shape == expected.shape
        assert apart(way(maps, kernel, stride), expected) < 1e-5


@pytest.mark.parametrize("way", WAYS)
def test_a_turned_kernel_is_another_transposed_convolution(way):
    maps, kernel = drawn(1, 4, 3, 2), drawn(3, 4, 3, 2, seed=1)
    expected = by_keras(maps, kernel, 2)
    assert apart(way(maps, kernel[::-1, ::-1], 2), expected) > 0.1


def test_the_matrix_of_a_convolution_convolves():
    kernel, maps = drawn(3, 2, 2, 4), drawn(1, 7, 5, 2, seed=1)
    for stride in (1, 2):
        matrix = convolution_matrix(kernel, (7, 5), stride)
        expected = ops.convert_to_numpy(ops.conv(maps, kernel, strides=stride))
        np.testing.assert_allclose(matrix @ maps.ravel(), expected.ravel(), atol=1e-5)
    with pytest.raises(ValueError, match="does not fit"):
        convolution_matrix(kernel, (2, 5))


def test_zeros_between_stand_between_only():
    np.testing.assert_array_equal(
        insert_zeros(np.array([[[[1], [2]]]]), 3)[0, :, :, 0], [[1, 0, 0, 2]]
    )


def test_kernels_that_leave_gaps_or_do_not_match_are_refused():
    for way in WAYS:
        with pytest.raises(ValueError, match="leaves gaps at a stride of 3"):
            way(drawn(1, 3, 3, 2), drawn(2, 3, 4, 2), 3)
        with pytest.raises(ValueError, match="give"):
            way(drawn(1, 3, 3, 2), drawn(2, 3, 4, 5), 1)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (5, 3), (2, 2), (3, 1)])
def test_overlap_counts_are_a_transposed_convolution_of_ones(kernel, stride):
    ones = np.ones((1, 5, 1, 1), "float32")
    counted = by_keras(ones, np.ones((kernel, kernel, 1, 1), "float32"), stride)
    counted = ops.convert_to_numpy(counted)[0, :, 0, 0]
    np.testing.assert_allclose(overlap_counts(5, kernel, stride), counted)
    inner = overlap_counts(9, kernel, stride)[kernel : -kernel or None]
    assert (len(set(inner.tolist())) == 1) == (kernel % stride == 0)


def test_the_measure_of_the_checkerboard_sees_it_and_nothing_else():
    rows, columns = np.indices((12, 10))
    board = ((rows + columns) % 2)[None, :, :, None].astype(float)
    assert checkerboard(board) == pytest.approx(1)
    assert checkerboard(rows[None, :, :, None] * 1.0) < 0.2
    assert checkerboard(np.ones((1, 8, 8, 2))) == 0
    assert checkerboard(drawn(4, 96, 96, 2)) < 0.05
    smooth = ndimage.gaussian_filter(drawn(1, 64, 64, 1), (0, 2, 2, 0))
    ripple = ((np.arange(64) % 2)[None, None, :, None] - 0.5) * smooth.std()
    assert checkerboard(smooth) < 0.02
    assert checkerboard(smooth + ripple) > 0.3


# ------------------------------------------------------------------------ sub-pixel convolution


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("side", [1, 3, 5])
def test_a_subpixel_convolution_is_a_transposed_one(side, factor):
    maps, kernel = drawn(2, 4, 5, 3), drawn(side, side, 3, 2 * factor**2, seed=1)
    shuffled = ops.depth_to_space(ops.conv(maps, kernel, padding="same"), factor)
    transposed = subpixel_as_transposed(kernel, factor)
    assert transposed.shape == (side * factor, side * factor, 2, 3)
    assert apart(by_keras(maps, transposed, factor, "same"), shuffled) < 2e-5
    if side > 1:
        unturned = subpixel_as_transposed(kernel[::-1, ::-1], factor)
        assert apart(by_keras(maps, unturned, factor, "same"), shuffled) > 0.1


# ------------------------------------------------------------- dilation, and shift and stitch


@pytest.mark.parametrize("rate", [1, 2, 3, 4])
@pytest.mark.parametrize("side", [(3, 3), (2, 4), (1, 3)])
def test_a_dilated_convolution_is_plain_ones_interleaved(side, rate):
    for size in ((14, 17), (13, 16)):
        maps, kernel = drawn(2, *size, 3), drawn(*side, 3, 4, seed=1)
        options = {"dilation_rate": rate, "use_bias": False}
        layer = layers.Conv2D(4, side, **options)
        layer.build(maps.shape)
        layer.set_weights([kernel])
        assert apart(dilated_by_interleaving(maps, kernel, rate), layer(maps)) < 1e-5
    if rate > 1:
        other = dilated_by_interleaving(maps, kernel, rate - 1)
        assert apart(other[:, : layer(maps).shape[1], : layer(maps).shape[2]], layer(maps)) > 0.1


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="no position fits"):
        dilated_by_interleaving(drawn(1, 4, 9, 1), drawn(3, 3, 1, 1), 2)


def strided_net(strides, padding="valid"):
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((None, None, 2))
    for number, stride in enumerate(strides):
        x = layers.Conv2D(4 + number, 3, strides=stride, padding=padding)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return keras.Model(inputs, layers.Conv2D(3, 2)(x))


@pytest.mark.parametrize("strides", [(2,), (2, 2), (1, 3), (2, 1, 2)])
def test_shift_and_stitch_is_the_dilated_net(strides):
    net, factor = strided_net(strides), int(np.prod(strides))
    for size in ((27, 24), (26, 29)):
        pictures = drawn(2, *size, 2)
        dense = dilated(net)(pictures)
        stitched = shift_and_stitch(net, pictures, factor)
        assert stitched.shape == dense.shape
        assert apart(stitched, dense) < 1e-5
        assert apart(ops.convert_to_numpy(dense)[:, ::factor, ::factor], net(pictures)) < 1e-5


def test_taking_strides_out_without_spreading_the_windows_is_another_net():
    net, pictures = strided_net((2, 2)), drawn(1, 27, 24, 2)

    def unstrided(layer):
        config = layer.get_config()
        return type(layer).from_config(config | ({"strides": 1} if "strides" in config else {}))

    plain = keras.models.clone_model(net, clone_function=unstrided)
    plain.set_weights(net.get_weights())
    sampled = ops.convert_to_numpy(plain(pictures))[:, ::4, ::4]
    expected = ops.convert_to_numpy(net(pictures))
    rows, columns = np.minimum(sampled.shape[1:3], expected.shape[1:3])
    assert apart(sampled[:, :rows, :columns], expected[:, :rows, :columns]) > 1e-3


def test_a_stride_of_its_own_down_and_across_is_spread_so():
    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((None, None, 2))
    for strides in ((2, 1), (1, 3), (1, 1)):
        x = layers.Conv2D(4, 3, strides=strides)(x)
    net, pictures = keras.Model(inputs, x), drawn(1, 17, 19, 2)
    dense = ops.convert_to_numpy(dilated(net)(pictures))
    assert dense.shape[1:3] == (17 - 2 - 4 - 4, 19 - 2 - 2 - 6)
    assert apart(dense[:, ::2, ::3], net(pictures)) < 1e-5


def test_nets_that_cannot_be_spread_are_refused():
    with pytest.raises(ValueError, match="padded or dilated"):
        dilated(strided_net((2,), "same"))
    pooled = keras.Sequential([keras.Input((8, 8, 1)), layers.MaxPooling2D(2)])
    with pytest.raises(ValueError, match="is a pool"):
        dilated(pooled)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.DepthwiseConv2D(3),
        lambda: layers.SeparableConv2D(2, 3),
        lambda: layers.Conv2DTranspose(2, 3),
    ],
)
def test_a_window_that_is_no_plain_convolution_s_is_refused(layer):
    """Left as it is it would meet the wrong pixels, and nothing would complain."""
    chain = [keras.Input((12, 12, 1)), layers.Conv2D(2, 3, strides=2), layer()]
    with pytest.raises(ValueError, match=f"is a {type(chain[-1]).__name__}, which has a window"):
        dilated(keras.Sequential(chain))
