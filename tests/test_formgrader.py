"""nbgrader's own commands and its formgrader, on the project's folders as they are."""

import csv
import shutil
import zipfile
from pathlib import Path

import nbformat
import pytest
import warm
from browser import MISSING, chromium, jupyterlab
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as ec
from selenium.webdriver.support.ui import WebDriverWait

from book.classroom import fill, students

EXERCISE = "04_residual"


def nbgrader(course: Path, *arguments: str) -> str:
    """Run a command of nbgrader in the course's folder; return what it said."""
    done = warm.run(["-m", "nbgrader", *arguments], course, together=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def grades(course: Path) -> dict[str, tuple[float, float]]:
    """Points and full points by student, from nbgrader's export."""
    nbgrader(course, "export")
    with (course / "grades.csv").open(newline="") as file:
        return {
            row["student_id"]: (float(row["score"]), float(row["max_score"]))
            for row in csv.DictReader(file)
        }


@pytest.fixture(scope="module")
def graded(tmp_path_factory, root):
    """A course taken through nbgrader from release to feedback, three students handing in."""
    course = tmp_path_factory.mktemp("course")
    shutil.copytree(
        root / "solutions" / EXERCISE,
        course / "solutions" / EXERCISE,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(root / "nbgrader_config.py", course)
    nbgrader(course, "generate_assignment", EXERCISE)
    nbgrader(course, "release_assignment", EXERCISE)

    released = nbformat.read(course / "exercises" / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    model = course / "solutions" / EXERCISE / f"{EXERCISE}.ipynb"
    answers = {student.name: student.answers for student in students(EXERCISE)}
    archive = course / "downloaded" / EXERCISE / "archive"
    archive.mkdir(parents=True)
    # Three ways in which a learning platform may hand a class over.
    nbformat.write(released, archive / f"untouched_{EXERCISE}.ipynb")
    with zipfile.ZipFile(archive / "model.zip", "w") as pack:
        pack.write(model, f"{EXERCISE}.ipynb")
    with zipfile.ZipFile(archive / "class.zip", "w") as pack:
        half = nbformat.writes(fill(released, answers["olga"]))
        pack.writestr(f"half_right/{EXERCISE}/{EXERCISE}.ipynb", half)
    nbgrader(course, "zip_collect", EXERCISE)
    nbgrader(course, "autograde", EXERCISE)
    nbgrader(course, "generate_feedback", EXERCISE)
    return course


@pytest.mark.notebook
def test_the_release_is_what_is_committed(graded, root):
    """Same files, same bytes: releasing twice changes nothing."""

    def files(folder):
        return {
            path.relative_to(folder): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    assert files(graded / "exercises" / EXERCISE) == files(root / "exercises" / EXERCISE)


@pytest.mark.notebook
def test_nothing_that_gives_an_answer_away_is_released(graded):
    names = {path.name for path in (graded / "exercises").rglob("*") if path.is_file()}
    assert f"{EXERCISE}.ipynb" in names
    assert not names & {"tasks.py", "classroom.py"}
    exchanged = {path.name for path in (graded / "_exchange").rglob("*") if path.is_file()}
    assert exchanged == names


@pytest.mark.notebook
def test_nbgrader_gives_full_partial_and_no_points(graded):
    points = grades(graded)
    assert set(points) == {"model", "half_right", "untouched"}
    full = points["model"][1]
    assert full > 0
    assert points["untouched"][0] == 0
    assert 0 < points["half_right"][0] < full
    # What a person marks (questions in words) is not in the score until they have.
    automatic = _points_of_checks(graded)
    assert points["model"][0] == automatic
    assert points["half_right"][0] < automatic


def _points_of_checks(course: Path) -> float:
    notebook = nbformat.read(course / "exercises" / EXERCISE / f"{EXERCISE}.ipynb", as_version=4)
    marks = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return sum(mark["points"] for mark in marks if mark.get("grade") and not mark.get("solution"))


@pytest.mark.notebook
def test_every_student_gets_a_feedback_page(graded):
    for student in ("model", "half_right", "untouched"):
        page = graded / "feedback" / student / EXERCISE / f"{EXERCISE}.html"
        assert "residual_block" in page.read_text(encoding="utf-8")


@pytest.mark.notebook
@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_formgrader_in_jupyterlab_shows_the_class(graded, tmp_path):
    with jupyterlab(graded) as address, chromium(tmp_path / "profile") as browser:
        wait = WebDriverWait(browser, 90)
        browser.get(f"{address}/lab")
        menu = "//div[contains(@class, 'lm-MenuBar-itemLabel') and text() = 'Nbgrader']"
        wait.until(ec.element_to_be_clickable((By.XPATH, menu))).click()
        entry = "//div[contains(@class, 'lm-Menu-itemLabel') and contains(text(), 'Formgrader')]"
        wait.until(ec.element_to_be_clickable((By.XPATH, entry))).click()
        frame = (By.CSS_SELECTOR, "iframe[src*='formgrader']")
        wait.until(ec.frame_to_be_available_and_switch_to_it(frame))
        submissions = (By.CSS_SELECTOR, f"a[href$='manage_submissions/{EXERCISE}']")
        wait.until(ec.element_to_be_clickable(submissions)).click()
        wait.until(ec.presence_of_element_located((By.XPATH, "//td[text() = 'half_right']")))
        rows = {
            cells[1].text: cells[4].text
            for row in browser.find_elements(By.CSS_SELECTOR, "tbody tr")
            if len(cells := row.find_elements(By.TAG_NAME, "td")) > 4
        }
        browser.save_screenshot(str(tmp_path / "formgrader.png"))
    expected = {name: f"{score:g} / {full:g}" for name, (score, full) in grades(graded).items()}
    assert rows == expected
