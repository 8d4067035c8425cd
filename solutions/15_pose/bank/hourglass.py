"""Answers to `hourglass`, right and wrong."""

import keras
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import hourglass, unit

bank = Bank(hourglass)


def halved(x):
    return layers.MaxPooling2D(2)(x)


def doubled(x):
    return layers.UpSampling2D(2)(x)


# Right


@bank.accepted
def from_the_bottom_up(x, depth, filters):
    """Without recursion: the way down first, what it leaves on a list, then the way up."""
    beside = []
    for _ in range(depth):
        beside.append(unit(x, filters))
        x = unit(layers.MaxPool2D((2, 2), strides=2)(x), filters)
    while beside:
        x = beside.pop() + layers.UpSampling2D((2, 2), interpolation="nearest")(x)
    return x


@bank.accepted
def all_in_one(x, depth, filters):
    def module(x):
        y = layers.ReLU()(layers.Conv2D(filters // 2, (1, 1))(x))
        y = layers.ReLU()(layers.Conv2D(filters // 2, (3, 3), padding="same")(y))
        return layers.Add()([layers.Conv2D(filters, (1, 1))(y), x])

    if not depth:
        return layers.Identity()(x)
    upper = module(x)
    lower = all_in_one(module(ops.max_pool(x, 2)), depth - 1, filters)
    return ops.add(ops.repeat(ops.repeat(lower, 2, axis=1), 2, axis=2), upper)


class Unit(layers.Layer):
    """Weights of one's own: matrices, and a kernel as nine of them."""

    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, shape):
        half = self.filters // 2
        self.last = self.add_weight(shape=(half, self.filters), name="last")
        self.taps = self.add_weight(shape=(3, 3, half, half), name="taps")
        self.first = self.add_weight(shape=(shape[-1], half), name="first")
        sizes = (half, half, self.filters)
        self.offsets = [
            self.add_weight(shape=(size,), initializer="zeros", name=f"offset{n}")
            for n, size in enumerate(sizes)
        ]

    def call(self, x):
        one, two, three = self.offsets
        y = ops.relu(ops.einsum("nhwc,cf->nhwf", x, self.first) + one)
        y = ops.relu(ops.conv(y, self.taps, padding="same") + two)
        return x + ops.matmul(y, self.last) + three


class Hourglass(layers.Layer):
    """Its own smaller self inside."""

    def __init__(self, depth, filters):
        super().__init__()
        self.units = [Unit(filters) for _ in range(2 * min(depth, 1))]
        self.inner = Hourglass(depth - 1, filters) if depth > 0 else None

    def call(self, x):
        if not self.inner:
            return x + 0
        low = self.inner(self.units[1](ops.max_pool(x, 2, 2)))
        size = x.shape[1:3]
        return self.units[0](x) + ops.image.resize(low, size, interpolation="nearest")


@bank.accepted
def a_layer_in_a_layer(x, depth, filters):
    return Hourglass(depth, filters)(x)


@bank.accepted
def with_dense_layers(x, depth, filters):
    """A dense layer works on the last axis: it is a 1x1 convolution."""

    def module(x):
        y = layers.Dense(filters // 2, activation="relu")(x)
        y = layers.ZeroPadding2D(1)(y)
        y = layers.Conv2D(filters // 2, 3, activation="relu")(y)
        return x + layers.Dense(filters)(y)

    if depth == 0:
        return x
    height, width = x.shape[1] // 2, x.shape[2] // 2
    blocks = ops.reshape(x, (-1, height, 2, width, 2, filters))
    low = with_dense_layers(module(ops.max(blocks, axis=(2, 4))), depth - 1, filters)
    spread = ops.reshape(low, (-1, height, 1, width, 1, filters))
    spread = ops.tile(spread, (1, 1, 2, 1, 2, 1))
    return module(x) + ops.reshape(spread, (-1, 2 * height, 2 * width, filters))


@bank.accepted
def units_made_beforehand(x, depth, filters):
    """All units made first, those of the bottom before those of the top; a model for each."""

    def made(size):
        inputs = keras.Input((*size, filters))
        return keras.Model(inputs, unit(inputs, filters))

    height, width = x.shape[1:3]
    sizes = [(height // 2**n, width // 2**n) for n in range(depth + 1)]
    pairs = [(made(sizes[n]), made(sizes[n + 1])) for n in reversed(range(depth))][::-1]

    def within(x, level):
        if level == depth:
            return x
        beside, below = pairs[level]
        return beside(x) + doubled(within(below(halved(x)), level + 1))

    return within(x, 0)


@bank.accepted
def filter_by_filter(x, depth, filters):
    """The 3x3 convolutions in parts of one filter."""

    def module(x):
        y = layers.Conv2D(filters // 2, 1, activation="relu")(x)
        parts = [
            layers.Conv2D(1, 3, padding="same", activation="relu")(y) for _ in range(filters // 2)
        ]
        return layers.Add()([layers.Conv2D(filters, 1)(layers.Concatenate()(parts)), x])

    if depth == 0:
        return x
    low = filter_by_filter(module(halved(x)), depth - 1, filters)
    return layers.Add()([module(x), doubled(low)])


@bank.accepted
def last_ones_in_halves(x, depth, filters):
    """From the top down without recursion; the last 1x1 convolution of a unit in two halves."""

    def module(x):
        half = filters // 2
        y = layers.Conv2D(half, 1, activation="relu")(x)
        y = layers.Conv2D(half, 3, padding="same", activation="relu")(y)
        halves = [layers.Conv2D(half, 1)(y), layers.Conv2D(filters - half, 1)(y)]
        return layers.Add()([x, layers.Concatenate()(halves)])

    levels = [x]
    for _ in range(depth):
        levels.append(module(halved(levels[-1])))
    result = levels.pop()
    while levels:
        result = layers.Add()([module(levels.pop()), doubled(result)])
    return result


# Wrong: the hourglass with some of its parts exchanged


def join(one, other):
    return layers.Add()([one, other])


def glass(
    x, depth, filters, beside=unit, below=unit, pool=halved, up=doubled, join=join, bottom=None
):
    """The hourglass from other parts; `bottom` is what there is at depth 0."""
    if depth == 0:
        return bottom(x, filters) if bottom else x
    low = below(pool(x), filters)
    low = glass(low, depth - 1, filters, beside, below, pool, up, join, bottom)
    return join(beside(x, filters), up(low))


def changed(x, depth, filters, module):
    """The hourglass with another unit everywhere."""
    return glass(x, depth, filters, beside=module, below=module)


# The way past and the way down

bank.variant(
    "nothing_beside",
    "Past every smaller hourglass goes `unit(x)`; here `x` goes past as it is.",
    glass,
    beside=lambda x, filters: x,
)
bank.variant(
    "no_way_past",
    "At every size a unit goes past the smaller hourglass and is added; here nothing does.",
    glass,
    beside=lambda x, filters: 0 * x,
)
bank.variant(
    "two_units_beside",
    "One unit goes past the smaller hourglass; here there are two of them.",
    glass,
    beside=lambda x, filters: unit(unit(x, filters), filters),
)
bank.variant(
    "convolution_beside",
    "A whole unit goes past the smaller hourglass; here it is a 1x1 convolution.",
    glass,
    beside=lambda x, filters: layers.Conv2D(filters, 1)(x),
)
bank.variant(
    "no_unit_below",
    "Behind the pool comes a unit, and then the smaller hourglass; here the unit is missing.",
    glass,
    below=lambda x, filters: x,
)
bank.variant(
    "two_units_below",
    "One unit stands between the pool and the smaller hourglass; here there are two.",
    glass,
    below=lambda x, filters: unit(unit(x, filters), filters),
)
bank.variant(
    "unit_at_the_bottom",
    "An hourglass of depth 0 is `x` itself; here it is one unit more.",
    glass,
    bottom=unit,
)
bank.variant(
    "three_units_at_the_bottom",
    "An hourglass of depth 0 is `x` itself; here three units more stand there.",
    glass,
    bottom=lambda x, filters: unit(unit(unit(x, filters), filters), filters),
)
bank.variant(
    "bottom_of_zeros",
    "An hourglass of depth 0 is `x` itself; here nothing comes back from it.",
    glass,
    bottom=lambda x, filters: 0 * x,
)


@bank.mistake("Behind the smaller hourglass comes no unit: it is doubled and added as it is.")
def unit_on_the_way_up(x, depth, filters):
    if depth == 0:
        return x
    low = unit_on_the_way_up(unit(halved(x), filters), depth - 1, filters)
    return join(unit(x, filters), doubled(unit(low, filters)))


@bank.mistake("The unit comes behind the pool; here it comes before it, on the larger map.")
def unit_before_the_pool(x, depth, filters):
    if depth == 0:
        return x
    low = unit_before_the_pool(halved(unit(x, filters)), depth - 1, filters)
    return join(unit(x, filters), doubled(low))


@bank.mistake(
    "The pool reads `x`; here it reads what the unit beside has made of it, and one unit serves "
    "both ways."
)
def one_unit_for_both_ways(x, depth, filters):
    if depth == 0:
        return x
    y = unit(x, filters)
    return join(y, doubled(one_unit_for_both_ways(halved(y), depth - 1, filters)))


@bank.mistake("The pool reads `x` itself; here it reads what the unit beside has made of it.")
def pooled_behind_the_unit(x, depth, filters):
    if depth == 0:
        return x
    y = unit(x, filters)
    low = unit(halved(y), filters)
    return join(y, doubled(pooled_behind_the_unit(low, depth - 1, filters)))


@bank.mistake(
    "The unit comes before the smaller hourglass, behind the pool; here it comes behind it."
)
def unit_behind_the_smaller_one(x, depth, filters):
    if depth == 0:
        return x
    low = unit_behind_the_smaller_one(halved(x), depth - 1, filters)
    return join(unit(x, filters), doubled(unit(low, filters)))


@bank.mistake("No unit follows the sum of both ways; here one does.")
def unit_behind_the_sum(x, depth, filters):
    if depth == 0:
        return x
    low = unit_behind_the_sum(unit(halved(x), filters), depth - 1, filters)
    return unit(join(unit(x, filters), doubled(low)), filters)


@bank.mistake("`depth` is not used: there is only one step down.")
def one_step_only(x, depth, filters):
    return hourglass(x, min(depth, 1), filters)


@bank.mistake(
    "Units at different sizes are one layer with the same weights here: each has its own."
)
def units_shared(x, depth, filters):
    inputs = keras.Input((None, None, filters))
    beside, below = (keras.Model(inputs, unit(inputs, filters)) for _ in range(2))
    return glass(x, depth, filters, beside=lambda y, f: beside(y), below=lambda y, f: below(y))


@bank.mistake("Only the outermost step has a way past it; every step has one.")
def outermost_way_only(x, depth, filters):
    if depth == 0:
        return x
    low = halved(x)
    for _ in range(depth - 1):
        low = halved(unit(low, filters))
    low = unit(low, filters)
    return join(unit(x, filters), layers.UpSampling2D(2**depth)(low))


@bank.mistake(
    "On the way down a pool reads what the unit before it gives; here all pools read `x` itself."
)
def pyramid_of_pools(x, depth, filters):
    if depth == 0:
        return x
    total = unit(x, filters)
    for level in range(1, depth + 1):
        low = unit(layers.MaxPooling2D(2**level)(x), filters)
        low = low if level == depth else unit(low, filters)
        total = join(total, layers.UpSampling2D(2**level)(low))
    return total


# Smaller, larger, together

bank.variant(
    "mean_pool",
    "The pool takes the largest of four values; here it takes their mean.",
    glass,
    pool=lambda x: layers.AveragePooling2D(2)(x),
)
bank.variant(
    "every_second",
    "The pool takes the largest of four values; here it takes always the same one of them.",
    glass,
    pool=lambda x: x[:, ::2, ::2],
)
bank.variant(
    "overlapping_pool",
    "The window of the pool is 2x2; here windows are larger and overlap.",
    glass,
    pool=lambda x: layers.MaxPooling2D(3, 2, padding="same")(x),
)
bank.variant(
    "strided_convolution",
    "A max pool makes the map smaller, not a convolution with a stride: it has no weights.",
    glass,
    pool=lambda x: layers.Conv2D(x.shape[-1], 2, strides=2)(x),
)
bank.variant(
    "bilinear",
    "Every value is repeated when the map is doubled; here it is interpolated bilinearly.",
    glass,
    up=lambda x: layers.UpSampling2D(2, interpolation="bilinear")(x),
)
bank.variant(
    "transposed",
    "Every value is repeated when the map is doubled; here a transposed convolution does it, with "
    "weights.",
    glass,
    up=lambda x: layers.Conv2DTranspose(x.shape[-1], 2, strides=2)(x),
)
bank.variant(
    "zeros_between",
    "Every value is repeated when the map is doubled; here zeros are put between.",
    glass,
    up=lambda x: (
        layers.UpSampling2D(2)(x)
        * ops.reshape(
            ops.cast(
                (ops.arange(2 * x.shape[1])[:, None] + ops.zeros((1, 2 * x.shape[2]), "int32")) % 2
                + (ops.arange(2 * x.shape[2])[None]) % 2
                == 0,
                "float32",
            ),
            (1, 2 * x.shape[1], 2 * x.shape[2], 1),
        )
    ),
)
bank.variant(
    "concatenated",
    "Both ways are added; here they are concatenated, and a 1x1 convolution makes `filters` of "
    "them.",
    glass,
    join=lambda a, b: layers.Conv2D(a.shape[-1], 1)(layers.Concatenate()([a, b])),
)
bank.variant(
    "larger_of_both",
    "Both ways are added; here the larger value of the two is taken.",
    glass,
    join=ops.maximum,
)
bank.variant(
    "relu_behind_the_ways",
    "No ReLU stands behind the sum of both ways.",
    glass,
    join=lambda a, b: ops.relu(a + b),
)
bank.variant(
    "mean_of_both",
    "Both ways are added; here their mean is taken.",
    glass,
    join=lambda a, b: (a + b) / 2,
)

# The unit


def module(
    x, filters, shortcut=lambda x: x, inner=None, before=False, norm=False, end=None, first="relu",
    second="relu", kernel=3,
):  # fmt: skip
    """The unit with other parts."""
    inner = inner or filters // 2
    y = layers.ReLU()(x) if before else x
    y = layers.Conv2D(inner, 1, activation=first)(y)
    y = layers.Conv2D(inner, kernel, padding="same", activation=second)(y)
    y = layers.Conv2D(filters, 1)(y)
    y = layers.BatchNormalization()(y) if norm else y
    total = shortcut(x) + y
    return end(total) if end else total


for name, hint, options in (
    ("relu_behind_the_unit", "No ReLU stands behind the sum in a unit.", {"end": ops.relu}),
    ("relu_before_the_unit", "A unit begins with its 1x1 convolution; no ReLU comes before.",
     {"before": True}),
    ("no_shortcut_in_a_unit", "In a unit its input is added; here it is not.",
     {"shortcut": lambda x: 0 * x}),
    ("convolved_shortcut", "In a unit its input is added as it is; here a 1x1 convolution comes "
     "first.", {"shortcut": lambda x: layers.Conv2D(x.shape[-1], 1)(x)}),
    ("not_narrowed", "The first two convolutions of a unit have half as many filters; here they "
     "have all.", {"inner": -1}),
    ("quarter", "The first two convolutions of a unit have half as many filters; here they have a "
     "quarter.", {"inner": -4}),
    ("normalised", "There is no batch normalisation.", {"norm": True}),
    ("linear_unit", "ReLUs follow the first and the second convolution of a unit; here none does.",
     {"first": None, "second": None}),
    ("all_1x1", "The second convolution of a unit is 3x3; here it is 1x1.", {"kernel": 1}),
):  # fmt: skip

    def with_it(x, depth, filters, options):
        options = dict(options)
        if options.get("inner", 0) < 0:
            options["inner"] = max(filters // -options["inner"], 1)
        return changed(x, depth, filters, lambda y, f: module(y, f, **options))

    bank.variant(name, hint, with_it, options=options)


def two_wide(x, filters):
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return x + layers.Conv2D(filters, 3, padding="same")(y)


bank.variant(
    "two_wide_convolutions",
    "A unit is 1x1, 3x3, 1x1 with a narrow middle; here it is two 3x3 convolutions.",
    changed,
    module=two_wide,
)
