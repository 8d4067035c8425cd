"""Where a network leaves the way of the right ones is named, and what was expected there."""

from functools import cache

import keras
import pytest
from keras import layers, ops

from autograder.data.arguments import Input
from autograder.data.key import TaskKey
from autograder.data.observation import Tensor
from autograder.judging.judge import judge
from autograder.judging.parting import agreeing, map_of, needless, parting, way_of
from autograder.probing.probe import probe
from autograder.setting.keymaking import is_kerass_own, make_task_key
from autograder.setting.task import Accepted, Task, counted, trial

pytestmark = pytest.mark.usefixtures("without_slips")


def tensor(operation, number, *inputs, output=False):
    return Tensor(
        operation=operation,
        shape=(1, 4, 4, 2),
        inputs=inputs,
        fingerprint=(number, number**2, 3 * number),
        output=output,
    )


def chain(*steps):
    """Tensors one made of the other, the first of the input."""
    tensors = [tensor("Input", 0.5)]
    for number, (operation, value) in enumerate(steps):
        last = number == len(steps) - 1
        tensors.append(tensor(operation, value, number, output=last))
    return tuple(tensors)


RIGHT = chain(("Conv2D 3x3", 1.0), ("ReLU", 2.0), ("Dense", 3.0))
OTHERWISE = chain(("Conv2D 1x9", 7.0), ("ReLU", 2.0), ("Dense", 3.0))


def said(trace, *right, before=()):
    return parting(way_of(map_of(right or [RIGHT]), trace), before).text


def test_the_first_wrong_step_and_the_right_one_are_named():
    wrong = chain(("Conv2D 3x3", 1.0), ("Activation, tanh", 5.0), ("Dense", 6.0))
    sentence = said(wrong)
    assert (
        "Up to there all agrees; they part at `Activation, tanh` -> 4x4x2 (after Conv2D 3x3)"
        in (sentence)
    )
    assert sentence.endswith("expected there: `ReLU` -> 4x4x2")


def test_a_wrong_start_is_held_against_what_starts_from_the_input():
    sentence = said(chain(("Conv2D 5x5", 9.0), ("ReLU", 8.0), ("Dense", 7.0)))
    assert sentence.endswith("part at `Conv2D 5x5` -> 4x4x2; expected there: `Conv2D 3x3` -> 4x4x2")


def test_only_steps_of_the_model_answer_are_expected():
    assert "Conv2D 3x3" in said(chain(("Conv2D 5x5", 9.0)), RIGHT, OTHERWISE)
    assert "1x9" not in said(chain(("Conv2D 5x5", 9.0)), RIGHT, OTHERWISE)
    accepted = chain(("Conv2D 1x9", 7.0), ("Sigmoid", 8.0))
    assert said(accepted, RIGHT, OTHERWISE).endswith(
        "part at `Sigmoid` -> 4x4x2 (after Conv2D 1x9)"
    )


def test_a_step_that_the_answer_takes_past_is_not_expected():
    """It makes what comes after by another way."""
    fused = chain(("Conv2D 3x3, relu", 2.0), ("Softmax", 9.0))
    assert said(fused).endswith("expected there: `Dense` -> 4x4x2")


def test_a_detour_that_leads_back_is_not_to_blame():
    padded = chain(("Pad", 8.0), ("Conv2D 3x3", 1.0), ("ReLU", 7.0))
    assert ". They part at `ReLU`" in said(padded)
    assert needless(way_of(map_of([RIGHT]), padded[:3])) == "`Pad`"
    assert said(RIGHT) == needless(way_of(map_of([RIGHT]), RIGHT)) == ""


def test_zeros_vouch_for_nothing_that_they_were_made_from():
    right = (
        tensor("Input", 0.5),
        tensor("GetItem", 1.0, 0),
        tensor("ZerosLike", 0.0, 1),
        tensor("Concatenate", 2.0, 1, 2, output=True),
    )
    wrong = (
        tensor("Input", 0.5),
        tensor("GetItem", 7.0, 0),
        tensor("GetItem", 8.0, 1),
        tensor("ZerosLike", 0.0, 2),
        tensor("Concatenate", 9.0, 1, 3, output=True),
    )
    sentence = said(wrong, right)
    assert "all agrees; they part at `GetItem` -> 4x4x2" in sentence
    assert "another branch" not in sentence, "what only zeros are made from is no branch"


