"""Rotations, heat maps, PCK, association and the nets for poses, against what others wrote."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path
from scipy.spatial.transform import Rotation
from scipy.stats import multivariate_normal

from convbook.architectures import pose as nets
from convbook.counting import blueprint, count_parameters
from convbook.data import figures
from convbook.data.figure_drawing import LIMBS
from convbook.pose import association, keypoints, rotations, several, variants
from convbook.receptive_field import receptive_fields


def random(seed=0):
    return np.random.default_rng(seed)


# --- rotations ------------------------------------------------------------------------------------


def test_angles_become_the_rotation_that_scipy_makes_of_them():
    angles = random().uniform(-np.pi, np.pi, (50, 3))
    ours = ops.convert_to_numpy(rotations.from_angles(angles.astype("float32")))
    roll, pitch, yaw = angles.T
    theirs = Rotation.from_euler("ZYX", np.stack([roll, yaw, pitch], 1)).as_matrix()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    other = Rotation.from_euler("zyx", np.stack([roll, yaw, pitch], 1)).as_matrix()
    assert np.abs(ours - other).max() > 0.5  # the order of the turns counts


def test_the_error_is_the_angle_that_scipy_finds_however_small_or_large():
    first = Rotation.random(40, random_state=1)
    axes = random(2).normal(size=(40, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    turned = np.concatenate([[0, 1e-7, 1e-4, np.pi - 1e-4, np.pi], random(3).uniform(0, np.pi, 35)])
    second = first * Rotation.from_rotvec(axes * turned[:, np.newaxis])
    found = rotations.geodesic(first.as_matrix(), second.as_matrix())
    theirs = np.degrees((first.inv() * second).magnitude())
    np.testing.assert_allclose(found, theirs, atol=1e-6)
    np.testing.assert_allclose(found, np.degrees(turned), atol=1e-6)
    # What is not a geodesic: the difference of the angles themselves, at the wrap.
    ends = np.radians([[0, 0, 179], [0, 0, -179]]).astype("float32")
    one, other = ops.convert_to_numpy(rotations.from_angles(ends))
    assert rotations.geodesic(one, other) == pytest.approx(2, abs=1e-3)


def test_what_is_no_rotation_is_said():
    for wrong in (np.zeros((3, 3)), np.diag([1.0, 1, -1]), np.full((3, 3), np.nan), 2 * np.eye(3)):
        with pytest.raises(ValueError, match="no rotations"):
            rotations.geodesic(np.eye(3), wrong)
    with pytest.raises(ValueError, match="both alike"):
        rotations.geodesic(np.eye(3), np.eye(3)[np.newaxis])
    with pytest.raises(ValueError, match=r'no way "quaternion".* sine and cosine'):
        rotations.read(np.zeros((1, 4)), "quaternion")


def test_any_six_numbers_become_a_rotation():
    numbers = random().normal(size=(64, 6)).astype("float32")
    numbers[0], numbers[1], numbers[2] = 0, [1, 2, 3, 2, 4, 6], [0, 0, 0, 1, 0, 0]
    numbers[3] *= 1e-4
    numbers[4] *= 1e4
    made = ops.convert_to_numpy(rotations.gram_schmidt(numbers)).astype(float)
    np.testing.assert_allclose(
        np.swapaxes(made, 1, 2) @ made, np.tile(np.eye(3), (64, 1, 1)), atol=1e-5
    )
    np.testing.assert_allclose(np.linalg.det(made), 1, atol=1e-5)
    for six, matrix in zip(numbers[3:], made[3:], strict=True):
        q, r = np.linalg.qr(six.reshape(2, 3).T.astype(float))
        np.testing.assert_allclose(matrix[:, :2], q * np.sign(np.diag(r)), atol=1e-4)
    assert np.isfinite(gradient_of_gram_schmidt(numbers)).all()


def gradient_of_gram_schmidt(numbers):
    if keras.backend.backend() != "tensorflow":
        return np.zeros(1)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        given = tf.Variable(numbers)
        loss = ops.sum(rotations.gram_schmidt(given)[:, 0])
    return tape.gradient(loss, given).numpy()


@pytest.mark.parametrize("way", rotations.WAYS)
def test_what_is_written_down_is_read_again_all_round(way):
    angles = np.radians([[10, -20, yaw] for yaw in range(-180, 181, 15)]).astype("float32")
    numbers = rotations.written(angles, way)
    assert numbers.shape == (25, rotations.WAYS[way])
    found = ops.convert_to_numpy(rotations.read(numbers, way))
    true = ops.convert_to_numpy(rotations.from_angles(angles))
    assert rotations.geodesic(found, true).max() < 0.01


def test_only_the_matrix_is_written_alike_on_both_sides_of_the_wrap_and_of_the_pole():
    """A small turn is a small change of what is to be learnt, or it is not."""
    ends = np.radians([[0, 0, 179.5], [0, 0, -179.5]]).astype("float32")
    jump = {
        way: np.abs(np.diff(rotations.written(ends, way), axis=0)).max() for way in rotations.WAYS
    }
    assert jump["angles"] > 1.9
    assert max(jump["sine and cosine"], jump["two columns"]) < 0.02
    # At a yaw of 90 degrees a roll and the opposite pitch are one rotation.
    poles = np.radians([[20, 0, 90], [0, -20, 90]]).astype("float32")
    one, other = ops.convert_to_numpy(rotations.from_angles(poles))
    assert rotations.geodesic(one, other) < 0.01
    jump = {
        way: np.abs(np.diff(rotations.written(poles, way), axis=0)).max() for way in rotations.WAYS
    }
    assert jump["two columns"] < 1e-4
    assert min(jump["angles"], jump["sine and cosine"]) > 0.1


# --- maps and PCK ---------------------------------------------------------------------------------


def test_a_bell_is_the_normal_density_about_the_point_in_cells():
    points = np.array([[13.2, 30.7], [np.nan, np.nan], [-4.0, 9.5]])
    maps = keypoints.gaussian_maps(points, 9, 11, stride=4, sigma=1.5)
    assert maps.shape == (9, 11, 3)
    cells = np.stack(list(np.mgrid[:9, :11]), axis=-1) * 4 + 1.5  # centres of the cells, in pixels
    for k in (0, 2):
        bell = multivariate_normal(points[k], np.eye(2) * 36)
        expected = bell.pdf(cells) / bell.pdf(points[k])
        np.testing.assert_allclose(maps[..., k], expected, atol=1e-6)
    assert not maps[..., 1].any()


def test_a_place_between_cells_is_read_from_its_bell():
    points = random().uniform(6, 56, (20, 14, 2))
    maps = keypoints.gaussian_maps(points, 16, 16)
    away = {}
    for refine in keypoints.REFINEMENTS:
        found, height = keypoints.read_maps(maps, refine=refine)
        away[refine] = np.abs(found - points).max()
    assert away["parabola"] < 1e-3
    assert 0.9 < away["quarter"] < 1.05  # a quarter of a cell of 4 pixels, at most
    assert 1.9 < away["none"] <= 2
    assert found.shape == (20, 14, 2)
    assert height.shape == (20, 14)
    assert (height <= 1).all()


def test_a_peak_at_the_border_and_a_flat_map_are_read_too():
    maps = np.zeros((5, 7, 2))
    maps[0, 6, 0] = 1
    found, height = keypoints.read_maps(maps, stride=1)
    assert found.tolist()[0] == [0, 6]
    assert np.isfinite(found).all()
    assert height.tolist() == [1, 0]


def test_maps_that_cannot_be_read_are_said():
    with pytest.raises(ValueError, match="not finite"):
        keypoints.read_maps(np.full((4, 4, 1), np.nan))
    with pytest.raises(ValueError, match='no refinement "half": choose of none, quarter'):
        keypoints.read_maps(np.zeros((4, 4, 1)), refine="half")
    with pytest.raises(ValueError, match="height, width, joints"):
        keypoints.read_maps(np.zeros((4, 4)))


def by_hand(points, truth, scales, counted, share):
    right = total = 0
    for found, true, length, which in zip(points, truth, scales, counted, strict=True):
        for joint in range(len(true)):
            if which[joint]:
                total += 1
                y, x = found[joint] - true[joint]
                right += bool(y * y + x * x <= (share * length) ** 2)
    return right / total


def test_pck_counts_the_joints_that_are_near_enough():
    truth = random().uniform(0, 60, (30, 14, 2))
    points = truth + random(1).normal(0, 2, truth.shape)
    points[0, 3] = np.nan  # not found
    scales, counted = random(2).uniform(8, 20, 30), random(3).random((30, 14)) < 0.6
    counted[4], scales[4] = False, 0  # a figure of which nothing is seen needs no length
    for share in (0.1, 0.2):
        found = keypoints.pck(points, truth, scales, counted, share)
        assert found == pytest.approx(by_hand(points, truth, scales, counted, share))
        assert 0.05 < found < 0.95
    assert keypoints.pck(truth, truth, scales, counted) == 1
    assert keypoints.pck(truth * np.nan, truth, scales, counted) == 0


def test_pck_of_what_cannot_be_judged_is_a_sentence():
    truth = np.ones((2, 14, 2))
    seen, scales = np.ones((2, 14), bool), np.array([10.0, 10])
    with pytest.raises(ValueError, match="No joint counts"):
        keypoints.pck(truth, truth, scales, ~seen)
    for length in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="reference length"):
            keypoints.pck(truth, truth, [10, length], seen)
    with pytest.raises(ValueError, match="no true place"):
        keypoints.pck(truth, truth * np.nan, scales, seen)
    with pytest.raises(ValueError, match="do not fit"):
        keypoints.pck(truth, truth[:1], scales, seen)
    with pytest.raises(ValueError, match="share is 0"):
        keypoints.pck(truth, truth, scales, seen, share=0)


# --- nets -----------------------------------------------------------------------------------------


def kernels(*rows):
    """Parameters of convolutions with a bias: (side, channels in, filters)."""
    return sum(side * side * channels * filters + filters for side, channels, filters in rows)


def test_the_pose_machine_has_the_papers_sizes_and_receptive_fields():
    net = blueprint(nets.pose_machine)
    assert [output.shape[1:] for output in net.outputs] == [(46, 46, 15)] * 6
    front = [(9, 3, 128), (9, 128, 128), (9, 128, 128), (5, 128, 32)]
    first = kernels(*front, (9, 32, 512), (1, 512, 512), (1, 512, 15))
    later = kernels((11, 47, 128), (11, 128, 128), (11, 128, 128), (1, 128, 128), (1, 128, 15))
    assert count_parameters(net) == first + kernels(*front) + 5 * later
    two = blueprint(nets.pose_machine, stages=2)
    fields = receptive_fields(two)
    sizes = [fields[layer].size for layer in two.output_names]
    assert sizes == [160, 400]  # Wei 2016, sections 3.2.1 and 3.2.2


def test_the_stacked_hourglass_has_the_sizes_of_the_authors_code():
    net = blueprint(nets.stacked_hourglass)
    assert [output.shape[1:] for output in net.outputs] == [(64, 64, 16)] * 8
    sides = {layer.output.shape[1] for layer in net.layers}
    assert sides == {256, 128, 64, 32, 16, 8, 4}

    def module(channels, filters):
        half = filters // 2
        convolutions = kernels((1, channels, half), (3, half, half), (1, half, filters))
        shortcut = kernels((1, channels, filters)) if channels != filters else 0
        return convolutions + shortcut + 2 * (channels + half + half)

    one = 13 * module(256, 256)  # three at each of four sizes, and one at the bottom
    one += kernels((1, 256, 256), (1, 256, 16)) + 2 * 256
    again = kernels((1, 256, 256), (1, 16, 256))
    stem = kernels((7, 3, 64)) + 2 * 64 + module(64, 128) + module(128, 128) + module(128, 256)
    assert count_parameters(net) == stem + 8 * one + 7 * again
    two = count_parameters(blueprint(nets.stacked_hourglass, 2))
    assert count_parameters(net) - two == 6 * (one + again)


def test_each_part_of_a_small_net_is_where_the_ablation_takes_it_out():
    whole = blueprint(nets.small_pose_machine)
    assert [output.shape[1:] for output in whole.outputs] == [(16, 16, 14)] * 3
    count = count_parameters(whole)
    blind = blueprint(nets.small_pose_machine, feedback=False)
    assert count - count_parameters(blind) == 2 * 25 * 14 * 32
    forgetful = blueprint(nets.small_pose_machine, features_again=False)
    assert count - count_parameters(forgetful) == 2 * 25 * 32 * 32
    whole = blueprint(nets.small_hourglass)
    assert [output.shape[1:] for output in whole.outputs] == [(16, 16, 14)] * 2
    count = count_parameters(whole)
    apart = blueprint(nets.small_hourglass, feedback=False)
    assert count - count_parameters(apart) == kernels((1, 32, 32), (1, 14, 32))
    plain = blueprint(nets.small_hourglass, skip=False)
    module = kernels((1, 32, 16), (3, 16, 16), (1, 16, 32))
    assert count - count_parameters(plain) == 2 * 3 * module


def test_sizes_that_do_not_go_in_are_said():
    with pytest.raises(ValueError, match=r"size is 50.*multiple of 32"):
        nets.small_hourglass(50)
    with pytest.raises(ValueError, match="features or beliefs"):
        nets.small_pose_machine(feedback=False, features_again=False)


# --- several people -------------------------------------------------------------------------------


def test_pairs_are_one_or_two_bones_apart():
    rows, columns = np.array(LIMBS).T
    graph = csr_array((np.ones(len(LIMBS)), (rows, columns)), (14, 14))
    bones = shortest_path(graph, directed=False, unweighted=True)
    expected = [pair for pair in itertools.combinations(range(14), 2) if bones[pair] <= 2]
    assert expected == association.PAIRS


def partitions(items):
    """All ways to group some of the items: each is left out, joins a group, or begins one."""
    if not items:
        yield []
        return
    *rest, last = items
    for groups in partitions(rest):
        yield groups
        for place in range(len(groups)):
            yield [*groups[:place], [*groups[place], last], *groups[place + 1 :]]
        yield [*groups, [last]]


def by_trying_all(taken, joined):
    best = 0.0
    for groups in partitions(list(range(len(taken)))):
        pairs = (pair for group in groups for pair in itertools.combinations(group, 2))
        cost = sum(taken[i] for group in groups for i in group) + sum(
            joined[pair] for pair in pairs
        )
        best = min(best, cost)
    return best


def test_the_partition_is_the_cheapest_of_all():
    greedy = []
    for seed in range(12):
        rng = random(seed)
        taken, joined = rng.normal(0, 1.5, 7), rng.normal(0, 2, (7, 7))
        joined = joined + joined.T
        joined[0, 1] = joined[1, 0] = joined[2, 5] = joined[5, 2] = np.inf
        groups = association.cheapest_partition(taken, joined)
        cost = association.partition_cost(taken, joined, groups)
        assert cost == pytest.approx(by_trying_all(taken, joined))
        other = association.greedy_partition(taken, joined)
        greedy.append(association.partition_cost(taken, joined, other) - cost)
    assert min(greedy) > -1e-9
    assert max(greedy) > 0.5  # looking at one pair at a time is not enough


def test_costs_that_are_none_are_said():
    with pytest.raises(ValueError, match="not finite"):
        association.cheapest_partition([0, np.nan], np.zeros((2, 2)))
    with pytest.raises(ValueError, match="not symmetric"):
        association.cheapest_partition([0, 0], [[0, 1], [2, 0]])
    with pytest.raises(ValueError, match="do not fit"):
        association.cheapest_partition([0, 0], np.zeros((3, 3)))
    assert len(association.cheapest_partition([], np.zeros((0, 0)))) == 0


@pytest.fixture(scope="module")
def drawn():
    """Scenes with maps as a perfect net would draw them, but for a little noise in the offsets."""
    scenes, found = several.scenes_of(6, seed=3), []
    for number, scene in enumerate(scenes):
        side = several.SIZE // several.STRIDE
        maps = keypoints.gaussian_maps(scene["keypoints"], side, side, sigma=0.8).max(axis=0)
        ways, _ = association.offset_maps(scene["keypoints"], side, side)
        noise = random(number).normal(0, 0.05, ways.shape)
        found.append(association.candidates(maps, ways + noise, several.STRIDE))
    return scenes, found


def test_offsets_lead_from_each_joint_to_the_others_of_its_person(drawn):
    scenes, found = drawn
    scene, each = scenes[0], found[0]
    whose = association.owners(each, scene["keypoints"], scene["scales"])
    checked = 0
    for number, (a, b) in enumerate(association.PAIRS):
        for place in np.flatnonzero(each.kinds == a):
            end = scene["keypoints"][whose[place], b]
            if np.isfinite(end).all():
                assert np.abs(each.ways[place, number] - end).max() < 4
                checked += 1
    assert checked > 40


def test_people_are_put_together_from_what_a_good_net_says(drawn):
    scenes, found = drawn
    weights = association.fit_pairs(found, scenes)
    scores = {}
    for name, solve in (("exact", association.cheapest_partition), ("none", lambda t, j: 0 * t)):
        points, truth, scales, seen = [], [], [], []
        for scene, each in zip(scenes, found, strict=True):
            costs = association.costs(each, weights)
            people = association.people_of(each, solve(*costs))
            counted = scene["visibility"] == 2
            marks = scene["keypoints"], scene["scales"], counted
            points.append(association.in_order(people, *marks))
            truth.append(scene["keypoints"])
            scales.append(scene["scales"])
            seen.append(counted)
        every: list[Any] = [np.concatenate(each) for each in (points, truth, scales, seen)]
        scores[name] = keypoints.pck(*every)
    assert scores["exact"] > 0.97
    assert scores["none"] < 0.6  # all joints given to one person


def test_each_true_joint_is_given_the_nearest_candidate_of_its_kind(drawn):
    scenes, found = drawn
    truth, each = scenes[0]["keypoints"], found[0]
    given = association.nearest_of_kind(each, truth)
    assert given.shape == truth.shape
    for person, kind in np.ndindex(truth.shape[:2]):
        own = each.points[each.kinds == kind]
        if np.isfinite(truth[person, kind]).all() and len(own):
            away = np.linalg.norm(own - truth[person, kind], axis=1)
            assert np.linalg.norm(given[person, kind] - truth[person, kind]) == away.min()
        else:
            assert np.isnan(given[person, kind]).all()


def test_a_net_for_several_learns_from_its_scenes():
    net = several.ready(several.net_for_several(), 2e-3, 4)
    batches = several.Scenes(several.scenes_of(4), 2)
    before = net.evaluate(batches, verbose=0)
    net.fit(batches, epochs=2, verbose=0)
    assert net.evaluate(batches, verbose=0)[0] < before[0]
    found = several.look(net, figures(1, size=96)[0]["image"][np.newaxis], least=0.0)
    assert len(found) == 1
    assert found[0].ways.shape == (len(found[0]), len(association.PAIRS), 2)


@pytest.mark.parametrize("stages", [1, 3])
def test_a_step_of_training_is_traced_once_for_all_stages(stages):
    inputs = keras.Input((4, 4, 3))
    net = keras.Model(inputs, [layers.Conv2D(2, 1)(inputs) for _ in range(stages)])
    variants.ready(net, True, 1e-3, 2)
    step, traced = net.train_step, []

    def counted(data):
        traced.append(1)
        return step(data)

    net.train_step = counted
    maps = np.ones((2, 4, 4, 2), "float32")
    net.fit(np.ones((2, 4, 4, 3)), [maps] * stages, batch_size=1, verbose=0)
    assert len(traced) == 1
