"""Real sets, through small archives in the original layout that the tests make themselves."""

import gzip
import importlib
import io
import json
import re
import tarfile
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from convbook.data import load
from convbook.data.__main__ import main
from convbook.data.catalogue import entry_of
from convbook.data.real import NotHere, Real, class_names, fetch, meaning_of

tfds = pytest.importorskip("tensorflow_datasets")

# ---------------------------------------------------------------- archives as they are published


def jpeg(height, width, value=128):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (value, 255 - value, 60)).save(buffer, "JPEG")
    return buffer.getvalue()


def palette_png(indices):
    picture = Image.fromarray(np.asarray(indices, np.uint8), "P")
    picture.putpalette([i for i in range(256) for _ in range(3)])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def mnist_archives(folder):
    for part, count in (("train", 10), ("t10k", 5)):
        images = (np.arange(count * 784) % 251).astype(np.uint8).tobytes()
        labels = (np.arange(count) % 10).astype(np.uint8).tobytes()
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            header = np.array([2051, count, 28, 28], ">i4").tobytes()
            file.write(header + images)
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(np.array([2049, count], ">i4").tobytes() + labels)


def cifar_archives(folder):
    def rows(count):
        pixels = np.tile(np.repeat(np.array([10, 20, 30], np.uint8), 1024), (count, 1))
        return np.concatenate([np.arange(count, dtype=np.uint8)[:, None] % 10, pixels], 1).tobytes()

    names = [f"class {i}" for i in range(10)]
    files = {f"data_batch_{i}.bin": rows(2) for i in range(1, 6)} | {"test_batch.bin": rows(3)}
    files["batches.meta.txt"] = "\n".join([*names, ""]).encode()
    content = {f"cifar-10-batches-bin/{name}": data for name, data in files.items()}
    write_tar(folder / "cifar-10-binary.tar.gz", content, "w:gz")


def imagenette_archives(folder):
    files = {
        f"imagenette2-320/{part}/{label}/{label}_{i}.JPEG": jpeg(40, 30 + 10 * i)
        for part in ("train", "val")
        for label in ("n01440764", "n03888257")
        for i in range(2)
    }
    write_tar(folder / "imagenette2-320.tgz", files, "w:gz")


def pet_archives(folder):
    trimap = np.full((20, 30), 2)
    trimap[4:16, 5:25], trimap[6:14, 8:22] = 3, 1
    xml = voc_xml("Abyssinian_1", 20, 30, [("cat", (9, 7, 21, 13), 0)])
    images = {f"images/{name}.jpg": jpeg(20, 30) for name in ("Abyssinian_1", "beagle_2")}
    notes = {
        "annotations/trainval.txt": b"Abyssinian_1 1 1 1\n",
        "annotations/test.txt": b"beagle_2 5 2 1\n",
        "annotations/xmls/Abyssinian_1.xml": xml,
    }
    for name in ("Abyssinian_1", "beagle_2"):
        notes[f"annotations/trimaps/{name}.png"] = palette_png(trimap)
    # They are called .tar.gz and are plain tar, as the published ones.
    write_tar(folder / "images.tar.gz", images)
    write_tar(folder / "annotations.tar.gz", notes)


def voc_xml(name, height, width, objects):
    """An annotation; boxes as VOC counts them: xmin, ymin, xmax, ymax from 1, last included."""
    body = "".join(
        f"<object><name>{label}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>{hard}</difficult><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for label, (x1, y1, x2, y2), hard in objects
    )
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation><filename>{name}.jpg</filename>{size}{body}</annotation>".encode()


VOC_OBJECTS = [("dog", (11, 21, 50, 60), 0), ("person", (61, 1, 100, 40), 1)]


