"""What takes things out of sight: delete, rewind, adopt, discard, compact. Each leaves an act that undo.py takes back.

Nothing is erased here: rows are marked, and an act remembers what the marks were before.
"""

from typing import Any

from sqlalchemy import Connection, func, select, update

from llamune.chat.session import ChatSession, Deleted, Turn
from llamune.errors import NotFound, StoreError
from llamune.i18n import _
from llamune.store import ratings, sessions, turns
from llamune.store.tables import ACT, ANSWER, SESSION, TURN
from llamune.store.values import LIVE, insert_row, storable, to_json


def count_after(connection: Connection, session_id: int, number: int) -> Deleted:
    """What a rewind to `number` would take. Raises NotFound when the session has no such turn."""
    session = sessions.get_live(connection, session_id)
    if not 0 <= number <= session.turn_count:
        raise NotFound(
            _("There is no turn {number}.").format(number=number),
            _("Choose 0 (the beginning) to {last}.").format(last=session.turn_count),
        )
    return _counted(connection, "rewind", session, number)


def rewind(connection: Connection, now: int, session_id: int, number: int) -> Deleted:
    """Takes the turns after `number` out of the session; a summary that stood for one of them goes with them."""
    gone = count_after(connection, session_id, number)
    if not gone.turns:
        return gone
    session = gone.session
    cut = session.summarised > number
    before = {"summary": session.summary, "summarised": session.summarised} if cut else {}
    act = record(connection, now, "rewind", session_id, before)
    after = (TURN.c.session_id == session_id) & LIVE & (TURN.c.number > number)
    connection.execute(update(TURN).where(after).values(rewind_id=act))
    if cut:
        set_session(connection, session_id, summary="", summarised=0)
    return _with_session(connection, gone)


def delete(connection: Connection, now: int, session_id: int) -> Deleted:
    """Puts a session into the trash. Raises NotFound; StoreError when it is there already."""
    session = sessions.get_live(connection, session_id)
    record(connection, now, "delete", session_id, {})
    set_session(connection, session_id, deleted_at=now)
    return _with_session(connection, _counted(connection, "delete", session, 0))


def restore(connection: Connection, now: int, session_id: int) -> ChatSession:
    """Takes a session out of the trash, whatever was done since. Raises NotFound; StoreError when it is not there."""
    if sessions.get(connection, session_id).deleted_at is None:
        raise StoreError(
            _("Session {number} is not deleted.").format(number=session_id), _("/trash lists the deleted ones.")
        )
    deletes = (ACT.c.session_id == session_id) & (ACT.c.kind == "delete") & ACT.c.undone_at.is_(None)
    connection.execute(update(ACT).where(deletes).values(undone_at=now))
    set_session(connection, session_id, deleted_at=None)
    return sessions.get(connection, session_id)


def adopt(connection: Connection, now: int, answer_id: int, said: dict[str, Any]) -> Turn:
    """Lets an answer stand for its turn. `said`: how it was chosen, for its rating. Raises NotFound; StoreError for a
    discarded one."""
    answer = turns.get_answer(connection, answer_id)
    turn = _live_turn(connection, answer.turn_id)
    if answer.discarded:
        raise StoreError(
            _("Answer {letter} was discarded.").format(letter=answer.letter), _("/undo may bring it back.")
        )
    if answer.adopted:
        return turn
    stood = turn.adopted.id if turn.adopted else None
    chosen = ratings.chosen(connection, answer_id)
    record(
        connection,
        now,
        "adopt",
        turn.session_id,
        {"turn": turn.id, "stood": stood, "answer": answer_id, "chosen": chosen},
    )
    stand(connection, turn.id, answer_id)
    ratings.put(connection, now, answer_id, said | {"chosen_at": now})
    return turns.get(connection, turn.id)


