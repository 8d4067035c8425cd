"""Nets with many right forms are judged by what they do: what they see, and by what means."""

import contextlib
import inspect
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import pytest
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.data.footprint import add_up
from autograder.data.values import noise_dot
from autograder.judging.judge import judge
from autograder.probing.gradients import projected_gradients, sound_convolutions
from autograder.probing.probe import probe
from autograder.probing.structure import GLANCED, facts
from autograder.probing.trace import patched
from autograder.setting.exercises import project_root
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, load_tasks, trial

pytestmark = pytest.mark.usefixtures("without_slips")

FEEDS = ((17, 20, 3), (40, 43, 3), (150, 153, 3))


def chain(*steps):
    x = inputs = keras.Input((None, None, 3))
    for step in steps:
        x = step(x)
    return keras.Model(inputs, x)


def conv(filters=4, kernel=3, **options):
    return layers.Conv2D(filters, kernel, **{"padding": "same", "activation": "relu", **options})


def seen(*steps, glance=False):
    return facts(chain(*steps), FEEDS, seed=1, glance=glance)


class Again(layers.Layer):
    """One kernel of its own, applied with several dilations: in a row, or side by side."""

    def __init__(self, *rates, parallel=False, activation=ops.relu):
        super().__init__()
        self.rates, self.parallel, self.activation = rates, parallel, activation

    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, shape[-1], shape[-1]))
        self.bias = self.add_weight(shape=(shape[-1],))

    def call(self, x):
        given = []
        for rate in self.rates:
            y = ops.conv(x, self.kernel, padding="same", dilation_rate=rate) + self.bias
            given.append(self.activation(y))
            x = x if self.parallel else given[-1]
        return sum(given) if self.parallel else x


@pytest.mark.parametrize(
    ("steps", "field", "holes"),
    [
        ([conv()], [3, 3], 0),
        ([conv(padding="valid"), conv(activation="tanh")], [5, 5], 0),
        ([conv(strides=2), conv()], [7, 7], 0),
        ([conv(), conv(dilation_rate=3)], [9, 9], 0),
        ([conv(), conv(dilation_rate=4)], [11, 11], 121 - 81),
        ([conv(dilation_rate=(1, 4)), conv()], [5, 11], 55 - 45),
        ([layers.Conv2D(3, 1)], [1, 1], 0),
    ],
)
def test_the_field_and_its_holes_are_measured(steps, field, holes):
    found = seen(*steps)
    assert (found["field"], found["holes"]) == (field, holes)
    assert found["mixers"] == []


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        (lambda x: layers.MaxPooling2D(2)(x), 8),
        (lambda x: layers.MaxPooling2D(3, 1, padding="same")(x), 7),
        (lambda x: ops.maximum(x, conv(4)(x)), 7),
        (lambda x: ops.max(ops.stack([x, conv(4)(x)]), axis=0), 7),
    ],
    ids=["pool", "same", "maximum", "max"],
)
def test_what_takes_the_largest_of_several_values_sees_them_all(pool, size):
    """Its gradient shows the place of the largest alone."""
    found = seen(conv(), pool, conv())
    assert (found["field"], found["holes"]) == ([size, size], 0)


@pytest.mark.parametrize(
    "steps",
    [
        [conv(strides=2), conv(strides=2), conv(dilation_rate=4)],
        [conv(strides=2), conv(strides=2), conv(strides=2), conv(dilation_rate=9)],
        [conv(strides=2), Again(3, 5)],
    ],
    ids=["in the second picture", "in the third", "a kernel of one's own"],
)
def test_taps_outside_a_small_map_are_nothing_else_than_a_convolution(steps):
    """In the corner some of them lie inside, so that it would seem to see more than the middle."""
    assert seen(*steps)["mixers"] == []


def test_taps_that_lie_outside_every_picture_are_no_small_field():
    found = seen(conv(dilation_rate=90))
    assert found["mixers"] == []
    assert found["field"].startswith("at least ")
    assert seen(conv(dilation_rate=90), glance=True)["field"].startswith("at least ")


def test_a_field_larger_than_the_first_picture_is_measured_on_a_larger_one():
    assert seen(conv(strides=2), conv(strides=2), conv(strides=2), conv())["field"] == [31, 31]


