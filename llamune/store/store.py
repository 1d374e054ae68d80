"""The store port over SQLite: each method is one transaction around a function of this package.

Synchronous, and safe to call from several threads; every call returns when it is on disk. Opened by `database.open`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from llamune.chat.preset import SamplingOptions
from llamune.chat.rating import SCORES, Contest, Rating
from llamune.chat.session import (
    Answer,
    AnswerStatus,
    Attachment,
    ChatSession,
    Deleted,
    Hit,
    Imported,
    Purged,
    Turn,
    Undone,
)
from llamune.chat.usage import Line
from llamune.store import acts, purge, ratings, search, sessions, transfer, turns, undo, usage
from llamune.store.connection import Database
from llamune.store.owner import Owner
from llamune.store.prompts import SqlPrompts
from llamune.store.values import Clock, ending_columns, moment, storable


class SqlStore:
    """One home's sessions. Arguments and results are those of `chat.ports.Store`.

    Args:
        database: a database of this program's version.
        backups: folder with copies of it, which `purge` searches too.
        owner: the process in whose name answers run.
        clock: gives the time; with a zone.
    """

    def __init__(self, database: Database, backups: Path, owner: Owner, clock: Clock) -> None:
        self._database = database
        self._backups = backups
        self._owner = owner
        self._clock = clock
        self.prompts = SqlPrompts(database, clock)
        self.cut_orphans()

    def _now(self) -> int:
        return moment(self._clock())

    # sessions

    def create_session(self, *, model: str, preset: str, system: str = "", title: str = "") -> ChatSession:
        texts = {"model": model, "preset": preset, "system": system, "title": title}
        with self._database.writing() as c:
            return sessions.create(c, self._now(), **{k: storable(v) for k, v in texts.items()})

    def session(self, session_id: int) -> ChatSession:
        with self._database.reading() as c:
            return sessions.get(c, session_id)

    def sessions(self, *, deleted: bool = False, limit: int = 50, offset: int = 0) -> list[ChatSession]:
        with self._database.reading() as c:
            return sessions.listed(c, deleted=deleted, limit=limit, offset=offset)

    def last_session(self) -> ChatSession | None:
        return next(iter(self.sessions(limit=1)), None)

    def update_session(self, session_id: int, **changes: Any) -> ChatSession:
        with self._database.writing() as c:
            return sessions.change(c, session_id, changes)

    # turns and answers

    def add_turn(self, session_id: int, question: str, attachments: Sequence[Attachment] = ()) -> Turn:
        with self._database.writing() as c:
            return turns.add(c, self._now(), session_id, question, attachments)

    def turns(self, session_id: int, *, first: int = 1, last: int | None = None) -> list[Turn]:
        self.cut_orphans()
        with self._database.reading() as c:
            return turns.ranged(c, session_id, first, last)

    def turn(self, turn_id: int) -> Turn:
        with self._database.reading() as c:
            return turns.get(c, turn_id)

    def messages(self, session_id: int, *, after: int = 0) -> Iterator[tuple[int, str, str]]:
        while True:  # page by page: a slow reader holds no transaction open
            with self._database.reading() as c:
                page = turns.messages(c, session_id, after)
            yield from page
            if len(page) < turns.PAGE:
                return
            after = page[-1][0]

    def add_answer(
        self,
        turn_id: int,
        *,
        model: str,
        preset: str,
        options: SamplingOptions,
        engine: str = "",
        adopted: bool = False,
        **kept: Any,
    ) -> Answer:
        texts = {"model": storable(model), "preset": storable(preset), "engine": storable(engine)}
        kept |= texts | {"adopted": adopted, "options": options}
        with self._database.writing() as c:
            return turns.add_answer(c, self._now(), self._owner, turn_id, **kept)

    def answer(self, answer_id: int) -> Answer:
        with self._database.reading() as c:
            return turns.get_answer(c, answer_id)

    def save_progress(self, answer_id: int, text: str, thinking: str) -> None:
        with self._database.writing() as c:
            turns.save_progress(c, answer_id, text, thinking)

    def finish(self, answer_id: int, status: AnswerStatus, **ended: Any) -> Answer:
        row = ending_columns(status, **ended)
        with self._database.writing() as c:
            return turns.finish(c, self._now(), answer_id, row)

    def edit_question(self, turn_id: int, question: str) -> Turn:
        with self._database.writing() as c:
            return turns.edit(c, self._now(), turn_id, question)

    def adopt(self, answer_id: int, *, blind: bool = False, task: str = "") -> Turn:
        with self._database.writing() as c:
            return acts.adopt(c, self._now(), answer_id, {"blind": blind, "task": storable(task)})

    def keep(self, turn_id: int, *, blind: bool = False, task: str = "") -> Turn:
        with self._database.writing() as c:
            return acts.keep(c, self._now(), turn_id, {"blind": blind, "task": storable(task)})

    def discard(self, answer_id: int) -> Deleted:
        with self._database.writing() as c:
            return acts.discard(c, self._now(), answer_id)

    def cut_orphans(self) -> int:
        """Marks answers whose process is gone as cancelled; done on opening and before turns are read."""
        with self._database.reading() as c:
            orphans = turns.orphans(c)
        if orphans and not self._database.still:
            with self._database.writing() as c:
                turns.cut(c, self._now(), orphans)
        return len(orphans)

    # what the user thinks of answers

    def rate(self, answer_id: int, *, blind: bool = False, task: str = "", **said: Any) -> Rating:
        if unknown := said.keys() - {"vote", "comment", *SCORES}:
            raise TypeError(f"a rating has no {', '.join(sorted(unknown))}")
        with self._database.writing() as c:
            return ratings.rate(c, self._now(), answer_id, {**said, "blind": blind, "task": task})

    def ratings(self, turn_id: int) -> list[Rating]:
        with self._database.reading() as c:
            return ratings.of_turn(c, turn_id)

    def contests(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Contest]:
        after = 0
        while True:
            with self._database.reading() as c:
                page = ratings.contests(c, after, since, until)
            yield from page
            if len(page) < ratings.PAGE:
                return
            after = page[-1].turn_id

    def task(self, turn_id: int) -> str:
        with self._database.reading() as c:
            return usage.task_of(c, turns.get(c, turn_id))

    def set_task(self, turn_id: int, task: str) -> None:
        with self._database.writing() as c:
            usage.set_task(c, turns.get(c, turn_id), storable(task))

    def usage(self, since: datetime | None = None, until: datetime | None = None) -> list[Line]:
        with self._database.reading() as c:
            return usage.count(c, since, until)

    # the way back

    def count_after(self, session_id: int, number: int) -> Deleted:
        with self._database.reading() as c:
            return acts.count_after(c, session_id, number)

    def rewind(self, session_id: int, number: int) -> Deleted:
        with self._database.writing() as c:
            return acts.rewind(c, self._now(), session_id, number)

    def delete_session(self, session_id: int) -> Deleted:
        with self._database.writing() as c:
            return acts.delete(c, self._now(), session_id)

    def restore_session(self, session_id: int) -> ChatSession:
        with self._database.writing() as c:
            return acts.restore(c, self._now(), session_id)

    def compact(self, session_id: int, through: int, summary: str) -> ChatSession:
        with self._database.writing() as c:
            return acts.compact(c, self._now(), session_id, through, summary)

    def undo(self, session_id: int | None = None) -> Undone | None:
        with self._database.writing() as c:
            return undo.undo(c, self._now(), session_id)

    def purge(self, session_ids: Sequence[int]) -> Purged:
        return purge.purge(self._database, self._backups, session_ids)

    # finding, taking along

    def search(
        self, query: str, *, limit: int = 20, offset: int = 0, order: Literal["newest", "rank"] = "newest"
    ) -> list[Hit]:
        with self._database.reading() as c:
            return search.find(c, query, limit, offset, order)

    def export(self, session_ids: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        for session_id in session_ids:
            with self._database.reading() as c:
                exported = transfer.export(c, session_id)
            yield exported

    def import_(
        self, objects: Iterable[Mapping[str, Any]], told: Callable[[int, int], None] = lambda done, total: None
    ) -> Imported:
        parts = [transfer.parse(n, o) for n, o in enumerate(objects, 1)]  # all of them, before the first is stored
        with self._database.writing() as c:
            return transfer.import_all(c, self._now(), parts, told)

    def close(self) -> None:
        self._database.close()
