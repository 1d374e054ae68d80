"""Answers beside one another, where the screen is wide enough: two from 100 columns, three from 150."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from llamune import text

TWO, THREE = 100, 150
GUTTER = 3  # " │ "

Cell = tuple[str, list[str]]  # head (plain), rows (may hold colours, never wider than the column)


def count(columns: int) -> int:
    """How many answers stand beside one another on a screen of that width."""
    return 3 if columns >= THREE else 2 if columns >= TWO else 1


def width(columns: int, beside: int) -> int:
    """Columns of each answer when `beside` of them share the screen."""
    return (columns - 1 - GUTTER * (beside - 1)) // beside


def arrange(cells: Sequence[Cell], columns: int, glyphs: text.Glyphs, plain: Callable[[str], str]) -> str:
    """The cells in as many columns as fit.

    Args:
        plain: a row without its colours, for measuring.
    """
    beside = min(count(columns), len(cells))
    wide = width(columns, beside)
    rows: list[str] = []
    for at in range(0, len(cells), beside):
        group = cells[at : at + beside]
        heads = [_rule(head, wide, glyphs) for head, _rows in group]
        rows.append(f"{glyphs.rule}{glyphs.cross}{glyphs.rule}".join(heads))
        for line in zip_longest(*(body for _head, body in group), fillvalue=""):
            padded = [row + " " * max(0, wide - text.width(plain(row))) for row in line]
            rows.append(f" {glyphs.bar} ".join(padded).rstrip())
    return "\n".join(rows)


def _rule(head: str, wide: int, glyphs: text.Glyphs) -> str:
    shown = text.cut(f" {head} ", wide - 4)
    return glyphs.rule * 2 + shown + glyphs.rule * max(0, wide - 2 - text.width(shown))