def first_row_of_means(x):
    means = ops.mean(x, axis=1, keepdims=True)
    return ops.concatenate([means + 0 * x[:, :1], x[:, 1:]], axis=1)


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ([conv(), layers.AveragePooling2D(2)], "AveragePooling2D"),
        ([conv(), layers.MaxPooling2D(2)], "MaxPooling2D"),
        ([conv(), layers.GroupNormalization(2)], "GroupNormalization"),
        ([conv(), layers.UpSampling2D(2, interpolation="bilinear")], "UpSampling2D"),
        ([conv(), lambda x: x - ops.mean(x, axis=(1, 2), keepdims=True)], "`Mean`"),
        ([conv(), lambda x: x + ops.flip(x, axis=1)], "`Flip`"),
        ([lambda x: x * ops.flip(x, axis=2), conv()], "`Flip`"),
        ([conv(), first_row_of_means], "`Mean`"),
    ],
)
def test_whatever_else_mixes_positions_is_found(steps, named):
    assert named in seen(*steps)["mixers"][0]


@pytest.mark.parametrize(
    "step",
    [
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.MaxPooling2D(1, strides=2),
        layers.Dense(5, activation="softmax"),
        layers.SpatialDropout2D(0.3),
        lambda x: x[:, ::2, 1::2],
    ],
)
def test_what_works_on_each_position_alone_is_free(step):
    assert seen(conv(), step)["mixers"] == []


def with_shortcut(x, stride, shortcut=lambda x, stride: x):
    """A residual block; on a map with even sides Keras's window does not begin before its pixel."""
    y = conv(4, strides=stride)(x)
    x = layers.Conv2D(4, 1, strides=stride)(x) if stride > 1 else shortcut(x, stride)
    return layers.ReLU()(layers.Add()([x, y]))


def causal(x):
    """A window that ends at its pixel, and a shortcut from there."""
    y = layers.Conv2D(4, 3)(ops.pad(x, [[0, 0], [2, 0], [2, 0], [0, 0]]))
    return layers.Add()([layers.Conv2D(4, 1)(x), y])


@pytest.mark.parametrize(
    "steps",
    [[lambda x: with_shortcut(conv()(x), 2)] * 3, [lambda x: x[:, 1:, 1:], conv(2), causal]],
    ids=["stride", "causal"],
)
def test_a_shortcut_may_read_any_pixel_of_the_window_beside_it(steps):
    assert seen(*steps)["mixers"] == []


@pytest.mark.parametrize(
    "steps",
    [
        [conv(), conv(padding="valid"), conv(kernel=1)],
        [conv(strides=2), conv(strides=2), conv()],
        [conv(), conv(dilation_rate=4)],
        [conv(dilation_rate=9), conv(kernel=1)],
        [conv(dilation_rate=9, padding="valid")],
        [conv(), layers.AveragePooling2D(2)],
        [conv(), layers.GlobalAveragePooling2D()],
        [layers.Activation("relu")],
        [keras.Model(x := keras.Input((None, None, 3)), ops.zeros_like(x))],
    ],
)
def test_a_glance_gives_the_same_facts(steps):
    looked_at = seen(*steps)
    wanted = {name: fact for name, fact in looked_at.items() if name in GLANCED}
    assert seen(*steps, glance=True) == wanted


def test_a_glance_does_not_let_attention_see_a_large_picture():
    found = seen(conv(), Relations(), conv(), glance=True)
    assert found["field"].startswith("at least ")


class Twice(layers.Layer):
    dilation_rate = None

    def call(self, x):
        return 2 * x


def test_a_layer_of_ones_own_may_have_a_dilation_rate_of_any_kind():
    assert seen(conv(), Twice())["field"] == [3, 3]


def test_a_field_larger_than_any_picture_is_said_to_be_so():
    plain = [conv(strides=2) for _ in range(3)]
    found = seen(*plain, *[conv(dilation_rate=3**n) for n in range(4)])
    assert found["field"].startswith("at least ")
    assert found["mixers"] == []


@pytest.mark.parametrize("times", [1, 3])
def test_convolutions_are_counted_as_often_as_they_are_used(times):
    shared = conv(3)
    assert seen(*[shared] * times)["convolutions"] == times
    assert seen(Again(*[1] * times))["convolutions"] == times


