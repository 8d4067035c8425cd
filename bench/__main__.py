"""Every measurement that this machine can make, one after the other, into one page.

    python -m bench                 # or `make bench`: under 30 minutes on two cores
    python -m bench --rounds 3      # each three times, for medians and spread
    python -m bench data single_shot

Writes bench/RESULTS.md and bench/results.json: each figure with the command that gave it, its
median over the rounds, the least and the most, and once the machine and the versions. What takes
longer than its share of the time is ended and said to be missing, as is what needs something that
is not here. The measurements' own pages, which longer runs of theirs wrote, stay as they are.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.pages import FELL_SHORT, NO_PAGE

HERE = Path(__file__).parent
ROOT = HERE.parent
NOTHING_KEPT = 2  # exit code of bench.check where there is nothing to compare with
PACKAGES = ("keras", "tensorflow-cpu", "tensorflow", "numpy", "nbgrader")


@dataclass
class Bench:
    """A module of this folder: what it is called with, and the seconds that it may take.

    `ended` are the exit codes with which it has measured all, whatever it found.
    """

    name: str
    title: str
    arguments: list[str]
    most: int
    ended: tuple[int, ...] = (0,)
    seconds: list[float] = field(default_factory=list)
    tables: list[list[dict[str, str]]] = field(default_factory=list)  # of each round
    missing: str = ""

    @property
    def command(self) -> str:
        """As a reader would write it: where this machine has its Pythons says nothing to others."""
        own = ["PYTHON" if os.path.isabs(word) else word for word in self.arguments]
        return " ".join(["python -m", f"bench.{self.name}", *own])


def plan(torch: str | None, otter: str | None) -> list[Bench]:
    """What is measured, the quickest first."""
    graders = ["--ours", "40", "--theirs", "3", "--class", "200"]
    made = [
        Bench("check", "As fast as it was?", [], 120, (0, NOTHING_KEPT, FELL_SHORT)),
        Bench("single_shot", "A single-shot detector's parts", ["--calls", "30"], 100),
        Bench("faster_rcnn", "A training step of the Faster R-CNN", ["--steps", "20"], 60),
        Bench("data", "Pipelines of pictures", ["--rounds", "1"], 260),
        Bench("checker", "A check in a warm kernel",
              ["02_receptive_field", "03_classic", "04_residual"], 140),
        Bench("judging", "Nets judged, beside other ways of comparing", ["--sample", "2"], 270,
              (0, FELL_SHORT)),
        Bench("classes", "A class of any size", ["--most", "1000"], 360),
        Bench("grading", "A class graded, beside other graders",
              [*graders, *(["--otter", otter] if otter else [])], 320),
        Bench("detection", "Operations of detection, beside torchvision's",
              ["--torch", torch or ""], 170),
        Bench("gpu", "Training and inference on a GPU", ["measure", "book"], 0),
        Bench("chapters", "What each chapter takes, and learns", [], 0),
    ]  # fmt: skip
    if not torch:
        made[-3].missing = "needs the Python of an environment with torchvision: --torch PATH"
    made[-2].missing = "is run by hand where there is a GPU; bench/gpu.md keeps what it gave"
    made[-1].missing = "takes over an hour, is run by hand; bench/chapters.md keeps what it gave"
    return made


def tables_in(text: str) -> list[dict[str, str]]:
    """The rows of all Markdown tables of a text: cells by the head of their column."""
    rows: list[dict[str, str]] = []
    lines = text.splitlines()
    head: list[str] = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith("|"):
            head = []
        elif re.fullmatch(r"[|:\- ]+", below) and not head:
            head = _cells(line)
        elif head and not re.fullmatch(r"[|:\- ]+", line):
            rows.append(dict(zip(head, _cells(line), strict=False)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number(cell: str) -> float | None:
    """A cell's first number, if it begins with one."""
    found = re.match(r"-?\d[\d,]*(\.\d+)?", cell)
    return float(found.group().replace(",", "")) if found else None