def voc_archives(folder, year):
    """A picture with a dog and a difficult person, one with a dog, and an empty one."""
    if year == "2007":
        pictures = {"000005": VOC_OBJECTS, "000007": VOC_OBJECTS[:1], "000009": []}
        archives = {"VOCtrainval_06-Nov-2007.tar": True, "VOCtest_06-Nov-2007.tar": True}
    else:
        pictures = {"2007_000027": VOC_OBJECTS, "2008_000002": VOC_OBJECTS[:1], "2008_000009": []}
        archives = {"VOCtrainval_11-May-2012.tar": True, "VOC2012test.tar": False}
    class_map, object_map = np.zeros((2, 80, 100), np.uint8)
    class_map[20:60, 10:50], object_map[20:60, 10:50] = 12, 1  # dog is the twelfth class
    class_map[0:40, 60:100], object_map[0:40, 60:100] = 15, 2
    for edges in (class_map, object_map):
        edges[20, 10:50] = 255
    root = f"VOCdevkit/VOC{year}"
    for archive, annotated in archives.items():
        names = list(pictures)
        sets = {"test": names} if "test" in archive else {"train": names[:1], "val": names[1:]}
        files = {}
        for part, members in sets.items():
            for task in ("Main", "Segmentation"):
                listed = members if task == "Main" else members[:1]
                files[f"{root}/ImageSets/{task}/{part}.txt"] = "\n".join([*listed, ""]).encode()
        for name, objects in pictures.items():
            files[f"{root}/JPEGImages/{name}.jpg"] = jpeg(80, 100)
            if annotated:
                files[f"{root}/Annotations/{name}.xml"] = voc_xml(name, 80, 100, objects)
                for kind, content in (("Class", class_map), ("Object", object_map)):
                    shown = content if len(objects) == 2 else np.where(content == 2, 0, content)
                    files[f"{root}/Segmentation{kind}/{name}.png"] = palette_png(shown)
        write_tar(folder / archive, files)


def coco_archives(folder):
    """Picture 139: two dogs and a crowd of people; 285: empty; 632: one cat."""
    known = {17: "cat", 18: "dog", 1: "person"}
    numbers = [i for i in range(1, 91) if i not in NO_CATEGORY]
    categories = [{"id": i, "name": known.get(i, f"thing{i}")} for i in numbers]
    pictures = [
        {"id": i, "file_name": f"{i:012d}.jpg", "height": 80, "width": 100} for i in (139, 285, 632)
    ]
    square = [[10, 20, 50, 20, 50, 60, 10, 60]]
    runs = {"size": [80, 100], "counts": [60 * 80, 40, 40, 40, 80 * 100 - 60 * 80 - 120]}
    notes = [
        note(1, 139, 18, [10, 20, 40, 40], square),
        note(2, 139, 18, [70, 40, 20, 30], [[70, 40, 90, 40, 90, 70, 70, 70]]),
        note(3, 139, 1, [60, 0, 2, 40], runs, crowd=1),
        note(4, 632, 17, [0, 0, 30, 30], [[0, 0, 30, 0, 30, 30, 0, 30]]),
    ]
    bodies = {"images": pictures, "categories": categories, "info": {}, "licenses": []}
    labelled = json.dumps(bodies | {"annotations": notes})
    files = {f"annotations/instances_{part}2017.json": labelled for part in ("train", "val")}
    write_zip(folder / "annotations_trainval2017.zip", files)
    write_zip(
        folder / "image_info_test2017.zip",
        {"annotations/image_info_test2017.json": json.dumps(bodies)},
    )
    for part in ("train", "val", "test"):
        content = {f"{part}2017/{one['file_name']}": jpeg(80, 100) for one in pictures}
        write_zip(folder / f"{part}2017.zip", content)


NO_CATEGORY = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def note(number, image, category, box, segmentation, crowd=0):
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": crowd,
        "segmentation": segmentation,
    }


ARCHIVES = {
    "mnist": mnist_archives,
    "fashion_mnist": mnist_archives,
    "cifar10": cifar_archives,
    "imagenette": imagenette_archives,
    "oxford_iiit_pet": pet_archives,
    "voc/2007": lambda folder: voc_archives(folder, "2007"),
    "voc/2012": lambda folder: voc_archives(folder, "2012"),
    "voc_masks/2007": lambda folder: voc_archives(folder, "2007"),
    "voc_masks/2012": lambda folder: voc_archives(folder, "2012"),
    "coco/2017": coco_archives,
    "coco_masks/2017": coco_archives,
}


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """A function that fetches a set from archives made here, by the command a reader would use."""
    from tensorflow_datasets.image_classification import mnist

    data_dir = tmp_path_factory.mktemp("tensorflow_datasets")
    done = set()

    def fetch_from_archives(name):
        if name not in done:
            archives = tmp_path_factory.mktemp("archives")
            ARCHIVES[name](archives)

            def download_and_extract(manager, urls):
                if isinstance(urls, dict):
                    return {key: download_and_extract(manager, url) for key, url in urls.items()}
                return manager.extract(archives / Path(urls).name)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("convbook.data.real._reachable", lambda url: True)
                patch.setattr(
                    tfds.download.DownloadManager, "download_and_extract", download_and_extract
                )
                patch.setattr(mnist, "_TRAIN_EXAMPLES", 10)
                patch.setattr(mnist, "_TEST_EXAMPLES", 5)
                assert main(["fetch", name, "--data-dir", str(data_dir)]) == 0
            done.add(name)
        return str(data_dir)

    return fetch_from_archives