def test_a_kernel_used_with_several_dilations_is_counted_once_each():
    assert seen(Again(1, 2, 4))["convolutions"] == 3
    assert seen(Again(1, 3, parallel=True))["convolutions"] == 2


def test_other_kernels_are_listed():
    assert seen(conv(kernel=5), conv(kernel=(1, 3)), conv(kernel=1))["kernels"] == ["1x3", "5x5"]


def test_something_else_than_a_map_is_said():
    assert seen(conv(), layers.GlobalAveragePooling2D())["output"] == "an output of shape (N, 4)"


def branches(x):
    """Two kernels side by side and one behind: 3 or 5 wide, then 3 more."""
    left, right = conv(3)(x), conv(3, dilation_rate=2)(conv(3)(x))
    return conv(3)(layers.Add()([left, right]))


def shared_by_branches(x):
    """One layer on the picture, and on a mixture of its channels."""
    shared = conv(3)
    return shared(x) + shared(layers.Dense(3)(x))


def idle_twin(x):
    return conv(3)(x) + 0 * conv(3, dilation_rate=2)(x)[:, :1, :1]


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        ([conv()], 3),
        ([conv(strides=2), conv(), conv(padding="valid", dilation_rate=2)], 15),
        ([conv(3)] * 4, 9),
        ([Again(1, 1, 1), conv(dilation_rate=2)], 11),
        ([Again(1, 2, 4, 8)], 31),
        ([Again(1, 2, 4, 8, activation=ops.tanh)], 31),
        ([Again(1, 3, parallel=True), conv()], 9),
        ([shared_by_branches, conv(dilation_rate=2)], 7),
        ([branches], 9),
        ([idle_twin], 3),
        ([lambda x: x + conv(3)(x), conv(), layers.Dense(3)], 5),
    ],
)
def test_the_steps_of_a_net_add_up_to_its_field(steps, size):
    found = seen(*steps)
    assert found["field"] == [size, size]
    assert found["holes"] == 0
    assert add_up(found["steps"], size, size, most=8)
    assert not add_up(found["steps"], size + 2, size + 2, most=8)


@pytest.mark.parametrize(
    "forged",
    [
        None,
        [],
        {},
        {"jumps": [[1, 1]], "chains": "all"},
        {"jumps": [[1, 1]] * 9, "chains": [list(range(9))]},
        {"jumps": [[31, 31]], "chains": [[0]]},
        {"jumps": [[1, 1]], "chains": [[0, 0, 0]]},
        {"jumps": [[1.5, 1]], "chains": [[0]]},
        {"jumps": [[10**9, 1]], "chains": [[0]]},
        {"jumps": [[True, True]], "chains": [[0]]},
        {"jumps": [[1, 1]], "chains": [[-1]]},
        {"jumps": [[1, 1]], "chains": [[0]] * 10**6},
    ],
)
def test_steps_that_are_made_up_add_up_to_nothing(forged):
    assert not add_up(forged, 19, 19, most=8)


def design_task():
    path = project_root() / "solutions" / "02_receptive_field" / "tasks.py"
    [task] = [task for task in load_tasks(path) if task.properties]
    return task


@cache
def design(*targets):
    """A key of the exercise's design that asks for some of its targets."""
    task = design_task()

    def trials(rng):
        return [made for made in task.trials(rng) if made.arguments["target"] in targets]

    return make_task_key(replace(task, accepted=[], mistakes=[], trials=trials), 5)


FIRST = (3, 5, 7, 11, 15)


