"""Chapter 09 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import keras
import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter

NAME = "09_upsampling"
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    check_interpolation(run)
    check_measures(run)
    check_transposed(run)
    check_checkerboard(run)
    check_other_ways(run)
    check_four_ways(run)
    for cell in (
        "picture",
        "grids",
        "interpolate",
        "cubics",
        "unpool",
        "scatter",
        "overlaps",
        "four",
        "espcn-table",
        "adversarial-figure",
    ):
        assert run.figures[cell] == 1, cell
    assert run.figures["spectrum"] == 2


def check_interpolation(run: Run) -> None:
    """The two grids, Keras's three methods, and the cubic that is named."""
    rows = run.names["rows_of_numbers"]
    assert rows["3 pixels, corners aligned"] == [0, 4, 8]  # (a + b) / 2 between a and b
    assert rows["4 pixels, half-pixel centres"] == [0, 2, 6, 8] == run.names["by_keras"]
    np.testing.assert_allclose(rows["4 pixels, corners aligned"], [0, 8 / 3, 16 / 3, 8], rtol=1e-6)
    for (method, factor), error in run.names["resize_errors"].items():
        assert error < (3e-3 if (method, factor) == ("bicubic", 3) else 1e-5), method
    assert run.names["cubic_apart"]["the step"] == pytest.approx(0.0369, abs=1e-4)
    assert run.names["cubic_apart"]["noise"] > 0.05
    assert run.names["pillow_apart"] < 1e-5
    traps = run.names["traps"]
    if ON_TENSORFLOW:  # the page says that others give other things
        wrong = [name for name, (expected, found) in traps.items() if abs(expected - found) > 0.01]
        assert len(wrong) == 4
        assert "sobel_edges of a flat picture, its largest value" not in wrong


def check_measures(run: Run) -> None:
    for name, (as_bytes, as_floats, ours, theirs) in run.names["measured"].items():
        assert as_floats == pytest.approx(theirs, abs=1e-3), name
        assert ours == pytest.approx(theirs, abs=1e-9), name
        if ON_TENSORFLOW:
            assert abs(as_bytes - theirs) > 0.1, name


def check_transposed(run: Run) -> None:
    """Unpooling; zeros between; scatter by hand, 3x3 to 5x5; the matrix; three ways."""
    assert run.names["back"].tolist() == [[0, 5, 0, 0], [0, 0, 0, 7], [6, 0, 8, 0], [0, 0, 0, 0]]
    assert "zeros between: [0, 0, 8] [0, 0, 0] [4, 0, 4]" in run.printed["zeros"]
    errors = run.names["zero_errors"]
    assert errors["tent", True] == errors["tent", False] == 0  # the tent is its own turn
    assert errors["random", True] < 1e-5
    assert errors["random", False] > 0.1
    assert run.names["total"].shape == (5, 5)
    assert run.names["scatter_error"] == 0
    assert run.names["matrix"].shape == (9, 25)
    assert run.names["matrix_error"] == 0
    assert run.names["undone"] > 1
    errors = run.names["ways_errors"]
    assert len(errors) == 15
    assert max(errors.values()) < 1e-5


def check_checkerboard(run: Run) -> None:
    counts, boards, peaks = of(run, "counts", "boards", "peaks")
    assert set(counts[3]) == {1, 2}
    assert counts[3][:3] in ([2, 1, 2], [1, 2, 1])
    assert set(counts[4]) == {2}
    assert boards["transposed 3x3, ones"][1] > 0.9
    assert boards["transposed 4x4, ones"][1] < 1e-3
    for kind in ("transposed 3x3, random", "transposed 4x4, random"):
        assert min(boards[kind]) > 0.1
    for kind in ("nearest, then 3x3, ones", "nearest, then 3x3, random"):
        assert max(boards[kind]) < 0.02
    assert peaks["kernel 3"] > 10
    assert peaks["kernel 4"] > 10
    assert peaks["resize first"] < 0.1


def check_other_ways(run: Run) -> None:
    """Sub-pixel as transposed, dilated by interleaving, shift and stitch as dilated, its cost."""
    assert run.names["shuffled"] == [[1, 2, 5, 6], [3, 4, 7, 8]]
    assert max(run.names["subpixel_errors"].values()) < 1e-5 * 3
    starts = run.names["starts"]
    assert starts["random"] > 0.1
    assert starts["ICNR"] < 1e-6
    assert list(run.names["dilated_errors"]) == [1, 2, 4, 8]
    assert max(run.names["dilated_errors"].values()) < 1e-5
    assert "interleaved 420 531 642 753 864   dilated 420 531 642 753 864" in run.printed["dilated"]
    assert "stitched: 3.0 5.0 8.0 13.0 21.0" in run.printed["stitch"]
    assert max(run.names["stitch_errors"].values()) < 1e-5
    assert run.names["passes"] == {2: 4, 4: 16, 8: 64, 16: 256, 32: 1024}


