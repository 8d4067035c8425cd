"""Chapter 15 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import functools

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, Run, of, run_chapter
from scipy.spatial.transform import Rotation

from convbook.pose.keypoints import REFINEMENTS
from convbook.pose.rotations import WAYS
from convbook.pose.variants import VARIANTS, beliefs

NAME = "15_pose"


@functools.cache
def smoke() -> Run:
    return run_chapter(NAME)


def check_what_holds_at_every_scale(run: Run) -> None:
    check_the_heads(run)
    check_the_places(run)
    check_the_parts(run)
    check_the_people(run)
    for cell in (
        *("picture", "heads", "head-errors", "heads-wrong", "decoding", "skeleton", "machine"),
        *("beliefs", "hourglass-drawn", "curve", "candidates", "solve", "several-drawn"),
    ):
        assert run.figures[cell] == 1, cell


def check_the_heads(run: Run) -> None:
    errors, truth, yaw, seeds = of(run, "errors", "truth", "yaw", "SEEDS")
    assert list(errors) == list(WAYS)
    assert np.shape(errors["angles"]) == (len(seeds), len(yaw))
    turned = Rotation.from_matrix(truth).inv() * Rotation.from_matrix(
        run.names["answered"]["two columns"]
    )
    theirs = np.degrees(turned.magnitude())
    np.testing.assert_allclose(errors["two columns"][-1], theirs, atol=0.05)
    roll, pitch, _ = run.names["angles_test"].T
    drawn = Rotation.from_euler("ZYX", np.stack([roll, np.radians(yaw), pitch], 1)).as_matrix()
    np.testing.assert_allclose(truth, drawn, atol=1e-5)
    whole = run.names["by_place"]["angles"]["all round"]
    np.testing.assert_allclose(whole, np.mean(errors["angles"], axis=1))
    jumps = run.names["jumps"]
    seam, pole = jumps["yaw 179° and -179°"], jumps["yaw 90°: roll 20°, or pitch -20°"]
    assert seam["angles"] > 1.9
    assert max(seam["sine and cosine"], seam["two columns"]) < 0.1
    assert min(pole["angles"], pole["sine and cosine"]) > 0.1
    assert pole["two columns"] < 1e-4
    assert np.abs(run.names["made"] - run.names["by_hand_rotations"]).max() < 1e-4
    (_, one, _), (_, other, _) = run.names["shown_heads"][-2:]
    apart = (Rotation.from_matrix(one).inv() * Rotation.from_matrix(other)).magnitude()
    assert np.degrees(apart) == pytest.approx(2, abs=0.01)


def another_pck(run: Run, net, stage: int = -1) -> float:
    """PCK@0.2 by other code: each map's top by a fitted parabola, each joint by itself."""
    held_out = run.names["held_out"]
    maps = np.log(np.maximum(beliefs(net, held_out["image"])[stage], 1e-6))
    right = total = 0
    for n, k in zip(*np.nonzero(held_out["seen"]), strict=True):
        each = maps[n, ..., k]
        cell = np.unravel_index(each.argmax(), each.shape)
        place = np.array(cell, float)
        for axis in (0, 1):
            line = each[:, cell[1]] if axis == 0 else each[cell[0]]
            at = cell[axis]
            if 0 < at < 15:
                a, b, _ = np.polyfit([-1, 0, 1], line[at - 1 : at + 2], 2)
                place[axis] += 0 if a > -1e-9 else np.clip(-b / (2 * a), -0.5, 0.5)
        total += 1
        away = np.linalg.norm(4 * place + 1.5 - held_out["keypoints"][n, k])
        right += away <= 0.2 * held_out["scales"][n]
    return right / total


def check_the_places(run: Run) -> None:
    rounding = run.names["rounding"]
    assert np.abs(rounding["none"]).max() == pytest.approx(2, abs=0.1)
    assert np.abs(rounding["quarter"]).max() == pytest.approx(1, abs=0.1)
    assert np.abs(rounding["parabola"]).max() < 0.01
    stacked, machine, by_stack = of(run, "stacked", "machine", "by_stack")
    assert by_stack["pose machine"].shape == (len(run.names["PART_SEEDS"]), 3)
    assert by_stack["hourglasses, kept"].shape == (1, 2)
    for stage in (0, 1):
        ours = by_stack["hourglasses, kept"][0, stage]
        assert another_pck(run, stacked, stage) == pytest.approx(ours, abs=0.002)
    assert run.names["readings"]["parabola"][0] == by_stack["hourglasses, kept"][0, 1]
    assert another_pck(run, machine) == pytest.approx(by_stack["pose machine"][-1, -1], abs=0.002)
    assert run.names["same"] < 1e-5
    assert by_place_alone(run) == pytest.approx(run.names["answers_pck"]["always the mean place"])
    truth, said = np.full((1, 28), np.nan, "float32"), np.zeros((1, 28), "float32")
    assert float(run.names["number_error"](truth, said)) == 0
    assert float(run.names["number_error"](truth * 0 + 1, said)) == 0
    assert float(run.names["number_error"](np.ones((1, 28), "float32"), said)) == 1


def by_place_alone(run: Run) -> list[float]:
    """PCK@0.2 of the mean place, counted joint by joint."""
    train, held_out = of(run, "train", "held_out")
    right = []
    for n, k in zip(*np.nonzero(held_out["seen"]), strict=True):
        each = train["keypoints"][:, k]
        away = np.linalg.norm(
            each[np.isfinite(each[:, 0])].mean(axis=0) - held_out["keypoints"][n, k]
        )
        right.append(away <= 0.2 * held_out["scales"][n])
    return [float(np.mean(right))]


