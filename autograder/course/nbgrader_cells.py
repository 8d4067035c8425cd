"""Puts a submission's cells in order for nbgrader where students copied or stripped them.

nbgrader 0.9.6 takes the marks of a copied cell away and leaves an empty dictionary, at which its
own `add_missing_cells` ends with KeyError; and it looks for the place of a missing cell at the one
before, which ends likewise where that is missing too. Such a submission is not graded at all.
"""

from __future__ import annotations

from typing import Any

from nbgrader.preprocessors import OverwriteCells

from autograder.data.notebook import checked_task


class RestoreCells(OverwriteCells):
    """`OverwriteCells` that gives lost marks back and adds at the end what is not there."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Drop marks without a name, then do as nbgrader does."""
        for cell in nb.cells:
            if not cell.metadata.get("nbgrader", {}).get("grade_id"):
                cell.metadata.pop("nbgrader", None)
        return super().preprocess(nb, resources)

    def add_missing_grade_cells(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Find each missing test cell among those without marks, by what it checks; else add it."""
        source = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        sources = {cell.name: cell for cell in source.source_cells}
        answers = {cell.name for cell in source.solution_cells}
        there = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in nb.cells}
        for grade in source.grade_cells:
            if grade.name in there:
                continue
            self.log.warning("The graded cell %s is not there: it is put back", grade.name)
            restored = self.missing_cell_transform(
                sources[grade.name], grade.max_score, is_solution=grade.name in answers
            )
            lost = self._without_marks(nb, checked_task(sources[grade.name].source or ""))
            if lost is None:
                nb.cells.append(restored)
            else:
                lost.metadata["nbgrader"] = restored.metadata["nbgrader"]
                lost.source = sources[grade.name].source
        return nb, resources

    def _without_marks(self, nb: Any, task: str | None) -> Any:
        """The first code cell without marks that checks a task, or None."""
        for cell in nb.cells:
            is_bare = cell.cell_type == "code" and "nbgrader" not in cell.metadata
            if task and is_bare and checked_task(cell.source) == task:
                return cell
        return None
