"""Figures of the book: one look, readable in grey and without red-green vision."""

from convbook.drawing.style import COLOURS, label_line, use_style

__all__ = ["COLOURS", "label_line", "use_style"]
