"""Chapter 04 runs top to bottom, and its numbers are those the syllabus owes the reader."""

import json
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

CHAPTER = Path(__file__).resolve().parent.parent / "chapters" / "04_residual.ipynb"

# What a test asks the notebook's kernel for after the last cell.
QUESTIONS = """
import json
print(json.dumps({
    "counts": {str(depth): count for depth, count in counts.items()},
    "differences": [float(differences[size]) for size in sorted(differences, reverse=True)],
    "plain": [plain_shallow_losses.tolist(), plain_deep_losses.tolist()],
    "residual": [residual_shallow_losses.tolist(), residual_deep_losses.tolist()],
    "parameters": [count_parameters(plain_deep), count_parameters(residual_deep)],
    "lesions": {name: [whole, list(rest.values())] for name, (whole, rest) in lesions.items()},
    "inserted": [before, closed, fresh],
    "zero branch": float(np.abs(same - np.maximum(x, 0)).max()),
    "gradients": {str(d): float(np.median(norms)) for d, norms in plain_norms.items()},
    "growth": growth["without normalisation"],
    "costs": [costs["basic", 64], costs["bottleneck", 256], costs["basic", 256]],
    "rates": [float(rate) for rate in recipe["learning_rate"]],
}))
"""


def run(scale: str, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], str]:
    """Execute the chapter; return the answers to the questions and all that it printed."""
    monkeypatch.setenv("CONVBOOK_SCALE", scale)
    monkeypatch.delenv(
        "MPLBACKEND", raising=False
    )  # figures go into the notebook, as in JupyterLab
    book = nbformat.read(CHAPTER, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell(QUESTIONS, id="questions"))
    resources = {"metadata": {"path": str(CHAPTER.parent)}}
    NotebookClient(book, timeout=900, resources=resources).execute()
    printed = [
        "".join(o.text for o in cell.get("outputs", []) if o.output_type == "stream")
        for cell in book.cells
        if cell.cell_type == "code"
    ]
    figures = [
        output
        for cell in book.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(figures) >= 10
    return json.loads(printed[-1].splitlines()[-1]), "\n".join(printed[:-1])


def check_what_holds_at_every_scale(answers: dict[str, Any], printed: str) -> None:
    assert answers["counts"] == {
        "18": 11_689_512,
        "34": 21_797_672,
        "50": 25_557_032,
        "101": 44_549_160,
        "152": 60_192_808,
    }
    assert "60,192,808 trainable parameters, sizes [112, 56, 28, 14, 7]" in printed
    assert "(3, 3, 5, 2) with a first block apart is (3, 4, 6, 3)" in printed
    assert "(3, 3, 22, 2) with a first block apart is (3, 4, 23, 3)" in printed
    assert "(3, 7, 35, 2) with a first block apart is (3, 8, 36, 3)" in printed
    assert answers["differences"][0] < 1e-5
    assert answers["zero branch"] == 0
    assert answers["parameters"][0] == answers["parameters"][1]
    before, closed, _ = answers["inserted"]
    assert closed == before
    gradients = list(answers["gradients"].values())
    assert gradients == sorted(gradients, reverse=True)
    # 3x3 layers at 56x56 by hand: two on 64 channels; 1x1, 3x3, 1x1; two on 256.
    pixels = 56 * 56
    assert answers["costs"] == [
        pixels * 2 * 9 * 64 * 64,
        pixels * (256 * 64 + 9 * 64 * 64 + 64 * 256),
        pixels * 2 * 9 * 256 * 256,
    ]
    assert answers["rates"][0] == pytest.approx(0.1)


@pytest.mark.notebook
def test_the_chapter_runs_and_holds_the_syllabus_numbers(monkeypatch):
    check_what_holds_at_every_scale(*run("smoke", monkeypatch))


@pytest.mark.slow
@pytest.mark.notebook
@pytest.mark.timeout(1800)
def test_the_default_run_shows_what_the_chapter_claims(monkeypatch):
    answers, printed = run("default", monkeypatch)
    check_what_holds_at_every_scale(answers, printed)

    # Degradation: last training loss over three seeds, deeper against shallower.
    gaps, spreads = {}, {}
    for kind in ("plain", "residual"):
        shallow, deep = (np.array(losses)[:, -1] for losses in answers[kind])
        assert len(shallow) == len(deep) == 3
        gaps[kind] = deep.mean() - shallow.mean()
        spreads[kind] = max(np.ptp(shallow), np.ptp(deep))
    assert gaps["plain"] > spreads["plain"]
    assert gaps["residual"] <= spreads["residual"]

    # Lesion study: the plain net is left guessing, the residual ones are not.
    (_, plain), *residual = answers["lesions"].values()
    for whole, without in residual:
        assert np.median(without) > whole - 0.2
        assert np.median(without) > np.median(plain) + 0.4
    assert np.median(plain) < 0.3

    assert answers["differences"][1] > 1e-3  # 224 pixels: padding differs
    assert answers["inserted"][2] < answers["inserted"][0] - 0.1  # a fresh block does hurt
    assert answers["gradients"]["40"] < 1e-4 * answers["gradients"]["10"]
    assert answers["growth"][-1] > 1e3 * answers["growth"][0]
    rates = np.array(answers["rates"])
    falls = rates[1:][rates[1:] < rates[:-1]] / rates[:-1][rates[1:] < rates[:-1]]
    assert len(falls) >= 2
    np.testing.assert_allclose(falls, 0.1, rtol=1e-4)


def test_the_sources_of_its_numbers_are_named():
    book = nbformat.read(CHAPTER, as_version=4)
    prose = "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    for source in ("1512.03385", "1502.01852", "1605.06431"):
        assert source in prose
