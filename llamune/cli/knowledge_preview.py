"""`llamune knowledge preview FILE`: what would be read of a file and where it would be cut. Nothing is stored."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llamune.cli.output import show, show_json
from llamune.commands.values import Fields, Note, Shown, Verbatim
from llamune.i18n import _, ngettext
from llamune.knowledge.chunking import Chunk, chunks
from llamune.sources.document import Document, Kept
from llamune.sources.folder import read
from llamune.sources.worker import Sealed


def preview(paths: list[Path], size: int, count: Callable[[str], int], sealed: Sealed, *, as_json: bool) -> int:
    """Shows the passages of every document in files or folders. Returns the exit code: 5 where nothing could be read.

    Args:
        size, count: the embedder's, as in `chunking.chunks`.
        sealed: as in `folder.read`.
    """
    documents: list[dict[str, Any]] = []
    omitted: list[dict[str, str]] = []
    for event in read(paths, sealed=sealed):
        if isinstance(event, Document):
            found = chunks(event, size, count)
            documents.append(_as_json(event, found))
            if not as_json:
                show(*_shown(event, found, size))
        elif not isinstance(event, Kept):
            omitted.append({"path": event.path, "reason": event.reason})
            if not as_json:
                show(Note(f"{event.path}: {event.reason}", "warn"))
    if as_json:
        show_json({"documents": documents, "omitted": omitted})
    return 0 if documents else 5


def _as_json(document: Document, found: list[Chunk]) -> dict[str, Any]:
    about = {"path": document.path, "title": document.title, "date": document.date, "author": document.author}
    return {**about, "passages": [asdict(chunk) for chunk in found]}


def _shown(document: Document, found: list[Chunk], size: int) -> list[Shown]:
    longest = max((chunk.tokens for chunk in found), default=0)
    passages = ngettext("{n} passage", "{n} passages", len(found)).format(n=len(found))
    rows = [
        (_("file"), document.path),
        (_("title"), document.title),
        (_("date"), document.date),
        (_("author"), document.author),
        (_("passages"), _("{passages}, the longest {longest} of {size} tokens").format(
            passages=passages, longest=longest, size=size
        )),
    ]  # fmt: skip
    return [Fields([row for row in rows if row[1]]), *(_piece(n, chunk) for n, chunk in enumerate(found, 1))]


def _piece(number: int, chunk: Chunk) -> Verbatim:
    told = [f"{number}", ngettext("{n} token", "{n} tokens", chunk.tokens).format(n=chunk.tokens)]
    if chunk.page:
        told.append(_("page {n}").format(n=chunk.page))
    elif chunk.line:
        told.append(_("line {n}").format(n=chunk.line))
    return Verbatim(" · ".join([*told, chunk.section or "–"]), chunk.text)
