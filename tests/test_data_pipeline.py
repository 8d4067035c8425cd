"""`load`: the same batches from both pipelines, in a known order; labels that follow pictures."""

import dataclasses
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from convbook.data import arrays, digit_scenes, digits, load
from convbook.data.augment import apply_layers, resize_example
from convbook.data.catalogue import CATALOGUE, embedded, source_of
from convbook.data.labels import IGNORE
from convbook.data.scenes import boxes_of


def only(data):
    return [{k: keras.ops.convert_to_numpy(v) for k, v in batch.items()} for batch in data]


def same(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("name", embedded())
def test_both_pipelines_give_the_same_batches(name):
    runs = [only(load(name, count=10, batch_size=4, pipeline=kind)) for kind in ("tf", "keras")]
    same(*runs)
    assert [len(batch["image"]) for batch in runs[0]] == [4, 4, 2]
    assert runs[0][0]["image"].dtype == np.float32
    assert 0.3 < runs[0][0]["image"].max() <= 1


def test_load_gives_what_the_functions_give():
    whole = arrays("digits", "test")
    np.testing.assert_array_equal(whole["image"], digits(28)[1][0])
    np.testing.assert_array_equal(whole["label"], digits(28)[1][1])
    (batch,) = only(load("digit_scenes", "test", count=4, size=96, classes=4))
    for i, scene in enumerate(digit_scenes(4, "test", size=96, classes=4)):
        n = len(scene["classes"])
        np.testing.assert_array_equal(batch["image"][i], scene["image"])
        np.testing.assert_array_equal(batch["boxes"][i, :n], scene["boxes"])
        np.testing.assert_array_equal(batch["classes"][i], [*scene["classes"], *[-1] * (8 - n)])
        assert not batch["masks"][i, n:].any()


@pytest.mark.parametrize("name", ["digits", "structure", "heads"])
def test_the_catalogue_says_how_many_examples_a_set_has_where_none_are_asked_for(name, monkeypatch):
    entry = CATALOGUE[name]
    for split, count in zip(("train", "test"), entry.counts, strict=True):
        assert len(source_of(name, split, None, None, 0)) == count
    monkeypatch.setitem(CATALOGUE, name, dataclasses.replace(entry, counts=(7, 3)))
    assert [len(source_of(name, split, None, None, 0)) for split in ("train", "test")] == [7, 3]
    assert len(source_of(name, "train", 5, None, 0)) == 5


def test_the_order_follows_from_seed_and_epoch():
    def epochs(kind, seed):
        data = load("digits", count=64, batch_size=16, pipeline=kind, seed=seed)
        first = only(data)
        if kind == "keras":
            data.on_epoch_end()
        return first, only(data)

    tf_run, keras_run, again = epochs("tf", 7), epochs("keras", 7), epochs("tf", 7)
    for epoch in (0, 1):
        same(tf_run[epoch], keras_run[epoch])
        same(tf_run[epoch], again[epoch])
    assert not np.array_equal(tf_run[0][0]["image"], tf_run[1][0]["image"]), "a new order"
    assert not np.array_equal(tf_run[0][0]["image"], epochs("tf", 8)[0][0]["image"])
    test = load("digits", "test", count=32, batch_size=32)
    np.testing.assert_array_equal(only(test)[0]["image"], digits(28)[1][0][:32])


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_a_model_trains_and_is_measured_on_either_pipeline(kind):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = load("digits", batch_size=32, keys=("image", "label"), pipeline=kind)
    assert len(data) == 45
    model.fit(data, epochs=3, verbose=0)
    test = load("digits", "test", batch_size=32, keys=("image", "label"), pipeline=kind)
    assert model.evaluate(test, verbose=0)[1] > 0.6


def test_another_backend_reads_the_same_batches():
    pytest.importorskip("jax")
    code = (
        "from keras import layers, backend\n"
        "from convbook.data import load\n"
        "assert backend.backend() == 'jax'\n"
        "data = load('digit_scenes', 'test', count=4, augment=[layers.RandomFlip(seed=1)])\n"
        "batch = data[0]\n"
        "print(type(data).__mro__[1].__name__, batch['image'].sum(), batch['semantic'].sum())\n"
        "print(type(batch['image']).__module__)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**__import__("os").environ, "KERAS_BACKEND": "jax"},
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    name, image, semantic = shown.stdout.split()[:3]
    (here,) = only(load("digit_scenes", "test", count=4, pipeline="keras"))
    assert name == "PyDataset"
    assert float(image) == pytest.approx(float(here["image"].sum()), rel=1e-4)
    assert int(semantic) == here["semantic"].sum()
    assert shown.stdout.split()[3] == "numpy"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no_such_set",), "There is no set"),
        (("digits", "validation"), '"train" and "test"'),
        (("digit_scenes", "train", {"colour": 3}), 'no option "colour": choose of classes, '),
        (("digits", "train", {"colour": 3}), "it takes none"),
        (("digit_scenes", "train", {"size": 10}), "48 to 256"),
        (("digit_scenes", "train", {"size": 0}), "size is 0: give a whole number"),
        (("digit_scenes", "train", {"classes": 11}), "1 to 10 classes"),
        (("digit_scenes", "train", {"objects": 3}), "the least and the most"),
        (("digit_scenes", "train", {"heights": (50, 300)}), "from 6 to 100"),
        (("figures", "train", {"people": (0, 1)}), "from 1 to 6"),
        (("figures", "train", {"size": 1000}), "48 to 256"),
        (("heads", "train", {"limits": (10, 10)}), "roll, pitch and yaw"),
        (("photo_patches", "train", {"size": 500}), "1 to 213"),
        (("structure", "train", {"size": 32}), "leave size out"),
        (("digits", "train", {"size": 30}), "28 or 32"),
        (("heads", "train", {"seed": -1}), "not negative"),
        (("digits", "train", {"keys": "image"}), r'\("image",\)'),
        (("digits", "train", {"keys": ("image", "mask")}), 'There is no "mask"'),
        (("digits", "train", {"augment": ["flip"]}), "list of Keras layers"),
        (("digits", "train", {"fit": "cover"}), '"stretch" or "pad"'),
        (("digits", "train", {"batch_size": 2.5}), "whole number"),
        (("digit_scenes", "train", {"max_objects": -1}), "at least 1"),
        (("digits", "train", {"count": -5}), "at least 1"),
        (("mnist", "train", {"count": -5}), "at least 1"),
        (("mnist", "best", {}), 'choose "train" or "test"'),
        (("digits", "train", {"pipeline": "torch"}), '"tf" or "keras"'),
        (("digits", "train", {"batch_size": 0}), "at least 1"),
        (("digits", "train", {"count": 0}), "at least 1"),
        (("mnist", "train", {"classes": 3}), "has no options"),
    ],
)
def test_mistakes_are_answered_in_words(arguments, words):
    *names, settings = arguments if isinstance(arguments[-1], dict) else (*arguments, {})
    with pytest.raises(ValueError, match=words):
        load(*names, **settings)