def pooled(target):
    pools = [layers.AveragePooling2D(3, strides=1, padding="same") for _ in range(target // 2)]
    return chain(*pools)


def large_kernel(target):
    return chain(conv(kernel=target))


@pytest.mark.parametrize(
    ("answer", "right", "word"),
    [(pooled, 0, "AveragePooling2D"), (large_kernel, 1, "kernels are allowed")],
)
def test_points_are_split_by_what_is_wrong_and_where(answer, right, word):
    """A kernel as large as the target is a 3x3 one for the target 3, and right there."""
    key = design(*FIRST)
    verdict = judge(key, probe(answer, key.question))
    assert verdict.checks == {"shape": True, "parameters": False, "output": True}
    share = 0.75 + 0.25 * right / len(key.question.cases)
    assert verdict.points == pytest.approx(share * key.max_points, abs=1e-4)
    assert word in verdict.hint


def test_a_design_that_is_wrong_for_a_single_target_is_refused():
    def table(target, slips):
        rates = rates_up_to(target)
        return chain(*[conv(dilation_rate=rate) for rate in rates + [1] * (target in slips)])

    asked = [made.arguments["target"] for made in design_task().trials(np.random.default_rng(5))]
    assert sorted(asked) == list(range(3, 64, 2))
    key = design(3, 17, 39, 63)
    for target in (3, 39, 63):
        verdict = judge(key, probe(lambda target, slip=target: table(target, {slip}), key.question))
        assert verdict.points < key.max_points
        assert f"design_cnn(target={target}): an output unit sees" in verdict.hint
    assert judge(key, probe(lambda target: table(target, ()), key.question)).verdict == "correct"


def doubling(target, make):
    x = inputs = keras.Input((None, None, 3))
    for rate in rates_up_to(target):
        x = make(rate)(x)
    return keras.Model(inputs, x)


def rates_up_to(target):
    rates: list[int] = []
    missing = target // 2
    while missing:
        rates.append(min(2 ** len(rates), missing))
        missing -= rates[-1]
    return rates


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("mixing", "named"),
    [
        (lambda: layers.AveragePooling2D(3, strides=1, padding="same"), "AveragePooling2D"),
        (lambda: layers.MaxPooling2D(2), "MaxPooling2D"),
        (lambda: lambda x: x + ops.roll(x, 3, axis=1) + ops.roll(x, 5, axis=2), "Roll"),
    ],
)
def test_what_mixes_positions_is_told_before_the_kernels_are_counted(mixing, named):
    """With it a kernel sees more than its own window: that is no sign of further uses."""
    net = chain(*[step for rate in (1, 2, 4, 8) for step in (conv(dilation_rate=rate), mixing())])
    found = facts(net, FEEDS, seed=1)
    assert named in found["mixers"][0]
    assert found["convolutions"] == 4


def test_a_design_must_not_keep_anything_between_calls():
    kept: dict[int, keras.Layer] = {}
    rates: list[int] = []

    def own_layers(target):
        return doubling(target, lambda rate: conv(dilation_rate=rate))

    def kept_layers(target):
        return doubling(
            target, lambda rate: kept.setdefault(rate, layers.Conv2D(3, 3, dilation_rate=rate))
        )

    def longer_list(target):
        rates.extend(rates_up_to(target))
        return chain(*[conv(dilation_rate=rate) for rate in rates])

    key = design(*FIRST)
    assert judge(key, probe(own_layers, key.question)).verdict == "correct"
    for function, words in ((kept_layers, "earlier call"), (longer_list, "when called again")):
        verdict = judge(key, probe(function, key.question))
        assert verdict.points < key.max_points
        assert words in verdict.hint


def test_a_fixed_input_size_is_named():
    def fixed(target):
        inputs = keras.Input((64, 64, 3))
        return keras.Model(inputs, conv()(inputs))

    key = design(*FIRST)
    verdict = judge(key, probe(fixed, key.question))
    assert verdict.points == 0
    assert "(None, None, 3)" in verdict.hint


class Relations(layers.Layer):
    """Every position looks at all others, and a large picture would fill memory."""

    def call(self, x):
        height, width, channels = x.shape[1:]
        if height and height * width > 1000:
            raise MemoryError(f"{height * width} positions, each with a weight for all")
        flat = ops.reshape(x, (-1, height * width, channels)) if height else x
        weights = ops.softmax(ops.einsum("...ic,...jc->...ij", flat, flat))
        return ops.reshape(ops.matmul(weights, flat), ops.shape(x)) if height else x


def test_what_sees_everything_is_named_without_a_large_picture():
    found = seen(conv(), Relations(), conv())
    assert found["mixers"] == ["`Relations`"]
    assert found["convolutions"] == 2


def dot(place, gradient):
    return np.array(noise_dot(3, gradient))


def squares_for(x):
    """A loss: the squares of what a model gives for an input, each once."""

    def terms_of(model):
        squares = ops.square(model(x))
        return [squares], [np.ones(tuple(squares.shape), "float32")]

    return terms_of


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others need no other way")
@pytest.mark.parametrize("options", [{}, {"strides": 2}, {"dilation_rate": 2, "padding": "valid"}])
def test_grouped_convolutions_are_the_same_in_parts(options):
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 6)).astype("float32")
    inputs = keras.Input((9, 8, 6))
    net = keras.Model(inputs, layers.Conv2D(12, 3, groups=3, **options)(inputs))
    results = []
    for way in (contextlib.nullcontext(), sound_convolutions()):
        with way:
            slopes = projected_gradients(net, squares_for(x), [0, 1], dot)
            results.append((ops.convert_to_numpy(net(x)), slopes))
    (one, slopes), (other, others) = results
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(slopes, others, rtol=1e-4)


