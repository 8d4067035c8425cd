"""Settings of nbgrader for the sheets of questions: the book's own, with this folder as root."""

from pathlib import Path

c = get_config()
root = Path(__file__).resolve().parent
load_subconfig("nbgrader_config.py", path=str(root.parent))

c.CourseDirectory.root = str(root)
# Sheets have no links into the book: `autograder.setting.questions` writes all they say.
c.GenerateAssignment.preprocessors = c.GenerateAssignment.preprocessors[1:]
