"""The book's nets on a GPU, training and inference, beside torchvision's under `torch.compile`.

Each side runs in a process and with packages of its own, on the same GPU, one after the other:

    KERAS_BACKEND=jax python -m bench.gpu measure book --out gpu-book.json
    python -m bench.gpu measure torchvision --out gpu-torchvision.json
    python -m bench.gpu report gpu-book.json gpu-torchvision.json

The first needs keras and jax with CUDA, the second torch and torchvision; the third writes
bench/gpu.md. Both sides compute in bfloat16 with float32 weights, on random pictures that are on
the GPU already, with cross-entropy and SGD with momentum. A time is the median of several rounds,
each of several steps between two synchronisations. Both sides are rated by the same count of
multiplications, the book's own; where the two nets differ, a count of its own is kept for each.
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import textwrap
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NETS = ("alexnet", "vgg16", "googlenet", "resnet50", "mobilenet_v2")
ROUNDS, STEPS, WARM = 7, 10, 5
DATASHEET_PEAK = 989e12  # operations a second: H100/H200 SXM, dense bfloat16
MATRIX = 8192  # side of the matrices whose product gives the rate that can be had


def median_seconds(step, wait):
    """Seconds of one step: median and spread over ROUNDS, each the mean of STEPS."""
    for _ in range(WARM):
        step()
    wait()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(STEPS):
            step()
        wait()
        times.append((time.perf_counter() - start) / STEPS)
    return {"seconds": statistics.median(times), "least": min(times), "most": max(times)}


# --- the book's nets, Keras on JAX


def book_net(name):
    from convbook.architectures import classic, efficient, inception, residual

    builders = {
        "alexnet": classic.alexnet,
        "vgg16": lambda: classic.vgg("D"),
        "googlenet": inception.googlenet,
        "resnet50": lambda: residual.resnet((3, 4, 6, 3)),
        "mobilenet_v2": efficient.mobilenet_v2,
    }
    return builders[name]()


class BookSide:
    """Keras's stateless interface, one compiled step."""

    def __init__(self):
        import jax
        import keras

        self.jax, self.keras = jax, keras
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        keras.utils.set_random_seed(2016)

    def versions(self):
        names = ("keras", "jax")
        return {name: importlib.metadata.version(name) for name in names}

    def matrix_rate(self):
        jnp = self.jax.numpy
        key = self.jax.random.key(0)
        a, b = self.jax.random.normal(key, (2, MATRIX, MATRIX), dtype=jnp.bfloat16)
        product = self.jax.jit(lambda a, b: a @ b)
        last = []

        def step():
            last[:] = [product(a, b)]

        return median_seconds(step, lambda: self.jax.block_until_ready(last))

    def measure(self, name, batch):
        from convbook.counting import blueprint, count_multiplications

        jax, keras = self.jax, self.keras
        count = count_multiplications(blueprint(book_net, name))
        net = book_net(name)
        size, classes = net.input_shape[1], net.output_shape[-1]
        pictures = jax.random.normal(jax.random.key(1), (batch, size, size, 3))
        labels = jax.random.randint(jax.random.key(2), (batch,), 0, classes)
        predict = jax.jit(lambda t, n, x: net.stateless_call(t, n, x, training=False)[0])
        trainable = [v.value for v in net.trainable_variables]
        others = [v.value for v in net.non_trainable_variables]
        last = []

        def infer():
            last[:] = [predict(trainable, others, pictures)]

        inference = median_seconds(infer, lambda: jax.block_until_ready(last))

        optimizer = keras.optimizers.SGD(1e-4, momentum=0.9)
        optimizer.build(net.trainable_variables)
        loss = keras.losses.SparseCategoricalCrossentropy()

        def losses(t, n, x, y):
            prediction, n = net.stateless_call(t, n, x, training=True)
            return loss(y, prediction), n

        @jax.jit
        def train(state, x, y):
            t, n, o = state
            (value, n), gradients = jax.value_and_grad(losses, has_aux=True)(t, n, x, y)
            t, o = optimizer.stateless_apply(o, gradients, t)
            return value, (t, n, o)

        state = [trainable, others, [v.value for v in optimizer.variables]]

        def step():
            value, state[:] = train(state, pictures, labels)
            last[:] = [value]

        training = median_seconds(step, lambda: jax.block_until_ready(last))
        return {
            "size": size,
            "multiplications": count,
            "inference": inference,
            "training": training,
        }


# --- torchvision's, compiled


