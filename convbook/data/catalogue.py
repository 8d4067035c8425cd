"""What every data set is: its kind, classes, licence, and how the embedded ones are made."""

import dataclasses
import inspect
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from convbook.data.batches import Generated, Held, Source
from convbook.data.figure_drawing import figure_scene
from convbook.data.gates import structure
from convbook.data.handwriting import digits
from convbook.data.head_drawing import head
from convbook.data.photos import photo_patch, to_bytes
from convbook.data.real_digits import mnist_digits
from convbook.data.scenes import digit_scene

DIGITS = tuple("0123456789")
OWN = "Apache-2.0, as the book"
DIGITS_LICENCE = "CC BY 4.0 (UCI Optical Recognition of Handwritten Digits)"
PHOTO_LICENCE = "CC BY 2.0 (scikit-learn's two photographs)"

Make = Callable[..., Source]
NO_OPTIONS = {"index", "split", "count", "size", "seed", "settings", "noise"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One data set.

    Attributes:
        name: what `load` is asked for.
        kind: "classification", "detection", "segmentation", "pose" or "pictures".
        what: one sentence for the reader.
        licence: licence or terms of the pictures.
        classes: names of the classes where they are known without the data.
        places: objects a picture at most, None where it is not known.
        counts: numbers of training and test examples of an embedded set where none is asked for.
        make: for embedded sets, makes the source from split, count, size, seed and options.
        tfds: for real sets, the name in TensorFlow Datasets.
        urls: for real sets, a pattern of the addresses that are fetched.
        train: for real sets, the split that "train" means.
        test: for real sets, the split with public labels that "test" means.
        stand_in: for real sets, the embedded set to use instead.
    """

    name: str
    kind: str
    what: str
    licence: str
    classes: tuple[str, ...] = ()
    places: int | None = None
    counts: tuple[int, int] = (1000, 200)
    make: Make | None = None
    tfds: str = ""
    urls: str = ""
    train: str = "train"
    test: str = "test"
    stand_in: str = ""


def _array_source(images: Any, labels: Any) -> Source:
    """Pictures and labels that are there already."""
    return Held({"image": to_bytes(images), "label": labels})


def _digits(split: str, count: int, size: int | None, seed: int) -> Source:
    del seed  # there is one set of digits
    images, labels = digits(28 if size is None else size)[split == "test"]
    return _array_source(images[:count], labels[:count])


def _mnist_digits(split: str, count: int, size: int | None, seed: int) -> Source:
    del seed  # there is one selection
    images, labels = mnist_digits(28 if size is None else size)[split == "test"]
    return _array_source(images[:count], labels[:count])


def _structure(
    split: str, count: int, size: int | None, seed: int, structure_size: int = 15
) -> Source:
    if size is not None:
        raise ValueError("The pictures' size follows from structure_size: leave size out.")
    test = split == "test"
    parts = structure(structure_size, (count, 0)[test], (0, count)[test], seed=seed)
    return _array_source(*parts[test])


def _each(
    make: Callable[..., dict[str, Any]], size_if_none: int, **fixed: Any
) -> Callable[..., Source]:
    """A source of examples that `make` makes one by one."""

    def source(split: str, count: int, size: int | None, seed: int, **options: Any) -> Source:
        side = size_if_none if size is None else size
        settings = fixed | options | {"split": split, "size": side, "seed": seed}

        def example(index: int) -> dict[str, Any]:
            made = make(index, **settings)
            return made | {"image": to_bytes(made["image"])}

        example(0)  # a wrong setting shows at once
        return Generated(example, count)

    source.__signature__ = inspect.signature(make)  # type: ignore[attr-defined]
    return source


def _patch(index: int, **settings: Any) -> dict[str, Any]:
    return {"image": photo_patch(index, **settings), "image_id": index}


_EMBEDDED = (
    Entry(
        "digits",
        "classification",
        "1,797 real handwritten digits, split by writer, 28 or 32 pixels",
        DIGITS_LICENCE,
        DIGITS,
        counts=(1417, 380),
        make=_digits,
    ),
    Entry(
        "mnist_digits",
        "classification",
        "5,000 real digits of MNIST as they were scanned, 28 or 32 pixels (LeCun 1998)",
        "CC BY-SA 3.0",
        DIGITS,
        counts=(4000, 1000),
        make=_mnist_digits,
    ),
    Entry(
        "structure",
        "classification",
        "two gates whose strokes are alike or not: only a view of the whole gate tells",
        OWN,
        ("unlike", "alike"),
        counts=(2000, 500),
        make=_structure,
    ),
    Entry(
        "digit_scenes",
        "detection",
        "one to eight real digits on photographs, with boxes, masks and a semantic map",
        f"{DIGITS_LICENCE}; {PHOTO_LICENCE}",
        DIGITS,
        places=8,
        make=_each(digit_scene, 128),
    ),
    Entry(
        "digit_scenes/easy",
        "detection",
        "one to three large digits of three classes on 64 pixels, for quick experiments",
        f"{DIGITS_LICENCE}; {PHOTO_LICENCE}",
        DIGITS[:3],
        places=3,
        make=_each(digit_scene, 64, classes=3, objects=(1, 3), heights=(20, 72)),
    ),
    Entry(
        "figures",
        "pose",
        "one drawn figure with 14 key points",
        f"{OWN}; {PHOTO_LICENCE}",
        places=1,
        make=_each(figure_scene, 96),
    ),
    Entry(
        "figures/several",
        "pose",
        "two or three drawn figures that hide one another",
        f"{OWN}; {PHOTO_LICENCE}",
        places=3,
        make=_each(figure_scene, 128, people=(2, 3)),
    ),
    Entry(
        "heads",
        "pose",
        "a drawn head with its roll, pitch and yaw",
        f"{OWN}; {PHOTO_LICENCE}",
        make=_each(head, 64),
    ),
    Entry(
        "photo_patches",
        "pictures",
        "patches of two photographs, for super-resolution and restoration",
        PHOTO_LICENCE,
        make=_each(_patch, 64),
    ),
)

_REAL = (
    Entry(
        "mnist",
        "classification",
        "70,000 handwritten digits of 28 pixels (LeCun 1998)",
        "CC BY-SA 3.0",
        DIGITS,
        tfds="mnist",
        stand_in="mnist_digits",
    ),
    Entry(
        "fashion_mnist",
        "classification",
        "70,000 pictures of clothes of 28 pixels (Xiao 2017, arXiv:1708.07747)",
        "MIT",
        tfds="fashion_mnist",
        stand_in="digits",
    ),
    Entry(
        "cifar10",
        "classification",
        "60,000 photographs of 32 pixels in ten classes (Krizhevsky 2009)",
        "none stated; free for research with citation",
        tfds="cifar10",
        stand_in="digits",
    ),
    Entry(
        "imagenette",
        "classification",
        "13,394 photographs of ten easy ImageNet classes, shorter side 320 pixels (Howard 2019)",
        "Apache-2.0 for the selection; the pictures under ImageNet's terms, non-commercial",
        tfds="imagenette/320px-v2",
        urls=r"imagenette2-320\.tgz",
        test="validation",
        stand_in="digits",
    ),
    Entry(
        "oxford_iiit_pet",
        "segmentation",
        "7,349 photographs of cats and dogs, 37 breeds, with outlines (Parkhi 2012)",
        "CC BY-SA 4.0",
        tfds="oxford_iiit_pet",
        stand_in="digit_scenes",
    ),
    Entry(
        "voc/2007",
        "detection",
        "9,963 photographs with objects of 20 classes (Everingham 2010)",
        "Flickr's terms of use; free for research",
        tfds="voc/2007",
        urls="2007",
        train="train+validation",
        stand_in="digit_scenes",
    ),
    Entry(
        "voc/2012",
        "detection",
        "11,540 labelled photographs with objects of 20 classes (Everingham 2015)",
        "Flickr's terms of use; free for research",
        tfds="voc/2012",
        urls="2012",
        test="validation",
        stand_in="digit_scenes",
    ),
    Entry(
        "coco/2017",
        "detection",
        "123,287 labelled photographs with objects of 80 classes (Lin 2014, arXiv:1405.0312)",
        "annotations CC BY 4.0; the pictures under Flickr's terms of use",
        tfds="coco/2017",
        urls=r"/(zips|annotations)/(?!panoptic).*2017",
        test="validation",
        stand_in="digit_scenes",
    ),
    Entry(
        "voc_masks/2007",
        "segmentation",
        "VOC 2007's photographs that have class and object maps",
        "Flickr's terms of use; free for research",
        tfds="voc_masks/2007",
        urls="2007",
        train="train+validation",
        stand_in="digit_scenes",
    ),
    Entry(
        "voc_masks/2012",
        "segmentation",
        "VOC 2012's photographs that have class and object maps",
        "Flickr's terms of use; free for research",
        tfds="voc_masks/2012",
        urls="2012",
        test="validation",
        stand_in="digit_scenes",
    ),
    Entry(
        "coco_masks/2017",
        "segmentation",
        "COCO 2017 with the outlines of its objects",
        "annotations CC BY 4.0; the pictures under Flickr's terms of use",
        tfds="coco_masks/2017",
        urls=r"/(zips|annotations)/(?!panoptic).*2017",
        test="validation",
        stand_in="digit_scenes",
    ),
)

CATALOGUE = {entry.name: entry for entry in (*_EMBEDDED, *_REAL)}


def entry_of(name: str) -> Entry:
    """Return the entry of a set.

    Raises:
        ValueError: if there is no set of that name.
    """
    if name not in CATALOGUE:
        raise ValueError(f'There is no set "{name}": choose one of {", ".join(CATALOGUE)}.')
    return CATALOGUE[name]


def count_of_bytes(number: float) -> str:
    """Write a number of bytes as "162 MiB"."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def embedded() -> list[str]:
    """Names of the sets that need no download."""
    return [entry.name for entry in _EMBEDDED]


def at_least_one(**settings: Any) -> None:
    """Refuse settings that are neither None nor whole numbers from 1."""
    for name, value in settings.items():
        if value is not None and (not isinstance(value, numbers.Integral) or value < 1):
            raise ValueError(f"{name} is {value}: give a whole number, at least 1.")


def source_of(
    name: str, split: str, count: int | None, size: int | None, seed: int, **options: Any
) -> Source:
    """Examples of an embedded set.

    Raises:
        ValueError: for a split, size or option that the set does not have.
    """
    entry = entry_of(name)
    if split not in ("train", "test"):
        raise ValueError(f'split is "{split}": an embedded set has "train" and "test".')
    at_least_one(count=count, size=size)
    if not isinstance(seed, numbers.Integral) or seed < 0:
        raise ValueError(f"seed is {seed}: give a whole number that is not negative.")
    assert entry.make is not None
    known = set(inspect.signature(entry.make).parameters) - NO_OPTIONS
    for option in options:
        if option not in known:
            instead = f"choose of {', '.join(sorted(known))}" if known else "it takes none"
            raise ValueError(f'{name} has no option "{option}": {instead}.')
    number = entry.counts[split == "test"] if count is None else count
    return entry.make(split, number, size, seed, **options)


def sample(
    name: str, count: int, split: str = "train", seed: int = 0
) -> list[dict[str, np.ndarray]]:
    """Return the first examples of an embedded set, pictures of bytes, for a contact sheet."""
    source = source_of(name, split, count, None, seed)
    return [source[i] for i in range(len(source))]
