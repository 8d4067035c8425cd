#!/usr/bin/env bash
# thop 0.1.1 and torchinfo 1.8.0 count a transposed convolution of stride 2 four times, attention not.
#
# Guess before it was run: five counters of multiply-adds give one number for a transposed
# convolution, input positions x kernel x channels in x channels out, and one for attention.
#
# Seen: all five agree on a convolution, grouped too, and on a transposed one of stride 1. At stride 2
# thop and torchinfo go by the output's positions and give 4 times as many (stride squared), without
# a word; fvcore 0.1.5, ptflops 0.7.5 and PyTorch's own FlopCounterMode give the true number. Of
# nn.MultiheadAttention thop and torchinfo count nothing at all, and ptflops, unless its backend is
# "aten", half as much again as there is.
# Who meets it: whoever compares decoders (U-Net's upsampling against resizing and a convolution) or
# a transformer with a convolutional net by the numbers of these tools.
#
# Usage: findings/counters_of_multiplications_disagree_on_transposed_convolution.sh
#        (some minutes and, with PyTorch, much to download; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv==0.13.9
"$folder/venv/bin/uv" pip install -q --python "$folder/venv/bin/python" \
    torch==2.15.0 numpy==2.4.6 thop==0.1.1.post2209072238 \
    torchinfo==1.8.0 fvcore==0.1.5.post20221221 ptflops==0.7.5
cat >"$folder/seen.py" <<'PYTHON'
import fvcore.nn
import ptflops
import thop
import torch
import torchinfo
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Itself(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True, bias=False)

    def forward(self, x):
        return self.attention(x, x, x)[0]


def by_torch(net, x):
    with FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops() // 2


def by_ptflops(net, x, backend):
    shape = tuple(x.shape[1:])
    quiet = {"as_strings": False, "print_per_layer_stat": False, "backend": backend}
    return ptflops.get_model_complexity_info(net, shape, **quiet)[0]


COUNTERS = {
    "PyTorch": by_torch,
    "fvcore": lambda n, x: fvcore.nn.FlopCountAnalysis(n, x).unsupported_ops_warnings(False).total(),
    "ptflops": lambda n, x: by_ptflops(n, x, "pytorch"),
    "ptflops, aten": lambda n, x: by_ptflops(n, x, "aten"),
    "thop": lambda n, x: thop.profile(n, inputs=(x,), verbose=False)[0],
    "torchinfo": lambda n, x: torchinfo.summary(n, input_data=x, verbose=0).total_mult_adds,
}
image, row = (1, 16, 16, 16), (1, 50, 32)
nets = {  # and the true number
    "convolution": (lambda: nn.Conv2d(16, 8, 3, padding=1, bias=False), image, 256 * 9 * 16 * 8),
    "transposed, stride 1": (
        lambda: nn.ConvTranspose2d(16, 8, 3, padding=1, bias=False), image, 256 * 9 * 16 * 8
    ),
    "transposed, stride 2": (
        lambda: nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1, bias=False),
        image,
        256 * 16 * 16 * 8,
    ),
    "attention": (Itself, row, 4 * 50 * 32 * 32 + 2 * 50 * 50 * 32),
}
found = {}
for name, (make, shape, true) in nets.items():
    x = torch.zeros(shape)
    found[name] = {who: round(count(make().eval(), x) / true, 2) for who, count in COUNTERS.items()}
    print(f"{name}, of {true:,}:", ", ".join(f"{who} {part}" for who, part in found[name].items()))
one = dict.fromkeys(COUNTERS, 1.0)
assert found["convolution"] == found["transposed, stride 1"] == one
assert found["transposed, stride 2"] == one | {"thop": 4.0, "torchinfo": 4.0}
assert found["attention"] == one | {"thop": 0.0, "torchinfo": 0.0, "ptflops": 1.5}
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/seen.py" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
