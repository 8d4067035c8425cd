"""Published data sets through TensorFlow Datasets, with the features of the embedded ones.

They are kept in TensorFlow Datasets' own folder (`TFDS_DATA_DIR`, else `~/tensorflow_datasets`), in
a format that gives examples by number, so that no pipeline needs TensorFlow to read them. That
takes a subfolder, `array_record`, because a set that TensorFlow Datasets has prepared in its usual
format cannot be opened in another; downloads are shared with it.
"""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from convbook.data.augment import resize_example
from convbook.data.catalogue import Entry, at_least_one, count_of_bytes, entry_of
from convbook.data.labels import IGNORE

FETCHED_UNASKED = 2 * 1024**3  # bytes; what is larger is fetched by the command only
PATIENCE = 10.0  # seconds to wait for a server
PET_LABELS = np.array(
    [0, 1, 0, IGNORE], np.uint8
)  # of a trimap: 1 the pet, 2 the ground, 3 the edge


class NotHere(Exception):
    """A data set is not on this machine and cannot be fetched now."""


def builder_of(entry: Entry, data_dir: str | os.PathLike[str] | None = None) -> Any:
    """Return the set's builder in TensorFlow Datasets."""
    import tensorflow_datasets as tfds

    if "_masks" in entry.tfds:
        import convbook.data.masks  # noqa: F401 (registers them)

    folder = _folder(data_dir) / "array_record"
    with _quietly():
        return tfds.builder(entry.tfds, data_dir=folder, file_format="array_record")


@contextmanager
def _quietly() -> Iterator[None]:
    """A set that is not there is announced in a sentence, not by a warning about its folder."""
    from absl import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _prepared(builder: Any) -> bool:
    """Whether the set is there."""
    with _quietly():
        return bool(builder.is_prepared())


def _folder(data_dir: str | os.PathLike[str] | None) -> Path:
    """TensorFlow Datasets' folder: what is given, else its own setting, else its own default."""
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets"
    return Path(chosen)


def addresses(entry: Entry, builder: Any) -> dict[str, int]:
    """Return what fetching the set would download: bytes by address, as published."""
    return {
        url: int(info.size) for url, info in builder.url_infos.items() if re.search(entry.urls, url)
    }


def fetch(name: str, data_dir: str | os.PathLike[str] | None = None) -> str:
    """Download and prepare a real set, unless it is there already.

    Returns:
        The folder it lies in.

    Raises:
        ValueError: if `name` is not a real set.
        NotHere: if there is no network, or the server does not give it, or gives something else.
    """
    entry = entry_of(name)
    if not entry.tfds:
        raise ValueError(f"{name} is embedded: there is nothing to fetch.")
    builder = builder_of(entry, data_dir)
    if not _prepared(builder):
        _download(entry, builder, data_dir)
    return str(builder.data_dir)


def _download(entry: Entry, builder: Any, data_dir: str | os.PathLike[str] | None) -> None:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError
    from tensorflow_datasets.core.download.extractor import ExtractError, UnsafeArchiveError

    urls = addresses(entry, builder)
    # TensorFlow Datasets tries for minutes before it gives up: ask once, and briefly.
    if not _reachable(next(iter(urls))):
        raise NotHere(_missing(entry, urls, "the network does not reach it"))
    print(f"Fetching {entry.name}, {count_of_bytes(sum(urls.values()))}, into {builder.data_dir}")
    try:
        builder.download_and_prepare(
            download_dir=_folder(data_dir) / "downloads",
            file_format="array_record",
        )
    except (
        OSError,
        tfds.download.DownloadError,
        NonMatchingChecksumError,  # the archive has changed, or came broken
        ExtractError,
        UnsafeArchiveError,
    ) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")
        raise NotHere(_missing(entry, urls, why)) from error


