"""Settings of every nbgrader command and of formgrader, run from this folder.

The folders carry the project's names, so `nbgrader generate_assignment 04_residual` reads
solutions/04_residual and writes exercises/04_residual.
"""

import os
import sys
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.converters import GenerateAssignment, GenerateFeedback
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
)

from autograder.course.nbgrader_cells import RestoreCells
from autograder.course.nbgrader_plugin import LockedIn, SaveGradesAndReasons
from autograder.course.nbgrader_release import Furnish
from autograder.course.rubric import WithoutRubrics

c = get_config()
root = Path(__file__).resolve().parent

# nbgrader calls alembic by name to make its gradebook: it is beside the Python that runs this,
# which need not be on the search path.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "convbook"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

# nbgrader copies what lies beside a source notebook into the release. These give answers away.
c.CourseDirectory.ignore = [
    "bank",
    "tasks.py",
    "variants.py",
    "classroom.py",
    "answers.json",
    "*private*",
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
]

# Every exercise gets its links, and says where help is, before anything else is done to it.
c.GenerateAssignment.preprocessors = [Furnish, *GenerateAssignment.preprocessors.default()]
# No link leads to a chapter that is still to be written.
chapters = root / "chapters"
c.Furnish.without_chapter = sorted(
    path.name
    for path in (root / "solutions").glob("*_*")
    if chapters.is_dir() and not (chapters / f"{path.name}.ipynb").is_file()
)

# nbgrader's own way to run a notebook lets a student's code forge its points. This engine takes
# its place: the code is locked in, and judged outside. An exercise's private key is taken from
# keys/NN_name.json.
c.Autograde.autograde_preprocessors = [
    LockedIn,
    IgnorePattern,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveGradesAndReasons,
    AssignLatePenalties,
    CheckCellMetadata,
]
# Whoever marks answers in words sees the rubric above them; the feedback does not show it.
c.GenerateFeedback.preprocessors = [WithoutRubrics, *GenerateFeedback.preprocessors.default()]
# Copied cells, and cells whose marks were lost, are put in order first.
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    DeduplicateIds,
    OverwriteKernelspec,
    RestoreCells,
    CheckCellMetadata,
]
# A test cell that a student deleted comes back, with what the answer is worth.
c.OverwriteCells.add_missing_cells = True

# Where release_assignment, fetch and collect meet: a folder of one's own unless the machine has a
# shared one (named by NBGRADER_EXCHANGE).
exchange = Path(os.environ.get("NBGRADER_EXCHANGE") or root / "_exchange")
if exchange == root / "_exchange" and not exchange.is_dir():
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)  # nbgrader wants it writable to everyone
c.Exchange.root = str(exchange)

# Whose the files in downloaded/04_residual/archive are: STUDENT_04_residual.ipynb, STUDENT.zip,
# nbgrader's own layout, and what Canvas and Moodle make of a class.
c.ZipCollectApp.collector_plugin = "autograder.course.nbgrader_collecting.Collector"
