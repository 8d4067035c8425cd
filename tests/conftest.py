"""Settings of every test: no screen, no network, nothing written into the user's home."""

import gc
import os
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores; threads of one would only wait for those of another.
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")

ROOT = Path(__file__).resolve().parent.parent

# What takes a minute and more, and then what takes over ten seconds, begins first, so that at the
# end the workers stop at nearly the same moment: files, and tasks of the banks. The rest follows by
# its number of tests. The line "idle at the end" of a run says whether this needs another look.
LONGEST = (
    "test_backends.py",
    "test_attacks.py",
    "02_receptive_field-design_cnn",
    "04_residual-resnet",
    "06_inception-googlenet",
    "07_efficient-mobilenet_v2",
    "15_pose-hourglass",
    "test_grade.py",
    "test_mutation.py",
)
LONG = re.compile(
    r"test_(chapter|reward|checker|formgrader|nbgrader|gradebook|slips|structure|skeleton|deep_nets|"
    r"cli|release|data_page|residual|inception|efficient|site|demo|storing|parting)|\d\d_"
)


class ByFileAndTask(LoadScopeScheduling):
    """Keeps a file's tests in one process, but for the banks: each task's go where there is room.

    They share what takes long: a chapter's run, or what was seen of a task's answers. (pytest-xdist
    3.8 has `--dist loadgroup` for this, which with pytest 9.2 groups nothing, without a word.)
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file.endswith("test_bank.py"):
            return test.partition("[")[2].removesuffix("]")
        return file

    def _assign_work_unit(self, node: Any) -> None:
        if not self.assigned_work[node]:  # nothing has been given out yet, or to this one only
            ordered = sorted(self.workqueue.items(), key=lambda item: place_of(*item))
            self.workqueue.clear()
            self.workqueue.update(ordered)
        super()._assign_work_unit(node)


def place_of(scope: str, tests: dict[str, bool]) -> tuple[int, int]:
    """Where in the queue of work a file or a task stands."""
    name = scope.rpartition("/")[2]
    if name in LONGEST:
        return LONGEST.index(name), 0
    return len(LONGEST) + (not LONG.match(name)), -len(tests)


def pytest_collection_finish() -> None:
    """Take what has been imported out of each search for garbage: it is never any."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndTask:
    return ByFileAndTask(config, log)


LAST: dict[str, float] = {}  # when each worker's last test ended


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    node = getattr(report, "node", None)
    if node is not None:
        LAST[node.gateway.id] = time.monotonic()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if len(LAST) > 1:
        end = max(LAST.values())
        idle = ", ".join(f"{name} {end - last:.0f} s" for name, last in sorted(LAST.items()))
        terminalreporter.write_line(f"idle at the end: {idle}")


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


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_for_the_next_file():
    """A file's tests find the process as if they ran alone, whatever ran before them.

    Left by others were a shell, for which figures are drawn as in a notebook, a style of figures, a
    folder, and settings of Keras.
    """
    folder, environment, main = os.getcwd(), dict(os.environ), sys.modules["__main__"]
    keras = sys.modules.get("keras")
    settings = [getattr(keras.config, name)() for name in KERAS_SETTINGS] if keras else []
    with matplotlib.rc_context():
        yield
    os.chdir(folder)
    for name in (os.environ.keys() | environment) - {"PYTEST_CURRENT_TEST"}:
        if name not in environment:
            del os.environ[name]
        elif os.environ.get(name) != environment[name]:
            os.environ[name] = environment[name]
    sys.modules["__main__"] = main
    for name, value in zip(KERAS_SETTINGS, settings, strict=False):
        getattr(sys.modules["keras"].config, f"set_{name}")(value)
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
    shells = sys.modules.get("IPython.core.interactiveshell")
    if shells and shells.InteractiveShell.initialized():
        shells.InteractiveShell.instance().__class__.clear_instance()


KERAS_SETTINGS = ("floatx", "epsilon", "image_data_format", "dtype_policy")


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
    from autograder.running.workshop import Workshop

    with Workshop(workers=2, unsafe=True) as made:
        yield made