def _reachable(url: str) -> bool:
    """Whether anything answers at an address."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PATIENCE).close()
    except urllib.error.HTTPError:
        return True  # a refusal is an answer
    except OSError:
        return False
    return True


def _missing(entry: Entry, urls: dict[str, int], why: str) -> str:
    """The sentence for a set that is not there."""
    return (
        f"{entry.name} ({count_of_bytes(sum(urls.values()))} to download) is not on this machine "
        f'({why}): fetch it with "python -m convbook.data fetch {entry.name}", '
        f'or use the embedded set "{entry.stand_in}" instead.'
    )


class Real:
    """Examples of a real set by number, with the common features.

    Args:
        name: the set.
        split: "train", "test", or a split of TensorFlow Datasets; slices such as "train[:10%]" too.
        size: height and width to resize to, None to leave pictures as they are.
        fit: see `resize_example`.
        count: number of examples to use, None for all.
        download: fetch the set if it is missing; None: only if it is under 2 GiB.
        data_dir: TensorFlow Datasets' folder.

    Raises:
        NotHere: if the set is missing and is not to be, or cannot be, fetched.
        ValueError: for an unknown split.
    """

    def __init__(
        self,
        name: str,
        split: str,
        size: int | None = None,
        fit: str = "stretch",
        count: int | None = None,
        download: bool | None = None,
        data_dir: str | os.PathLike[str] | None = None,
    ):
        self.entry, self.size, self.fit = entry_of(name), size, fit
        at_least_one(count=count, size=size)
        builder = builder_of(self.entry, data_dir)
        named = {re.split(r"\W", part)[0] for part in str(split).split("+")}
        known = {"train", "test", *self.entry.train.split("+"), *self.entry.test.split("+")}
        if named - known - set(builder.info.splits):
            raise ValueError(f'{name} has no split "{split}": choose "train" or "test".')
        if not _prepared(builder):
            urls = addresses(self.entry, builder)
            if download is None and sum(urls.values()) > FETCHED_UNASKED:
                raise NotHere(_missing(self.entry, urls, "too large to fetch unasked"))
            if download is False:
                raise NotHere(_missing(self.entry, urls, "and is not to be fetched now"))
            _download(self.entry, builder, data_dir)
        self.data = builder.as_data_source(split=meaning_of(split, self.entry))
        self.count = len(self.data) if count is None else min(count, len(self.data))

    def __len__(self) -> int:
        """Count the examples."""
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return example `index`."""
        example = common_features(self.data[index], self.entry)
        return example if self.size is None else resize_example(example, self.size, self.fit)


def meaning_of(split: str, entry: Entry) -> str:
    """Translate "train" and "test", sliced or not, to the splits that TensorFlow Datasets knows.

    "train[:10%]" of a set whose training part is train and validation takes a tenth of both.
    """
    parts = []
    for part in split.split("+"):
        name, bracket, slicing = part.partition("[")
        meant = {"train": entry.train, "test": entry.test}.get(name, name).split("+")
        parts += [one + bracket + slicing for one in meant]
    return "+".join(parts)


def class_names(name: str, data_dir: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Return the names of a set's classes, in order. CIFAR-10's and COCO's come with the data."""
    entry = entry_of(name)
    if entry.classes or not entry.tfds:
        return entry.classes
    features = builder_of(entry, data_dir).info.features
    label = features["objects"]["label"] if "objects" in features else features["label"]
    return tuple(label.names)


def common_features(example: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Turn an example of TensorFlow Datasets into one with the features of the embedded sets.

    Boxes become pixels, (y1, x1, y2, x2) with exclusive ends. PASCAL VOC counts pixels from 1 and
    includes the last: 1 is taken off the upper left corner. A pet's trimap becomes 1 for the pet, 0
    for the ground and 255, ignored, for the edge between.
    """
    image = np.asarray(example["image"])
    common: dict[str, Any] = {"image": image}
    if "objects" not in example:
        common["label"] = np.int64(example["label"])
        if "segmentation_mask" in example:
            common["semantic"] = PET_LABELS[np.asarray(example["segmentation_mask"])[..., 0]]
        return common
    objects = example["objects"]
    count = len(objects["label"])
    scale = np.array(image.shape[:2] * 2, np.float32)
    boxes = np.asarray(objects["bbox"], np.float32).reshape(count, 4) * scale
    if entry.name.startswith("voc"):
        boxes -= np.array([1, 1, 0, 0], np.float32)
    flags = {"difficult": "is_difficult", "crowd": "is_crowd"}
    common |= {
        "image_id": _number(example),
        "boxes": boxes,
        "classes": np.asarray(objects["label"], np.int64).reshape(count),
        **{
            ours: np.asarray(objects.get(theirs, np.zeros(count)), bool).reshape(count)
            for ours, theirs in flags.items()
        },
    }
    if "_masks" in entry.tfds:
        from convbook.data.masks import drawn

        common |= drawn(example, common)
    return common


def _number(example: dict[str, Any]) -> int:
    """A picture's number: COCO's own, or the digits of a VOC file name."""
    if "image/id" in example:
        return int(example["image/id"])
    name = example["image/filename"]
    name = name.decode() if isinstance(name, bytes) else str(name)
    return int(re.sub(r"\D", "", name))
