"""Nets that enlarge pictures: ESPCN, and the parts of SRGAN, small.

Sources: Shi et al. 2016, arXiv:1609.05158 (ESPCN); Ledig et al. 2017, arXiv:1609.04802 (SRGAN).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops


@keras.saving.register_keras_serializable("convbook")
class PixelShuffle(layers.Layer):
    """Channels become positions: (N, H, W, C * factor^2) to (N, H * factor, W * factor, C).

    The place (dy, dx) of a block comes from channel (dy * factor + dx) * C + c.

    Args:
        factor: by which height and width grow.

    Source: Shi et al. 2016, equation 4.
    """

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, x: Any) -> Any:
        """Rearrange a map."""
        return ops.depth_to_space(x, self.factor, data_format="channels_last")

    def compute_output_shape(self, shape: Any) -> Any:
        """The shape of the larger map."""
        n, height, width, channels = shape
        larger = [None if side is None else side * self.factor for side in (height, width)]
        return (n, *larger, channels // self.factor**2)

    def get_config(self) -> dict[str, Any]:
        """The factor too."""
        return {**super().get_config(), "factor": self.factor}


def espcn(factor: int, channels: int = 1) -> keras.Model:
    """ESPCN: a 5x5 convolution to 64 maps, a 3x3 to 32, a 3x3 to factor^2, and a pixel shuffle.

    All work is done at the small size. Tanh after the first two, as in the paper.

    Args:
        factor: by which height and width grow.
        channels: of the pictures; the paper enlarges the luminance only.

    Returns:
        A model (N, H, W, channels) to (N, H * factor, W * factor, channels), for any size.

    Source: Shi et al. 2016, section 3.1.
    """
    inputs = keras.Input((None, None, channels), name="small")
    x = layers.Conv2D(64, 5, padding="same", activation="tanh")(inputs)
    x = layers.Conv2D(32, 3, padding="same", activation="tanh")(x)
    x = layers.Conv2D(channels * factor**2, 3, padding="same")(x)
    return keras.Model(inputs, PixelShuffle(factor)(x), name="espcn")


def enlarged_by(x: KerasTensor, filters: int, way: str = "shuffle") -> KerasTensor:
    """Double a map, with a 3x3 convolution or what does its work: (N, 2H, 2W, filters).

    Args:
        x: (N, H, W, C).
        filters: channels of the result.
        way: "shuffle" (as published), "transposed" (3x3, stride 2) or "resize" (nearest, then 3x3).

    Raises:
        ValueError: for another way.
    """
    if way == "shuffle":
        return PixelShuffle(2)(layers.Conv2D(4 * filters, 3, padding="same")(x))
    if way == "transposed":
        return layers.Conv2DTranspose(filters, 3, strides=2, padding="same")(x)
    if way == "resize":
        return layers.Conv2D(filters, 3, padding="same")(layers.UpSampling2D(2)(x))
    raise ValueError(f'way is "{way}": choose "shuffle", "transposed" or "resize".')


def residual_unit(x: KerasTensor, residual: bool = True) -> KerasTensor:
    """SRGAN's block: 3x3, normalisation, PReLU, 3x3, normalisation, and the shortcut added.

    No activation comes after the sum. (N, H, W, C) to the same.

    Source: Ledig et al. 2017, figure 4.
    """
    branch = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(x)
    branch = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization(momentum=0.9)(branch))
    branch = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(branch)
    branch = layers.BatchNormalization(momentum=0.9)(branch)
    return layers.Add()([branch, x]) if residual else branch


def srgan_generator(
    blocks: int = 16,
    filters: int = 64,
    *,
    side: int = 9,
    residual: bool = True,
    way: str = "shuffle",
    channels: int = 3,
) -> keras.Model:
    """SRGAN's generator, which enlarges pictures four times: (N, H, W, channels) to 4H x 4W.

    A convolution with PReLU; residual blocks; a convolution, normalised, and the sum with what came
    before the blocks; two doublings by convolution, pixel shuffle and PReLU; a last convolution.

    Args:
        blocks: residual blocks; 16 in the paper.
        filters: maps; 64 in the paper, and 256 before each shuffle.
        side: of the first and the last window; 9 in the paper.
        residual: left False, blocks have no shortcut, nor has their whole; for comparison.
        way: of doubling, see `enlarged_by`.
        channels: of the pictures.

    Source: Ledig et al. 2017, figure 4.
    """
    inputs = keras.Input((None, None, channels), name="small")
    x = layers.Conv2D(filters, side, padding="same")(inputs)
    x = first = layers.PReLU(shared_axes=[1, 2])(x)
    for _ in range(blocks):
        x = residual_unit(x, residual)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Add()([x, first]) if residual else x
    for _ in range(2):
        x = layers.PReLU(shared_axes=[1, 2])(enlarged_by(x, filters, way))
    outputs = layers.Conv2D(channels, side, padding="same")(x)
    return keras.Model(inputs, outputs, name="generator")


def on_bicubic(net: keras.Model, factor: int = 4) -> keras.Model:
    """Return the net as one that says what to add to the bicubic enlargement of its picture.

    Its last layer starts with zeros: what comes out at first is the enlargement, and all that has
    to be learnt is the difference. The cubic is Keras's, so another one on PyTorch.

    Args:
        net: pictures (N, H, W, C) to ones ``factor`` times as high and wide, its last layer a
            convolution.
        factor: of the net.

    Source: Kim, Lee and Lee 2016, *Accurate image super-resolution using very deep convolutional
    networks*, arXiv:1511.04587, which learns what to add to the bicubic enlargement.
    """
    last = net.layers[-1]
    last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    enlarged = layers.UpSampling2D(factor, interpolation="bicubic")(net.input)
    return keras.Model(net.input, layers.Add()([enlarged, net.output]), name=net.name)


def srgan_discriminator(
    size: int = 96, filters: int = 64, hidden: int = 1024, stages: int = 4, channels: int = 3
) -> keras.Model:
    """SRGAN's discriminator: (N, size, size, channels) to one number a picture, before its sigmoid.

    Each stage has two 3x3 convolutions, of which the second has stride 2; filters double from stage
    to stage. Normalisation after all but the first; leaky ReLU with 0.2. No pools. A dense layer,
    leaky ReLU, and one number: above 0, the picture is taken for a photograph.

    Args:
        size: height and width of the pictures; 96 in the paper.
        filters: of the first stage; 64 in the paper.
        hidden: units of the dense layer; 1,024 in the paper.
        stages: four in the paper.
        channels: of the pictures.

    Source: Ledig et al. 2017, figure 4.
    """
    inputs = x = keras.Input((size, size, channels), name="picture")
    for stage in range(stages):
        for stride in (1, 2):
            first = stage == 0 and stride == 1
            count = filters * 2**stage
            x = layers.Conv2D(count, 3, strides=stride, padding="same", use_bias=first)(x)
            x = x if first else layers.BatchNormalization(momentum=0.9)(x)
            x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.LeakyReLU(negative_slope=0.2)(layers.Dense(hidden)(layers.Flatten()(x)))
    return keras.Model(inputs, layers.Dense(1)(x), name="discriminator")


class Adversaries:
    """A generator and its discriminator, trained in turns.

    The generator's loss is a sum of three: the mean squared error of pixels (content), that of
    features of a net that stays as it is (perceptual), and the cross-entropy of the discriminator
    taking its pictures for photographs (adversarial). A weight of 0 leaves one out.

    Within the generator's step stands a frozen copy of the discriminator, which is given the
    discriminator's weights after each of its own steps: one compiled step serves every backend.

    Args:
        generator: small pictures to large ones.
        discriminator: large pictures to a number, as `srgan_discriminator`.
        features: large pictures to feature maps; it is not trained.
        size: height and width of the small pictures in training.
        content: weight of the pixels' error.
        perceptual: weight of the features' error.
        adversarial: weight of the discriminator's verdict.
        rate: learning rate of both, by Adam. Its beta_1 is 0.5, as pix2pix has it (Isola et al.
            2017, arXiv:1611.07004, section 3.3), where SRGAN's paper has 0.9 (section 3.2): the
            results of chapter 9 rest on it.
        eager: whether steps run without being compiled, for a handful of them.

    Attributes:
        judge: the frozen copy.
        both: the generator with features and copy behind it, which a step of the generator trains.

    Source: Goodfellow et al. 2014, arXiv:1406.2661; Ledig et al. 2017, section 2.2; perceptual
    losses: Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        features: keras.Model,
        size: int,
        *,
        content: float = 1.0,
        perceptual: float = 1.0,
        adversarial: float = 1e-3,
        rate: float = 1e-4,
        eager: bool = False,
    ) -> None:
        self.generator, self.discriminator, self.features = generator, discriminator, features
        self.judge = keras.models.clone_model(discriminator)
        self.judge.trainable = False
        features.trainable = False
        verdict = keras.losses.BinaryCrossentropy(from_logits=True)
        compiled: dict[str, Any] = {"jit_compile": False, "run_eagerly": eager}
        discriminator.compile(keras.optimizers.Adam(rate, beta_1=0.5), verdict, **compiled)
        small = keras.Input((size, size, generator.input_shape[-1]))
        large = generator(small)
        # The judge is told not to use its pictures' own statistics: it is one function for all.
        judged = self.judge(large, training=False)
        self.both = keras.Model(small, [large, features(large, training=False), judged])
        self.both.compile(
            keras.optimizers.Adam(rate, beta_1=0.5),
            ["mean_squared_error", "mean_squared_error", verdict],
            loss_weights=[content, perceptual, adversarial],
            **compiled,
        )
        for net in (self.both, discriminator):  # else the step is traced twice to make room
            net.optimizer.build(net.trainable_variables)

    def train(self, small: Any, large: Any) -> tuple[float, float]:
        """Take one step of the discriminator, then one of the generator.

        Args:
            small: pictures (N, size, size, channels).
            large: the photographs that they were made from.

        Returns:
            Both losses.
        """
        made = self.generator(small, training=False)
        mixed = ops.concatenate([ops.convert_to_tensor(large), made])
        real = ops.concatenate([ops.ones((len(large), 1)), ops.zeros((len(large), 1))])
        judging = self.discriminator.train_on_batch(mixed, real)
        self.judge.set_weights(self.discriminator.get_weights())
        wanted = [large, self.features(large, training=False), ops.ones((len(large), 1))]
        making = self.both.train_on_batch(small, wanted)
        return float(judging), float(making[0] if isinstance(making, list) else making)
