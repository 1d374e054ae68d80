"""PDF through pdfium: the text of each page, lines put together to paragraphs, running heads left out.

Pages of pictures are not recognised (no OCR); a document of nothing else is refused. Scripts are never run.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

from llamune.sources.clauses import clause
from llamune.sources.outline import Outline
from llamune.sources.part import Part, Unreadable

ENDS = "。．.!?！？」』）)：:…"
PASSWORD = 4  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
SECURITY = 5
_BEGINS = re.compile(
    r"\u3000|\s*(?:[・•●○■◆※*＊–(（①-⑳-]|[0-9０-９]{1,3}[.．、)）\s])"
)  # a paragraph or an item of a list
_CJK = r"[\u3040-\u9fff\uff00-\uffef]"
_BETWEEN = re.compile(rf"(?<={_CJK}) (?=[!-~])|(?<=[!-~]) (?={_CJK})")


def read(content: bytes, name: str) -> Iterator[Part]:
    """One part. Bookmarks become headings where their text begins a line."""
    if b"%PDF-" not in content[:1024]:
        raise Unreadable("disguised")
    try:
        from pypdfium2 import PdfDocument, PdfiumError
    except ImportError as error:
        raise Unreadable("package") from error
    try:
        with PdfDocument(content) as document:
            yield _part(document)
    except PdfiumError as error:
        locked = getattr(error, "err_code", None) in (PASSWORD, SECURITY)
        raise Unreadable("encrypted" if locked else "damaged") from error


def _part(document: Any) -> Part:
    pages = [_lines(page) for page in document]
    if not any(map(any, pages)):
        raise Unreadable(
            "pictures" if any(True for page in document for _ in page.get_objects(max_depth=3)) else "empty"
        )
    marks = _bookmarks(document)
    lengths = sorted(len(line) for lines in pages for line in lines if line)
    wide = lengths[len(lengths) * 19 // 20] * 0.8  # a few wider lines, of tables, do not count
    outline = Outline()
    for number, lines in enumerate(_unbroken(_without_running_heads(pages))):
        outline.at(page=number + 1)
        for line in _paragraphs(lines, wide):
            level = marks.get((number, _folded(line)))
            outline.heading(line, level) if level else outline.text(line)
    about = document.get_metadata_dict()
    saved = _date(about["ModDate"] or about["CreationDate"])
    return Part(outline.sections(), about["Title"], saved=saved, author=about["Author"])


def _lines(page: Any) -> list[str]:
    text = page.get_textpage()
    # U+FFFE is a hyphen at a line's end
    found = _tight(text).replace("\r", "").replace("\ufffe\n", "").replace("\ufffe", "").split("\n")
    text.close()
    page.close()
    return [line.rstrip() for line in found]


def _tight(page: Any) -> str:
    """The page's text without the blanks that pdfium sees where Japanese and Latin letters stand a little apart."""
    text: str = page.get_text_range()
    if len(text) != page.count_chars():
        return text  # places in the text are not those on the page
    return _BETWEEN.sub(lambda found: found[0] if _apart(page, found.start()) else "", text)


def _apart(page: Any, at: int) -> bool:
    """Is the gap at a character wider than the quarter that typesetting puts in?"""
    left, bottom, right, top = page.get_charbox(at - 1, loose=True)
    return bool(page.get_charbox(at + 1, loose=True)[0] - right > 0.4 * max(top - bottom, right - left))


def _bookmarks(document: Any) -> dict[tuple[int, str], int]:
    """Page and text of each bookmark → its level."""
    found: dict[tuple[int, str], int] = {}
    for mark in document.get_toc(max_depth=6):
        target = mark.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            found[page, _folded(mark.get_title())] = mark.level + 1
    return found


def _folded(text: str) -> str:
    """For comparing: without blanks, and without the number that bookmarks often leave out."""
    return re.sub(r"^[0-9.]+(?=.)", "", re.sub(r"\s+", "", text))


def _without_running_heads(pages: Sequence[list[str]]) -> list[list[str]]:
    """Takes away first and last lines that stand on most pages, but for the page number in them."""
    pages = [[*lines] for lines in pages]
    for place in (0, -1):
        for _line in range(3):
            forms = [_forms(lines[place], number) if lines else set() for number, lines in enumerate(pages)]
            common, times = next(iter(Counter(chain(*forms)).most_common(1)), ("", 0))
            if times < 3 or times * 2 <= len(pages):
                break
            for lines, known in zip(pages, forms, strict=True):
                if common in known:
                    lines.pop(place)
    return pages


def _forms(line: str, page: int) -> set[str]:
    """What a line is as a running head: itself, or with its first or last number as an offset from the page."""
    found = {line.strip()} - {""}
    numbers = [*re.finditer(r"[0-9０-９]{1,5}", line)]
    for match in numbers[:1] + numbers[-1:]:
        if abs(offset := int(match[0]) - page) <= 50:  # more is no page number, but one of a contract or a bill
            found.add(f"{line[: match.start()]}#{offset}{line[match.end() :]}".strip())
    return found


def _unbroken(pages: list[list[str]]) -> list[list[str]]:
    """Moves the end of a sentence that a page break cuts to the page where it began."""
    for before, after in pairwise(pages):
        long = max(map(len, before), default=0) * 0.6
        if not before or len(before[-1]) < long or before[-1].endswith(tuple(ENDS)):
            continue
        end = next((number for number, line in enumerate(after[:4]) if "。" in line), None)
        if end is not None and not any(map(clause, after[: end + 1])):
            head, stop, tail = after[end].partition("。")
            before += [*after[:end], head + stop]
            after[: end + 1] = [tail] if tail else []
    return pages


def _paragraphs(lines: Sequence[str], wide: float) -> Iterator[str]:
    """Joins lines that were wrapped: the one before has at least `wide` characters and ends no sentence."""
    held = ""
    last = 0
    for line in lines:
        bare = line.strip()
        wrapped = held and bare and last >= wide and not held.endswith(tuple(ENDS))
        if wrapped and not _BEGINS.match(line) and not clause(bare):
            held += bare if held[-1] > "\u2e7f" or bare[0] > "\u2e7f" else f" {bare}"
        else:
            if held:
                yield held
            held = bare
        last = len(line)
    if held:
        yield held


def _date(stated: str) -> str:
    """D:20260401… as 2026-04-01."""
    match = re.match(r"D:(\d{4})(\d\d)(\d\d)", stated)
    return "-".join(match.groups()) if match else ""