def only(data):
    """All batches of a pipeline, as arrays."""
    return [{k: keras.ops.convert_to_numpy(v) for k, v in batch.items()} for batch in data]


# ------------------------------------------------------------------------------ what a user gets


@pytest.mark.parametrize(
    ("name", "counts", "shape"),
    [
        ("mnist", (10, 5), (28, 28, 1)),
        ("fashion_mnist", (10, 5), (28, 28, 1)),
        ("cifar10", (10, 3), (32, 32, 3)),
        ("imagenette", (4, 4), (32, 32, 3)),
    ],
)
def test_classification_sets_look_like_the_embedded_digits(fetched, name, counts, shape):
    folder = fetched(name)
    size = 32 if name == "imagenette" else None
    for split, count in zip(("train", "test"), counts, strict=True):
        (batch,) = only(load(name, split, batch_size=16, size=size, data_dir=folder))
        (ours,) = only(load("digits", split, batch_size=16, count=count))
        assert batch["image"].shape == (count, *shape)
        assert {k: v.dtype for k, v in batch.items()} == {k: v.dtype for k, v in ours.items()}
        assert 0 <= batch["image"].min() <= batch["image"].max() <= 1
        assert batch["image"].max() > 0.1, "scaled to [0, 1] twice"
    assert len(class_names(name, folder)) == 10


def test_cifar_pictures_keep_their_channels(fetched):
    (batch,) = only(load("cifar10", "test", batch_size=3, data_dir=fetched("cifar10")))
    np.testing.assert_allclose(batch["image"][0, 5, 5] * 255, [10, 20, 30], atol=1e-3)
    assert sorted(batch["label"]) == [0, 1, 2]


def test_a_pet_is_one_its_ground_zero_and_its_edge_not_counted(fetched):
    folder = fetched("oxford_iiit_pet")
    (batch,) = only(load("oxford_iiit_pet", "train", batch_size=1, data_dir=folder))
    semantic = batch["semantic"][0]
    assert semantic.shape == batch["image"].shape[1:3] == (20, 30)
    assert (semantic[10, 15], semantic[0, 0], semantic[4, 5]) == (1, 0, 255)
    assert class_names("oxford_iiit_pet", folder)[int(batch["label"][0])] == "Abyssinian"
    (small,) = only(load("oxford_iiit_pet", "test", size=16, data_dir=folder))
    assert set(np.unique(small["semantic"])) == {0, 1, 255}


@pytest.mark.parametrize("pipeline", ["tf", "keras"])
def test_voc_boxes_are_pixels_counted_from_zero_and_flags_survive(fetched, pipeline):
    folder = fetched("voc/2007")
    data = load("voc/2007", "test", batch_size=3, size=None, data_dir=folder, pipeline=pipeline)
    (batch,) = only(data)
    rows = {int(number): i for i, number in enumerate(batch["image_id"])}
    assert set(rows) == {5, 7, 9}
    first = rows[5]
    # VOC's dog spans columns 11 to 50 and rows 21 to 60, both ends included, counted from 1.
    np.testing.assert_allclose(
        batch["boxes"][first], [[20, 10, 60, 50], [0, 60, 40, 100]], atol=1e-4
    )
    names = class_names("voc/2007", folder)
    assert [names[c] for c in batch["classes"][first]] == ["dog", "person"]
    assert batch["difficult"][first].tolist() == [False, True]
    assert not batch["crowd"].any()
    assert batch["classes"][rows[9]].tolist() == [-1, -1], "the empty picture has no objects"
    assert not batch["boxes"][rows[9]].any()


