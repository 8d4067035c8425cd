"""Answers that store a kernel in parts are right, whatever the usual way they cut it up."""

import itertools
import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.data.observation import Stored
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.probing.storing import storages_of
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, trial

pytestmark = pytest.mark.usefixtures("without_slips")


def answer(x, filters):
    """Two convolutions, the first with a bias."""
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.BatchNormalization()(layers.Conv2D(filters + 1, 1, use_bias=False)(x))


def rest(x, filters):
    x = layers.ReLU()(x)
    return layers.BatchNormalization()(layers.Conv2D(filters + 1, 1, use_bias=False)(x))


def filter_by_filter(x, filters):
    maps = [layers.Conv2D(1, 3, padding="same", activation="relu")(x) for _ in range(filters)]
    return rest(layers.Concatenate()(maps), filters)


def halves_of_filters(x, filters):
    parts = [filters // 2, filters - filters // 2]
    x = ops.concatenate([layers.Conv2D(n, 3, padding="same")(x) for n in parts], -1)
    return rest(x, filters)


def channel_by_channel(x, filters):
    first, *others = range(x.shape[-1])
    y = layers.Conv2D(filters, 3, padding="same")(x[..., first : first + 1])
    for c in others:
        y = y + layers.Conv2D(filters, 3, padding="same", use_bias=False)(x[..., c : c + 1])
    return rest(y, filters)


def halves_of_channels(x, filters):
    n = x.shape[-1] // 2
    left = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x[..., :n])
    return rest(left + layers.Conv2D(filters, 3, padding="same")(x[..., n:]), filters)


def shifted(x, filters, rows, columns):
    """A dense layer for each position, added up."""
    _, height, width, _ = x.shape
    padded, y = layers.ZeroPadding2D(1)(x), 0
    for row in rows:
        for column in columns:
            last = (row, column) == (rows[-1], columns[-1])
            place = padded[:, row : row + height, column : column + width]
            y = y + layers.Dense(filters, use_bias=last)(place)
    return rest(y, filters)


def position_by_position(x, filters):
    return shifted(x, filters, range(3), range(3))


def row_by_row(x, filters):
    height, padded, y = x.shape[1], layers.ZeroPadding2D(1)(x), 0
    for row in range(3):
        conv = layers.Conv2D(filters, (1, 3), use_bias=row == 0)
        y = y + conv(padded[:, row : row + height])
    return rest(y, filters)


def lines(x, filters, axis):
    """Three convolutions in one dimension, of kernels that look alike in both."""
    if axis == 2:
        return ops.transpose(lines(ops.transpose(x, (0, 2, 1, 3)), filters, 1), (0, 2, 1, 3))
    height, padded, y = x.shape[1], layers.ZeroPadding2D((1, 0))(x), 0
    for row in range(3):
        conv = layers.Conv1D(filters, 3, padding="same", use_bias=row == 2)
        y = y + layers.TimeDistributed(conv)(padded[:, row : row + height])
    return y


def lines_along_rows(x, filters):
    return rest(lines(x, filters, 1), filters)


def lines_along_columns(x, filters):
    return rest(lines(x, filters, 2), filters)


class Affine(layers.Layer):
    """The end of a normalisation, with scale and offset in one weight."""

    def build(self, shape):
        self.both = self.add_weight(shape=(2, shape[-1]))

    def call(self, x):
        return x * self.both[0] + self.both[1]


