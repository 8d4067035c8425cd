"""Train a detector; killed or stopped, the same command goes on where it was.

    python -m convbook.train faster_rcnn --data digit_scenes --out runs/scenes
    KERAS_BACKEND=jax python -m convbook.train faster_rcnn --data voc/2007 --start imagenet \
        --precision mixed_bfloat16 --out runs/voc

In the folder: checkpoint.npz, from which the run goes on; history.json, its losses and its mean
average precision; curve.svg, the same drawn; and at the end weights.npz, in half precision.
"""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

NETS = ("faster_rcnn", "mask_rcnn", "ssd", "yolo", "detr")
STARTS = (
    "imagenet, or a file of Keras, for a published net; faster_rcnn, the book's own, for a small "
    "mask_rcnn, whose masks alone learn then"
)
OPTIMIZERS = (
    "adam for a small net, sgd for a published one, whose kernels decay as in its paper (a small "
    "net's weights all decay then, as Keras has it: beside the momentum)"
)
PUBLISHED_SIZES = {"faster_rcnn": 600, "mask_rcnn": 800, "ssd": 300, "yolo": 416, "detr": 800}
SCENE_SIZES = PUBLISHED_SIZES | {"faster_rcnn": 128, "mask_rcnn": 128, "yolo": 256}
DEFAULTS: dict[str, dict[str, Any]] = {
    "small": {"size": 128, "batch_size": 16, "optimizer": "adam", "learning_rate": 2e-3},
    "published": {"size": None, "batch_size": 2, "optimizer": "sgd", "learning_rate": 1e-3},
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 0, or 2 with a sentence if it cannot be done."""
    chosen = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run, finished = None, False
    try:
        from convbook.data.real import NotHere

        run = prepare(chosen)
        finished = run.go_on(chosen.minutes)
        _draw(run)
    except KeyboardInterrupt:  # before NotHere, which is not there yet where it comes early
        pass
    except (NotHere, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if run is None:
        print("stopped before the first step; the same command begins again")
        return 0
    end = f"{run.step} of {run.steps} steps; all is in {run.out}"
    print(end if finished else f"stopped after {end}; the same command goes on")
    return 0


def prepare(chosen: argparse.Namespace) -> Any:
    """Return the run that the arguments ask for, at its last checkpoint if it has one."""
    import keras

    from convbook.data.real import class_names
    from convbook.train.devices import share_out
    from convbook.train.run import Run

    plan = _plan(chosen)
    out = _folder(chosen.out)
    devices, scope = share_out(1 if plan.net == "detr" else chosen.devices)
    if plan.batch_size % len(devices):
        raise ValueError(
            f"A batch of {plan.batch_size} cannot be shared out among {len(devices)} devices: "
            "choose a multiple, or fewer --devices."
        )
    training, test = _batches(plan, chosen.workers, chosen.data_dir)
    classes = len(class_names(plan.data, chosen.data_dir))
    keras.utils.set_random_seed(plan.seed)
    keras.mixed_precision.set_global_policy(plan.precision)
    with scope:
        net = build(plan, classes)
        steps = plan.epochs * max(1, len(training.source) // plan.batch_size)
        net.compile(optimizer_of(plan, steps), jit_compile=keras.backend.backend() == "jax")
        net.optimizer.build(net.trainable_variables)  # else TensorFlow traces the step twice
    run = Run(net, training, test, plan, classes, out)
    there = run.resume()
    print(f"{plan.net} on {plan.data}: {len(training.source)} pictures, {run.steps} steps", end="")
    print(f" of {plan.batch_size}, on {', '.join(devices)}")
    if there:
        print(f"going on after step {run.step}")
    return run


def _batches(plan: Any, workers: int, data_dir: str | None) -> tuple[Any, Any]:
    """The batches of a plan, to learn from and to be judged on."""
    from convbook.data.batches import Batches
    from convbook.train.pictures import KEYS, MASK_KEYS, source

    drawn = plan.net == "mask_rcnn"
    pictures = {"size": plan.size, "seed": plan.seed, "places": plan.places, "masks": drawn}
    pictures |= {"workers": workers, "data_dir": data_dir}
    loaders = {"seed": plan.seed, "places": plan.places, "keys": MASK_KEYS if drawn else KEYS}
    loaders["workers"] = 1 if plan.data.startswith("digit") else 4
    training = source(plan.data, "train", count=plan.count, **pictures)
    test = source(plan.data, "test", count=plan.judged, **pictures)
    return (
        Batches(training, plan.batch_size, shuffle=True, **loaders),
        Batches(test, plan.batch_size, shuffle=False, **loaders),
    )


def _folder(name: str) -> Path:
    """The folder of a run, made where it is not there yet.

    Raises:
        ValueError: if there cannot be one.
    """
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{name} cannot be a folder ({error.strerror}): name another.") from None
    return folder


def build(plan: Any, classes: int) -> Any:
    """The net of a plan, with the weights it starts with."""
    from convbook.architectures import faster_rcnn

    if plan.net == "mask_rcnn":
        return _mask_rcnn(plan, classes)
    if plan.net == "detr":
        from convbook.architectures.detr import small_detr

        return small_detr((plan.size, plan.size), classes)
    if plan.net != "faster_rcnn":
        return _single_shot(plan, classes)
    if plan.size_of_net == "small":
        recipe = dataclasses.replace(faster_rcnn.SMALL, stride=plan.stride)
        return faster_rcnn.small_faster_rcnn((plan.size, plan.size), classes, recipe, plan.seed)
    net = faster_rcnn.vgg_faster_rcnn((plan.size, plan.size), classes, seed=plan.seed)
    if plan.start:
        _start(faster_rcnn.start_from_vgg16, net, plan.start)
    return net


def _start(give: Callable[[Any, str], None], net: Any, weights: str) -> None:
    """Give a net the weights it starts with.

    Raises:
        convbook.data.real.NotHere: if Keras cannot fetch them, or cannot read the file.
    """
    from convbook.data.real import NotHere

    try:
        give(net, weights)
    except Exception as error:
        # Keras raises a plain Exception where it cannot fetch, h5py an OSError for another file.
        if type(error) is not Exception and not isinstance(error, OSError):
            raise
        raise NotHere(
            f"The weights to start with, {weights}, cannot be had ({str(error).splitlines()[0]}): "
            "name a file of them by --start, or leave it out."
        ) from error


def _mask_rcnn(plan: Any, classes: int) -> Any:
    """The same for the net that draws masks."""
    from convbook.architectures import mask_rcnn

    size = (plan.size, plan.size)
    if plan.size_of_net == "published":
        net = mask_rcnn.resnet_mask_rcnn(size, classes, seed=plan.seed)
        if plan.start:
            _start(mask_rcnn.start_from_resnet50, net, plan.start)
        return net
    if plan.stride != 8:
        raise ValueError(f"stride is {plan.stride}: the small Mask R-CNN has maps of stride 8.")
    net = mask_rcnn.small_mask_rcnn(size, classes, seed=plan.seed)
    if plan.start:
        mask_rcnn.start_from_boxes(net, plan.start)
    return net


def _single_shot(plan: Any, classes: int) -> Any:
    """The same for the nets that need no proposals."""
    from convbook.architectures import single_shot

    size = (plan.size, plan.size)
    if plan.start:
        raise ValueError("SSD and YOLOv2 start from nothing here: leave --start out.")
    if plan.size_of_net == "small":
        build = single_shot.small_ssd if plan.net == "ssd" else single_shot.small_yolo
        return build(size, classes)
    if plan.net == "yolo":
        return single_shot.yolov2(classes, size)
    if plan.size != 300:
        raise ValueError(f"size is {plan.size}: SSD300 takes pictures of 300 pixels; --size 300.")
    return single_shot.ssd300(classes)


def _refuse_for_detr(chosen: argparse.Namespace, size_of_net: str) -> None:
    """Refuse what is not for DETR."""
    if size_of_net != "small":
        raise ValueError(
            "DETR is trained small here: the paper's took 300 epochs of COCO, three days on 16 "
            "GPUs; --net-size small."
        )
    if chosen.stride != 8 or chosen.start or chosen.precision != "float32":
        raise ValueError(
            "DETR reads the kept Faster R-CNN's maps, of stride 8, in float32: leave --stride, "
            "--start and --precision out."
        )


def _refuse_for_ssd(entry: Any) -> None:
    """Refuse scenes, which are never as large as SSD300's pictures."""
    if not entry.tfds and entry.kind == "detection":
        raise ValueError(
            f"SSD300 takes pictures of 300 pixels, and those of {entry.name} have 256 at most: "
            "choose photographs, as --data voc/2007, or --net-size small."
        )


def optimizer_of(plan: Any, steps: int) -> Any:
    """The optimizer: a rate that rises for a twentieth of the steps, then falls to zero.

    With ``sgd`` a published net's kernels decay as in its paper, and all weights of a small one as
    Keras has it: see `convbook.train.decay`.
    """
    import keras

    from convbook.train.decay import KERNEL_DECAY, DecayingSGD

    rising = max(1, steps // 20)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - rising), warmup_target=plan.learning_rate, warmup_steps=rising
    )
    if plan.optimizer == "adam":
        most = 1.0 if plan.net == "detr" else 10.0
        optimizer = keras.optimizers.Adam(rate, global_clipnorm=most)
    elif plan.size_of_net == "published":  # momentum as Ren 2015, section 3.1.3
        decay = KERNEL_DECAY[plan.net]
        optimizer = DecayingSGD(rate, decay, momentum=0.9, global_clipnorm=10.0)
    else:  # Keras's own decay, which spares no weight and goes past the momentum
        optimizer = keras.optimizers.SGD(
            rate, momentum=0.9, weight_decay=5e-4, global_clipnorm=10.0
        )
    if plan.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _plan(chosen: argparse.Namespace) -> Any:
    from convbook.data.catalogue import at_least_one, entry_of
    from convbook.train.run import Plan

    entry = entry_of(chosen.data)
    size_of_net = chosen.net_size or ("published" if entry.tfds else "small")
    settings = DEFAULTS[size_of_net] | {
        key: getattr(chosen, key) for key in DEFAULTS["small"] if getattr(chosen, key) is not None
    }
    if settings["size"] is None:
        # Photographs have the paper's size; embedded scenes are small.
        settings["size"] = (PUBLISHED_SIZES if entry.tfds else SCENE_SIZES)[chosen.net]
    if chosen.net == "ssd" and size_of_net == "published":
        _refuse_for_ssd(entry)
    if chosen.net == "detr":
        _refuse_for_detr(chosen, size_of_net)
    _check_start(chosen, size_of_net)
    plan = Plan(
        net=chosen.net,
        size_of_net=size_of_net,
        data=chosen.data,
        count=chosen.count,
        places=chosen.places or entry.places or 64,
        flip=bool(entry.tfds),
        epochs=chosen.epochs,
        precision=chosen.precision,
        seed=chosen.seed,
        steps_kept=chosen.save_every,
        epochs_judged=chosen.evaluate_every,
        judged=chosen.evaluate_on,
        start=chosen.start,
        stride=chosen.stride,
        **settings,
    )
    numbers = ("size", "count", "places", "batch_size", "epochs", "steps_kept", "epochs_judged")
    at_least_one(**{key: getattr(plan, key) for key in (*numbers, "judged")})
    return plan


def _check_start(chosen: argparse.Namespace, size_of_net: str) -> None:
    """Refuse what a small net cannot start from."""
    if not chosen.start or size_of_net != "small":
        return
    if chosen.net != "mask_rcnn":
        raise ValueError("The small net starts from nothing: leave --start out.")
    if chosen.start != "faster_rcnn":
        raise ValueError(
            f"start is {chosen.start}: the small Mask R-CNN starts from the book's faster_rcnn, or "
            "from nothing."
        )


def _draw(run: Any) -> None:
    """Draw the curve, where the means to draw are installed."""
    try:
        from convbook.drawing.training import draw_training
    except ImportError as missing:
        print(f"no drawing without {missing.name}: the numbers are in history.json")
        return
    if not run.history:
        return
    figure = draw_training(run.history).get_figure(root=True)
    if figure is not None:
        figure.savefig(run.out / "curve.svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m convbook.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("net", choices=NETS)
    add("--data", default="digit_scenes", help="digit_scenes, voc/2007, coco/2017 or another set")
    add("--out", required=True, help="folder for what is kept")
    add("--net-size", choices=tuple(DEFAULTS), help="small, or the published one (for photographs)")
    add("--start", default="", help=f"weights to start with: {STARTS}")
    add("--stride", type=int, choices=(4, 8), default=8, help="of the small net's maps, in pixels")
    add("--size", type=int, help="height and width of the pictures")
    add("--count", type=int, help="training pictures; the set's own number if left out")
    add("--places", type=int, help="objects a picture at most; more are left out")
    add("--batch-size", type=int, help="pictures a step, over all devices")
    add("--epochs", type=int, default=20)
    add("--minutes", type=float, help="stop after some time; the same command goes on later")
    add("--optimizer", choices=("adam", "sgd"), help=f"default: {OPTIMIZERS}")
    add("--learning-rate", type=float)
    precisions = ("float32", "mixed_float16", "mixed_bfloat16")
    add("--precision", choices=precisions, default="float32")
    add("--seed", type=int, default=0)
    add("--save-every", type=int, default=50, help="steps from one checkpoint to the next")
    add("--evaluate-every", type=int, default=1, help="epochs from one evaluation to the next")
    add("--evaluate-on", type=int, default=200, help="test pictures")
    add("--devices", type=int, help="at most so many; all if left out, one for detr")
    add("--workers", type=int, default=1, help="processes that make embedded pictures")
    add("--data-dir", help="TensorFlow Datasets' folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
