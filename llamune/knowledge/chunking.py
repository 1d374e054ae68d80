"""Cuts a document into pieces that fit the embedding model, along its structure; nothing is lost or cut silently.

Pure: values in, values out. Pieces never reach over a heading, a clause or a function, so that each has one place to be
cited by. A table's pieces each begin with its header.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llamune.sources.document import Document, Kind, Section

SEPARATORS = (r"\n\s*\n", r"\n", r"(?<=[。！？!?])|(?<=\. )", r"(?<=[、，,;；])", r"\s")  # from strong to weak


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document.

    Args:
        key: the same for the same text in the same section of the same document.
        text: as it stands there, a table's with its header on top.
        section: the headings above it, joined by " › "; "" = none.
        context: title and headings, to be embedded before the text.
        kind, page, line: as in `Section`; where the piece's section begins.
        tokens: of `embedded`, as `count` counts.
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
    """The document's pieces, in order.

    Args:
        size: largest number of tokens of `Chunk.embedded`; at least 16.
        count: tokens of a text in the embedding model's own tokens.
    """
    found: list[Chunk] = []
    seen: dict[str, int] = {}
    for section in document.sections:
        place = " › ".join(section.path)
        context = _context(document.title, section, size, count)
        head = f"{section.header}\n" if section.header else ""
        before = f"{context}\n{head}" if context else head
        for piece in _pieces(section.text, lambda text, before=before: count(before + text) <= size):  # type: ignore[misc]
            key = _key(document.path, place, piece, seen)
            tokens = count(before + piece)
            found.append(Chunk(key, head + piece, place, context, section.kind, section.page, section.line, tokens))
    return found


def _context(title: str, section: Section, size: int, count: Callable[[str], int]) -> str:
    names = [title, *(name for name in section.path if name != title)]
    while names and count(" › ".join(names)) > size // 3:
        names.pop(0)
    return " › ".join(names)


def _key(path: str, place: str, piece: str, seen: dict[str, int]) -> str:
    base = "\0".join((path, place, piece))
    seen[base] = seen.get(base, 0) + 1
    return hashlib.sha256(f"{base}\0{seen[base]}".encode()).hexdigest()[:32]


def _pieces(text: str, fits: Callable[[str], bool], level: int = 0) -> Iterator[str]:
    text = text.strip()
    if not text:
        return
    if fits(text) or len(text) == 1:
        yield text
        return
    if level == len(SEPARATORS):
        half = len(text) // 2
        yield from _pieces(text[:half], fits, level)
        yield from _pieces(text[half:], fits, level)
        return
    held = ""
    for part in re.split(f"({SEPARATORS[level]})", text) if level < 2 else re.split(SEPARATORS[level], text):
        if held and not fits(held + part):
            yield from _pieces(held, fits, level + 1)
            held = ""
        held += part or ""
    yield from _pieces(held, fits, level + 1)