def test_a_step_that_changes_nothing_is_said_to():
    idle = chain(("Conv2D 3x3", 1.0), ("ReLU", 2.0), ("Activation", 2.0), ("Softmax", 7.0))
    assert "(after Activation, which changes nothing)" in said(idle)


def test_another_shape_is_a_change_and_dropout_is_one_in_training():
    flat = tensor("Flatten", 2.0, 2).model_copy(update={"shape": (1, 32)})
    trace = (*RIGHT[:3], flat, tensor("Dense", 9.0, 3, output=True))
    assert "(after Flatten);" in said(trace)
    dropped = chain(("Conv2D 3x3", 1.0), ("ReLU", 2.0), ("Dropout", 2.0), ("Softmax", 7.0))
    assert "(after Dropout);" in said(dropped)


def test_a_wrong_step_on_another_branch_is_named_too():
    right = (
        *RIGHT[:3],
        tensor("Conv2D 1x1", 4.0, 0),
        tensor("Add", 6.0, 2, 3, output=True),
    )
    wrong = (
        *RIGHT[:2],
        tensor("Activation, tanh", 8.0, 1),
        tensor("Conv2D 2x2", 9.0, 0),
        tensor("Add", 17.0, 2, 3, output=True),
    )
    sentence = said(wrong, right)
    assert (
        "they part at `Activation, tanh` -> 4x4x2 (after Conv2D 3x3); expected there: `ReLU`"
        in (sentence)
    )
    assert sentence.endswith(
        "On another branch they part at `Conv2D 2x2` -> 4x4x2; "
        "expected there: `Conv2D 1x1` -> 4x4x2"
    )


LONG = chain(
    ("Conv2D 3x3, 8 filters", 1.0), ("ReLU", 2.0), ("MaxPooling2D 2x2", 3.0),
    ("Dense", 4.0), ("Softmax", 5.0),
)  # fmt: skip


def test_a_second_wrong_step_behind_the_first_is_named_too():
    """All that comes behind the first gives other numbers, and goes by its words."""
    wrong = chain(
        ("Conv2D 5x5, 8 filters", 11.0), ("Activation, relu", 12.0), ("AveragePooling2D 2x2", 13.0),
        ("Dense", 14.0), ("Activation, softmax", 15.0),
    )  # fmt: skip
    assert said(wrong, LONG).endswith(
        "expected there: `Conv2D 3x3, 8 filters` -> 4x4x2. Further on `AveragePooling2D 2x2` -> "
        "4x4x2 stands where `MaxPooling2D 2x2` -> 4x4x2 is expected"
    )


def test_an_end_that_is_missing_behind_a_wrong_step_is_named_too():
    wrong = chain(
        ("Conv2D 5x5, 8 filters", 11.0), ("ReLU", 12.0), ("MaxPooling2D 2x2", 13.0),
        ("Dropout", 13.5), ("Dense", 14.0),
    )  # fmt: skip
    assert said(wrong, LONG).endswith(
        "It ends too early, too; expected in the end: `Softmax` -> 4x4x2"
    )


@pytest.mark.parametrize(
    "behind",
    [
        [("ReLU", 12.0), ("MaxPooling2D 2x2", 13.0), ("Dense", 14.0), ("Softmax", 15.0)],
        [("ReLU", 12.0), ("Conv2D 5x5", 13.0), ("Dense", 14.0), ("Softmax", 15.0)],
        [("MyOwn", 12.0), ("AveragePooling2D 2x2", 13.0), ("Dense", 14.0), ("Softmax", 15.0)],
    ],
    ids=["all right", "wrong in the same way", "another style"],
)
def test_nothing_is_said_behind_the_first_wrong_step_without_need(behind):
    third = "Conv2D 3x3" if behind[1][0] == "Conv2D 5x5" else "MaxPooling2D 2x2"
    right = chain(("Conv2D 3x3", 1.0), ("ReLU", 2.0), (third, 3.0),
                  ("Dense", 4.0), ("Softmax", 5.0))  # fmt: skip
    wrong = chain(("Conv2D 5x5", 11.0), *behind)
    assert said(wrong, right).endswith("expected there: `Conv2D 3x3` -> 4x4x2")


