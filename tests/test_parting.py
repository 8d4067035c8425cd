"""Where a network leaves the way of the right ones is named, and what was expected there."""

from keras import layers

from autograder.data.arguments import Input
from autograder.data.observation import Tensor
from autograder.judging.judge import judge
from autograder.judging.parting import map_of, needless, parting
from autograder.probing.probe import probe
from autograder.setting.keymaking import is_kerass_own, make_task_key
from autograder.setting.task import Accepted, Task, trial


def tensor(operation, number, *inputs):
    return Tensor(
        operation=operation,
        shape=(1, 4, 4, 2),
        inputs=inputs,
        fingerprint=(number, number**2, 3 * number),
    )


RIGHT = (tensor("Conv2D 3x3", 1.0), tensor("ReLU", 2.0, 0), tensor("Dense", 3.0, 1))


def test_the_first_wrong_step_and_the_right_one_are_named():
    wrong = (tensor("Conv2D 3x3", 1.0), tensor("Activation, tanh", 5.0, 0), tensor("Dense", 6.0, 1))
    said = parting(map_of([RIGHT]), wrong)
    assert "part at `Activation, tanh` -> 4x4x2 (after Conv2D 3x3)" in said
    assert said.endswith("expected there: `ReLU` -> 4x4x2")


def test_a_wrong_start_is_held_against_what_starts_from_the_input():
    said = parting(map_of([RIGHT]), (tensor("Conv2D 5x5", 9.0),))
    assert said.endswith("part at `Conv2D 5x5` -> 4x4x2; expected there: `Conv2D 3x3` -> 4x4x2")


def test_a_detour_that_leads_back_is_not_to_blame():
    padded = (tensor("Pad", 8.0), tensor("Conv2D 3x3", 1.0, 0), tensor("ReLU", 7.0, 1))
    said = parting(map_of([RIGHT]), padded)
    assert "part at `ReLU`" in said
    assert needless(map_of([RIGHT]), padded[:2]).startswith("What `Pad` gives")
    assert parting(map_of([RIGHT]), RIGHT) == needless(map_of([RIGHT]), RIGHT) == ""


def test_a_step_that_changes_nothing_is_said_to():
    idle = (*RIGHT[:2], tensor("Add", 2.0, 1), tensor("Softmax", 7.0, 2))
    assert "(after Add, which changes nothing)" in parting(map_of([RIGHT]), idle)


def test_an_authors_own_layers_are_not_named():
    assert all(map(is_kerass_own, ("Conv2D", "ReLU", "Relu", "GetItem", "Concatenate")))
    assert not any(map(is_kerass_own, ("Lambda", "MyBlock", "Functional_of_mine")))


class MyBlock(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv, self.relu = layers.Conv2D(filters, 3), layers.ReLU()

    def call(self, x):
        return self.relu(self.conv(x))


def test_a_student_is_told_what_comes_next_in_keras_terms():
    def block(x, filters):
        return layers.Conv2D(filters, 3, activation="relu")(x)

    def own(x, filters):
        return MyBlock(filters)(x)

    def bent(x, filters):
        return layers.Activation("sigmoid")(layers.Conv2D(filters, 3)(x))

    task = Task(
        "block",
        "block",
        1,
        lambda rng: [trial(x=Input((6, 7, 2)), filters=3)],
        block,
        accepted=[Accepted(own)],
    )
    key = make_task_key(task, 3)
    assert "MyBlock" not in key.model_dump_json()
    hint = judge(key, probe(bent, key.question)).hint
    assert "part at `Activation, sigmoid` -> 4x5x3 (after Conv2D 3x3, 3 filters" in hint
    assert "expected there: `ReLU` -> 4x5x3" in hint
