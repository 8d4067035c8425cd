"""Points are split by part and by case: who fails in some cases loses their share, and no more."""

import keras
import numpy as np
import pytest
from keras import layers

from autograder.data.arguments import Input
from autograder.data.key import Property
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, counted, trial

pytestmark = pytest.mark.usefixtures("without_slips")


def judged(task, function):
    key = make_task_key(task, 1)
    return judge(key, probe(function, key.question))


def area(width, height=2):
    """The area of a rectangle."""
    return width * height


def five_sides(rng):
    return [trial(width=n, height=n + 2) for n in (1, 2, 3, 5)] + [trial(width=4)]


AREA = Task("area", "function", 2, five_sides, area, dtype="int")


def wrong_for(*widths, by=1):
    return lambda width, height=2: width * height + by * (width in widths)


@pytest.mark.parametrize(
    ("widths", "points"), [((1,), 1.6), ((1, 2, 3), 0.8), ((1, 2, 3, 4, 5), 0)]
)
def test_a_function_loses_the_share_of_the_cases_in_which_it_is_wrong(widths, points):
    verdict = judged(AREA, wrong_for(*widths))
    assert verdict.points == points
    assert verdict.checks == {"shape": True, "output": False}
    assert verdict.verdict == "wrong"


def test_a_case_that_ends_in_an_error_costs_its_share_alone():
    def failing(width, height=2):
        return 1 // (width - 3) * 0 + width * height

    verdict = judged(AREA, failing)
    assert verdict.points == 1.6
    assert "ZeroDivisionError" in verdict.hint


def test_what_a_function_must_never_do_costs_the_output_of_all_cases():
    """A default, a changed argument or a chance result is no matter of one case."""

    def other_default(width, height=3):
        return width * height

    def shown(values):
        return values * 2.0

    def changing(values):
        if len(values) == 3:
            values *= 1
            values += 1
            return 2 * (values - 1)
        return 2 * values

    trials = [trial(values=np.arange(n + 1.0)) for n in (1, 2, 3, 4)]
    assert judged(AREA, other_default).points == 0
    assert judged(Task("shown", "function", 4, lambda rng: trials, shown), changing).points == 1


def test_points_have_four_digits_and_are_never_rounded_up_to_all():
    trials = [trial(width=n, height=3) for n in range(1, 8)]
    task = Task("area", "function", 1, lambda rng: trials, area, dtype="int")
    assert judged(task, wrong_for(1)).points == 0.8571
    assert judged(task, wrong_for(1, 2)).points == 0.7142
    many = [trial(width=n, height=3) for n in range(1, 102)]
    task = Task("area", "function", 0.002, lambda rng: many, area, dtype="int")
    assert judged(task, wrong_for(1)).points == 0.0019


def double_conv(x, filters):
    """Two convolutions."""
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 1)(x)


def conv_trials(rng):
    return [trial(x=Input((6, 5, 4)), filters=n) for n in (3, 5)]


CONV = Task("double_conv", "block", 4, conv_trials, double_conv)


@pytest.mark.parametrize(
    ("answer", "points"),
    [
        (lambda x, n: layers.Conv2D(n, 1, activation="tanh")(double_conv(x, n)) if n == 3
         else double_conv(x, n), 2.5),
        (lambda x, n: layers.Activation("tanh" if n == 3 else "linear")(double_conv(x, n)), 3),
        (lambda x, n: double_conv(x, 5), 2),
    ],
)  # fmt: skip
def test_each_part_of_a_block_loses_its_own_share(answer, points):
    def fresh(x, filters):
        return answer(x, filters)

    assert judged(CONV, fresh).points == points


def classifier(classes, input_shape=(8, 7, 3)):
    x = inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def classifier_trials(rng):
    return [trial((8, 7, 3), classes=5), counted((8, 7, 3), classes=2)]


CLASSIFIER = Task(
    "classifier", "model", 4, classifier_trials, classifier, plan={"probabilities": True}
)


