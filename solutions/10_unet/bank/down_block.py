"""Answers to `down_block`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import down_block, two_convolutions
from ._shared import RawConvolution, convolve, normed, twice

bank = Bank(down_block)


def halved(x, size=2, stride=2, padding="valid"):
    return layers.MaxPooling2D(size, stride, padding=padding)(x)


# Right


@bank.accepted
def functional(x, filters, padding):
    y = layers.ReLU()(layers.Conv2D(filters, (3, 3), padding=padding)(x))
    y = layers.Activation("relu")(layers.Conv2D(filters, (3, 3), padding=padding)(y))
    return y, layers.MaxPool2D((2, 2), strides=(2, 2), padding="valid")(y)


@bank.accepted
def in_a_row(x, filters, padding):
    """A list is as good as a tuple."""
    convolutions = [layers.Conv2D(filters, 3, 1, padding, activation="relu") for _ in range(2)]
    skip = keras.Sequential(convolutions)(x)
    return [skip, ops.max_pool(skip, 2)]


class Down(layers.Layer):
    """The layers made beforehand, the second first."""

    def __init__(self, filters, padding):
        super().__init__()
        self.pool = layers.MaxPooling2D()
        self.second = layers.Conv2D(filters, 3, padding=padding)
        self.first = layers.Conv2D(filters, 3, padding=padding)

    def call(self, x):
        skip = ops.relu(self.second(ops.relu(self.first(x))))
        return skip, self.pool(skip)


@bank.accepted
def layer_of_its_own(x, filters, padding):
    return Down(filters, padding)(x)


@bank.accepted
def maximum_of_four(x, filters, padding):
    """Weights of one's own; the pool is the largest of four maps, each of every second pixel."""
    for _ in range(2):
        x = RawConvolution(filters, padding)(x)
    even = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    rows = ops.maximum(even[:, ::2], even[:, 1::2])
    return x, ops.maximum(rows[:, :, ::2], rows[:, :, 1::2])


@bank.accepted
def blocks_by_reshape(x, filters, padding):
    skip = two_convolutions(x, filters, padding)
    height, width = skip.shape[1] // 2, skip.shape[2] // 2
    blocks = ops.reshape(
        skip[:, : 2 * height, : 2 * width], (-1, height, 2, width, 2, skip.shape[-1])
    )
    return skip, ops.max(blocks, axis=(2, 4))


@bank.accepted
def relu_behind_pool(x, filters, padding):
    """The largest of what a ReLU gives is what a ReLU gives of the largest."""
    y = convolve(x, filters, padding)
    y = layers.Conv2D(filters, 3, padding=padding)(y)
    return layers.ReLU()(y), layers.ReLU()(halved(y))


@bank.accepted
def padded_by_hand(x, filters, padding):
    for _ in range(2):
        if padding == "same":
            x = layers.ZeroPadding2D(1)(x)
        x = layers.Conv2D(filters, 3, activation="relu")(x)
    return x, halved(x)


@bank.accepted
def nine_dense_layers(x, filters, padding):
    """A 3x3 convolution as nine 1x1 ones, each on a shifted map."""
    for _ in range(2):
        if padding == "same":
            x = layers.ZeroPadding2D(1)(x)
        height, width = x.shape[1] - 2, x.shape[2] - 2
        shifts = [(i, j) for i in range(3) for j in range(3)]
        x = layers.Add()(
            [
                layers.Dense(filters, use_bias=shift == (1, 1))(
                    x[:, shift[0] : shift[0] + height, shift[1] : shift[1] + width]
                )
                for shift in shifts
            ]
        )
        x = ops.relu(x)
    return x, halved(x)


@bank.accepted
def filter_by_filter(x, filters, padding):
    """A convolution for each filter."""
    for _ in range(2):
        parts = [layers.Conv2D(1, 3, padding=padding)(x) for _ in range(filters)]
        x = ops.maximum(ops.concatenate(parts, axis=-1), 0)
    return x, halved(halved(x, (2, 1), (2, 1)), (1, 2), (1, 2))