def test_detection_sets_have_the_features_of_the_scenes(fetched):
    (scenes,) = only(load("digit_scenes", "test", count=2))
    for name in ("voc/2007", "voc/2012", "coco/2017"):
        batch = only(load(name, "test", batch_size=2, size=64, data_dir=fetched(name)))[0]
        for key, value in batch.items():
            assert scenes[key].dtype == value.dtype, (name, key)
            assert scenes[key].ndim == value.ndim, (name, key)
    for name in ("voc_masks/2007", "voc_masks/2012", "coco_masks/2017"):
        batch = only(load(name, "test", batch_size=2, size=64, data_dir=fetched(name)))[0]
        assert {k: v.dtype for k, v in batch.items()} == {k: v.dtype for k, v in scenes.items()}


def test_resizing_moves_boxes_and_keeps_the_empty_picture(fetched):
    folder = fetched("voc/2007")
    (batch,) = only(load("voc/2007", "test", size=160, data_dir=folder, shuffle=False))
    boxes = batch["boxes"][list(batch["image_id"]).index(5)]
    np.testing.assert_allclose(boxes[0], [40, 16, 120, 80], atol=1e-3)
    (padded,) = only(load("voc/2007", "test", size=200, fit="pad", data_dir=folder))
    boxes = padded["boxes"][list(padded["image_id"]).index(5)]
    np.testing.assert_allclose(boxes[0], [60, 20, 140, 100], atol=1.01)


def test_pictures_of_two_sizes_need_a_size(fetched):
    folder = fetched("imagenette")
    with pytest.raises(ValueError, match="say which size"):
        load("imagenette", "train", batch_size=4, data_dir=folder, pipeline="keras")[0]


def test_coco_keeps_crowds_empty_pictures_and_numbers(fetched):
    folder = fetched("coco/2017")
    (batch,) = only(load("coco/2017", "test", batch_size=3, data_dir=folder))
    rows = {int(number): i for i, number in enumerate(batch["image_id"])}
    assert set(rows) == {139, 285, 632}
    first = rows[139]
    names = class_names("coco/2017", folder)
    found = sorted(
        (names[c], bool(crowd), *box.round(3).tolist())
        for c, crowd, box in zip(
            batch["classes"][first], batch["crowd"][first], batch["boxes"][first], strict=True
        )
    )
    assert found == [
        ("dog", False, 20, 10, 60, 50),
        ("dog", False, 40, 70, 70, 90),
        ("person", True, 0, 60, 40, 62),
    ]
    assert (batch["classes"][rows[285]] == -1).all()


def test_masks_of_voc_and_coco_lie_in_their_boxes(fetched):
    (coco,) = only(
        load("coco_masks/2017", "test", batch_size=3, data_dir=fetched("coco_masks/2017"))
    )
    row = list(coco["image_id"]).index(139)
    for mask, box, crowd in zip(
        coco["masks"][row], coco["boxes"][row], coco["crowd"][row], strict=True
    ):
        y1, x1, y2, x2 = box.round().astype(int)
        assert mask[y1:y2, x1:x2].all()
        assert mask.sum() == (y2 - y1) * (x2 - x1)
        assert set(np.unique(coco["semantic"][row][mask])) == ({255} if crowd else {17})
    (voc,) = only(load("voc_masks/2012", "train", batch_size=1, data_dir=fetched("voc_masks/2012")))
    dog, person = voc["masks"][0]
    assert dog[21:60, 10:50].all()
    assert dog.sum() == 39 * 40
    assert person.sum() == 40 * 40
    assert voc["semantic"][0][20, 30] == 255
    assert set(np.unique(voc["semantic"][0][dog])) == {12}
    assert voc["classes"][0].tolist() == [11, 14], "the semantic map says 1 + class"


