"""Takes back the newest act. What is needed for it lies in the act's row, so that it works after a restart.

Rewound turns go back behind the turn they stood behind, where that is still the end of their session. Where new turns
have taken their places, they become a session of their own, with a copy of the turns that led to them.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select, update

from llamune.chat.session import ChatSession, Undone
from llamune.i18n import _
from llamune.store import acts, ratings, search, sessions
from llamune.store.tables import ACT, ANSWER, CONTEXT, SESSION, TURN
from llamune.store.turns import SECOND
from llamune.store.values import LIVE, insert_row

Taker = Callable[[Connection, int, Row[Any], dict[str, Any]], Undone]


def undo(connection: Connection, now: int, session_id: int | None) -> Undone | None:
    """Takes back the newest act of a session, or of all (None). Returns None when there is none."""
    query = select(ACT).where(ACT.c.undone_at.is_(None)).order_by(ACT.c.at.desc(), ACT.c.id.desc()).limit(1)
    if session_id is not None:
        query = query.where(ACT.c.session_id == session_id)
    act = connection.execute(query).first()
    if act is None:
        return None
    connection.execute(update(ACT).where(ACT.c.id == act.id).values(undone_at=now))
    return TAKERS[act.kind](connection, now, act, json.loads(act.before))


def _delete(connection: Connection, now: int, act: Row[Any], before: dict[str, Any]) -> Undone:
    acts.set_session(connection, act.session_id, deleted_at=None)
    session = sessions.get(connection, act.session_id)
    return Undone("delete", session, session.turn_count)


def _adopt(connection: Connection, now: int, act: Row[Any], before: dict[str, Any]) -> Undone:
    acts.stand(connection, before["turn"], before["stood"])
    if "answer" in before:
        ratings.put(connection, now, before["answer"], {"chosen_at": before["chosen"]})
    return Undone("adopt", sessions.get(connection, act.session_id))


def _discard(connection: Connection, now: int, act: Row[Any], before: dict[str, Any]) -> Undone:
    connection.execute(update(ANSWER).where(ANSWER.c.id == before["answer"]).values(discarded=False))
    return Undone("discard", sessions.get(connection, act.session_id))


def _compact(connection: Connection, now: int, act: Row[Any], before: dict[str, Any]) -> Undone:
    acts.set_session(connection, act.session_id, **before)
    return Undone("compact", sessions.get(connection, act.session_id))


def _rewind(connection: Connection, now: int, act: Row[Any], before: dict[str, Any]) -> Undone:
    mine = TURN.c.rewind_id == act.id
    count = connection.scalar(select(func.count()).where(mine)) or 0
    first = connection.execute(select(TURN).where(mine).order_by(TURN.c.number).limit(1)).first()
    copy = None
    if first is None or _fits(connection, act.session_id, first):
        if before:
            acts.set_session(connection, act.session_id, **before)
        connection.execute(update(TURN).where(mine).values(rewind_id=None))
    else:
        copy = _own_session(connection, now, act, first)
    return Undone("rewind", sessions.get(connection, act.session_id), count, copy)


TAKERS: dict[str, Taker] = {
    "delete": _delete,
    "adopt": _adopt,
    "discard": _discard,
    "compact": _compact,
    "rewind": _rewind,
}


def _fits(connection: Connection, session_id: int, first: Row[Any]) -> bool:
    """Is the end of the session still the turn that `first` stood behind?"""
    live = select(TURN.c.id).where(TURN.c.session_id == session_id, LIVE).order_by(TURN.c.number.desc()).limit(1)
    end = connection.scalar(live)
    return end == first.parent_id and (end is not None or first.number == 1)


def _own_session(connection: Connection, now: int, act: Row[Any], first: Row[Any]) -> ChatSession:
    """Moves the rewound turns into a new session, behind a copy of the turns that led to them."""
    old = connection.execute(select(SESSION).where(SESSION.c.id == act.session_id)).one()
    title = _("{title} (brought back)").format(title=old.title)
    kept = {name: getattr(old, name) for name in ("titled_by", *sessions.TAKEN_OVER)}
    new = sessions.create(connection, now, title=title, **kept)
    parent = None
    for number, turn_id in enumerate(_ancestors(connection, first.parent_id), 1):
        parent = _copy_turn(connection, turn_id, new.id, number, parent)
    shift = connection.scalar(select(func.count()).where(TURN.c.session_id == new.id)) or 0
    _move_acts(connection, act, new.id)
    moved = {"session_id": new.id, "rewind_id": None, "number": TURN.c.number - first.number + 1 + shift}
    connection.execute(update(TURN).where(TURN.c.rewind_id == act.id).values(moved))
    connection.execute(update(TURN).where(TURN.c.id == first.id).values(parent_id=parent))
    return sessions.get(connection, new.id)


def _move_acts(connection: Connection, rewind: Row[Any], session_id: int) -> None:
    """What was adopted and discarded in rewound turns goes along with them: acts are taken back in the order in which
    they were done only within a session."""
    mine = select(TURN.c.id).where(TURN.c.rewind_id == rewind.id)
    answers = select(ANSWER.c.id).where(ANSWER.c.turn_id.in_(mine))
    adopted = (ACT.c.kind == "adopt") & func.json_extract(ACT.c.before, "$.turn").in_(mine)
    discarded = (ACT.c.kind == "discard") & func.json_extract(ACT.c.before, "$.answer").in_(answers)
    here = ACT.c.session_id == rewind.session_id
    connection.execute(update(ACT).where(here, adopted | discarded).values(session_id=session_id))


def _ancestors(connection: Connection, turn_id: int | None) -> list[int]:
    """The turn and all that led to it, oldest first."""
    start = select(TURN.c.id, TURN.c.parent_id, TURN.c.number).where(TURN.c.id == turn_id).cte("line", recursive=True)
    above = select(TURN.c.id, TURN.c.parent_id, TURN.c.number).join(start, TURN.c.id == start.c.parent_id)
    line = start.union_all(above)
    return list(connection.scalars(select(line.c.id).order_by(line.c.number)))


def _copy_turn(connection: Connection, turn_id: int, session_id: int, number: int, parent: int | None) -> int:
    """Copies a turn with its answers, index entries included; ratings stay with the original, to count once. Returns
    the copy's id."""
    turn = connection.execute(select(TURN).where(TURN.c.id == turn_id)).one()
    place = {"session_id": session_id, "number": number, "parent_id": parent, "rewind_id": None}
    copy = _insert_copy(connection, TURN, turn, place)
    search.add(connection, turn.created_at // SECOND, copy, None, turn.question, late=True)
    seen = {
        row.id: _insert_copy(connection, CONTEXT, row, {"turn_id": copy})
        for row in connection.execute(select(CONTEXT).where(CONTEXT.c.turn_id == turn_id)).all()
    }
    for answer in connection.execute(select(ANSWER).where(ANSWER.c.turn_id == turn_id).order_by(ANSWER.c.id)).all():
        changed: dict[str, Any] = {"turn_id": copy, "context_id": seen.get(answer.context_id)}
        changed |= {"status": "cancelled"} if answer.status in ("waiting", "streaming") else {}
        new = _insert_copy(connection, ANSWER, answer, changed)
        search.add(connection, answer.created_at // SECOND, copy, new, answer.text, late=True)
    return copy


def _insert_copy(connection: Connection, table: Table, row: Row[Any], changes: dict[str, Any]) -> int:
    return insert_row(connection, table, {k: v for k, v in row._mapping.items() if k != "id"} | changes)
