"""Train the R-CNN or the Fast R-CNN of chapter 11, and keep its weights and curves.

    python tools/train_regions.py fast_rcnn --out DIR
    python tools/train_regions.py rcnn --out DIR

writes DIR/NAME.npz; the book has its own in ``convbook/weights/``. Proposals are selective
search's, or read from files made by ``--search FILE`` where there is no OpenCV to make them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convbook.architectures.rcnn import LOSSES, RegionNet, small_fast_rcnn, small_rcnn
from convbook.data import digit_scenes
from convbook.detection.evaluation import evaluate
from convbook.detection.proposals import propose
from convbook.detection.sampling import RegionBatches
from convbook.kept import keep

PLACES = 256  # proposals of a picture
BUILDERS = {"rcnn": small_rcnn, "fast_rcnn": small_fast_rcnn}
HELD_OUT = {"split": "test", "seed": 12}  # not the chapter's, on which nothing is chosen


class Curve(keras.callbacks.Callback):
    """mAP on held-out scenes every few epochs, and an end when the time is over."""

    def __init__(self, scenes: Any, proposals: Any, every: int, seconds: float):
        super().__init__()
        self.scenes, self.proposals, self.every = scenes, proposals, every
        self.started, self.seconds = time.monotonic(), seconds
        self.losses: list[float] = []
        self.epochs: list[int] = []
        self.maps: list[float] = []

    def measure(self) -> float:
        """Return the mAP at an IoU of 0.5."""
        images = np.stack([scene["image"] for scene in self.scenes])
        found = self.model.find(images, self.proposals)
        return evaluate(self.scenes, found, thresholds=(0.5,)).map50

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the loss, and now and then the mAP."""
        self.losses.append(float((logs or {})["loss"]))
        spent = time.monotonic() - self.started
        if spent > self.seconds:
            print(f"the time is over after {epoch + 1} epochs", flush=True)
            self.model.stop_training = True
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        told = f"epoch {epoch + 1} loss {self.losses[-1]:.4f}"
        if last or (epoch + 1) % self.every == 0:
            self.epochs.append(epoch + 1)
            self.maps.append(self.measure())
            told += f" mAP@0.5 {self.maps[-1]:.3f}"
        print(f"{told} ({spent:.0f} s)", flush=True)


def proposals_of(path: Path | None, part: str, scenes: Any) -> Any:
    """Proposals (N, PLACES, 4), from a file or searched for now."""
    if path is None:
        return propose([scene["image"] for scene in scenes], PLACES)
    with np.load(path) as stored:
        return stored[part][: len(scenes)].astype(np.float32) / 1.5  # pixels of the search


def train(args: argparse.Namespace) -> None:
    """Train as the command line says."""
    scenes = digit_scenes(args.scenes, "train")
    held_out = digit_scenes(args.held_out, **HELD_OUT)
    proposals = proposals_of(args.proposals, "train", scenes)
    held_out_proposals = proposals_of(args.proposals, "held_out", held_out)
    print("scenes and proposals are there", flush=True)
    keras.utils.set_random_seed(0)
    net: RegionNet = BUILDERS[args.net]()
    batches = RegionBatches(scenes, proposals, batch_size=args.batch, regions=args.regions)
    steps = len(batches) * args.epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=args.rate, warmup_steps=steps // 20
    )
    net.compile(keras.optimizers.AdamW(rate, weight_decay=args.decay), LOSSES)
    curve = Curve(held_out, held_out_proposals, args.every, 60 * args.minutes)
    net.fit(batches, epochs=args.epochs, verbose=0, shuffle=False, callbacks=[curve])
    curves = {"loss": curve.losses, "epoch": curve.epochs, "map": curve.maps}
    keep(net, args.out / f"{args.net}.npz", **curves)


def search(args: argparse.Namespace) -> None:
    """Write the proposals into a file, two thirds of a pixel to a unit, which keeps them exact."""
    parts = {
        "train": digit_scenes(args.scenes, "train"),
        "held_out": digit_scenes(args.held_out, **HELD_OUT),
    }
    found = {key: proposals_of(None, key, scenes) for key, scenes in parts.items()}
    packed = {key: np.round(boxes * 1.5).astype(np.uint8) for key, boxes in found.items()}
    np.savez_compressed(args.search, **packed)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", choices=BUILDERS)
    parser.add_argument("--out", type=Path, default=Path("trained"), help="folder to write to")
    parser.add_argument("--scenes", type=int, default=2400, help="training scenes")
    parser.add_argument("--held-out", type=int, default=100, help="scenes of the mAP curve")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--every", type=int, default=5, help="epochs from one mAP to the next")
    parser.add_argument("--minutes", type=float, default=600.0, help="end after so long")
    parser.add_argument("--batch", type=int, default=8, help="pictures a step")
    parser.add_argument("--regions", type=int, default=64, help="boxes of a picture a step")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=1e-2, help="weight decay")
    parser.add_argument("--proposals", type=Path, help="file of proposals, instead of a search")
    parser.add_argument("--search", type=Path, help="write such a file and do nothing else")
    args = parser.parse_args()
    search(args) if args.search else train(args)


if __name__ == "__main__":
    main()
