"""DETR: objects as a set, read from a picture's maps by a transformer.

A convolutional backbone makes maps; an encoder lets their positions ask each other; in a decoder a
fixed number of queries ask the positions and each other, and each answers with one class and one
box. In training each object is given to one query, by the cheapest assignment, so that nothing is
said twice and nothing has to be suppressed.

``focused`` queries are not in the paper, whose own take 500 epochs to learn where to look: each
begins as a box somewhere in the picture, looks about this box, and moves it layer by layer.

Sources: Carion et al. 2020, *End-to-end object detection with transformers*, arXiv:2005.12872.
Focused queries: Gao et al. 2021, arXiv:2101.07448 (a Gaussian about a place in the logits of each
head); Liu et al. 2022, arXiv:2201.12329 (queries are boxes, refined by every layer).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

# What every loss of Keras's does for itself; there is no public name for it.
from keras.src.losses.loss import scale_loss_for_distribution

from convbook.architectures.faster_rcnn import Truth
from convbook.architectures.rcnn import scene_backbone
from convbook.architectures.residual import resnet
from convbook.architectures.transformer import (
    Attention,
    EncoderLayer,
    FeedForward,
    grid,
    position_code,
)
from convbook.detection.assignment import assign, match_costs
from convbook.detection.boxes import clip, iou, paired_giou, to_centres, to_corners
from convbook.kept import FOLDER

LOSSES = ("class", "distance", "overlap")
"""The three losses of the last layer, as ``fit`` reports them; its ``loss`` sums all layers'."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of a DETR that are no weights.

    Attributes:
        width: numbers of a position and of a query.
        heads: of the encoder's attention.
        query_heads: of the decoder's.
        hidden: units between the two dense layers of a transformer's layer.
        encoders, decoders: layers.
        queries: at most so many objects are found.
        focused: whether queries are boxes that are looked about; the paper's are not.
        auxiliary: whether the answers of all layers of the decoder are trained, not the last's
            alone.
        ground_weight: of the class "no object" in the cross-entropy.
        loss_weights: of class, distance and overlap, in the costs and in the loss.
        score_threshold: detections with a lower score are not reported.
    """

    width: int = 96
    heads: int = 4
    query_heads: int = 8
    hidden: int = 192
    encoders: int = 1
    decoders: int = 3
    queries: int = 25
    focused: bool = True
    auxiliary: bool = True
    ground_weight: float = 0.1
    loss_weights: tuple[float, float, float] = (1, 5, 2)
    score_threshold: float = 0.05


SMALL = Recipe()
"""For scenes of 128 pixels with up to eight digits."""


@keras.saving.register_keras_serializable(package="convbook")
class Queries(layers.Layer):
    """What the queries are before they have seen anything: two arrays to learn.

    Args:
        width: numbers of a query.
        count: of the queries.
        focused: see ``Recipe``.
        **options: of ``keras.layers.Layer``.
    """

    def __init__(self, width: int, count: int, focused: bool, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.count, self.focused = width, count, focused

    def build(self, shape: Any) -> None:
        """Make the arrays: of focused queries boxes (as logits) and content, else places alone."""
        normal = keras.initializers.RandomNormal(stddev=1.0)
        if not self.focused:
            self.places = self.add_weight((self.count, self.width), normal, name="places")
            return
        rows = max(1, round(self.count**0.5))
        columns = -(-self.count // rows)
        boxes = np.concatenate([grid(rows, columns), np.full((rows * columns, 2), 0.2)], 1)
        start = np.log(boxes / (1 - boxes)).astype(np.float32)[: self.count]
        self.boxes = self.add_weight((self.count, 4), lambda *_, **__: start, name="boxes")
        self.content = self.add_weight((self.count, self.width), normal, name="content")

    def call(self, memory: Any) -> Any:
        """Return for a batch (B, ...) content and places, or boxes (B, Q, 4) as logits."""
        batch = ops.shape(memory)[0]
        if self.focused:
            return _repeated(self.content, batch), _repeated(self.boxes, batch)
        places = _repeated(self.places, batch)
        return ops.zeros_like(places), places

    def compute_output_shape(self, shape: Any) -> Any:
        """Shapes of what ``call`` returns."""
        last = 4 if self.focused else self.width
        return (shape[0], self.count, self.width), (shape[0], self.count, last)

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        made = {"width": self.width, "count": self.count, "focused": self.focused}
        return {**super().get_config(), **made}


def _repeated(x: Any, batch: Any) -> Any:
    """(N, C) as (B, N, C)."""
    return ops.broadcast_to(ops.convert_to_tensor(x)[None], (batch, *x.shape))


@keras.saving.register_keras_serializable(package="convbook")
class DecoderLayer(layers.Layer):
    """Queries ask each other, then the picture, then each thinks by itself.

    Args:
        width: numbers of a query and of a position of the picture.
        heads: of each attention.
        hidden: units between the two dense layers.
        map_size: (height, width) of the maps.
        focused: whether each head looks about a place at the query's box: see ``Recipe``.
        **options: of ``keras.layers.Layer``.

    Source: Carion 2020, appendix A.3; of the focus Gao 2021, section 3.2.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        map_size: tuple[int, int],
        focused: bool,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.made = {
            "width": width,
            "heads": heads,
            "hidden": hidden,
            "map_size": tuple(map_size),
            "focused": focused,
        }
        self.heads, self.focused = heads, focused
        self.cells = [((np.arange(n) + 0.5) / n).astype(np.float32) for n in map_size]
        self.among = Attention(width, heads, name="among")
        self.look = Attention(width, heads, name="look")
        self.feed = FeedForward(hidden, name="feed")
        self.norms = [layers.LayerNormalization(epsilon=1e-5, name=f"norm{i}") for i in (1, 2, 3)]
        if focused:
            # Eight heads begin round the middle of the box, half way to its border.
            turns = 2 * np.pi * np.arange(heads) / heads
            start = np.stack([0.3 * np.sin(turns), 0.3 * np.cos(turns)], -1)
            start = np.concatenate([start, np.zeros((heads, 2))], -1).reshape(-1)
            self.focus = layers.Dense(
                4 * heads,
                kernel_initializer="zeros",
                bias_initializer=lambda *_, **__: start.astype(np.float32),
                name="focus",
            )
            self.code = layers.Dense(width, name="code")

    def build(
        self, x_shape: Any, places_shape: Any, memory_shape: Any, memory_places_shape: Any
    ) -> None:
        """Make the parts."""
        self.among.build(x_shape, x_shape, x_shape)
        self.look.build(x_shape, memory_shape, memory_shape)
        self.feed.build(x_shape)
        for norm in self.norms:
            norm.build(x_shape)
        if self.focused:
            self.focus.build(x_shape)
            self.code.build((*x_shape[:-1], 2 * x_shape[-1]))

    def call(self, x: Any, places: Any, memory: Any, memory_places: Any) -> tuple[Any, Any]:
        """Return what the queries know now, and where they looked.

        Args:
            x: queries (B, Q, width).
            places: their codes (B, Q, width); of focused queries their boxes (B, Q, 4), as
                (y, x, height, width) from 0 to 1.
            memory: what the encoder says of the picture's positions (B, H * W, width).
            memory_places: codes of those (H * W, width).

        Returns:
            (B, Q, width); weights (B, heads, Q, H * W).
        """
        bias = None
        if self.focused:
            boxes, places = places, self.code(position_code(places, 2 * x.shape[-1]))
        placed = x + places
        x = self.norms[0](x + self.among(placed, placed, x)[0])
        if self.focused:
            bias = self.spot(x, boxes)
        seen, weights = self.look(x + places, memory + memory_places, memory, bias)
        x = self.norms[1](x + seen)
        return self.norms[2](x + self.feed(x)), weights

    def spot(self, x: Any, boxes: Any) -> Any:
        """Return the logarithms of a Gaussian for each head and query: (B, heads, Q, H * W)."""
        count = x.shape[1]
        said = ops.reshape(self.focus(x), (-1, count, self.heads, 4))
        said = ops.transpose(said, (0, 2, 1, 3))
        size = ops.maximum(boxes[:, None, :, 2:], 0.03)
        middle = boxes[:, None, :, :2] + said[..., :2] * size
        spread = ops.maximum(0.4 * size * ops.exp(ops.clip(said[..., 2:], -3, 3)), 0.02)
        # Its rows and its columns, whose sum is the map.
        away = [
            ops.square((places - middle[..., i : i + 1]) / spread[..., i : i + 1])
            for i, places in enumerate(self.cells)
        ]
        both = -0.5 * (away[0][..., :, None] + away[1][..., None, :])
        return ops.reshape(both, (-1, self.heads, count, both.shape[-2] * both.shape[-1]))

    def compute_output_shape(
        self, x_shape: Any, places_shape: Any, memory_shape: Any, memory_places_shape: Any
    ) -> Any:
        """Shapes of what ``call`` returns."""
        return x_shape, (x_shape[0], self.heads, x_shape[1], memory_shape[1])

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        return {**super().get_config(), **self.made}


