"""Names as people and platforms write them: turned round, joined, with and without accents."""

from __future__ import annotations

import itertools
import re
import unicodedata


def words_of(row: dict[str, str]) -> set[str]:
    """What may stand for a student: every cell, a name turned round, two cells together."""
    cells = [cell.strip() for cell in row.values() if cell.strip()]
    words = set(map(plain, cells))
    for cell in cells:
        parts = cell.replace(",", " ").split()
        turned = [parts[i:] + parts[:i] for i in range(len(parts))]
        words |= {plain("".join(part)) for part in turned}
        words.add(plain(cell.partition("@")[0]))
    words |= {plain(a + b) for a, b in itertools.permutations(cells, 2)}
    return words - {""}


def plain(text: str) -> str:
    """Letters and digits only, small, in one way of writing accents."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", text).casefold())
