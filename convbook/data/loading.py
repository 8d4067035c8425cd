"""`load`: one call for every data set, embedded or real."""

import os
from collections.abc import Sequence
from typing import Any

from convbook.data.batches import Batches, Source, to_py_dataset, to_tf_data
from convbook.data.catalogue import Entry, at_least_one, entry_of, source_of

FITS = ("stretch", "pad")
READERS = 4  # threads that read and resize pictures of real sets


def load(
    name: str,
    split: str = "train",
    *,
    batch_size: int = 8,
    size: int | None = None,
    fit: str = "stretch",
    count: int | None = None,
    shuffle: bool | None = None,
    seed: int = 0,
    max_objects: int | None = None,
    augment: Sequence[Any] = (),
    keys: Sequence[str] | None = None,
    pipeline: str | None = None,
    download: bool | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Any:
    """Return a data set as batches of arrays, the same features whatever the set.

    Args:
        name: an embedded set, such as "digits" or "digit_scenes/easy", or a real one, such as
            "mnist" or "voc/2007"; ``python -m convbook.data list`` lists them all.
        split: "train" or "test": of a real set, the part with public labels that serves for tests.
        batch_size: examples a batch; the last batch may be smaller.
        size: height and width of the pictures. Embedded sets are made at that size, real ones are
            resized; needed where a set's pictures differ in size.
        fit: how real pictures are resized: "stretch", or "pad" to keep their proportions.
        count: number of examples; None for the set's own number.
        shuffle: a new order every epoch; None: for training only. (`fit` mixes the batches of a
            `PyDataset` once more, by Python's random numbers: `keras.utils.set_random_seed`, or
            ``shuffle=False`` there.)
        seed: seed of generated examples and of the order.
        max_objects: places for objects in a picture (see below); None: as many as the set can have,
            or, for real sets, as the fullest picture of the batch has.
        augment: Keras layers to apply to pictures, boxes and masks (see `apply_layers`). What they
            draw follows from their own seeds and the number of the batch.
        keys: names of features: batches are then tuples of these, as `fit` takes them.
        pipeline: "tf" for a `tf.data.Dataset`, "keras" for a `keras.utils.PyDataset`; None: "tf" if
            the backend is TensorFlow, else "keras".
        download: fetch a real set that is missing; None: only if it is under 2 GiB.
        data_dir: TensorFlow Datasets' folder, for real sets.
        **options: settings of an embedded set, as its function takes them, such as ``classes=3``.

    Returns:
        Batches of dictionaries, or tuples, of arrays:

        - ``image``: float32 in [0, 1], (B, H, W, C), always
        - ``label``: int64 (B,), of sets with one class a picture
        - ``image_id``: int64 (B,); ``boxes``: float32 (B, M, 4) as (y1, x1, y2, x2) in pixels, ends
          exclusive; ``classes``: int64 (B, M), -1 where there is no object; ``difficult`` and
          ``crowd``: bool (B, M), of sets for detection
        - ``masks``: bool (B, M, H, W), of the scenes and figures
        - ``semantic``: uint8 (B, H, W), 0 ground, 255 not to be counted, of scenes and pets
        - ``keypoints``, ``visibility``, ``scales``; ``angles``: see `figures` and `heads`

    Raises:
        ValueError: for an unknown set, split, option or feature, or a number out of range.
        convbook.data.real.NotHere: if a real set is missing and cannot be fetched.
    """
    entry = entry_of(name)
    at_least_one(batch_size=batch_size, max_objects=max_objects, count=count, size=size)
    if fit not in FITS:
        raise ValueError(f'fit is "{fit}": choose "stretch" or "pad".')
    if isinstance(keys, str):
        raise ValueError(f'keys is "{keys}": give a tuple of names, such as ("{keys}",).')
    _check_layers(augment)
    make = _pipeline(pipeline)
    source: Source
    if entry.tfds:
        from convbook.data.real import Real

        if options:
            raise ValueError(f"{name} has no options: leave out {', '.join(options)}.")
        source = Real(name, split, size, fit, count, download, data_dir)
    else:
        source = source_of(name, split, count, size, seed, **options)
    if max_objects is None:  # options may allow more objects than the set has by itself
        max_objects = options.get("objects", options.get("people", (0, entry.places)))[1]
    batches = Batches(
        source,
        batch_size,
        shuffle=split.startswith("train") if shuffle is None else shuffle,
        seed=seed,
        places=max_objects,
        workers=READERS if entry.tfds else 1,
        keys=None if keys is None else _needed(keys, augment, entry),
    )
    return make(batches, augment, keys)


def _check_layers(augment: Sequence[Any]) -> None:
    import keras

    whole = isinstance(augment, (list, tuple))
    if not whole or not all(isinstance(layer, keras.layers.Layer) for layer in augment):
        raise ValueError("augment is to be a list of Keras layers, such as [RandomFlip()].")


def _needed(keys: Sequence[str], augment: Sequence[Any], entry: Entry) -> list[str]:
    """What a batch must hold to give `keys`.

    To move boxes, pictures and classes are needed too; to turn them, masks where there are any.
    """
    more = [*keys, "image"] if augment else [*keys]
    if augment and "boxes" in keys:
        from convbook.data.augment import TURNING_LAYERS

        more.append("classes")
        turned = any(type(layer).__name__ in TURNING_LAYERS for layer in augment)
        if turned and (entry.name.startswith("digit_scenes") or "_masks" in entry.tfds):
            more.append("masks")
    return list(dict.fromkeys(more))


def _pipeline(name: str | None) -> Any:
    """The function that makes the pipeline asked for."""
    import keras

    on_tensorflow = keras.backend.backend() == "tensorflow"
    if name is None:
        name = "tf" if on_tensorflow else "keras"
    if name == "tf" and not on_tensorflow:
        raise ValueError('tf.data needs the TensorFlow backend: ask for pipeline="keras".')
    if name not in ("tf", "keras"):
        raise ValueError(f'pipeline is "{name}": choose "tf" or "keras".')
    return to_tf_data if name == "tf" else to_py_dataset


def arrays(name: str, split: str = "train", **settings: Any) -> Any:
    """Return a whole set as one dictionary of arrays: `load` in its own order, in one piece.

    With ``keys`` it is a tuple of arrays.

    Args:
        name: see `load`.
        split: see `load`.
        **settings: the other arguments of `load`, but for `batch_size`, `shuffle` and `pipeline`.
    """
    data = load(name, split, batch_size=10**9, shuffle=False, pipeline="keras", **settings)
    return data[0]
