"""One training run: steps, evaluations and checkpoints, in an order that no kill changes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from convbook.data.batches import Batches
from convbook.detection.evaluation import evaluate
from convbook.detection.masks import pasted
from convbook.kept import keep
from convbook.train.pictures import Steps, in_turn, steps_an_epoch

STATE = "checkpoint.npz"
HISTORY = "history.json"
WEIGHTS = "weights.npz"
OVERLAPS = (0.5, 0.75)

Row = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """What a run does; a checkpoint belongs to one plan.

    Attributes:
        net: its name.
        size_of_net: "small" or "published".
        data: name of the set.
        size: of the pictures, in pixels.
        count: of the training pictures; None for all.
        places: objects a picture.
        flip: whether pictures are mirrored at random.
        batch_size: pictures a step.
        epochs: of training.
        optimizer: "adam" or "sgd".
        learning_rate: after the first steps, from where it falls to zero along half a cosine.
        precision: Keras's dtype policy.
        seed: of everything random.
        steps_kept: steps from one checkpoint to the next, and from one row of losses to the next.
        epochs_judged: epochs from one evaluation to the next.
        judged: number of test pictures.
        stride: of the small net's maps, in pixels.
        start: weights the backbone starts with, or "".
    """

    net: str
    size_of_net: str
    data: str
    size: int
    count: int | None
    places: int
    flip: bool
    batch_size: int
    epochs: int
    optimizer: str
    learning_rate: float
    precision: str
    seed: int
    steps_kept: int
    epochs_judged: int
    judged: int | None
    stride: int
    start: str


@dataclass
class Run:
    """A net on its way: what it has to learn, and how far it is.

    Attributes:
        net: compiled, its optimizer built.
        training: batches to learn from.
        test: batches to be judged on, in the set's order.
        plan: what is to be done.
        classes: their number.
        out: folder for what is kept.
        step: number of the next step.
        history: rows of losses and of evaluations, each with its step.
    """

    net: keras.Model
    training: Batches
    test: Batches
    plan: Plan
    classes: int
    out: Path
    step: int = 0
    history: list[Row] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.plan.epochs * steps_an_epoch(self.training)

    def go_on(self, minutes: float | None = None, say: Callable[[str], None] = print) -> bool:
        """Train to the end, or for some minutes; return whether the end is reached.

        The time is looked at where there is a checkpoint.
        """
        began = time.monotonic()
        with _bar() as bar:
            task = bar.add_task("training", total=self.steps, completed=self.step, said="")
            while self.step < self.steps:
                if minutes is not None and time.monotonic() - began > 60 * minutes:
                    return False
                said = self.advance()
                bar.update(task, completed=self.step, said=_words(self.losses()))
                if said:
                    bar.console.print(said, highlight=False, soft_wrap=True)
        keep(self.net, self.out / WEIGHTS, **curves(self.history))
        return True

    def advance(self) -> str:
        """Take the steps to the next checkpoint, and write it; return what is to be said, or ""."""
        epoch = steps_an_epoch(self.training)
        kept = self.plan.steps_kept
        last = min((self.step // kept + 1) * kept, (self.step // epoch + 1) * epoch)
        steps = Steps(self.training, self.step, last, self.plan.flip)
        losses = self.net.fit(steps, epochs=1, shuffle=False, verbose=0).history
        self.step = last
        self.history.append({"step": last} | {key: value[-1] for key, value in losses.items()})
        said = ""
        if last % epoch == 0:
            done = last // epoch
            said = f"epoch {done} of {self.plan.epochs}: {_words(self.losses())}"
            if done % self.plan.epochs_judged == 0 or done == self.plan.epochs:
                self.history.append({"step": last} | self.judge())
                said += f"; on {len(self.test.source)} test pictures {_words(self.scores())}"
        self.save()
        return said

    def judge(self) -> Row:
        """Mean average precision of the net as it is, by overlap; of boxes, and of masks if any."""
        truth, found = detections(self.net, self.test)
        strict = not self.plan.data.startswith("voc")  # which leaves difficult objects out
        kinds = {"boxes": ""} | ({"masks": "mask "} if "masks" in found else {})
        values: Row = {}
        for kind, name in kinds.items():
            judged = evaluate(
                truth,
                found,
                kind=kind,
                classes=self.classes,
                thresholds=OVERLAPS,
                difficult=strict,
            )
            for each in OVERLAPS:
                mean = np.nanmean(judged.by_class(each))
                values[f"{name}mAP@{each:g}"] = float(np.nan_to_num(mean))
        return values

    def losses(self) -> Row:
        """The last row of losses."""
        return next((row for row in reversed(self.history) if "loss" in row), {})

    def scores(self) -> Row:
        """The last row of an evaluation."""
        return next((row for row in reversed(self.history) if "loss" not in row), {})

    def save(self) -> None:
        """Write all that the next steps depend on, and the history for readers."""
        about = {"plan": asdict(self.plan), "step": self.step, "history": self.history}
        arrays = {f"{i:04d}": np.asarray(value) for i, value in enumerate(self._state())}
        write_whole(self.out / STATE, arrays | {"about": np.array(json.dumps(about))})
        unready = self.out / f"{HISTORY}.part"
        unready.write_text(json.dumps(about, indent=1), encoding="utf-8")
        unready.replace(self.out / HISTORY)

    def resume(self) -> bool:
        """Go back to the checkpoint in the folder; return False if there is none.

        Raises:
            ValueError: if it belongs to another plan.
        """
        path = self.out / STATE
        if not path.is_file():
            return False
        with np.load(path) as archive:
            about = json.loads(str(archive["about"]))
            values = [archive[key] for key in sorted(set(archive.files) - {"about"})]
        for key, asked in asdict(self.plan).items():
            if about["plan"].get(key) != asked:
                raise ValueError(
                    f"The run in {self.out} has {key} {about['plan'].get(key)}, this one {asked}: "
                    "repeat its command to go on with it, or give another folder."
                )
        state = self._state()
        if [value.shape for value in values] != [tuple(variable.shape) for variable in state]:
            raise ValueError(f"The checkpoint in {self.out} belongs to another net: remove it.")
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        self.step, self.history = about["step"], about["history"]
        return True

    def _state(self) -> list[Any]:
        """Weights, random states and the optimizer's numbers, in a fixed order."""
        return [*self.net.variables, *self.net.optimizer.variables]


