"""A corpus in use: its database, its vector index, and whether what made its vectors can still be asked.

An embedder that is gone, or is another one now under the same name, is noticed here at each search; keyword search goes
on. What would help is named, and not done: a new index is `indexing.py`'s.
"""

import asyncio
from dataclasses import dataclass

from llamune.errors import EngineUnreachable, KnowledgeError, UsageError
from llamune.i18n import _
from llamune.knowledge import calibrate
from llamune.knowledge.chroma import Vectors
from llamune.knowledge.corpus import Corpus
from llamune.knowledge.embedders import BUILT_IN, NONE, Embedder
from llamune.knowledge.embedders.chosen import chosen, default, no_extra
from llamune.knowledge.embedders.ollama import Models
from llamune.knowledge.indexing import fitted
from llamune.knowledge.retrieve import Scale, Searcher


@dataclass(frozen=True, slots=True)
class Stale:
    """A corpus that needs a new index. `note` says why; `embedder`: what would make it, "" = the one it has."""

    corpus: str
    note: str
    embedder: str


@dataclass(slots=True)
class Opened:
    """A corpus in use.

    Args:
        embedder: what made its vectors; None = they cannot be asked, and `why` says why.
        remedy: with what a new index helps: the name of an embedder, "" = the one it has, None = it does not.
    """

    corpus: Corpus
    vectors: Vectors
    generation: int = -1
    embedder: Embedder | None = None
    why: str = ""
    remedy: str | None = None

    @property
    def scale(self) -> Scale:
        return calibrate.restored(self.corpus.setting("scale"))

    @property
    def note(self) -> str:
        """Why only words are searched, and the command that changes it; "" where vectors are searched, too."""
        if self.remedy is None:
            return self.why
        told = _("{why} {command} makes an index without it.") if self.remedy else _("{why} {command} makes a new one.")
        return told.format(why=self.why, command=f"/knowledge reindex {self.corpus.name} {self.remedy}".rstrip())

    def stale(self) -> Stale | None:
        """What is to be said and done where a new index helps, or one was begun; None where all is well."""
        name = self.corpus.name
        if self.remedy is not None:
            return Stale(name, self.note, self.remedy)
        if not self.corpus.setting("next"):
            return None
        told = _("A new index was begun and is not complete; the old one serves. {command} goes on.")
        return Stale(name, told.format(command=f"/knowledge reindex {name}"), "")

    def searcher(self) -> Searcher:
        return Searcher(self.corpus, self.vectors, self.embedder, self.note)

    async def check(self, models: Models | None) -> None:
        """Opens the embedder where it is not open yet, and sees that it is the one that made the vectors."""
        used = self.corpus.setting("embedder") or {"generation": 0}
        if self.generation != used["generation"]:
            self.generation, self.embedder = used["generation"], None
        self.why, self.remedy = "", None
        try:
            if not self.generation:
                self._without()
            elif not await self._is_still(used["name"], used["digest"], models):
                self._unusable(_("{model} is another model now.").format(model=used["name"]), "")
        except (KnowledgeError, UsageError) as error:
            away = isinstance(error.__cause__, EngineUnreachable)  # it may be back with the next question
            self._unusable(error.message, None if away or default() != BUILT_IN else BUILT_IN)
        except ImportError:
            self._unusable(no_extra().message, None)

    async def aclose(self) -> None:
        await self.vectors.aclose()
        self.corpus.close()

    async def _is_still(self, name: str, digest: str, models: Models | None) -> bool:
        if name == BUILT_IN:
            self.embedder = self.embedder or await asyncio.to_thread(fitted, self.corpus, self.generation)
            return True
        self.embedder = self.embedder or await chosen(name, models)
        return self.embedder is not None and await self.embedder.digest() == digest

    def _without(self) -> None:
        """There are no vectors, which is said where some are wanted."""
        wanted = self.corpus.setting("wanted")
        if not wanted and default() == NONE:
            self.why = f"{no_extra().message} {no_extra().hint}"
        elif wanted != NONE and self.corpus.rows("SELECT 1 FROM chunk LIMIT 1"):
            self._unusable(_("Its vectors are not complete."), "")

    def _unusable(self, why: str, remedy: str | None) -> None:
        self.embedder, self.remedy = None, remedy
        self.why = _("{why} Keyword search only.").format(why=why)
