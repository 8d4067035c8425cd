"""Tells `nbgrader zip_collect` whose each extracted file is, as `autograder collect` sees it.

`nbgrader_config.py` names `Collector`. nbgrader stops the whole class at two files of one student
without times, and takes what macOS puts into zips for students.
"""

from __future__ import annotations

import re
from pathlib import Path

from nbgrader.plugins.zipcollect import FileNameCollectorPlugin
from traitlets import Unicode

from autograder.course.collect import Collected, HandedIn, latest, safe_name
from autograder.course.handed_in import is_named_after, is_rubbish, owner_of

NAMED = re.compile(r"\d\d_[a-z0-9_]+$")


class Collector(FileNameCollectorPlugin):
    """Finds student and exercise in the path of an extracted file."""

    extracted = Unicode("extracted", help="nbgrader's folder of extracted files").tag(config=True)

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """`student_id` and `file_id` of a file; None, and a warning, where it is left out."""
        root, exercise = self._root(submitted_file)
        if root is None or exercise is None:
            return None
        chosen = self._chosen(root, exercise)
        student = chosen.get(submitted_file)
        return None if student is None else {"student_id": student, "file_id": exercise}

    def _root(self, path: str) -> tuple[Path | None, str | None]:
        """The folder of extracted files, and the exercise by whose name its own folder goes."""
        for folder in Path(path).parents:
            if folder.name == self.extracted and NAMED.search(folder.parent.name):
                return folder, folder.parent.name
        return None, None

    def _chosen(self, root: Path, exercise: str) -> dict[str, str]:
        """The files that count, each with its student; warned of what is left out, once."""
        known: dict[Path, dict[str, str]] = self.__dict__.setdefault("_known", {})
        if root not in known:
            known[root] = self._look(root, exercise)
        return known[root]

    def _look(self, root: Path, exercise: str) -> dict[str, str]:
        students: dict[str, list[HandedIn]] = {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if not path.is_file() or is_rubbish(name) or path.suffix not in self.valid_ext:
                continue
            owner = owner_of(name, exercise) if is_named_after(path.name, exercise) else None
            if owner is None:
                self.log.warning("%s is left out: its name says no student or exercise", name)
                continue
            file = HandedIn(str(path), path.read_bytes(), (0,), owner)
            students.setdefault(safe_name(owner.name), []).append(file)
        done, chosen = Collected(), {}
        for student, files in students.items():
            last = latest(student, files, done)
            if last is not None:
                chosen[last.path] = student
        for remark in done.remarks:
            self.log.warning(remark)
        return chosen