def curves(history: Sequence[Row]) -> dict[str, list[float]]:
    """Return the rows of a history as lists: steps and loss, steps judged and each mean."""
    losses = [row for row in history if "loss" in row]
    judged = [row for row in history if "loss" not in row]
    made = {key: [row[key] for row in losses] for key in ("step", "loss")}
    means = {key: [row[key] for row in judged] for key in judged[-1] if key != "step"}
    return made | {"judged": [row["step"] for row in judged]} | means


def write_whole(path: Path, arrays: dict[str, Any]) -> None:
    """Write arrays into an ``.npz``, whole or not at all: a kill leaves what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unready = path.with_name(f"{path.name}.part")
    with unready.open("wb") as stream:
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    unready.replace(path)


def detections(net: keras.Model, batches: Batches) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the truth and a detector's answers for all pictures, in order, as padded arrays."""
    truth, found = [], []
    for batch in in_turn(batches):
        count, image = batch.pop("count"), batch.pop("image")
        answers = net.predict_on_batch(image)
        if "small_masks" in answers:
            answers = pasted(answers, *image.shape[1:3])
        truth.append({key: value[:count] for key, value in batch.items()})
        found.append({key: np.asarray(value)[:count] for key, value in answers.items()})
    return _joined(truth), _joined(found)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _words(row: Row) -> str:
    """A row in words."""
    return ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "step")


def _bar() -> Progress:
    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps,"),
        TimeRemainingColumn(),
        TextColumn("left  {task.fields[said]}"),
    )