def test_layers_behind_are_not_told_by_their_place_where_one_is_too_many():
    def two(x, filters):
        x = layers.Conv2D(filters, 3, activation="tanh")(x)
        return layers.Conv2D(filters, 1, activation="sigmoid")(x)

    def three(x, filters):
        x = layers.Conv2D(filters, 3, activation="tanh")(x)
        x = layers.Conv2D(filters, 3, padding="same", activation="tanh")(x)
        return layers.Conv2D(filters, 1, activation="sigmoid")(x)

    verdict = judged(task_of(two), three)
    assert "Further on" not in " ".join([verdict.hint, *verdict.details])


def test_two_steps_that_either_may_stand_for_are_both_named():
    right = (
        tensor("Input", 0.5),
        tensor("Conv2D 3x3", 1.0, 0),
        tensor("Conv2D 1x1", 4.0, 0),
        tensor("Add", 5.0, 1, 2, output=True),
    )
    wrong = (
        tensor("Input", 0.5),
        tensor("Conv2D 2x2", 8.0, 0),
        tensor("Conv2D 5x5", 9.0, 0),
        tensor("Add", 17.0, 1, 2, output=True),
    )
    both = "expected there: `Conv2D 3x3` -> 4x4x2 or `Conv2D 1x1` -> 4x4x2"
    assert both in said(wrong, right)


def test_a_sum_of_other_tensors_is_told_by_what_goes_in():
    right = (*RIGHT[:3], tensor("Add", 7.0, 0, 2, output=True))
    twice = (*RIGHT[:3], tensor("Add", 4.0, 2, output=True))
    assert said(twice, right).endswith("expected there: `Add` of the input and what `ReLU` gives")


def test_what_is_put_together_the_other_way_round_is_said_to_be():
    right = (*RIGHT[:3], tensor("Concatenate", 7.0, 0, 2, output=True))
    turned = (*RIGHT[:3], tensor("Concatenate", 4.0, 2, 0, output=True))
    assert said(turned, right).endswith("expected there: the same, in another order")


def test_a_network_that_ends_early_is_told_what_comes_after():
    early = chain(("Conv2D 3x3", 1.0), ("ReLU", 2.0))
    assert agreeing(way_of(map_of([RIGHT]), early)) == (
        ". It ends with what `ReLU` gives; expected after it: `Dense` -> 4x4x2"
    )
    assert agreeing(way_of(map_of([RIGHT]), RIGHT)) == ""


def test_an_authors_own_layers_are_not_named():
    assert all(map(is_kerass_own, ("Conv2D", "ReLU", "Relu", "GetItem", "Concatenate")))
    assert not any(map(is_kerass_own, ("Lambda", "MyBlock", "Functional_of_mine")))


# Networks


KEYS: dict[int, tuple[Task, TaskKey | None]] = {}  # by the identity of tasks, which are kept alive


def judged(task, function):
    def fresh(*arguments):
        return function(*arguments)

    _, key = KEYS.setdefault(id(task), (task, None))
    if key is None:
        _, key = KEYS[id(task)] = task, make_task_key(task, 3)
    return judge(key, probe(fresh, key.question))


def task_of(answer, *shape, accepted=(), trials=1, **options):
    calls = [trial(x=Input(shape or (6, 7, 3)), filters=n) for n in (4, 5)[:trials]]
    right = [Accepted(function) for function in accepted]
    return Task("answer", "block", 4, lambda rng: calls, answer, right, **options)