def detr_transformer(map_shape: tuple[int, int, int], classes: int, recipe: Recipe) -> keras.Model:
    """Return the net that reads maps: (B, h, w, C) to a dictionary.

    ``scores`` (B, L, Q, 1 + classes), for each of L layers of the decoder, not squashed, the
    ground's first; ``boxes`` (B, L, Q, 4) as (y, x, height, width) from 0 to 1; and ``weights``
    (B, query_heads, Q, h * w), where the last layer looked.
    """
    height, width, _ = map_shape
    maps = keras.Input(map_shape, name="maps")
    places = position_code(grid(height, width), recipe.width)
    x = layers.Conv2D(recipe.width, 1, name="narrow")(maps)
    x = layers.Reshape((height * width, recipe.width))(x)
    for i in range(recipe.encoders):
        x = EncoderLayer(recipe.width, recipe.heads, recipe.hidden, name=f"encoder{i}")(x, places)
    said = _decode(x, places, (height, width), classes, recipe)
    return keras.Model(maps, said, name="transformer")


def _decode(
    memory: Any, places: Any, map_size: tuple[int, int], classes: int, recipe: Recipe
) -> dict[str, Any]:
    """What the queries say of the encoder's memory."""
    norm = layers.LayerNormalization(epsilon=1e-5, name="norm")
    name = layers.Dense(1 + classes, dtype="float32", name="scores")
    place = _box_head(recipe.width, recipe.focused)
    x, start = Queries(recipe.width, recipe.queries, recipe.focused, name="queries")(memory)
    scores, boxes, weights, box = [], [], None, start
    for i in range(recipe.decoders):
        layer = DecoderLayer(
            recipe.width,
            recipe.query_heads,
            recipe.hidden,
            map_size,
            recipe.focused,
            name=f"decoder{i}",
        )
        own = ops.sigmoid(box) if recipe.focused else start
        x, weights = layer(x, own, memory, places)
        said = norm(x)
        moved = place(said)
        box = box + moved if recipe.focused else moved
        scores.append(name(said))
        boxes.append(ops.sigmoid(box))
        box = ops.stop_gradient(box)  # each layer answers for its own move alone
    return {"scores": ops.stack(scores, 1), "boxes": ops.stack(boxes, 1), "weights": weights}


