"""What `check` says of small answers, right and wrong."""

import json
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import autograder
from autograder.data.arguments import Input, decode, encode
from autograder.data.key import KeyProblem, read_key, write_key
from autograder.data.observation import Array, Observation, Plan
from autograder.data.values import Colour
from autograder.judging.judge import judge
from autograder.judging.report import Shown, verdict_json
from autograder.probing.calls import noting_calls
from autograder.probing.probe import probe
from autograder.setting import planning
from autograder.setting.keymaking import make_key, make_task_key
from autograder.setting.task import Accepted, Mistake, Task, TaskError, counted, trial

pytestmark = pytest.mark.usefixtures("without_slips")


def double(values, factor=2.0):
    """Multiply."""
    return factor * values


def array_trials(rng):
    return [trial(values=rng.normal(size=(4, 5))), trial(values=rng.normal(size=3), factor=3.5)]


DOUBLE = Task("double", "function", 4, array_trials, double)


def two_convolutions(x, filters):
    """Two convolutions of equal size, one after the other."""
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 3, padding="same")(x)


def spelt_out(x, filters):
    x = layers.ReLU()(layers.Conv2D(filters, 3, padding="same")(x))
    return layers.Conv2D(filters, 3, padding="same")(x)


CONVOLUTIONS = Task(
    "two_convolutions",
    "block",
    4,
    lambda rng: [trial(x=Input((6, 5, 4)), filters=4)],
    two_convolutions,
    accepted=[Accepted(spelt_out)],
)


@pytest.fixture(scope="module")
def double_key():
    return make_task_key(DOUBLE, 1)


@pytest.fixture(scope="module")
def convolutions_key():
    return make_task_key(CONVOLUTIONS, 1)


def verdict(key, function):
    return judge(key, probe(function, key.question))


def named(function):
    return function


@pytest.mark.parametrize(
    "answer",
    [
        lambda values, factor=2.0: np.asarray(values) * factor,
        lambda v, f=2: (
            [[f * x for x in row] for row in v] if np.ndim(v) == 2 else [f * x for x in v]
        ),
        lambda values, factor=2.0: ops.multiply(factor, values),
    ],
)
def test_a_right_function_gets_full_marks_however_written(double_key, answer):
    assert verdict(double_key, answer).verdict == "correct"


def mutating(values, factor=2.0):
    values *= factor
    return values


def stateful(values, factor=2.0, calls=[]):  # noqa: B006
    calls.append(1)
    return factor * values + len(calls) // 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda values, factor=2.0: values * 2, "times the expected one"),
        (lambda values, factor=2.0: (values * factor).T, "transposed|has shape"),
        (lambda values, factor=2.0: None, "return"),
        (lambda values, factor=2.0: "many", "must return numbers"),
        (lambda values, factor=2.0: [[1.0], [1.0, 2.0]], "a list of unequal lengths"),
        (lambda values, factor=2.0: [{"a": 1.0}], "yours returns a list of dict"),
        (lambda values, factor=2.0: (values * factor).astype(int), "int values"),
        (lambda values, factor=2.0: values * np.nan, "not finite"),
        (lambda values, factor=2.0: values / 0 + {}, "raises"),
        (lambda values: values, "must take"),
        (lambda factor=2.0, values=None: values, "must take"),
        (mutating, "changes its argument `values`"),
        (stateful, "another result when called again"),
        (lambda values, factor=2.0: factor * values + np.random.rand(), "another result"),
        (lambda values, factor=2.0: exit(), "raises SystemExit"),
    ],
)  # fmt: skip
def test_a_wrong_function_loses_points_and_is_told_why(double_key, answer, words):
    import re

    found = verdict(double_key, answer)
    assert found.points < 4
    told = " ".join([found.hint, *found.details])
    assert re.search(words, told), told


def test_of_an_answer_without_its_source_the_line_is_told_by_its_number(double_key):
    names: dict = {}
    exec("def double(values, factor=2.0):\n    return values[9, 9, 9, 9]", names)
    found = verdict(double_key, names["double"])
    told = " ".join([found.hint, *found.details])
    assert "(line 2 of the cell)" in told, told