@bank.accepted
def inner_model(x, filters, padding):
    inputs = keras.Input(x.shape[1:])
    skip = twice(inputs, filters, padding)
    return keras.Model(inputs, [skip, halved(skip)])(x)


# Wrong: which map is which


@bank.mistake("What is returned first is the map behind both convolutions, not behind the first.")
def skip_behind_first(x, filters, padding):
    skip = convolve(x, filters, padding)
    return skip, halved(convolve(skip, filters, padding))


@bank.mistake("The skip is the map behind both convolutions, before the pool; here it is `x`.")
def skip_is_x(x, filters, padding):
    return x, halved(twice(x, filters, padding))


@bank.mistake("The skip is the map before the pool: here both results are behind it.")
def both_pooled(x, filters, padding):
    pooled = halved(twice(x, filters, padding))
    return pooled, pooled


@bank.mistake("The second result is half as large as the first: the max pool is missing.")
def both_whole(x, filters, padding):
    skip = twice(x, filters, padding)
    return skip, skip


@bank.mistake("The skip is the map behind the second ReLU; here the pooled one has it alone.")
def skip_before_relu(x, filters, padding):
    skip = convolve(convolve(x, filters, padding), filters, padding, activation=None)
    return skip, halved(layers.ReLU()(skip))


@bank.mistake("The map that is pooled has gone through the second ReLU too, not the skip alone.")
def pooled_before_relu(x, filters, padding):
    y = convolve(convolve(x, filters, padding), filters, padding, activation=None)
    return layers.ReLU()(y), halved(y)


@bank.mistake("The pool comes last: here `x` is pooled first, and then convolved.")
def pool_first(x, filters, padding):
    return x, twice(halved(x), filters, padding)


@bank.mistake("Both results come from the same two convolutions; here the second has two others.")
def two_of_each(x, filters, padding):
    return twice(x, filters, padding), halved(twice(x, filters, padding))


@bank.mistake("The pool is taken of the convolved map, not of `x`.")
def pool_of_x(x, filters, padding):
    return twice(x, filters, padding), halved(x)


# Wrong: the convolutions

for count, word in ((1, "one"), (3, "three")):

    def so_many(x, filters, padding, count):
        for _ in range(count):
            x = convolve(x, filters, padding)
        return x, halved(x)

    bank.variant(f"{word}_convolution", f"Two convolutions are meant; {word} is here."
                 if count == 1 else f"Two convolutions are meant; {word} are here.",
                 so_many, count=count)  # fmt: skip


def block_like(x, filters, padding, body=twice, pool=halved):
    """The block with another body, or another pool."""
    skip = body(x, filters, padding)
    return skip, pool(skip)