@pytest.mark.parametrize("name", ["voc_masks/2007", "coco_masks/2017"])
def test_the_sets_that_mask_rcnn_asks_for_are_those_it_can_learn_from(
    fetched, name, tmp_path, monkeypatch, capsys
):
    from convbook.data.batches import Batches
    from convbook.train import __main__ as command
    from convbook.train.pictures import MASK_KEYS, Steps, source

    folder = fetched(name)
    monkeypatch.setattr("convbook.data.real._reachable", lambda url: False)
    arguments = ["mask_rcnn", "--data-dir", folder, "--out", str(tmp_path), "--batch-size", "1"]
    plain = name.replace("_masks", "")
    assert command.main([*arguments, "--data", plain]) == 2
    assert name in capsys.readouterr().err, "what it is told to choose"

    def built(plan, classes):
        raise ValueError(f"{plan.net}, {plan.size_of_net}, {classes} classes")

    monkeypatch.setattr(command, "build", built)
    assert command.main([*arguments, "--data", name]) == 2
    count = len(class_names(name, folder))
    assert capsys.readouterr().err == f"mask_rcnn, published, {count} classes\n"
    pictures = source(
        name, "train", size=100, count=None, seed=0, places=4, data_dir=folder, masks=True
    )
    batches = Batches(pictures, 1, shuffle=False, seed=0, places=4, keys=MASK_KEYS)
    steps, count = Steps(batches, 0, len(pictures)), 0
    for _, truth in map(steps.__getitem__, range(len(steps))):
        assert truth["masks"].shape == (1, 4, 100, 100)
        objects = (truth["classes"][0] >= 0) & ~truth["crowd"][0].astype(bool)
        for mask, box in zip(truth["masks"][0][objects], truth["boxes"][0][objects], strict=True):
            y1, x1, y2, x2 = box.round().astype(int)
            assert mask[y1:y2, x1:x2].mean() > 0.9
            assert mask.sum() == mask[y1:y2, x1:x2].sum()
            count += 1
    assert count >= 2


def test_both_pipelines_give_the_same_batches_every_time(fetched):
    folder = fetched("coco/2017")
    runs = []
    for pipeline in ("tf", "keras", "tf"):
        data = load("coco/2017", batch_size=2, size=32, data_dir=folder, pipeline=pipeline, seed=3)
        runs.append(only(data))
    for run in runs[1:]:
        for a, b in zip(runs[0], run, strict=True):
            for key in a:
                np.testing.assert_array_equal(a[key], b[key])


def test_slices_of_a_split_mean_a_share_of_each_of_its_parts(fetched):
    entry = entry_of("voc/2007")
    assert meaning_of("train[:50%]", entry) == "train[:50%]+validation[:50%]"
    assert meaning_of("test", entry_of("coco/2017")) == "validation"
    folder = fetched("mnist")
    assert len(Real("mnist", "train[:40%]", data_dir=folder)) == 4
    with pytest.raises(ValueError, match="no split"):
        Real("mnist", "best", data_dir=folder)


# ------------------------------------------------------------------- average precision, by hand


