"""HTML: what a reader would see, by headings, paragraphs, lists and tables; no scripts, styles, furigana."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser

from llamune.sources.outline import Outline, one_line
from llamune.sources.part import Part
from llamune.sources.plain import decode

UNSEEN = frozenset(("script", "style", "template", "noscript", "svg", "math", "object", "iframe", "select", "rt", "rp"))
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hr", "html", "li", "main", "nav", "ol", "p", "pre", "section",
    "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
DATES = ("date", "dcterms.date", "dcterms.modified", "article:modified_time", "article:published_time")
_CHARSET = re.compile(rb"<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part."""
    match = _CHARSET.search(content[:4096])
    yield page(decode(content, match[1].decode() if match else ""))


def page(text: str) -> Part:
    """The part that an HTML text is."""
    seen = _Page()
    seen.feed(text)
    seen.close()
    seen.end()
    meta = seen.meta
    date = next((meta[key][:10] for key in DATES if re.match(r"\d{4}-\d\d-\d\d", meta.get(key, ""))), "")
    return Part(seen.outline.sections(), one_line(seen.title) or seen.first, date, author=meta.get("author", ""))


class _Page(HTMLParser):
    """Collects text until something ends the paragraph. Unclosed tags are usual and do no harm."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.outline = Outline()
        self.meta: dict[str, str] = {}
        self.title = self.first = ""
        self._text: list[str] = []
        self._unseen: list[str] = []  # open tags whose content does not count
        self._tables: list[list[list[_Cell]]] = []
        self._in_title = self._pre = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._unseen.append(tag)
        elif tag == "meta":
            said = dict(attrs)
            self.meta[(said.get("name") or said.get("property") or "").lower()] = said.get("content") or ""
        elif tag == "title":
            self._in_title = True
        elif tag == "br":
            self._text.append("\n")
        elif tag in BLOCKS or _level(tag):
            self._open(tag, dict(attrs).get("rowspan") or "1")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            del self._unseen[self._unseen.index(tag) :]
        elif tag == "title":
            self._in_title = False
        elif tag in BLOCKS or _level(tag):
            self._close(tag)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._unseen:
            self._text.append(data if self._pre else re.sub(r"[ \t\r\n]+", " ", data))

    def end(self) -> None:
        """Ends what nobody closed."""
        while self._tables:
            self._close("table")
        self.paragraph()

    def paragraph(self, level: int = 0) -> None:
        """Ends the paragraph; a heading where `level` says so. Within a table it stays in its cell."""
        if self._tables and level == 0:
            self._text.append(" ")
            return
        text = "".join(self._text)
        self._text.clear()
        if level:
            self.first = self.first or one_line(text)
            self.outline.heading(text, level)
        else:
            self.outline.text(text if self._pre else "\n".join(map(str.strip, text.strip().split("\n"))))

    def _open(self, tag: str, rows: str) -> None:
        if _level(tag) and self._tables:
            self._cell()
            self.outline.text("\n".join(_line(row) for table in self._tables for row in table))
            self._tables.clear()  # a table with headings is a frame around the page
        if tag == "tr" and self._tables:
            self._cell()
            self._tables[-1].append([])
        elif tag in ("td", "th") and self._tables:
            self._cell()
            self._tables[-1] = self._tables[-1] or [[]]
            self._tables[-1][-1].append(_Cell("", int(rows) if rows.isdecimal() else 1))
        elif tag == "table":
            self._cell() if self._tables else self.paragraph()
            self._tables.append([])
        else:
            self.paragraph()
            self._pre = self._pre or tag == "pre"
            if tag == "li":
                self._text.append("・")

    def _close(self, tag: str) -> None:
        if tag == "table" and self._tables:
            self._cell()
            self._end_table(self._tables.pop())
        elif tag in ("td", "th", "tr") and self._tables:
            self._cell()
        else:
            self.paragraph(_level(tag) if not self._tables else 0)
            self._pre = self._pre and tag != "pre"

    def _cell(self) -> None:
        """Puts the text so far into the newest cell of the innermost table; what stands in no cell makes one."""
        text = "".join(self._text).strip()
        self._text.clear()
        if text:
            rows = self._tables[-1]
            if not rows or not rows[-1]:
                rows.append([_Cell("", 1)])
            rows[-1][-1].text = f"{rows[-1][-1].text} {text}".strip()

    def _end_table(self, rows: "list[list[_Cell]]") -> None:
        rows = [row for row in rows if row]
        lines = list(map(_line, rows))
        if self._tables:
            self._text.append(" ".join(lines))
        elif len(rows) > 1 and min(map(len, rows)) > 1 and max(map(len, lines)) < 2000:
            self.outline.table(_filled(rows))
        else:  # a frame around the page
            self.outline.text("\n".join(lines))


@dataclass(slots=True)
class _Cell:
    text: str
    rows: int  # that it spans


def _line(row: list[_Cell]) -> str:
    return " ".join(cell.text for cell in row)


def _filled(rows: list[list[_Cell]]) -> list[list[str]]:
    """A cell that spans rows says its text in each of them."""
    spans: dict[int, _Cell] = {}  # column → the cell that reaches into the next row
    found = []
    for row in rows:
        left, line = iter(row), list[str]()
        while cell := spans.get(len(line)) or next(left, None):
            cell.rows -= 1
            if cell.rows > 0:
                spans[len(line)] = cell
            else:
                spans.pop(len(line), None)
            line.append(cell.text)
        found.append(line)
    return found


def _level(tag: str) -> int:
    return int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456" else 0
