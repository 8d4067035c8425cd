"""`python -m convbook.capstones make | score | grade`: hidden pictures, and nets that see them."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convbook.capstones.files import Arrays, BadFile, read_arrays, write_arrays
from convbook.capstones.tasks import CAPSTONES, Capstone, capstone

PICTURES, PREDICTIONS = "pictures.npz", "predictions.npz"
COLUMNS = ("student", "capstone", "status", "score", "points", "max_points", "message")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit code 0, 1 for less than all points, 2 where nothing is scored."""
    parser = argparse.ArgumentParser(prog="python -m convbook.capstones", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make hidden pictures, and their truth elsewhere")
    scoring = commands.add_parser("score", help="score one file of predictions")
    grading = commands.add_parser("grade", help="score a class: STUDENT/NAME/predictions.npz")
    for each in (making, scoring, grading):
        each.add_argument("name", choices=CAPSTONES, help="the capstone")
        each.add_argument("path", type=Path)
        each.add_argument("--truth", type=Path, required=True, help="file of the truth, for you")
    making.add_argument("--count", type=int, default=200, help="number of pictures")
    making.add_argument("--seed", type=int, help="default: drawn, too large to be guessed")
    scoring.add_argument("--json", action="store_true", help="print one JSON object")
    grading.add_argument("--out", type=Path, required=True, help="CSV file of the scores")
    chosen = parser.parse_args(arguments)
    asked = capstone(chosen.name)
    try:
        if chosen.command == "make":
            return _make(asked, chosen.path, chosen.truth, chosen.count, chosen.seed)
        if chosen.command == "score":
            return _score(asked, chosen.path, chosen.truth, chosen.json)
        return _grade(asked, chosen.path, chosen.truth, chosen.out)
    except BadFile as problem:
        print(problem, file=sys.stderr)
        return 2


def _make(asked: Capstone, folder: Path, truth: Path, count: int, seed: int | None) -> int:
    """Write pictures and text for students into `folder`, the truth into another place."""
    if truth.resolve().is_relative_to(folder.resolve()):
        raise BadFile(f"--truth lies in {folder}, which students get: name a file elsewhere.")
    if truth.exists():
        raise BadFile(f"{truth} is there already: it is the truth of pictures handed out before.")
    if count < 20:
        raise BadFile(f"--count is {count}: of fewer than 20 pictures a score says little.")
    if seed is not None and not 0 <= seed < 2**63:
        raise BadFile(f"--seed is {seed}: give a whole number from 0 to 2**63 - 1.")
    drawn = secrets.randbits(63) if seed is None else seed
    pictures, made = asked.make(count, "test", drawn)
    folder.mkdir(parents=True, exist_ok=True)
    truth.parent.mkdir(parents=True, exist_ok=True)
    digest = np.frombuffer(hashlib.sha256(pictures.tobytes()).digest(), "uint8")
    write_arrays(truth, {**made, "count": count, "digest": digest, "seed": drawn})
    truth.chmod(0o600)
    write_arrays(folder / PICTURES, {"pictures": pictures})
    (folder / "README.md").write_text(text_for_students(asked, count), "utf-8")
    print(f"{folder}: {count} pictures for students; {truth}: their truth, for you alone")
    return 0


def text_for_students(asked: Capstone, count: int) -> str:
    """What is asked, the format, and what earns which points."""
    rows = [f"| `{name}` | {what} |" for name, what in asked.arrays.items()]
    points = [f"| {score:g} | {points:g} |" for score, points in asked.thresholds]
    names = ", ".join(f"{name}={name}" for name in asked.arrays)
    return f"""# Capstone: {asked.name}

{asked.asked}

`{PICTURES}` holds {count} pictures as `pictures`, uint8 (N, H, W, 3), without the truth. Train a
net of your own and hand in what it says of them, as `{PREDICTIONS}`:

| array | what |
|---|---|
{chr(10).join(rows)}

```python
import numpy as np
from convbook.capstones import training

pictures, truth = training("{asked.name}", 2000)  # to train with: as many as you like
hidden = np.load("{PICTURES}")["pictures"]
...
np.savez_compressed("{PREDICTIONS}", {names})
```

| {asked.measure} from | points |
|---|---|
{chr(10).join(points)}

The arrays hold numbers: a file with pickled objects is not read.
"""


def _truth_of(asked: Capstone, path: Path) -> Arrays:
    """The truth that `make` wrote."""
    try:
        with np.load(path, allow_pickle=False) as held:
            truth = dict(held)
    except Exception:  # what is damaged or another kind of file raises one of many kinds
        raise BadFile(f"{path} is no file of the truth: make it by the command `make`.") from None
    if "count" not in truth:
        raise BadFile(f"{path} is no file of the truth: make it by the command `make`.")
    return truth


def scored(asked: Capstone, path: Path, truth: Arrays) -> tuple[float, float]:
    """The score and the points of a file of predictions. Raises BadFile."""
    given = read_arrays(path, list(asked.arrays))
    asked.check(given, int(truth["count"]))
    try:
        score = asked.score(truth, given)
    except KeyError as missing:
        raise BadFile(f"The truth has no {missing}: is it that of another capstone?") from None
    return score, asked.points(score)


def _score(asked: Capstone, path: Path, truth: Path, as_json: bool) -> int:
    score, points = scored(asked, path, _truth_of(asked, truth))
    if as_json:
        said = {"capstone": asked.name, "score": score, "points": points,
                "max_points": asked.max_points}  # fmt: skip
        print(json.dumps(said))
    else:
        print(asked.reason(score))
    return 0 if points == asked.max_points else 1


def _grade(asked: Capstone, folder: Path, truth_path: Path, out: Path) -> int:
    """Score every student's file; a bad one gets its sentence, and the others go on."""
    truth = _truth_of(asked, truth_path)
    students = sorted(path for path in folder.glob("*") if path.is_dir()) if folder.is_dir() else []
    if not students:
        raise BadFile(f"There are no students in {folder}: it holds STUDENT/{asked.name}/.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for student in students:
            row = _row(asked, student / asked.name / PREDICTIONS, truth)
            table.writerow({"student": student.name, "capstone": asked.name, **row})
            print(f"{student.name}: {row['message']}")
    return 0


def _row(asked: Capstone, path: Path, truth: Arrays) -> dict[str, object]:
    row: dict[str, object] = {"max_points": asked.max_points, "score": "", "points": 0.0}
    if not path.is_file():
        return {**row, "status": "missing", "message": "handed in nothing"}
    try:
        score, points = scored(asked, path, truth)
    except BadFile as problem:
        return {**row, "status": "invalid", "message": str(problem)}
    graded = {"status": "graded", "score": round(score, 4), "points": points}
    return {**row, **graded, "message": asked.reason(score)}


if __name__ == "__main__":
    sys.exit(main())