class MyBlock(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv, self.relu = layers.Conv2D(filters, 3), layers.ReLU()

    def call(self, x):
        return self.relu(self.conv(x))


@pytest.mark.parametrize(
    "bent",
    [
        lambda x, n: layers.Activation("sigmoid")(layers.Conv2D(n, 3)(x)),
        lambda x, n: layers.Conv2D(n, 3, activation="sigmoid")(x),
    ],
)
def test_an_activation_is_a_step_of_its_own_however_it_is_written(bent):
    def block(x, filters):
        return layers.Conv2D(filters, 3, activation="relu")(x)

    def own(x, filters):
        return MyBlock(filters)(x)

    task = task_of(block, accepted=[own])
    assert "MyBlock" not in make_task_key(task, 3).model_dump_json()
    hint = judged(task, bent).hint
    assert "part at `Activation, sigmoid` -> 4x5x4 (after Conv2D 3x3, 4 filters, valid)" in hint
    assert "expected there: `Activation, relu` -> 4x5x4" in hint


def conv(x, filters, kernel=3, **options):
    options = {"padding": "same", "use_bias": False, **options}
    return layers.BatchNormalization()(layers.Conv2D(filters, kernel, **options)(x))


def block(x, filters, bias=False, first="relu", project=None, shortcut=None, last=True):
    """A branch of two convolutions beside a shortcut; the wrong ones differ in an option."""
    y = layers.Activation(first)(conv(x, filters, use_bias=bias))
    y = conv(y, filters, use_bias=bias)
    if x.shape[-1] != filters if project is None else project:
        x = conv(x, filters, 1, use_bias=bias)
    y = layers.Add()([y, shortcut(x) if shortcut else x])
    return layers.ReLU()(y) if last else y


def right_block(x, filters):
    """What is asked."""
    return block(x, filters)


def filter_by_filter(x, filters):
    """An exotic right answer, whose steps no student should be told to take."""
    each = [layers.Conv2D(1, 3, padding="same", use_bias=False)(x) for _ in range(filters)]
    y = layers.ReLU()(layers.BatchNormalization()(layers.Concatenate()(each)))
    y = conv(y, filters)
    x = conv(x, filters, 1) if x.shape[-1] != filters else x
    return layers.ReLU()(layers.Add()([y, x]))


@cache
def block_task(*filters):
    calls = [trial(x=Input((6, 7, 4)), filters=n) for n in filters]
    return Task("answer", "block", 4, lambda rng: calls, right_block, [Accepted(filter_by_filter)])


def test_a_shortcut_with_a_layer_too_many_is_told_that_the_sum_is_expected():
    relu = judged(block_task(4), lambda x, n: block(x, n, shortcut=layers.ReLU())).hint
    assert relu.endswith("they part at `ReLU` -> 6x7x4; expected there: `Add` -> 6x7x4")
    always = judged(block_task(4), lambda x, n: block(x, n, project=True)).hint
    assert "24 too many: `Conv2D 1x1, 4 filters, no bias` and `BatchNormalization`" in always
    assert always.endswith("`Conv2D 1x1, 4 filters, no bias` -> 6x7x4; "
                           "expected there: `Add` -> 6x7x4")  # fmt: skip


def test_biases_too_many_are_said_first_and_where_they_are():
    """A normalisation hides them from all that follows."""
    verdict = judged(block_task(4), lambda x, n: block(x, n, bias=True, first="tanh"))
    assert "8 too many: the bias of `Conv2D 3x3, 4 filters, same` (2 times). Apart from that" in (
        verdict.hint
    )
    assert "Apart from that they part at `Activation, tanh`" in verdict.hint
    assert "Up to there all agrees" not in " ".join([verdict.hint, *verdict.details])


def test_biases_and_a_missing_end_are_both_told():
    verdict = judged(block_task(4), lambda x, n: block(x, n, bias=True, last=False))
    assert "8 too many: the bias of `Conv2D 3x3, 4 filters, same` (2 times)" in verdict.hint
    assert verdict.hint.endswith("expected after it: `ReLU` -> 6x7x4")


def test_weights_too_few_are_named():
    def without_norm(x, filters):
        y = layers.ReLU()(conv(x, filters))
        y = conv(y, filters)
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        return layers.ReLU()(layers.Add()([y, x]))

    hint = judged(block_task(5), without_norm).hint
    assert "10 too few: `gamma` (5) and `beta` (5) are missing. Up to there" in hint
    assert "they part at `Add`" in hint
    assert hint.endswith("expected there: `BatchNormalization` -> 6x7x5")


def test_a_kernel_of_another_size_is_not_told_as_one_too_many():
    def wide(x, filters):
        return layers.ReLU()(layers.Add()([conv(layers.ReLU()(conv(x, filters, 5)), filters), x]))

    hint = judged(block_task(4), wide).hint
    assert "expected 304: 256 too many. Up to there all agrees; they part at `Conv2D 5x5" in hint


def test_what_is_not_seen_or_stored_otherwise_is_counted_and_not_named():
    class Norm(layers.Layer):
        def build(self, shape):
            self.both = self.add_weight(shape=(3, shape[-1]), name="both")

        def call(self, x):
            mean, spread = ops.mean(x, (0, 1, 2)), ops.std(x, (0, 1, 2))
            return (x - mean) / (spread + 1e-3) * self.both[0] + self.both[1] + 0 * self.both[2]

    def own(x, filters):
        y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return Norm()(y)

    def unit(x, filters):
        return conv(x, filters)

    hint = judged(task_of(unit), own).hint
    assert "expected 116: 4 too many. " in hint


def sum_of_two(x, filters):
    """Two convolutions, added."""
    y = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 3, padding="same")(y)