def _box_head(width: int, focused: bool) -> keras.Model:
    """Three dense layers to four logits, (B, Q, width) to (B, Q, 4)."""
    last = {"kernel_initializer": "zeros"} if focused else {}  # at first no box moves
    return keras.Sequential(
        [
            keras.Input((None, width)),
            layers.Dense(width, activation="relu"),
            layers.Dense(width, activation="relu"),
            layers.Dense(4, dtype="float32", **last),
        ],
        name="boxes",
    )


class Costs(keras.Model):
    """What it would cost each query to answer for each object, and the maps: before a step.

    Args:
        net: a ``DETR``, whose weights it shares.
    """

    def __init__(self, net: DETR) -> None:
        super().__init__(dtype="float32")
        self.net = net
        self.built = True  # the net is

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return ``costs`` (B, L, Q, M) and ``maps``."""
        maps = self.net.backbone(inputs["image"], training=False)
        said = self.net.transformer(maps, training=False)
        classes, boxes = inputs["classes"], inputs["boxes"]
        costs = match_costs(
            ops.softmax(said["scores"])[..., 1:],
            said["boxes"],
            classes[:, None],
            self.net.parts(boxes)[:, None],
            self.net.recipe.loss_weights,
        )
        return {"costs": costs, "maps": maps}


@dataclass
class Matcher:
    """Holds ``Costs``, which holds the net, where Keras does not look for layers."""

    costs: Costs


class DETR(keras.Model):
    """A backbone and a transformer that reads its maps.

    In use it takes pictures (B, H, W, 3) and gives a dictionary of ``boxes`` (B, Q, 4), ``scores``
    (B, Q) and ``classes`` (B, Q), best first, -1 where a query says that there is no object.

    ``fit`` and ``train_on_batch`` take pictures and a dictionary of ``boxes`` (B, M, 4) and
    ``classes`` (B, M), -1 where there is no object; if it has ``crowd`` (B, M), what lies on a
    crowd counts neither as object nor as ground. A step has three parts: costs in one compiled
    function, the assignment on the host, then losses and gradients in another. If the backbone is
    not trainable, its maps are made once. Compile with an optimizer only.

    Args:
        backbone: pictures (B, H, W, 3) to maps (B, h, w, C).
        transformer: see ``detr_transformer``.
        recipe: the other numbers.
    """

    def __init__(
        self,
        backbone: keras.Model,
        transformer: keras.Model,
        recipe: Recipe = SMALL,
        **options: Any,
    ) -> None:
        super().__init__(**{"name": "detr", "dtype": "float32", **options})
        self.backbone, self.transformer, self.recipe = backbone, transformer, recipe
        self.image_size = backbone.input_shape[1:3]
        self.classes = transformer.output["scores"].shape[-1] - 1
        self.meters = [keras.metrics.Mean(name=f"{name}_loss") for name in LOSSES]
        self.matcher: Matcher | None = None
        self.built = True  # its parts are

    def call(self, images: Any, training: bool = False) -> dict[str, Any]:
        """Detections; in training, and of ``{"maps": ...}``, what the transformer says."""
        if isinstance(images, dict):
            return self.transformer(images["maps"], training=training)
        maps = self.backbone(images, training=training)
        said = self.transformer(maps, training=training)
        return said if training else self.read(said)

    def read(self, said: dict[str, Any]) -> dict[str, Any]:
        """Detections, from what the transformer said: one a query, nothing suppressed."""
        shares = ops.softmax(said["scores"][:, -1])[..., 1:]
        scores, order = ops.top_k(ops.max(shares, -1), self.recipe.queries)
        classes = ops.take_along_axis(ops.argmax(shares, -1), order, 1)
        boxes = ops.take_along_axis(self.pixels(said["boxes"][:, -1]), order[..., None], 1)
        there = scores > self.recipe.score_threshold
        return {
            "boxes": ops.where(there[..., None], boxes, 0.0),
            "scores": ops.where(there, scores, 0.0),
            "classes": ops.where(there, ops.cast(classes, "int32"), -1),
        }

    def pixels(self, boxes: Any) -> Any:
        """Boxes (..., 4) from (y, x, height, width) in parts of the picture to its pixels."""
        height, width = self.image_size
        scale = ops.convert_to_tensor([height, width, height, width], "float32")
        return clip(to_corners(boxes) * scale, height, width)

    def parts(self, boxes: Any) -> Any:
        """The way back."""
        height, width = self.image_size
        return to_centres(boxes) / ops.convert_to_tensor([height, width, height, width], "float32")

    def costs(self, images: Any, y: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Return the maps, the costs (B, L, Q, M), and bool (B, M), where there is an object."""
        if self.matcher is None:
            costs = Costs(self)
            costs.compile(jit_compile=self.jit_compile, run_eagerly=self.run_eagerly)
            self.matcher = Matcher(costs)
        classes = np.asarray(y["classes"], np.int32)
        valid = (classes >= 0) & ~np.asarray(y.get("crowd", np.zeros_like(classes)), bool)
        asked = {"image": images, "boxes": np.asarray(y["boxes"], np.float32), "classes": classes}
        made = self.matcher.costs.predict_on_batch(asked)
        return made["maps"], made["costs"], valid

    def assignments(self, images: Any, y: dict[str, Any]) -> tuple[Any, Any]:
        """Return the maps, and the object of each query (B, L, Q), -1 for none."""
        maps, costs, valid = self.costs(images, y)
        return maps, assign(costs, valid[:, np.newaxis])

    def train_on_batch(self, x: Any, y: Any = None, **options: Any) -> Any:
        """Take one step; as ``keras.Model.train_on_batch``."""
        maps, assigned = self.assignments(x, y)
        told = {key: y[key] for key in ("boxes", "classes", "crowd") if key in y}
        inputs = x if self.backbone.trainable else {"maps": maps}
        return super().train_on_batch(inputs, {**told, "assigned": assigned}, **options)

    def fit(
        self,
        x: Any = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **options: Any,
    ) -> Any:
        """Take all steps of a dataset, so many times.

        Args:
            x: has a length and gives batches (pictures, dictionary) by number, as
                ``keras.utils.PyDataset``.
            epochs: how often.
            verbose: 0 for no bar, as in ``keras.Model.fit``.
            callbacks: as there; one that sets ``stop_training`` ends it after the batch or epoch.
            **options: ``shuffle`` alone, which is left to the dataset.

        Returns:
            What ``keras.Model.fit`` returns: its ``history`` is the mean of each loss by epoch.
        """
        if set(options) - {"shuffle"}:
            raise ValueError(f"DETR's fit knows no {', '.join(options)}: leave it out.")
        shown = 1 if verbose == "auto" else verbose
        calls = keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=shown != 0,
            model=self,
            verbose=shown,
            epochs=epochs,
            steps=len(x),
        )
        self.stop_training = False
        calls.on_train_begin()
        for epoch in range(epochs):
            calls.on_epoch_begin(epoch)
            means: dict[str, float] = {}  # Keras forgets its own with every batch
            for step in range(len(x)):
                calls.on_train_batch_begin(step)
                images, y = x[step]
                logs = self.train_on_batch(images, y, return_dict=True)
                for key, value in logs.items():
                    before = means.get(key, 0.0)
                    means[key] = before + (float(value) - before) / (step + 1)
                calls.on_train_batch_end(step, dict(means))
                if self.stop_training:
                    break
            calls.on_epoch_end(epoch, means)
            if hasattr(x, "on_epoch_end"):
                x.on_epoch_end()
            if self.stop_training:
                break
        calls.on_train_end()
        return self.history

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The sum of the three losses over all layers; the last layer's are kept for ``fit``."""
        if "assigned" not in y:
            raise ValueError(
                "DETR's losses need to know which query answers for which object: train with "
                "fit or train_on_batch, and judge with convbook.detection.evaluation."
            )
        losses = self.losses_of(y_pred, Truth.of(y), y["assigned"])
        for meter, loss in zip(self.meters, losses, strict=True):
            meter.update_state(loss[-1])
        weighed = [w * loss for w, loss in zip(self.recipe.loss_weights, losses, strict=True)]
        total = sum(ops.sum(each if self.recipe.auxiliary else each[-1:]) for each in weighed)
        return scale_loss_for_distribution(total)

    def losses_of(self, said: dict[str, Any], truth: Truth, assigned: Any) -> list[Any]:
        """Class, distance and overlap, each by layer (L,), before they are weighed."""
        assigned = ops.cast(assigned, "int32")
        answers = assigned >= 0
        place = ops.maximum(assigned, 0)
        classes = ops.take_along_axis(truth.classes[:, None], place, 2)
        target = ops.where(answers, classes + 1, 0)
        entropy = ops.sparse_categorical_crossentropy(target, said["scores"], from_logits=True)
        on_crowd = ops.max(iou(self.pixels(said["boxes"]), truth.crowds[:, None]), -1) >= 0.5
        ground = ops.where(on_crowd, 0.0, self.recipe.ground_weight)
        weights = ops.stop_gradient(ops.where(answers, 1.0, ground))
        class_loss = ops.sum(weights * entropy, (0, 2)) / ops.sum(weights, (0, 2))
        boxes = ops.take_along_axis(self.parts(truth.boxes)[:, None], place[..., None], 2)
        counted = ops.cast(answers, "float32")
        count = ops.maximum(ops.sum(counted, (0, 2)), 1)
        away = ops.sum(ops.abs(said["boxes"] - boxes), -1)
        apart = 1 - paired_giou(to_corners(said["boxes"]), to_corners(boxes))
        distances = [ops.sum(counted * each, (0, 2)) / count for each in (away, apart)]
        return [class_loss, *distances]


