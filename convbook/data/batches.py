"""Batches of examples: padded NumPy arrays, as a `tf.data` pipeline or a `keras.utils.PyDataset`.

Both pipelines take their batches from the same `Batches`, so they give the same arrays in the same
order, which follows from the seed and the epoch alone.
"""

import collections
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from convbook.data.photos import to_float

# What an empty place of a list of objects holds.
FILLING: dict[str, Any] = {
    "boxes": 0,
    "classes": -1,
    "difficult": False,
    "crowd": False,
    "masks": False,
    "keypoints": np.nan,
    "visibility": 0,
    "scales": 0,
}
AHEAD = 4  # batches made before they are asked for


class Source(Protocol):
    """Numbered examples: dictionaries of arrays, their pictures of bytes."""

    def __len__(self) -> int:
        """Count the examples."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return example `index`."""


class Generated:
    """Examples made when first asked for, and kept as bytes up to `limit` bytes in all.

    Args:
        make: gives example number i.
        count: number of examples.
        limit: memory for keeping them.
    """

    def __init__(self, make: Callable[[int], dict[str, Any]], count: int, limit: int = 2**31):
        self.make, self.count, self.room = make, count, limit
        self.kept: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        """Count the examples."""
        return self.count

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return example `index`, from memory where it was made before."""
        if index in self.kept:
            return self.kept[index]
        example = self.make(index)
        need = sum(np.asarray(value).nbytes for value in example.values())
        if need <= self.room:
            self.room -= need
            self.kept[index] = example
        return example


def collate(
    examples: Sequence[dict[str, Any]],
    places: int | None = None,
    keys: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Stack examples into a batch.

    Args:
        examples: examples with the same keys and pictures of one size.
        places: objects a picture; empty places are filled (see `FILLING`), what is too many is
            left out. None: as many as the fullest picture of the batch has.
        keys: entries to stack, None for all.

    Returns:
        Arrays with a batch axis; ``image`` float32 in [0, 1].

    Raises:
        ValueError: if the pictures differ in size, or have no such entry.
    """
    batch: dict[str, Any] = {}
    for key in examples[0] if keys is None else keys:
        if key not in examples[0]:
            raise ValueError(f'There is no "{key}": choose of {", ".join(examples[0])}.')
        values = [np.asarray(example[key]) for example in examples]
        if key in FILLING:
            batch[key] = _padded(values, FILLING[key], places)
        elif len({value.shape for value in values}) > 1:
            raise ValueError("The pictures differ in size: say which size they shall have (size=).")
        else:
            batch[key] = np.stack(values)
    if "image" in batch:
        batch["image"] = to_float(batch["image"])
    return batch


def _padded(values: list[Any], filling: Any, places: int | None) -> Any:
    """Lists of objects (n, ...) as one array (B, places, ...)."""
    places = max(len(value) for value in values) if places is None else places
    inner = np.max([value.shape[1:] for value in values], axis=0).astype(int)
    result = np.full((len(values), places, *inner), filling, values[0].dtype)
    for row, value in zip(result, values, strict=True):
        row[: len(value)] = value[:places]
    return result


class Batches:
    """Batches of a source, in an order that follows from seed and epoch.

    Args:
        source: the examples.
        batch_size: examples a batch; the last batch may be smaller.
        shuffle: a new order every epoch, or always the source's own.
        seed: seed of the order.
        places: see `collate`.
        workers: threads that make batches ahead, for sources that read files.
        keys: entries of a batch, None for all; what is not asked for costs nothing.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        shuffle: bool,
        seed: int,
        places: int | None = None,
        workers: int = 1,
        keys: Sequence[str] | None = None,
    ):
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}: it must be at least 1.")
        self.source, self.batch_size, self.shuffle = source, batch_size, shuffle
        self.seed, self.places, self.workers = seed, places, workers
        self.keys = keys

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return -(-len(self.source) // self.batch_size)

    def order(self, epoch: int) -> np.ndarray:
        """Return the numbers of the examples in the order of an epoch."""
        numbers = np.arange(len(self.source))
        return (
            np.random.default_rng([self.seed, epoch]).permutation(numbers)
            if self.shuffle
            else numbers
        )

    def batch(self, index: int, order: np.ndarray) -> dict[str, Any]:
        """Return batch `index` of an epoch with this order."""
        numbers = order[index * self.batch_size : (index + 1) * self.batch_size]
        return collate([self.source[int(number)] for number in numbers], self.places, self.keys)

    def epoch(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the batches of one epoch; with several workers they are made ahead, in order."""
        order = self.order(number)
        if self.workers == 1:
            yield from (self.batch(i, order) for i in range(len(self)))
            return
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: collections.deque[Future[dict[str, Any]]] = collections.deque()
            for i in range(len(self)):
                waiting.append(pool.submit(self.batch, i, order))
                if len(waiting) > max(AHEAD, self.workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def select(batch: dict[str, Any], keys: Sequence[str] | None) -> Any:
    """Return the batch itself, or a tuple of the entries named in `keys`."""
    return batch if keys is None else tuple(batch[key] for key in keys)


def to_tf_data(batches: Batches, augment: Sequence[Any] = (), keys: Any = None) -> Any:
    """`Batches` as a `tf.data.Dataset`; every pass over it is the next epoch."""
    import tensorflow as tf

    from convbook.data.augment import apply_layers

    epochs = itertools.count()
    first = batches.batch(0, np.arange(len(batches.source)))
    signature = {key: _signature(key, value, batches) for key, value in first.items()}
    data = tf.data.Dataset.from_generator(
        lambda: batches.epoch(next(epochs)), output_signature=signature
    )
    data = data.apply(tf.data.experimental.assert_cardinality(len(batches)))
    # One after the other: the layers draw their random numbers in the same order every time.
    data = data.map(lambda batch: select(apply_layers(augment, batch) if augment else batch, keys))
    return data.prefetch(AHEAD)


def _signature(key: str, value: Any, batches: Batches) -> Any:
    """The `tf.TensorSpec` of a batch entry: sizes that may differ between batches are None."""
    import tensorflow as tf

    shape: list[int | None] = list(value.shape)
    if len(batches.source) % batches.batch_size or len(batches.source) < batches.batch_size:
        shape[0] = None
    if key in FILLING and batches.places is None:
        shape[1] = None
    if batches.batch_size == 1 and key in ("image", "semantic"):
        shape[1:3] = None, None
    if batches.batch_size == 1 and key == "masks":
        shape[2:4] = None, None
    return tf.TensorSpec(shape, value.dtype)


def to_py_dataset(batches: Batches, augment: Sequence[Any] = (), keys: Any = None) -> Any:
    """`Batches` as a `keras.utils.PyDataset`, on any backend; it counts the epochs itself."""
    import keras

    from convbook.data.augment import apply_layers

    class Pipeline(keras.utils.PyDataset):
        """Batches as NumPy arrays."""

        def __init__(self) -> None:
            super().__init__()
            self.number, self.order = 0, batches.order(0)

        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> Any:
            if not 0 <= index < len(batches):
                raise IndexError(f"There is no batch {index}: there are {len(batches)}.")
            batch = batches.batch(index, self.order)
            if augment:
                batch = apply_layers(augment, batch)
                batch = {key: keras.ops.convert_to_numpy(value) for key, value in batch.items()}
            return select(batch, keys)

        def on_epoch_end(self) -> None:
            """Put the examples into the next epoch's order."""
            self.number += 1
            self.order = batches.order(self.number)

    return Pipeline()
