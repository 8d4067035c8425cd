"""Puts a task that was graded again into a row of results, whose other tasks stay as they are."""

from __future__ import annotations

from typing import Any

from autograder.data.key import Key

UNFINISHED = ("timeout", "crashed")


def only_tasks(key: Key, names: tuple[str, ...]) -> Key:
    """The key of these tasks alone."""
    return key.model_copy(update={"tasks": {n: t for n, t in key.tasks.items() if n in names}})


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The row `old` with the tasks that `new` has, and their points.

    A status such as "timeout" stays where a task that stays has an error of that grading.
    """
    tasks = {name: new["tasks"].get(name, entry) for name, entry in old["tasks"].items()}
    left = [entry for name, entry in old["tasks"].items() if name not in new["tasks"]]
    of_others = old["status"] in UNFINISHED and any(e["verdict"] == "error" for e in left)
    about = old if of_others and new["status"] == "graded" else new
    row = {**new, "status": about["status"], "max_score": old["max_score"], "tasks": tasks}
    row["score"] = round(sum(entry["points"] for entry in tasks.values()), 4)
    row["limits"] = about.get("limits")
    row.pop("message", None)
    if about.get("message"):
        row["message"] = about["message"]
    return row
