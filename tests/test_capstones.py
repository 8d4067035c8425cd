"""Capstones: predictions for hidden pictures are scored, bad files get a sentence, truth stays."""

import csv
import io
import json
import stat
import zipfile

import numpy as np
import pytest

from convbook.capstones import CAPSTONES, BadFile, training
from convbook.capstones.__main__ import main, scored
from convbook.capstones.files import MOST_BYTES, read_arrays

NAMES = sorted(CAPSTONES)
COUNT = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """For each capstone a folder for students, and the truth elsewhere."""
    place = tmp_path_factory.mktemp("capstones")
    for name in NAMES:
        truth = place / "mine" / f"{name}.npz"
        options = ["--truth", str(truth), "--count", str(COUNT), "--seed", "5"]
        assert main(["make", name, str(place / name), *options]) == 0
    return place


def truth_of(made, name):
    with np.load(made / "mine" / f"{name}.npz") as held:
        return dict(held)


def perfect(made, name):
    """What a net says that sees everything."""
    truth = truth_of(made, name)
    if name == "pose":
        return {"points": np.nan_to_num(truth["points"])}
    if name == "detection":
        kept = ~truth["crowd"]
        said = {key: truth[key][kept] for key in ("boxes", "classes", "pictures")}
        return {**said, "scores": np.ones(kept.sum())}
    [key] = CAPSTONES[name].arrays
    return {key: truth[key].astype(int)}


