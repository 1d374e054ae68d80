"""Listings and fields: rows in aligned columns, made to fit any width. Makes text (ANSI)."""

from collections.abc import Sequence

from llamune import text
from llamune.commands.values import Column, Fields, Listing
from llamune.i18n import _
from llamune.shell.style import Style

GAP = 2
NARROW = 24  # columns; a value with less room than that goes below its name


def fields(value: Fields, columns: int, style: Style) -> str:
    """Names and values, aligned; on a narrow screen the value stands below its name."""
    wide = max((text.width(name) for name, _value in value.rows), default=0)
    room = columns - wide - GAP
    lines = []
    for name, said in value.rows:
        if room >= NARROW:
            first, *rest = text.folded(said, room).split("\n")
            lines.append(style(text.pad(name, wide), "dim") + " " * GAP + first)
            lines += [" " * (wide + GAP) + line for line in rest]
        else:
            lines.append(style(text.cut(name, columns), "dim"))
            lines += [" " * GAP + line for line in text.folded(said, columns - GAP).split("\n") if line]
    return "\n".join(lines)


def listing(value: Listing, columns: int, style: Style, glyphs: text.Glyphs) -> str:
    """Rows under headings, made to fit: spare columns go first, then long ones are cut."""
    if not value.rows:
        return style(value.empty or _("There is nothing to list."), "dim")
    rows = [[text.one_line(cell) for cell in row] for row in value.rows]
    shown = _layout(value.columns, rows, columns - 2)
    head = "  " + _line([c.title for c in value.columns], value.columns, shown)
    lines = [style(head.rstrip(), "dim")]
    for number, row in enumerate(rows):
        mark = glyphs.star + " " if number == value.marked else "  "
        lines.append((mark + _line(row, value.columns, shown)).rstrip())
    if value.after:
        lines.append(style(text.folded(value.after, columns), "dim"))
    return "\n".join(lines)


def _layout(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> dict[int, int]:
    """Which columns are shown, by index, and how wide each is."""
    shown = {i: max(text.width(c.title), *(text.width(r[i]) for r in rows)) for i, c in enumerate(columns)}

    def excess() -> int:
        return sum(shown.values()) + GAP * (len(shown) - 1) - room

    for i in sorted((i for i in shown if columns[i].spare), key=lambda i: -columns[i].spare):
        longest_cut = sum(max(0, shown[j] - columns[j].least) for j in shown if columns[j].least)
        if excess() > longest_cut / 2:
            del shown[i]
    while excess() > 0:
        widest = max(shown, key=lambda i: shown[i] if columns[i].least and shown[i] > columns[i].least else -1)
        if not (columns[widest].least and shown[widest] > columns[widest].least):
            widest = max(shown, key=lambda i: shown[i])
            if shown[widest] <= 4:
                break
        shown[widest] -= 1
    return shown


def _line(cells: Sequence[str], columns: Sequence[Column], shown: dict[int, int]) -> str:
    parts = []
    for i, wide in shown.items():
        cell = text.cut(cells[i], wide)
        parts.append(" " * (wide - text.width(cell)) + cell if columns[i].right else text.pad(cell, wide))
    return (" " * GAP).join(parts)