def small_detr(
    image_size: tuple[int, int] = (128, 128),
    classes: int = 10,
    recipe: Recipe = SMALL,
    start: str = "faster_rcnn",
) -> DETR:
    """Return the DETR of this book's scenes.

    Args:
        image_size: (height, width) of the pictures, multiples of 8.
        classes: number of classes.
        recipe: its numbers.
        start: name of kept weights whose backbone it takes over and keeps as it is; "" to train a
            backbone of its own from nothing.
    """
    backbone = scene_backbone(image_size)
    if start:
        take_backbone(backbone, start)
        backbone.trainable = False
    transformer = detr_transformer(backbone.output_shape[1:], classes, recipe)
    return DETR(backbone, transformer, recipe)


def take_backbone(backbone: keras.Model, name: str, folder: Path = FOLDER) -> None:
    """Give a backbone the weights of the one that a kept net begins with.

    Args:
        backbone: built as that one.
        name: of the kept net, whose first weights are its backbone's.
        folder: where it is kept.

    Raises:
        ValueError: if nothing is kept under this name, or its backbone is another.
    """
    path = folder / f"{name}.npz"
    if not path.is_file():
        raise ValueError(f'No weights are kept as "{name}": train that net first.')
    with np.load(path) as stored:
        names = [f"weight{i:03}" for i in range(len(backbone.weights))]
        values = [stored[key].astype(np.float32) for key in names if key in stored]
    if [value.shape for value in values] != [tuple(weight.shape) for weight in backbone.weights]:
        raise ValueError(f'The net kept as "{name}" has another backbone: build the same one.')
    backbone.set_weights(values)


PUBLISHED = Recipe(
    width=256,
    heads=8,
    query_heads=8,
    hidden=2048,
    encoders=6,
    decoders=6,
    queries=100,
    focused=False,
)
"""The paper's, section 4 and appendix A.4."""


def detr_resnet50(image_size: tuple[int, int] = (800, 1056), classes: int = 91) -> DETR:
    """Return the DETR of the paper, on ResNet-50 without its pooling and classifier.

    The transformer and its heads have 18,069,856 parameters. With the backbone's kernels but those
    of its first two stages, which the authors do not train, it makes the 41.3 million of the paper.

    Args:
        image_size: (height, width) of the pictures, multiples of 32. The paper's have a shorter
            side of 800 pixels.
        classes: without the ground; COCO numbers its 80 classes up to 90, and the authors have 91.
    """
    whole = resnet((3, 4, 6, 3), input_shape=(*image_size, 3))
    maps = next(layer.output for layer in reversed(whole.layers) if len(layer.output.shape) == 4)
    backbone = keras.Model(whole.input, maps, name="backbone")
    transformer = detr_transformer(maps.shape[1:], classes, PUBLISHED)
    return DETR(backbone, transformer, PUBLISHED, name="detr_resnet50")
