r"""Train the nets of chapter 15 whose weights the book keeps.

    python tools/train_poses.py hourglass --out DIR
    python tools/train_poses.py several --out DIR

write DIR/pose_hourglass.npz, two stacked hourglasses for figures standing alone, and
DIR/pose_several.npz, the net for several people; each in some ten minutes of two cores. A run
that was killed goes on after its last epoch. The book's lie in ``convbook/weights/``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras

from convbook.kept import keep
from convbook.pose import several, variants
from convbook.pose.keypoints import pck, read_maps

BATCH, RATE = 16, 3e-3
FIGURES, EPOCHS = 20_000, 10
SCENES, SCENE_EPOCHS = 1200, 30
HELD_OUT = {"count": 300, "split": "test", "seed": 16}  # not the chapter's


def going_on(path: Path) -> keras.callbacks.Callback:
    """Keep the state after each epoch, so that a run that was killed goes on from there."""
    return keras.callbacks.BackupAndRestore(str(path.parent / "state" / path.stem))


def hourglass(path: Path) -> None:
    """Train two stacked hourglasses, and say their PCK on figures held out."""
    data, held_out = variants.pose_data(FIGURES, seed=15), variants.pose_data(**HELD_OUT)
    net = variants.VARIANTS["hourglass"].net()
    variants.ready(net, True, RATE, EPOCHS * FIGURES // BATCH)
    options = {"batch_size": BATCH, "epochs": EPOCHS, "verbose": 2}
    targets = [data["maps"]] * len(net.outputs)
    net.fit(data["image"], targets, **options, callbacks=[going_on(path)])
    keep(net, path)
    marks = [held_out[key] for key in ("keypoints", "scales", "seen")]
    for number, maps in enumerate(variants.beliefs(net, held_out["image"]), 1):
        print(f"stack {number}: PCK@0.2 {pck(read_maps(maps, variants.STRIDE)[0], *marks):.4f}")


def for_several(path: Path) -> None:
    """Train the net for several people."""
    batches = several.Scenes(several.scenes_of(SCENES, seed=15), BATCH)
    net = several.ready(several.net_for_several(), RATE, SCENE_EPOCHS * len(batches))
    net.fit(batches, epochs=SCENE_EPOCHS, verbose=2, callbacks=[going_on(path)])
    keep(net, path)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("hourglass", "several"))
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    keras.utils.set_random_seed(0)
    train = hourglass if chosen.what == "hourglass" else for_several
    train(chosen.out / f"pose_{chosen.what}.npz")


if __name__ == "__main__":
    main()
