"""The classic nets: published counts and shapes, and the outputs of other implementations."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from convbook.architectures.classic import (
    VGG_CONFIGURATIONS,
    LocalResponseNormalization,
    alexnet,
    alexnet_two_groups,
    lenet5,
    vgg,
)
from convbook.counting import blueprint, count_parameters, trace
from convbook.drawing.volumes import Volume, draw_volumes, volumes

PUBLISHED: dict[str, tuple[Callable[..., keras.Model], int]] = {
    "lenet5": (lenet5, 61_706),
    "alexnet": (alexnet, 62_378_344),
    "alexnet_two_groups": (alexnet_two_groups, 60_965_224),
    "vgg16": (lambda: vgg("D"), 138_357_544),
    "vgg19": (lambda: vgg("E"), 143_667_240),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_the_published_ones(name: str) -> None:
    build, expected = PUBLISHED[name]
    assert count_parameters(blueprint(build)) == expected


@pytest.mark.parametrize("name", PUBLISHED)
def test_no_layer_could_be_altered_without_the_count_telling(name: str) -> None:
    """A kernel of another size, or one more unit, in each layer in turn."""
    build, expected = PUBLISHED[name]
    net = blueprint(build)
    weighted = [layer.name for layer in net.layers if layer.weights]
    for changed in weighted if len(weighted) < 9 else weighted[::4]:

        def clone(layer: layers.Layer, changed: str = changed) -> layers.Layer:
            config = layer.get_config()
            if layer.name == changed and isinstance(layer, layers.Conv2D):
                config["kernel_size"] = (2, 2)
            elif layer.name == changed:
                config["units"] += 1
            return layer.__class__.from_config(config)

        other = blueprint(keras.models.clone_model, net, clone_function=clone)
        assert count_parameters(other) != expected, changed


@pytest.mark.parametrize(("name", "letter"), [("VGG16", "D"), ("VGG19", "E")])
def test_vgg_has_as_many_parameters_as_keras_applications(name: str, letter: str) -> None:
    theirs = blueprint(getattr(keras.applications, name), weights=None)
    assert count_parameters(blueprint(vgg, letter)) == theirs.count_params()


def test_vgg_configurations_have_the_sizes_of_the_paper() -> None:
    """Table 2 of Simonyan and Zisserman 2015, in millions, and the depths in table 1."""
    nets = {letter: blueprint(vgg, letter) for letter in VGG_CONFIGURATIONS}
    millions = {letter: count_parameters(net) / 1e6 for letter, net in nets.items()}
    rounded = {letter: math.floor(value) for letter, value in millions.items()}
    assert rounded == {"A": 132, "B": 133, "C": 133, "D": 138, "E": 143}
    assert {letter: round(value) for letter, value in millions.items()} == {
        "A": 133,
        "B": 133,
        "C": 134,
        "D": 138,
        "E": 144,
    }
    weighted = {letter: len(net.trainable_weights) // 2 for letter, net in nets.items()}
    assert weighted == {"A": 11, "B": 13, "C": 16, "D": 16, "E": 19}


def maps(net: keras.Model) -> list[tuple[int, ...]]:
    return [step.shape for step in trace(net) if step.shape and len(step.shape) == 3]


def test_lenet_shapes() -> None:
    assert maps(blueprint(lenet5)) == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16)]


@pytest.mark.parametrize("build", [alexnet, alexnet_two_groups])
def test_alexnet_shapes(build: Any) -> None:
    shapes = maps(blueprint(build))
    assert shapes[0] == (55, 55, 96)
    assert shapes[-1] == (6, 6, 256)


def test_the_two_groups_are_in_layers_2_4_and_5() -> None:
    net = blueprint(alexnet_two_groups)
    assert [net.get_layer(f"conv{number}").groups for number in range(1, 6)] == [1, 2, 1, 2, 2]


def randomise(net: keras.Model, seed: int) -> list[np.ndarray]:
    """Weights that keep a signal's size through the layers, biases that are not zero."""
    rng = np.random.default_rng(seed)
    weights = []
    for weight in net.weights:
        fan_in = math.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 100
        scale = np.float32(math.sqrt(2 / fan_in))
        weights.append(scale * rng.standard_normal(tuple(weight.shape), dtype=np.float32))
    net.set_weights(weights)
    return weights


def altered(net: keras.Model, name: str) -> keras.Model:
    """The net with one layer changed to another with weights of the same shapes."""

    def clone(layer: layers.Layer) -> layers.Layer:
        if layer.name != name:
            return layer.__class__.from_config(layer.get_config())
        if isinstance(layer, layers.MaxPooling2D):
            return layers.AveragePooling2D(layer.pool_size, layer.strides, layer.padding)
        return layer.__class__.from_config({**layer.get_config(), "activation": "sigmoid"})

    copy = keras.models.clone_model(net, clone_function=clone)
    copy.set_weights(net.get_weights())
    return copy


