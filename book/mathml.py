"""Formulas as MathML, made when the book is built: no script draws them, no network is asked."""

from __future__ import annotations

import html
import re
from typing import Any

from docutils.nodes import SkipNode  # type: ignore[import-untyped]
from latex2mathml.converter import convert


def mathml(latex: str, display: str = "inline") -> str:
    """Return the MathML of a formula.

    Args:
        latex: the formula, without its dollar signs.
        display: "inline" or "block".
    """
    # The converter wants braces around a styled letter, and knows no environments of display.
    braced = re.sub(r"\\(math[a-z]+|operatorname)\s+([A-Za-z0-9])", r"\\\1{\2}", latex)
    return convert(braced, display=display)


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx of it, as an extension does: `html_math_renderer = "mathml"`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(mathml(node.astext()))
    raise SkipNode


def _block(translator: Any, node: Any) -> None:
    label = f' id="{html.escape(node["ids"][0])}"' if node.get("ids") else ""
    formula = mathml(node.astext(), "block")
    # Where the page is narrower than the formula, it scrolls: with the keys too.
    translator.body.append(f'<div class="formula" tabindex="0"{label}>{formula}</div>\n')
    raise SkipNode
