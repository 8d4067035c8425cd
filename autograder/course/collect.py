"""Sorts what came back, a platform's zip or a folder, into nbgrader's `submitted/`.

Nothing is dropped without a sentence of its own, and nobody is held up by another's file.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import re
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course.grade import GradingProblem
from autograder.course.handed_in import (
    Owner,
    is_called_late,
    is_named_after,
    is_rubbish,
    may_be_notebook,
    owner_of,
)
from autograder.course.roster import Roster
from autograder.data.files import CannotWrite, readable_name, write_whole
from autograder.data.notebook import MOST_BYTES, NotANotebook, read_notebook

DEEPEST = 3  # zips in zips
MOST_FILES = 100_000
UNPACKING = (RuntimeError, zipfile.BadZipFile, NotImplementedError, OSError, EOFError,
             zlib.error, lzma.LZMAError)  # fmt: skip
LONGEST_NAME = 200  # bytes of a folder's name; file systems take 255


@dataclass(frozen=True)
class HandedIn:
    """A notebook of the archive: its path there, bytes, time of change, and whose it is."""

    path: str
    raw: bytes
    changed: tuple[int, ...]
    owner: Owner
    timestamp: str | None = None


@dataclass
class Collected:
    """What became of an archive: the students collected, and sentences by what they are about.

    `strangers` are collected too and on no roster, `kept` had another notebook there already. Of
    those `missing` from a roster, `left_out` has the notebooks that were not taken for this one.
    """

    students: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    kept: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    not_taken: list[tuple[Owner, str]] = field(default_factory=list)

    def see_who_is_missing(self, roster: Roster) -> None:
        """Note who of the roster is neither collected nor kept, and what they have handed in."""
        there = {*self.students, *self.kept}
        self.missing = [name for name in roster.students if name not in there]
        for owner, path in self.not_taken:
            student = roster.student(owner)
            if student in self.missing:
                self.left_out.setdefault(str(student), []).append(path)


def collect(
    archive: Path, exercise: str, into: Path, roster: Roster | None = None, force: bool = False
) -> Collected:
    """Put every student's notebook of `exercise` into `into`. Raises GradingProblem, CannotWrite.

    What is there already is kept unless `force`.
    """
    done = Collected()
    found = list(_notebooks(archive, exercise, done))
    by_student = _by_student(found, roster, done)
    for student, files in sorted(by_student.items()):
        chosen = latest(student, files, done)
        if chosen is not None:
            _put(student, chosen, exercise, into, force, done)
            if is_called_late(chosen.path):
                done.remarks.append(f"{student}: handed in late, as Canvas says of {chosen.path}")
    if roster is not None:
        done.see_who_is_missing(roster)
    return done


# What the archive holds


def _notebooks(archive: Path, exercise: str, done: Collected) -> Iterator[HandedIn]:
    rubbish = 0
    stamps: dict[str, str] = {}
    kept: list[tuple[str, bytes, tuple[int, ...]]] = []
    for path, raw, changed in _files(archive, done):
        if is_rubbish(path):
            rubbish += 1
        elif path.endswith("timestamp.txt"):
            stamps[path.rpartition("/")[0]] = raw.decode("utf-8", "replace").strip()
        else:
            kept.append((path, raw, changed))
    if rubbish:
        done.remarks.append(
            f"left out: {rubbish} of the files that macOS, Windows or Jupyter add by themselves"
        )
    root = _common_root([path for path, *_ in kept])
    for path, raw, changed in kept:
        sentence = _not_wanted(path, raw, exercise)
        owner = None if sentence else owner_of(path.removeprefix(root), exercise)
        if sentence or owner is None:
            done.remarks.append(f"left out: {path} ({sentence or 'its name says no student'})")
            stranger = owner_of(path.removeprefix(root), exercise)
            if stranger is not None and may_be_notebook(path):
                done.not_taken.append((stranger, path))
            continue
        stamp = stamps.get(path.rpartition("/")[0])
        yield HandedIn(path, raw, changed, owner, stamp)


def _common_root(paths: list[str]) -> str:
    """The folder that all files are in, where it holds several: it is nobody's."""
    tops = {path.partition("/")[0] for path in paths}
    seconds = {path.split("/")[1] for path in paths if path.count("/") >= 1}
    if len(tops) == 1 and len(seconds) > 1 and all("/" in path for path in paths):
        return f"{tops.pop()}/"
    return ""


def _not_wanted(path: str, raw: bytes, exercise: str) -> str:
    """Why a file is not the exercise's notebook; nothing where it is."""
    name = path.rpartition("/")[2]
    if not may_be_notebook(name):
        return "not a notebook"
    ending = name.strip().lower().endswith(".ipynb")
    if ending and is_named_after(name, exercise):
        return ""
    try:
        named = read_notebook(raw).exercise
    except NotANotebook as error:
        return str(error)
    if named == exercise or (named is None and is_named_after(name, exercise)):
        return ""
    return f"a notebook of exercise {named}" if named else f"not named after {exercise}"


