"""A page of the intranet as text: what it says, where it leads, and which of its pieces share most with a question.

Pure: bytes in, values out. No script runs and nothing is fetched here.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from llamune.address import Address
from llamune.chat.context import estimate
from llamune.chat.passage import Passage
from llamune.i18n import _
from llamune.knowledge.chunking import Chunk, chunks
from llamune.sources import html, plain
from llamune.sources.document import Document, Stamp
from llamune.text import one_line

PIECE = 300  # tokens of a passage
GIVEN = 5  # passages for the model
LOCATION = re.compile(r"<loc>\s*(.*?)\s*</loc>", re.DOTALL)
WORD = re.compile(r"[0-9a-z_]{2,}|[^\W\d_a-z]+")


class Unread(Exception):
    """A page was not read; the text says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of a page."""

    url: str
    title: str
    pieces: tuple[Chunk, ...]
    date: str = ""


def place(url: str) -> str:
    """Scheme, host and port of a URL; "" where it has none that can be called."""
    try:
        parts = urlsplit(url)
        return Address.parse(f"{parts.scheme}://{parts.netloc}").url if parts.scheme in ("http", "https") else ""
    except ValueError:
        return ""


def decoded(kind: str, body: bytes) -> str:
    """A page's text as it was sent, in the encoding that it names."""
    if kind and not re.match(r"(text/|application/(xhtml\+)?xml)", kind.lower()):
        raise Unread(_("not read: {kind}").format(kind=one_line(kind)))
    named = re.search(r"charset\s*=\s*[\"']?([\w-]+)", kind + body[:4096].decode("latin-1"), re.IGNORECASE)
    return plain.decode(body, named[1] if named else "")


def read_page(url: str, kind: str, body: bytes) -> Page:
    """A page in pieces."""
    text = decoded(kind, body)
    part = html.page(text if "plain" not in kind else f"<pre>{text.replace('<', '&lt;')}</pre>")
    digest = sha256(body).hexdigest()
    title = part.title or url
    document = Document(
        url, url, title, tuple(part.sections), part.date, part.author, "", (), digest, Stamp(len(body), 0, digest)
    )
    return Page(url, title, tuple(chunks(document, PIECE, estimate)), part.date)


class _Anchors(HTMLParser):
    """Collects links with their texts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and (target := dict(attrs).get("href")):
            self._open = target.partition("#")[0].strip()
            self.found.setdefault(self._open, "")

    def handle_endtag(self, tag: str) -> None:
        self._open = "" if tag == "a" else self._open

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[self._open] += data


def links(text: str, base: str) -> dict[str, str]:
    """The links of a page that lead to other pages, with their texts."""
    anchors = _Anchors()
    anchors.feed(text)
    found: dict[str, str] = {}
    for target, said in anchors.found.items():
        try:
            url = urljoin(base, target)
        except ValueError:
            continue
        if place(url):
            found.setdefault(url, said)
    return found


def locations(sitemap: str) -> list[str]:
    """The addresses in a sitemap, each once."""
    return list(dict.fromkeys(map(unescape, LOCATION.findall(sitemap))))


def terms(text: str) -> Counter[str]:
    """What two texts can have in common: Latin words; of other scripts, which have no blanks, pairs of characters."""
    found: Counter[str] = Counter()
    for word in WORD.findall(unicodedata.normalize("NFKC", text).casefold()):
        pairs = [word] if word[0].isascii() or len(word) < 3 else [word[i : i + 2] for i in range(len(word) - 1)]
        found.update(pairs)
    return found


def passages(pages: Sequence[Page], wanted: Counter[str]) -> tuple[Passage, ...]:
    """The pieces that share most with what is wanted; rare words count more. None that shares nothing."""
    pieces = [(page, piece, wanted.keys() & terms(piece.embedded).keys()) for page in pages for piece in page.pieces]
    common = Counter(term for _page_, _piece, shared in pieces for term in shared)
    scored = [
        (sum(math.log(1 + len(pieces) / common[t]) for t in shared) / math.sqrt(60 + piece.tokens), page, piece, shared)
        for page, piece, shared in pieces
        if shared
    ]
    scored.sort(key=lambda one: -one[0])
    return tuple(_passage(score, page, piece, shared) for score, page, piece, shared in scored[:GIVEN])


def _passage(score: float, page: Page, piece: Chunk, shared: Set[str]) -> Passage:
    headings = dict.fromkeys((page.title, *piece.section.split(" › ")))
    return Passage("intranet", page.url, " › ".join(filter(None, headings)), piece.text, piece.key,
                   date=page.date, score=score, matched=tuple(sorted(shared)))  # fmt: skip
