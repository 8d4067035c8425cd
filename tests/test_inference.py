"""A network is asked at inference as `predict` asks it, whatever Keras hands on between layers."""

import keras
import pytest
from keras import layers

from autograder.data.arguments import Input
from autograder.judging.judge import judge
from autograder.probing.probe import probe
from autograder.setting.keymaking import make_task_key
from autograder.setting.task import Task, trial

pytestmark = pytest.mark.usefixtures("without_slips")


def enlarged(x, filters):
    """Twice the size, then a convolution and a normalisation."""
    x = layers.UpSampling2D(2)(x)
    return layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x))


def resized(x):
    return layers.Resizing(2 * x.shape[1], 2 * x.shape[2], interpolation="nearest")(x)


def with_resizing(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(resized(x))
    return layers.BatchNormalization()(x)


def with_a_model_inside(x, filters):
    inner = keras.Sequential(
        [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization()]
    )
    return inner(resized(x))


class Own(layers.Layer):
    """Convolution, normalisation and dropout as a layer of one's own."""

    def __init__(self, filters):
        super().__init__()
        self.conv = layers.Conv2D(filters, 3, padding="same")
        self.norm, self.drop = layers.BatchNormalization(), layers.Dropout(0.5)

    def call(self, x, training=None):
        return self.drop(self.norm(self.conv(x), training=training), training=training)


def with_a_layer_of_ones_own(x, filters):
    return Own(filters)(resized(x))


def with_crop(x, filters):
    x = layers.CenterCrop(2 * x.shape[1], 2 * x.shape[2])(layers.UpSampling2D(2)(x))
    return layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x))


def fixed(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(resized(x))
    return layers.BatchNormalization()(x, training=True)


def dropping(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(layers.UpSampling2D(2)(x))
    return layers.Dropout(0.5)(layers.BatchNormalization()(x), training=True)


class AlwaysTraining(Own):
    """A layer that trains where nobody says otherwise."""

    def call(self, x, training=True):
        return super().call(x, training=training)


def always_training(x, filters):
    return AlwaysTraining(filters)(layers.UpSampling2D(2)(x))


def with_flips(x, filters):
    return enlarged(layers.RandomFlip()(x), filters)


@pytest.fixture(scope="module")
def key():
    trials = [trial(x=Input((6, 5, 4)), filters=4)]
    return make_task_key(Task("enlarged", "block", 4, lambda rng: trials, enlarged), 1)


@pytest.mark.parametrize(
    "answer", [with_resizing, with_crop, with_a_model_inside, with_a_layer_of_ones_own]
)
def test_an_image_layer_does_not_turn_training_on_for_what_follows(key, answer):
    """Keras 3.15 has it do so in a plain call; `predict` and `fit` do not."""
    verdict = judge(key, probe(answer, key.question))
    assert (verdict.verdict, verdict.hint) == ("correct", "")


@pytest.mark.parametrize("answer", [fixed, dropping, always_training])
def test_training_that_an_answer_fixes_itself_is_still_seen(key, answer):
    assert judge(key, probe(answer, key.question)).verdict == "wrong"


def test_pictures_changed_at_random_in_training_are_not_overlooked(key):
    verdict = judge(key, probe(with_flips, key.question))
    assert verdict.verdict == "wrong"
    assert "changes its input at random in training (`RandomFlip`)" in verdict.hint


def convolved(x, filters):
    """A convolution, with no moving statistics."""
    return layers.Conv2D(filters, 3, padding="same")(x)


def test_nor_where_nothing_else_differs_in_training():
    trials = [trial(x=Input((6, 5, 4)), filters=4)]
    key = make_task_key(Task("convolved", "block", 4, lambda rng: trials, convolved), 1)

    def flipped(x, filters):
        return convolved(layers.RandomFlip()(x), filters)

    assert judge(key, probe(flipped, key.question)).verdict == "wrong"
