"""Receptive fields by arithmetic are those that gradients measure."""

from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import layers, ops

from convbook.architectures.classic import vgg
from convbook.drawing.fields import draw_field_boxes, draw_views
from convbook.gradients import weight_gradients
from convbook.receptive_field import (
    Field,
    next_field,
    receptive_field,
    receptive_fields,
    seen_region,
    unit_gradient,
    visible,
)

SIDE = 224


@pytest.fixture(scope="module")
def vgg16() -> keras.Model:
    """VGG-16 one filter wide: where its units look is that of the full one."""
    return vgg("D", input_shape=(SIDE, SIDE, 1), filters=1, hidden=(), classes=2)


def clipped(field: Field, index: int, side: int = SIDE) -> tuple[int, int]:
    first, last = field.region(index)
    return max(first, 0), min(last, side - 1)


def disagreeing(model: keras.Model, fields: dict[str, Field]) -> list[str]:
    """Layers where the measured view of a unit is not the one in ``fields``."""
    wrong, net = [], visible(model)
    for name, field in fields.items():
        middle = model.get_layer(name).output.shape[1] // 2
        for index in (middle, middle + 1):
            rows, columns = seen_region(net, (index, index), name)
            if not rows == columns == clipped(field, index, model.input.shape[1]):
                wrong.append(name)
                break
    return wrong


def test_every_layer_of_vgg16_sees_what_the_recurrence_says(vgg16: keras.Model) -> None:
    fields = receptive_fields(vgg16)
    assert len(fields) == 13 + 5
    assert disagreeing(vgg16, fields) == []
    last = fields["block5_pool"]
    assert (last.size, last.jump) == (212, 32)
    rows, _ = seen_region(visible(vgg16), (3, 3), "block5_pool")
    assert rows == last.region(3), "the whole of it lies in the picture"
    assert rows[1] - rows[0] + 1 == 212


def altered(model: keras.Model, name: str, **change: Any) -> keras.Model:
    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        return layer.__class__.from_config({**config, **change} if layer.name == name else config)

    return keras.models.clone_model(model, clone_function=clone)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("block3_conv2", {"dilation_rate": 2}),
        ("block1_conv1", {"kernel_size": 5}),
        ("block4_pool", {"pool_size": 3, "padding": "same"}),
    ],
)
def test_one_altered_layer_is_noticed(vgg16: keras.Model, name: str, change: dict) -> None:
    fields = receptive_fields(vgg16)
    other = altered(vgg16, name, **change)
    wrong = disagreeing(other, {name: fields[name]})
    assert wrong == [name]
    assert disagreeing(other, {name: receptive_fields(other)[name]}) == []


