"""The recipe for a JupyterHub: what a student's server does first, and what its image holds."""

import os
import re
import subprocess
from pathlib import Path

import pytest

HUB = Path(__file__).resolve().parent.parent / "docs" / "jupyterhub"


@pytest.fixture
def start(tmp_path):
    """Starts a student's server with a command in place of JupyterHub's own."""
    for name in ("01_convolution", "04_residual"):
        folder = tmp_path / "course" / "exercises" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text("as handed out")

    def run(*command: str) -> str:
        places = {"HOME": str(tmp_path / "home"), "COURSE": str(tmp_path / "course")}
        done = subprocess.run(
            ["sh", HUB / "start.sh", *command],
            env=os.environ | places, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    return run


def test_a_student_finds_the_exercises_and_keeps_what_was_written(start, tmp_path):
    assert start("echo", "a server").strip() == "a server"
    home = tmp_path / "home" / "exercises"
    assert sorted(path.name for path in home.iterdir()) == ["01_convolution", "04_residual"]
    mine = home / "04_residual" / "04_residual.ipynb"
    mine.write_text("my answers")
    course = tmp_path / "course" / "exercises"
    (course / "05_new").mkdir()
    start("true")
    assert mine.read_text() == "my answers"
    assert (home / "05_new").is_dir()


def test_the_image_holds_no_solutions():
    copied = re.findall(r"^COPY (?:--\S+ )?(.+) \S+$", (HUB / "Dockerfile").read_text(), re.M)
    sources = {name for line in copied for name in line.split()}
    root = HUB.parent.parent
    assert sources == {
        "requirements.lock", "pyproject.toml", "README.md", "LICENSE", "autograder", "convbook",
        "exercises", "docs/jupyterhub/start.sh",
    }  # fmt: skip
    assert all((root / name).exists() for name in sources)