class TorchvisionSide:
    """torchvision's nets of the same names, channels last, autocast, `torch.compile`."""

    def __init__(self):
        import torch

        self.torch = torch
        torch.manual_seed(2016)
        torch.backends.cudnn.benchmark = True

    def versions(self):
        return {name: importlib.metadata.version(name) for name in ("torch", "torchvision")}

    def matrix_rate(self):
        torch = self.torch
        a, b = torch.randn(2, MATRIX, MATRIX, device="cuda", dtype=torch.bfloat16)
        return median_seconds(lambda: a @ b, torch.cuda.synchronize)

    def net(self, name):
        import torchvision

        options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        net = getattr(torchvision.models, name)(weights=None, **options)
        return net.cuda().to(memory_format=self.torch.channels_last)

    def multiplications(self, net, size):
        """Count one picture's, of convolutions and dense layers alone, as the book does."""
        torch, counts, handles = self.torch, [], []

        def hear(layer, inputs, output):
            weight = layer.weight
            per_place = weight[0].numel()
            counts.append(per_place * output[0].numel())

        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
                handles.append(layer.register_forward_hook(hear))
        with torch.no_grad():
            net.eval()(torch.zeros(1, 3, size, size, device="cuda"))
        for handle in handles:
            handle.remove()
        return sum(counts)

    def measure(self, name, batch):
        torch, size = self.torch, 224
        net = self.net(name)
        count = self.multiplications(net, size)
        pictures = torch.randn(batch, 3, size, size, device="cuda")
        pictures = pictures.to(memory_format=torch.channels_last)
        labels = torch.randint(0, 1000, (batch,), device="cuda")
        compiled = torch.compile(net)

        def infer():
            with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
                compiled(pictures)

        net.eval()
        inference = median_seconds(infer, torch.cuda.synchronize)
        net.train()
        optimizer = torch.optim.SGD(net.parameters(), 1e-4, momentum=0.9, fused=True)

        def step():
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16):
                loss = torch.nn.functional.cross_entropy(compiled(pictures), labels)
            loss.backward()
            optimizer.step()

        training = median_seconds(step, torch.cuda.synchronize)
        return {
            "size": size,
            "multiplications": count,
            "inference": inference,
            "training": training,
        }


# --- the two together


def measure(side, nets, batch, out):
    bench = {"book": BookSide, "torchvision": TorchvisionSide}[side]()
    found = {"side": side, "batch": batch, "versions": bench.versions(), "nets": {}}
    found["matrix"] = bench.matrix_rate()
    for name in nets:
        start = time.perf_counter()
        found["nets"][name] = bench.measure(name, batch)
        found["nets"][name]["with compiling"] = time.perf_counter() - start
        Path(out).write_text(json.dumps(found, indent=1))  # kept though a later net fails
        print(f"{side} {name}: {json.dumps(found['nets'][name])}", flush=True)


def table(book, other, work):
    """Rows of one kind of work; training counts three passes, forwards and twice backwards."""
    passes = 3 if work == "training" else 1
    yield f"## {work.capitalize()}"
    yield ""
    yield "| | pictures a second, the book | torchvision | ratio | of peak: book | torchvision |"
    yield "|---|---:|---:|---:|---:|---:|"
    for name, ours in book["nets"].items():
        theirs = other["nets"][name]
        rates = [
            side["batch"] / net[work]["seconds"] for side, net in ((book, ours), (other, theirs))
        ]
        counts = [2 * passes * net["multiplications"] for net in (ours, theirs)]
        peaks = [rate * count / DATASHEET_PEAK for rate, count in zip(rates, counts, strict=True)]
        yield (
            f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {rates[0] / rates[1]:.2f} "
            f"| {peaks[0]:.1%} | {peaks[1]:.1%} |"
        )
    yield ""


def report(book_file, other_file, device):
    book, other = (json.loads(Path(name).read_text()) for name in (book_file, other_file))
    versions = ", ".join(f"{k} {v}" for side in (book, other) for k, v in side["versions"].items())
    rates = [2 * MATRIX**3 / side["matrix"]["seconds"] / 1e12 for side in (book, other)]
    widest = max(
        net[work]["most"] / net[work]["least"]
        for side in (book, other)
        for net in side["nets"].values()
        for work in ("inference", "training")
    )
    text = (
        f"{versions}. Batches of {book['batch']}, bfloat16 with float32 weights; both sides on one "
        f"machine, one after the other: medians of {ROUNDS} rounds of {STEPS} steps. The slowest "
        f"round of a net took at most {widest:.2f} times its fastest. Peak: 989 TFLOP/s by the "
        f"datasheet; a product of two {MATRIX} x {MATRIX} matrices reached {rates[0]:.0f} (JAX), "
        f"{rates[1]:.0f} (PyTorch). Made by bench/gpu.py."
    )
    lines = [
        f"The book's nets (Keras on JAX) beside torchvision's under `torch.compile`, on {device}.",
        "",
        *textwrap.wrap(text, 100),
        "",
        *table(book, other, "training"),
        *table(book, other, "inference"),
    ]
    for name, ours in book["nets"].items():
        theirs = other["nets"][name]
        if ours["multiplications"] != theirs["multiplications"]:
            lines.append(
                f"- {name}: {ours['multiplications']:,} multiplications a picture in the book's at "
                f"{ours['size']} x {ours['size']}, {theirs['multiplications']:,} in "
                f"torchvision's at {theirs['size']} x {theirs['size']}: not the same net."
            )
    (ROOT / "bench" / "gpu.md").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("side", choices=("book", "torchvision"))
    one.add_argument("--nets", nargs="+", choices=NETS, default=NETS)
    one.add_argument("--batch", type=int, default=256)
    one.add_argument("--out", required=True)
    both = commands.add_parser("report")
    both.add_argument("files", nargs=2)
    both.add_argument("--device", default="one NVIDIA H200")
    given = parser.parse_args()
    if given.command == "report":
        report(*given.files, given.device)
        return
    os.environ.setdefault("KERAS_BACKEND", "jax")
    measure(given.side, given.nets, given.batch, given.out)


if __name__ == "__main__":
    main()
