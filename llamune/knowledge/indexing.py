"""Brings a corpus up to date: what changed is read (reading.py), embedded, handed to Chroma; then it measures itself.

Each step begins where the database says that something is missing, so that Ctrl-C, a crash or a full disk cost at most
the batch at hand, and doing all of it twice changes nothing. Another embedder, and a built-in one that has grown old,
make a new generation of vectors beside the one that is searched; it takes over when it is complete.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from llamune.errors import KnowledgeError
from llamune.i18n import _
from llamune.knowledge import calibrate, vectors
from llamune.knowledge.chroma import Vectors
from llamune.knowledge.corpus import Corpus, Root
from llamune.knowledge.embedders import BUILT_IN, NONE, Embedder
from llamune.knowledge.embedders.builtin import BuiltIn, Model, fit
from llamune.knowledge.helper import Helper
from llamune.knowledge.reading import Progress, Reader, Report, below
from llamune.knowledge.retrieve import Searcher

BATCH = 256  # entries that are embedded and stored at once
CHANGED = 0.1  # part of the passages after which the built-in embedder and the calibration are made anew
LATER = 100  # entries; so few the next search tells Chroma, which it opens anyway: that costs a second here
T = TypeVar("T")


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
        reader = Reader(self._corpus, self._embedder, self._progress)
        return await _stoppable(lambda: reader.read(roots), reader.stopped)

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
        files = below(self._corpus.known(), path)
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
            stopped = threading.Event()
            begun = await _stoppable(lambda: self._begin(wanted, stopped), stopped)
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

    def _begin(self, wanted: Mapping[str, str], stopped: threading.Event) -> dict[str, Any]:
        def step(done: int, total: int) -> None:
            if stopped.is_set():
                raise InterruptedError
            self._progress("fit", done, total)

        ((before,),) = self._corpus.rows("SELECT coalesce(max(generation), 0) FROM vector")
        begun = {**wanted, "generation": max(before, vectors.generation(self._corpus)) + 1, **_mark(self._corpus)}
        model = None
        if wanted["name"] == BUILT_IN:
            model = fit([text for _, text in vectors.unembedded(self._corpus, begun["generation"], 0, -1)], step)
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


async def _stoppable(work: Callable[[], T], stopped: threading.Event) -> T:
    """What `work` gives, in a thread. When this is cancelled, `stopped` is set, and its end is waited for."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.gather(thread, return_exceptions=True)
        raise


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