def run(bench: Bench) -> None:
    """Run it once, and keep its tables."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", f"bench.{bench.name}", *bench.arguments],
            cwd=ROOT,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", NO_PAGE: "1"},
            capture_output=True,
            text=True,
            timeout=bench.most,
            check=False,
        )
    except subprocess.TimeoutExpired:
        bench.missing = f"took more than {bench.most} s"
        return
    rows = tables_in(done.stdout)
    if done.returncode not in bench.ended or not rows:
        last = (done.stderr.strip().splitlines() or [f"no words, exit code {done.returncode}"])[-1]
        bench.missing = f"failed: {without_places(last)[:200]}"
        return
    bench.seconds.append(time.monotonic() - began)
    bench.tables.append(rows)


def without_places(text: str) -> str:
    """A message without the folders of this machine: of a path its last part stays."""
    return re.sub(r"(?:/[^\s/'\":]+)+/", "", text)


def figures(bench: Bench) -> list[dict]:
    """Each number of its tables, over the rounds."""
    found = []
    for index, row in enumerate(bench.tables[0] if bench.tables else []):
        label = ", ".join(cell for cell in row.values() if number(cell) is None)
        for column in row:
            values = [
                value
                for rows in bench.tables
                if index < len(rows) and (value := number(rows[index].get(column, ""))) is not None
            ]
            if values:
                found.append(
                    {
                        "figure": f"{label}: {column}",
                        "median": statistics.median(values),
                        "least": min(values),
                        "most": max(values),
                        "rounds": len(values),
                    }
                )
    return found


def machine() -> dict:
    """What was measured on, and with which versions."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    described = Path("/proc/cpuinfo")
    text = described.read_text("utf-8") if described.is_file() else ""
    model = re.search(r"model name\s*: (.*)", text)
    return {
        "processor": model.group(1) if model else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def page(benches: list[Bench], about: dict, load: float) -> str:
    """The results as Markdown: the tables as they were printed, with medians of several rounds."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        "# What was measured",
        "",
        f"Made by `make bench`. {about['processor']}, {about['cores']} cores, "
        f"{about['system']}, Python {about['python']}, {versions}; load {load:.1f} of other work "
        "when it began. Of several rounds a cell has the median, and the least and the most. "
        "`bench/results.json` has every figure.",
    ]
    for bench in benches:
        lines += ["", f"## {bench.title}", "", f"`{bench.command}`"]
        if bench.missing:
            lines += ["", f"Not measured: it {bench.missing}."]
        if bench.tables:
            lines += ["", f"Took {', '.join(f'{seconds:.0f} s' for seconds in bench.seconds)}."]
            lines += shown(bench.tables)
    return "\n".join(lines) + "\n"


def shown(rounds: list[list[dict[str, str]]]) -> list[str]:
    """The lines of all tables, each number the median of the rounds."""
    lines: list[str] = []
    head: list[str] = []
    for index, row in enumerate(rounds[0]):
        if list(row) != head:
            head = list(row)
            kinds = ["---:" if number(row[column]) is not None else "---" for column in head]
            lines += ["", f"| {' | '.join(head)} |", f"|{'|'.join(kinds)}|"]
        cells = [
            [rows[index].get(column, "") for rows in rounds if index < len(rows)] for column in head
        ]
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    return lines


def _cell(turns: list[str]) -> str:
    """What a cell showed in each round, in one: the text, or the median with the spread."""
    values = [value for turn in turns if (value := number(turn)) is not None]
    if len(set(values)) < 2:
        return turns[0]
    return f"{statistics.median(values):g} ({min(values):g} to {max(values):g})"


def write(benches: list[Bench], about: dict, load: float) -> None:
    """Keep what was measured so far, as a page and as figures."""
    (HERE / "RESULTS.md").write_text(page(benches, about, load), encoding="utf-8")
    runs = [
        {"command": b.command, "seconds": b.seconds, "missing": b.missing, "figures": figures(b)}
        for b in benches
    ]
    kept = {**about, "load": load, "runs": runs}
    (HERE / "results.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="some of the measurements only")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--torch", help="the Python of an environment with torchvision")
    parser.add_argument("--otter", help="that of one with otter-grader, which sees this one's too")
    given = parser.parse_args()
    benches = plan(given.torch, given.otter)
    unknown = set(given.names) - {bench.name for bench in benches}
    if unknown:
        known = ", ".join(bench.name for bench in benches)
        parser.error(f"There is no measurement {', '.join(sorted(unknown))}; there are {known}.")
    benches = [bench for bench in benches if not given.names or bench.name in given.names]
    about, load, began = machine(), os.getloadavg()[0], time.monotonic()
    for count, bench in enumerate(benches, 1):
        for turn in range(given.rounds):
            if not bench.missing:
                minutes = (time.monotonic() - began) / 60
                print(f"{minutes:4.1f} min  {bench.command}, round {turn + 1}", flush=True)
                run(bench)
        if bench.missing:
            print(f"          {bench.name} {bench.missing}", flush=True)
        write(benches[:count], about, load)  # so that nothing is lost where it is ended early
    print(f"{(time.monotonic() - began) / 60:4.1f} min  bench/RESULTS.md and bench/results.json")
    failed = [bench for bench in benches if bench.missing.startswith(("failed", "took"))]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
