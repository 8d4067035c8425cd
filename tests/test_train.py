"""`python -m convbook.train`: a killed run goes on as if nothing had happened; batches are shared.

Most of it is tried on a tiny net in this process; whole commands, killed from outside, are slow.
"""

import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from convbook.architectures.faster_rcnn import SMALL, FasterRCNN, region_proposal_network
from convbook.architectures.rcnn import region_head, scene_backbone
from convbook.data.batches import Batches
from convbook.kept import load_kept
from convbook.train import run as running
from convbook.train.__main__ import _parser, _plan, main
from convbook.train.pictures import Steps, in_turn, mirror, source, steps_an_epoch
from convbook.train.run import Run, curves

SIDE = 48
COMMAND = ["faster_rcnn", "--size", "48", "--batch-size", "4", "--evaluate-on", "6"]


def plan_of(*arguments: str, out: Path = Path("out")):
    return _plan(_parser().parse_args([*COMMAND, "--out", str(out), *arguments]))


@pytest.fixture(scope="module")
def pictures():
    """Eleven scenes to learn from, so that three are left out of each epoch, and six more."""
    options: dict[str, Any] = {"size": SIDE, "seed": 0, "places": 8}
    return [
        source("digit_scenes", split, count=n, **options)
        for split, n in (("train", 11), ("test", 6))
    ]


def make_run(out: Path, pictures, epochs: int = 2) -> Run:
    """A run of a tiny net: two steps an epoch, a checkpoint after each."""
    recipe = dataclasses.replace(SMALL, scales=(16,), before=20, before_training=20, after=8)
    recipe = dataclasses.replace(recipe, regions=8, after_training=8)
    keras.utils.set_random_seed(0)
    net = FasterRCNN(
        scene_backbone((SIDE, SIDE), (4, 4, 8, 8)),
        region_proposal_network(8, recipe.kinds, 8),
        region_head(8, recipe.pool, 10, (16,), dropout=0.5),
        recipe,
    )
    net.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    net.optimizer.build(net.trainable_variables)
    training, test = (
        Batches(one, 4, shuffle=i == 0, seed=0, places=8) for i, one in enumerate(pictures)
    )
    plan = plan_of("--epochs", str(epochs), "--save-every", "1")
    return Run(net, training, test, plan, 10, out)


def assert_same_curve(ours, theirs) -> None:
    """Every row of two histories, but for what the order of additions does."""
    assert [list(row) for row in ours] == [list(row) for row in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6)


class Killed(BaseException):
    """In place of a kill, which would end the tests too."""


def killed_at(monkeypatch, owner, name: str, call: int) -> None:
    """Have a function die at one of its calls."""
    original, calls = getattr(owner, name), iter(range(1000))

    def dying(*args, **options):
        if next(calls) == call:
            raise Killed
        return original(*args, **options)

    monkeypatch.setattr(owner, name, dying)


# --- killed and resumed ---------------------------------------------------------------------------


def test_a_killed_run_ends_with_the_curve_and_the_weights_of_one_that_was_not(
    tmp_path, pictures, monkeypatch
):
    whole = make_run(tmp_path / "whole", pictures)
    assert whole.go_on()
    # Killed in the first step and the second; while it is judged; while a checkpoint is written.
    for owner, name, call in (
        (FasterRCNN, "compute_loss", 0),
        (FasterRCNN, "compute_loss", 1),
        (running, "detections", 0),
        (os, "fsync", 1),
    ):
        with monkeypatch.context() as patch:
            killed_at(patch, owner, name, call)
            run = make_run(tmp_path / "killed", pictures)
            run.resume()
            with pytest.raises(Killed):
                run.go_on()
    last = make_run(tmp_path / "killed", pictures)
    assert last.resume()
    assert 0 < last.step < last.steps
    assert last.go_on()
    assert_same_curve(last.history, whole.history)
    assert [row["step"] for row in last.history] == [1, 2, 2, 3, 4, 4]
    for ours, theirs in zip(last._state(), whole._state(), strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-4, atol=1e-6)
    told = json.loads((tmp_path / "killed" / "history.json").read_text())
    assert told["history"] == last.history
    # Without the state of one part the curve would have been another.
    changed = make_run(tmp_path / "killed", pictures, epochs=3)
    changed.plan = last.plan
    changed.resume()
    changed.plan = dataclasses.replace(last.plan, epochs=3)
    other = make_run(tmp_path / "other", pictures, epochs=3)
    other.net.set_weights(changed.net.get_weights())
    other.step = changed.step
    for one in (changed, other):
        one.advance()
    assert changed.losses()["loss"] != other.losses()["loss"]


