"""Cuts a document into pieces that fit the embedding model, along its structure; nothing is lost or cut silently.

Pure: values in, values out. A piece never reaches over a heading, a clause, a function or a page, so that it has one
place to be cited by; within one it is as large as fits, and ends where the text pauses: at paragraphs before lines,
sentences, commas, blanks. Each piece of a table begins with the table's header.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llamune.i18n import _
from llamune.sources.document import Document, Kind

SMALLEST = 16  # tokens: one character of a byte-level model, its marks, and a little context
LONGEST = 40  # characters in a token: a text with more than that times the size needs no counting
_SENTENCES, _COMMAS, _BLANKS = r"[。．！？!?]+[」』）)\]]*|\.\s", r"[、，,;；]", r"\s+"
ENDS: dict[Kind, tuple[str, ...]] = {  # where to cut, the best places first
    "text": (r"\n\s*\n", r"\n", _SENTENCES, _COMMAS, _BLANKS),
    "table": (r"\n", r" \| ", _SENTENCES, _COMMAS, _BLANKS),
    "code": (r"\n\s*\n", r"\n", _BLANKS),
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document.

    Args:
        key: the same for the same text in the same section of the same document.
        text: as it stands there, a table's with its header on top.
        section: the headings above it, joined by " › ", of a sheet also the rows; "" = none.
        context: title and headings, to be embedded before the text; the outermost are left out where they are long.
        kind, page: as in `Section`.
        line: where the section begins; of source code where the piece begins.
        tokens: of `embedded`.
    """

    key: str
    text: str
    section: str
    context: str
    kind: Kind
    page: int | None
    line: int | None
    tokens: int

    @property
    def embedded(self) -> str:
        """What the embedding model is to see; never longer than the size asked for."""
        return f"{self.context}\n{self.text}" if self.context else self.text


def chunks(document: Document, size: int, count: Callable[[str], int]) -> list[Chunk]:
    """The document's pieces, in order. Their texts hold every character of it but for blanks at the cuts.

    Args:
        size: largest number of tokens of `Chunk.embedded`, at least SMALLEST.
        count: how many tokens a text has in the embedding model's own terms, the model's marks included.
    """
    found: list[Chunk] = []
    seen: dict[str, int] = {}
    for section in document.sections:
        place = " › ".join(section.path)
        context = _context([document.title, *section.path], size // 3, count)
        head, body = f"{section.header}\n" if section.header else "", section.text
        row = section.row
        if count(head) > size // 3:
            head, body, row = "", head + body, row and row - 1
        cut = _Cut(f"{context}\n{head}" if context else head, ENDS[section.kind], size, count)
        for above, piece in _placed(cut.pieces(body), body):
            text = head + piece
            key = _key((document.path, document.title, place, text), seen)
            line = section.line
            if section.kind == "code" and line is not None:
                line += above
            where = " › ".join((*section.path, _rows(row + above, piece))) if row else place
            found.append(Chunk(key, text, where, context, section.kind, section.page, line, count(cut.before + piece)))
    return found


def _placed(pieces: Iterable[str], text: str) -> Iterator[tuple[int, str]]:
    """Each piece of `text` with the number of lines above it."""
    end = above = 0
    for piece in pieces:
        begin = text.index(piece, end)
        above += text.count("\n", end, begin)
        yield above, piece
        end, above = begin + len(piece), above + piece.count("\n")


def _rows(first: int, piece: str) -> str:
    last = first + piece.count("\n")
    return _("row {n}").format(n=first) if last == first else _("rows {a}–{b}").format(a=first, b=last)


def _context(names: Sequence[str], most: int, count: Callable[[str], int]) -> str:
    names = [name for number, name in enumerate(names) if name not in names[:number]]
    while names and count(" › ".join(names)) > most:
        names.pop(0)
    return " › ".join(names)


def _key(parts: Sequence[str], seen: dict[str, int]) -> str:
    base = "\0".join(parts)
    seen[base] = seen.get(base, 0) + 1  # the same text twice in one section
    return hashlib.sha256(f"{base}\0{seen[base]}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Cut:
    """Cuts texts that are embedded behind `before`."""

    before: str
    ends: tuple[str, ...]
    size: int
    count: Callable[[str], int]

    def pieces(self, text: str) -> Iterator[str]:
        for piece in self._cut(text, 0):
            if bare := piece.strip("\n").rstrip():
                yield bare

    def _fits(self, text: str) -> bool:
        return len(text) <= self.size * LONGEST and self.count(self.before + text) <= self.size

    def _cost(self, text: str) -> float:
        return self.count(text) - self.count("") if len(text) <= self.size * LONGEST else math.inf

    def _cut(self, text: str, level: int) -> Iterator[str]:
        """Pieces of a text that was already cut at all ends before `level`."""
        if not text.strip():
            return
        if self._fits(text) or len(text) == 1:
            yield text
        elif level == len(self.ends):
            yield from self._cut(text[: len(text) // 2], level)
            yield from self._cut(text[len(text) // 2 :], level)
        else:
            parts = _parts(text, self.ends[level])
            yield from self._packed(parts, level) if len(parts) > 1 else self._cut(text, level + 1)

    def _packed(self, parts: Sequence[str], level: int) -> Iterator[str]:
        """As many parts per piece as fit, judged by the sum of their costs, then counted once."""
        room = self.size - self.count(self.before)
        held: list[str] = []
        used = 0.0
        for part in parts:
            cost = self._cost(part)
            if held and used + cost > room:
                yield from self._checked(held, level)
                held, used = [], 0.0
            held.append(part)
            used += cost
        yield from self._checked(held, level)

    def _checked(self, parts: Sequence[str], level: int) -> Iterator[str]:
        text = "".join(parts)
        if len(parts) == 1:
            yield from self._cut(text, level + 1)
        elif not text.strip() or self._fits(text):
            yield text
        else:
            middle = len(parts) // 2
            yield from self._checked(parts[:middle], level)
            yield from self._checked(parts[middle:], level)


def _parts(text: str, end: str) -> list[str]:
    edges = [0, *(match.end() for match in re.finditer(end, text)), len(text)]
    return [text[a:b] for a, b in pairwise(edges) if a < b]
