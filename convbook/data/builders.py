"""TensorFlow Datasets builders of the embedded sets.

After ``import convbook.data.builders``, `tfds.load("digit_scenes")`, `tfds.data_source` and
`tfds.builder` know them by the names that `convbook.data.load` knows. They download nothing: they
write to disk what `load` makes in memory, pictures as bytes, everything else unchanged.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from convbook.data.catalogue import entry_of, source_of
from convbook.data.figure_drawing import KEY_POINTS

DIGITS_CITATION = """@misc{alpaydin1998optical,
  author = {E. Alpaydin and C. Kaynak},
  title = {Optical Recognition of Handwritten Digits},
  howpublished = {UCI Machine Learning Repository},
  year = {1998},
  doi = {10.24432/C50P49},
}"""


class _Embedded(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """What the builders have in common: examples come from `source_of`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = []
    counts: ClassVar[tuple[int, int] | None] = None  # examples to make, None for the set's own

    @property
    def set_name(self) -> str:
        """The name that `load` knows this set and configuration by."""
        name = f"{self.name}/{self.builder_config.name}" if self.builder_config else self.name
        return name.removesuffix("/default")

    def _features(self) -> dict[str, Any]:
        raise NotImplementedError

    def _info(self) -> tfds.core.DatasetInfo:
        entry = entry_of(self.set_name)
        features = self._features()
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{entry.what[0].upper()}{entry.what[1:]}. Licence: {entry.licence}.",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label") if "label" in features else None,
            citation=DIGITS_CITATION if "digit" in self.name else None,
            license=entry.licence,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        del dl_manager  # nothing to download
        counts = self.counts or entry_of(self.set_name).counts
        return {
            split: self._generate_examples(split, count)
            for split, count in zip(("train", "test"), counts, strict=True)
        }

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        source = source_of(self.set_name, split, count, None, seed=0)
        for index in range(len(source)):
            yield index, source[index]


def _configs(**descriptions: str) -> list[tfds.core.BuilderConfig]:
    return [
        tfds.core.BuilderConfig(name=name, description=text) for name, text in descriptions.items()
    ]


def _packed(shape: tuple[int | None, ...], dtype: Any) -> Any:
    """An array that is compressed on disk."""
    return tfds.features.Tensor(shape=shape, dtype=dtype, encoding=tfds.features.Encoding.ZLIB)


class Digits(_Embedded):
    """Real handwritten digits, split by writer, 28x28."""

    def _features(self) -> dict[str, Any]:
        return {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(names=entry_of("digits").classes),
        }


class Structure(_Embedded):
    """Pictures whose label depends on structures 15 pixels wide."""

    def _features(self) -> dict[str, Any]:
        return {
            "image": tfds.features.Image(shape=(64, 64, 1)),
            "label": tfds.features.ClassLabel(names=entry_of("structure").classes),
        }


class DigitScenes(_Embedded):
    """Scenes of real digits on photographs, with boxes, masks and a semantic map."""

    BUILDER_CONFIGS = _configs(
        default="128x128, one to eight digits",
        easy="64x64, one to three large digits of three classes",
    )

    def _features(self) -> dict[str, Any]:
        side = 64 if self.builder_config.name == "easy" else 128
        names = entry_of(self.set_name).classes
        return {
            "image": tfds.features.Image(shape=(side, side, 3)),
            "image_id": np.int64,
            "boxes": tfds.features.Tensor(shape=(None, 4), dtype=np.float32),
            "classes": tfds.features.Sequence(tfds.features.ClassLabel(names=names)),
            "masks": _packed((None, side, side), np.bool_),
            "difficult": tfds.features.Tensor(shape=(None,), dtype=np.bool_),
            "crowd": tfds.features.Tensor(shape=(None,), dtype=np.bool_),
            "semantic": _packed((side, side), np.uint8),
        }


class Figures(_Embedded):
    """Drawn figures with key points."""

    BUILDER_CONFIGS = _configs(default="one figure, 96x96", several="two or three, 128x128")

    def _features(self) -> dict[str, Any]:
        side = 128 if self.builder_config.name == "several" else 96
        points = len(KEY_POINTS)
        return {
            "image": tfds.features.Image(shape=(side, side, 3)),
            "image_id": np.int64,
            "keypoints": tfds.features.Tensor(shape=(None, points, 2), dtype=np.float32),
            "visibility": tfds.features.Tensor(shape=(None, points), dtype=np.int64),
            "scales": tfds.features.Tensor(shape=(None,), dtype=np.float32),
            "boxes": tfds.features.Tensor(shape=(None, 4), dtype=np.float32),
            "masks": _packed((None, side, side), np.bool_),
        }


class Heads(_Embedded):
    """Drawn heads with roll, pitch and yaw in radians."""

    def _features(self) -> dict[str, Any]:
        return {
            "image": tfds.features.Image(shape=(64, 64, 3)),
            "image_id": np.int64,
            "angles": tfds.features.Tensor(shape=(3,), dtype=np.float32),
        }


class PhotoPatches(_Embedded):
    """Patches of two photographs."""

    def _features(self) -> dict[str, Any]:
        return {"image": tfds.features.Image(shape=(64, 64, 3)), "image_id": np.int64}
