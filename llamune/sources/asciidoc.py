"""AsciiDoc: titles, attributes, tables and blocks, by its line syntax. Includes and macros are never carried out."""

import re
from collections.abc import Iterator

from llamune.sources.outline import Outline
from llamune.sources.part import Part
from llamune.sources.plain import decode

_TITLE = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?")
_ATTRIBUTE = re.compile(r":!?([\w-]+)!?:[ \t]*(.*)")
_AUTHOR = re.compile(r"([^<:=|]+?)[ \t]*<[^>]*>.*")
_DATE = re.compile(r"(?:v[\w.]+,[ \t]*)?(\d{4}-\d{2}-\d{2}).*")
_FENCE = re.compile(r"(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|\+{4,}|/{4,}|--|```.*)")
_DROPPED = re.compile(r"//(?!/).*|\[[^\]]*\]|include::.*")

_CELL = re.compile(r"(?:(?:^|(?<=\s))(?:\d+\+)?[<^>.]*[aehlmsd]?)?(?<!\\)\|")  # with its span, alignment and style


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part."""
    outline = Outline()
    fields: dict[str, str] = {}
    fence = gap = ""
    rows: list[str] | None = None
    for number, line in enumerate(decode(content).splitlines(), 1):
        outline.at(line=number)
        bare = line.strip()
        if rows is not None:
            rows = _row(outline, rows, bare)
        elif fence:
            fence = "" if bare == fence else fence
            if fence and not fence.startswith("//"):
                outline.text(line, rules=False)
        elif bare == "|===":
            rows = []
        elif _FENCE.fullmatch(bare):
            fence = (
                "```"
                if bare.startswith("```")
                else ""
                if bare[:4] in ("====", "****", "____") or bare == "--"
                else bare
            )
        elif not _heading(outline, fields, bare) and not _about(fields, bare, number) and not _DROPPED.fullmatch(bare):
            outline.text(line, sep=gap or "\n")
        gap = "" if bare else "\n\n"
    _row(outline, rows or [], "|===")
    get = fields.get
    yield Part(outline.sections(), get("title", ""), get("revdate", ""), "", get("author", ""), get("department", ""))


def _heading(outline: Outline, fields: dict[str, str], line: str) -> bool:
    match = _TITLE.fullmatch(line)
    if match is None:
        return False
    if len(match[1]) == 1:
        fields.setdefault("title", match[2])
    outline.heading(match[2], len(match[1]))
    return True


def _about(fields: dict[str, str], line: str, number: int) -> bool:
    """Takes attributes anywhere, author and revision from the two lines below the title."""
    if match := _ATTRIBUTE.fullmatch(line):
        fields[match[1]] = match[2]
    elif number in (2, 3) and "title" in fields and (match := _AUTHOR.fullmatch(line)):
        fields.setdefault("author", match[1])
    elif number in (2, 3) and "title" in fields and (match := _DATE.fullmatch(line)):
        fields.setdefault("revdate", match[1])
    else:
        return False
    return True


def _row(outline: Outline, rows: list[str], line: str) -> list[str] | None:
    """Collects a table's lines; at its end gives the table. One row is one line, or as many cells as the first row."""
    if line != "|===":
        return [*rows, line]
    cells: list[list[str]] = []
    for row in rows:
        before, *found = (cell.strip() for cell in _CELL.split(row))
        if before and cells and cells[-1]:
            cells[-1][-1] += " " + before
        cells += [found] if found else []
    if cells and len(cells) > 1 and len(cells[0]) > 1 and all(len(row) == 1 for row in cells[1:]):
        wide, single = len(cells[0]), [row[0] for row in cells[1:]]
        cells = [cells[0], *(single[at : at + wide] for at in range(0, len(single), wide))]
    outline.table(cells)
    return None