def bent(classes, input_shape=(8, 7, 3)):
    x = inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 3, activation="tanh")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def sigmoid_for_two(classes, input_shape=(8, 7, 3)):
    x = inputs = keras.Input(input_shape)
    x = layers.Conv2D(6, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    end = "sigmoid" if classes == 2 else "softmax"
    return keras.Model(inputs, layers.Dense(classes, activation=end)(x))


def test_a_net_that_is_only_counted_makes_up_for_none_that_is_run():
    """It shows next to nothing of the output; where even that is wrong it costs its share."""
    assert judged(CLASSIFIER, classifier).points == 4
    assert judged(CLASSIFIER, bent).points == 2
    assert judged(CLASSIFIER, sigmoid_for_two).points == 3


def shifted_up(x, filters):
    """Channels of zeros behind those of x."""
    missing = filters - x.shape[-1]
    return keras.ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, missing]])


def test_a_task_without_weights_has_no_points_for_parameters():
    trials = [trial(x=Input((5, 4, 3)), filters=n) for n in (5, 7)]
    task = Task("shifted_up", "block", 2, lambda rng: trials, shifted_up)
    key = make_task_key(task, 1)
    assert key.parts == {"shape": 0.5, "output": 1.5}

    def with_weights(x, filters):
        return shifted_up(x, filters) + 0 * layers.Conv2D(filters, 1)(x)

    verdict = judge(key, probe(with_weights, key.question))
    assert verdict.checks == {"shape": True, "output": False}
    assert verdict.points == 0.5
    assert "trainable parameters, expected 0" in verdict.hint


def net_of(side, convolutions=1):
    x = inputs = keras.Input((None, None, 3))
    for _ in range(convolutions):
        x = layers.Conv2D(2, side, padding="same")(x)
    return keras.Model(inputs, x)


