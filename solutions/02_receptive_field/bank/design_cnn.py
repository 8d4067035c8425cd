"""Answers to `design_cnn`, right and wrong."""

import itertools

import keras
from keras import layers as keras_layers
from keras import ops

from autograder.setting.bank import Bank

from ..tasks import design_cnn, dilations

bank = Bank(design_cnn)


def chain(plan, filters=6):
    """3x3 convolutions in a row; `plan` gives each one's options."""
    x = inputs = keras.Input((None, None, 3))
    for options in plan:
        options = {"padding": "same", "activation": "relu", **options}
        x = keras_layers.Conv2D(filters, 3, **options)(x)
    return keras.Model(inputs, x)


def dilated(rates, filters=6):
    """3x3 convolutions with these dilations."""
    return chain([{"dilation_rate": rate} for rate in rates], filters)


def strides(target):
    """Each layer adds 2 * jump; one or two layers at each of the jumps 1, 2, 4, ..."""
    needed = target // 2 + 1
    jumps = [1 << bit for bit in range(needed.bit_length() - 1)]
    plan = [jump for jump in jumps for _ in range(1 + bool(needed & jump))]
    return [after // before for before, after in itertools.pairwise([*plan, plan[-1]])]


@bank.accepted
def with_strides(target):
    return chain([{"strides": stride} for stride in strides(target)])


@bank.accepted
def valid(target):
    options = {"padding": "valid", "activation": "tanh"}
    return chain([{"dilation_rate": rate, **options} for rate in dilations(target)])


@bank.accepted
def plain_first(target):
    """Plain layers as long as eight are enough, else plain ones and at last dilated ones."""
    left, plan = target // 2, []
    while left:
        layers_left = 8 - len(plan)
        reach = sum(plan)
        plan.append(1 if left <= layers_left else min(2 * reach + 1, left, -(-left // 2)))
        left -= plan[-1]
    return dilated(plan, filters=5)


@bank.accepted
def sequential(target):
    """Convolutions of stride 1; the map is thinned out by pools of one pixel."""
    model = keras.Sequential([keras.Input((None, None, 3))])
    for stride in strides(target):
        model.add(keras_layers.Conv2D(7, (3, 3), padding="valid", use_bias=False))
        model.add(keras_layers.BatchNormalization())
        model.add(keras_layers.LeakyReLU())
        if stride > 1:
            model.add(keras_layers.MaxPooling2D(1, strides=stride))
    model.add(keras_layers.Dense(2))
    return model


class Designed(keras.Model):
    def __init__(self, plan):
        super().__init__()
        self.convolutions = [
            keras_layers.Conv2D(6, 3, strides=stride, padding="same") for stride in plan
        ]
        self.norm = keras_layers.LayerNormalization()
        self.head = keras_layers.Conv2D(4, 1)

    def call(self, x):
        for convolution in self.convolutions:
            x = ops.silu(convolution(x))
        return ops.softmax(self.head(self.norm(x)))


@bank.accepted
def subclass(target):
    return Designed(strides(target))


class Taps(keras_layers.Layer):
    """A dilated 3x3 convolution with weights of its own, as nine shifted products."""

    def __init__(self, filters, dilation):
        super().__init__()
        self.filters, self.dilation = filters, dilation

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], self.filters), name="w")

    def call(self, x):
        d = self.dilation
        height, width = ops.shape(x)[1:3]
        x = ops.pad(x, [(0, 0), (d, d), (d, d), (0, 0)])
        return sum(
            ops.matmul(x[:, i * d : i * d + height, j * d : j * d + width], self.kernel[i, j])
            for i in range(3)
            for j in range(3)
        )


@bank.accepted
def raw(target):
    x = inputs = keras.Input((None, None, 3))
    for dilation in dilations(target):
        x = ops.relu(Taps(5, dilation)(x))
    return keras.Model(inputs, x)


@bank.accepted
def residual(target):
    """Depthwise 3x3 and 1x1 in residual blocks."""
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, 1)(inputs)
    for dilation in dilations(target):
        y = keras_layers.DepthwiseConv2D(3, dilation_rate=dilation, padding="same")(x)
        y = keras_layers.Conv2D(6, 1)(keras_layers.ReLU()(y))
        x = keras_layers.Add()([x, y])
    return keras.Model(inputs, x)


@bank.accepted
def separable(target):
    x = inputs = keras.Input((None, None, 3))
    for stride in strides(target):
        x = keras_layers.ZeroPadding2D(1)(x)
        x = keras_layers.SeparableConv2D(6, 3, strides=stride, activation="elu")(x)
    return keras.Model(inputs, keras_layers.Dropout(0.2)(x))


