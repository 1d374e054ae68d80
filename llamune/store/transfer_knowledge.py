"""The knowledge of a session as it travels in an export: what its answers saw, and its own prompts with every version.

The documents themselves stay behind, and so do prompts of modes and of everywhere: they are not the session's.
"""

from dataclasses import asdict
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError
from sqlalchemy import Connection, insert, select

from llamune.chat.seen import as_json, checked_of, of_json
from llamune.store import contexts
from llamune.store.tables import CONTEXT, PROMPT, PROMPT_VERSION, TURN
from llamune.store.values import insert_row, moment, storable, when


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Made when a file is read: that takes some ms."""
    return TypeAdapter(kind)


def _seen(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """Raises ValueError for what no answer can have seen."""
    try:
        return data and as_json(_again(of_json(data)))
    except (KeyError, TypeError, AttributeError, IndexError, ValidationError) as error:
        raise ValueError("not what an answer saw") from error


def _checked(data: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        return data and asdict(_again(checked_of(data)))
    except (KeyError, TypeError, ValidationError) as error:
        raise ValueError("no citations") from error


def _again(value: Any) -> Any:
    """The value with every field of it checked. Raises ValidationError."""
    kind: Any = type(value)
    return _adapter(kind).validate_python(asdict(value))


SeenJson = Annotated[dict[str, Any] | None, AfterValidator(_seen)]
CheckedJson = Annotated[dict[str, Any] | None, AfterValidator(_checked)]


def put_seen(connection: Connection, turn_id: int, data: dict[str, Any] | None) -> int | None:
    """The row of what an imported answer saw."""
    return contexts.put(connection, turn_id, of_json(data)) if data else None


def seen_of(connection: Connection, session_id: int) -> dict[int, str]:
    """The context rows of a session, by id."""
    mine = select(CONTEXT.c.id, CONTEXT.c.body).join(TURN, TURN.c.id == CONTEXT.c.turn_id)
    return {row.id: row.body for row in connection.execute(mine.where(TURN.c.session_id == session_id))}


def prompts_of(connection: Connection, session_id: int) -> list[dict[str, Any]]:
    """The session's own prompts."""
    found = []
    for row in connection.execute(select(PROMPT).where(PROMPT.c.session_id == session_id).order_by(PROMPT.c.id)).all():
        mine = select(PROMPT_VERSION).where(PROMPT_VERSION.c.prompt_id == row.id).order_by(PROMPT_VERSION.c.version)
        versions = [(v.text, at.isoformat()) for v in connection.execute(mine) if (at := when(v.created_at))]
        made = [{"text": text, "created_at": at} for text, at in versions]
        found.append({"active": row.active, "removed": row.removed, "versions": made})
    return found


def put_prompts(connection: Connection, session_id: int, prompts: list[dict[str, Any]]) -> None:
    """Prompts as `prompts_of` gave them, checked."""
    for prompt in prompts:
        marks = {"active": prompt["active"], "removed": prompt["removed"]}
        number = insert_row(connection, PROMPT, {"session_id": session_id, "mode": "", **marks})
        rows = [
            {"prompt_id": number, "version": n, "text": storable(v["text"]), "created_at": moment(v["created_at"])}
            for n, v in enumerate(prompt["versions"], 1)
        ]
        connection.execute(insert(PROMPT_VERSION), rows)