def by_layer(x, kernel):
    layer = layers.Conv2D(kernel.shape[-1], 1, strides=2, padding="same", use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(kernel)
    return layer(x)


def by_tensorflow(x, kernel):
    import tensorflow as tf

    return tf.nn.conv2d(x, kernel, [1, 2, 2, 1], "SAME")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="others need no other way")
@pytest.mark.parametrize("convolve", [by_layer, by_tensorflow])
def test_a_strided_pointwise_convolution_is_done_on_the_pixels_that_it_reads(convolve):
    """TensorFlow is never asked for its own gradient of one with a stride.

    On some sizes that gradient writes past its memory; these sizes, odd ones, are none of them.
    """
    import tensorflow as tf

    asked = []

    def noting(whole):
        def convolution(*arguments, **options):
            given = inspect.signature(whole).bind(*arguments, **options).arguments
            strides = np.atleast_1d(given.get("strides", 1)).tolist()
            asked.append((tuple(given["input"].shape), tuple(strides)))
            return whole(*arguments, **options)

        return convolution

    rng = np.random.default_rng(3)
    x = tf.constant(rng.normal(size=(2, 9, 7, 3)), "float32")
    kernel = tf.constant(rng.normal(size=(1, 1, 3, 4)), "float32")
    expected = np.einsum("nyxc,cf->nyxf", x[:, ::2, ::2], kernel[0, 0])
    with contextlib.ExitStack() as stack:
        for name in ("conv2d", "convolution"):
            stack.enter_context(patched(tf.nn, name, noting(getattr(tf.nn, name))))
        stack.enter_context(patched(tf.raw_ops, "Conv2D", noting(tf.raw_ops.Conv2D)))
        stack.enter_context(sound_convolutions())
        found = convolve(x, kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert {shape for shape, _ in asked} == {(2, 5, 4, 3)}
    assert all(set(strides) == {1} for _, strides in asked)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own functions")
def test_gradients_are_found_however_a_weight_is_read():
    import tensorflow as tf

    class Inside(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), name="scale")

        @tf.function
        def call(self, x):
            return x * self.scale

    class Twice(Inside):
        def call(self, x):
            return x * self.scale + tf.tanh(x * self.scale)

    inputs = keras.Input((5,))
    idle = layers.Dense(5, use_bias=False)
    net = keras.Model(inputs, Twice()(Inside()(layers.Dense(5)(inputs))) + 0 * idle(inputs))
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    with tf.GradientTape() as tape:
        value = ops.sum(ops.square(net(x)))
    expected = tape.gradient(value, [v.value for v in net.trainable_variables])
    numbers = range(len(expected))
    found = projected_gradients(net, squares_for(x), numbers, dot)
    wanted = [noise_dot(3, gradient.numpy()) for gradient in expected]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert np.count_nonzero(found) == 4


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own functions")
def test_a_normalisation_beside_a_function_of_tensorflows_own_is_judged_alike():
    """Weights that Keras does not see being read cost a second look, which must change nothing."""
    import tensorflow as tf

    class Scaled(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        @tf.function
        def call(self, x):
            return x * self.scale

    class Plain(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.scale

    def block_of(layer):
        def block(x):
            x = layers.Conv2D(5, 3, use_bias=False)(x)
            return layer()(layers.ReLU()(layers.BatchNormalization()(layer()(x))))

        return block

    task = Task("block", "block", 4, lambda rng: [trial(x=Input((7, 8, 3)))], block_of(Plain))
    key = make_task_key(task, 3)
    found = judge(key, probe(block_of(Scaled), key.question))
    assert (found.verdict, found.hint) == ("correct", "")