bank.variant(
    "one_of_five",
    "One 5x5 convolution is as wide as two of 3x3, but they are what is asked for.",
    block_like,
    body=lambda x, filters, padding: convolve(x, filters, padding, kernel=5),
)
bank.variant(
    "always_same_first",
    "The first convolution has `padding` too; here it is always `same`.",
    block_like,
    body=lambda x, filters, padding: convolve(convolve(x, filters, "same"), filters, padding),
)
bank.variant(
    "always_same_second",
    "The second convolution has `padding` too; here it is always `same`.",
    block_like,
    body=lambda x, filters, padding: convolve(convolve(x, filters, padding), filters, "same"),
)
bank.variant(
    "always_valid_first",
    "The first convolution has `padding` too; here it is always `valid`.",
    block_like,
    body=lambda x, filters, padding: convolve(convolve(x, filters, "valid"), filters, padding),
)
bank.variant(
    "always_valid_second",
    "The second convolution has `padding` too; here it is always `valid`.",
    block_like,
    body=lambda x, filters, padding: convolve(convolve(x, filters, padding), filters, "valid"),
)
bank.variant(
    "paddings_exchanged",
    "`valid` and `same` are taken for one another.",
    block_like,
    body=lambda x, f, padding: twice(x, f, {"valid": "same", "same": "valid"}[padding]),
)
bank.variant(
    "normalised",
    "There is no batch normalisation: the convolutions have a bias instead.",
    block_like,
    body=normed,
)
bank.variant(
    "widened",
    "Both convolutions have `filters` filters; here the second has twice as many.",
    block_like,
    body=lambda x, f, padding: convolve(convolve(x, f, padding), 2 * f, padding),
)
bank.variant(
    "narrow_first",
    "Both convolutions have `filters` filters; here the first has as many as `x` has channels.",
    block_like,
    body=lambda x, f, padding: convolve(convolve(x, x.shape[-1], padding), f, padding),
)
bank.variant(
    "separable",
    "The convolutions are ordinary ones, not separable: every filter sees every channel.",
    block_like,
    body=lambda x, f, padding: layers.SeparableConv2D(f, 3, padding=padding, activation="relu")(
        layers.SeparableConv2D(f, 3, padding=padding, activation="relu")(x)
    ),
)
bank.variant(
    "side_by_side",
    "The second convolution reads what the first gives; here both read `x`, and are added.",
    block_like,
    body=lambda x, f, padding: layers.Add()([convolve(x, f, padding), convolve(x, f, padding)]),
)
bank.variant(
    "relu_at_the_end",
    "A ReLU follows the first convolution too, not the second alone.",
    block_like,
    body=lambda x, f, padding: convolve(convolve(x, f, padding, activation=None), f, padding),
)
bank.variant(
    "reflected",
    "`same` puts zeros around the map; here the border is mirrored or repeated.",
    block_like,
    body=lambda x, f, padding: mirrored(mirrored(x, f, padding), f, padding),
)


def mirrored(x, filters, padding):
    """A `same` convolution with a mirror at the border."""
    if padding == "same":
        x = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="symmetric")
    return convolve(x, filters, "valid")


def with_shortcut(x, filters, padding):
    y = twice(x, filters, padding)
    return y + x[:, 2:-2, 2:-2] if y.shape[-1] == x.shape[-1] and padding == "valid" else y


bank.variant(
    "shortcut_where_it_fits",
    "There is no shortcut inside: `x` is not added to what the convolutions give.",
    block_like,
    body=with_shortcut,
)
for name in ("elu", "leaky_relu", "gelu"):
    bank.variant(
        name,
        f"The activation is ReLU, not {name}.",
        block_like,
        body=lambda x, f, padding, name=name: twice(x, f, padding, activation=name),
    )


# Wrong: the pool

bank.variant(
    "pool_takes_padding",
    "The pool has no padding, whatever `padding` is: it leaves out the last row of an odd number.",
    lambda x, filters, padding: block_like(
        x, filters, padding, pool=lambda y: halved(y, padding=padding)
    ),
)
bank.variant(
    "pool_always_padded",
    "The pool has no padding: of an odd number of rows it leaves out the last one.",
    block_like,
    pool=lambda y: halved(y, padding="same"),
)
bank.variant(
    "every_second",
    "The pool takes the largest of four values; here it takes always the same one of them.",
    block_like,
    pool=lambda y: halved(y, 1, 2),
)
bank.variant(
    "strided_convolution",
    "A max pool makes the map smaller, not a convolution with a stride: it has no weights.",
    block_like,
    pool=lambda y: layers.Conv2D(y.shape[-1], 2, strides=2, activation="relu")(y),
)
bank.variant(
    "overlapping_pool",
    "The window of the pool moves by two pixels, so that windows do not overlap.",
    block_like,
    pool=lambda y: halved(y, 2, 1),
)
bank.variant(
    "pooled_twice",
    "One pool is meant: it halves the map, and here it is a quarter as high and wide.",
    block_like,
    pool=lambda y: halved(halved(y)),
)
