"""A table in rows of text: columns fitted to the screen, cells folded, nothing cut off.

Where the columns would become too narrow to read, each table row is written as "head: value" lines instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from llamune import text
from llamune.shell.runs import DIM, Line, Look, plain, restyle, split, width, wrap

GAP = 2  # columns between two columns
COLUMN = 10  # a column is made no narrower than this, or than its longest word up to WORD, or than it needs
WORD = 16
Align = str  # "left", "right" or "center"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as runs; a row may be shorter than the head."""

    head: Sequence[Line]
    body: Sequence[Sequence[Line]]
    aligns: Sequence[Align] = field(default=())


def render(table: Table, columns: int, look: Look) -> list[Line]:
    """The rows of the table, none wider than `columns`."""
    count = len(table.head)
    room = columns - GAP * (count - 1)
    cells = [[row[n] if n < len(row) else [] for row in (table.head, *table.body)] for n in range(count)]
    narrow, wide = [_narrowest(c) for c in cells], [_widest(c) for c in cells]
    if sum(narrow) > room:
        return _records(table, columns, look)
    return _grid(table, _fit(narrow, wide, room), look)


def _widest(cells: Sequence[Line]) -> int:
    return max(1, *(width(line) for cell in cells for line in split(cell)))


def _narrowest(cells: Sequence[Line]) -> int:
    words = (word for cell in cells for word in text.words(plain(cell)))
    longest = max([COLUMN, *(text.width(word) for word in words)])
    return min(longest, WORD, _widest(cells))


def _fit(narrow: list[int], wide: list[int], room: int) -> list[int]:
    """Widths between `narrow` and `wide` that fill `room`: the narrow columns get what they want first."""
    widths = list(narrow)
    free = room - sum(widths)
    while free > 0 and (wanting := [n for n in range(len(widths)) if widths[n] < wide[n]]):
        share = max(1, free // len(wanting))
        for n in wanting:
            more = min(share, wide[n] - widths[n], free)
            widths[n], free = widths[n] + more, free - more
    return widths


def _grid(table: Table, widths: list[int], look: Look) -> list[Line]:
    rule: Line = [((" " * GAP).join(look.glyphs.rule * w for w in widths), DIM)]
    head = _row([restyle(cell, "1") for cell in table.head], widths, table.aligns)
    body = [_row(row, widths, table.aligns) for row in table.body]
    folded = any(len(rows) > 1 for rows in body)
    out = [*head, rule]
    for n, rows in enumerate(body):
        if folded and n:
            out.append(rule)
        out += rows
    return out


def _row(cells: Sequence[Line], widths: list[int], aligns: Sequence[Align]) -> list[Line]:
    """One table row as screen rows."""
    columns = [wrap(cells[n], w) if n < len(cells) else [] for n, w in enumerate(widths)]
    out: list[Line] = []
    for y in range(max(1, *(len(c) for c in columns))):
        line: Line = []
        for n, column in enumerate(columns):
            piece = column[y] if y < len(column) else []
            left, right = _margins(widths[n] - width(piece), aligns[n] if n < len(aligns) else "left")
            last = n == len(columns) - 1
            line += [(" " * left, ""), *piece, ("" if last else " " * (right + GAP), "")]
        out.append(line)
    return out


def _margins(spare: int, align: Align) -> tuple[int, int]:
    spare = max(0, spare)
    if align == "right":
        return spare, 0
    return (spare // 2, spare - spare // 2) if align == "center" else (0, spare)


def _records(table: Table, columns: int, look: Look) -> list[Line]:
    """ "head: value" lines, a rule between two table rows."""
    rule: Line = [(look.glyphs.rule * min(columns, 12), DIM)]
    out: list[Line] = []
    if not table.body:
        return [row for cell in table.head for row in wrap(restyle(cell, "1"), columns)]
    for n, row in enumerate(table.body):
        if n:
            out.append(rule)
        for head, value in zip(table.head, [*row, *[[]] * len(table.head)], strict=False):
            label = [*restyle(head, "1"), (": ", "")] if plain(head) else []
            out += wrap([*label, *value], columns) if label or plain(value) else []
    return out
