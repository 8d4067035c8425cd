"""Answers to `dense_to_conv`, right and wrong."""

import keras
import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import dense_to_conv

bank = Bank(dense_to_conv)


def parts(model):
    """The layers before Flatten, Flatten itself, and those behind it; no input layer."""
    steps = [layer for layer in model.layers if not isinstance(layer, layers.InputLayer)]
    [place] = [i for i, layer in enumerate(steps) if isinstance(layer, layers.Flatten)]
    return steps[:place], steps[place], steps[place + 1 :]


def copied(layer):
    """A layer like this one, not yet built."""
    return type(layer).from_config(layer.get_config())


# Right


@bank.accepted
def in_a_row(model):
    body, flatten, head = parts(model)
    sides, new = [flatten.input.shape[1:3]], []
    for layer in head:
        if isinstance(layer, layers.Dense):
            size = sides.pop() if sides else 1
            convolution = layers.Conv2D(layer.units, size, use_bias=layer.use_bias)
            new += [convolution, layers.Activation(layer.activation)]
    row = keras.Sequential(
        [keras.Input((None, None, model.input_shape[-1])), *map(copied, body), *new]
    )
    weights = model.get_weights()
    row.set_weights([np.reshape(w, v.shape) for w, v in zip(weights, row.weights, strict=True)])
    return row


@bank.accepted
def its_own_layers_called_again(model):
    body, flatten, head = parts(model)
    x = inputs = keras.Input((None, None, model.inputs[0].shape[-1]))
    for layer in body:
        x = layer(x)
    height, width, channels = flatten.input.shape[1:]
    for number, layer in enumerate(layer for layer in head if layer.weights):
        kernel, *bias = layer.get_weights()
        shape = (1, 1, *kernel.shape) if number else (height, width, channels, layer.units)
        conv = layers.Conv2D(layer.units, shape[:2], use_bias=bool(bias))
        x = conv(x)
        conv.set_weights([kernel.reshape(shape), *bias])
        x = layer.activation(x)
    return keras.Model(inputs, x)


class Sliding(keras.Model):
    def __init__(self, model):
        super().__init__()
        body, flatten, head = parts(model)
        self.body = [copied(layer) for layer in body]
        for new, old in zip(self.body, body, strict=True):
            new.build(old.input.shape)
            new.set_weights(old.get_weights())
        self.window, self.head = flatten.input.shape[1:], []
        for number, layer in enumerate(layer for layer in head if layer.weights):
            kernel, *bias = layer.get_weights()
            shape = (1, 1, *kernel.shape) if number else (*self.window, layer.units)
            given = [self.taken(kernel.reshape(shape)), *map(self.taken, bias)]
            self.head.append((given, layer.activation))

    def taken(self, values):
        return self.add_weight(shape=values.shape, initializer=lambda *a, **k: values)

    def call(self, x, training=None):
        for layer in self.body:
            x = layer(x)
        for (kernel, *bias), activation in self.head:
            x = activation(ops.conv(x, kernel) + (bias[0] if bias else 0))
        return x


@bank.accepted
def as_a_class(model):
    return Sliding(model)


@bank.accepted
def with_dense_for_1x1(model):
    body, flatten, (*head,) = parts(model)
    x = inputs = keras.Input((None, None, model.input_shape[-1]))
    for layer in body:
        new = copied(layer)
        x = new(x)
        new.set_weights(layer.get_weights())
    first = True
    for layer in head:
        new = copied(layer)
        if first and isinstance(layer, layers.Dense):
            kernel, *bias = layer.get_weights()
            sides = flatten.input.shape[1:]
            start = keras.initializers.Constant(kernel.reshape(*sides, layer.units))
            first = False
            new = layers.Conv2D(
                layer.units,
                sides[:2],
                use_bias=bool(bias),
                kernel_initializer=start,
                bias_initializer=keras.initializers.Constant(bias[0] if bias else 0),
            )
            x = layers.Activation(layer.activation)(new(x))
        else:
            x = new(x)
            new.set_weights(layer.get_weights())
    return keras.Model(inputs, x)


# Wrong


def converted(
    model,
    order=(0, 1, 2),
    flip=False,
    pad="valid",
    bias=True,
    linear=None,
    relu=False,
    fresh=(),
    fixed=False,
    stride=1,
    end=None,
    frozen=False,
    trainable_only=False,
    dropped=0,
    norm_trains=None,
    transposed=False,
):
    """The model converted, with something otherwise."""
    body, flatten, head = parts(model)
    sides = flatten.input.shape[1:]
    channels = model.input_shape[-1]
    x = inputs = keras.Input(model.input_shape[1:] if fixed else (None, None, channels))
    for layer in body:
        new = copied(layer)
        norm = isinstance(layer, layers.BatchNormalization)
        x = new(x, training=norm_trains) if norm else new(x)
        if trainable_only:
            for v, w in zip(new.trainable_weights, layer.trainable_weights, strict=True):
                v.assign(w)
        elif "body" not in fresh:
            new.set_weights(layer.get_weights())
    dense = [layer for layer in head if layer.weights]
    dense = dense[: len(dense) - dropped]
    for number, layer in enumerate(dense):
        kernel, *offset = layer.get_weights()
        shape = (1, 1, *kernel.shape)
        if number == 0:
            shape = (*sides, layer.units)
            turned = kernel.reshape([sides[axis] for axis in order] + [layer.units])
            kernel = np.transpose(turned, [*np.argsort(order), 3])
            kernel = kernel[::-1, ::-1] if flip else kernel
        if transposed and number:
            kernel = kernel.T.reshape(kernel.shape)
        conv = layers.Conv2D(
            layer.units,
            shape[:2],
            strides=stride if number == 0 else 1,
            padding=pad if number == 0 else "valid",
            use_bias=bias and bool(offset),
        )
        x = conv(x)
        if "head" not in fresh:
            conv.set_weights([kernel.reshape(shape), *(offset if bias else [])])
        activation = layer.activation
        if linear == "all" or linear == ("last" if number == len(dense) - 1 else "hidden"):
            activation = keras.activations.linear
        if relu:
            activation = keras.activations.relu
        x = activation(x)
    x = end(x) if end else x
    new = keras.Model(inputs, x)
    new.trainable = not frozen
    return new


