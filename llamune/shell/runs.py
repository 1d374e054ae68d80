"""Runs of text with styles, laid out in rows: the material that the Markdown renderer works with.

A run is a text with the SGR codes that set it off ("" for none, "1" bold, "1;36" bold cyan); a line is a list of runs
without a line end. Rows are painted last, each complete in itself, so that a row can be cut, kept or dropped without
leaving a colour on. Knows no Markdown.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from llamune import text
from llamune.text import Glyphs

Run = tuple[str, str]
Line = list[Run]
DIM = "2"


@dataclass(frozen=True, slots=True)
class Look:
    """What this terminal can show.

    Args:
        color: False (NO_COLOR, pipes): no escape sequences at all; Markdown's own marks set the text off instead.
        glyphs: the signs for bullets, bars and rules.
    """

    color: bool = True
    glyphs: Glyphs = field(default_factory=lambda: text.glyphs("utf-8"))


def plain(line: Iterable[Run]) -> str:
    return "".join(part for part, _ in line)


def width(line: Iterable[Run]) -> int:
    return text.width(plain(line))


def both(outer: str, inner: str) -> str:
    """The codes of a style inside another."""
    return f"{outer};{inner}" if outer and inner else outer or inner


def restyle(line: Iterable[Run], style: str) -> Line:
    """The line with `style` around the styles it has."""
    return [(part, both(style, own)) for part, own in line]


def paint(line: Iterable[Run], color: bool) -> str:
    """One row for the terminal."""
    if not color:
        return plain(line)
    merged = [
        ("".join(part for part, _ in group), style) for style, group in itertools.groupby(line, key=lambda run: run[1])
    ]
    return "".join(f"\x1b[{style}m{part}\x1b[0m" if style and part else part for part, style in merged)


def split(runs: Iterable[Run]) -> list[Line]:
    """The runs taken apart at line ends."""
    lines: list[Line] = [[]]
    for part, style in runs:
        first, *others = part.split("\n")
        lines[-1].append((first, style))
        lines += [[(other, style)] for other in others]
    return lines


def wrap(runs: Iterable[Run], columns: int) -> list[Line]:
    """Rows of at most `columns` columns with kinsoku; blanks at row ends go."""
    return [trim(row) for line in split(runs) for row in _divide(line, text.breaks(plain(line), columns))]


def fold(line: Line, columns: int) -> list[Line]:
    """Rows of one line of code: cut at the last column wherever that is, nothing dropped."""
    return _divide(line, text.folds(plain(line), columns))


def trim(line: Line) -> Line:
    """The line without blanks at its end."""
    kept = list(line)
    while kept:
        part, style = kept.pop()
        if short := part.rstrip(" "):
            return [*kept, (short, style)]
    return []


def _divide(line: Line, offsets: Sequence[int]) -> list[Line]:
    """The line cut at `offsets` of its plain text."""
    rows: list[Line] = [[]]
    position, following = 0, iter([*offsets, -1])
    edge = next(following)
    for part, style in line:
        begin = 0
        while 0 <= edge < position + len(part):
            rows[-1].append((part[begin : edge - position], style))
            rows.append([])
            begin, edge = edge - position, next(following)
        rows[-1].append((part[begin:], style))
        position += len(part)
    return rows


def untab(line: str, stop: int = 4) -> str:
    """Tabs as blanks up to the next multiple of `stop` columns: only the terminal would know how wide a tab is."""
    if "\t" not in line:
        return line
    out, used = [], 0
    for part in line.split("\t"):
        used += text.width(part)
        fill = stop - used % stop
        out += [part, " " * fill]
        used += fill
    return "".join(out[:-1])


def beside(first: Line, rest: Line, rows: list[Line]) -> list[Line]:
    """The rows with `first` before the first one and `rest` before the others: list markers, bars of quotes."""
    return [trim([*(first if n == 0 else rest), *row]) for n, row in enumerate(rows or [[]])]
