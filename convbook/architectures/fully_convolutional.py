"""Fully convolutional nets: classifiers that take any size, and FCN-32s, 16s and 8s.

Source: Long, Shelhamer and Darrell 2015, *Fully convolutional networks for semantic segmentation*,
arXiv:1411.4038.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers
from numpy.typing import NDArray

STRIDES = (32, 16, 8)
"""The FCNs of the paper in the order of training: each starts from the one before."""

TAPS = ("block3_pool", "block4_pool")
"""The layers of a VGG whose maps the skips take, with strides of 8 and 16 ("pool3", "pool4")."""


def dense_as_conv(
    dense: layers.Dense, window: tuple[int, int] = (1, 1), padding: str = "valid"
) -> layers.Conv2D:
    """Return the convolution that does at every position what a dense layer does at one.

    Args:
        dense: a built layer; after ``Flatten``, or after another dense layer.
        window: height and width of the maps that ``Flatten`` made flat; (1, 1) without one.
        padding: "valid" as the layer was, or "same": then the answers' map is as large as the maps
            that come in.

    Returns:
        A built layer with the same weights, copied: its kernel is (*window, channels, units), and
        the bias is kept.

    Raises:
        ValueError: if the layer is not built, or its inputs do not fill such a window.

    Source: Long et al. 2015, section 3.1.
    """
    if not dense.built:
        raise ValueError(f"{dense.name} has no weights yet; call it on something first.")
    inputs, units = dense.kernel.shape
    channels, rest = divmod(inputs, window[0] * window[1])
    if rest:
        raise ValueError(
            f"{dense.name} has {inputs} inputs, which no {window[0]}x{window[1]} window holds; "
            "give the size of the maps before Flatten."
        )
    conv = layers.Conv2D(
        units,
        window,
        padding=padding,
        activation=dense.activation,
        use_bias=dense.use_bias,
        kernel_initializer="zeros",
        name=dense.name,
    )
    conv.build((None, None, None, channels))
    kernel, *bias = dense.get_weights()
    conv.set_weights([kernel.reshape(*window, channels, units), *bias])
    return conv


def convolutional(classifier: keras.Model, padding: str = "valid") -> keras.Model:
    """Return a classifier made fully convolutional: the same weights, pictures of any size.

    Args:
        classifier: a functional or sequential model that ends in dense layers after ``Flatten`` (as
            VGG and AlexNet) or ``GlobalAveragePooling2D`` (as ResNet), with dropout or not.
        padding: of the window that ``Flatten`` or the global average saw. "valid": a picture of the
            classifier's own size gives one answer, (N, 1, 1, classes). "same": the answers' map is
            as large as the last maps.

    Returns:
        A model: (N, H, W, channels) to a map of answers (N, h, w, classes). Weights are copied.

    Raises:
        ValueError: if no ``Flatten`` or ``GlobalAveragePooling2D`` comes before dense layers, or
            something else comes after it.

    Source: Long et al. 2015, section 3.1.
    """
    ends = (layers.Flatten, layers.GlobalAveragePooling2D)
    places = [i for i, layer in enumerate(classifier.layers) if isinstance(layer, ends)]
    if not places:
        raise ValueError(
            f"{classifier.name} has neither Flatten nor GlobalAveragePooling2D before its dense "
            "layers; there is nothing to make convolutional."
        )
    end, after = classifier.layers[places[-1]], classifier.layers[places[-1] + 1 :]
    window = tuple(end.input.shape[1:3])
    inputs = keras.Input((None, None, classifier.inputs[0].shape[-1]), name="pictures")
    x = _copy(keras.Model(classifier.inputs[0], end.input), inputs)
    if isinstance(end, layers.GlobalAveragePooling2D):
        x = layers.AveragePooling2D(window, strides=1, padding=padding, name="average")(x)
        window = (1, 1)
    for layer in after:
        if isinstance(layer, layers.Dense):
            x = dense_as_conv(layer, window, padding)(x)
            window = (1, 1)
        elif isinstance(layer, layers.Dropout):
            x = layers.Dropout(layer.rate, name=layer.name)(x)
        else:
            raise ValueError(
                f"{layer.name} comes after {end.name}; only dense and dropout layers can be made "
                "convolutional there."
            )
    return keras.Model(inputs, x, name=f"{classifier.name}_convolutional")


def _copy(model: keras.Model, inputs: KerasTensor) -> Any:
    """The outputs of a copy of the model, weights included, on another input."""
    copy = keras.models.clone_model(model, input_tensors=inputs)
    copy.set_weights(model.get_weights())
    return copy.output


def small_vgg(
    classes: int,
    input_shape: tuple[int, int, int] = (96, 96, 3),
    filters: Sequence[int] = (8, 16, 32, 64, 64),
    hidden: int = 64,
) -> keras.Model:
    """A VGG for small machines: (N, *input_shape) to probabilities (N, classes).

    Each block is a 3x3 convolution and a 2x2 max pool, so that five of them have VGG's stride of
    32; ``Flatten``, a hidden dense layer and dropout follow. Unlike VGG it has a normalisation, as
    it is to learn from scratch in minutes; that and ReLU come after the pool, where they have a
    quarter of the work. Blocks end in layers named block1, block2 and so on.

    Args:
        classes: number of classes.
        input_shape: (height, width, channels) of a picture.
        filters: one number for each block.
        hidden: units of the hidden dense layer.
    """
    inputs = x = keras.Input(input_shape, name="picture")
    for number, count in enumerate(filters, start=1):
        name = f"block{number}"
        options = {"use_bias": False, "kernel_initializer": "he_normal"}
        x = layers.Conv2D(count, 3, padding="same", name=f"{name}_conv", **options)(x)
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        x = layers.ReLU(name=name)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.25)(layers.Dense(hidden, activation="relu", name="hidden")(x))
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="small_vgg")


def fcn_backbone(classifier: keras.Model, taps: Sequence[str] = TAPS) -> keras.Model:
    """Return what an FCN keeps of a classifier: all but its last layer, at any size.

    Args:
        classifier: a VGG-style net with a stride of 32, or another with layers named as ``taps``.
        taps: names of the layers with strides of 8 and 16.

    Returns:
        A model: pictures (N, H, W, channels) to maps with strides of 8, 16 and 32, the last after
        the hidden dense layers, which are convolutions padded with zeros ("same"; the authors'
        own nets pad the picture by 100 pixels instead, and crop). Weights are copied.

    Source: Long et al. 2015, section 4.1.
    """
    net = convolutional(classifier, padding="same")
    maps = [net.get_layer(name).output for name in taps]
    return keras.Model(net.input, [*maps, net.layers[-1].input], name="backbone")


def bilinear_kernel(factor: int, channels: int) -> NDArray[np.float32]:
    """Return the kernel with which a transposed convolution interpolates each map by itself.

    Its weights fall off linearly from the middle. With ``strides=factor, padding="same"`` the
    result is that of bilinear interpolation, but for a frame of factor / 2 pixels, where a
    transposed convolution finds zeros beyond the border.

    Args:
        factor: by which maps are enlarged.
        channels: number of maps.

    Returns:
        (side, side, channels, channels), with side = 2 factor for even factors and 2 factor - 1
        for odd ones: zero where one channel would mix with another.

    Source: Long et al. 2015, section 3.3.
    """
    side = 2 * factor - factor % 2
    middle = (side - 1) / 2
    line = 1 - np.abs(np.arange(side) - middle) / factor
    kernel = np.zeros((side, side, channels, channels), np.float32)
    kernel[..., range(channels), range(channels)] = np.outer(line, line)[..., np.newaxis]
    return kernel


def enlarge(
    x: KerasTensor, factor: int, transposed: bool = False, learns: bool = True, name: str = ""
) -> KerasTensor:
    """Enlarge maps bilinearly: (N, H, W, C) to (N, factor H, factor W, C).

    Args:
        x: the maps.
        factor: by which they are enlarged.
        transposed: by a transposed convolution that starts as an interpolation; else by an
            interpolation without weights.
        learns: whether that convolution's weights are trained.
        name: of the layer.

    Source: Long et al. 2015, sections 3.3 and 4.3.
    """
    if not transposed:
        return layers.UpSampling2D(factor, interpolation="bilinear", name=name or None)(x)
    kernel = bilinear_kernel(factor, x.shape[-1])
    return layers.Conv2DTranspose(
        x.shape[-1],
        kernel.shape[0],
        strides=factor,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.Constant(kernel),
        trainable=learns,
        name=name or None,
    )(x)


def score(x: KerasTensor, classes: int, stride: int) -> KerasTensor:
    """A score for each class at each position: a 1x1 convolution with a bias, all zero at first.

    So a skip changes nothing until it has learnt to. (N, H, W, C) to (N, H, W, classes).

    Source: Long et al. 2015, sections 4.1 and 4.2.
    """
    return layers.Conv2D(classes, 1, kernel_initializer="zeros", name=f"score{stride}")(x)


def fcn_head(
    maps: Sequence[KerasTensor], classes: int, stride: int = 8, transposed: bool = False
) -> KerasTensor:
    """Scores for every pixel from maps with strides of 8, 16 and 32.

    FCN-32s enlarges the scores of the last maps. FCN-16s doubles them, adds those of the maps
    before, and enlarges the sum; FCN-8s does so once more.

    Args:
        maps: (N, H/8, W/8, A), (N, H/16, W/16, B), (N, H/32, W/32, C); H, W multiples of 32.
        classes: number of classes, the ground among them.
        stride: 32, 16 or 8: of the finest maps to be used.
        transposed: whether maps are enlarged by transposed convolutions, as in the paper: those
            that double learn, the last one stays an interpolation.

    Returns:
        (N, H, W, classes), no softmax.

    Source: Long et al. 2015, figure 3.
    """
    x, reached = score(maps[-1], classes, 32), 32
    for skip in maps[-2::-1]:
        if reached == stride:
            break
        reached //= 2
        doubled = enlarge(x, 2, transposed, name=f"double{reached}")
        x = layers.Add(name=f"sum{reached}")([doubled, score(skip, classes, reached)])
    return enlarge(x, stride, transposed, learns=False, name=f"enlarge{stride}")


def fcn(
    backbone: keras.Model, classes: int, stride: int = 8, transposed: bool = False
) -> keras.Model:
    """Return FCN-32s, 16s or 8s: pictures (N, H, W, channels) to scores (N, H, W, classes).

    Args:
        backbone: made by ``fcn_backbone``; its weights are copied.
        classes: number of classes, the ground among them.
        stride: 32, 16 or 8.
        transposed: whether scores are enlarged by transposed convolutions, as in the paper.

    Raises:
        ValueError: for another stride.

    Source: Long et al. 2015, section 4.2.
    """
    if stride not in STRIDES:
        raise ValueError(f"stride is {stride}; there are FCN-32s, 16s and 8s.")
    inputs = keras.Input(backbone.input.shape[1:], name="pictures")
    maps = _copy(backbone, inputs)
    return keras.Model(inputs, fcn_head(maps, classes, stride, transposed), name=f"fcn{stride}s")


def hand_on(source: keras.Model, target: keras.Model) -> list[str]:
    """Copy the weights of every layer that both nets have by the same name; return the others.

    So FCN-16s starts where FCN-32s has ended, and 8s where 16s has (Long et al. 2015, section 4.2).

    Args:
        source: the net that has learnt.
        target: the net that is to start from it.

    Returns:
        Names of the target's layers with weights that the source does not have.

    Raises:
        ValueError: if a layer of that name has weights of other shapes.
    """
    known = {layer.name: layer for layer in source.layers if layer.weights}
    new = []
    for layer in target.layers:
        if not layer.weights:
            continue
        if layer.name in known:
            given = known[layer.name].get_weights()
            if [w.shape for w in given] != [tuple(w.shape) for w in layer.weights]:
                raise ValueError(f"{layer.name} has weights of other shapes in {source.name}.")
            layer.set_weights(given)
        else:
            new.append(layer.name)
    return new
