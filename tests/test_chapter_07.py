"""Chapter 07 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools
from typing import Any

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, run_chapter

from convbook.counting import count_multiplications
from convbook.nets import NETS

NAME = "07_efficient"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def of(run: Run, *names: str) -> list[Any]:
    return [run.names[name] for name in names]


def check_what_holds_at_every_scale(run: Run) -> None:
    check_groups(run)
    check_separable(run)
    check_the_way_from_inception(run)
    check_the_nets(run)
    for cell in (
        "picture",
        "groups-time",
        "ratio",
        "roofline",
        "nearest",
        "steps-figure",
        "bottleneck",
        "attention-train",
    ):
        assert run.figures[cell] == 1, cell
    assert run.figures["bubbles"] == 2


def check_groups(run: Run) -> None:
    """g groups: a g-th of weights and multiplications, and the function of a sparse full kernel."""
    groups, weights, work, errors = of(run, "GROUPS", "weights", "work", "errors")
    assert groups[0] == 1
    assert groups[-1] == 64
    for number in groups:
        assert weights[number] == 9 * 64 * 64 // number
        assert work[number] == 28 * 28 * weights[number]
        assert errors[number] < 1e-5
    assert run.names["same"] < 1e-5  # DepthwiseConv2D and groups=64
    results, (right, wrong) = of(run, "results", "order_errors")
    assert results["two groups"] == results["halves of neighbours"] == [11, 11, 1100, 1100]
    assert results["every second one (wrong)"] == [101, 101, 1010, 1010]
    assert results["depthwise, two per channel"] == [1, 2, 10, 20, 100, 200, 1000, 2000]
    assert right < 1e-3
    assert wrong > 1


def check_separable(run: Run) -> None:
    costs, ratios = of(run, "costs", "ratios")
    assert costs == {"full": 1_228_800, "depthwise": 4_800, "pointwise": 49_152}
    assert "by hand: 1228800 4800 49152\ncounted: 1228800 4800 49152" in run.printed["separable"]
    assert run.names["product_error"] < 1e-5
    for filters, values in ratios.items():
        expected = [1 / filters + 1 / side**2 for side in run.names["SIDES"]]
        np.testing.assert_allclose(values, expected)
    for multiplier, price in run.names["price"].items():
        assert price == pytest.approx(multiplier * (1 / 64 + 1 / 9))
    enlarged, multiplied = of(run, "enlarged", "multiplied")
    for groups, facts in enlarged.items():
        assert facts == ((11, 11, 12), 9 * 6 * 12 // groups, 25 * 9 * 6 * 12 // groups)
    for multiplier, facts in multiplied.items():
        assert facts == ((3, 3, 6 * multiplier), 54 * multiplier, 9 * 54 * multiplier)


def check_the_way_from_inception(run: Run) -> None:
    errors = run.names["step_errors"]
    steps = [name for name, error in errors.items() if error < 1e-4]
    assert [name[0] for name in steps] == ["2", "3", "4", "5"]
    assert errors["6, a ReLU in between"] > 0.1


def check_the_nets(run: Run) -> None:
    counts, differences = of(run, "counts", "differences")
    assert counts == {"Xception": 22_855_952, "MobileNetV2": 3_504_872}
    assert run.names["in_the_way"] == 36
    assert differences["Xception"] < 1e-5
    assert differences["Xception, one shortcut left out"] > 1e-2
    for gamma in (0.2, 5):
        assert differences[f"MobileNetV2, ours, gamma {gamma}"] < 1e-5
    assert differences["MobileNetV2, with ReLU, gamma 0.2"] < 1e-5  # the trap
    assert differences["MobileNetV2, with ReLU, gamma 5"] > 1e-2
    lost = list(run.names["lost"].values())
    assert lost == sorted(lost, reverse=True)
    facts = run.names["facts"]
    assert facts["MobileNetV2"].parameters == 3_504_872
    assert all(each.seconds > 0 for each in facts.values())
    assert "Sandler et al. 2018, arXiv:1801.04381, table 4" in run.printed["table"]


@pytest.mark.notebook
@pytest.mark.timeout(300)
def test_the_chapter_runs_and_holds_the_syllabus_numbers() -> None:
    check_what_holds_at_every_scale(smoke())


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims() -> None:
    run = run_chapter(NAME, "default")
    check_what_holds_at_every_scale(run)

    # Time falls less than multiplications do.
    seconds, work = of(run, "seconds", "work")
    assert seconds[64] > seconds["depthwise"]
    assert seconds["depthwise"] / seconds[1] > 2 * work[64] / work[1]
    assert run.names["gain"] < run.names["saving"] / 2
    moved = run.names["moved"]
    assert moved["full"] < 1.2 * moved["both"]
    multiplications, time = run.names["shares"]["depthwise 3x3"]
    assert time > 2 * multiplications
    machine, kinds = of(run, "machine", "kinds")
    assert all(each.intensity < machine.ridge for each in kinds["depthwise 3x3"])
    assert all(each.intensity > machine.ridge for each in kinds["full 3x3 (VGG-16)"])

    # At equal width the separable net is the weaker one; its kernels cannot be had afterwards.
    missed, losses = of(run, "missed", "losses")
    assert all(len(values) == 3 for values in [*missed.values(), *losses.values()])
    assert min(losses["separable"]) > 1.5 * max(losses["full"])
    assert np.mean(missed["separable"]) > np.mean(missed["full"])
    assert run.names["separable_verdicts"]["training loss"].verdict == "worse"
    nearest = run.names["nearest"]
    assert nearest[1] > 5 * missed["separable"][-1]
    assert nearest[9] == pytest.approx(missed["full"][-1])

    # Attention costs next to no multiplications; of its gain the page prints what came out.
    nets = run.names["nets"]
    work = {name: count_multiplications(net) for name, net in nets.items()}
    assert work["attentive"] < 1.1 * work["separable"]
    for what, verdict in run.names["attention_verdicts"].items():
        assert f"{what}, attentive against separable: {verdict}" in run.printed["attention-train"]

    facts = run.names["facts"]
    assert list(facts) == [net.name for net in NETS]
    plain, gated = facts["ResNet-50"], facts["SE-ResNet-50"]
    assert gated.parameters / plain.parameters == pytest.approx(1.1, abs=0.01)
    assert gated.multiplications / plain.multiplications < 1.001
    small, large = facts["MobileNetV2"], facts["VGG-16"]
    assert large.multiplications / small.multiplications > 50
    assert large.seconds / small.seconds < large.multiplications / small.multiplications / 2


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1610.02357", "1801.04381", "1709.01507", "CC BY-SA 3.0"):
        assert source in prose