# ------------------------------------------------------------------- labels follow the picture


def labelled(count=4, height=40, width=56):
    """Two rectangles, red and green, with every kind of label; classes 6 and 199, one empty place.

    The values of the semantic map are far apart: any interpolation would make new ones.
    """
    masks = np.zeros((count, 3, height, width), bool)
    masks[:, 0, 8:20, 10:22] = True
    masks[:, 1, 20:36, 28:40] = True
    semantic = np.zeros((count, height, width), np.uint8)
    semantic[masks[:, 0]], semantic[masks[:, 1]] = 7, 200
    image = np.zeros((count, height, width, 3), np.float32)
    image[masks[:, 0]], image[masks[:, 1]] = [1, 0, 0], [0, 1, 0]
    return {
        "image": image,
        "boxes": np.stack([boxes_of(one) for one in masks]),
        "classes": np.tile(np.array([6, 199, -1]), (count, 1)),
        "difficult": np.tile([True, False, False], (count, 1)),
        "crowd": np.tile([False, True, False], (count, 1)),
        "masks": masks,
        "semantic": semantic,
    }


MOVING = {
    "flip": lambda: layers.RandomFlip("horizontal_and_vertical", seed=1),
    "rotation": lambda: layers.RandomRotation(0.1, seed=1),
    "rotation on black": lambda: layers.RandomRotation(0.1, fill_mode="constant", seed=1),
    "zoom": lambda: layers.RandomZoom(0.3, seed=1),
    "zoom, not in proportion": lambda: layers.RandomZoom(0.3, 0.1, seed=1),
    "translation": lambda: layers.RandomTranslation(0.3, 0.2, seed=1),
    "perspective": lambda: layers.RandomPerspective(0.5, 0.3, seed=1),
    "crop": lambda: layers.RandomCrop(30, 44, seed=3),
    "middle": lambda: layers.CenterCrop(30, 44),
    "larger": lambda: layers.Resizing(91, 77),
    "smaller": lambda: layers.Resizing(23, 37),
    "padded": lambda: layers.Resizing(64, 64, pad_to_aspect_ratio=True),
    "cropped": lambda: layers.Resizing(64, 64, crop_to_aspect_ratio=True),
}


