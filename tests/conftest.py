"""Settings of every test: no screen, no network, nothing written into the user's home."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).resolve().parent.parent


class ByFileAndTask(LoadScopeScheduling):
    """Keeps a file's tests in one process, but for the banks: each task's go where there is room.

    They share what takes long: a chapter's run, or what was seen of a task's answers. (pytest-xdist
    3.8 has `--dist loadgroup` for this, which with pytest 9.2 groups nothing, without a word.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        return test.partition("[")[2] if file.endswith("test_bank.py") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndTask:
    return ByFileAndTask(config, log)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory):
    """What tests and the programs they start write by the way goes to a folder of their own."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(home / "jupyter"))
        patch.setenv("JUPYTER_DATA_DIR", str(home / "jupyter-data"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(home / "run"))
        yield


@pytest.fixture(scope="module")
def without_slips():
    """Keys without mistakes made by machine, for tests of what is said of answers not known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.setting.keymaking.slips_of", lambda task, trials: [])
        yield


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the project's course folders in which nbgrader may write."""
    for name in ("solutions", "exercises"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def workshop():
    """A warm process that runs notebooks, locked in as far as this machine can."""
    from autograder.running.runner import Workshop

    with Workshop(workers=2, unsafe=True) as made:
        yield made