def keep(connection: Connection, now: int, turn_id: int, said: dict[str, Any]) -> Turn:
    """The answer that stands is the one the user wants. Raises NotFound; StoreError when none stands."""
    turn = _live_turn(connection, turn_id)
    if turn.adopted is None:
        raise StoreError(_("No answer stands yet."), _("/adopt lets one stand."))
    ratings.put(connection, now, turn.adopted.id, said | {"chosen_at": now})
    return turn


def discard(connection: Connection, now: int, answer_id: int) -> Deleted:
    """Hides an answer. Raises NotFound; StoreError for the one that stands."""
    answer = turns.get_answer(connection, answer_id)
    turn = _live_turn(connection, answer.turn_id)
    if answer.adopted:
        raise StoreError(
            _("Answer {letter} is the one that stands; it cannot be discarded.").format(letter=answer.letter),
            _("Adopt another answer first (/adopt), or go back with /rewind."),
        )
    session = sessions.get(connection, turn.session_id)
    if answer.discarded:
        return Deleted("discard", session, 0, 0)
    record(connection, now, "discard", turn.session_id, {"answer": answer_id})
    connection.execute(update(ANSWER).where(ANSWER.c.id == answer_id).values(discarded=True))
    return Deleted("discard", session, turns=0, answers=1, rejected=1)


def compact(connection: Connection, now: int, session_id: int, through: int, summary: str) -> ChatSession:
    """Lets a summary stand for the turns up to `through`. Raises NotFound when there is no such turn."""
    session = sessions.get_live(connection, session_id)
    if not 1 <= through <= session.turn_count:
        raise NotFound(_("There is no turn {number}.").format(number=through), _("/history lists the turns."))
    before = {"summary": session.summary, "summarised": session.summarised}
    record(connection, now, "compact", session_id, before)
    set_session(connection, session_id, summary=storable(summary), summarised=through)
    return sessions.get(connection, session_id)


def record(connection: Connection, now: int, kind: str, session_id: int, before: dict[str, Any]) -> int:
    """Remembers an act as the newest one, also when the clock was set back. Returns its id."""
    at = max(now, 1 + (connection.scalar(select(func.max(ACT.c.at))) or 0))
    row = {"kind": kind, "session_id": session_id, "before": to_json(before), "at": at}
    return insert_row(connection, ACT, row)


def set_session(connection: Connection, session_id: int, **values: Any) -> None:
    connection.execute(update(SESSION).where(SESSION.c.id == session_id).values(values))


def stand(connection: Connection, turn_id: int, answer_id: int | None) -> None:
    """Makes one answer the adopted one of its turn, or none."""
    connection.execute(update(ANSWER).where(ANSWER.c.turn_id == turn_id, ANSWER.c.adopted).values(adopted=False))
    if answer_id is not None:
        connection.execute(update(ANSWER).where(ANSWER.c.id == answer_id).values(adopted=True))


def _live_turn(connection: Connection, turn_id: int) -> Turn:
    live = select(TURN.c.session_id).where(TURN.c.id == turn_id, LIVE)
    session_id = connection.scalar(live)
    if session_id is None:
        raise NotFound(_("That turn was rewound."), _("/undo brings rewound turns back."))
    sessions.get_live(connection, session_id)
    return turns.get(connection, turn_id)


def _counted(connection: Connection, kind: Any, session: ChatSession, number: int) -> Deleted:
    """Turns after `number` and their answers, discarded ones left out."""
    shown = ANSWER.join(TURN, TURN.c.id == ANSWER.c.turn_id)
    after = (TURN.c.session_id == session.id) & LIVE & (TURN.c.number > number)
    query = select(func.count(), func.count().filter(ANSWER.c.adopted)).select_from(shown)
    answers, adopted = connection.execute(query.where(after, ANSWER.c.discarded.is_(False))).one()
    return Deleted(kind, session, session.turn_count - number, answers, rejected=answers - adopted)


def _with_session(connection: Connection, deleted: Deleted) -> Deleted:
    session = sessions.get(connection, deleted.session.id)
    return Deleted(deleted.kind, session, deleted.turns, deleted.answers, deleted.rejected)