@pytest.mark.parametrize("name", MOVING)
def test_labels_are_never_interpolated_and_follow_the_picture(name):
    before = labelled()
    after = {
        key: keras.ops.convert_to_numpy(value)
        for key, value in apply_layers([MOVING[name]()], before).items()
    }
    assert {k: v.dtype for k, v in after.items()} == {k: v.dtype for k, v in before.items()}
    assert set(np.unique(after["semantic"])) <= {0, 7, 200, IGNORE}
    moved = not np.array_equal(after["semantic"], before["semantic"])
    assert moved, "the layer did something"
    for place, value, channel in ((0, 7, 0), (1, 200, 1)):
        masks = after["masks"][:, place]
        np.testing.assert_array_equal(masks, after["semantic"] == value)
        # The colour says where the rectangle went: a label's nearest pixel has at least half the
        # weight in both directions of what makes the colour.
        assert (after["image"][..., channel][masks] > 0.24).mean() > 0.99
        for mask, box, tight in zip(masks, after["boxes"][:, place], boxes_of(masks), strict=True):
            if mask.any():
                np.testing.assert_allclose(box, tight, atol=1.3)
    assert (after["classes"][:, 2] == -1).all()
    assert not after["boxes"][:, 2].any(), "an empty place stays empty"


def test_the_test_above_would_see_interpolation(monkeypatch):
    def mixed(layer, planes, step, training):
        return layer.transform_images(planes, step, training=training)

    monkeypatch.setattr("convbook.data.augment._nearest", mixed)
    for name in ("zoom", "smaller"):
        after = apply_layers([MOVING[name]()], labelled())["semantic"]
        assert not set(np.unique(keras.ops.convert_to_numpy(after))) <= {0, 7, 200, IGNORE}


def test_a_flip_by_hand():
    layer = layers.RandomFlip("horizontal", seed=1)
    before = labelled(8)
    after = {k: keras.ops.convert_to_numpy(v) for k, v in apply_layers([layer], before).items()}
    flipped = after["boxes"][:, 0, 1] != 10
    assert 0 < flipped.sum() < 8, "some were flipped and some were not"
    np.testing.assert_allclose(after["boxes"][flipped, 0], [[8, 34, 20, 46]] * flipped.sum())
    np.testing.assert_array_equal(after["masks"][flipped], before["masks"][flipped][..., ::-1])


def test_an_object_that_leaves_the_picture_is_taken_out():
    layer = layers.CenterCrop(10, 10)  # rows 15 to 25, columns 23 to 33
    after = {k: keras.ops.convert_to_numpy(v) for k, v in apply_layers([layer], labelled()).items()}
    assert after["classes"].tolist() == [[-1, 199, -1]] * 4
    np.testing.assert_array_equal(after["boxes"][:, 0], 0)
    np.testing.assert_allclose(after["boxes"][0, 1], [5, 5, 10, 10])
    assert not after["difficult"].any()
    assert after["crowd"][:, 1].all()