def average_precision(batch, detections, at=None):
    """mAP by pycocotools; difficult objects count for nothing, as crowds do."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(box):
        y1, x1, y2, x2 = (float(v) for v in box)
        return [x1, y1, x2 - x1, y2 - y1]

    truth, found = COCO(), COCO()
    truth.dataset = {"images": [{"id": int(i)} for i in batch["image_id"]], "annotations": []}
    for image, boxes, classes, skip in zip(
        batch["image_id"],
        batch["boxes"],
        batch["classes"],
        batch["difficult"] | batch["crowd"],
        strict=True,
    ):
        for box, label, flag in zip(boxes, classes, skip, strict=True):
            if label >= 0:
                number = len(truth.dataset["annotations"]) + 1
                shape = xywh(box)
                truth.dataset["annotations"].append(
                    note(number, int(image), int(label), shape, None, int(flag))
                )
    labels = sorted({one["category_id"] for one in truth.dataset["annotations"]})
    truth.dataset["categories"] = [{"id": label} for label in labels]
    truth.createIndex()
    found = truth.loadRes(
        [
            {"image_id": i, "category_id": c, "bbox": xywh(box), "score": score}
            for i, c, box, score in detections
        ]
    )
    judge = COCOeval(truth, found, "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return judge.stats[0 if at is None else 1]


def test_coco_map_of_a_fixture_equals_the_value_computed_by_hand(fetched):
    folder = fetched("coco/2017")
    (batch,) = only(load("coco/2017", "test", batch_size=3, data_dir=folder))
    names = class_names("coco/2017", folder)
    dog, cat, person = (names.index(name) for name in ("dog", "cat", "person"))
    detections = [
        (139, dog, (20, 10, 60, 50), 0.9),  # right
        (285, dog, (10, 10, 30, 30), 0.8),  # wrong: the picture is empty
        (139, dog, (40, 70, 70, 90), 0.6),  # right
        (632, cat, (0, 0, 30, 30), 0.9),  # right
        (139, person, (0, 60, 20, 62), 0.9),  # in the crowd: counts for nothing
    ]
    # Dogs: precision 1 up to recall 0.5 (51 of 101 recalls), 2/3 beyond. Cats: 1. There is no
    # person but the crowd: that class is left out.
    by_hand = ((51 + 50 * 2 / 3) / 101 + 1) / 2
    assert average_precision(batch, detections) == pytest.approx(by_hand, abs=1e-6)


def test_voc_map_of_a_fixture_equals_the_value_computed_by_hand(fetched):
    folder = fetched("voc/2007")
    (batch,) = only(load("voc/2007", "test", batch_size=3, data_dir=folder))
    names = class_names("voc/2007", folder)
    dog, person = names.index("dog"), names.index("person")
    detections = [
        (5, dog, (20, 10, 60, 50), 0.9),  # right
        (5, person, (0, 60, 40, 100), 0.9),  # difficult: counts for nothing
        (9, dog, (0, 0, 20, 20), 0.7),  # wrong: the picture is empty
        (7, dog, (20, 10, 60, 34), 0.5),  # IoU 0.6 with the second dog: right at 0.5
    ]
    by_hand = (51 + 50 * 2 / 3) / 101
    assert average_precision(batch, detections, at=0.5) == pytest.approx(by_hand, abs=1e-6)
    # At ten thresholds: the last detection is right at 0.5, 0.55 and 0.6 only; without it recall
    # stays at one half. (0.6 is met exactly, and pycocotools takes it.)
    mean = (3 * by_hand + 7 * 51 / 101) / 10
    assert average_precision(batch, detections) == pytest.approx(mean, abs=1e-6)


# ----------------------------------------------------------------------------- without a network


def test_without_a_network_one_sentence_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("convbook.data.real._reachable", lambda url: False)
    with pytest.raises(NotHere) as error:
        load("voc/2007", data_dir=tmp_path)
    sentence = str(error.value)
    assert "voc/2007" in sentence
    assert re.search(r"869 MiB", sentence), "its size, as TensorFlow Datasets publishes it"
    assert "python -m convbook.data fetch voc/2007" in sentence
    assert '"digit_scenes"' in sentence
    assert main(["fetch", "voc/2007", "--data-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip() == sentence


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("download_manager.NonMatchingChecksumError", "Artifact x has wrong checksum:\nGot: y"),
        ("extractor.ExtractError", "Error while extracting x"),
        ("extractor.UnsafeArchiveError", ""),
    ],
)
def test_an_archive_that_has_changed_is_said_in_a_sentence(
    tmp_path, monkeypatch, capsys, kind, words
):
    module, _, name = kind.partition(".")
    error = getattr(importlib.import_module(f"tensorflow_datasets.core.download.{module}"), name)

    def changed(*_):
        raise error(words)

    monkeypatch.setattr("convbook.data.real._reachable", lambda url: True)
    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", changed)
    assert main(["fetch", "mnist", "--data-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    why = words.splitlines()[0].rstrip(":") if words else name
    assert told.startswith("mnist (")
    assert f"is not on this machine ({why}): fetch it with" in told


def test_a_set_of_many_gigabytes_is_not_fetched_unasked(tmp_path, monkeypatch):
    monkeypatch.setattr("convbook.data.real._reachable", lambda url: pytest.fail("it tried"))
    with pytest.raises(NotHere, match=r"25\.2 GiB"):
        load("coco/2017", data_dir=tmp_path)


def test_every_real_set_names_its_size_and_a_stand_in_and_warns_of_no_folder(tmp_path, caplog):
    from convbook.data.catalogue import CATALOGUE, embedded

    for entry in CATALOGUE.values():
        if entry.tfds:
            with pytest.raises(NotHere, match=r"[\d.]+ (MiB|GiB) to download") as error:
                Real(entry.name, "train", download=False, data_dir=tmp_path)
            assert "large" not in str(error.value), "that was not the reason"
            assert entry.stand_in in embedded()
    assert not [each for each in caplog.records if each.name == "absl"]


def test_an_embedded_set_cannot_be_fetched(capsys):
    with pytest.raises(ValueError, match="nothing to fetch"):
        fetch("digits")
    assert main(["fetch", "no_such_set"]) == 2
    assert "choose one of" in capsys.readouterr().err


def test_a_set_that_lies_there_in_another_format_is_no_hindrance(fetched):
    """Who used TensorFlow Datasets before has sets in its usual format: they stay untouched."""
    folder = Path(fetched("mnist"))
    before = sorted(path.name for path in folder.iterdir())
    assert "array_record" in before
    assert "mnist" not in before, "the usual format's place is left free"
