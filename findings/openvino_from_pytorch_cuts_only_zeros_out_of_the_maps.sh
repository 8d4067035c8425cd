#!/usr/bin/env bash
# OpenVINO 2026.4.1: roi_align of a PyTorch net, as torchvision calls it of itself, gives only zeros.
#
# Guess before it was run: `openvino.convert_model` of a PyTorch module gives PyTorch's numbers to a
# thousandth, or says which operation it cannot take: that of some 300 operations, each in its forms.
#
# Seen: most did, and some thirty were refused by name. Of `torchvision.ops.roi_align` with the
# sampling_ratio that it has unless told otherwise, -1 (as many points as the box asks for),
# every number that OpenVINO gives is 0, for every box, by tracing and by `torch.export`. With 0, which
# means the same and gives the same in PyTorch, all are right, and so are 1, 2 and 4.
# nn.Softplus loses its beta and its threshold where the module is traced: softplus of beta 100 is that
# of beta 1. By `torch.export` it keeps them. nn.AvgPool2d with padding and ceil_mode=True counts
# places past the padding in its last windows, either way. Nothing is said of any of it.
# Who meets it: whoever cuts boxes out of a net's maps for a second stage or for a head of his own
# (torchvision's Faster R-CNN asks for 2 and is right), and whoever has a softplus of another
# steepness, as nets of depth and of signed distances do. Way out: sampling_ratio=0; torch.export; and
# a padding in numbers before the pooling.
#
# Usage: findings/openvino_from_pytorch_cuts_only_zeros_out_of_the_maps.sh
#        (some minutes and, with PyTorch, much to download; uses pip)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv==0.13.9
"$folder/venv/bin/uv" pip install -q --python "$folder/venv/bin/python" \
    torch==2.15.0 torchvision==0.29.2 openvino==2026.4.1 numpy==2.4.6 packaging==26.4
cat >"$folder/seen.py" <<'PYTHON'
import numpy as np
import openvino
import torch
from torch import nn
from torchvision.ops import roi_align

core = openvino.Core()
maps = torch.rand(1, 4, 32, 32, generator=torch.Generator().manual_seed(0)) + 0.5
boxes = torch.tensor([[0, 0, 0, 30, 30], [0, 2.3, 1.2, 17.7, 22.5], [0, 5, 5, 9, 9]])
row = torch.linspace(-4, 4, 64).reshape(1, 1, 8, 8)
picture = maps[:, :, :8, :8]


class Cut(nn.Module):
    def __init__(self, **told):
        super().__init__()
        self.told = told

    def forward(self, x):
        return roi_align(x, boxes, 7, **self.told)


CASES = {  # module, input, and whether it is right when traced, when exported
    "roi_align": (Cut(), maps, (False, False)),
    "roi_align, aligned": (Cut(aligned=True), maps, (False, False)),
    "roi_align, sampling 0": (Cut(sampling_ratio=0), maps, (True, True)),
    "roi_align, sampling 2": (Cut(sampling_ratio=2), maps, (True, True)),
    "softplus": (nn.Softplus(), row, (True, True)),
    "softplus, beta 2": (nn.Softplus(2), row, (False, True)),
    "softplus, beta 100": (nn.Softplus(100), row, (False, True)),
    "mean, padding": (nn.AvgPool2d(3, 2, 1), picture, (True, True)),
    "mean, ceil": (nn.AvgPool2d(3, 2, ceil_mode=True), picture, (True, True)),
    "mean, padding, ceil": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), picture, (False, False)),
    "mean of what exists, padding, ceil": (
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), picture, (True, True)
    ),
}
print("OpenVINO", openvino.__version__.split("-")[0], "torch", torch.__version__.split("+")[0])
for name, (module, x, rights) in CASES.items():
    module.eval()
    true = module(x).numpy()
    ways = {
        "traced": lambda: openvino.convert_model(module, example_input=x),
        "exported": lambda: openvino.convert_model(torch.export.export(module, (x,))),
    }
    said = []
    for (way, convert), right in zip(ways.items(), rights):
        compiled = core.compile_model(convert(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = compiled(x.numpy())[0]
        assert found.shape == true.shape
        wrong = np.abs(found - true) > 1e-3
        zeros = ", all of it 0" if not found.any() else ""
        said.append(f"{way} {wrong.mean():.0%} wrong, by {np.abs(found - true).max():.2f}{zeros}")
        assert wrong.any() == (not right), "no longer as described above"
        if name.startswith("roi_align") and not right:
            assert zeros and true.min() > 0.2, "no longer as described above"
        if name.startswith("softplus") and not right:
            assert np.allclose(found, nn.Softplus()(x).numpy(), atol=1e-3), "that of beta 1"
        if name.startswith("mean") and not right:
            assert not wrong[:, :, :-1, :-1].any() and wrong[:, :, -1].all(), "the last windows"
    print(f"{name}:", "; ".join(said))
assert np.allclose(Cut()(maps), Cut(sampling_ratio=0)(maps)), "to PyTorch 0 is the same"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/seen.py" 2>"$folder/errors" ||
    { tail -3 "$folder/errors"; exit 1; }