def wrong(name, hint, **options):
    bank.variant(name, hint, converted, **options)


wrong("without_biases", "The biases of the dense layers are dropped: copy them too.", bias=False)
wrong(
    "channels_first",
    "The first kernel is reshaped as if Flatten gave all pixels of one channel before those of the "
    "next: it goes pixel by pixel, and a pixel's channels stand together.",
    order=(2, 0, 1),
)
wrong(
    "sides_exchanged",
    "The first kernel is reshaped with height and width exchanged: Flatten goes row by row.",
    order=(1, 0, 2),
)
wrong(
    "order_of_fortran",
    "The first kernel is reshaped with its axes the other way round, channels, columns, rows: "
    "Flatten goes by rows, columns, channels.",
    order=(2, 1, 0),
)
wrong(
    "kernel_flipped",
    "The first kernel is turned round: a layer of Keras does not turn its kernel, so it is "
    "copied as it is.",
    flip=True,
)
wrong(
    "padded",
    "The first dense layer becomes a convolution with `same` padding: `valid` gives one position "
    "at the original size.",
    pad="same",
)
wrong(
    "activations_lost",
    "The activations inside the hidden dense layers are lost: the new layers need them.",
    linear="hidden",
)
wrong(
    "last_activation_lost",
    "The activation inside the last dense layer is lost: the new last layer needs it.",
    linear="last",
)
wrong(
    "all_activations_lost",
    "The activations inside the dense layers are lost, the last one too: the new layers need them.",
    linear="all",
)
wrong(
    "relu_everywhere",
    "Every new layer has a ReLU: take each dense layer's own activation.",
    relu=True,
)
wrong(
    "weights_of_the_head_not_copied",
    "Weights of the dense layers are not copied, those of the last at least: the new layer still "
    "has its initial ones.",
    fresh=("head",),
)
wrong(
    "weights_of_the_body_not_copied",
    "The weights of the layers before Flatten are not copied: they have their initial values.",
    fresh=("body",),
)
wrong(
    "statistics_forgotten",
    "The moving statistics of a batch normalisation are not copied: they are weights too, though "
    "not trained ones.",
    trainable_only=True,
)
wrong(
    "normalised_by_the_batch",
    "A batch normalisation is called with `training=True`: it takes the batch's statistics instead "
    "of its own.",
    norm_trains=True,
)
wrong(
    "fixed_input",
    "The new model keeps the old input size: it must take any that is at least as large.",
    fixed=True,
)
wrong(
    "strided_by_window",
    "The first new convolution leaves out every second position; its stride is 1.",
    stride=2,
)
wrong(
    "averaged",
    "The map of scores is averaged to one vector: the map itself is the result.",
    end=lambda x: ops.mean(x, (1, 2)),
)
wrong(
    "averaged_kept",
    "The map of scores is averaged to one position: the map itself is the result.",
    end=lambda x: ops.mean(x, (1, 2), keepdims=True),
)
wrong(
    "largest_kept",
    "Of the map of scores the largest is taken: the map itself is the result.",
    end=lambda x: ops.max(x, (1, 2), keepdims=True),
)
wrong(
    "flattened_again",
    "The map of scores is flattened: the map itself is the result.",
    end=lambda x: layers.Flatten()(x),
)
wrong(
    "positions_in_a_row",
    "The positions of the map are put in one row: height and width stay two axes.",
    end=lambda x: layers.Reshape((-1, x.shape[-1]))(x),
)
wrong(
    "softmax_again",
    "One softmax too many stands at the end: the given model's own activations are enough.",
    end=ops.softmax,
)
wrong(
    "sigmoid_again",
    "A sigmoid too many stands at the end: the given model's own activations are enough.",
    end=ops.sigmoid,
)
wrong(
    "softmax_over_rows",
    "A softmax over positions is too much: scores are of classes, at each position alone.",
    end=lambda x: ops.softmax(x, axis=1),
)
wrong(
    "classes_chosen",
    "The result is the number of the best class: the scores themselves are asked for.",
    end=lambda x: ops.argmax(x, axis=-1),
)
wrong(
    "frozen_weights",
    "The weights of the new model are frozen (`trainable=False`): they stay trainable.",
    frozen=True,
)
wrong("last_layer_missing", "The last dense layer is missing.", dropped=1)
wrong(
    "kernel_transposed",
    "The kernels of the later dense layers are transposed: from (in, out) to (1, 1, in, out) "
    "nothing changes places.",
    transposed=True,
)
wrong(
    "enlarged",
    "The map of scores is enlarged at the end: it stays as small as it is.",
    end=layers.UpSampling2D(2),
)


@bank.mistake("The layer behind Flatten becomes a 1x1 convolution: its kernel is the whole map.")
def mean_instead_of_flatten(model):
    body, _flatten, head = parts(model)
    x = inputs = keras.Input((None, None, model.input_shape[-1]))
    for layer in body:
        x = layer(x)
    for layer in head:
        if layer.weights:
            x = layers.Conv2D(layer.units, 1, activation=layer.activation)(x)
    return keras.Model(inputs, x)


@bank.mistake("The given model itself comes back: a new one is asked for.")
def given_back(model):
    return model
