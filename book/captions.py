"""Captions: a code cell's metadata says what its figure shows, and the page shows it as a figure.

myst-nb has captions too, but gives a cell's caption to all that the cell displays, tables as well.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.transforms import SphinxTransform

from book.staging import FIGURE_NAME


class Captions(SphinxTransform):
    """Wraps the last picture of a captioned cell in a figure, which can be linked to."""

    default_priority = 400  # before quotation marks are made round

    def apply(self, **_: Any) -> None:
        """Called by Sphinx for each page."""
        for cell in list(self.document.findall(nodes.container)):
            caption = cell.get("cell_metadata", {}).get("caption")
            pictures = [part for part in cell.findall(_holds_a_picture) if caption]
            if not pictures:
                continue
            place = pictures[-1]
            figure = nodes.figure()
            # The name is for links, and unlike any other's in the book.
            figure["names"].append(
                f"{self.env.docname}-{cell['cell_metadata'][FIGURE_NAME]}".lower()
            )
            self.document.note_explicit_target(figure, figure)
            place.replace_self(figure)
            figure += [place, nodes.caption(caption, "", nodes.Text(caption))]


def _holds_a_picture(node: Any) -> bool:
    """Whether this is what myst-nb makes of one output, and there is a picture in it."""
    return (
        isinstance(node, nodes.container)
        and node.get("nb_element") == "mime_bundle"
        and next(iter(node.findall(nodes.image)), None) is not None
    )


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx of it, as an extension does."""
    app.add_transform(Captions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