def test_a_keras_error_is_told_without_colours_and_dumps():
    def right(x):
        return layers.Conv2D(2, 3)(x)

    def block(x):
        return layers.Conv2D(2, 9)(x)

    key = make_task_key(
        Task("block", "block", 1, lambda rng: [trial(x=Input((6, 7, 2)))], right), 3
    )
    hint = judge(key, probe(block, key.question)).hint
    assert "raises ValueError" in hint
    assert "\x1b" not in hint
    assert "Arguments received" not in hint


def coarse(values, factor=2.0):
    return (factor * values).astype("float16").astype("float64")


def third_too_large(values, factor=2.0):
    return factor * values * (1 if values.ndim == 2 else 3)


def swallowing(values, factor=2.0):
    result = factor * values
    values *= 0
    return result


def slightly_off(values, factor=2.0):
    return factor * values * (1 + 3e-4 * np.sign(values))


def test_a_mistake_explains_nothing_where_the_answer_is_right_or_nearly():
    mistakes = [Mistake(coarse, "float16 is too coarse"), Mistake(third_too_large, "three times")]
    task = Task("double", "function", 4, array_trials, double, mistakes=mistakes, tolerance=3e-5)
    key = make_task_key(task, 1)
    assert verdict(key, coarse).hint == "float16 is too coarse"
    assert "changes its argument" in verdict(key, swallowing).hint
    assert "three times" not in verdict(key, slightly_off).hint


def test_an_untouched_answer_is_missing_and_worth_nothing(double_key):
    def untouched(values, factor=2.0):
        raise NotImplementedError

    found = verdict(double_key, untouched)
    assert (found.verdict, found.points) == ("missing", 0)
    assert "not answered yet" in found.hint


def test_a_layer_used_twice_beside_an_idle_one_is_refused(convolutions_key):
    def shared(x, filters):
        first = layers.Conv2D(filters, 3, padding="same", activation="relu")
        idle = layers.Conv2D(filters, 3, padding="same")
        y = ops.relu(first(x))
        y = ops.conv(y, first.kernel, padding="same") + first.bias
        return y + 0 * idle(x)

    found = verdict(convolutions_key, shared)
    assert found.checks == {"shape": True, "parameters": True, "output": False}
    assert found.points == 2


def test_dead_layers_count_as_parameters(convolutions_key):
    def dead(x, filters):
        return two_convolutions(x, filters) + 0 * layers.Conv2D(filters, 1)(x)

    found = verdict(convolutions_key, dead)
    assert found.checks == {"shape": True, "parameters": False, "output": True}


def stages(widths):
    x = inputs = keras.Input((6, 5, 2))
    for width in widths:
        x = layers.Conv2D(width, 3, padding="same")(x)
    return keras.Model(inputs, x)


def stages_popped(widths):
    return stages([widths.pop(0) for _ in range(len(widths))])


def tower(filters, input_shape=(9, 8, 3)):
    x = inputs = keras.Input(input_shape)
    for number in filters:
        x = layers.Conv2D(number, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))


class Tower(keras.Model):
    def __init__(self, filters):
        super().__init__()
        self.convolutions = [layers.Conv2D(n, 3, padding="same") for n in filters]

    def call(self, x):
        for convolution in self.convolutions:
            x = ops.relu(convolution(x))
        return ops.mean(x, axis=(1, 2))


def test_a_net_that_is_only_counted_shows_an_argument_that_is_ignored():
    trials = [
        trial((9, 8, 3), filters=[4, 4], input_shape=(9, 8, 3)),
        counted((9, 8, 3), filters=[5, 4, 7], input_shape=(9, 8, 3)),
    ]
    task = Task("tower", "model", 4, lambda rng: trials, tower)
    key = make_task_key(task, 1)

    def always_four(filters, input_shape=(9, 8, 3)):
        return tower([4] * len(filters), input_shape)

    def one_by_one(filters, input_shape=(9, 8, 3)):
        x = inputs = keras.Input(input_shape)
        for number in filters:
            each = [layers.Conv2D(1, 3, padding="same")(x) for _ in range(number)]
            x = layers.ReLU()(layers.Concatenate()(each))
        return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))

    def in_a_row(filters, input_shape=(9, 8, 3)):
        each = [layers.Conv2D(n, 3, padding="same", activation="relu") for n in filters]
        return keras.Sequential([keras.Input(input_shape), *each, layers.GlobalAvgPool2D()])

    def with_another_end(filters, input_shape=(9, 8, 3)):
        net = tower(filters, input_shape)
        return net if len(filters) == 2 else keras.Sequential([net, layers.Activation("sigmoid")])

    for right in (
        tower,
        one_by_one,
        in_a_row,
        lambda filters, input_shape=(9, 8, 3): Tower(filters),
    ):
        assert judge(key, probe(right, key.question)).verdict == "correct"
    end = judge(key, probe(with_another_end, key.question))
    assert end.checks == {"shape": True, "parameters": True, "output": False}
    verdict = judge(key, probe(always_four, key.question))
    assert verdict.checks == {"shape": False, "parameters": False, "output": False}
    assert "filters=[5, 4, 7]" in verdict.hint