def save(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_what_students_get_holds_pictures_and_text_and_no_truth(made):
    for name in NAMES:
        assert sorted(path.name for path in (made / name).iterdir()) == [
            "README.md", "pictures.npz",
        ]  # fmt: skip
        with np.load(made / name / "pictures.npz") as held:
            assert list(held) == ["pictures"]
            assert held["pictures"].dtype == np.uint8
            assert len(held["pictures"]) == COUNT
        text = (made / name / "README.md").read_text()
        assert all(f"`{array}`" in text for array in CAPSTONES[name].arrays)
        truth = made / "mine" / f"{name}.npz"
        assert stat.S_IMODE(truth.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", NAMES)
def test_what_is_all_right_has_all_points_and_nonsense_has_few(made, name, tmp_path, capsys):
    said = perfect(made, name)
    truth = ["--truth", str(made / "mine" / f"{name}.npz")]
    path = save(tmp_path / "predictions.npz", **said)
    assert main(["score", name, str(path), *truth, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["points"], row["max_points"]) == (10, 10)
    assert row["score"] > 0.95
    nonsense = {key: np.zeros_like(value) for key, value in said.items()}
    if name == "detection":
        nonsense["boxes"] = nonsense["boxes"] + [0, 0, 3, 3]
    path = save(tmp_path / "nonsense.npz", **nonsense)
    assert main(["score", name, str(path), *truth]) == 1
    assert f"0 of {CAPSTONES[name].max_points:g} points" in capsys.readouterr().out


def test_a_threshold_that_is_reached_earns_its_points():
    for one in CAPSTONES.values():
        scores, points = zip(*one.thresholds, strict=True)
        assert list(scores) == sorted(scores)
        assert list(points) == sorted(points)
        assert one.points(scores[0] - 1e-6) == 0
        assert [one.points(score) for score in scores] == list(points)


def object_array(**arrays):
    """An .npz in which one array is pickled."""
    file = io.BytesIO()
    objects = {name: np.array([None, {}], object) for name in arrays}
    np.savez(file, allow_pickle=True, **objects)
    return file.getvalue()


def bad_files(name, said):
    """What can be wrong with predictions, and words of the sentence that it gets."""
    key = next(iter(said))
    array = said[key]
    short = {**said, key: array[:-1]}
    yield "no file at all", None, "There is no file"
    yield "another kind", b"labels: 1, 2, 3", "is no .npz file"
    yield "pickles", object_array(**said), "pickled objects, which are not read"
    yield "nothing in it", {"other": array}, f"has no array {key}"
    yield "another shape", short, "has the shape"
    if array.dtype.kind == "f":
        yield "NaN", {**said, key: np.full(array.shape, np.nan)}, "NaN or infinite"
    else:
        yield "no class", {**said, key: array + 99}, "which is none of 0 to"
        yield "below 0", {**said, key: array - 99}, "which is none of 0 to"
        yield "logits", {**said, key: array + 0.5}, "is to hold whole numbers"
    if name == "detection":
        none = {k: v[:0] for k, v in said.items()}
        yield "no detections", none, "There are no detections at all"
        yield "a class", {**said, "classes": said["classes"] + 3}, "which is none of 0 to 2"
        yield "a picture", {**said, "pictures": said["pictures"] + 999}, "none of 0 to"
        turned = said["boxes"][:, [2, 3, 0, 1]]
        yield "turned", {**said, "boxes": turned}, "have no height or no width"
        endless = np.full(len(said["scores"]), np.inf)
        yield "endless", {**said, "scores": endless}, "NaN or infinite"


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_file_gets_one_sentence_and_exit_code_2(made, name, tmp_path, capsys):
    for what, content, words in bad_files(name, perfect(made, name)):
        path = tmp_path / f"{what}.npz"
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is not None:
            save(path, **content)
        truth = str(made / "mine" / f"{name}.npz")
        assert main(["score", name, str(path), "--truth", truth]) == 2, what
        said = capsys.readouterr().err
        assert words in said, (what, said)
        assert said.count("\n") == 1, said


def test_a_small_file_that_unpacks_to_very_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("convbook.capstones.files.MOST_BYTES", 1000)
    path = save(tmp_path / "large.npz", labels=np.zeros(10_000, int))
    assert path.stat().st_size < 1000 < MOST_BYTES
    with pytest.raises(BadFile, match="unpacks to"):
        read_arrays(path, ["labels"])


def test_a_damaged_array_gets_a_sentence(tmp_path):
    path = tmp_path / "damaged.npz"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("labels.npy", b"\x93NUMPY no header")
    with pytest.raises(BadFile, match=r"labels in damaged\.npz is damaged"):
        read_arrays(path, ["labels"])


def odd_files(said):
    """Files of all kinds with what is right in some of them, and whether they can be read."""
    file, array, wild = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez_compressed(file, **said)
    whole = file.getvalue()
    np.save(array, said["labels"])
    endless = {"descr": "<i8", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(wild, endless)
    yield "byte-in-front", b"x" + whole, True
    yield "array-in-front", array.getvalue() + whole, True
    yield "whole", whole, True
    yield "cut", whole[:-30], False
    yield "cut-in-front", whole[100:], False
    yield "empty", b"", False
    yield "array", array.getvalue(), False
    for name, content in (("text-in-it", b"4, 7, 1"), ("wild", wild.getvalue())):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("labels.npy", content)
        yield name, packed.getvalue(), False
    yield "objects", object_array(**said), False


def test_whatever_the_files_hold_every_student_of_a_class_has_a_row(made, tmp_path):
    name = "classification"
    files = list(odd_files(perfect(made, name)))
    for student, content, _ in files:
        folder = tmp_path / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / "predictions.npz").write_bytes(content)
    out = tmp_path / "capstone.csv"
    truth = str(made / "mine" / f"{name}.npz")
    assert (
        main(["grade", name, str(tmp_path / "submitted"), "--truth", truth, "--out", str(out)]) == 0
    )
    status = {row["student"]: row["status"] for row in csv.DictReader(out.open())}
    assert status == {
        student: "graded" if readable else "invalid" for student, _, readable in files
    }


def test_what_is_no_file_of_the_truth_is_said_in_a_sentence(made, tmp_path, capsys):
    name = "classification"
    path = save(tmp_path / "predictions.npz", **perfect(made, name))
    for kind, content, _ in odd_files(perfect(made, name)):
        truth = tmp_path / f"{kind}.truth"
        truth.write_bytes(content)
        assert main(["score", name, str(path), "--truth", str(truth)]) == 2, kind
        told = capsys.readouterr().err
        assert "is no file of the truth: make it by the command `make`" in told
        assert told.count("\n") == 1


def test_a_seed_that_is_none_is_refused_in_a_sentence(tmp_path, capsys):
    for seed in (-1, 2**63):
        options = ["--truth", str(tmp_path / "t.npz"), "--seed", str(seed)]
        assert main(["make", "classification", str(tmp_path / "c"), *options]) == 2
        assert f"--seed is {seed}: give a whole number" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_class_is_scored_and_one_bad_file_costs_nobody_else(made, tmp_path):
    name, said = "classification", perfect(made, "classification")
    contents = {"ann": said, "bob": {"labels": said["labels"][:3]}, "cyd": None}
    for student, content in contents.items():
        folder = tmp_path / "submitted" / student / name
        folder.mkdir(parents=True)
        if content is not None:
            save(folder / "predictions.npz", **content)
    out = tmp_path / "graded" / "capstone.csv"
    truth = str(made / "mine" / f"{name}.npz")
    command = ["grade", name, str(tmp_path / "submitted"), "--truth", truth, "--out", str(out)]
    assert main(command) == 0
    rows = {row["student"]: row for row in csv.DictReader(out.open())}
    assert {s: (r["status"], float(r["points"])) for s, r in rows.items()} == {
        "ann": ("graded", 10), "bob": ("invalid", 0), "cyd": ("missing", 0),
    }  # fmt: skip
    assert "asked for is (24,)" in rows["bob"]["message"]
    assert main(["grade", name, str(tmp_path / "none"), *command[3:]]) == 2


def test_truth_is_not_written_where_students_look_nor_over_older_truth(made, tmp_path, capsys):
    inside = ["--truth", str(tmp_path / "c" / "truth.npz")]
    assert main(["make", "pose", str(tmp_path / "c"), *inside]) == 2
    assert "which students get" in capsys.readouterr().err
    there = ["--truth", str(made / "mine" / "pose.npz")]
    assert main(["make", "pose", str(tmp_path / "c"), *there]) == 2
    assert "is there already" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_the_truth_of_another_capstone_is_refused(made, tmp_path):
    said = perfect(made, "classification")
    path = save(tmp_path / "p.npz", **said)
    with pytest.raises(BadFile, match="of another capstone"):
        scored(CAPSTONES["classification"], path, truth_of(made, "pose"))


def test_pictures_to_train_with_are_made_alike_and_are_others(made):
    for name in NAMES:
        pictures, truth = training(name, 4, seed=5)
        with np.load(made / name / "pictures.npz") as held:
            assert pictures.shape[1:] == held["pictures"].shape[1:]
            assert not any((one == held["pictures"]).all(axis=(1, 2, 3)).any() for one in pictures)
        assert set(truth) <= set(truth_of(made, name))


def test_without_a_seed_it_is_drawn_too_large_to_be_tried(tmp_path):
    options = ["--truth", str(tmp_path / "t.npz"), "--count", "20"]
    assert main(["make", "pose", str(tmp_path / "pose"), *options]) == 0
    with np.load(tmp_path / "t.npz") as held:
        assert int(held["seed"]) > 2**40