def test_keras_own_vgg16_sees_as_much(vgg16: keras.Model) -> None:
    theirs = keras.applications.VGG16(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    field = receptive_fields(vgg16)["block5_pool"]
    assert seen_region(visible(theirs), (3, 3)) == (field.region(3), field.region(3))


def test_the_list_form_agrees_with_the_model_form() -> None:
    settings = [(3, 1, 1), (3, 2, 1), (5, 1, 2), (2, 2, 1), (3, 1, 4)]
    x = inputs = keras.Input((200, 200, 1))
    for kernel, stride, dilation in settings:
        x = layers.Conv2D(1, kernel, strides=stride, dilation_rate=dilation)(x)
    fields = list(receptive_fields(keras.Model(inputs, x)).values())
    assert [(field.size, field.jump) for field in fields] == receptive_field(settings)
    assert receptive_field([]) == []


def test_oblong_windows_padding_and_branches() -> None:
    inputs = keras.Input((41, 53, 2))
    x = layers.Conv2D(3, (3, 5), strides=(1, 2), padding="same", name="oblong")(inputs)
    padded = layers.ZeroPadding2D(((2, 0), (1, 3)))(x)
    near = layers.Conv2D(3, 3, name="near")(padded)
    near = layers.ZeroPadding2D(((0, 0), (0, 2)))(near)
    far = layers.Conv2D(3, 3, padding="same", dilation_rate=3, name="far")(x)
    model = keras.Model(inputs, [near, far])
    for axis in (0, 1):
        fields = receptive_fields(model, axis)
        for name in ("oblong", "near", "far"):
            measured = seen_region(visible(model), (12, 9), name)[axis]
            assert measured == clipped(fields[name], (12, 9)[axis], model.input.shape[1 + axis])


def test_branches_that_meet_see_together_what_each_sees() -> None:
    inputs = keras.Input((32, 32, 1))
    wide = layers.Conv2D(2, 7, padding="same", activation="relu")(inputs)
    narrow = layers.Conv2D(2, 3, padding="same")(inputs)
    both = layers.Concatenate(name="both")([wide, layers.BatchNormalization()(narrow)])
    model = keras.Model(inputs, layers.Conv2D(1, 3, name="last")(both))
    fields = receptive_fields(model)
    assert fields["both"] == Field(7, 1, -3)
    assert seen_region(visible(model), (15, 15))[0] == fields["last"].region(15)


def test_what_cannot_be_told_is_said() -> None:
    inputs = keras.Input((16, 16, 1))
    up = keras.Model(inputs, layers.UpSampling2D()(inputs))
    with pytest.raises(ValueError, match="Cannot tell the receptive field of up_sampling2d"):
        receptive_fields(up)
    fine, coarse = layers.Conv2D(1, 3, strides=1)(inputs), layers.Conv2D(1, 3, strides=2)(inputs)
    coarse = layers.ZeroPadding2D(((7, 0), (7, 0)))(coarse)
    with pytest.raises(ValueError, match="different jumps meet"):
        receptive_fields(keras.Model(inputs, layers.Add()([fine, coarse])))
    free = keras.Input((None, None, 1))
    net = keras.Model(free, layers.Conv2D(1, 3, padding="same")(free))
    with pytest.raises(ValueError, match="build the model for a fixed one"):
        receptive_fields(net)


def test_a_drawn_unit_stands_over_every_pixel_it_sees() -> None:
    settings = [(3, 1, 1), (3, 2, 1), (2, 1, 3)]
    axes = draw_views(settings)
    rows = [line for line in axes.get_lines() if line.get_marker() == "o"]
    pixels = np.asarray(rows[0].get_xdata())
    assert np.ptp(pixels) + 1 == receptive_field(settings)[-1][0]
    assert len(np.asarray(rows[-1].get_xdata())) == 1
    plt.close("all")


def test_drawn_boxes_are_as_large_as_the_field_and_a_jump_apart() -> None:
    field = Field(12, 4, -3)
    axes = draw_field_boxes(np.zeros((30, 30)), field, [(1, 1), (1, 2)])
    boxes: list[Any] = list(axes.patches)
    assert [box.get_width() for box in boxes] == [12, 12]
    assert boxes[1].get_x() - boxes[0].get_x() == 4
    assert [text.get_text() for text in axes.texts] == ["(1, 1)", "(1, 2)"]
    plt.close("all")


def test_the_step_of_the_recurrence() -> None:
    assert next_field(Field(), 3) == Field(3, 1, 0)
    assert next_field(Field(5, 2, -1), 3, stride=2, dilation=2, padding=1) == Field(13, 4, -3)
    assert Field(13, 4, -3).region(2) == (5, 17)


def test_a_gradient_is_that_of_the_weights() -> None:
    net = keras.Sequential([keras.Input((5, 5, 1)), layers.Conv2D(1, 3, use_bias=False)])
    kernel = np.arange(9, dtype="float32").reshape(3, 3, 1, 1)
    net.set_weights([kernel])
    gradient = unit_gradient(net, (1, 2), np.zeros((1, 5, 5, 1), "float32"))
    np.testing.assert_array_equal(gradient[1:4, 2:5, 0], kernel[..., 0, 0])
    assert np.count_nonzero(gradient) == 8


def test_gradients_of_weights_are_those_worked_out_by_hand() -> None:
    net = keras.Sequential([keras.Input((3,)), layers.BatchNormalization(), layers.Dense(2)])
    x = np.random.default_rng(0).normal(2, 3, (50, 3)).astype("float32")
    gamma, beta, kernel, bias = weight_gradients(net, x, lambda scores: ops.mean(scores[:, 0]))
    np.testing.assert_allclose(bias, [1, 0], atol=1e-6)
    # In training the batch is normalised, so that its mean is the normalisation's beta, here 0.
    np.testing.assert_allclose(kernel, np.zeros((3, 2)), atol=1e-5)
    weights = np.asarray(net.layers[-1].kernel)
    np.testing.assert_allclose(beta, weights[:, 0], rtol=1e-5)
    np.testing.assert_allclose(gamma, np.zeros(3), atol=1e-5)
    _, _, kernel, _ = weight_gradients(net, x, lambda y: ops.mean(y[:, 0]), training=False)
    assert np.abs(kernel[:, 0]).min() > 1, "at inference the moving mean is still 0"


def test_the_visible_net_does_not_fade(vgg16: keras.Model) -> None:
    x = np.ones((1, SIDE, SIDE, 1), "float32")
    net = visible(keras.Model(vgg16.input, vgg16.get_layer("block5_pool").output))
    total = unit_gradient(net, (3, 3), x).sum()
    np.testing.assert_allclose(total, 8, rtol=1e-4)  # its eight channels, an average each