def test_what_comes_into_view_is_not_counted():
    layer = layers.RandomTranslation((0.25, 0.25), (0, 0), fill_mode="reflect", seed=0)
    after = keras.ops.convert_to_numpy(apply_layers([layer], labelled())["semantic"])
    assert (after[:, :10] == IGNORE).all()
    assert (after[:, 10:] != IGNORE).all()


def test_colour_layers_leave_labels_alone():
    before = labelled()
    before["keypoints"] = np.zeros((4, 1, 2, 2), np.float32)
    after = apply_layers([layers.RandomBrightness(0.5, value_range=(0, 1), seed=1)], before)
    image = keras.ops.convert_to_numpy(after.pop("image"))
    assert not np.array_equal(image, before.pop("image"))
    assert 0 <= image.min() <= image.max() <= 1
    same([{k: keras.ops.convert_to_numpy(v) for k, v in after.items()}], [before])


@pytest.mark.parametrize(
    ("layer", "words", "extra"),
    [
        (layers.RandomShear(0.2, 0.2), "do not follow RandomShear", {}),
        (layers.RandomCrop(60, 60), "put Resizing before it", {}),
        (layers.CenterCrop(60, 60), "put Resizing before it", {}),
        (layers.CenterCrop(20, 60), "put Resizing before it", {}),
        (layers.MixUp(), "MixUp is not for labels: it mixes", {}),
        (layers.RandomElasticTransform(), "by another field than the picture", {}),
        (layers.RandomFlip(), "not its keypoints", {"keypoints": np.zeros((4, 1, 2, 2))}),
    ],
)
def test_what_would_falsify_labels_is_refused(layer, words, extra):
    with pytest.raises(ValueError, match=words):
        apply_layers([layer], labelled() | extra)


def test_a_blur_that_is_wrong_on_some_backend_is_refused_on_all():
    with pytest.raises(ValueError, match="RandomGaussianBlur is not to be relied on"):
        apply_layers([layers.RandomGaussianBlur(1.0)], labelled())


def test_the_blur_is_refused_for_what_it_does():
    """If this fails, Keras may have mended the blur, and it can be let in again."""
    flat = np.ones((1, 9, 9, 1), "float32")
    blurred = keras.ops.image.gaussian_blur(flat, kernel_size=(3, 3), sigma=(1.0, 1.0))
    assert float(keras.ops.min(blurred)) < 0.9  # a flat picture has a dark frame


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_augmented_batches_are_the_same_every_time(kind):
    def run():
        augment = [layers.RandomFlip(seed=5), layers.RandomZoom(0.2, seed=6)]
        data = load("digit_scenes", count=8, batch_size=4, augment=augment, pipeline=kind)
        return only(data)

    first, plain = run(), only(load("digit_scenes", count=8, batch_size=4, pipeline=kind))
    same(first, run())
    assert not np.array_equal(first[0]["image"], plain[0]["image"])
    assert set(np.unique(first[0]["semantic"])) <= {*range(11), IGNORE}


def test_what_a_batch_is_given_does_not_depend_on_the_pipeline_or_on_who_asks_when():
    def layers_with_seeds():
        return [layers.RandomFlip(seed=5), layers.RandomRotation(0.1, seed=6)]

    def made(kind):
        augment = layers_with_seeds()
        return load("digit_scenes", count=12, batch_size=4, augment=augment, pipeline=kind)

    from_tf, from_keras = only(made("tf")), only(made("keras"))
    same_labels(from_tf, from_keras)
    backwards = made("keras")
    picked = only([backwards[i] for i in (2, 0, 1, 2)])
    same(picked, [from_keras[i] for i in (2, 0, 1, 2)])
    second = made("keras")
    second.on_epoch_end()
    assert not np.array_equal(second[0]["image"], from_keras[0]["image"])


def same_labels(a, b):
    """Labels equal; pictures up to rounding, since one is made in a graph."""
    for one, other in zip(a, b, strict=True):
        np.testing.assert_allclose(one["image"], other["image"], atol=1e-5)
        for key in one.keys() - {"image"}:
            np.testing.assert_array_equal(one[key], other[key])


