"""Word documents: what stands on the page, by Word's own headings and by clauses of rules.

Numbers that Word counts itself (第1条 by automatic numbering) are written out, deleted text and furigana are left out,
inserted text, text boxes, content controls and footnotes are read. Headers, footers and comments are not.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from llamune.sources.numbering import Numbering, Styles
from llamune.sources.ooxml import Archive, about
from llamune.sources.outline import Outline
from llamune.sources.part import Part, Unreadable

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ALTERNATE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
LEFT_OUT = frozenset((f"{W}del", f"{W}moveFrom", f"{W}rt", f"{W}pPr", f"{W}rPr", ALTERNATE))
MARKS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part."""
    archive = Archive(content)
    tree = archive.tree("word/document.xml")
    body = None if tree is None else tree.find(f"{W}body")
    if body is None:
        raise Unreadable("damaged")
    styles = Styles(archive.tree("word/styles.xml"))
    _write_notes(archive, body)
    reader = _Reader(styles, Numbering(archive.tree("word/numbering.xml"), styles))
    reader.blocks(body)
    title, author, saved = about(archive)
    yield Part(reader.outline.sections(), title or reader.title, saved=saved, author=author)


def _write_notes(archive: Archive, body: Element) -> None:
    """Puts footnotes and endnotes in brackets where they are referred to."""
    for kind in ("footnote", "endnote"):
        notes = archive.tree(f"word/{kind}s.xml")
        said = {} if notes is None else {note.get(f"{W}id"): " ".join(_text(note).split()) for note in notes}
        for reference in list(body.iter(f"{W}{kind}Reference")):
            if text := said.get(reference.get(f"{W}id")):
                reference.tag, reference.text = f"{W}t", f"（{text}）"


class _Reader:
    def __init__(self, styles: Styles, numbering: Numbering) -> None:
        self.outline = Outline()
        self.title = ""
        self._styles, self._numbering = styles, numbering

    def blocks(self, parent: Element) -> None:
        """Paragraphs and tables, through content controls and whatever else wraps them."""
        for child in parent:
            if child.tag == f"{W}p":
                self._paragraph(child)
            elif child.tag == f"{W}tbl":
                self._table(child)
            elif child.tag not in LEFT_OUT:
                self.blocks(child)

    def _paragraph(self, paragraph: Element) -> None:
        text = self._numbered(paragraph)
        level = self._styles.level(paragraph)
        if level is None or not text.strip() or len(text) > 200:
            self.outline.text(text)
        else:
            self.title = self.title or text
            self.outline.heading(text, level)
        for box in _boxes(paragraph):
            self.blocks(box)

    def _numbered(self, paragraph: Element) -> str:
        text = _text(paragraph)
        return self._numbering.label(paragraph) + text if text.strip() else ""

    def _table(self, table: Element) -> None:
        """Cells merged downwards say their value in every row. One cell or one column is a frame around text."""
        rows: list[list[str]] = []
        cells = [list(_within(row, f"{W}tc")) for row in _within(table, f"{W}tr")]
        if max(map(len, cells), default=0) < 2:
            for row in cells:
                for cell in row:
                    self.blocks(cell)
            return
        for row in cells:
            rows.append([])
            for cell in row:
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                goes_on = merged is not None and merged.get(f"{W}val", "continue") == "continue"
                above = rows[-2][len(rows[-1])] if len(rows) > 1 and len(rows[-1]) < len(rows[-2]) else ""
                rows[-1].append(above if goes_on else self._cell(cell))
                span = cell.find(f"{W}tcPr/{W}gridSpan")
                wide = "1" if span is None else span.get(f"{W}val", "1")
                rows[-1] += [""] * (min(int(wide), 64) - 1 if wide.isdecimal() else 0)
        self.outline.table(rows)

    def _cell(self, cell: Element) -> str:
        """All paragraphs of a cell, those of tables within it too."""
        return " ".join(filter(None, (self._numbered(paragraph) for paragraph in cell.iter(f"{W}p"))))


def _within(parent: Element, tag: str) -> Iterator[Element]:
    """Rows of a table or cells of a row, through content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in (f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml"):
            yield from _within(child, tag)


def _text(element: Element) -> str:
    found: list[str] = []
    for child in element:
        if child.tag == f"{W}t":
            found.append(child.text or "")
        elif child.tag in MARKS:
            found.append(MARKS[child.tag])
        elif child.tag not in LEFT_OUT and child.tag != f"{W}txbxContent":
            found.append(_text(child))
    return "".join(found)


def _boxes(element: Element) -> Iterator[Element]:
    """Text boxes that hang on a paragraph."""
    for child in element:
        if child.tag == f"{W}txbxContent":
            yield child
        elif child.tag not in LEFT_OUT:
            yield from _boxes(child)