def scale_and_offset_together(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(filters + 1, 1, use_bias=False)(x)
    return Affine()(layers.BatchNormalization(center=False, scale=False)(x))


def everything_in_halves(x, filters):
    half, other = filters // 2, filters - filters // 2
    x = ops.concatenate([layers.Conv2D(n, 3, padding="same")(x) for n in (half, other)], -1)
    half, other = (filters + 1) // 2, filters + 1 - (filters + 1) // 2
    x = ops.relu(x)
    x = ops.concatenate([layers.Conv2D(n, 1, use_bias=False)(x) for n in (half, other)], -1)
    return layers.BatchNormalization()(x)


def normalised_in_parts(x, filters):
    """The second convolution's filters in halves, and a normalisation for each."""
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    half, other = (filters + 1) // 2, filters + 1 - (filters + 1) // 2
    maps = [layers.Conv2D(n, 1, use_bias=False)(x) for n in (half, other)]
    return ops.concatenate([layers.BatchNormalization()(y) for y in maps], -1)


def a_normalisation_for_each_channel(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(filters + 1, 1, use_bias=False)(x)
    maps = ops.split(x, filters + 1, -1)
    return layers.Concatenate()([layers.BatchNormalization()(y) for y in maps])


def unequal_parts(x, filters):
    """One filter and the others; the 1x1 convolution of one channel and of the others, added."""
    maps = [layers.Conv2D(n, 3, padding="same")(x) for n in (1, filters - 1)]
    x = ops.relu(layers.Concatenate()(maps))
    one = layers.Conv2D(filters + 1, 1, use_bias=False)(x[..., :1])
    return layers.BatchNormalization()(one + layers.Dense(filters + 1, use_bias=False)(x[..., 1:]))


class Transposed(layers.Layer):
    """A 1x1 convolution with its kernel as (filters, channels)."""

    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, shape):
        self.w = self.add_weight(shape=(self.filters, shape[-1]), name="w")

    def call(self, x):
        return ops.einsum("nhwc,fc->nhwf", x, self.w)


def transposed_kernel(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.BatchNormalization()(Transposed(filters + 1)(x))


class Positions(layers.Layer):
    """A 3x3 convolution with its kernel as (positions, filters, channels), its bias made first."""

    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, shape):
        self.b = self.add_weight(shape=(self.filters,))
        self.w = self.add_weight(shape=(9, self.filters, shape[-1]))

    def call(self, x):
        height, width = x.shape[1:3]
        x, y = ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), self.b
        for n in range(9):
            place = x[:, n // 3 : n // 3 + height, n % 3 : n % 3 + width]
            y = y + ops.einsum("nhwc,fc->nhwf", place, self.w[n])
        return y


def kernel_of_positions(x, filters):
    return rest(Positions(filters)(x), filters)


def bias_as_a_last_row(x, filters):
    """The 3x3 convolution by patches, a column of ones, and a dense kernel with the bias in it."""
    height, width = x.shape[1:3]
    padded = layers.ZeroPadding2D(1)(x)
    patches = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    patches = layers.Concatenate()([*patches, ops.ones_like(x[..., :1])])
    return rest(layers.Dense(filters, use_bias=False)(patches), filters)


def wrong_order_of_positions(x, filters):
    return shifted(x, filters, range(3), (0, 2, 2))


def halves_without_concatenation(x, filters):
    parts = [filters // 2, filters - filters // 2]
    maps = [layers.Conv2D(n, 3, padding="same")(x) for n in parts]
    x = ops.concatenate([maps[0], maps[1][..., :1] + 0 * maps[1]], -1)
    return rest(x, filters)


def the_same_half_twice(x, filters):
    one = layers.Conv2D(filters // 2, 3, padding="same")
    idle = layers.Conv2D(filters - filters // 2, 3, padding="same")
    y = ops.concatenate([one(x), one(x), 0 * idle(x)], -1)[..., :filters]
    return rest(y, filters)


@pytest.fixture(scope="module")
def key():
    def trials(rng):
        shapes = [((7, 6, 4), 6), ((6, 9, 3), 5)]
        return [trial(x=Input(shape), filters=filters) for shape, filters in shapes]

    return make_task_key(Task("answer", "block", 4.0, trials, answer), 7)


RIGHT = [
    answer,
    filter_by_filter,
    halves_of_filters,
    channel_by_channel,
    halves_of_channels,
    position_by_position,
    row_by_row,
    lines_along_rows,
    lines_along_columns,
    scale_and_offset_together,
    everything_in_halves,
    normalised_in_parts,
    a_normalisation_for_each_channel,
    unequal_parts,
    transposed_kernel,
    kernel_of_positions,
    bias_as_a_last_row,
]
WRONG = [wrong_order_of_positions, halves_without_concatenation, the_same_half_twice]


@pytest.mark.parametrize("function", RIGHT, ids=lambda f: f.__name__)
def test_a_kernel_may_be_stored_in_parts(key, function):
    verdict = judge(key, probe(function, key.question))
    assert (verdict.verdict, verdict.points) == ("correct", 4.0), verdict.hint


@pytest.mark.parametrize("function", WRONG, ids=lambda f: f.__name__)
def test_parts_put_together_wrongly_are_refused(key, function):
    verdict = judge(key, probe(function, key.question))
    assert verdict.points < 4.0
    assert not verdict.checks["output"]


def test_no_part_of_an_answer_is_in_the_key(key):
    assert keras.__name__ not in key.model_dump_json()
    assert len(key.reordered) == 1


def conv(x, filters, kernel=3):
    return layers.Conv2D(filters, kernel, padding="same", use_bias=False)(x)


def turned(x, filters):
    return layers.Conv2DTranspose(filters, 3, padding="same", use_bias=False)(x)


def nine_dense(x, filters):
    _, height, width, _ = x.shape
    padded = layers.ZeroPadding2D(1)(x)
    places = [padded[:, a : a + height, b : b + width] for a in range(3) for b in range(3)]
    return layers.Add()([layers.Dense(filters, use_bias=False)(place) for place in places])


def single_filters(x, filters):
    return layers.Concatenate()([layers.Dense(1, use_bias=False)(x) for _ in range(filters)])


def square_block(x, filters, middle=conv, side=lambda x, filters: conv(x, filters, 1)):
    """All kernels have as many channels as filters: shapes do not tell the one from the other."""
    y = layers.ReLU()(layers.BatchNormalization()(conv(x, filters)))
    y = layers.BatchNormalization()(middle(y, filters))
    return layers.ReLU()(y + layers.BatchNormalization()(side(x, filters)))


@pytest.fixture(scope="module")
def square_key():
    """With nine filters nine dense kernels look like a 3x3 kernel's filters, too."""
    trials = [trial(x=Input((6, 5, filters)), filters=filters) for filters in (9, 7)]
    task = Task(
        "square_block", "block", 4, lambda rng: trials, lambda x, filters: square_block(x, filters)
    )
    return make_task_key(task, 1)


@pytest.mark.parametrize("middle", [conv, turned, nine_dense])
@pytest.mark.parametrize("side", [lambda x, filters: conv(x, filters, 1), single_filters])
def test_square_kernels_may_be_stored_in_parts_or_turned(square_key, middle, side):
    def answer(x, filters):
        return square_block(x, filters, middle, side)

    verdict = judge(square_key, probe(answer, square_key.question))
    assert (verdict.verdict, verdict.points) == ("correct", 4.0), verdict.hint


def test_kernels_in_quarters_are_not_taken_for_one_stored_otherwise():
    """A quarter of the projection has as many weights as the whole of the kernel beside it."""

    def quarters(x, filters):
        parts = [conv(x, filters // 4, 1) for _ in range(4)]
        return layers.Concatenate()([layers.BatchNormalization()(part) for part in parts])

    def whole(x, filters):
        return layers.BatchNormalization()(conv(x, filters, 1))

    def block(x, last=whole):
        y = layers.ReLU()(layers.BatchNormalization()(conv(x, 3, 1)))
        y = layers.ReLU()(layers.BatchNormalization()(conv(y, 3)))
        return layers.ReLU()(last(y, 12) + last(x, 12))

    key = make_task_key(
        Task("block", "block", 4, lambda rng: [trial(x=Input((6, 5, 12)))], lambda x: block(x)), 1
    )
    verdict = judge(key, probe(lambda x: block(x, quarters), key.question))
    assert (verdict.verdict, verdict.points) == ("correct", 4.0), verdict.hint


def test_what_looks_like_halves_may_be_several_weights_in_one():
    """Two of the weights with scale and offset are as large as the scale behind them."""

    def answer(x, norm=layers.BatchNormalization):
        y = layers.ReLU()(norm()(conv(x, 3, 1)))
        y = layers.ReLU()(norm()(conv(y, 3)))
        return layers.ReLU()(norm()(conv(y, 12, 1)) + norm()(conv(x, 12, 1)))

    def together():
        return keras.Sequential([layers.BatchNormalization(center=False, scale=False), Affine()])

    trials = [trial(x=Input((6, 5, 12))), trial(x=Input((6, 5, 7)))]
    key = make_task_key(Task("answer", "block", 4, lambda rng: trials, lambda x: answer(x)), 1)
    verdict = judge(key, probe(lambda x: answer(x, together), key.question))
    assert (verdict.verdict, verdict.points) == ("correct", 4.0), verdict.hint


def test_a_kernel_of_ones_own_name_does_not_keep_others_from_being_found_by_name():
    own = Stored(name="variable", shape=(7, 7, 2, 4))
    halves = [Stored(name=name, shape=(2,)) for name in ("gamma", "beta") * 2]
    weights = [*of(own.shape), *of((4,), name="gamma"), *of((4,), name="beta")]
    arrays = numbered([own, *halves], weights)
    assert [array.tolist() for array in arrays[1:]] == [
        [392, 393],
        [396, 397],
        [394, 395],
        [398, 399],
    ]


def test_a_turned_kernel_elsewhere_is_refused(square_key):
    def answer(x, filters):
        return square_block(x, filters, lambda y, n: turned(turned(y, n), n))

    assert judge(square_key, probe(answer, square_key.question)).points < 4.0


def numbered(variables, weights):
    return arrays_in(storages_of(variables, weights)[0], variables)


def arrays_in(storage, variables):
    """The variables' arrays, where the weights hold 0, 1, 2, ... one after the other."""
    counts = itertools.accumulate((math.prod(shape) for shape in storage.weights), initial=0)
    held = [
        np.arange(start, start + math.prod(shape)).reshape(shape)
        for start, shape in zip(counts, storage.weights, strict=False)
    ]
    arrays = [np.full(variable.shape, -1) for variable in variables]
    for part in storage.parts:
        mine = part.in_weight.view(held[part.weight])
        part.in_variable.view(arrays[part.variable])[...] = mine
    return arrays


def of(*shapes, name="kernel"):
    return [Stored(name=name, shape=shape) for shape in shapes]


SIDES = st.integers(1, 4)
KERNELS = st.one_of(
    st.tuples(SIDES), st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES, SIDES, SIDES)
)
NAMES = st.sampled_from(["kernel", "bias", "gamma", "w"])
STORED = st.lists(st.builds(lambda n, s: Stored(name=n, shape=s), NAMES, KERNELS), max_size=6)


@st.composite
def stored_otherwise(draw):
    """Weights, and variables that hold them cut along an axis, turned, or in another order."""
    weights = draw(STORED)
    variables = []
    for weight in weights:
        shape = list(weight.shape)
        axis = draw(st.integers(0, len(shape) - 1))
        at = draw(st.integers(0, shape[axis]))
        for side in filter(None, (at, shape[axis] - at)):
            part = [*shape[:axis], side, *shape[axis + 1 :]]
            turned = draw(st.booleans())
            variables.append(Stored(name=weight.name, shape=tuple(part[::-1] if turned else part)))
    return draw(st.permutations(variables)), weights


SIZES = (3, 4, 2)


def three_ways(x, order=(), factor=1):
    """Three 1x1 convolutions of `x`, or one for the three in an `order`, and a 3x3 on two."""
    if not order:
        ways = [layers.Conv2D(size, 1)(x) for size in SIZES]
    else:
        ends = list(itertools.accumulate(SIZES[i] for i in order))
        maps = ops.split(layers.Conv2D(ends[-1], 1)(x), ends[:-1], axis=-1)
        ways = [factor * maps[order.index(i)] for i in range(3)]
    return layers.Concatenate()([ways[0], *(conv(layers.ReLU()(y), 2) for y in ways[1:])])


@pytest.fixture(scope="module")
def three_ways_key():
    trials = [trial(x=Input((6, 5, 4)))]
    return make_task_key(
        Task("three_ways", "block", 4, lambda rng: trials, lambda x: three_ways(x)), 1
    )


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_one_convolution_may_serve_for_three_in_whatever_order_it_is_cut_up(three_ways_key, order):
    verdict = judge(three_ways_key, probe(lambda x: three_ways(x, order), three_ways_key.question))
    assert (verdict.verdict, verdict.points) == ("correct", 4.0), verdict.hint


def test_one_convolution_for_three_whose_parts_are_doubled_is_refused(three_ways_key):
    wrong = probe(lambda x: three_ways(x, (0, 1, 2), factor=2), three_ways_key.question)
    assert judge(three_ways_key, wrong).points < 4.0


@settings(max_examples=300, deadline=None)
@given(st.one_of(stored_otherwise(), st.tuples(STORED, STORED)))
def test_every_number_of_a_variable_is_that_of_one_weight(case):
    variables, weights = case
    total = sum(math.prod(variable.shape) for variable in variables)
    for storage in storages_of(variables, weights):
        arrays = arrays_in(storage, variables)
        found = np.concatenate([np.zeros(0, int), *(array.ravel() for array in arrays)])
        assert sorted(found) == list(range(total))


@pytest.mark.parametrize(
    ("variables", "weights", "expected"),
    [
        (of((2, 3)), of((3, 2)), [[[0, 2, 4], [1, 3, 5]]]),
        (of((3, 1), (3, 1)), of((3, 2)), [[[0], [2], [4]], [[1], [3], [5]]]),
        (of((1, 2), (2, 2)), of((3, 2)), [[[0, 1]], [[2, 3], [4, 5]]]),
        (of((2, 3)), of((2, 1), (2, 2)), [[[0, 2, 3], [1, 4, 5]]]),
        (of((2, 2), (3, 2)), of((2, 2), (2, 3)), [[[0, 2], [1, 3]], [[4, 7], [5, 8], [6, 9]]]),
    ],
    ids=["turned", "filters", "channels", "together", "turned alike"],
)
def test_variables_are_found_to_hold(variables, weights, expected):
    assert [array.tolist() for array in numbered(variables, weights)] == expected


class Bias(layers.Layer):
    def build(self, shape):
        self.bias = self.add_weight(shape=(shape[-1],), name="bias")

    def call(self, x):
        return x + self.bias


def interleaved(x, filters, positions=(0, 1, 2, 3)):
    """A transposed convolution of its stride's size as a dense layer for each position."""
    _, height, width, _ = x.shape
    parts = [layers.Dense(filters, use_bias=False)(x) for _ in range(4)]
    y = ops.reshape(
        ops.stack([parts[p] for p in positions], axis=3), (-1, height, width, 2, 2, filters)
    )
    y = ops.reshape(ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, 2 * height, 2 * width, filters))
    return Bias()(y)


@pytest.fixture(scope="module")
def enlarging_key():
    """Twice and four times as many channels as filters: other cuts give as large parts, too."""
    trials = [trial(x=Input((6, 5, channels)), filters=4) for channels in (8, 16, 7)]

    def enlarging(x, filters):
        return layers.ReLU()(layers.Conv2DTranspose(filters, 2, strides=2)(x))

    return make_task_key(Task("enlarging", "block", 4, lambda rng: trials, enlarging), 1)


@pytest.mark.parametrize(("last", "right"), [((2, 3), True), ((2, 2), False)])
def test_a_transposed_kernel_may_be_stored_position_by_position(enlarging_key, last, right):
    def answer(x, filters):
        return layers.ReLU()(interleaved(x, filters, (0, 1, *last)))

    verdict = judge(enlarging_key, probe(answer, enlarging_key.question))
    assert (verdict.points == 4.0) == right, verdict.hint