def test_a_layer_that_is_called_twice_is_named():
    def three(x, filters):
        for _ in range(3):
            x = layers.Conv2D(filters, 3, padding="same")(x)
        return layers.Softmax()(x)

    def shared(x, filters):
        again = layers.Conv2D(filters, 3, padding="same")
        return layers.Softmax()(again(again(layers.Conv2D(filters, 3, padding="same")(x))))

    def wrong_axis(x, filters):
        x = keras.Sequential([layers.Conv2D(filters, 3, padding="same") for _ in range(3)])(x)
        return layers.Softmax(axis=1)(x)

    trials = [trial(x=Input((6, 7, 4)), filters=5)]
    key = make_task_key(Task("three", "block", 4, lambda rng: trials, three), 3)
    verdict = judge(key, probe(shared, key.question))
    assert "`Conv2D 3x3, 5 filters, same` is called twice" in verdict.hint
    assert "`Softmax, axis 1`" in judge(key, probe(wrong_axis, key.question)).hint


def added(x, filters, padding="same", strides=(2, 1), rows=1, add=layers.add):
    """Two convolutions and a projection, added; the wrong ones cannot be built."""
    y = layers.Conv2D(filters, 3, strides[0], padding=padding, activation="relu")(x)
    y = layers.Conv2D(filters, 3, strides[1], padding="same")(y)
    return add([y, layers.Conv2D(filters, 1, rows, padding="same")(x)])


def of_added(**options):
    def added_otherwise(x, filters):
        return added(x, filters, **options)

    return added_otherwise


def test_what_cannot_be_built_is_told_by_its_first_other_step():
    unstrided = Mistake(of_added(rows=1), "The projection has the stride too.")
    right = of_added(rows=2)
    task = Task(
        "added", "block", 4, lambda rng: [trial(x=Input((9, 8, 3)), filters=4)], right, [],
        [unstrided],
    )  # fmt: skip
    key = make_task_key(task, 1)

    def hint(**options):
        return judge(key, probe(of_added(**options), key.question)).hint

    assert hint(rows=1, add=lambda two: two[0] + two[1]) == unstrided.hint
    assert "`Conv2D 3x3, 4 filters, stride 2, valid` -> 4x3x4" in hint(padding="valid", rows=2)
    twice = hint(strides=(2, 2), rows=2)
    assert "Look at `Conv2D 3x3, 4 filters, stride 2, same` -> 3x2x4" in twice
    assert "expected there: `Conv2D 3x3, 4 filters, same` -> 5x4x4" in twice