def test_each_epoch_has_an_order_of_its_own_and_every_batch_is_full(pictures):
    batches = Batches(pictures[0], 4, shuffle=True, seed=0)
    assert steps_an_epoch(batches) == 2
    orders = [
        [Steps(batches, 2 * epoch, 2 * epoch + 2)[i][0] for i in range(2)] for epoch in (0, 1)
    ]
    assert all(image.shape == (4, SIDE, SIDE, 3) for order in orders for image in order)
    assert (orders[0][0] != orders[1][0]).any()
    again = Steps(batches, 3, 4)[0]
    np.testing.assert_array_equal(again[0], orders[1][1])
    assert again[1]["classes"].shape == (4, 8)
    with pytest.raises(ValueError, match="11 pictures for batches of 12"):
        steps_an_epoch(Batches(pictures[0], 12, shuffle=True, seed=0))


def test_the_weights_at_the_end_are_those_of_the_net_with_its_curve(tmp_path, pictures):
    run = make_run(tmp_path, pictures, epochs=1)
    assert run.go_on()
    other = make_run(tmp_path / "other", pictures)
    kept = load_kept(other.net, "weights", tmp_path)
    for ours, theirs in zip(other.net.get_weights(), run.net.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert list(kept["step"]) == [1, 2]
    assert list(kept["judged"]) == [2]
    assert kept.keys() == curves(run.history).keys()
    assert kept["mAP@0.5"][0] == pytest.approx(run.scores()["mAP@0.5"])


def test_a_run_stops_after_its_minutes_and_goes_on_later(tmp_path, pictures):
    run = make_run(tmp_path, pictures)
    assert not run.go_on(minutes=0)
    assert run.step == 0
    assert not (tmp_path / "weights.npz").exists()


def test_another_plan_or_another_net_is_refused_in_a_sentence(tmp_path, pictures):
    run = make_run(tmp_path, pictures)
    run.advance()
    other = make_run(tmp_path, pictures, epochs=5)
    with pytest.raises(ValueError, match=r"has epochs 2, this one 5: repeat its command"):
        other.resume()
    other.plan = run.plan
    other.net.head.add_weight(shape=(3,))
    with pytest.raises(ValueError, match="belongs to another net"):
        other.resume()


# --- what it is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "digits"], "digits is a set for classification: choose one with boxes"),
        (["--data", "nothing"], 'There is no set "nothing"'),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--devices", "0"], "devices is 0: give a whole number, at least 1"),
        (["--count", "3"], "3 pictures for batches of 4"),
        (["--start", "imagenet"], "The small net starts from nothing"),
        (["--data", "coco/2017"], "coco/2017 .* is not on this machine"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(arguments, sentence, tmp_path, capsys):
    policy = keras.mixed_precision.global_policy()
    options = ["--data-dir", str(tmp_path), "--count", "4", *arguments]
    assert main([*COMMAND, "--out", str(tmp_path), *options]) == 2
    keras.mixed_precision.set_global_policy(policy)
    told = capsys.readouterr().err
    assert re.search(sentence, told)
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) == 1


def test_who_stops_it_before_its_first_step_gets_a_sentence(tmp_path, monkeypatch, capsys):
    def stopped(chosen):
        raise KeyboardInterrupt

    monkeypatch.setattr("convbook.train.__main__.prepare", stopped)
    assert main([*COMMAND, "--out", str(tmp_path)]) == 0
    assert "stopped before the first step" in capsys.readouterr().out


def test_no_minutes_at_all_leave_an_empty_folder_and_a_sentence(tmp_path, capsys):
    out = tmp_path / "runs" / "new"
    assert main([*COMMAND, "--count", "4", "--minutes", "0", "--out", str(out)]) == 0
    assert "stopped after 0 of 20 steps" in capsys.readouterr().out
    assert not list(out.iterdir())


def test_an_out_that_is_a_file_is_said_before_anything_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("convbook.train.pictures.source", lambda *_, **__: pytest.fail("it began"))
    file = tmp_path / "README.md"
    file.write_text("words")
    for out in (file, file / "run"):
        assert main([*COMMAND, "--out", str(out)]) == 2
        told = capsys.readouterr().err
        assert re.search(r"cannot be a folder \(.*\): name another", told)
        assert len(told.strip().splitlines()) == 1
    assert file.read_text() == "words"


@pytest.mark.parametrize("kind", [Exception, OSError])
def test_weights_that_cannot_be_fetched_are_said_in_a_sentence(tmp_path, monkeypatch, capsys, kind):
    def offline(**_):
        raise kind("URL fetch failure on https://x.y/z.h5: None -- no name")  # as Keras does

    monkeypatch.setattr(keras.applications, "VGG16", offline)
    monkeypatch.setattr("convbook.architectures.faster_rcnn.vgg_faster_rcnn", lambda *_, **__: None)
    options = ["--net-size", "published", "--start", "imagenet", "--count", "4"]
    assert main([*COMMAND, *options, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert re.search("imagenet, cannot be had .*no name.*: name a file of them by --start", told)
    assert len(told.strip().splitlines()) == 1


def test_what_is_wrong_with_our_own_code_is_not_taken_for_a_missing_file(monkeypatch):
    from convbook.train import __main__ as command

    def wrong(net, weights):
        raise KeyError("block6")

    with pytest.raises(KeyError, match="block6"):
        command._start(wrong, None, "imagenet")


def test_scenes_are_too_small_for_ssd300_and_the_command_says_what_to_choose(tmp_path, capsys):
    for size in ([], ["--size", "300"]):
        options = ["--net-size", "published", "--out", str(tmp_path), *size]
        assert main(["ssd", *options]) == 2
        told = capsys.readouterr().err
        assert "those of digit_scenes have 256 at most: choose photographs" in told
        assert len(told.strip().splitlines()) == 1


def test_a_published_nets_kernels_decay_through_the_momentum_and_nothing_else_does():
    from convbook.train.decay import DecayingSGD

    rng = np.random.default_rng(5)
    start, gradients = rng.normal(size=(3, 2)), rng.normal(size=(4, 3, 2))
    kernel, bias = (keras.Variable(value.astype("float32")) for value in (start, start[:, 0]))
    optimizer = DecayingSGD(0.1, decay=0.5, momentum=0.9)
    wanted, plain = start, start[:, 0]
    fall, own = np.zeros_like(wanted), np.zeros_like(plain)
    for gradient in gradients:
        pair = [gradient.astype("float32"), gradient[:, 0].astype("float32")]
        optimizer.apply([keras.ops.convert_to_tensor(each) for each in pair], [kernel, bias])
        fall = 0.9 * fall - 0.1 * (gradient + 0.5 * wanted)
        own = 0.9 * own - 0.1 * gradient[:, 0]
        wanted, plain = wanted + fall, plain + own
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), wanted, rtol=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bias), plain, rtol=1e-5)
    again = DecayingSGD.from_config(optimizer.get_config())
    assert (again.decay, again.momentum) == (0.5, 0.9)


