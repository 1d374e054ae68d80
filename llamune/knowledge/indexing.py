"""Brings a corpus up to date: reads what changed, cuts it, embeds it, hands it to Chroma, measures itself.

Each step begins where the database says that something is missing, so that Ctrl-C, a crash or a full disk cost at most
the batch at hand, and doing all of it twice changes nothing. Another embedder, and a built-in one that has grown old,
make a new generation of vectors beside the one that is searched; it takes over when it is complete.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from llamune.errors import KnowledgeError
from llamune.i18n import _
from llamune.knowledge import calibrate, vectors
from llamune.knowledge.chroma import Vectors
from llamune.knowledge.chunking import chunks
from llamune.knowledge.corpus import Corpus, Root
from llamune.knowledge.embedders import BUILT_IN, NONE, Embedder
from llamune.knowledge.embedders.builtin import BuiltIn, Model, fit
from llamune.knowledge.helper import Helper
from llamune.knowledge.retrieve import Searcher
from llamune.network import sealed
from llamune.sources import folder
from llamune.sources.document import Document, Kept, Read, Refused, Skipped, Stamp

BATCH = 256  # entries that are embedded and stored at once
CHANGED = 0.1  # part of the passages after which the built-in embedder and the calibration are made anew
LATER = 100  # entries; so few the next search tells Chroma, which it opens anyway: that costs a second here
Progress = Callable[[str, int, int], None]  # what is being done: "read", "embed", "index"; how many of how many


@dataclass(slots=True)
class Report:
    """What became of the files. `added`: path and number of pieces, of new and changed ones."""

    added: list[tuple[str, int]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: int = 0
    removed: int = 0


class Indexer:
    """Changes one corpus. The caller holds its lock.

    Args:
        embedder: makes the vectors; None = keyword search only.
        progress: told often, from this thread or another.
    """

    def __init__(
        self, corpus: Corpus, index: Vectors, embedder: Embedder | None, progress: Progress = lambda *_: None
    ) -> None:
        self._corpus, self._vectors, self._embedder, self._progress = corpus, index, embedder, progress

    async def read(self, roots: Sequence[Root]) -> Report:
        """Reads files and folders, stores what changed, and lets go of what is no longer there."""
        stop = threading.Event()
        work = asyncio.ensure_future(asyncio.to_thread(self._read, roots, stop))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([work])
            raise

    async def embed(self) -> None:
        """Makes the vectors that are missing. Raises KnowledgeError when the embedder is gone."""
        if self._embedder is None:
            if self._corpus.setting("wanted") == NONE:  # and not where only a package is missing
                self._without()
            return
        now: Mapping[str, Any] = self._corpus.setting("embedder") or {}
        if await self._fits(now):
            await self._fill(now["generation"])
            if vectors.pending(self._corpus) > LATER:
                await self._vectors.sync(self._tell("index"))
        else:
            await self._renew()

    async def ask(self, helper: Helper) -> tuple[int, int]:
        """Lets a model write questions for the pieces that have none of it yet; each piece is stored when it is done.

        Returns: pieces asked about, questions written. Raises KnowledgeError.
        """
        model, written = await helper.name(), 0
        todo = await asyncio.to_thread(self._corpus.unasked, model)
        for number, (chunk, text) in enumerate(todo):
            self._progress("ask", number, len(todo))
            questions = await helper.questions(text)
            await asyncio.to_thread(self._corpus.put_questions, chunk, model, questions)
            written += len(questions)
        return len(todo), written

    def drop(self, path: Path) -> int:
        """Lets go of everything that was added from a file or folder. Returns how many documents."""
        files = _below(self._corpus.known(), path)
        self._corpus.remove_root(path)
        return self._corpus.vanish(files)

    async def measure(self, searcher: Searcher, embedder: Embedder | None) -> None:
        """Weights and thresholds, where none are known or much has changed since."""
        generation = vectors.generation(self._corpus)
        known = self._corpus.setting("scaled")
        if known and known["generation"] == generation and changed(self._corpus, known) <= CHANGED:
            return
        self._progress("measure", 0, 1)
        scale = await calibrate.calibrate(self._corpus, searcher, embedder)
        mark = {"generation": generation, **_mark(self._corpus)}
        self._corpus.set(scale=calibrate.stored(scale), scaled=mark)

    # reading, in a thread

    def _read(self, roots: Sequence[Root], stop: threading.Event) -> Report:
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
                    if stop.is_set():
                        return report
            gone = [file for file in _below(self._corpus.files(), root.path) if file not in mentioned]
            report.removed += self._corpus.vanish(gone)
        return report

    def _file(self, file: str, events: Iterable[Read], report: Report, before: Stamp | None) -> None:
        """Takes in one file. Only at its end it counts as read: what a crash left half read is read again."""
        documents = list[str]()
        stamp = None
        for event in events:
            self._take(event, report, before)
            if isinstance(event, Document):
                documents.append(event.path)
                stamp = event.stamp
        if stamp:
            self._corpus.complete(file, documents, stamp)

    def _take(self, event: Read, report: Report, before: Stamp | None) -> None:
        match event:
            case Document():
                size, count = (self._embedder.size, self._embedder.count) if self._embedder else (BuiltIn.size, len)
                pieces = chunks(event, size, count)
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

    # vectors

    async def _fits(self, now: Mapping[str, Any]) -> bool:
        """Whether the vectors in use are of this embedder as it is."""
        assert self._embedder is not None
        if now.get("name") != self._embedder.name:
            return False
        if self._embedder.name == BUILT_IN:
            return changed(self._corpus, now) <= CHANGED
        return bool(now["digest"] == await self._embedder.digest())

    async def _renew(self) -> None:
        """A new generation, which takes over at the end; one that was begun before is gone on with."""
        assert self._embedder is not None
        if not self._corpus.count()[1]:
            return  # nothing to make vectors of, or to fit on
        wanted = {"name": self._embedder.name, "digest": await self._embedder.digest()}
        begun = self._corpus.setting("next")
        if not begun or {key: begun[key] for key in wanted} != wanted:
            begun = await asyncio.to_thread(self._begin, wanted)
        generation = begun["generation"]
        await self._fill(generation)
        if await self._embedder.digest() != wanted["digest"]:
            raise KnowledgeError(_("{model} was replaced while the index was made.").format(model=wanted["name"]))
        await self._vectors.prepare(generation, self._tell("index"))
        with self._corpus.writing():
            self._corpus.put_settings({"embedder": begun, "next": None})
            self._corpus.connection.execute("DELETE FROM pending")
            self._corpus.connection.execute("DELETE FROM vector WHERE generation <> ?", (generation,))
            self._corpus.connection.execute("DELETE FROM model WHERE generation <> ?", (generation,))

    def _without(self) -> None:
        """Lets go of all vectors."""
        with self._corpus.writing():
            self._corpus.put_settings({"embedder": None, "next": None})
            for table in ("vector", "model", "pending"):
                self._corpus.connection.execute(f"DELETE FROM {table}")

    def _begin(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        ((before,),) = self._corpus.rows("SELECT coalesce(max(generation), 0) FROM vector")
        begun = {**wanted, "generation": max(before, vectors.generation(self._corpus)) + 1, **_mark(self._corpus)}
        model = None
        if wanted["name"] == BUILT_IN:
            self._progress("fit", 0, 1)
            model = fit([text for _, text in vectors.unembedded(self._corpus, begun["generation"], 0, -1)])
        with self._corpus.writing():
            self._corpus.put_settings({"next": begun})
            if model:
                row = (begun["generation"], model.terms, model.weights, model.basis)
                self._corpus.connection.execute("INSERT OR REPLACE INTO model VALUES (?, ?, ?, ?)", row)
        return begun

    async def _fill(self, generation: int) -> None:
        """Makes the vectors of a generation that are missing."""
        assert self._embedder is not None
        embedder = fitted(self._corpus, generation) if self._embedder.name == BUILT_IN else self._embedder
        total, done, last = vectors.missing(self._corpus, generation), 0, 0
        while some := vectors.unembedded(self._corpus, generation, last, BATCH):
            entries = [entry for entry, _text in some]
            made = await embedder.documents([text for _entry, text in some])
            await asyncio.to_thread(vectors.store, self._corpus, generation, entries, made)
            last, done = entries[-1], done + len(some)
            self._progress("embed", done, total)

    def _tell(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self._progress(what, done, total)


def changed(corpus: Corpus, since: Mapping[str, Any]) -> float:
    """The part of the passages that came or went since a mark was taken (see `_mark`)."""
    rows = corpus.rows("SELECT count(*), coalesce(sum(id <= ?), 0) FROM entry", since["last"])
    now, same = rows[0]
    return float((since["count"] - same + now - same) / max(1, now, since["count"]))


def fitted(corpus: Corpus, generation: int) -> BuiltIn:
    """The built-in embedder as it was fitted for a generation. Raises KnowledgeError when it is lost."""
    rows = corpus.rows("SELECT terms, weights, basis FROM model WHERE generation = ?", generation)
    if not rows:
        raise KnowledgeError(_("The built-in embedder of {name} is lost.").format(name=corpus.name))
    return BuiltIn(Model(*rows[0]))


def _mark(corpus: Corpus) -> dict[str, int]:
    """How a corpus stands: its newest entry and how many there are."""
    last, count = corpus.rows("SELECT coalesce(max(id), 0), count(*) FROM entry")[0]
    return {"last": last, "count": count}


def _below(files: Iterable[str], root: Path) -> list[str]:
    """Those of `files` that are `root`, or lie below it."""
    folder = os.path.join(root, "")
    return [file for file in files if file == str(root) or file.startswith(folder)]
