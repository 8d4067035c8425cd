"""Chapter 07 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter

from convbook.counting import count_multiplications
from convbook.nets import NETS

NAME = "07_efficient"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    check_groups(run)
    check_separable(run)
    check_the_way_from_inception(run)
    check_the_nets(run)
    for cell in (
        "picture",
        "groups-figure",
        "ratio",
        "roofline",
        "nearest",
        "extreme",
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
    assert right < 1e-5
    assert wrong > 0.3


def check_separable(run: Run) -> None:
    costs, ratios = of(run, "costs", "ratios")
    assert costs == {"full": 1_228_800, "depthwise": 4_800, "pointwise": 49_152}
    assert "by hand: 1228800 4800 49152\ncounted: 1228800 4800 49152" in run.printed["separable"]
    assert run.names["product_error"] < 1e-5
    for filters, values in ratios.items():
        expected = [1 / filters + 1 / side**2 for side in run.names["SIDES"]]
        np.testing.assert_allclose(values, expected)
    assert "1x1: 1.062 for 16 filters" in run.printed["ratio"]  # nothing to save
    for multiplier, price in run.names["price"].items():
        assert price == pytest.approx(multiplier * (1 / 64 + 1 / 9))
    enlarged, multiplied = of(run, "enlarged", "multiplied")
    for groups, facts in enlarged.items():
        assert facts == ((11, 11, 12), 9 * 6 * 12 // groups, 25 * 9 * 6 * 12 // groups)
    for multiplier, facts in multiplied.items():
        assert facts == ((3, 3, 6 * multiplier), 54 * multiplier, 9 * 54 * multiplier)


def check_the_way_from_inception(run: Run) -> None:
    errors = run.names["step_errors"]
    same = [name for name, error in errors.items() if error < 1e-5]
    assert [name[0] for name in same] == ["2", "3", "4", "5"]
    unlike = set(errors) - set(same)
    assert unlike == {"3 with the filters of thirds exchanged", "6, a ReLU in between"}
    assert all(errors[name] > 0.1 for name in unlike)


def check_the_nets(run: Run) -> None:
    counts, differences = of(run, "counts", "differences")
    assert counts == {"Xception": 22_855_952, "MobileNetV2": 3_504_872}
    assert run.names["in_the_way"] == 36
    sizes = "299x299x3, 1 of 74x74x128, 1 of 37x37x256, 9 of 19x19x728, 1 of 10x10x1024"
    assert sizes in run.printed["xception-check"]  # Chollet 2017, figure 5
    assert differences["Xception"] < 1e-5
    assert differences["Xception, one shortcut left out"] > 1e-2
    for gamma in (0.2, 5):
        assert differences[f"MobileNetV2, ours, gamma {gamma}"] < 1e-5
    assert differences["MobileNetV2, with ReLU, gamma 0.2"] < 1e-5  # the trap
    assert differences["MobileNetV2, with ReLU, gamma 5"] > 1e-2
    assert run.names["reaching"][0.2] < 6 < run.names["reaching"][5]
    for n, share in run.names["gone"].items():  # fewer than two of n numbers are positive
        assert share == pytest.approx((n + 1) / 2**n, abs=0.05)
    facts = run.names["facts"]
    assert facts["MobileNetV2"].parameters == 3_504_872
    assert all(each.seconds > 0 for each in facts.values())
    assert "Sandler et al. 2018, arXiv:1801.04381, table 4" in run.printed["table"]


def check_verdicts(run: Run) -> None:
    """What the page prints of two nets follows from the losses and errors of their seeds."""
    printed = run.printed["train-table"] + run.printed["attention-train"]
    for first, second in [
        ("full", "separable"),
        ("full", "wide separable"),
        ("separable", "attentive"),
    ]:
        for what, values in [("training loss", "losses"), ("missed (%)", "missed")]:
            one, other = (np.array(run.names[values][name]) for name in (first, second))
            away = other.mean() - one.mean()
            level = abs(away) <= max(np.ptp(one), np.ptp(other))
            word = "level" if level else "worse" if away > 0 else "better"
            (line,) = [
                line
                for line in printed.splitlines()
                if line.startswith(f"{what}, {second} against {first}: {away:+.4f}")
            ]
            assert line.endswith(word)


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
    percent, clock, moved, shares = of(run, "percent", "clock", "moved", "shares")
    assert percent["depthwise"] > 2 * 100 / 64
    assert min(percent[64], percent["by XLA"]) > 3 * percent["depthwise"]  # the compiler's doing
    assert run.names["gain"] < run.names["saving"] / 2
    assert 0.9 < moved["zeros"] / moved["full"] < 1  # next to nothing to save
    assert 0.9 < moved["full"] / moved["both"] < 1
    call = run.names["call"]
    assert clock["zeros"] + 2 * call > 0.5 * clock["both"]  # most of it is writing and being called
    assert clock["zeros"] + call < 0.4 * clock["full"]
    assert clock["both, 1 picture"] > 1.3 * clock["full, 1 picture"]  # a second call
    depthwise = {what: pair[0] for what, pair in shares.items()}
    work, roof = depthwise["multiplications"], depthwise["time by the roof"]
    assert work < depthwise["the same, a tenth of the arithmetic"] < roof
    assert min(roof, depthwise["time"]) > 2 * work
    machine, kinds = of(run, "machine", "kinds")
    assert all(each.intensity < machine.ridge for each in kinds["depthwise 3x3"])
    assert all(each.intensity > machine.ridge for each in kinds["full 3x3 (VGG-16)"])

    # At equal width the separable net is the weaker one; its kernels cannot be had afterwards.
    missed, losses = of(run, "missed", "losses")
    assert all(len(values) == 3 for values in [*missed.values(), *losses.values()])
    assert min(losses["separable"]) > 1.5 * max(losses["full"])
    verdicts = run.names["verdicts"]
    assert verdicts["training loss", "separable"].verdict == "worse"
    assert verdicts["missed (%)", "separable"].verdict == "worse"
    # At equal work it fits as well, and reads no better.
    nets = run.names["nets"]
    work = {name: count_multiplications(net) for name, net in nets.items()}
    assert work["wide separable"] == pytest.approx(work["full"], rel=0.05)
    assert verdicts["training loss", "wide separable"].verdict == "level"
    assert verdicts["missed (%)", "wide separable"].verdict != "better"
    check_verdicts(run)

    # Made separable: with four windows the normalisations are at fault, with one the window.
    stale, nearest, held = of(run, "stale", "nearest", "held")
    assert all(held[m] < held[m + 1] for m in range(1, 9))
    assert held[1] < 0.5
    assert held[9] == pytest.approx(1, abs=1e-4)
    assert stale[4] > 3 * nearest[4]
    assert nearest[1] > 5 * np.mean(missed["separable"])
    assert stale[9] == pytest.approx(np.mean(missed["full"]), abs=0.1)
    assert nearest[9] == pytest.approx(np.mean(missed["full"]), abs=0.5)

    # Attention costs next to no multiplications, and more than nothing in time.
    assert work["attentive"] < 1.1 * work["separable"]

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
