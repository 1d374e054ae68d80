"""What answers saw: prompts and passages, kept once for all answers of a turn that saw the same.

Rows are read only where an answer has one, so that a conversation without knowledge pays nothing for it.
"""

import json
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, select

from llamune.chat.seen import Seen, as_json, of_json
from llamune.chat.session import Answer
from llamune.store.tables import CONTEXT
from llamune.store.values import insert_row, storable, to_json


def put(connection: Connection, turn_id: int, seen: Seen | None) -> int | None:
    """The row of what an answer saw; the one that an earlier answer of the turn has, where that is the same."""
    if seen is None:
        return None
    body = storable(to_json(as_json(seen)))
    same = select(CONTEXT.c.id).where(CONTEXT.c.turn_id == turn_id, CONTEXT.c.body == body)
    found = connection.scalar(same)
    return found if found is not None else insert_row(connection, CONTEXT, {"turn_id": turn_id, "body": body})


def filled(connection: Connection, answers: Iterable[tuple[Answer, int | None]]) -> list[Answer]:
    """The answers, each with what its context row says."""
    pairs = list(answers)
    wanted = {context for _answer, context in pairs if context is not None}
    if not wanted:
        return [answer for answer, _context in pairs]
    rows = connection.execute(select(CONTEXT.c.id, CONTEXT.c.body).where(CONTEXT.c.id.in_(wanted)))
    seen = {context: of_json(json.loads(body)) for context, body in rows}
    return [replace(answer, seen=seen.get(context)) if context else answer for answer, context in pairs]