def test_each_net_decays_as_its_paper_says_and_the_small_ones_as_they_did():
    from convbook.train.__main__ import optimizer_of
    from convbook.train.decay import DecayingSGD

    for net, decay in {"faster_rcnn": 5e-4, "mask_rcnn": 1e-4, "ssd": 5e-4, "yolo": 5e-4}.items():
        arguments = [net, "--out", "out", "--data", "voc/2007"]
        made = optimizer_of(_plan(_parser().parse_args(arguments)), 100)
        assert isinstance(made, DecayingSGD)
        assert (made.decay, made.weight_decay, made.momentum) == (decay, None, 0.9)
    small = optimizer_of(plan_of("--optimizer", "sgd"), 100)
    assert type(small) is keras.optimizers.SGD
    assert small.weight_decay == 5e-4


def test_photographs_get_the_published_net_and_scenes_the_small_one():
    voc, coco, scenes = (
        plan_of("--data", name) for name in ("voc/2007", "coco/2017", "digit_scenes")
    )
    assert (voc.size_of_net, voc.optimizer, voc.flip) == ("published", "sgd", True)
    assert (coco.size_of_net, coco.places) == ("published", 64)
    assert (scenes.size_of_net, scenes.optimizer, scenes.flip) == ("small", "adam", False)
    assert scenes.places == 8
    assert plan_of("--data", "voc/2007", "--net-size", "small").size_of_net == "small"


