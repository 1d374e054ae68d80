"""Tables: CSV and TSV by the standard library, Excel and OpenDocument sheets by calamine (values, never formulas).

A sheet's rows are counted before it is loaded, so that a million of them cost no memory.
"""

import csv
import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, StringIO
from itertools import chain
from typing import Any

from llamune.sources.ooxml import OLE, Archive, about, encrypted
from llamune.sources.outline import Outline
from llamune.sources.part import MAX_ROWS, Part, Unreadable
from llamune.sources.plain import decode


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part; one section per table, the rows one line each."""
    if name.lower().endswith((".csv", ".tsv")):
        yield _separated(decode(content), tab=name.lower().endswith(".tsv"))
    else:
        yield _book(content)


def _separated(text: str, *, tab: bool) -> Part:
    csv.field_size_limit(10_000_000)
    first = text.split("\n", 1)[0]
    separator = "\t" if tab else max(",;\t", key=first.count)
    outline = Outline()
    outline.at(line=1)
    _table(outline, csv.reader(StringIO(text), delimiter=separator))
    return Part(outline.sections())


def _book(content: bytes) -> Part:
    if encrypted(content):
        raise Unreadable("encrypted")
    if not content.startswith((b"PK", OLE)):
        raise Unreadable("disguised")
    try:
        from python_calamine import CalamineError, CalamineWorkbook, PasswordError
    except ImportError as error:
        raise Unreadable("package") from error
    archive = Archive(content) if content.startswith(b"PK") else None
    if archive:
        _few_rows(archive)
    outline = Outline()
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(content))
        for title in book.sheet_names:
            sheet = book.get_sheet_by_name(title)
            if sheet.height > MAX_ROWS:
                raise Unreadable("rows")
            outline.heading(title, 1)
            rows = _filled([[_said(v) for v in row] for row in sheet.to_python()], sheet)
            _table(outline, rows, (sheet.start or (0, 0))[0] + 1)
    except PasswordError as error:
        raise Unreadable("encrypted") from error
    except CalamineError as error:
        raise Unreadable("damaged") from error
    except BaseException as error:  # a panic of the library is no Exception
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise Unreadable("damaged") from error
    named, author, saved = about(archive) if archive else ("", "", "")
    return Part(outline.sections(), named, saved=saved, author=author)


def _few_rows(archive: Archive) -> None:
    for name in archive.names:
        if re.fullmatch(r"xl/worksheets/[^/]+\.xml", name) and archive.count(name, b"<row", MAX_ROWS) > MAX_ROWS:
            raise Unreadable("rows")


def _filled(rows: list[list[str]], sheet: Any) -> list[list[str]]:
    """Writes the value of cells that are merged downwards into each of their rows, so that a row stands alone."""
    top, left = sheet.start or (0, 0)
    for (row, column), (last, _right) in sheet.merged_cell_ranges or ():
        if row >= top and column >= left and column - left < sheet.width:
            for below in range(row - top + 1, min(last - top + 1, len(rows))):
                rows[below][column - left] = rows[row - top][column - left]
    return rows


def _table(outline: Outline, rows: Iterable[Sequence[str]], first: int = 1) -> None:
    """The first row with two cells or more is the header; the first line above it is the table's heading.

    Args:
        first: the number of the first row.
    """
    above: list[str] = []
    left = iter(rows)
    for number, row in enumerate(left, first):
        filled = [cell for cell in row if cell.strip()]
        if len(filled) > 1:
            if above and len(above[0]) <= 60:
                outline.heading(above.pop(0), 2)
            outline.text("\n".join(above))
            outline.table(chain([row], left), first=number)
            return
        above += filled
        if len(above) > MAX_ROWS:
            raise Unreadable("rows")
    outline.text("\n".join(above))


def _said(value: object) -> str:
    """A cell as its reader would see it: whole numbers without ".0", dates in ISO form."""
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return str(value)
