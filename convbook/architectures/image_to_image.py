"""Pictures made from pictures: a generator, a judge of patches, and how the two are trained.

Source: Isola, Zhu, Zhou and Efros 2017, *Image-to-image translation with conditional adversarial
networks* (pix2pix), arXiv:1611.07004.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from convbook.architectures.unet import conv_relu

L1_WEIGHT = 100.0
"""Of the distance to the true picture beside the adversarial loss (Isola et al. 2017, section 4)"""


def as_generator(net: keras.Model) -> keras.Model:
    """Return the net with its scores brought into (0, 1) by a sigmoid: they are a picture now.

    (The generator of pix2pix ends in a tanh, for pictures in (-1, 1).)
    """
    return keras.Model(net.input, keras.activations.sigmoid(net.output), name="generator")


def as_restorer(net: keras.Model) -> keras.Model:
    """Return the net as one that says what to add to the picture it is given.

    Its last layer starts with zeros: what comes out at first is the picture as it came in, and all
    that has to be learnt is the difference. Nothing is cut off at 0 and 1.

    Args:
        net: pictures (N, H, W, C) to scores of the same shape, its last layer a convolution.

    Source: Zhang, Zuo, Chen, Meng and Zhang 2017, *Beyond a Gaussian denoiser: residual learning of
    deep CNN for image denoising*, arXiv:1608.03981.
    """
    last = net.layers[-1]
    last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    return keras.Model(net.input, layers.Add()([net.input, net.output]), name="restorer")


def plain_net(input_shape: tuple[int, int, int], filters: int, count: int) -> keras.Model:
    """A net that never leaves the picture's own size: ``count`` 3x3 convolutions, then a 1x1 one.

    What it makes of a pixel depends on ``count`` pixels to each side. (N, H, W, C) to scores of the
    same shape.
    """
    inputs = x = keras.Input(input_shape, name="pictures")
    for _ in range(count):
        x = conv_relu(x, filters, normalise=True)
    return keras.Model(inputs, layers.Conv2D(input_shape[-1], 1)(x), name="plain")


def patch_discriminator(
    input_shape: tuple[int, int, int] = (256, 256, 3),
    filters: int = 64,
    halvings: int = 3,
    normalise: bool = True,
) -> keras.Model:
    """A judge that says of each patch whether it is real: pix2pix's "PatchGAN".

    4x4 convolutions: ``halvings`` with stride 2, filters doubling, one more with stride 1, and the
    score; leaky ReLU of slope 0.2. With three halvings a score depends on 70x70 pixels.

    Args:
        input_shape: (height, width, channels) of both pictures.
        filters: of the first convolution.
        halvings: number of convolutions with stride 2.
        normalise: whether all convolutions but the first and the last are normalised, as published.

    Returns:
        A model: [given picture, picture to be judged] to scores (N, h, w, 1), before a sigmoid.

    Source: Isola et al. 2017, section 3.2.2 and appendix 6.1.2; padding of one pixel as in its
    authors' code.
    """
    given, judged = keras.Input(input_shape, name="given"), keras.Input(input_shape, name="judged")
    x = layers.Concatenate()([given, judged])
    for number in range(halvings + 1):
        norm = normalise and number > 0
        x = layers.ZeroPadding2D(1)(x)
        stride = 2 if number < halvings else 1
        x = layers.Conv2D(filters * 2**number, 4, strides=stride, use_bias=not norm)(x)
        if norm:
            x = layers.BatchNormalization()(x)
        x = layers.LeakyReLU(0.2)(x)
    scores = layers.Conv2D(1, 4)(layers.ZeroPadding2D(1)(x))
    return keras.Model([given, judged], scores, name="discriminator")


class Adversaries:
    """A generator and a discriminator that learn from each other, step by step.

    Written with Keras's ``train_on_batch`` alone, so that it runs on every backend: the generator
    is trained through a copy of the discriminator whose weights stay, and which gets the
    discriminator's own after each of its steps.

    Args:
        generator: pictures to pictures, made by ``as_generator`` or ``as_restorer``.
        discriminator: made by ``patch_discriminator``.
        rate: of Adam, for both; beta_1 is 0.5, as published.
        weight: of the mean absolute error beside the adversarial loss.
        run_eagerly: as in ``compile``, for a handful of steps.

    Attributes:
        judge: the discriminator's copy that the generator learns from.
        both: the generator with the copy behind it, which a step of the generator trains.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        rate: float = 2e-4,
        weight: float = L1_WEIGHT,
        run_eagerly: bool = False,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.judge = keras.models.clone_model(discriminator)
        self.judge.trainable = False
        given = keras.Input(generator.input.shape[1:])
        made = generator(given)
        self.both = keras.Model(given, [made, self.judge([given, made])])
        cross = keras.losses.BinaryCrossentropy(from_logits=True)
        how: dict[str, Any] = {"jit_compile": False, "run_eagerly": run_eagerly}
        self.both.compile(
            keras.optimizers.Adam(rate, beta_1=0.5),
            ["mean_absolute_error", cross],
            loss_weights=[weight, 1.0],
            **how,
        )
        discriminator.compile(keras.optimizers.Adam(rate, beta_1=0.5), cross, **how)
        generator.compile(**how)
        for net in (self.both, discriminator):  # else the step is traced twice to make room
            net.optimizer.build(net.trainable_variables)

    def step(self, given: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
        """Let first the discriminator learn from a batch, then the generator.

        Returns:
            The discriminator's cross-entropy, of real and made pictures, and the generator's, of
            passing for real.
        """
        made = self.generator.predict_on_batch(given)
        scores = (2 * len(given), *self.discriminator.output.shape[1:])
        real = np.zeros(scores, "float32")
        real[: len(given)] = 1
        pictures = [np.concatenate([given, given]), np.concatenate([truth, made])]
        told_apart = self.discriminator.train_on_batch(pictures, real)
        self.judge.set_weights(self.discriminator.get_weights())
        losses = self.both.train_on_batch(given, [truth, real[: len(given)]])
        return float(np.ravel(told_apart)[0]), float(losses[2])

    def fit(
        self, given: NDArray[Any], truth: NDArray[Any], epochs: int, batch_size: int, seed: int = 0
    ) -> Iterator[tuple[float, float]]:
        """Yield the mean of the two losses after each epoch; the order of pictures is random."""
        rng = np.random.default_rng(seed)
        for _ in range(epochs):
            order = rng.permutation(len(given))
            parts = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
            losses = [self.step(given[part], truth[part]) for part in parts]
            one, other = np.mean(losses, axis=0)
            yield float(one), float(other)