def test_each_published_net_gets_pictures_of_its_own_size_unless_told_otherwise():
    sizes = {"faster_rcnn": 600, "ssd": 300, "yolo": 416}
    for net, size in sizes.items():
        arguments = [net, "--data", "voc/2007", "--out", "out"]
        assert _plan(_parser().parse_args(arguments)).size == size
        assert _plan(_parser().parse_args([*arguments, "--size", "320"])).size == 320
    published = ["--data", "digit_scenes", "--net-size", "published", "--out", "out"]
    nets = ("faster_rcnn", "mask_rcnn", "yolo")
    made = {net: _plan(_parser().parse_args([net, *published])).size for net in nets}
    assert made == {"faster_rcnn": 128, "mask_rcnn": 128, "yolo": 256}, "scenes have 256 at most"


def test_a_mirrored_picture_keeps_its_boxes_on_its_objects():
    rng = np.random.default_rng(0)
    images = np.zeros((2, 20, 30, 3), "float32")
    boxes = np.zeros((2, 2, 4), "float32")
    boxes[:, 0] = (3, 5, 12, 11)
    images[:, 3:12, 5:11] = rng.random((2, 9, 6, 3)) + 1
    classes = np.array([[4, -1], [4, -1]])
    moved, placed = mirror(images, boxes, classes, np.array([True, False]))
    y1, x1, y2, x2 = placed[0, 0].astype(int)
    assert (moved[0, y1:y2, x1:x2] >= 1).all()
    assert moved[0].sum() == pytest.approx(moved[0, y1:y2, x1:x2].sum())
    np.testing.assert_array_equal(placed[:, 1], 0)  # padding stays padding
    np.testing.assert_array_equal(moved[1], images[1])
    np.testing.assert_array_equal(placed[1], boxes[1])