@pytest.mark.parametrize(
    ("name", "letter", "changed"),
    [("VGG16", "D", ["block4_conv2", "block2_pool"]), ("VGG19", "E", ["block3_conv4"])],
)
def test_vgg_computes_what_keras_applications_computes(
    name: str, letter: str, changed: list[str]
) -> None:
    shape, classes = (33, 47, 3), 7
    ours = vgg(letter, classes=classes, input_shape=shape)
    theirs = getattr(keras.applications, name)(weights=None, input_shape=shape, classes=classes)
    theirs.set_weights(randomise(ours, seed=3))
    pictures = np.random.default_rng(4).standard_normal((3, *shape)).astype("float32")
    expected = np.asarray(theirs(pictures))
    assert np.ptp(expected, axis=0).max() > 0.05, "the pictures must not all give the same"
    np.testing.assert_allclose(np.asarray(ours(pictures)), expected, rtol=1e-4, atol=1e-6)
    for layer in changed:
        other = np.asarray(altered(ours, layer)(pictures))
        assert np.abs(other - expected).max() > 0.02, f"another {layer} must be noticed"


def test_vgg_takes_other_widths_and_depths() -> None:
    net = vgg(((3,), (3, 1)), classes=4, input_shape=(16, 16, 1), filters=8, hidden=(5,))
    assert maps(net) == [(16, 16, 8), (8, 8, 8), (8, 8, 16), (8, 8, 16), (4, 4, 16)]
    assert net(np.zeros((2, 16, 16, 1))).shape == (2, 4)


def test_vgg_says_which_configurations_there_are() -> None:
    with pytest.raises(ValueError, match="give a letter, A to E"):
        vgg("F")


def respond(x: np.ndarray, size: int = 5) -> np.ndarray:
    """The paper's formula, value by value."""
    y = np.empty_like(x)
    channels = x.shape[-1]
    for c in range(channels):
        near = x[..., max(0, c - size // 2) : min(channels, c + size // 2 + 1)]
        y[..., c] = x[..., c] / (2 + 1e-4 * (near.astype("float64") ** 2).sum(-1)) ** 0.75
    return y


def test_local_response_normalisation_is_the_papers_and_tensorflows() -> None:
    x = (100 * np.random.default_rng(0).standard_normal((2, 3, 4, 9))).astype("float32")
    ours = np.asarray(LocalResponseNormalization()(x))
    np.testing.assert_allclose(ours, respond(x), rtol=1e-5)
    assert np.abs(np.asarray(LocalResponseNormalization(size=3)(x)) - ours).max() > 0.1
    tf = pytest.importorskip("tensorflow")
    theirs = tf.nn.local_response_normalization(x, depth_radius=2, bias=2, alpha=1e-4, beta=0.75)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5)


def test_local_response_normalisation_is_saved_with_a_model(tmp_path: Any) -> None:
    net = keras.Sequential([keras.Input((2, 2, 8)), LocalResponseNormalization(size=3)])
    net.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).standard_normal((1, 2, 2, 8)).astype("float32")
    again = keras.models.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(net(x)))
    with pytest.raises(ValueError, match="give an odd number"):
        LocalResponseNormalization(size=4)


def test_volumes_are_those_of_the_net_and_neighbours_of_equal_size_are_one() -> None:
    sizes = [volume.label for volume in volumes(blueprint(vgg))]
    assert sizes == [
        "224×224×3",
        "224×224×64",
        "112×112×64",
        "112×112×128",
        "56×56×128",
        "56×56×256",
        "28×28×256",
        "28×28×512",
        "14×14×512",
        "7×7×512",
        "4,096",
        "1,000",
    ]
    assert Volume("x", 7, 7, 512).values == 7 * 7 * 512


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.parts = keras.Sequential([layers.Conv2D(4, 3), layers.MaxPooling2D()])

    def call(self, x: Any) -> Any:
        return self.parts(x)


def test_volumes_of_any_style_are_drawn_to_one_scale() -> None:
    small, large = blueprint(lenet5), Subclassed()
    found = [volume.label for volume in volumes(large, (32, 32, 1))]
    assert found == ["32×32×1", "30×30×4", "15×15×4"]
    axes = draw_volumes([small, large], (32, 32, 1))
    fronts = axes.patches[::3]  # of each slab's three faces
    widths = {
        round(float(np.ptp(np.asarray(front.get_path().vertices)[:, 0])), 6) for front in fronts
    }
    assert {32.0, 30.0, 28.0, 15.0, 14.0, 10.0, 5.0} <= widths
    assert {text.get_text() for text in axes.texts} >= {"lenet5", "subclassed", "28×28×6", "120"}


def test_no_words_of_a_drawing_of_volumes_lie_on_others_or_outside() -> None:
    axes = draw_volumes([blueprint(lenet5), blueprint(alexnet), blueprint(vgg)])
    figure: Any = axes.figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) > 30
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index]), axes.texts[index]
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width, axes.texts[index]
    assert min(float(text.get_fontsize()) for text in axes.texts) >= 8.5
