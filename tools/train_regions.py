r"""Train the R-CNN or the Fast R-CNN of chapter 11, and keep its weights and curves.

    python tools/train_regions.py fast_rcnn --start convbook/weights/fast_rcnn.npz --out DIR
    python tools/train_regions.py rcnn --start convbook/weights/faster_rcnn.npz --epochs 1 --out DIR

writes DIR/NAME.npz; these are the book's, in ``convbook/weights/``. With ``--start`` the
convolutions are those of a net that was kept and stay as they are; what is trained is the head, in
minutes on a CPU. Those of the kept Fast R-CNN are a Faster R-CNN's with stride 4,

    python -m convbook.train faster_rcnn --data digit_scenes --stride 4 --count 6000 \
        --batch-size 32 --epochs 12 --learning-rate 0.003 --out FASTER

whose ``FASTER/weights.npz`` does as well for ``--start``. Without ``--start`` everything is
trained, for a GPU: ``--scenes 8000 --epochs 14 --batch 32``.

The first training scenes have proposals from selective search, others boxes made up about their
objects, at no cost. ``--search FILE`` writes the former into a file, ``--proposals FILE`` takes
them from there: for a machine without OpenCV.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convbook.architectures.rcnn import JIT, LOSSES, RegionNet, small_fast_rcnn, small_rcnn
from convbook.data import digit_scenes
from convbook.data.scenes import digit_scene
from convbook.detection.evaluation import evaluate
from convbook.detection.proposals import propose
from convbook.detection.sampling import RegionBatches, made_up_proposals
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


def search(args: argparse.Namespace, held_out: Any, scenes: Any) -> dict[str, Any]:
    """Selective search's proposals (N, PLACES, 4) of the held-out and the first training scenes."""
    parts = {"train": scenes[: args.searched], "held_out": held_out}
    return {key: propose([s["image"] for s in some], PLACES) for key, some in parts.items()}


def write(found: dict[str, Any], path: Path) -> None:
    """Write proposals; two thirds of a pixel to a unit keep them exact (they are enlarged)."""
    packed = {key: np.round(boxes * 1.5).astype(np.uint8) for key, boxes in found.items()}
    np.savez_compressed(path, **packed)


def read(path: Path) -> dict[str, Any]:
    """Read what `write` wrote."""
    with np.load(path) as stored:
        return {key: stored[key].astype(np.float32) / 1.5 for key in stored}


def training_scenes(count: int, workers: int) -> list[dict[str, Any]]:
    """The scenes of `digit_scenes`, made by several processes."""
    make = functools.partial(digit_scene, split="train")
    # A process that is forked from one that runs JAX may hang.
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=start) as pool:
        return list(pool.map(make, range(count), chunksize=50))


def start_from(backbone: keras.Model, path: Path) -> None:
    """Give a backbone the convolutions of a net that was kept, and let them stay as they are."""
    with np.load(path) as stored:
        values = [stored[f"weight{i:03}"] for i in range(len(backbone.weights))]
    backbone.set_weights([value.astype(np.float32) for value in values])
    backbone.trainable = False


def train(args: argparse.Namespace) -> None:
    """Train as the command line says."""
    scenes = training_scenes(args.scenes, args.workers)
    held_out = digit_scenes(args.held_out, **HELD_OUT)
    found = read(args.proposals) if args.proposals else search(args, held_out, scenes)
    if args.search:
        write(found, args.search)
        return
    searched = found["train"][: len(scenes)]
    made_up = made_up_proposals(scenes[len(searched) :], PLACES)
    proposals = np.concatenate([searched, made_up])
    print("scenes and proposals are there", flush=True)
    keras.utils.set_random_seed(0)
    net: RegionNet = BUILDERS[args.net]()
    if args.start:
        start_from(net.backbone, args.start)
    batches = RegionBatches(scenes, proposals, batch_size=args.batch, regions=args.regions)
    steps = len(batches) * args.epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=args.rate, warmup_steps=steps // 20
    )
    net.compile(keras.optimizers.AdamW(rate, weight_decay=args.decay), LOSSES, jit_compile=JIT)
    curve = Curve(held_out, found["held_out"][: len(held_out)], args.every, 60 * args.minutes)
    net.fit(batches, epochs=args.epochs, verbose=0, shuffle=False, callbacks=[curve])
    curves = {"loss": curve.losses, "epoch": curve.epochs, "map": curve.maps}
    keep(net, args.out / f"{args.net}.npz", **curves)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("net", choices=BUILDERS)
    parser.add_argument("--out", type=Path, default=Path("trained"), help="folder to write to")
    parser.add_argument("--scenes", type=int, default=1600, help="training scenes")
    parser.add_argument("--workers", type=int, default=2, help="processes that make scenes")
    parser.add_argument("--searched", type=int, default=1600, help="training scenes searched")
    parser.add_argument("--held-out", type=int, default=50, help="scenes of the mAP curve")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--every", type=int, default=1, help="epochs from one mAP to the next")
    parser.add_argument("--minutes", type=float, default=600.0, help="end after so long")
    parser.add_argument("--batch", type=int, default=8, help="pictures a step")
    parser.add_argument("--regions", type=int, default=64, help="boxes of a picture a step")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=1e-2, help="weight decay")
    parser.add_argument("--start", type=Path, help="kept weights, whose convolutions to take")
    parser.add_argument("--proposals", type=Path, help="file of proposals, instead of a search")
    parser.add_argument("--search", type=Path, help="write such a file and do nothing else")
    args = parser.parse_args()
    train(args)


if __name__ == "__main__":
    main()
