"""The classic nets: LeNet-5, AlexNet in both its forms, and VGG with all its configurations.

Sources: LeCun et al. 1998; Krizhevsky et al. 2012; Simonyan and Zisserman 2015, arXiv 1409.1556.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import KerasTensor, layers, ops


def lenet_stage(
    x: KerasTensor, filters: int, activation: str, pooling: type[layers.Layer]
) -> KerasTensor:
    """Return one stage of LeNet: a 5x5 convolution without padding, then 2x2 pooling.

    Args:
        x: maps (batch, height, width, channels).
        filters: number of the convolution's filters.
        activation: name of the function after the convolution, such as "tanh".
        pooling: the class of the pooling layer.

    Returns:
        Maps (batch, (height - 4) // 2, (width - 4) // 2, filters).
    """
    x = layers.Conv2D(filters, 5, activation=activation)(x)
    return pooling(2)(x)


def lenet5(
    activation: str = "tanh",
    pooling: type[layers.Layer] = layers.AveragePooling2D,
    classes: int = 10,
) -> keras.Model:
    """Return LeNet-5: (batch, 32, 32, 1) to probabilities (batch, classes).

    Source: LeCun, Bottou, Bengio and Haffner 1998, with what every version since has left out: the
    second convolution sees all six maps (the paper's saw some of them, by a table), pooling has no
    weights, and a softmax takes the place of the radial basis functions.
    """
    inputs = keras.Input((32, 32, 1), name="picture")
    x = lenet_stage(inputs, 6, activation, pooling)
    x = lenet_stage(x, 16, activation, pooling)
    x = layers.Flatten()(x)
    x = layers.Dense(120, activation=activation)(x)
    x = layers.Dense(84, activation=activation)(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs, name="lenet5")


@keras.saving.register_keras_serializable(package="convbook")
class LocalResponseNormalization(layers.Layer):
    """Divide every value by what its neighbours in the channels hold: y = x / (k + alpha S)^beta.

    S is the sum of squares over the ``size`` channels around the value, its own included, at the
    same position. Shapes do not change; there are no weights. The defaults are AlexNet's.

    Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3.
    """

    def __init__(
        self,
        size: int = 5,
        k: float = 2.0,
        alpha: float = 1e-4,
        beta: float = 0.75,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if size % 2 == 0:
            raise ValueError(
                f"size is {size}; give an odd number, so that a channel is in the middle."
            )
        self.size, self.k, self.alpha, self.beta = size, k, alpha, beta

    def call(self, x: Any) -> Any:
        """Return the normalised maps, of the shape of ``x``."""
        radius, channels = self.size // 2, x.shape[-1]
        squares = ops.pad(ops.square(x), [(0, 0)] * (len(x.shape) - 1) + [(radius, radius)])
        near = sum(squares[..., i : i + channels] for i in range(self.size))
        return x / (self.k + self.alpha * near) ** self.beta

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model needs to make this layer again."""
        config = super().get_config()
        return {**config, "size": self.size, "k": self.k, "alpha": self.alpha, "beta": self.beta}


def alexnet(classes: int = 1000) -> keras.Model:
    """Return AlexNet as one tower: (batch, 227, 227, 3) to probabilities (batch, classes).

    The convolutions of the paper with every filter seeing every channel, no local response
    normalisation.

    Source: Krizhevsky, Sutskever and Hinton 2012.
    """
    inputs = keras.Input((227, 227, 3), name="picture")
    x = layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = layers.Conv2D(256, 5, padding="same", activation="relu", name="conv2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv4")(x)
    x = layers.Conv2D(256, 3, padding="same", activation="relu", name="conv5")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    outputs = classifier(x, (4096, 4096), classes)
    return keras.Model(inputs, outputs, name="alexnet")


def alexnet_two_groups(classes: int = 1000) -> keras.Model:
    """Return AlexNet as published: (batch, 227, 227, 3) to probabilities (batch, classes).

    Convolutions 2, 4 and 5 see only the half of the channels that lay on their own graphics card;
    local response normalisation follows the first two.

    Source: Krizhevsky, Sutskever and Hinton 2012.
    """
    inputs = keras.Input((227, 227, 3), name="picture")
    x = layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1")(inputs)
    x = LocalResponseNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    x = layers.Conv2D(256, 5, padding="same", groups=2, activation="relu", name="conv2")(x)
    x = LocalResponseNormalization(name="norm2")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool2")(x)
    x = layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Conv2D(384, 3, padding="same", groups=2, activation="relu", name="conv4")(x)
    x = layers.Conv2D(256, 3, padding="same", groups=2, activation="relu", name="conv5")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool5")(x)
    outputs = classifier(x, (4096, 4096), classes)
    return keras.Model(inputs, outputs, name="alexnet_two_groups")


def classifier(x: KerasTensor, hidden: tuple[int, ...], classes: int) -> KerasTensor:
    """Return the dense end of the classic nets: maps (batch, h, w, c) to (batch, classes).

    Each hidden layer has ReLU and drops half of its units in training.
    """
    x = layers.Flatten()(x)
    for number, units in enumerate(hidden, start=1):
        x = layers.Dense(units, activation="relu", name=f"fc{number}")(x)
        x = layers.Dropout(0.5, name=f"drop{number}")(x)
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def vgg_stage(x: KerasTensor, filters: int, kernels: tuple[int, ...], name: str) -> KerasTensor:
    """Return one stage of VGG: convolutions that keep the size, then a pooling that halves it.

    Args:
        x: maps (batch, height, width, channels).
        filters: number of filters of each convolution.
        kernels: the side of each convolution's kernel.
        name: prefix of the layers' names.

    Returns:
        Maps (batch, height // 2, width // 2, filters).
    """
    for number, kernel in enumerate(kernels, start=1):
        x = layers.Conv2D(
            filters, kernel, padding="same", activation="relu", name=f"{name}_conv{number}"
        )(x)
    return layers.MaxPooling2D(2, name=f"{name}_pool")(x)


# Table 1 of the paper: for each of the five stages, the side of every convolution's kernel.
VGG_CONFIGURATIONS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}


def vgg(
    configuration: str | tuple[tuple[int, ...], ...] = "D",
    classes: int = 1000,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    filters: int = 64,
    hidden: tuple[int, ...] = (4096, 4096),
) -> keras.Model:
    """Return a VGG net: (batch, *input_shape) to probabilities (batch, classes).

    Args:
        configuration: "A" to "E" ("D" is VGG-16, "E" VGG-19), or the kernels of each stage.
        classes: number of classes.
        input_shape: (height, width, channels) of a picture.
        filters: of the first stage; they double from stage to stage up to eight times as many.
        hidden: units of the hidden dense layers.

    Raises:
        ValueError: if the configuration's name is unknown.

    Source: Simonyan and Zisserman 2015, arXiv 1409.1556, table 1.
    """
    if isinstance(configuration, str):
        if configuration not in VGG_CONFIGURATIONS:
            raise ValueError(f"VGG has no configuration {configuration!r}; give a letter, A to E.")
        configuration = VGG_CONFIGURATIONS[configuration]
    inputs = x = keras.Input(input_shape, name="picture")
    for stage, kernels in enumerate(configuration):
        x = vgg_stage(x, filters * min(2**stage, 8), kernels, f"block{stage + 1}")
    outputs = classifier(x, hidden, classes)
    depth = sum(len(kernels) for kernels in configuration) + len(hidden) + 1
    return keras.Model(inputs, outputs, name=f"vgg{depth}")
