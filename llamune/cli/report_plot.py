"""Bars as SVG, one per candidate: drawn for a column of a page, coloured by the page's style sheet.

Knows numbers and labels only. Labels are escaped here.
"""

from collections.abc import Iterator, Sequence
from html import escape

from llamune.text import cut

WIDTH = 360  # units; a label has a row of its own, so that it can be read on a telephone
ROW = 40
BAR = 12
VALUE = 84  # room behind the bar for its number
LABEL = 50  # columns

Bar = tuple[str, float | None, str]  # label, value, value as it is written


def bars(title: str, rows: Sequence[Bar], *, most: float | None = None) -> str:
    """A figure with a bar for every row; one without a value has none.

    Args:
        most: the value of a whole bar; None = the largest there is.
    """
    top = most or max((value or 0.0 for _label, value, _said in rows), default=0.0) or 1.0
    drawn = "".join(_bar(n, row, top) for n, row in enumerate(rows))
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {ROW * len(rows)}">{drawn}</svg></figure>'
    )


def _bar(number: int, row: Bar, top: float) -> str:
    return "".join(_parts(number * ROW, *row, top))


def _parts(y: int, label: str, value: float | None, said: str, top: float) -> Iterator[str]:
    room = WIDTH - VALUE
    yield f'<text class="label" x="0" y="{y + 14}">{escape(cut(label, LABEL))}</text>'
    yield f'<rect class="track" x="0" y="{y + 20}" width="{room}" height="{BAR}" rx="2"/>'
    if value:
        wide = max(1.0, min(1.0, value / top) * room)
        yield f'<rect class="bar" x="0" y="{y + 20}" width="{wide:.1f}" height="{BAR}" rx="2"/>'
    yield f'<text class="value" x="{room + 8}" y="{y + 31}">{escape(said or "–")}</text>'