def check_the_parts(run: Run) -> None:
    """Each part is left out once; a stage without a loss has no number; the gap is of two runs."""
    for whole, stages in (("machine", 3), ("hourglass", 2)):
        tables, gap, compared = of(run, f"{whole}_parts", f"{whole}_gap", "COMPARED")
        assert list(tables) == [name for name in compared if name.split("_")[0] == whole]
        last = sorted(tables[whole][:, -1])
        assert gap == pytest.approx(last[-1] - last[0])
        lines = run.printed[f"{whole}-parts"].splitlines()
        assert f"{gap:.3f}" in lines[-1]
        for name, values in tables.items():
            assert values.shape == (len(last) if name == whole else 1, stages)
            (line,) = [line for line in lines if line.startswith(VARIANTS[name].what)]
            words = line.removeprefix(VARIANTS[name].what).split()
            if VARIANTS[name].every_loss:
                assert words[0] == f"{values[:, 0].mean():.3f}"
            else:
                assert words[:-1] == ["-"] * (stages - 1)
            if name != whole:
                assert words[-1] == f"{values[0, -1]:.3f}"


def check_the_people(run: Run) -> None:
    points, scores, scenes = of(run, "several_points", "several_scores", "judged")
    right = total = place = 0
    found = points["integer programme"]
    for scene in scenes:
        for person, length in enumerate(scene["scales"]):
            for joint in np.flatnonzero(scene["visibility"][person] == 2):
                away = np.linalg.norm(found[place, joint] - scene["keypoints"][person, joint])
                right += bool(away <= 0.2 * length)
                total += 1
            place += 1
    assert scores["integer programme"] == pytest.approx(right / total)
    assert max(scores.values()) == scores["any owner"]
    costs = run.names["by_cost"]
    assert costs["integer programme"] <= costs["greedy"] + 1e-9
    published = run.names["published"]
    machine, hourglass = published.values()
    assert [tuple(o.shape[1:]) for o in machine.outputs] == [(46, 46, 15)] * 6
    assert [tuple(o.shape[1:]) for o in hourglass.outputs] == [(64, 64, 16)] * run.names["STACKS"]
    assert run.printed["published"].split()[-2:] == ["160", "400"]  # Wei 2016, section 3.2
    assert len(run.printed["saw"].splitlines()) == 5


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
    assert (len(run.names["SEEDS"]), run.names["STACKS"]) == (3, 8)
    assert run.names["COMPARED"] == tuple(VARIANTS)
    # The loss of numbers meets joints outside the picture.
    assert not np.isfinite(run.names["targets"]).all()
    assert len(run.names["held_out"]["seen"]) == 300
    check_the_claims(run)


def check_the_claims(run: Run) -> None:
    """What the prose says of the default run."""
    check_the_claims_on_heads(run)
    verdict, answers = of(run, "map_verdict", "answers_pck")
    assert verdict.verdict == "level"
    assert min(answers["28 numbers"] + answers["14 maps"]) > answers["always the mean place"][0]
    none, quarter, parabola = (run.names["readings"][way] for way in REFINEMENTS)
    for place in (0, 1):
        assert none[place] < quarter[place] < parabola[place]
    machine, hourglass, stacked = of(run, "machine_parts", "hourglass_parts", "by_stack")
    assert stacked["hourglasses, kept"][0, 1] >= 0.9
    for values in (*machine["machine"], machine["machine_no_beliefs"][0]):
        assert values[1] > values[0]
    assert stacked["hourglasses, kept"][0, 1] > stacked["hourglasses, kept"][0, 0]
    gains = [np.diff(machine[name].mean(axis=0))[0] for name in ("machine_no_beliefs", "machine")]
    assert gains[0] > gains[1] / 2
    *_, second, third = machine["machine"].mean(axis=0)
    assert third < second + 0.02, "a third stage adds nothing"
    less = ("machine_no_beliefs", "machine_no_features", "machine_last_loss")
    last, whole = [machine[name][0, -1] for name in less], machine["machine"][:, -1].mean()
    assert min(last) < whole < max(last)
    assert len(run.names["PART_SEEDS"]) == 2
    whole = hourglass["hourglass"][:, -1]
    assert hourglass["hourglass_no_skip"][0, -1] < whole.min() - 0.1
    assert hourglass["hourglass_no_feedback"][0, -1] > whole.max()
    right, scores = of(run, "several_right", "several_scores")
    assert right["integer programme"] > right["greedy"] > right["nearest neck"]
    assert scores["nearest neck"] < min(scores["integer programme"], scores["greedy"])
    assert abs(scores["integer programme"] - scores["greedy"]) < 0.03
    found, true = of(run, "several_found", "true")
    assert min(found.values()) > len(true["scales"])


def check_the_claims_on_heads(run: Run) -> None:
    by_place, verdicts = of(run, "by_place", "head_verdicts")
    whole = {way: values["all round"] for way, values in by_place.items()}
    assert whole["angles"].min() > whole["two columns"].max()
    for where in ("near ±180°", "near ±90°", "near 0°"):
        assert by_place["angles"][where].mean() > by_place["two columns"][where].mean()
    assert verdicts["angles"].verdict == "worse"
    assert verdicts["sine and cosine"].verdict == "level"
    assert run.names["facing"]["angles"] > run.names["facing"]["two columns"]


def test_the_sources_of_its_numbers_are_named() -> None:
    book = nbformat.read(CHAPTERS / f"{NAME}.ipynb", as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1812.07035", "1602.00134", "1603.06937", "1605.03170", "1406.2984"):
        assert source in prose