@pytest.mark.parametrize("kind", ["tf", "keras"])
def test_training_on_augmented_batches_goes_the_same_way_every_time(kind):
    def losses():
        keras.utils.set_random_seed(1)
        augment = [layers.RandomFlip(seed=5), layers.RandomZoom(0.2, seed=6)]
        keys = ("image", "semantic")
        data = load(
            "digit_scenes/easy", count=12, batch_size=4, keys=keys, augment=augment, pipeline=kind
        )
        model = keras.Sequential([layers.Input((64, 64, 3)), layers.Conv2D(4, 3, padding="same")])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True, ignore_class=IGNORE))
        return model.fit(data, epochs=2, verbose=0).history["loss"]

    assert losses() == losses()


def test_boxes_hug_what_a_turn_leaves_of_their_objects():
    augment = [layers.RandomRotation(0.12, fill_mode="constant", seed=2)]
    keys = ("boxes", "classes", "masks")
    settings: dict[str, Any] = {
        "count": 8,
        "augment": augment,
        "pipeline": "keras",
        "shuffle": False,
    }
    boxes, classes, masks = load("digit_scenes", keys=keys, **settings)[0]
    assert (classes >= 0).sum() > 10
    for there, box, mask in zip(classes >= 0, boxes, masks, strict=True):
        np.testing.assert_array_equal(box[there], boxes_of(mask[there]))
    (alone,) = load("digit_scenes", keys=("boxes",), **settings)[0]
    np.testing.assert_array_equal(alone, boxes)


def test_options_that_allow_more_objects_get_more_places():
    (batch,) = only(load("digit_scenes", count=6, objects=(10, 12), pipeline="keras"))
    assert batch["boxes"].shape == (6, 12, 4)
    assert ((batch["classes"] >= 0).sum(1) > 8).any()


def test_one_example_is_resized_with_its_labels():
    batch = labelled(1)
    example = {key: value[0] for key, value in batch.items()}
    example["image"] = (example["image"] * 255).astype(np.uint8)
    small = resize_example(example, 28)
    assert small["image"].dtype == np.uint8
    np.testing.assert_allclose(small["boxes"][0], [5.6, 5, 14, 11], atol=1e-4)
    assert set(np.unique(small["semantic"])) == {0, 7, 200}
    with pytest.raises(ValueError, match='"stretch" or "pad"'):
        resize_example(example, 28, "cover")


# -------------------------------------------------------------------------------------- memory

LIMIT = 8 * 1024**3


def limited(code):
    """Run Python code under a limit of 8 GB on what it may allocate."""
    before = f"import resource; resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT}, {LIMIT}))\n"
    return subprocess.run(
        [sys.executable, "-c", before + code], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="limits of this kind are Linux's")
def test_training_sets_at_their_default_sizes_stay_under_8_gb_together():
    code = (
        "from convbook.data import load\n"
        "held = [load(name, batch_size=32) for name in "
        "('digits', 'structure', 'digit_scenes', 'figures')]\n"
        "print(sum(len(batch['image']) for data in held for batch in data))\n"
    )
    shown = limited(code)
    assert shown.returncode == 0, shown.stderr[-2000:]
    assert int(shown.stdout.split()[-1]) == 1417 + 2000 + 2 * 1000


@pytest.mark.skipif(sys.platform != "linux", reason="limits of this kind are Linux's")
def test_the_limit_of_the_test_above_bites():
    shown = limited("import numpy; numpy.ones(9 * 2**27)")
    assert shown.returncode != 0
    assert "memory" in shown.stderr.lower()


def test_only_what_is_asked_for_is_given():
    first = next(iter(load("digit_scenes", count=4, keys=("image", "semantic"), pipeline="keras")))
    assert [value.shape for value in first] == [(4, 128, 128, 3), (4, 128, 128)]
    augment = [layers.RandomFlip("horizontal", seed=1)]
    (boxes,) = load("digit_scenes", count=4, keys=["boxes"], augment=augment, pipeline="keras")[0]
    assert boxes.shape == (4, 8, 4)
    with pytest.raises(ValueError, match='There is no "mask"'):
        load("digit_scenes", count=4, keys=["mask"], pipeline="keras")[0]