@cache
def two_task():
    return task_of(sum_of_two)


def test_steps_that_are_missing_at_the_end_are_named():
    def early(x, filters):
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    hint = judged(two_task(), early).hint
    assert "are missing. It ends with what `Activation, relu` gives; expected after it:" in hint
    assert hint.endswith("expected after it: `Conv2D 3x3, 4 filters, same` -> 6x7x4")


class Idle(keras.Model):
    """Makes its first convolution twice, and uses one."""

    def __init__(self, filters):
        super().__init__()
        self.first, self.idle, self.last = (
            layers.Conv2D(filters, 3, padding="same") for _ in range(3)
        )

    def call(self, x):
        self.idle(x)
        return self.last(ops.relu(self.first(x)))


def test_a_layer_that_is_made_and_not_used_is_named_and_not_said_to_be_called_twice():
    """Its weights have no gradient, for which the network is run a second time."""
    verdict = judged(two_task(), lambda x, n: Idle(n)(x))
    told = " ".join([verdict.hint, *verdict.details])
    assert "112 too many" in told
    assert "called twice" not in told


def small_net(classes):
    x = inputs = keras.Input((6, 7, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 3, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def sigmoid_for_two(classes):
    net = small_net(classes)
    if classes == 2:
        net.layers[-1].activation = keras.activations.sigmoid
    return net


def test_a_net_that_is_only_counted_has_no_steps_to_be_told():
    trials = [trial((6, 7, 3), classes=6), counted((6, 7, 3), classes=2)]
    task = Task(
        "net", "model", 4, lambda rng: trials, small_net, plan={"probabilities": True}
    )  # fmt: skip
    verdict = judged(task, sigmoid_for_two)
    assert "net(classes=2): the output is not the expected one. It is only built here" in (
        verdict.hint
    )
    assert "missing at the end" not in " ".join([verdict.hint, *verdict.details])


def zeros_behind(x, filters):
    """Channels of zeros, appended."""
    return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, filters - x.shape[-1]]])


def test_zeros_in_front_are_told_by_how_they_are_put_there():
    def pad_in_front(x, filters):
        return ops.pad(x, [[0, 0], [0, 0], [0, 0], [filters - x.shape[-1], 0]])

    hint = judged(task_of(zeros_behind), pad_in_front).hint
    assert "part at `Pad, channels 1+0` -> 6x7x4; expected there: `Pad, channels 0+1`" in hint

    def put_together(x, filters):
        return layers.Concatenate()([x, ops.zeros_like(x[..., : filters - x.shape[-1]])])

    def turned(x, filters):
        return layers.Concatenate()([ops.zeros_like(x[..., : filters - x.shape[-1]]), x])

    hint = judged(task_of(put_together), turned).hint
    assert "part at `Concatenate` -> 6x7x4" in hint
    assert hint.endswith("expected there: the same, in another order")


