"""All corpora of a user: opened when needed, searched together, each with its own embedder and thresholds.

This is the `Knowledge` of the chat. It changes no documents; that is `indexing.py` with the lock of the corpus.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from llamune.chat.passage import Found, Passage, Strength
from llamune.errors import KnowledgeError, UsageError, near
from llamune.i18n import _
from llamune.knowledge import calibrate, packing, schema
from llamune.knowledge.chroma import Vectors, no_extra
from llamune.knowledge.corpus import FILE, Corpus
from llamune.knowledge.embedders import BUILT_IN, NONE, Embedder
from llamune.knowledge.embedders.builtin import BuiltIn
from llamune.knowledge.embedders.ollama import EngineEmbedder, Models
from llamune.knowledge.helper import Chats, Helper, completed, ordered
from llamune.knowledge.indexing import Indexer, Progress, fitted
from llamune.knowledge.retrieve import Scale, Searcher

LIMIT = 5
DEEP = 20  # hits of each corpus that the log shows
PATIENCE = 2.0  # seconds to wait for a search elsewhere that is taking over changes
LONGEST_NAME = 120  # bytes


@dataclass(slots=True)
class Opened:
    """A corpus in use. `embedder`: what made its vectors, None = they cannot be asked, and `note` says why."""

    corpus: Corpus
    vectors: Vectors
    generation: int
    embedder: Embedder | None = None
    note: str = ""

    @property
    def scale(self) -> Scale:
        return calibrate.restored(self.corpus.setting("scale"))

    def searcher(self) -> Searcher:
        return Searcher(self.corpus, self.vectors, self.embedder, self.note)

    async def aclose(self) -> None:
        await self.vectors.aclose()
        self.corpus.close()


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
        opened = self._open.get(name)
        if opened is None:
            opened = self._open[name] = Opened(Corpus(folder), Vectors(folder), -1)
        used = opened.corpus.setting("embedder") or {"generation": 0}
        if opened.generation != used["generation"]:
            opened.generation, opened.embedder = used["generation"], None
        opened.note = ""
        if not used["generation"]:
            opened.note = _unready(opened.corpus)
        if used["generation"]:
            await self._check(opened, used["name"], used["digest"])
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
        kind, _sep, name = wanted.partition(":")
        if wanted == NONE:
            return None
        if wanted == BUILT_IN:
            if default_embedder() != BUILT_IN:
                raise no_extra()
            return BuiltIn()
        if kind == "ollama" and name and self._models:
            return await EngineEmbedder.open(name, self._models)
        if kind == "folder" and name:
            from llamune.knowledge.embedders.transformers import FolderEmbedder

            return await asyncio.to_thread(FolderEmbedder, Path(name))
        raise UsageError(
            _("There is no embedder called {name}.").format(name=wanted),
            _("builtin, ollama:MODEL, folder:PATH, or none for keyword search alone."),
        )

    @asynccontextmanager
    async def changing(self, name: str, progress: Progress, embedder: str = "") -> AsyncIterator[Indexer]:
        """The right to change a corpus; afterwards it is measured again where much has changed.

        Args:
            embedder: another one from now on; "" = the one it has.
        """
        opened = await self.open(name)
        corpus = opened.corpus
        with schema.locked(self.folder(name), PATIENCE):
            chosen = embedder or corpus.setting("wanted") or default_embedder()
            indexer = Indexer(corpus, opened.vectors, await self.embedder(chosen), progress)
            if embedder:
                corpus.set(wanted=embedder)
            yield indexer
            opened = await self.open(name)
            await indexer.measure(opened.searcher(), opened.embedder)

    async def aclose(self) -> None:
        for opened in self._open.values():
            await opened.aclose()
        self._open.clear()

    async def _check(self, opened: Opened, name: str, digest: str) -> None:
        """Opens the embedder where it is not open yet, and sees that it is the one that made the vectors."""
        try:
            if opened.embedder is None and name == BUILT_IN:
                opened.embedder = await asyncio.to_thread(fitted, opened.corpus, opened.generation)
            elif opened.embedder is None:
                opened.embedder = await self.embedder(name)
            if name == BUILT_IN or (opened.embedder and await opened.embedder.digest() == digest):
                return
            told = _("{model} is another model now than the one that made the index: keyword search only.")
            opened.note = f"{told.format(model=name)} {_renewal(opened.corpus.name, '')}"
        except (KnowledgeError, UsageError) as error:
            told = _renewal(opened.corpus.name, " --embedder builtin")
            opened.note = " ".join((error.message, _("Keyword search only."), told))
        except ImportError:
            opened.note = " ".join((no_extra().message, _("Keyword search only.")))
        opened.embedder = None


def default_embedder() -> str:
    """The built-in one where its packages are there."""
    return BUILT_IN if find_spec("scipy") and find_spec("chromadb") else NONE


def _renewal(name: str, flag: str) -> str:
    """How a corpus gets an index that can be used again."""
    told = _("In another terminal: llamune knowledge update {name} makes a new index while this one serves.")
    return told.format(name=f"{name}{flag}")


def _unready(corpus: Corpus) -> str:
    """Why a corpus has no vectors; "" where none are wanted."""
    wanted = corpus.setting("wanted")
    if wanted == NONE:
        return ""
    if not wanted and default_embedder() == NONE:
        return f"{no_extra().message} {no_extra().hint}"
    told = _("Its vectors are not complete, keyword search only: llamune knowledge update {name} goes on.")
    return told.format(name=corpus.name)


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
    """Raises UsageError for what cannot be the name of a corpus."""
    fine = name.strip() == name and name[:1] not in ("", ".") and all(char.isalnum() or char in "-_. " for char in name)
    if not fine or len(name.encode()) > LONGEST_NAME:
        raise UsageError(
            _("A collection cannot be called {name}.").format(name=name),
            _("Letters, digits, - and _ are fine, up to {n} bytes.").format(n=LONGEST_NAME),
        )
