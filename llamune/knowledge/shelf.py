"""All corpora of a user: opened when needed, searched together, each with its own embedder and thresholds.

This is the `Knowledge` of the chat. It changes no documents; that is `indexing.py` with the lock of the corpus.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import cast

from llamune.chat.passage import Found, Passage, Strength
from llamune.errors import KnowledgeError, UsageError, near
from llamune.i18n import _
from llamune.knowledge import packing, schema
from llamune.knowledge.chroma import Vectors
from llamune.knowledge.corpus import FILE, Corpus
from llamune.knowledge.elsewhere import elsewhere
from llamune.knowledge.embedders import Embedder
from llamune.knowledge.embedders.chosen import chosen, default
from llamune.knowledge.embedders.ollama import Models
from llamune.knowledge.helper import Chats, Helper, completed, ordered
from llamune.knowledge.indexing import Indexer
from llamune.knowledge.opened import Opened, Stale
from llamune.knowledge.reading import Progress
from llamune.knowledge.retrieve import Scale

LIMIT = 5
DEEP = 20  # hits of each corpus that the log shows
PATIENCE = 2.0  # seconds to wait for a search elsewhere that is taking over changes
LONGEST_NAME = 120  # bytes


class Shelf:
    """The corpora below one folder.

    Args:
        home: the folder with a folder for each corpus.
        models: where models are found; None = no engine is asked.
        helping: the chat model that completes follow-ups and puts passages in order, at that moment; "" = none does.
    """

    def __init__(self, home: Path, models: Models | None = None, helping: Callable[[], str] = lambda: "") -> None:
        self._home, self._models, self._helping = home, models, helping
        self._open: dict[str, Opened] = {}
        self._using = asyncio.Lock()
        self._renewing: set[str] = set()

    async def corpora(self) -> tuple[str, ...]:
        return self.names()

    def names(self) -> tuple[str, ...]:
        """Every corpus there is."""
        return tuple(sorted(path.parent.name for path in self._home.glob(f"*/{FILE}")))

    async def search(
        self, question: str, corpora: Sequence[str], history: Sequence[str] = (), limit: int = LIMIT
    ) -> Found:
        notes, hits = list[str](), list[tuple[float, Passage, Scale]]()
        helper = self.helper(self._helping())
        asked = await completed(helper, question, history, notes)
        async with self._using:  # a corpus is used by one search at a time
            for name in dict.fromkeys(corpora):
                opened = await self.open(name)
                scale = opened.scale
                found, note = await opened.searcher().search(asked, scale, max(DEEP, limit))
                hits += [(passage.score - scale.lower, passage, scale) for passage in found]
                notes += [f"{name}: {note}"] if note else []
        hits.sort(key=lambda hit: -hit[0])
        outcome = _found(asked, hits, limit, notes)
        return await ordered(helper, outcome, limit) if helper else outcome

    def helper(self, model: str) -> Helper | None:
        """A chat model that helps; None for no name, or where there is no engine."""
        return Helper(cast(Chats, self._models), model) if model and self._models else None

    async def open(self, name: str) -> Opened:
        """A corpus with the embedder of its vectors, checked. Raises KnowledgeError where there is no such corpus."""
        folder = self.folder(name)
        if name not in self._open:
            self._open[name] = Opened(Corpus(folder), Vectors(folder))
        opened = self._open[name]
        await opened.check(self._models)
        if name in self._renewing:
            opened.remedy = None
        return opened

    def folder(self, name: str) -> Path:
        """Where a corpus lies. Raises KnowledgeError where there is none."""
        names = self.names()
        if name not in names:
            raise KnowledgeError(
                _("There is no collection called {name}.").format(name=name),
                _("Did you mean {names}?").format(names=", ".join(near(name, names) or names))
                if names
                else _("llamune knowledge add {name} FOLDER makes one.").format(name=name or "NAME"),
            )
        return self._home / name

    def create(self, name: str) -> None:
        """Makes a corpus where there is none. Raises UsageError for a name that cannot be one."""
        if name not in self.names():
            checked_name(name)
            Corpus.create(self._home / name).close()

    async def remove(self, name: str) -> None:
        """Removes a corpus; its documents stay where they are. Raises KnowledgeError."""
        folder = self.folder(name)
        if opened := self._open.pop(name, None):
            await opened.aclose()
        with schema.locked(folder), schema.translated(folder):
            (folder / FILE).unlink()  # from now on it is no corpus
            shutil.rmtree(folder)

    async def export(self, name: str, file: Path) -> None:
        """Writes a corpus into one new file, complete. Raises KnowledgeError, UsageError."""
        opened = await self.open(name)
        await asyncio.to_thread(packing.pack, opened.corpus, file)

    async def import_(self, file: Path, name: str, progress: Progress) -> str:
        """Takes a corpus in from a file that `export` wrote. Returns its name. Raises KnowledgeError, UsageError."""
        name = name or file.stem
        if name in self.names():
            raise UsageError(_("There is a collection called {name} already.").format(name=name))
        checked_name(name)
        await asyncio.to_thread(packing.unpack, file, self._home / name)
        opened = await self.open(name)
        with schema.locked(self._home / name):
            await opened.vectors.sync(lambda done, total: progress("index", done, total))
        return name

    async def embedder(self, wanted: str) -> Embedder | None:
        """The embedder of a name as the user writes it. Raises KnowledgeError, UsageError."""
        return await chosen(wanted, self._models)

    @asynccontextmanager
    async def changing(self, name: str, progress: Progress, embedder: str = "") -> AsyncIterator[Indexer]:
        """The right to change a corpus; afterwards it is measured again where much has changed.

        Args:
            embedder: another one from now on; "" = the one it has.
        """
        opened = await self.open(name)
        corpus = opened.corpus
        with schema.locked(self.folder(name), PATIENCE):
            wanted = embedder or corpus.setting("wanted") or default()
            indexer = Indexer(corpus, opened.vectors, await self.embedder(wanted), progress)
            if embedder:
                corpus.set(wanted=embedder)
            yield indexer
            opened = await self.open(name)
            await indexer.measure(opened.searcher(), opened.embedder)

    async def stale(self, corpora: Sequence[str]) -> list[Stale]:
        """Those that need a new index, with what it would be made by. Raises KnowledgeError."""
        async with self._using:
            found = [(await self.open(name)).stale() for name in corpora if name not in self._renewing]
        return [stale for stale in found if stale]

    async def renew(self, name: str, progress: Progress, embedder: str = "") -> bool:
        """Makes a new index of a corpus in a thread; the one there is serves until the new one is complete. Returns
        whether it is another one now: one that is up to date stays.

        Args:
            progress: told from other threads.
            embedder: as in `changing`.

        Raises: KnowledgeError, UsageError. Cancelled, it keeps what is done, and the next one goes on with it.
        """
        async with self._using:
            vectors = (await self.open(name)).vectors
        with closing(Corpus(self.folder(name))) as corpus:
            before = corpus.setting("embedder")

            async def work(models: Models | None) -> None:
                beside = Shelf(self._home, models)
                beside._open[name] = Opened(corpus, vectors)
                async with beside.changing(name, progress, embedder) as indexer:
                    try:
                        await indexer.embed()
                    except asyncio.CancelledError:  # the lock is held until the last thread has written
                        await asyncio.get_running_loop().shutdown_default_executor()
                        raise

            self._renewing.add(name)
            try:
                await elsewhere(work, self._models)
                return bool(corpus.setting("embedder") != before)
            finally:
                self._renewing.discard(name)

    async def aclose(self) -> None:
        for opened in self._open.values():
            await opened.aclose()
        self._open.clear()


def _found(asked: str, hits: Sequence[tuple[float, Passage, Scale]], limit: int, notes: Sequence[str]) -> Found:
    passages, seen = list[Passage](), set[str]()
    for margin, passage, _scale in hits:
        if margin >= 0 and passage.text not in seen and len(passages) < limit:
            seen.add(passage.text)
            passages.append(passage)
    strength: Strength = "none"
    thresholds = (0.0, 0.0)
    if hits:
        best, scale = hits[0][1], hits[0][2]
        thresholds = (round(scale.lower, 4), round(scale.upper, 4))
        strength = "strong" if best.score >= scale.upper else "weak" if passages else "none"
    return Found(asked, tuple(passages), strength, thresholds, tuple(hit[1] for hit in hits), tuple(notes))


def checked_name(name: str) -> None:
    """Raises UsageError for what cannot be the name of a corpus: one word, so that a chat can name it."""
    fine = name[:1] not in ("", ".", "-") and all(char.isalnum() or char in "-_." for char in name)
    if not fine or len(name.encode()) > LONGEST_NAME:
        raise UsageError(
            _("A collection cannot be called {name}.").format(name=name),
            _("Letters, digits, - and _ are fine, up to {n} bytes.").format(n=LONGEST_NAME),
        )
