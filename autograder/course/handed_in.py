"""Says whose a file of an archive is, by the names that learning platforms give to downloads.

Canvas (`lib/content_zipper.rb`): `NAME[_LATE]_USER_ATTACHMENT_FILE`, NAME in small letters without
spaces, the attachment's number growing with every upload, `-1` where a name came before; of an
anonymous assignment `[LATE_]anon_CODE_ATTACHMENT_FILE`.
Moodle (`mod/assign/classes/downloader.php`): a folder `NAME_NUMBER_assignsubmission_file/` (of
older ones with `_` at its end), or that as a prefix `..._file_FILE`; NAME is the full name
without underscores, or a group's.
nbgrader and by hand: `STUDENT/EXERCISE/EXERCISE.ipynb`, `STUDENT/EXERCISE.ipynb`, `STUDENT.zip`,
`STUDENT_EXERCISE.ipynb`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What macOS, Windows, Jupyter and editors leave in folders and zips.
RUBBISH = re.compile(
    r"(^|/)(__MACOSX|\.ipynb_checkpoints|__pycache__|@eaDir|\.git|\.venv|\.vscode|\.idea)(/|$)"
    r"|(^|/)(\._[^/]*|\.~[^/]*|~\$[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini|Icon\r)$"
)
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?$")
CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<user>\d+)_(?P<upload>\d+)_(?P<file>.+)$")
ANONYMOUS = re.compile(r"(?:LATE_)?(?P<name>anon_\w+?)(?:_LATE)?_(?P<upload>\d+)_(?P<file>.+)$")
LATE = re.compile(r"(?:^|_)LATE_")
SHORTEST_NUMBER = (
    3  # digits of a platform's numbers: `team_07_04_residual` is no download of Canvas
)
# What browsers, Colab, Jupyter, Drive, macOS and Windows add to the name of a further copy.
COPY = re.compile(
    r"^(?:copy of|kopie von|copie de|copia de) +"
    r"|(?:[ _-]*(?:\(\d+\)|\[\d+\])|~\d|-copy\d*| [-\u2013] (?:copy|kopie|copie|copia)(?: \d+)?"
    r"| copy(?: \d+)?)$",
    re.IGNORECASE,
)
NUMBERED = re.compile(r"[- ]\d{1,2}$")  # Canvas's and macOS's: `team-07` is no copy of `team`
NOTEBOOK = (".ipynb", ".ipynb.txt", ".ipynb.json")  # two of them are names that browsers make
NOBODY = {"", ".", "submissions", "submitted", "downloaded", "archive", "extracted", "download"}


@dataclass(frozen=True)
class Owner:
    """Whose a file is: a name, what else a platform says of them, and how late the upload was.

    `upload` grows with time where the platform counts uploads, and is None where it does not.
    """

    name: str
    marks: tuple[str, ...] = ()
    upload: int | None = None


def is_rubbish(path: str) -> bool:
    """Whether a system left this file, not a student."""
    return bool(RUBBISH.search(path))


def notebooks_among(paths: Iterable[Path]) -> list[Path]:
    """What may be notebooks: those that end so, else what a browser makes of them."""
    found = [path for path in paths if may_be_notebook(path.name) and not is_rubbish(path.name)]
    return [path for path in found if path.name.lower().endswith(".ipynb")] or found


def plain_stem(name: str) -> str:
    """A file's name without its ending and without what copying added to it."""
    endings = (*NOTEBOOK[::-1], ".zip")
    found = next((ending for ending in endings if name.lower().endswith(ending)), "")
    stem = name[: len(name) - len(found)].strip()
    while (shorter := COPY.sub("", stem).strip()) != stem:
        stem = shorter
    return stem


def student_before(name: str, exercise: str) -> str | None:
    """What stands before the exercise in a notebook's name, "" for nothing; None: another name."""
    stem = plain_stem(name)
    for candidate in (stem, plain_stem(NUMBERED.sub("", stem))):
        if found := re.fullmatch(rf"(?:(.+?)[_ -]+)?{_spelt(exercise)}", candidate, re.IGNORECASE):
            return found[1] or ""
    return None


def _spelt(exercise: str) -> str:
    """A pattern for an exercise's name: spaces and hyphens may stand for what joins its words."""
    return "[_ -]".join(map(re.escape, exercise.split("_")))


def may_be_notebook(name: str) -> bool:
    """Whether a file's name is a notebook's, or what a browser makes of one."""
    return name.strip().lower().endswith((*NOTEBOOK, ".json"))


def is_named_after(name: str, exercise: str) -> bool:
    """Whether a file's name is that of the exercise's notebook, perhaps with a student before."""
    return student_before(name, exercise) is not None


def owner_of(path: str, exercise: str) -> Owner | None:
    """Whose the notebook at a path within an archive is; None where its path does not say."""
    parts = [part for part in unicodedata.normalize("NFC", path).split("/") if part]
    for part in parts:
        if found := MOODLE.match(part):
            return Owner(found["name"], (found["number"],))
    for part in parts:
        if owner := _of_canvas(part):
            return owner
    *folders, file = parts
    inner = next((n for n, one in enumerate(folders, 1) if one.lower().endswith(".zip")), 0)
    ways = [folders[:inner], folders] if inner else [folders]  # a student's zip may hold folders
    if not inner and exercise in folders[1:]:  # nbgrader's own layout, whatever it lies in
        ways = [folders[folders.index(exercise, 1) - 1 :]]
    for folder in (folder for way in ways for folder in way):
        name = _folder_name(folder, exercise)
        if name.lower() not in NOBODY and not re.fullmatch(_spelt(exercise), name, re.IGNORECASE):
            return Owner(name)
    before = student_before(file, exercise)
    return Owner(before) if before else None


def is_called_late(path: str) -> bool:
    """Whether Canvas says in the name of a download that it was handed in late."""
    names = path.split("/")
    return any(_of_canvas(name) is not None and LATE.search(name) for name in names)


def _of_canvas(part: str) -> Owner | None:
    if found := ANONYMOUS.match(part):
        return Owner(found["name"], upload=int(found["upload"]))
    found = CANVAS.match(part)
    if found and len(found["user"]) + len(found["upload"]) >= 2 * SHORTEST_NUMBER:
        return Owner(found["name"], (found["user"],), int(found["upload"]))
    return None


def _folder_name(folder: str, exercise: str) -> str:
    """A folder's or zip's name as a student's: `mia.zip` is mia's, `mia_04_residual.zip` too."""
    stem = plain_stem(folder) if folder.lower().endswith(".zip") else folder.strip()
    return re.sub(rf"[_ -]+{_spelt(exercise)}$", "", stem, flags=re.IGNORECASE)
