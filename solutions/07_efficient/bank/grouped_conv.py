"""Answers to `grouped_conv`, right and wrong."""

import numpy as np
from keras import layers, ops

from autograder.setting.bank import Bank

from ..tasks import grouped_conv

bank = Bank(grouped_conv)


def conv(x, filters, kernel, **options):
    """A convolution without groups, as each part has one."""
    options = {"padding": "same", "use_bias": False, **options}
    return layers.Conv2D(filters, kernel, **options)(x)


def joined(parts):
    return parts[0] if len(parts) == 1 else layers.Concatenate()(parts)


# Right


@bank.accepted
def sliced(x, filters, kernel, groups):
    size = x.shape[-1] // groups
    parts = [x[..., g * size : (g + 1) * size] for g in range(groups)]
    return joined([conv(part, filters // groups, kernel) for part in parts])


@bank.accepted
def keras_does_it(x, filters, kernel, groups):
    return conv(x, filters, kernel, groups=groups)


class Grouped(layers.Layer):
    """One thin kernel, cut up group by group."""

    def __init__(self, filters, kernel, groups):
        super().__init__()
        self.filters, self.side, self.groups = filters, kernel, groups

    def build(self, shape):
        shape = (self.side, self.side, shape[-1] // self.groups, self.filters)
        self.taps = self.add_weight(shape=shape, initializer="glorot_normal", name="taps")

    def call(self, x):
        parts = zip(
            ops.split(x, self.groups, -1), ops.split(self.taps, self.groups, -1), strict=True
        )
        return ops.concatenate([ops.conv(a, b, padding="same") for a, b in parts], axis=-1)


@bank.accepted
def as_layer(x, filters, kernel, groups):
    return Grouped(filters, kernel, groups)(x)


class Sparse(Grouped):
    """The thin kernel laid into a full one that is zero elsewhere."""

    def call(self, x):
        channels = x.shape[-1]
        of_channel = np.arange(channels) // (channels // self.groups)
        of_filter = np.arange(self.filters) // (self.filters // self.groups)
        own = (of_channel[:, None] == of_filter).astype("float32")
        full = ops.concatenate([self.taps] * self.groups, axis=2) * own
        return ops.conv(x, full, padding="same")


@bank.accepted
def full_with_zeros(x, filters, kernel, groups):
    return Sparse(filters, kernel, groups)(x)


@bank.accepted
def filter_by_filter(x, filters, kernel, groups):
    size = filters // groups
    parts = ops.split(x, groups, axis=-1)
    return joined([conv(parts[number // size], 1, kernel) for number in range(filters)])


@bank.accepted
def from_last_to_first(x, filters, kernel, groups):
    size, parts = x.shape[-1] // groups, []
    for g in reversed(range(groups)):
        parts.insert(0, conv(x[..., g * size : (g + 1) * size], filters // groups, kernel))
    return ops.concatenate(parts, axis=-1)


# Wrong: the channels


@bank.mistake("Groups are of neighbouring channels, not of every `groups`-th one.")
def every_so_many(x, filters, kernel, groups):
    parts = [x[..., g::groups] for g in range(groups)]
    return joined([conv(part, filters // groups, kernel) for part in parts])


@bank.mistake("Each group sees its own part of the channels only, not all of them.")
def all_channels(x, filters, kernel, groups):
    return joined([conv(x, filters // groups, kernel) for _ in range(groups)])


@bank.mistake("Every group reads the first part of the channels: each has a part of its own.")
def first_part_always(x, filters, kernel, groups):
    first = x[..., : x.shape[-1] // groups]
    return joined([conv(first, filters // groups, kernel) for _ in range(groups)])


@bank.mistake("The parts overlap: the channels are cut so that each is in one part.")
def overlapping(x, filters, kernel, groups):
    size = x.shape[-1] // groups
    parts = [x[..., max(g * size - 1, 0) : (g + 1) * size] for g in range(groups)]
    return joined([conv(part, filters // groups, kernel) for part in parts])


@bank.mistake("What is cut are the channels, the last axis, not rows of the map.")
def rows_cut(x, filters, kernel, groups):
    rows = np.array_split(np.arange(x.shape[1]), groups)
    parts = [x[:, part[0] : part[-1] + 1] for part in rows]
    return ops.concatenate([conv(part, filters, kernel) for part in parts], axis=1)


@bank.mistake("Each group reads the channels of the next one: the first group has the first part.")
def shifted(x, filters, kernel, groups):
    parts = ops.split(x, groups, axis=-1)
    return joined([conv(parts[g - 1], filters // groups, kernel) for g in range(groups)])


@bank.mistake(
    "The results follow one another in the order of the parts; here the last comes first."
)
def results_turned_round(x, filters, kernel, groups):
    parts = ops.split(x, groups, axis=-1)
    return joined([conv(part, filters // groups, kernel) for part in reversed(parts)])


@bank.mistake(
    "The results of a group stay together; here the first filter of each comes first, then the "
    "second of each."
)
def shuffled(x, filters, kernel, groups):
    parts = [conv(part, filters // groups, kernel) for part in ops.split(x, groups, axis=-1)]
    return ops.reshape(ops.stack(parts, axis=-1), (-1, *x.shape[1:3], filters))


@bank.mistake("There are `groups` parts; here each part has `groups` channels.")
def parts_of_so_many(x, filters, kernel, groups):
    parts = [x[..., i : i + groups] for i in range(0, x.shape[-1], groups)]
    return joined([conv(part, filters // groups, kernel) for part in parts])


@bank.mistake("`groups` says how many parts there are; here it is how many channels a part has.")
def groups_of_so_many(x, filters, kernel, groups):
    count = x.shape[-1] // groups
    parts = [x[..., i * groups : (i + 1) * groups] for i in range(count)]
    return joined([conv(part, filters // count, kernel) for part in parts])


@bank.mistake("A group reads its own part of the channels, not those of the groups before it too.")
def all_up_to_here(x, filters, kernel, groups):
    size = x.shape[-1] // groups
    ends = [(g + 1) * size for g in range(groups)]
    return joined([conv(x[..., :end], filters // groups, kernel) for end in ends])


@bank.mistake("The groups know nothing of each other; here each is given what the one before gave.")
def one_after_another(x, filters, kernel, groups):
    parts, given = ops.split(x, groups, axis=-1), []
    for part in parts:
        before = ops.mean(given[-1], axis=-1, keepdims=True) if given else 0
        given.append(conv(part + before, filters // groups, kernel))
    return joined(given)


@bank.mistake("There are always two groups here: use the argument `groups`.")
def two_groups_always(x, filters, kernel, groups):
    pair = 2 if groups > 1 and x.shape[-1] % 2 == 0 and filters % 2 == 0 else 1
    return grouped_conv(x, filters, kernel, pair)


# Wrong: the filters


@bank.mistake("The groups share the `filters`: each has `filters` / `groups` of them.")
def filters_each(x, filters, kernel, groups):
    return joined([conv(part, filters, kernel) for part in ops.split(x, groups, axis=-1)])


@bank.mistake("The results are concatenated, not added up.")
def added(x, filters, kernel, groups):
    parts = [conv(part, filters, kernel) for part in ops.split(x, groups, axis=-1)]
    return sum(parts[1:], parts[0])


@bank.mistake("The results are concatenated, not averaged.")
def averaged(x, filters, kernel, groups):
    parts = [conv(part, filters, kernel) for part in ops.split(x, groups, axis=-1)]
    return sum(parts[1:], parts[0]) / groups


@bank.mistake("One layer is called for all groups: each group needs a convolution of its own.")
def shared_layer(x, filters, kernel, groups):
    layer = layers.Conv2D(filters // groups, kernel, padding="same", use_bias=False)
    return joined([layer(part) for part in ops.split(x, groups, axis=-1)])


@bank.mistake("Each group has as many filters as channels here; asked for are `filters` in all.")
def filters_as_channels(x, filters, kernel, groups):
    size = x.shape[-1] // groups
    return joined([conv(part, size, kernel) for part in ops.split(x, groups, axis=-1)])


@bank.mistake("All filters but the first group's are missing.")
def first_group_only(x, filters, kernel, groups):
    return conv(x[..., : x.shape[-1] // groups], filters // groups, kernel)


@bank.mistake("This is a full convolution: use the argument `groups`.")
def full(x, filters, kernel, groups):
    return conv(x, filters, kernel)


@bank.mistake("The groups are not mixed afterwards: there is no 1x1 convolution at the end.")
def mixed_afterwards(x, filters, kernel, groups):
    return conv(grouped_conv(x, filters, kernel, groups), filters, 1)


@bank.mistake("This is a depthwise separable convolution; grouped ones keep the groups apart.")
def separable(x, filters, kernel, groups):
    return layers.SeparableConv2D(filters, kernel, padding="same", use_bias=False)(x)


# Wrong: the window


@bank.mistake("The kernel is square: `kernel` rows and `kernel` columns.")
def flat_kernel(x, filters, kernel, groups):
    parts = ops.split(x, groups, axis=-1)
    return joined([conv(part, filters // groups, (1, kernel * kernel)) for part in parts])


@bank.mistake("Leave the padding to `same`: for an even kernel it is not alike on both sides.")
def padded_before(x, filters, kernel, groups):
    before, after = kernel // 2, (kernel - 1) // 2
    x = layers.ZeroPadding2D(((before, after), (before, after)))(x)
    parts = ops.split(x, groups, axis=-1)
    return joined([conv(part, filters // groups, kernel, padding="valid") for part in parts])


@bank.mistake("Every group reads the last part of the channels: each has a part of its own.")
def last_part_always(x, filters, kernel, groups):
    last = ops.split(x, groups, axis=-1)[-1]
    return joined([conv(last, filters // groups, kernel) for _ in range(groups)])


@bank.mistake(
    "A part has as many channels as `x` has, divided by `groups`; here it is counted by `filters`."
)
def parts_counted_by_filters(x, filters, kernel, groups):
    size, channels = filters // groups, x.shape[-1]
    parts = [x[..., min(g * size, channels - 1) : (g + 1) * size] for g in range(groups)]
    return joined([conv(part, size, kernel) for part in parts])


@bank.mistake("The results are concatenated along the channels, not along the rows.")
def one_below_the_other(x, filters, kernel, groups):
    parts = [conv(part, filters // groups, kernel) for part in ops.split(x, groups, axis=-1)]
    return ops.concatenate(parts, axis=1)


@bank.mistake("The convolution stands alone: no normalisation follows it.")
def normalised(x, filters, kernel, groups):
    return layers.BatchNormalization()(grouped_conv(x, filters, kernel, groups))


@bank.mistake("Within a group the convolution is a full one, not depthwise and 1x1.")
def separable_in_each(x, filters, kernel, groups):
    parts = [
        layers.DepthwiseConv2D(kernel, padding="same", use_bias=False)(part)
        for part in ops.split(x, groups, axis=-1)
    ]
    return joined([conv(part, filters // groups, 1) for part in parts])


@bank.mistake("The groups keep apart: nothing of one group's result goes into the next one's.")
def handed_on(x, filters, kernel, groups):
    results = []
    for part in ops.split(x, groups, axis=-1):
        result = conv(part, filters // groups, kernel)
        results.append(result + results[-1] if results else result)
    return joined(results)


@bank.mistake("Use the argument `kernel`: here every window is 1x1.")
def one_by_one_always(x, filters, kernel, groups):
    return grouped_conv(x, filters, 1, groups)


@bank.mistake("Use the argument `kernel`: here it is as if it were always 3.")
def three_by_three_always(x, filters, kernel, groups):
    return grouped_conv(x, filters, 3, groups)


@bank.mistake("The groups read `x` as it is: no 1x1 convolution mixes the channels before.")
def mixed_before(x, filters, kernel, groups):
    return grouped_conv(conv(x, x.shape[-1], 1), filters, kernel, groups)


def thin(x, filters, kernel, groups):
    """The convolution of a window that is not square."""
    parts = ops.split(x, groups, axis=-1)
    return joined([conv(part, filters // groups, kernel) for part in parts])


for name, side in (("one_column", 0), ("one_row", 1)):
    bank.variant(
        name,
        "The kernel is square: `kernel` rows and `kernel` columns; here one of the two is 1.",
        lambda x, filters, kernel, groups, side: thin(
            x, filters, (1, kernel) if side else (kernel, 1), groups
        ),
        side=side,
    )
