"""Reads what changed in the files of a corpus, cuts it and stores it; what is no longer there leaves the search.

A file counts as read at its end, so that what was stopped or killed costs the file at hand. No vectors are made here.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from llamune.i18n import _
from llamune.knowledge.chunking import chunks
from llamune.knowledge.corpus import Corpus, Root
from llamune.knowledge.embedders import Embedder
from llamune.knowledge.embedders.builtin import BuiltIn
from llamune.network import sealed
from llamune.sources import folder
from llamune.sources.document import Document, Kept, Read, Refused, Skipped, Stamp

Progress = Callable[[str, int, int], None]  # what is being done: "read", "embed", "index"; how many of how many


@dataclass(slots=True)
class Report:
    """What became of the files. `added`: path and number of pieces, of new and changed ones."""

    added: list[tuple[str, int]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: int = 0
    removed: int = 0


class Reader:
    """Reads the files of one corpus; its lock is held. `stopped` is to be set when it shall end with the file at hand.

    Args:
        embedder: says how large a piece may be.
    """

    def __init__(self, corpus: Corpus, embedder: Embedder | None, progress: Progress) -> None:
        self._corpus, self._progress = corpus, progress
        self._size = (embedder.size, embedder.count) if embedder else (BuiltIn.size, len)
        self.stopped = threading.Event()

    def read(self, roots: Sequence[Root]) -> Report:
        """Reads files and folders; for a thread of its own. Raises KnowledgeError."""
        report, done, known = Report(), 0, self._corpus.known()
        total = folder.total([root.path for root in roots])
        for root in roots:
            self._corpus.add_root(root)
            mentioned = set[str]()
            events = folder.read(
                [root.path],
                department=root.department,
                tags=root.tags,
                known=known,
                sealed=lambda argv: sealed.child(argv).argv,
            )
            with closing(events):
                for file, found in groupby(events, key=lambda event: event.file):
                    self._file(file, found, report, known.get(file))
                    mentioned.add(file)
                    done += 1
                    self._progress("read", done, max(total, done))
                    if self.stopped.is_set():
                        return report
            gone = [file for file in below(self._corpus.files(), root.path) if file not in mentioned]
            report.removed += self._corpus.vanish(gone)
        return report

    def _file(self, file: str, events: Iterable[Read], report: Report, before: Stamp | None) -> None:
        """Takes in one file. Only at its end it counts as read: what a crash left half read is read again."""
        documents, refused = list[str](), len(report.refused)
        stamp = None
        for event in events:
            self._take(event, report, before)
            if isinstance(event, Document):
                documents.append(event.path)
                stamp = event.stamp
        if stamp:
            self._corpus.complete(file, documents, stamp)
        elif before:  # the corpus has it as it was
            told = _("{reason}; what was read of it before stays")
            stay = [replace(r, reason=told.format(reason=r.reason)) for r in report.refused[refused:]]
            report.refused[refused:] = stay

    def _take(self, event: Read, report: Report, before: Stamp | None) -> None:
        match event:
            case Document():
                pieces = chunks(event, *self._size)
                self._corpus.put(event, pieces)
                report.added.append((event.path, len(pieces)))
            case Kept():
                if event.stamp != before:
                    self._corpus.restamp(event.file, event.stamp)
                report.unchanged += 1
            case Refused():
                report.refused.append(event)
            case Skipped():
                report.skipped.append(event)


def below(files: Iterable[str], root: Path) -> list[str]:
    """Those of `files` that are `root`, or lie below it."""
    folder = os.path.join(root, "")
    return [file for file in files if file == str(root) or file.startswith(folder)]