@bank.accepted
def strided_skips(target):
    """Residual blocks with strides: the shortcut is a 1x1 convolution of the same stride."""
    x = inputs = keras.Input((None, None, 3))
    for stride in strides(target):
        y = keras_layers.Conv2D(5, 3, strides=stride, padding="same", activation="relu")(x)
        x = keras_layers.Conv2D(5, 1, strides=stride)(x) + y
    return keras.Model(inputs, x)


@bank.accepted
def gated(target):
    """Every position scales its own channels; a second branch sees less."""
    x = inputs = keras.Input((None, None, 3))
    near = keras_layers.Conv2D(4, 3, padding="same")(x)
    for dilation in dilations(target):
        x = keras_layers.Conv2D(4, 3, dilation_rate=dilation, padding="same", activation="elu")(x)
        x = x * keras_layers.Conv2D(4, 1, activation="sigmoid")(x)
    return keras.Model(inputs, keras_layers.Concatenate()([x, near]))


@bank.mistake(
    "Plain 3x3 layers add 2 pixels each, and a layer that is called again counts again: beyond "
    "17 that takes more than eight. Strides or dilations make the later ones count for more."
)
def too_many(target):
    return chain([{}] * (target // 2))


@bank.mistake("Eight plain 3x3 layers see 17x17 and no more: beyond, use strides or dilations.")
def eight(target):
    return chain([{}] * min(8, target // 2))


@bank.mistake("Use the argument `target`: this is the same net each time.")
def always_eight(target):
    return chain([{}] * 8)


@bank.mistake(
    "What doubles from layer to layer, dilation or jump, gives 3, 7, 15, 31, 63 and nothing "
    "between: let the last layers add less."
)
def doubling(target):
    """Doubles the dilation until the target is reached or passed."""
    reach, plan = 0, []
    while reach < target // 2:
        plan.append(2 ** len(plan))
        reach += plan[-1]
    return dilated(plan)


@bank.mistake(
    "What doubles from layer to layer gives 3, 7, 15, 31, 63 and nothing between. Here the "
    "field stays too small: let a further layer add what is left."
)
def doubling_short(target):
    """Doubles the dilation as long as the target is not passed."""
    reach, plan = 0, []
    while reach + 2 ** len(plan) <= target // 2:
        plan.append(2 ** len(plan))
        reach += plan[-1]
    return dilated(plan)


@bank.mistake(
    "The first layer widens the field by 2 as well: what is left for the others is target - 3."
)
def one_before(target):
    """A plain layer, and behind it a net that would be right without it."""
    plan, left = [1], target // 2
    while left:
        plan.append(min(2 ** (len(plan) - 1), left))
        left -= plan[-1]
    return dilated(plan)


@bank.mistake(
    "A single dilated layer reads nine pixels far apart: its field has the right size, but holes."
)
def one_dilated(target):
    return dilated([target // 2])


@bank.mistake(
    "The field has the right size, but holes: a dilation may be at most as large as what the "
    "layers before it cover."
)
def holes(target):
    """The right size: one plain layer, one for the rest."""
    rest = target // 2 - 1
    return dilated([1, rest] if rest else [1])


@bank.mistake("All kernels but 1x1 must be 3x3.")
def large_kernel(target):
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, target, padding="same", activation="relu")(inputs)
    return keras.Model(inputs, x)


@bank.mistake("Kernels of 1 x n and n x 1 are not 3x3: use 3x3 kernels only.")
def two_long_kernels(target):
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, (1, target), padding="same")(inputs)
    return keras.Model(inputs, keras_layers.Conv2D(6, (target, 1), padding="same")(x))


@bank.mistake("No pooling with windows: only 3x3 convolutions may mix positions.")
def pools(target):
    """3x3 pools of stride 1 do what convolutions should."""
    inputs = keras.Input((None, None, 3))
    x = keras_layers.Conv2D(6, 3, padding="same", activation="relu")(inputs)
    if target > 3:
        x = keras_layers.AveragePooling2D(target - 2, strides=1, padding="same")(x)
    return keras.Model(inputs, x)


@bank.mistake(
    "A pooling window mixes positions too, and widens the field: let the convolutions have the "
    "stride."
)
def pooled_stack(target):
    """A pool of stride 2 after each convolution; its own window is not counted."""
    x = inputs = keras.Input((None, None, 3))
    for stride in strides(target):
        x = keras_layers.Conv2D(6, 3, padding="same", activation="relu")(x)
        if stride > 1:
            x = keras_layers.MaxPooling2D(stride, padding="same")(x)
    return keras.Model(inputs, x)


@bank.mistake("There is one layer too many: the field is too large by 2.")
def one_layer_more(target):
    return dilated([*dilations(target), 1])


@bank.mistake("A layer is missing: the field has not reached `target` yet.")
def one_short(target):
    return dilated(dilations(target)[:-1])


@bank.mistake("The field reaches `target` pixels to each side; it must be `target` wide in all.")
def reach_is_target(target):
    return dilated(dilations(2 * target + 1))


@bank.mistake(
    "A layer's own stride does not widen its own window: it counts from the next layer on."
)
def own_stride(target):
    """Counts a layer's own stride into its window."""
    size, jump, plan = 1, 1, []
    while size < target and len(plan) < 8:
        stride = 2 if size + 4 * jump <= target else 1
        jump *= stride
        size += 2 * jump
        plan.append({"strides": stride})
    return chain(plan)


@bank.mistake(
    "A stride of 4 is larger than the window of 3: the next layer's windows leave out pixels."
)
def stride_four(target):
    size, jump, plan = 1, 1, []
    while size + 2 * jump <= target:
        size += 2 * jump
        plan.append({"strides": 4 if size + 8 * jump <= target else 1})
        jump *= plan[-1]["strides"]
    return chain(plan[:8])


@bank.mistake("A map is asked for: no global pooling at the end.")
def global_pool(target):
    inner = design_cnn(target)
    outputs = keras_layers.GlobalAveragePooling2D()(inner.output)
    return keras.Model(inner.input, outputs)


@bank.mistake(
    "A global mean lets every position speak to every other: the field is the whole picture."
)
def context(target):
    """Squeeze-and-excitation: a global mean speaks to every position."""
    inner = design_cnn(target)
    x = inner.output
    means = keras_layers.GlobalAveragePooling2D(keepdims=True)(x)
    gates = keras_layers.Dense(x.shape[-1], activation="sigmoid")(means)
    return keras.Model(inner.input, x * gates)


@bank.mistake(
    "Bilinear upsampling mixes positions. The map may be smaller than the picture: leave it."
)
def upsampled(target):
    x = inputs = keras.Input((None, None, 3))
    plan = strides(target)
    for stride in plan:
        x = keras_layers.Conv2D(6, 3, strides=stride, padding="same", activation="relu")(x)
    x = keras_layers.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(inputs, x)


@bank.mistake("Height and width need the same: dilate in both directions.")
def one_direction(target):
    return chain([{"dilation_rate": (1, d)} for d in dilations(target)])


@bank.mistake(
    "The layers stand side by side, each reads the picture itself: what they see adds up only "
    "where each reads the map of the one before."
)
def side_by_side(target):
    """Every layer reads the picture; their maps are added."""
    inputs = keras.Input((None, None, 3))
    maps = [
        keras_layers.Conv2D(6, 3, dilation_rate=dilation, padding="same")(inputs)
        for dilation in dilations(target)
    ]
    return keras.Model(inputs, maps[0] if len(maps) == 1 else keras_layers.Add()(maps))


@bank.mistake(
    "Only one layer counts, the last: does every layer read `inputs`, not the map of the one "
    "before?"
)
def reads_the_input(target):
    """Calls every layer on the picture and keeps the last one's map."""
    return dilated(dilations(target)[-1:])


@bank.mistake(
    "Only one plain layer reaches the output: does the model end at the last layer's map?"
)
def first_only(target):
    return chain([{}])


@bank.mistake("The field is 63 whatever `target` is: use the argument.")
def always_63(target):
    return dilated((1, 2, 4, 8, 16))


@bank.mistake("A layer of dilation d adds d pixels on *each* side, 2d in all.")
def half_as_fast(target):
    """Reckons with `dilation` pixels a layer, which adds twice as many."""
    seen, plan = 1, []
    while seen < target:
        plan.append(min(seen, target - seen))
        seen += plan[-1]
    return dilated(plan)


@bank.mistake(
    "Begin with a dilation of 1: behind a first layer of dilation 2 every second pixel is left out."
)
def starts_with_two(target):
    rest, plan = target // 2, []
    while rest:
        plan.append(min(2 ** (len(plan) + 1), rest))
        rest -= plan[-1]
    return dilated(plan)
