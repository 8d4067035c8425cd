"""Chapter 04 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import contextlib
import io
import json
from typing import Any

import nbformat
import numpy as np
import pytest
from chapter_run import CHAPTERS, run_chapter

CHAPTER = CHAPTERS / "04_residual.ipynb"

# What a test asks for after the last cell, with the chapter's names.
QUESTIONS = """
import json
print(json.dumps({
    "counts": {str(depth): count for depth, count in counts.items()},
    "differences": [float(differences[size]) for size in sorted(differences, reverse=True)],
    "losses": {name: [nets[SHALLOW].losses.tolist(), nets[DEEP].losses.tolist()]
               for name, nets in {"plain": plain, "adam": adam, "residual": residual}.items()},
    "verdicts": {name: found.verdict for name, found in verdicts.items()},
    "copied": float(np.abs(np.subtract(*copied.values())).max()),
    "added": len(deepened) - len(plain[SHALLOW].net.layers),
    "parameters": [count_parameters(nets[DEEP].net) for nets in (plain, residual)],
    "lesions": [[whole.tolist(), without.tolist()] for whole, without in lesions.values()],
    "inserted": list(inserted.values()),
    "shortcuts": [list(row) for row in shortcuts],
    "gradients": {str(d): float(np.median(lengths)) for d, lengths in by_depth.items()},
    "ways": {name: float(np.median(lengths)) for name, lengths in ways.items()},
    "directions": {name: [float(c) for c in cosines] for name, cosines in left.items()},
    "sizes": {name: [float(max(n)), float(min(n))] for name, n in sizes.items()},
    "growth": growth["bare"],
    "power": float(power),
    "costs": [costs["basic", 64], costs["bottleneck", 256], costs["basic", 256]],
    "decays": list(decays.values()),
    "rates": [float(rate) for rate in recipe["learning_rate"]],
}))
"""


def run(scale: str) -> tuple[dict[str, Any], str]:
    """Run the chapter; return the answers to the questions and all that it printed."""
    chapter = run_chapter(CHAPTER.stem, scale)
    assert sum(chapter.figures.values()) >= 14
    asked = io.StringIO()
    with contextlib.redirect_stdout(asked):
        exec(QUESTIONS, chapter.names)
    return json.loads(asked.getvalue()), "\n".join(chapter.printed.values())


def check_what_holds_at_every_scale(answers: dict[str, Any], printed: str) -> None:
    assert answers["counts"] == {
        "18": 11_689_512,
        "34": 21_797_672,
        "50": 25_557_032,
        "101": 44_549_160,
        "152": 60_192_808,
    }
    assert "60,192,808  [112, 56, 28, 14, 7]" in printed
    assert "(3, 3, 5, 2) with a first block apart is (3, 4, 6, 3)" in printed
    assert "(3, 3, 22, 2) with a first block apart is (3, 4, 23, 3)" in printed
    assert "(3, 7, 35, 2) with a first block apart is (3, 8, 36, 3)" in printed
    assert answers["differences"][0] < 1e-5
    assert answers["copied"] < 1e-4, "the deeper plain net that is as good exists"
    assert answers["added"] > 0
    assert answers["parameters"][0] == answers["parameters"][1]
    handed_on = {row[0]: row[-1] for row in answers["shortcuts"]}
    assert handed_on["identity"] == handed_on["zero-padded"] == "0.00"
    assert "0.00" not in (handed_on["projection"], handed_on["none (plain)"])
    before, closed, _ = answers["inserted"]
    assert closed == before
    gradients = list(answers["gradients"].values())
    assert gradients == sorted(gradients, reverse=True)
    # After one block a plain net has lost the error's direction, a pre-activated one hardly; in a
    # stack of four blocks the top one's input has not grown much beside its branch.
    plain, residual, preactivated = (values[0] for values in answers["directions"].values())
    assert abs(plain) < 0.1 < 0.5 < residual < preactivated
    # The decay: the paper's and ten times the number agree, the same number does not.
    paper, same_number, ten_times = answers["decays"]
    assert abs(ten_times - paper) < 2e-3 < 0.01 < same_number - paper
    # 3x3 layers at 56x56 by hand: two on 64 channels; 1x1, 3x3, 1x1; two on 256.
    pixels = 56 * 56
    assert answers["costs"] == [
        pixels * 2 * 9 * 64 * 64,
        pixels * (256 * 64 + 9 * 64 * 64 + 64 * 256),
        pixels * 2 * 9 * 256 * 256,
    ]
    assert answers["rates"][0] == pytest.approx(0.1)


@pytest.mark.notebook
def test_the_chapter_runs_and_holds_the_syllabus_numbers():
    check_what_holds_at_every_scale(*run("smoke"))


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims():
    answers, printed = run("default")
    check_what_holds_at_every_scale(answers, printed)

    # Degradation: last training loss over three seeds, deeper against shallower.
    residual = answers["verdicts"].pop("residual")
    assert answers["verdicts"] == {"plain": "worse", "plain, Adam": "worse"}
    assert residual in ("better", "level"), "better on two threads, level on one"
    for name, (shallow, deep) in answers["losses"].items():
        assert np.shape(shallow) == np.shape(deep) == (2 if name == "adam" else 3, 8)

    # The gradients of 40 layers: ReLU as Keras starts it loses them, tanh and He's start do not.
    assert answers["gradients"]["40"] < 1e-4 * answers["gradients"]["10"]
    relu, tanh, he, both = answers["ways"].values()
    assert relu < 1e-7
    assert 1e-3 < tanh < 2e-2
    assert he > 1e-4
    assert both > he
    top = [values[0] for values in answers["directions"].values()]
    assert top[1] > 0.8
    assert top[2] > 0.9
    whole = [values[-1] for values in answers["directions"].values()]
    assert max(np.abs(whole)) < 0.2, "over many blocks the direction fades in all three"
    # The symptom: of unlike sizes in the plain net, not vanishing in either.
    (most, least), (most_residual, least_residual) = answers["sizes"].values()
    assert most > 30 * least
    assert most_residual < 10 * least_residual
    assert min(least, least_residual) > 0.1

    # Lesion study, each over three seeds: the plain net is left guessing, the residual are not.
    (_, plain), *residual = answers["lesions"]
    for whole, without in residual:
        assert len(whole) == 3
        medians = np.median(without, axis=1)
        assert np.all(medians > np.array(whole) - 20)
        assert np.all(medians > np.median(plain, axis=1).max() + 40)
        early, late = np.array(without)[:, 0], np.array(without)[:, -1]
        assert np.all(early < late - 10), "an early block is missed, a late one hardly"
        assert np.all(late > np.array(whole) - 5)
    assert np.median(plain) < 30

    assert answers["differences"][1] > 1e-3  # 224 pixels: padding differs
    before, _, fresh = np.array(answers["inserted"])
    assert np.all(fresh < before - 5)  # a fresh block does hurt
    assert answers["growth"][-1] > 1e3 * answers["growth"][0]
    assert 0.4 < answers["power"] < 0.6, "like the square root"
    rates = np.array(answers["rates"])
    falls = rates[1:][rates[1:] < rates[:-1]] / rates[:-1][rates[1:] < rates[:-1]]
    assert len(falls) >= 2
    np.testing.assert_allclose(falls, 0.1, rtol=1e-4)


def test_the_sources_of_its_numbers_are_named():
    book = nbformat.read(CHAPTER, as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1512.03385", "1603.05027", "1502.01852", "1605.06431", "1412.6980"):
        assert source in prose