def design(side):
    """A convolution of 3x3, or two for 5."""
    return net_of(3, side // 2)


def design_properties(side):
    return [
        Property(part="parameters", fact="kernels", value=[], sentence="{call}: {found}"),
        Property(part="output", fact="field", value=[side, side], sentence="{call}: {found}"),
        Property(
            part="output", fact="steps", relation="adds up to", value=[side, side, 8],
            sentence="{call}: no steps",
        ),
    ]  # fmt: skip


def design_trials(rng):
    feeds = ((17, 20, 3), (40, 43, 3))
    return [
        *(trial(*feeds, side=side) for side in (3, 5)),
        *(counted(*feeds, side=side) for side in (7, 9, 11)),
    ]


DESIGN = Task("design", "model", 4, design_trials, design, properties=design_properties)


def test_a_design_loses_the_share_of_the_cases_in_which_it_is_wrong():
    def missing_one(*sides):
        return lambda side: net_of(3, side // 2 + (side in sides))

    assert judged(DESIGN, design).points == 4
    assert judged(DESIGN, missing_one(9)).points == 3.6
    assert judged(DESIGN, missing_one(3)).points == 3
    assert judged(DESIGN, missing_one(3, 5)).points == 2


def test_facts_that_are_made_up_earn_nothing_without_the_proof():
    """Only where a case is looked at closely is there a sum to be done again."""
    key = make_task_key(DESIGN, 1)
    observation = probe(lambda side: net_of(1), key.question)
    forged = []
    for side, case in zip((3, 5, 7, 9, 11), observation.cases, strict=True):
        facts = {**case.structure, "field": [side, side], "kernels": []}
        forged.append(case.model_copy(update={"structure": facts}))
    verdict = judge(key, observation.model_copy(update={"cases": tuple(forged)}))
    assert verdict.points == 2


# How far an answer has come


def begun(width, height=2, scale=1, mode="flat"):
    """The area times a scale, or its negative."""
    return width * height * scale * (1 if mode == "flat" else -1)


def begun_trials(rng):
    return [
        trial(width=w, height=w + 2, scale=s, mode=m)
        for w in (3, 4, 5)
        for s in (1, 2)
        for m in ("flat", "deep")
    ] + [trial(width=6)]


BEGUN = Task("begun", "function", 2, begun_trials, begun, dtype="int")


def test_partial_work_is_told_how_far_it_has_come_and_what_is_next():
    def simplest(width, height=2, scale=1, mode="flat"):
        return width * height

    verdict = judged(BEGUN, simplest)
    assert verdict.points == 0.6153  # 4 of 13 cases, rounded down, as before
    assert verdict.progress == (
        "4 of 13 cases are right: `scale` is 1 and `mode` is 'flat'. Next: `scale` 2."
    )
    assert "scale=2, mode='flat'" in verdict.hint, "what is to be mended first is the next step"
    assert verdict.details == ()


def test_a_case_not_answered_yet_costs_its_share_alone():
    """As one that ends in any other error. Where none is answered nothing is."""

    def simplest(width, height=2, scale=1, mode="flat"):
        if scale != 1 or mode != "flat":
            raise NotImplementedError
        return width * height

    def stub(width, height=2, scale=1, mode="flat"):
        raise NotImplementedError

    verdict = judged(BEGUN, simplest)
    assert (verdict.verdict, verdict.points) == ("wrong", 0.6153)
    assert "scale=2, mode='flat') raises NotImplementedError" in verdict.hint
    assert judged(BEGUN, stub).verdict == "missing"


def test_nothing_is_said_of_progress_where_a_hint_says_which_cases_are_wrong():
    def one_mode(width, height=2, scale=1, mode="flat"):
        return width * height * scale

    verdict = judged(BEGUN, one_mode)
    assert "exactly those where `mode` is 'deep'" in verdict.hint
    assert verdict.progress == ""
    assert judged(BEGUN, begun).progress == ""
    assert judged(BEGUN, lambda width, height=2, scale=1, mode="flat": 0).progress == ""


def test_an_answer_of_the_wrong_type_alone_is_told_so():
    def as_float(width, height=2):
        return float(width * height)

    verdict = judged(AREA, as_float)
    assert verdict.points == 0
    assert verdict.wrong_type
    assert "gives float values, expected int values: shape and numbers are right" in verdict.hint
    assert not judged(AREA, wrong_for(1)).wrong_type


def test_one_error_of_one_line_is_told_once():
    def failing(values):
        return values + np.ones(len(values) + 1 + (len(values) > 4))

    def ones(values):
        return values + 1

    trials = [trial(values=np.arange(n + 1.0)) for n in (1, 2, 3, 4, 5)]
    task = Task("ones", "function", 4, lambda rng: [*trials, trial(values=np.zeros(1))], ones)

    def only_short(values):
        return ones(values) if len(values) == 1 else failing(values)

    verdict = judged(task, only_short)
    told = [verdict.hint, *verdict.details]
    assert sum("raises ValueError" in sentence for sentence in told) == 1, told


def two_convolutions(x, filters):
    """Two convolutions, each normalised."""
    for size in (3, 1):
        x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x


def test_a_bias_is_told_in_each_place_where_it_is_and_once():
    def with_bias(*sizes):
        def answer(x, filters):
            for size in (3, 1):
                bias = size in sizes
                x = layers.Conv2D(filters, size, padding="same", use_bias=bias)(x)
                x = layers.ReLU()(layers.BatchNormalization()(x))
            return x

        return answer

    task = Task("two_convolutions", "block", 4, conv_trials, two_convolutions)
    one = judged(task, with_bias(1))
    assert "the bias of `Conv2D 1x1, 3 filters`" in one.hint
    assert one.details == ()
    both = judged(task, with_bias(3, 1))
    assert "the bias of `Conv2D 3x3, 3 filters, same` and the bias of `Conv2D 1x1" in both.hint
    assert both.details == ()


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda x, y: keras.Model(x, y), "a model (Functional): return the tensor itself"),
        (lambda x, y: keras.Sequential([layers.ReLU()]), "call it, as in `return model(x)`"),
        (lambda x, y: layers.ReLU(), "a layer that was not called: `return layers.ReLU(...)(x)`"),
        (lambda x, y: [y], "a list: return the one tensor alone"),
        (lambda x, y: keras.ops.zeros((1, 6, 5, 3)), "use layers and `keras.ops` on `x`"),
    ],
)
def test_what_is_no_tensor_is_told_what_to_do(end, words):
    def answer(x, filters):
        return end(x, double_conv(x, filters))

    assert words in judged(CONV, answer).hint