def scaled_stem(x, filters):
    """A convolution, its normalisation, and a ReLU."""
    return layers.ReLU()(conv(x, filters))


def test_a_factor_that_a_normalisation_takes_away_is_named_before_the_statistics():
    hint = judged(task_of(scaled_stem), lambda x, n: scaled_stem(layers.Rescaling(0.5)(x), n)).hint
    assert ": `Rescaling, scale 0.5` is not expected. A normalisation takes what it does away" in (
        hint
    )


# Networks that cannot be built


def of_stride(x, filters, stride, step=1, bias=False):
    """Two convolutions and a projection, added."""
    y = layers.ReLU()(conv(x, filters, strides=stride, use_bias=bias))
    y = conv(y, filters, strides=step, use_bias=bias)
    x = conv(x, filters, 1, strides=stride) if stride != 1 or x.shape[-1] != filters else x
    return layers.Add()([y, x])


@cache
def strided_task():
    trials = [trial(x=Input((9, 17, 4)), filters=4, stride=s) for s in (3, 1)]
    return Task("of_stride", "block", 4, lambda rng: trials, of_stride)


def test_an_error_is_put_down_to_the_step_that_raises_it():
    def unprojected(x, filters, stride):
        y = layers.ReLU()(conv(x, filters, strides=stride))
        return layers.Add()([conv(y, filters), x])

    hint = judged(strided_task(), unprojected).hint
    assert "Received shapes (3, 6, 4) and (9, 17, 4). It is `Add` of 3x6x4 and 9x17x4 that" in hint
    before = "fails; before it, `Conv2D 1x1, 4 filters, stride 3, no bias` -> 3x6x4 is missing"
    assert before in hint


def pyramid(fine, middle, coarse):
    """Maps of three sizes, added from the coarsest on."""
    x = coarse
    for finer in (middle, fine):
        x = layers.Add()([layers.UpSampling2D(2)(x), layers.Conv2D(x.shape[-1], 1)(finer)])
    return x


def test_a_step_is_missing_where_an_input_is_not_used():
    def without_the_middle(fine, middle, coarse):
        return layers.Add()([layers.UpSampling2D(2)(coarse), layers.Conv2D(3, 1)(fine)])

    sides = {"fine": (8, 12, 4), "middle": (4, 6, 5), "coarse": (2, 3, 3)}
    trials = [trial(**{name: Input(shape) for name, shape in sides.items()})]
    hint = judged(Task("pyramid", "block", 4, lambda rng: trials, pyramid), without_the_middle).hint
    assert "It is `Add` of 4x6x3 and 8x12x3 that fails; before it, `Conv2D 1x1, 3 filters`" in hint
    assert hint.endswith("-> 4x6x3 is missing")


def test_an_error_of_shapes_is_not_blamed_on_a_step_whose_shape_is_right():
    """The biases are wrong too, but nothing fails for them."""

    def biased(x, filters, stride):
        y = layers.ReLU()(conv(x, filters, strides=stride, use_bias=True))
        return layers.Add()([conv(y, filters, use_bias=True), x])

    verdict = judged(strided_task(), biased)
    told = " ".join([verdict.hint, *verdict.details])
    assert "It is `Add` of 3x6x4 and 9x17x4 that fails" in told
    assert "Look at" not in told
    assert "the bias of `Conv2D 3x3, 4 filters, same` (2 times)" in told


def test_the_step_of_another_shape_is_blamed():
    hint = judged(strided_task(), lambda x, n, s: of_stride(x, n, s, step=s)).hint
    assert "It is `Add` of 1x2x4 and 3x6x4 that fails" in hint
    assert "Look at `Conv2D 3x3, 4 filters, stride 3, same, no bias` -> 1x2x4" in hint
    assert "expected there: `Conv2D 3x3, 4 filters, same, no bias` -> 3x6x4" in hint
