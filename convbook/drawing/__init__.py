"""Figures of the book: one look, readable in grey and without red-green vision."""

from convbook.drawing.blocks import draw_block
from convbook.drawing.charts import draw_curves
from convbook.drawing.style import COLOURS, WIDTH, label_line, use_style
from convbook.drawing.tables import show_table

__all__ = [
    "COLOURS",
    "WIDTH",
    "draw_block",
    "draw_curves",
    "label_line",
    "show_table",
    "use_style",
]
