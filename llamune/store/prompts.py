"""Extra prompts: remembered with every version of their texts. A removed one is only out of sight."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from llamune.chat.seen import ExtraPrompt
from llamune.errors import NotFound
from llamune.i18n import _
from llamune.store.connection import Database
from llamune.store.tables import PROMPT, PROMPT_VERSION
from llamune.store.values import Clock, insert_row, moment, storable, when

_JOINED = select(PROMPT, PROMPT_VERSION).join(PROMPT_VERSION, PROMPT_VERSION.c.prompt_id == PROMPT.c.id)
_ALL = PROMPT_VERSION.alias("every")
_NEWEST = PROMPT_VERSION.c.version == (
    select(func.max(_ALL.c.version)).where(_ALL.c.prompt_id == PROMPT.c.id).scalar_subquery()
)
_EVERYWHERE = PROMPT.c.session_id.is_(None) & (PROMPT.c.mode == "")
_OF_MODE = (PROMPT.c.mode == bindparam("mode")) & (PROMPT.c.mode != "")
_HELD = (  # built once: SQLAlchemy takes longer to build a statement than SQLite to run it
    _JOINED.where(_NEWEST, _EVERYWHERE | _OF_MODE | (PROMPT.c.session_id == bindparam("session")))
    .where(PROMPT.c.removed.is_(False))
    .order_by(PROMPT.c.session_id.is_not(None), PROMPT.c.mode != "", PROMPT.c.id)
)


class SqlPrompts:
    """The `Prompts` port. Each call is one transaction; raises StoreError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def held(self, session_id: int, mode: str) -> list[ExtraPrompt]:
        with self._database.reading() as c:
            return [_prompt(row) for row in c.execute(_HELD, {"session": session_id, "mode": mode})]

    def get(self, number: int) -> ExtraPrompt:
        with self._database.reading() as c:
            return _versions(c, number)[0]

    def add(self, text: str, *, session_id: int = 0, mode: str = "") -> ExtraPrompt:
        values = {"session_id": session_id or None, "mode": storable(mode), "active": True, "removed": False}
        with self._database.writing() as c:
            number = insert_row(c, PROMPT, values)
            self._write(c, number, 1, text)
            return _versions(c, number)[0]

    def change(
        self, number: int, *, text: str | None = None, active: bool | None = None, removed: bool | None = None
    ) -> ExtraPrompt:
        marks = {k: v for k, v in (("active", active), ("removed", removed)) if v is not None}
        with self._database.writing() as c:
            newest = _versions(c, number)[0]
            if marks:
                c.execute(update(PROMPT).where(PROMPT.c.id == number).values(marks))
            if text is not None and storable(text) != newest.text:
                self._write(c, number, newest.version + 1, text)
            return _versions(c, number)[0]

    def versions(self, number: int) -> Sequence[ExtraPrompt]:
        with self._database.reading() as c:
            return _versions(c, number)

    def _write(self, connection: Connection, number: int, version: int, text: str) -> None:
        row = {"prompt_id": number, "version": version, "text": storable(text), "created_at": moment(self._clock())}
        connection.execute(insert(PROMPT_VERSION), row)


def _versions(connection: Connection, number: int) -> list[ExtraPrompt]:
    newest_first = _JOINED.where(PROMPT.c.id == number).order_by(PROMPT_VERSION.c.version.desc())
    if found := [_prompt(row) for row in connection.execute(newest_first)]:
        return found
    raise NotFound(_("There is no prompt {number}.").format(number=number), _("/prompt lists them."))


def _prompt(row: Row[Any]) -> ExtraPrompt:
    return ExtraPrompt(
        row.id, row.version, row.text, row.session_id or 0, row.mode, row.active, row.removed, when(row.created_at)
    )