def test_a_function_named_like_one_of_kerass_is_not_expected_to_be_itself(convolutions_key):
    def relu(x):
        return ops.maximum(x, 0.01 * x)

    def leaky(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", activation=relu)(x)
        return layers.Conv2D(filters, 3, padding="same")(x)

    hint = judge(convolutions_key, probe(leaky, convolutions_key.question)).hint
    assert "they part at `Activation, relu of your own`" in hint
    assert "expected there: `Activation, relu`" in hint or "expected there: `ReLU`" in hint


class PadNothing(layers.Layer):
    """Attributes that Keras's own layers have too, of other types."""

    padding = 1
    dilation_rate = None

    def call(self, x):
        return x + 0


class Late(layers.Layer):
    """It says its shape itself, so that Keras makes no variables before the first call."""

    def build(self, shape):
        self.first = layers.Conv2D(shape[-1], 3, padding="same", activation="relu")
        self.second = layers.Conv2D(shape[-1], 3, padding="same")

    def call(self, x):
        return self.second(self.first(x))

    def compute_output_shape(self, shape):
        return shape


def test_a_layer_that_makes_its_variables_at_the_first_call_is_right(convolutions_key):
    assert verdict(convolutions_key, lambda x, filters: Late()(x)).verdict == "correct"


def test_a_layer_of_ones_own_may_name_its_attributes_as_it_likes(convolutions_key):
    def answer(x, filters):
        return two_convolutions(PadNothing()(x), filters)

    assert verdict(convolutions_key, answer).verdict == "correct"


def test_a_network_must_not_be_built_by_changing_an_argument():
    task = Task("stages", "model", 4, lambda rng: [trial((6, 5, 2), widths=[3, 4])], stages)
    found = verdict(make_task_key(task, 1), stages_popped)
    assert found.points < 4
    assert "changes its argument" in found.hint


def unit(x, filters):
    """A convolution, a normalisation and a ReLU."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def unit_with(norm=None, last=None, **options):
    def answer(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", **{"use_bias": False, **options})(x)
        return (last or layers.ReLU())((norm or layers.BatchNormalization())(x))

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: unit_with(use_bias=True), "4 too many: the bias of `Conv2D 3x3, 4 filters, same`"),
        (lambda: unit_with(trainable=False), "no bias` are frozen"),
        (lambda: unit_with(layers.BatchNormalization(scale=False)), "BatchNormalization, no scale"),
        (lambda: unit_with(layers.BatchNormalization(axis=1)), "BatchNormalization, axis 1"),
        (lambda: unit_with(last=layers.ReLU(6)), "ReLU, max_value 6` -> 6x5x4 (after BatchN"),
        (lambda: unit_with(last=layers.MaxPooling2D(2, 1, "same")), "2x2, stride 1, same`"),
        (lambda: unit_with(dilation_rate=2), "same, dilation 2, no bias`"),
        (lambda: unit_with(groups=2), "same, groups 2, no bias`"),
    ],
)
def test_options_that_are_not_the_expected_ones_are_named(answer, words):
    task = Task("unit", "block", 4, lambda rng: [trial(x=Input((6, 5, 4)), filters=4)], unit)

    def fresh(x, filters):
        return answer()(x, filters)

    assert words in verdict(make_task_key(task, 1), fresh).hint


def test_the_place_where_networks_part_is_named(convolutions_key):
    def sigmoid(x, filters):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.Activation("sigmoid")(x)
        return layers.Conv2D(filters, 3, padding="same")(x)

    assert "part at `Activation, sigmoid` -> 6x5x4" in verdict(convolutions_key, sigmoid).hint


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, filters: layers.Conv2D(filters, 3), "must return a Keras tensor"),
        (lambda x, filters: keras.Sequential([]), "must return a Keras tensor"),
        (lambda x, filters: (x, x), "must return a Keras tensor"),
        (lambda x, filters: ops.zeros((3, 6, 5, 4)), "must return a Keras tensor"),
        (lambda x, filters: keras.Input((6, 5, 4)), "not computed from its input"),
        (lambda x, filters: two_convolutions(x, 2 * filters), "shape"),
        (lambda x, filters: layers.Dropout(0.5)(two_convolutions(x, filters), training=True),
         "another result when called again"),
        (lambda x, filters: layers.GaussianNoise(0.1)(two_convolutions(x, filters)),
         "GaussianNoise"),
    ],
)  # fmt: skip
def test_blocks_that_give_the_wrong_thing_are_told_so(convolutions_key, answer, words):
    found = verdict(convolutions_key, answer)
    assert found.points < 4
    assert words in " ".join([found.hint, *found.details])


def test_a_block_must_not_keep_its_layers_between_calls(convolutions_key):
    kept = [
        layers.Conv2D(4, 3, padding="same", activation="relu"),
        layers.Conv2D(4, 3, padding="same"),
    ]

    def cached(x, filters):
        return kept[1](kept[0](x))

    assert "earlier call" in verdict(convolutions_key, cached).hint


def small_classifier(classes=5):
    return keras.Sequential(
        [
            keras.Input((6, 5, 3)),
            layers.Conv2D(7, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


SMALL_CLASSIFIER = Task(
    "small_classifier", "model", 4, lambda rng: [trial((6, 5, 3), classes=5)], small_classifier
)


@pytest.fixture(scope="module", params=[1, 2])
def classifier_key(request):
    """The key of a model task that is tried so many times."""
    trials = [trial((6, 5, 3), classes=classes) for classes in (5, 9)]
    task = Task(
        "small_classifier", "model", 4, lambda rng: trials[: request.param], small_classifier
    )
    return make_task_key(task, 1)


def test_a_model_must_be_made_anew_each_time(classifier_key):
    kept = layers.Conv2D(7, 3, activation="relu")

    def shared(classes=5):
        x = inputs = keras.Input((6, 5, 3))
        x = layers.GlobalAveragePooling2D()(kept(x))
        return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))

    assert verdict(classifier_key, small_classifier).verdict == "correct"
    found = verdict(classifier_key, shared)
    assert found.points < found.max_points
    assert "earlier call" in found.hint


def test_a_model_must_be_the_same_each_time():
    calls: list[int] = []

    def growing(classes=5):
        calls.append(1)
        if len(calls) == 1:
            return small_classifier(classes)
        return keras.Sequential(
            [keras.Input((6, 5, 3)), layers.GlobalAveragePooling2D(), layers.Dense(classes)]
        )

    found = verdict(make_task_key(SMALL_CLASSIFIER, 1), growing)
    assert found.points < found.max_points
    assert "another network when called again" in found.hint


class TooLarge(layers.Dense):
    def build(self, shape):
        raise MemoryError("Unable to allocate 7.50 GiB")


def test_a_net_that_fills_memory_is_told_which_step_makes_it_large():
    def net(pool, head):
        x = inputs = keras.Input((6, 6, 3))
        x = layers.Conv2D(7, 3, padding="same", activation="relu")(x)
        return keras.Model(inputs, head(layers.Flatten()(pool(x))))

    def classifier(classes):
        return net(layers.MaxPooling2D(2), layers.Dense(classes))

    def overlapping(classes):
        return net(layers.MaxPooling2D(2, strides=1), TooLarge(classes))

    task = Task("classifier", "model", 4, lambda rng: [trial((6, 6, 3), classes=5)], classifier)
    hint = verdict(make_task_key(task, 1), overlapping).hint
    assert "MemoryError" in hint
    assert "Look at `MaxPooling2D 2x2, stride 1, valid`" in hint


def flat_classifier(classes=5):
    x = inputs = keras.Input((6, 5, 3))
    x = layers.Flatten()(layers.Conv2D(7, 3, activation="relu", padding="same")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def test_a_net_many_times_too_large_is_told_its_count_and_never_filled(monkeypatch):
    """Filled, a VGG without a pool takes 11 GB and half a minute; its count says enough."""
    key = make_task_key(SMALL_CLASSIFIER, 1)
    monkeypatch.setattr("autograder.probing.probe.OVERSIZED", 100)

    seen = probe(flat_classifier, key.question)
    assert [(case.trace, set(case.outputs)) for case in seen.cases] == [((), {"inference"})]
    found = judge(key, seen)
    assert "1,251 trainable parameters, expected 236" in found.hint
    assert found.checks == {"shape": True, "parameters": False, "output": False}


def test_a_net_with_far_too_large_maps_is_told_so_and_never_run(monkeypatch):
    """Run, a MobileNetV2 without strides in its blocks takes 6 GB and 20 seconds."""
    trials = [trial((6, 5, 3), classes=5)]
    task = Task("classifier", "model", 4, lambda rng: trials, flat_classifier)
    key = make_task_key(task, 1)
    right = probe(flat_classifier, key.question)
    monkeypatch.setattr("autograder.probing.probe.OVERSIZED_MAPS", 100)
    seen = probe(flat_classifier, key.question)
    assert [case.trace for case in seen.cases] == [()]
    assert "million numbers in its maps" in judge(key, seen).hint
    assert "is a stride or a pool missing?" in judge(key, seen).hint
    assert judge(key, right).verdict == "correct"


class AtAKink:
    """A network one of whose units has 0 as its input, but for rounding."""

    def __init__(self, slope):
        self.model = keras.Sequential([layers.ReLU()])
        self.plan, self.slope, self.clearance = Plan(seed=1), slope, 1.0
        self.inputs, self.colours = [ops.ones((2, 3))], [Colour(3, 0), Colour(3, 1)]
        self.seen = self.observe()

    def observe(self):
        behind = bool(self.slope) and float(self.inputs[0][0, 0]) < 1
        self.colours = [Colour(3, int(behind)), Colour(3, int(not behind))]
        return {"inference": [np.arange(6.0).reshape(2, 3)]}


def test_a_seed_for_which_rounding_decides_on_colours_is_not_taken():
    steady: Any = AtAKink(0)
    unsteady: Any = AtAKink(1)
    assert planning._is_steady(steady, 1e-3)
    assert not planning._is_steady(unsteady, 1e-3)
    assert unsteady.colours == [Colour(3, 0), Colour(3, 1)]
    assert float(unsteady.inputs[0][0, 0]) == 1


def test_a_known_mistake_gets_its_own_hint():
    added = Mistake(lambda values, factor=2.0: values + factor, "Multiply!")
    task = Task("double", "function", 4, array_trials, double, mistakes=[added])
    key = make_task_key(task, 3)
    assert verdict(key, lambda values, factor=2.0: factor + values).hint == "Multiply!"


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ([2], "Multiply! But one case is right that this would spoil."),
        ([1, 3, 4], "double(values=[2., 3., 4., 5., 6., 7.]): every value is 0.5 times"),
    ],
)
def test_a_hint_that_does_not_hold_everywhere_says_so(right, said):
    """Five cases that the known mistake would spoil, of which some are right."""
    values = [np.arange(n, n + 6.0) for n in range(1, 6)]
    added = Mistake(lambda values, factor=2.0: values + factor, "Multiply!")
    task = Task(
        "double",
        "function",
        4,
        lambda rng: [trial(values=v) for v in values],
        double,
        mistakes=[added],
    )

    def seldom_right(values, factor=2.0):
        return values * factor if values[0] in right else values + factor

    assert said in verdict(make_task_key(task, 3), seldom_right).hint


def test_a_number_too_large_for_any_array_is_said_to_be_so(double_key):
    hint = verdict(double_key, lambda values, factor=2.0: 10**100).hint
    assert "101 digits" in hint


def test_a_task_that_cannot_tell_a_mistake_from_the_answer_is_refused():
    wrong = Mistake(lambda values, factor=2.0: values * factor * 1.0, "never")
    with pytest.raises(TaskError, match="gets full marks"):
        make_task_key(Task("double", "function", 4, array_trials, double, mistakes=[wrong]), 1)


def test_a_mistake_of_the_bank_with_a_misspelt_name_is_refused():
    def misspelt(values, factor=2.0):
        return values * facto  # type: ignore[name-defined]  # noqa: F821

    wrong = [Mistake(misspelt, "a hint")]
    with pytest.raises(TaskError, match=r"`misspelt` does not run: .*NameError"):
        make_task_key(Task("double", "function", 4, array_trials, double, mistakes=wrong), 1)


def test_a_last_kernel_must_differ_in_size_from_the_others():
    """Its scale, which makes probabilities readable, would be that of the others too."""

    def classifier(classes):
        inputs = keras.Input((6, 5, 4))
        x = layers.Conv2D(16, 1, activation="relu")(inputs)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))

    task = Task(
        "classifier",
        "model",
        1,
        lambda rng: [trial((6, 5, 4), classes=4)],
        classifier,
        plan={"probabilities": True, "kernels": 100.0},
    )
    with pytest.raises(TaskError, match="another number of classes"):
        make_task_key(task, 1)


def test_an_accepted_answer_that_differs_is_refused():
    other = Accepted(lambda values, factor=2.0: values)
    with pytest.raises(TaskError, match="differs from the model answer"):
        make_task_key(Task("double", "function", 4, array_trials, double, accepted=[other]), 1)


def test_a_verdict_is_a_table_to_the_reader_and_a_number_to_nbgrader(double_key):
    shown = Shown(verdict(double_key, lambda values, factor=2.0: values * 1.5))
    assert float(repr(shown)) == float(shown) == 1.0
    html = shown._repr_html_()
    assert "wrong" in html
    assert "<table" in html
    assert json.loads(json.dumps(verdict_json(shown.verdict)))["points"] == 1.0


def test_what_a_student_writes_is_escaped_on_pages(double_key):
    def bad(values, factor=2.0):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in Shown(verdict(double_key, bad))._repr_html_()


def test_names_in_backticks_are_set_as_code_on_pages(double_key):
    def bad(values, factor=2.0):
        raise ValueError("`<b>` is not `values`")

    html = Shown(verdict(double_key, bad))._repr_html_()
    assert "<code>&lt;b&gt;</code> is not <code>values</code>" in html


def test_check_finds_the_key_beside_the_notebook(tmp_path, monkeypatch, capsys):
    write_key(make_key("00_test", [DOUBLE], 1), tmp_path / "key.json")
    monkeypatch.chdir(tmp_path)
    assert float(autograder.check(double)) == 4.0
    assert capsys.readouterr().err == ""


def test_check_without_a_key_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=r"key\.json lies"):
        autograder.check(double)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a key file"),
        ("[]", "not a key file"),
        ('{"format": 99}', "format 99"),
        ('{"format": 5}', "damaged"),
    ],
)
def test_a_bad_key_is_one_sentence(tmp_path, text, words):
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(KeyProblem, match=words):
        read_key(path)


def test_a_key_survives_its_file(tmp_path):
    key = make_key("00_test", [DOUBLE, CONVOLUTIONS], 1)
    write_key(key, tmp_path / "key.json")
    again = read_key(tmp_path / "key.json")
    assert again == key
    assert verdict(again.tasks["double"], double).verdict == "correct"


def test_rotated_keys_ask_other_cases_and_give_the_same_verdict():
    first, second = (make_task_key(DOUBLE, seed) for seed in (1, 2))
    assert first.question != second.question
    assert verdict(second, double).verdict == "correct"


@pytest.mark.parametrize(
    "argument",
    [3, 2.5, None, "same", True, (3, 3), [1, (2, 3)], Input((5, 4, 3)), np.arange(6.0)],
)
def test_arguments_survive_their_plain_form(argument):
    again = decode(json.loads(json.dumps(encode(argument))))
    assert type(again) is type(argument)
    assert np.array_equal(again, argument) if isinstance(again, np.ndarray) else again == argument


def test_arrays_that_lie_about_their_shape_are_refused():
    honest = Array.of(np.arange(6.0))
    for shape in [(7,), (-1,), (10**9, 10**9)]:
        with pytest.raises(ValueError, match=r"shape|large"):
            Array(shape=shape, dtype="float64", data=honest.data).numpy()


def test_a_malformed_observation_is_worth_nothing(double_key):
    real = probe(double, double_key.question)
    lie = (Array(shape=(9,), dtype="float64", data=""),)
    lying = [case.model_copy(update={"outputs": {"value": lie}}) for case in real.cases]
    found = judge(double_key, real.model_copy(update={"cases": tuple(lying)}))
    assert (found.verdict, found.points) == ("error", 0)
    none = Observation(name="double", status="observed", cases=())
    assert judge(double_key, none).points == 0


def test_library_calls_are_noted_where_a_task_is_by_hand():
    task = Task("double", "function", 4, array_trials, double, by_hand=True)
    key = make_task_key(task, 1)
    found = verdict(key, lambda values, factor=2.0: ops.multiply(values, factor))
    assert found.verdict == "correct"
    assert any("by hand" in remark and "keras" in remark for remark in found.remarks)
    assert verdict(key, double).remarks == ()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own functions")
def test_calls_are_noted_by_the_names_that_a_reader_knows():
    import tensorflow as tf

    image = tf.ones((1, 5, 5, 2))
    found: list[str] = []
    with noting_calls(found):
        tf.image.sobel_edges(image)
        tf.nn.conv2d(image, tf.ones((3, 3, 2, 4)), 1, "SAME")
        layers.Conv2D(3, 3)(ops.relu(image))
    names = {"ones", "sobel_edges", "conv2d_v2", "Conv2D", "relu"}
    assert {call.partition(": ")[2] for call in found} == names
