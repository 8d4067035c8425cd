"""Batches of examples: padded NumPy arrays, as a `tf.data` pipeline or a `keras.utils.PyDataset`.

Both pipelines take their batches from the same `Batches`, so they give the same arrays in the same
order, which follows from the seed and the epoch alone.
"""

import collections
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
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
NUMBER = "batch number"  # an entry of a batch on its way


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


class Held:
    """Examples that are there already, as arrays with an axis of examples in front.

    Args:
        arrays: the arrays by name, pictures of bytes.
    """

    def __init__(self, arrays: dict[str, Any]):
        self.arrays = arrays

    def __len__(self) -> int:
        """Count the examples."""
        return len(next(iter(self.arrays.values())))

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return example `index`."""
        return {key: values[index] for key, values in self.arrays.items()}

    def take(self, numbers: np.ndarray, keys: Sequence[str] | None) -> dict[str, Any]:
        """Return the examples with these numbers as one batch."""
        return {key: values[numbers] for key, values in self.chosen(keys).items()}

    def chosen(self, keys: Sequence[str] | None) -> dict[str, Any]:
        """Return the arrays named in `keys`, None for all."""
        return {key: self.arrays[_known(key, self.arrays)] for key in keys or self.arrays}


def _known(key: str, entries: Iterable[str]) -> str:
    """The key itself, if there is such an entry."""
    if key not in entries:
        raise ValueError(f'There is no "{key}": choose of {", ".join(entries)}.')
    return key


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
        Arrays with a batch axis; ``image`` still of bytes.

    Raises:
        ValueError: if the pictures differ in size, or have no such entry.
    """
    batch: dict[str, Any] = {}
    for key in examples[0] if keys is None else keys:
        values = [np.asarray(example[_known(key, example)]) for example in examples]
        if key in FILLING:
            batch[key] = _padded(values, FILLING[key], places)
        elif len({value.shape for value in values}) > 1:
            raise ValueError("The pictures differ in size: say which size they shall have (size=).")
        else:
            batch[key] = np.stack(values)
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
        """Return batch `index` of an epoch with this order, its pictures of bytes."""
        numbers = order[index * self.batch_size : (index + 1) * self.batch_size]
        if isinstance(self.source, Held):
            return self.source.take(numbers, self.keys)
        return collate([self.source[int(number)] for number in numbers], self.places, self.keys)

    def epoch(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the batches of one epoch; with several workers they are made ahead, in order.

        They carry their own number, counted over all epochs, as ``NUMBER``.
        """
        first = number * len(self)
        for i, batch in enumerate(self._made_ahead(self.order(number))):
            yield batch | {NUMBER: np.int64(first + i)}

    def _made_ahead(self, order: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield the batches of an order."""
        if self.workers == 1:
            return (self.batch(i, order) for i in range(len(self)))
        return ahead(lambda i: self.batch(i, order), len(self), self.workers)


def select(batch: dict[str, Any], keys: Sequence[str] | None) -> Any:
    """Return the batch itself, or a tuple of the entries named in `keys`."""
    return batch if keys is None else tuple(batch[key] for key in keys)


def to_tf_data(batches: Batches, augment: Sequence[Any] = (), keys: Any = None) -> Any:
    """`Batches` as a `tf.data.Dataset`; every pass over it is the next epoch."""
    import tensorflow as tf

    from convbook.data.augment import apply_layers, start_at

    def finish(batch: dict[str, Any]) -> Any:
        number = batch.pop(NUMBER)
        if "image" in batch:  # bytes are a quarter of what floats would be to hand over
            batch["image"] = tf.cast(batch["image"], tf.float32) / np.float32(255)
        if augment:
            start_at(augment, number)
            batch = apply_layers(augment, batch)
        return select(batch, keys)

    # One after the other: the layers have one random state, which is set for every batch.
    make = _from_arrays if isinstance(batches.source, Held) else _one_by_one
    data = make(batches, finish)
    return data.apply(tf.data.experimental.assert_cardinality(len(batches))).prefetch(AHEAD)


def _one_by_one(batches: Batches, finish: Callable[[dict[str, Any]], Any]) -> Any:
    """Batches that Python makes, as a `tf.data.Dataset`."""
    import tensorflow as tf

    epochs = itertools.count()
    first = batches.batch(0, np.arange(len(batches.source)))
    signature = {key: _signature(key, value, batches) for key, value in first.items()}
    signature[NUMBER] = tf.TensorSpec([], tf.int64)
    return tf.data.Dataset.from_generator(
        lambda: batches.epoch(next(epochs)), output_signature=signature
    ).map(finish)


def _from_arrays(batches: Batches, finish: Callable[[dict[str, Any]], Any]) -> Any:
    """Batches that TensorFlow gathers: Python, which is busy with the steps, gives the order only.

    A step on a small picture takes so short a time that handing over every batch would count.
    """
    import tensorflow as tf

    epochs = itertools.count()
    count = len(batches.source)
    with tf.device("cpu:0"):
        chosen = batches.source.chosen(batches.keys)  # type: ignore[attr-defined]
        held = {key: tf.constant(values) for key, values in chosen.items()}

    def order() -> np.ndarray:
        """The examples of the next epoch in order, and the number of the batch each is in."""
        epoch = next(epochs)
        numbers = epoch * len(batches) + np.arange(count) // batches.batch_size
        return np.stack([batches.order(epoch), numbers], -1)

    def start(_: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(order, [], tf.int64), [count, 2])

    def gather(pairs: Any) -> Any:
        batch = {key: tf.gather(values, pairs[:, 0]) for key, values in held.items()}
        return finish(batch | {NUMBER: pairs[0, 1]})

    return tf.data.Dataset.range(1).map(start).unbatch().batch(batches.batch_size).map(gather)


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
    """`Batches` as a `keras.utils.PyDataset`, on any backend; it counts the epochs itself.

    Threads make batches ahead, for `fit` and for those who go through it by themselves.
    """
    import keras

    from convbook.data.augment import apply_layers, start_at

    def augmented(batch: dict[str, Any], number: Any) -> dict[str, Any]:
        start_at(augment, number)
        return apply_layers(augment, batch)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        augmented = tf.function(augmented, reduce_retracing=True)
    lock = threading.Lock()  # the layers have one random state, which is set for every batch

    class Pipeline(keras.utils.PyDataset):
        """Batches as NumPy arrays."""

        def __init__(self) -> None:
            # One worker is Keras's word for none. Arrays need none: it would cost more than they.
            at_hand = isinstance(batches.source, Held) and not augment
            workers = 1 if at_hand else max(2, batches.workers)
            super().__init__(workers=workers, max_queue_size=AHEAD)
            self.number, self.order = 0, batches.order(0)

        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> Any:
            if not 0 <= index < len(batches):
                raise IndexError(f"There is no batch {index}: there are {len(batches)}.")
            batch = batches.batch(index, self.order)
            if "image" in batch:
                batch["image"] = to_float(batch["image"])
            if augment:
                number = np.int64(self.number * len(batches) + index)
                with lock:
                    batch = augmented(batch, number)
                batch = {key: keras.ops.convert_to_numpy(value) for key, value in batch.items()}
            return select(batch, keys)

        def __iter__(self) -> Iterator[Any]:
            return ahead(self.__getitem__, len(batches), batches.workers)

        def on_epoch_end(self) -> None:
            """Put the examples into the next epoch's order."""
            self.number += 1
            self.order = batches.order(self.number)

    return Pipeline()


def ahead(make: Callable[[int], Any], count: int, workers: int) -> Iterator[Any]:
    """Yield ``make(0)`` to ``make(count - 1)``, made in that order by threads, a few ahead."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: collections.deque[Future[Any]] = collections.deque()
        try:
            for i in range(count):
                waiting.append(pool.submit(make, i))
                if len(waiting) > max(AHEAD, workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