def check_four_ways(run: Run) -> None:
    quality, seconds, kept, work = of(run, "quality", "seconds", "kept", "work")
    ways = {"upsampling", "dilation", "shift and stitch", "skips", "longer"}
    assert set(quality) == ways
    assert set(seconds) == set(kept) == set(work) == ways - {"longer"}  # that of upsampling
    assert max(run.names["stitch_apart"]) < 1e-4
    assert quality["dilation"] == pytest.approx(quality["shift and stitch"], abs=1e-4)
    # Dilation keeps every number of every layer; shift and stitch does the work in many passes.
    assert kept["dilation"] > 5 * kept["upsampling"]
    assert kept["shift and stitch"] < 1.2 * kept["upsampling"]
    assert work["shift and stitch"] == 64 * work["upsampling"]
    assert work["upsampling"] < work["skips"] < work["dilation"] < work["shift and stitch"]
    assert run.names["times"] == pytest.approx(1.5, abs=0.1)  # half as much again


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
    check_the_four_ways_that_were_trained(run)
    check_super_resolution(run)


def check_the_four_ways_that_were_trained(run: Run) -> None:
    """Dilation is ahead of interpolation; in the mean skips are ahead of their control."""
    quality, seconds, gained = of(run, "quality", "seconds", "gained")
    assert all(len(values) == 3 for values in quality.values())
    nothing = np.mean([np.mean(run.names["y_test"] == 0), 0])
    for values in quality.values():
        assert min(values) > nothing + 0.02  # all called ground
    verdicts = run.names["verdicts"]
    assert verdicts["upsampling", "dilation"].verdict == "better"
    assert verdicts["longer", "skips"].verdict == "level"
    assert min(gained["upsampling", "dilation"]) > 0.01
    assert min(gained["upsampling", "longer"]) > 0
    assert np.mean(gained["longer", "skips"]) > 0
    # The larger part of the skips' lead is longer training.
    assert np.mean(gained["upsampling", "longer"]) > np.mean(gained["longer", "skips"])
    for (one, other), verdict in verdicts.items():
        assert f"{other} against {one}, missing to 1: {verdict}" in run.printed["four"]
    assert seconds["shift and stitch"] == max(seconds.values())
    assert seconds["shift and stitch"] > 5 * seconds["dilation"]


def check_super_resolution(run: Run) -> None:
    """ESPCN is better than bicubic by a margin, on photographs it has not seen, at every seed."""
    over, gains, verdict_of = of(run, "over_bicubic", "gains", "verdict_of")
    assert over.shape == (3, 2)
    assert len(gains) == 11
    assert over[:, 0].min() > 0.25  # decibels
    assert over[:, 1].min() > 0.01  # SSIM
    assert over[:, 0].min() > 5 * np.ptp(over[:, 0])  # far more than the seeds differ
    for name, (decibels, similarity) in gains.items():
        assert decibels > 0, name
        assert similarity > 0, name
    assert max(gains, key=lambda name: gains[name][0]) == "brick"
    assert min(gains, key=lambda name: gains[name][0]) == "rocket"
    kinds = ["bicubic", "small SRResNet", "no shortcuts", "no shuffle"]
    kinds += ["all three losses", "no adversarial loss", "no perceptual loss"]
    assert list(verdict_of) == kinds
    decibels = {name: numbers[0] for name, numbers in verdict_of.items()}
    share = {name: numbers[2] for name, numbers in verdict_of.items()}
    pattern = {name: numbers[3] for name, numbers in verdict_of.items()}
    error = {name: numbers[4] for name, numbers in verdict_of.items()}
    small, bicubic, all_three = (verdict_of[name] for name in (kinds[1], kinds[0], kinds[4]))
    assert small[0] > bicubic[0] + 0.2
    assert small[1] > bicubic[1]  # SSIM
    assert small[2] > bicubic[2] + 0.05
    assert small[4] < bicubic[4]  # the features' error
    for name in ("no shortcuts", "no shuffle"):
        assert abs(decibels[name] - small[0]) < 0.35
        assert pattern[name] < 2 * run.names["own_pattern"]
    assert pattern["small SRResNet"] < 2 * run.names["own_pattern"] < 0.1
    # The trade: more detail, further from the truth.
    assert all_three[0] < small[0]
    assert all_three[1] < small[1]
    assert all_three[4] > small[4]
    # Most of the new detail is the adversarial loss's doing.
    new = {name: value - share["small SRResNet"] for name, value in share.items()}
    assert new["all three losses"] > 0.03
    assert new["no adversarial loss"] < 0.5 * new["all three losses"]
    assert abs(decibels["no adversarial loss"] - small[0]) < 0.15
    # The perceptual loss holds pictures near what a net sees.
    assert error["no perceptual loss"] > error["all three losses"]
    assert decibels["no perceptual loss"] < decibels["all three losses"]


def test_the_sources_of_its_numbers_and_the_photographs_licences_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1603.07285", "1609.05158", "1609.07009", "1609.04802", "1411.4038"):
        assert source in prose
    for owner in ("Buechele", "vultilion", "van der Walt", "Michetti", "NASA", "Middlebury"):
        assert owner in prose
