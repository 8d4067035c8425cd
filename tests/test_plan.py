"""What a plan says of the inputs and weights of a net is what the net gets."""

import numpy as np
from keras import layers

from autograder.data.arguments import Input
from autograder.data.observation import Plan
from autograder.data.values import constant_along_inputs
from autograder.probing.network import draw_input
from autograder.setting import planning
from autograder.setting.task import Task, trial

SHAPE = (60, 64, 3)


def test_pictures_of_patches_differ_as_wholes():
    """Their means do, which noise alone leaves alike."""
    plain, patched = (draw_input(Plan(seed=6, batch=4, patches=side), SHAPE, 0) for side in (0, 30))
    assert plain.shape == patched.shape == (4, *SHAPE)
    spread = [pictures.mean(axis=(1, 2)).std() for pictures in (plain, patched)]
    assert spread[1] > 5 * spread[0]


def test_patches_are_squares_and_the_noise_is_that_without_them():
    plain, patched = (draw_input(Plan(seed=6, patches=side), SHAPE, 0) for side in (0, 25))
    added = patched - plain
    square = added[:, 25:50, 25:50]
    np.testing.assert_allclose(square, np.broadcast_to(square[:, :1, :1], square.shape), atol=1e-5)
    assert np.abs(added[:, 24] - added[:, 25]).min() > 1e-4


def test_a_vector_has_no_patches():
    plain, patched = (draw_input(Plan(seed=6, patches=side), (7,), 0) for side in (0, 3))
    np.testing.assert_array_equal(plain, patched)


def test_weights_that_see_no_order_are_scaled_as_the_plan_says():
    kernel = np.random.default_rng(6).standard_normal((3, 3, 4, 5)).astype("float32")
    once, twice = constant_along_inputs(kernel), constant_along_inputs(kernel, 2.0)
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-6)
    np.testing.assert_array_equal(once[:, :, :1].repeat(4, axis=2), once)
    np.testing.assert_array_equal(constant_along_inputs(kernel[0, 0, 0], 2.0), kernel[0, 0, 0])


def chain(x):
    """Convolutions of one size: which of them is which shows in gradients only."""
    for _ in range(4):
        ways = [layers.Conv2D(4, 1, activation="relu")(x) for _ in range(2)]
        x = layers.Concatenate()(ways)
    return x


def test_a_net_is_steady_though_its_weights_rank_otherwise_where_another_order_is_tried():
    one = trial(x=Input((6, 5, 8)))
    task = Task("chain", "block", 4.0, lambda rng: [one], lambda x: chain(x))
    plan = Plan(seed=3, inputs=2.0, vectors=0.7, permutable=True)
    network = planning._observed_network(task, one, plan)
    seen, colours = network.seen, network.colours
    network.observe(permuted=True)
    assert network.colours != colours
    network.seen, network.colours = seen, colours
    assert planning._is_steady(network, task.tolerance)


def test_two_classes_are_not_found_alike_for_all_inputs():
    """The logarithms of two probabilities, less their mean, are opposite numbers."""
    chances = np.array([[0.3, 0.7], [0.1, 0.9], [0.2, 0.8]], "float32")
    three = np.array([[0.2, 0.1, 0.7], [0.2, 0.11, 0.69]], "float32")
    plan = Plan(seed=6, probabilities=True)
    assert planning.correlation(chances, plan) == -1
    assert planning.correlation(three, plan) > planning.MOST_CORRELATION