def test_all_pictures_are_judged_once_though_every_batch_is_full(pictures):
    batches = Batches(pictures[1], 4, shuffle=False, seed=0, places=8)
    made = list(in_turn(batches))
    assert [batch["count"] for batch in made] == [4, 2]
    assert all(batch["image"].shape == (4, SIDE, SIDE, 3) for batch in made)
    assert made[0]["image"].max() <= 1


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_in_half_precision_boxes_keep_all_their_digits(precision):
    from convbook.train.__main__ import build, optimizer_of

    plan = plan_of("--precision", precision)
    policy = keras.mixed_precision.global_policy()
    try:
        keras.mixed_precision.set_global_policy(precision)
        net = build(plan, 10)
    finally:
        keras.mixed_precision.set_global_policy(policy)
    optimizer = optimizer_of(plan, 10)
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
    net.compile(optimizer, run_eagerly=True)
    images = np.random.default_rng(0).random((2, SIDE, SIDE, 3)).astype("float32")
    seen = net.look(images)
    half = precision.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(seen["maps"].dtype) == half
    assert keras.backend.standardize_dtype(seen["offsets"].dtype) == "float32"
    assert keras.backend.standardize_dtype(net(images)["boxes"].dtype) == "float32"
    truth = {"boxes": np.array([[[4, 4, 30, 20]]] * 2, "float32"), "classes": np.array([[1], [2]])}
    logs = net.train_on_batch(images, truth, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert all(weight.dtype == "float32" for weight in net.trainable_variables)


# --- all devices ----------------------------------------------------------------------------------

TWO_DEVICES = """
import sys
import keras
import numpy as np
import keras.src.backend.jax.trainer as trainer
from convbook.train.devices import share_out

names, scope = share_out()
assert len(names) == 2, names
seen = []
original = trainer._distribute_data


def watched(data, layouts=None):
    made = original(data, layouts)
    for leaf in keras.tree.flatten(made):
        if hasattr(leaf, "addressable_shards"):
            shards = leaf.addressable_shards
            seen.append([(s.device.id, s.data.shape[0], leaf.shape[0]) for s in shards])
    return made


trainer._distribute_data = watched
"""

SHARED = """
assert seen
for shards in seen:
    assert sorted(device for device, _, _ in shards) == [0, 1], shards
    assert all(2 * part == whole for _, part, whole in shards), shards
print("shared out")
"""


def on_jax(program: str, root: Path, *arguments: str, devices: int = 2) -> str:
    """What a program prints that runs on JAX with some virtual devices."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    settings = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **settings, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.timeout(180)
def test_a_batch_is_really_shared_out_among_two_devices_on_jax(root):
    pytest.importorskip("jax")
    steps = """
net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
net.compile("sgd", "mse")
net.fit(np.ones((8, 4)), np.ones((8, 2)), batch_size=4, epochs=1, verbose=0)
"""
    assert "shared out" in on_jax(TWO_DEVICES + steps + SHARED, root)


SMALL_RUN = ["--size", "48", "--count", "12", "--batch-size", "4", "--evaluate-on", "6"]
SMALL_RUN = ["faster_rcnn", *SMALL_RUN, "--save-every", "2", "--epochs", "2"]


def history_of(folder: Path) -> list[dict[str, float]]:
    return json.loads((folder / "history.json").read_text())["history"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_devices_train_faster_rcnn_as_one_does_on_jax(root, tmp_path):
    pytest.importorskip("jax")
    training = """
from convbook.train.__main__ import main
assert main(sys.argv[1:]) == 0
"""
    arguments = [*SMALL_RUN, "--out"]
    # The first program has shared out before the command does it again.
    two = TWO_DEVICES + training + SHARED
    assert "shared out" in on_jax(two, root, *arguments, str(tmp_path / "two"))
    on_jax("import sys" + training, root, *arguments, str(tmp_path / "one"), devices=1)
    for ours, theirs in zip(
        history_of(tmp_path / "two"), history_of(tmp_path / "one"), strict=True
    ):
        assert ours["step"] == theirs["step"]
        if "loss" in ours:
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=0.02)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_devices_train_faster_rcnn_on_tensorflow(root, tmp_path):
    program = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sizes = []
from convbook.architectures.faster_rcnn import FasterRCNN
look = FasterRCNN.look
def watched(self, images, training=False):
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    sizes.append((training, replicas, tf.distribute.in_cross_replica_context(), images.shape[0]))
    return look(self, images, training)
FasterRCNN.look = watched
from convbook.train.__main__ import main
assert main(sys.argv[1:]) == 0
assert {size[1:3] for size in sizes if size[0]} == {(2, False)}, sizes
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *SMALL_RUN, "--out", str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "CPU:0, /device:CPU:1" in done.stdout
    rows = [row["loss"] for row in history_of(tmp_path) if "loss" in row]
    assert rows[-1] < rows[0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_command_killed_at_random_ends_as_one_that_was_left_alone(root, tmp_path):
    def start(folder: Path) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "convbook.train", *SMALL_RUN, "--out", str(folder)],
            env={**os.environ, "PYTHONPATH": str(root)},
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    began = time.monotonic()
    whole = start(tmp_path / "whole")
    told, _ = whole.communicate()
    assert whole.returncode == 0, told
    lasted = time.monotonic() - began
    kills = 0
    for attempt in range(30):
        process = start(tmp_path / "killed")
        # The first is killed for sure; after some more it is left alone, so that it ends.
        longest = 0.9 if attempt == 0 else 1.1
        patience = random.uniform(0.5, longest) * lasted if attempt < 5 else None
        try:
            told, _ = process.communicate(timeout=patience)
            assert process.returncode == 0, told
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills
    assert_same_curve(history_of(tmp_path / "killed"), history_of(tmp_path / "whole"))
    weights = [np.load(tmp_path / name / "weights.npz") for name in ("killed", "whole")]
    for key in weights[1].files:
        np.testing.assert_allclose(weights[0][key], weights[1][key], rtol=1e-2, atol=1e-4)