def _files(archive: Path, done: Collected) -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Path, bytes and time of change of every file of a folder or zip, those of inner zips too."""
    if archive.is_dir():
        for path in sorted(archive.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = readable_name(path.relative_to(archive).as_posix())
                try:
                    raw, when = path.read_bytes(), time.localtime(path.stat().st_mtime)
                except OSError as error:
                    done.remarks.append(f"left out: {name} (it cannot be read: {error.strerror})")
                    continue
                yield from _file(name, raw, tuple(when[:6]), done, 0)  # as in a zip, local time
        return
    if not archive.is_file():
        raise GradingProblem(f"there is no {archive}: give the zip or the folder that came back")
    try:
        with zipfile.ZipFile(archive) as opened:
            yield from _members("", opened, done, 0)
    except (zipfile.BadZipFile, UnicodeDecodeError):
        raise GradingProblem(f"{archive} is not a zip file: give the zip or a folder") from None


def _file(
    name: str, raw: bytes, changed: tuple[int, ...], done: Collected, depth: int
) -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    if not name.lower().endswith(".zip") or is_rubbish(name):
        yield name, raw, changed
    elif depth >= DEEPEST:
        done.remarks.append(f"left out: {name} (zips in zips in zips)")
    else:
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as opened:
                yield from _members(f"{name}/", opened, done, depth + 1)
        except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, OSError) as error:
            done.remarks.append(f"left out: {name} (the zip cannot be read: {error})")


def _members(
    before: str, opened: zipfile.ZipFile, done: Collected, depth: int
) -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    members = opened.infolist()
    if len(members) > MOST_FILES:
        where = before.rstrip("/") or "the zip"
        done.remarks.append(f"left out: all of {where} after its first {MOST_FILES:,} files")
    for member in members[:MOST_FILES]:
        name = before + _name_of(member).replace("\\", "/")
        if member.is_dir():
            continue
        if member.file_size > MOST_BYTES:
            done.remarks.append(f"left out: {name} ({member.file_size:,} bytes)")
            continue
        try:
            with opened.open(member) as file:
                raw = file.read(MOST_BYTES + 1)
        except UNPACKING as error:
            done.remarks.append(f"left out: {name} (it cannot be unpacked: {error})")
            continue
        yield from _file(name, raw, tuple(member.date_time), done, depth)


def _name_of(member: zipfile.ZipInfo) -> str:
    """A member's name; macOS writes UTF-8 without saying so, which Python takes for DOS's."""
    if not member.flag_bits & 0x800:
        with contextlib.suppress(UnicodeError):
            return member.filename.encode("cp437").decode("utf-8")
    return member.filename


# Whose it is, and which counts


def _by_student(
    found: list[HandedIn], roster: Roster | None, done: Collected
) -> dict[str, list[HandedIn]]:
    """Files by student: by the roster, else by name; two of one name apart by their numbers."""
    numbers: dict[str, set[tuple[str, ...]]] = {}
    for file in found:
        numbers.setdefault(file.owner.name, set()).add(file.owner.marks)
    students: dict[str, list[HandedIn]] = {}
    for file in found:
        owner = file.owner
        known = roster.student(owner) if roster else None
        student = known or safe_name(owner.name)
        if known is None and len(numbers[owner.name]) > 1:
            student = safe_name("_".join((owner.name, *owner.marks)))
            done.remarks.append(f"{student}: several are called {owner.name}, told apart by number")
        if known is None and roster:
            done.remarks.append(f"{student}: not on the roster, or not one alone ({file.path})")
            done.strangers.add(student)
        if known is None and len(owner.name.encode()) > LONGEST_NAME:
            done.remarks.append(f"{student}: cut short, its name in the archive is too long")
        students.setdefault(student, []).append(file)
    return students


def safe_name(name: str) -> str:
    """A name that is one folder's, whatever it holds."""
    plain = re.sub(r"[/\\\x00-\x1f:*?\"<>|]", "_", name).strip(" .")
    return plain.encode()[:LONGEST_NAME].decode(errors="ignore").strip() or "_"


def latest(student: str, files: list[HandedIn], done: Collected) -> HandedIn | None:
    """The file that was handed in last; None, with a sentence, where nothing tells which."""
    if len({file.raw for file in files}) == 1:
        return files[0]
    for when in (lambda f: f.owner.upload, lambda f: _moment(f.timestamp), lambda f: f.changed):
        times = [when(file) for file in files]
        if None not in times and len(set(times)) == len(times):
            *earlier, last = sorted(files, key=when)  # type: ignore[arg-type]
            done.remarks.append(
                f"{student}: {len(files)} times, the last counts: {last.path}, not "
                + ", ".join(file.path for file in earlier)
            )
            return last
    done.remarks.append(
        f"{student}: not collected, {len(files)} different files and no time that tells which came "
        f"last: {', '.join(file.path for file in files)}. Take the others out and collect again"
    )
    return None


def _moment(stamp: str | None) -> Any:
    """The time that nbgrader noted, or None."""
    from nbgrader.utils import parse_utc

    try:
        return None if stamp is None else parse_utc(stamp)
    except ValueError:
        return None


def _put(
    student: str, file: HandedIn, exercise: str, into: Path, force: bool, done: Collected
) -> None:
    place = into / student / exercise / f"{exercise}.ipynb"
    try:
        if place.is_file() and place.read_bytes() != file.raw and not force:
            done.remarks.append(
                f"{student}: {place} holds another notebook and was kept; --force replaces it"
            )
            done.kept.append(student)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, file.raw)
        if file.timestamp:
            write_whole(place.parent / "timestamp.txt", f"{file.timestamp}\n".encode())
    except OSError as error:
        raise CannotWrite(place, error) from error
    if not is_named_after(file.path.rpartition("/")[2], exercise):
        done.remarks.append(f"{student}: {file.path} has another name, and says it is {exercise}")
    done.students[student] = file.path
