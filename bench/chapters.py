"""What every chapter takes, and what it learns: so that a change that breaks learning is seen.

    python -m bench.chapters              # all chapters at smoke and default scale: over an hour
    python -m bench.chapters 04 05        # these, and the rows that are kept for the others
    python -m bench.chapters --scale smoke       # their seconds at this scale alone, in one run
    python -m bench.chapters --results 11        # what is learnt alone; the seconds stay
    python -m bench.chapters --check 05   # learn again, keep nothing; exit code 1 where it is worse
    python -m bench.chapters --steps      # one training step on TensorFlow (graph, XLA) and on JAX
    python -m bench.chapters --pages      # measure nothing, write the pages from what is kept

Writes bench/chapters.json after each chapter, and from it bench/chapters.md and the numbers in the
teacher's table of exercises (docs/teaching.md). A chapter runs in a
process of its own. Its learning result is read from the names that its run leaves: over the seeds
that it trains, where these are three; else it runs three times, with the numbers that its cells
give to `set_random_seed` exchanged, in memory alone.

`--check` calls a result worse when its worst run is worse than the worst one kept by more than the
kept runs lie apart, and by more than `LEAST` of its size.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.data.key import read_key
from bench.__main__ import machine
from bench.training_steps import WAYS

HERE = Path(__file__).parent
ROOT = HERE.parent
CHAPTERS = ROOT / "chapters"
KEPT, PAGE = HERE / "chapters.json", HERE / "chapters.md"
TEACHING = ROOT / "docs" / "teaching.md"
SCALES = ("smoke", "default")
LEAST = 0.02
SEEDS = 3
ROUNDS = 2


@dataclass(frozen=True)
class Learnt:
    """What a chapter's run has learnt.

    Attributes:
        what: in words.
        read: an expression over the chapter's names: a number, or one for each of its seeds.
        better: "higher" or "lower".
        again: whether the chapter has one seed, and so runs once for each.
    """

    what: str
    read: str
    better: str = "higher"
    again: bool = False


RESULTS = {
    "00_start": [Learnt("test digits read, %", "100 * accuracy", again=True)],
    "01_convolution": [Learnt("test pictures told, %", "100 * accuracy", again=True)],
    "02_receptive_field": [
        Learnt(
            "test pictures told by nets that see enough, %",
            "np.mean([results[p][:, 1] for p in plans if sees[p] >= span], axis=0)",
        )
    ],
    "03_classic": [
        Learnt("test digits read, %, LeNet-5 (tanh, average)", "curves['tanh, average'][:, -1]")
    ],
    "04_residual": [
        Learnt("training loss, deep residual net", "residual[DEEP].losses[:, -1]", "lower")
    ],
    "05_normalization": [
        Learnt("digits misread, %, batch, 32 a step", "errors['batch', 32][0]", "lower"),
        Learnt("digits misread, %, group, 2 a step", "errors['group', 2][0]", "lower"),
    ],
    "06_inception": [
        Learnt("main loss from He's start", "[curve[-1] for curve in he_losses]", "lower")
    ],
    "07_efficient": [Learnt("digits missed, %, separable", "missed['separable']", "lower")],
    "08_fully_convolutional": [Learnt("mean IoU, FCN-8s", "scored_ways['FCN-8s'][:, 0]")],
    "09_upsampling": [
        Learnt("mean IoU, skips", "quality['skips']"),
        Learnt("ESPCN over bicubic, dB", "over_bicubic[:, 0]"),
    ],
    "10_unet": [
        Learnt("mean IoU, U-Net", "first['U-Net'][:, 0]"),
        Learnt("mean IoU, PSPNet's head", "third['PSPNet'][:, 0]"),
    ],
    "11_rcnn": [
        Learnt("mAP@0.5, trained on", "results['Fast R-CNN, trained on'][0].map50", again=True)
    ],
    "12_faster_rcnn": [
        Learnt("mAP@0.5, trained here", "results['trained here'][0].map50", again=True)
    ],
    "13_single_shot": [
        Learnt(f"mAP@0.5, {net} trained on", f"results['{net}', 'trained on'][0].map50", again=True)
        for net in ("SSD", "YOLOv2")
    ],
    "14_mask_rcnn": [
        Learnt("mask AP@0.5, RoIAlign", "[scores[0] for scores, _ in tried['RoIAlign']]")
    ],
    "15_pose": [
        Learnt("heads, degrees, two columns", "by_place['two columns']['all round']", "lower"),
        Learnt("PCK@0.2, 14 maps", "answers_pck['14 maps']"),
        Learnt("PCK@0.2, pose machine (two seeds)", "machine_parts['machine'][:, -1]"),
    ],
    "16_transformers": [
        Learnt(
            "digits wrong, %, Vision Transformer",
            "100 * np.array(errors['Vision Transformer', 'as they are'])",
            "lower",
        )
    ],
}


def chosen(numbers: list[str]) -> list[str]:
    """The chapters of these numbers or beginnings of names ("04", "13_single"), or all.

    Raises:
        ValueError: if one of them is no chapter's.
    """
    found = {
        number: [name for name in RESULTS if name == number or name.startswith(f"{number}_")]
        for number in numbers
    }
    for number, names in found.items():
        if not names:
            known = ", ".join(name[:2] for name in RESULTS)
            raise ValueError(
                f'There is no learning result of a chapter "{number}"; there are {known}.'
            )
    return [name for name in RESULTS if not numbers or name in set().union(*found.values())]


def needs(name: str) -> str:
    """What a chapter says of its run at the full scale, which is not measured."""
    cells = json.loads((CHAPTERS / f"{name}.ipynb").read_text("utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    # A sentence, or the half of one behind a semicolon.
    found = re.search(r"[^.;\n]*`CONVBOOK_SCALE=full`[^.\n]*\.", prose)
    return found.group().strip() if found else "It says nothing of it."


def child(module: str, arguments: list[str], **environment: str) -> dict[str, Any]:
    """Run a module of this folder in a process of its own; what its last line says."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"bench.{module}", *arguments],
        cwd=ROOT,
        env={"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg", **os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"{module} {arguments[0]} failed: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def run(name: str, turn: int, scale: str) -> dict[str, Any]:
    """Run a chapter once at a scale."""
    wanted = {learnt.what: learnt.read for learnt in RESULTS[name]}
    return child("chapter_child", [name, str(turn), json.dumps(wanted)], CONVBOOK_SCALE=scale)


def learn(name: str) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Run a chapter at its default scale: the first run, and each result over the seeds."""
    turns = SEEDS if any(learnt.again for learnt in RESULTS[name]) else 1
    runs = [run(name, turn, "default") for turn in range(turns)]
    values: dict[str, list[float]] = {}
    for each in runs:
        for what, found in each.pop("results").items():
            values.setdefault(what, []).extend(found)
    return runs[0], values


def measured(name: str, scales: list[str], results: bool) -> dict[str, Any]:
    """A chapter's row, or these parts of it: seconds at these scales, what it learns."""
    row: dict[str, Any] = {}
    values: dict[str, list[float]] = {}
    if results:
        seconds, values = learn(name)
        if "default" in scales:
            row["default"] = seconds
    for scale in scales:
        if scale not in row:
            row[scale] = run(name, 0, scale)
            row[scale].pop("results")
    if results:
        row["results"] = {
            learnt.what: {"better": learnt.better, "values": values[learnt.what]}
            for learnt in RESULTS[name]
        }
    return row


def worst(result: dict[str, Any]) -> float:
    """The worst of a result's runs."""
    return min(result["values"]) if result["better"] == "higher" else max(result["values"])


def worse(now: list[float], kept: dict[str, Any]) -> bool:
    """Whether the worst run is worse than the worst kept one, by more than those lie apart."""
    before, after = worst(kept), worst({**kept, "values": now})
    fell = before - after if kept["better"] == "higher" else after - before
    apart = max(kept["values"]) - min(kept["values"])
    return not fell <= max(apart, LEAST * abs(before))  # what is no number is worse, too


def check(names: list[str], kept: dict[str, Any]) -> int:
    """Learn again; say what is worse than it was."""
    status = 0
    for name in names:
        before = kept.get(name, {}).get("results")
        if not before:
            print(f"{name}: no learning result is kept; python -m bench.chapters {name[:2]}")
            status = 2
            continue
        try:
            _, values = learn(name)
        except RuntimeError as error:
            print(error, flush=True)
            status = 1
            continue
        for what, result in before.items():
            now, verdict = values.get(what, []), "as it was"
            if not now:
                verdict, status = "GONE", 1
            elif worse(now, result):
                verdict, status = "WORSE", 1
            told = " ".join(f"{value:.4g}" for value in now)
            old = " ".join(f"{value:.4g}" for value in result["values"])
            print(f"{name}: {what}: {told}, kept {old}: {verdict}", flush=True)
    return status


def steps() -> dict[str, Any]:
    """The same training steps on each backend, in turns."""
    found: dict[str, Any] = {}
    for turn in range(ROUNDS):
        for way, backend in WAYS.items():
            print(f"training steps, round {turn + 1} of {ROUNDS}, {way}", flush=True)
            for net, got in child("training_steps", [way], KERAS_BACKEND=backend).items():
                own = found.setdefault(net, {}).setdefault(way, {"first pass": [], "steps": []})
                own["first pass"].append(got["first pass"])
                own["steps"] += got["steps"]
    return found


# --- the page


def share(part: float | None, whole: float) -> str:
    """A part in per cent of the whole."""
    return "-" if part is None or not whole else f"{part / whole:.0%}"


def seconds_table(chapters: dict[str, Any]) -> list[str]:
    """What each chapter takes."""
    lines = [
        "| chapter | smoke, s | of processor time | default, s | of processor time "
        "| making data | fit | handing over, of fit | load |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in sorted(chapters.items()):
        cells = []
        for scale in SCALES:
            one = row.get(scale)
            cells += [f"{one['wall']:.0f}", f"{one['cpu']:.0f}"] if one else ["-", "-"]
        if one := row.get("default"):
            cells += [share(one["making data"], one["cpu"]), share(one["fit"], one["cpu"])]
            cells += [share(one["handing over"], one["fit"])]
        else:
            cells += ["-", "-", "-"]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['load']:.1f} |")
    return lines


def results_table(chapters: dict[str, Any]) -> list[str]:
    """What each chapter learns."""
    lines = ["| chapter | result | better | runs | mean | worst |", "|---|---|---|---:|---:|---:|"]
    for name, row in sorted(chapters.items()):
        for what, result in row.get("results", {}).items():
            values = result["values"]
            lines.append(
                f"| {name} | {what} | {result['better']} | {len(values)} | "
                f"{statistics.mean(values):.4g} | {worst(result):.4g} |"
            )
    return lines


def steps_table(found: dict[str, Any]) -> list[str]:
    """One training step on each backend: the median, and how it compares with the graph's."""
    lines = ["| net | " + " | ".join(f"{way}, ms" for way in WAYS) + " | fastest "]
    lines[0] += "| " + " | ".join(f"first pass on {way}, s" for way in WAYS) + " |"
    lines.append("|---|" + "---:|" * len(WAYS) + "---|" + "---:|" * len(WAYS))
    for net, ways in found.items():
        median = {way: statistics.median(ways[way]["steps"]) for way in WAYS}
        first = [f"{statistics.median(ways[way]['first pass']):.1f}" for way in WAYS]
        cells = [f"{each:.1f} ({each / median['graph']:.2f})" for each in median.values()]
        fastest = min(median, key=lambda way: median[way])
        lines.append(f"| {net} | {' | '.join(cells)} | {fastest} | {' | '.join(first)} |")
    return lines


def about(made: dict[str, Any]) -> str:
    """What was measured on."""
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return f"{made['processor']}, {made['cores']} cores, Python {made['python']}, {versions}"


def page(kept: dict[str, Any]) -> str:
    """What is kept, as Markdown."""
    chapters = kept.get("chapters", {})
    lines = ["# Chapters", "", "Made by `python -m bench.chapters`, from `bench/chapters.json`."]
    if chapters:
        lines += ["", "## What a run takes", "", *seconds_table(chapters), ""]
        lines.append(
            "Seconds by the clock and of the processor, importing included; the load is the "
            "machine's average when a chapter's runs began, the chapter before it included. "
            "*Making data*: the share of the processor time spent in the functions of "
            "`convbook.data`. *Fit*: in `fit`, compiling included. "
            "*Handing over*: what a net that does nothing needs to be handed the same batches, as "
            "a share of *fit*."
        )
        for made in sorted({row["about"] for row in chapters.values()}):
            own = [name for name, row in sorted(chapters.items()) if row["about"] == made]
            lines += ["", f"On {made}: {', '.join(own)}."]
        lines += ["", "At the full scale, by the chapters' own words:", ""]
        lines += [f"- {name}: {needs(name)}" for name in sorted(chapters)]
        lines += ["", "## What is learnt, at the default scale", "", *results_table(chapters)]
    if found := kept.get("steps"):
        lines += ["", "## One training step", "", *steps_table(found["nets"]), ""]
        lines.append(
            "The median of the steps of all rounds, beside it in brackets its ratio to the graph's;"
            " the first pass compiles. `python -m bench.chapters --steps`, on "
            f"{found['about']}, load {found['load']:.1f}."
        )
    return "\n".join(lines) + "\n"


# --- the teacher's table


def stated(name: str) -> list[str]:
    """An exercise's tasks and points, by its public key, and the minutes that its card states."""
    folder = ROOT / "exercises" / name
    key = read_key(folder / "key.json")
    cells = json.loads((folder / f"{name}.ipynb").read_text("utf-8"))["cells"]
    found = re.search(r"about (\d+) minutes", "".join(cells[0]["source"]))
    return [str(len(key.tasks)), f"{key.max_score:g}", found[1] if found else "-"]


def teaching(text: str, chapters: dict[str, Any]) -> str:
    """The teacher's page, its table with the numbers of cards, keys and measurements."""

    def row(found: re.Match) -> str:
        default = chapters.get(found["name"], {}).get("default")
        # By the clock they would tell of the machine's other work, too.
        ran = f"{default['cpu'] / 60:.1f}" if default else "-"
        return f"{found['words']} {' | '.join([*stated(found['name']), ran])} |"

    rows = r"^(?P<words>\| (?P<name>\d\d_\w+) \|[^|\n]*\|[^|\n]*\|).*$"
    text = re.sub(rows, row, text, flags=re.MULTILINE)
    ran = [one for one in chapters.values() if "default" in one]
    made = "; ".join(sorted({one["about"] for one in ran}))
    load = max((one["load"] for one in ran), default=0.0)
    said = f"The runs were measured on {made}, one after the other "
    said += f"(load average when they began up to {load:.1f})."
    said = said if ran else "No run is measured yet."
    return re.sub(r"^(The runs were|No run is) measured .*$", said, text, flags=re.MULTILINE)


def write(kept: dict[str, Any]) -> None:
    """Keep all rows, and the pages that show them."""
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_pages(kept)


def write_pages(kept: dict[str, Any]) -> None:
    """Write what shows the rows."""
    PAGE.write_text(page(kept), encoding="utf-8")
    text = TEACHING.read_text("utf-8")
    TEACHING.write_text(teaching(text, kept.get("chapters", {})), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="of chapters, as 04; all where none is given")
    parser.add_argument("--scale", choices=SCALES, action="append", help="seconds at this alone")
    parser.add_argument("--results", action="store_true", help="what is learnt alone")
    parser.add_argument("--check", action="store_true", help="compare with what is kept")
    parser.add_argument("--steps", action="store_true", help="measure training steps instead")
    parser.add_argument("--pages", action="store_true", help="write the pages, measure nothing")
    given = parser.parse_args(arguments)
    try:
        names = chosen(given.numbers)
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 2
    kept = json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {}
    if given.pages:
        write_pages(kept)
        return 0
    if given.check:
        return check(names, kept.get("chapters", {}))
    if given.steps:
        return keep_steps(kept)
    # One of the two options leaves out what the other asks for; neither or both, all of it.
    scales = given.scale or ([] if given.results else list(SCALES))
    return keep_chapters(kept, names, scales, given.results or not given.scale)


def keep_steps(kept: dict[str, Any]) -> int:
    """Measure training steps, and keep them; return the exit code."""
    made = {"about": about(machine()), "load": os.getloadavg()[0]}
    try:
        kept["steps"] = {**made, "nets": steps()}
    except RuntimeError as error:
        print(error)
        return 1
    write(kept)
    return 0


def keep_chapters(kept: dict[str, Any], names: list[str], scales: list[str], results: bool) -> int:
    """Measure chapters, and keep each when it has run; return the exit code."""
    here = {"about": about(machine())}
    began, status = time.monotonic(), 0
    for name in names:
        print(f"{(time.monotonic() - began) / 60:5.1f} min  {name}", flush=True)
        load = os.getloadavg()[0]
        try:
            row = measured(name, scales, results)
        except RuntimeError as error:  # the others are measured all the same
            print(f"           {error}", flush=True)
            status = 1
            continue
        rows = kept.setdefault("chapters", {})
        rows[name] = {**rows.get(name, {}), **row}
        if scales:
            rows[name] |= {**here, "load": load}
        write(kept)
    print(f"{(time.monotonic() - began) / 60:5.1f} min  {PAGE.relative_to(ROOT)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
