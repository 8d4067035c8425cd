"""The embedded sets as TensorFlow Datasets: built, found by name, the same as `load` gives."""

import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

tfds = pytest.importorskip("tensorflow_datasets")

from convbook.data import builders  # noqa: E402
from convbook.data.catalogue import source_of  # noqa: E402

FEW = {"train": 6, "test": 3}


class _Case(tfds.testing.DatasetBuilderTestCase):  # type: ignore[name-defined]
    """TensorFlow Datasets' own checks: split sizes, features, serialisation, reading back."""

    VERSION = "1.0.0"
    SPLITS = FEW
    SKIP_CHECKSUMS = True  # nothing is downloaded
    SKIP_TF1_GRAPH_MODE = True
    EXAMPLE_DIR = "."

    @classmethod
    def setUpClass(cls):
        cls.few = mock.patch.object(builders._Embedded, "counts", tuple(FEW.values()))
        cls.few.start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.few.stop()


class TestDigits(_Case):
    DATASET_CLASS = builders.Digits


class TestStructure(_Case):
    DATASET_CLASS = builders.Structure


class TestDigitScenes(_Case):
    DATASET_CLASS = builders.DigitScenes
    BUILDER_CONFIG_NAMES_TO_TEST = ("default", "easy")


class TestFigures(_Case):
    DATASET_CLASS = builders.Figures
    BUILDER_CONFIG_NAMES_TO_TEST = ("default", "several")


class TestHeads(_Case):
    DATASET_CLASS = builders.Heads


class TestPhotoPatches(_Case):
    DATASET_CLASS = builders.PhotoPatches


del _Case  # it is no test of its own


@pytest.mark.parametrize("name", ["digit_scenes", "figures/several", "heads"])
def test_data_source_gives_what_load_gives(name, tmp_path):
    with mock.patch.object(builders._Embedded, "counts", (5, 2)):
        data = tfds.data_source(
            name,
            split="train",
            data_dir=tmp_path,
            builder_kwargs={"file_format": "array_record"},
        )
    ours = source_of(name, "train", 5, None, seed=0)
    assert len(data) == len(ours) == 5
    for example in data:  # written in a shuffled order
        expected = ours[int(example["image_id"])]
        assert example.keys() == expected.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(example[key], value)
            assert np.asarray(example[key]).dtype == np.asarray(value).dtype


def test_tfds_load_finds_them_after_one_import(tmp_path):
    code = (
        "import convbook.data.builders as builders, tensorflow_datasets as tfds\n"
        "builders._Embedded.counts = (4, 2)\n"
        f"data = tfds.load('digit_scenes/easy', split='test', data_dir={str(tmp_path)!r})\n"
        "print(sorted(next(iter(data))), len(data))\n"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = ["boxes", "classes", "crowd", "difficult", "image", "image_id", "masks", "semantic"]
    assert shown.stdout.splitlines()[-1] == f"{names} 2"
