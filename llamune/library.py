"""Where what is put in front of a question comes from: modes, extra prompts, and the collections of documents.

Nothing is opened or imported before it is needed, and then in a thread: a chat without knowledge pays nothing for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from llamune.chat.ports import Store
from llamune.chat.session import ChatSession
from llamune.errors import KnowledgeError
from llamune.i18n import _
from llamune.paths import Paths, shipped
from llamune.settings import Settings

if TYPE_CHECKING:
    from llamune.chat.passage import Knowledge
    from llamune.chat.seen import ExtraPrompt
    from llamune.knowledge.embedders.ollama import Models
    from llamune.knowledge.opened import Stale
    from llamune.knowledge.shelf import Shelf
    from llamune.modes import ModeSet


class Library:
    """The sources of one running program; see `chat.grounding.Sources`.

    Args:
        settings: those in force at that moment.
        store: gives None where it is not open (questions on the command line, which belong to no session).
        models: gives the catalogue, for embedding models.
        scripted: the fake collections of `knowledge.scripted` for a user who has none.
    """

    def __init__(
        self,
        paths: Paths,
        settings: Callable[[], Settings],
        store: Callable[[], Store | None],
        models: "Callable[[], Models]",
        *,
        scripted: bool,
    ) -> None:
        self._paths, self._settings, self._store = paths, settings, store
        self._models, self._scripted = models, scripted
        self._shelf: Shelf | None = None
        self._opening: asyncio.Task[Knowledge] | None = None

    async def knowledge(self) -> "Knowledge":
        """The collections; opened once. Raises KnowledgeError."""
        if self._opening is None or (self._opening.done() and self._opening.exception()):
            self._opening = asyncio.create_task(asyncio.to_thread(self._open), name="open the collections")
        return await asyncio.shield(self._opening)

    async def corpora(self) -> tuple[str, ...]:
        """The names of all collections. Raises KnowledgeError."""
        return await (await self.knowledge()).corpora()

    async def shelf(self) -> "Shelf":
        """The collections, to be changed. Raises KnowledgeError; the scripted ones cannot be."""
        await self.knowledge()
        if self._shelf is None:
            raise KnowledgeError(_("The scripted collections have no index."))
        return self._shelf

    async def stale(self, corpora: Sequence[str]) -> "Sequence[Stale]":
        """Those that need a new index. Raises KnowledgeError."""
        await self.knowledge()
        return await self._shelf.stale(corpora) if self._shelf else ()

    def names(self) -> tuple[str, ...]:
        """The folders of collections, without opening anything: for completion."""
        folder = self._paths.home / "knowledge"
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()

    def prompts(self, session: ChatSession) -> "Sequence[ExtraPrompt]":
        """The extra prompts that are sent in a session: those of everywhere, of its mode, its own."""
        if store := self._store():
            held = [p for p in store.prompts.held(session.id, session.mode) if p.active]
        else:
            from llamune.store import unopened

            held = unopened.prompts(self._paths.database, session.mode)
        if not session.mode:
            return held
        first = [p for p in held if not p.mode and not p.session_id]
        return [*first, *self.in_file(session.mode), *held[len(first) :]]

    def in_file(self, mode: str) -> "list[ExtraPrompt]":
        """The prompts that stand in a mode's file; none when it is gone."""
        from llamune.chat.seen import ExtraPrompt
        from llamune.modes import told

        found = self.modes().modes.get(mode)
        texts = told(found.prompts, ()) if found else ()
        return [ExtraPrompt(0, 0, text, mode=mode) for text in texts]

    def general(self) -> bool:
        """Whether a model answers by itself what the documents do not hold."""
        return self._settings().not_found == "general"

    def modes(self) -> "ModeSet":
        """The modes there are now."""
        from llamune.modes import load

        return load([shipped("modes"), self._paths.modes])

    def _open(self) -> "Knowledge":
        folder = self._paths.home / "knowledge"
        if self._scripted and not folder.exists():
            from llamune.knowledge.scripted import ScriptedKnowledge

            return ScriptedKnowledge()
        from llamune.knowledge.shelf import Shelf

        self._shelf = Shelf(folder, self._models(), lambda: self._settings().search_model)
        return self._shelf

    async def aclose(self) -> None:
        """Closes what was opened."""
        if self._opening:
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._shelf:
            await self._shelf.aclose()
