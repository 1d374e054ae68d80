"""Sessions: made, read, listed, changed. Deleting and bringing back are in acts.py."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from llamune.chat.session import ChatSession
from llamune.errors import NotFound, StoreError
from llamune.i18n import _
from llamune.store.tables import SESSION, TURN
from llamune.store.values import insert_row, options_json, session_of, storable, to_json, turn_count

# What a session made of another takes over.
TAKEN_OVER = ("model", "preset", "system", "overrides", "corpora", "mode", "before_mode")
CHANGEABLE = frozenset({"title", "titled_by", *TAKEN_OVER})
# Statements of every question are built once: SQLAlchemy takes longer to build one than SQLite to run it.
_SESSIONS = select(SESSION, turn_count())
_ONE = _SESSIONS.where(SESSION.c.id == bindparam("session"))
_USED = update(SESSION).where(SESSION.c.id == bindparam("session")).values(updated_at=bindparam("updated_at"))


def create(connection: Connection, now: int, **values: Any) -> ChatSession:
    """A new session; what is not given is empty."""
    row = {"titled_by": "auto", "overrides": "{}", "summary": "", "summarised": 0, "uid": uuid.uuid4().hex}
    row |= {"created_at": now, "updated_at": now} | values
    return get(connection, insert_row(connection, SESSION, row))


def get(connection: Connection, session_id: int) -> ChatSession:
    """A session, deleted or not. Raises NotFound."""
    row = connection.execute(_ONE, {"session": session_id}).one_or_none()
    if row is None:
        raise NotFound(
            _("There is no session {number}.").format(number=session_id), _("/sessions lists them; /trash the deleted.")
        )
    return session_of(row)


def get_live(connection: Connection, session_id: int) -> ChatSession:
    """A session that can be changed. Raises NotFound; StoreError when it is in the trash."""
    session = get(connection, session_id)
    if session.deleted_at is not None:
        raise StoreError(
            _("Session {number} is deleted.").format(number=session_id),
            _("/restore {number} brings it back.").format(number=session_id),
        )
    return session


def listed(connection: Connection, *, deleted: bool, limit: int, offset: int) -> list[ChatSession]:
    """Sessions in which something was asked, newest use first."""
    gone = SESSION.c.deleted_at.is_not(None) if deleted else SESSION.c.deleted_at.is_(None)
    asked = select(TURN.c.id).where(TURN.c.session_id == SESSION.c.id).exists()
    query = _SESSIONS.where(gone, asked).order_by(SESSION.c.updated_at.desc(), SESSION.c.id.desc())
    return [session_of(row) for row in connection.execute(query.limit(limit).offset(offset))]


def change(connection: Connection, session_id: int, changes: Mapping[str, Any]) -> ChatSession:
    """Changes fields of a session; a change is no use, so the session keeps its place in lists."""
    if unknown := changes.keys() - CHANGEABLE:
        raise TypeError(f"a session has no changeable {', '.join(sorted(unknown))}")
    get(connection, session_id)
    values = {k: options_json(v) if k == "overrides" else _text(v) for k, v in changes.items()}
    if values:
        connection.execute(update(SESSION).where(SESSION.c.id == session_id).values(values))
    return get(connection, session_id)


def _text(value: Any) -> str:
    return storable(value if isinstance(value, str) else to_json(value))


def used(connection: Connection, session_id: int, now: int) -> None:
    """Moves a session to the front of lists."""
    connection.execute(_USED, {"session": session_id, "updated_at": now})
