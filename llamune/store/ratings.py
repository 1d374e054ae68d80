"""What the user said about answers: one row per answer at most, changed when something else is said.

A choice (`chosen_at`) is written by `acts.adopt` and `keep` and taken back by `undo`. Counting is `chat/ranking.py`'s.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from llamune.chat.rating import HIGHEST, LOWEST, SCORES, Contest, Entry, Rating
from llamune.errors import StoreError, UsageError
from llamune.i18n import _
from llamune.store import turns
from llamune.store.tables import ANSWER, RATING, TURN
from llamune.store.values import insert_row, span, storable, when

PAGE = 500  # turns
MS = 1000  # microseconds
EMPTY: Mapping[str, Any] = {"vote": "", "comment": "", "blind": False, "task": ""}


def rate(connection: Connection, now: int, answer_id: int, changes: Mapping[str, Any]) -> Rating:
    """Changes what was said about an answer; what `changes` has not stays. Raises NotFound, UsageError, StoreError."""
    answer = turns.get_answer(connection, answer_id)
    if answer.running:
        raise StoreError(
            _("Answer {letter} is still being written.").format(letter=answer.letter), _("Rate it when it is there.")
        )
    for name in SCORES:
        if (score := changes.get(name)) is not None and score not in range(LOWEST, HIGHEST + 1):
            raise UsageError(
                _("{name} cannot be {value}.").format(name=name, value=score),
                _("Scores go from {low} to {high}.").format(low=LOWEST, high=HIGHEST),
            )
    texts = {k: storable(v) if isinstance(v, str) else v for k, v in changes.items()}
    put(connection, now, answer_id, texts | {"created_at": now})
    return of_answer(connection, answer_id)


def put(connection: Connection, now: int, answer_id: int, values: Mapping[str, Any]) -> None:
    """Writes columns of an answer's row, which is made where there is none."""
    mine = RATING.c.answer_id == answer_id
    if connection.execute(update(RATING).where(mine).values(values)).rowcount == 0:
        insert_row(connection, RATING, {**EMPTY, "answer_id": answer_id, "created_at": now, **values})


def of_answer(connection: Connection, answer_id: int) -> Rating:
    """What was said about an answer; an empty rating when nothing was."""
    row = connection.execute(select(RATING).where(RATING.c.answer_id == answer_id)).one_or_none()
    return Rating(answer_id) if row is None else rating_of(row)


def chosen(connection: Connection, answer_id: int) -> int | None:
    """When the user chose an answer, as it is stored; None = never."""
    return connection.scalar(select(RATING.c.chosen_at).where(RATING.c.answer_id == answer_id))


def of_turn(connection: Connection, turn_id: int) -> list[Rating]:
    """The ratings of a turn's answers, in the order asked."""
    mine = select(RATING).join(ANSWER, ANSWER.c.id == RATING.c.answer_id).where(ANSWER.c.turn_id == turn_id)
    return [rating_of(row) for row in connection.execute(mine.order_by(ANSWER.c.id))]


def contests(connection: Connection, after: int, since: datetime | None, until: datetime | None) -> list[Contest]:
    """The next PAGE turns with an id above `after` in which something was said about an answer made at or after
    `since` and before `until` (None = any), with their complete answers."""
    first, end = span(since, until)
    rated = (
        select(ANSWER.c.turn_id)
        .join(RATING, RATING.c.answer_id == ANSWER.c.id)
        .where(ANSWER.c.turn_id > after, ANSWER.c.created_at >= first, ANSWER.c.created_at < end)
        .group_by(ANSWER.c.turn_id)
        .order_by(ANSWER.c.turn_id)
        .limit(PAGE)
    )
    found: dict[int, list[Entry]] = {turn_id: [] for turn_id in connection.scalars(rated)}
    columns = (ANSWER.c.turn_id, ANSWER.c.model, ANSWER.c.preset, ANSWER.c.adopted)
    ended = (ANSWER.c.created_at + func.coalesce(ANSWER.c.total_ms, 0.0) * MS).label("ended")
    said = [c.label(f"rating_{c.name}") for c in RATING.c]
    complete = (ANSWER.c.status == "complete") & (ANSWER.c.text != "")
    query = (
        select(*columns, ended, *said)
        .outerjoin(RATING, RATING.c.answer_id == ANSWER.c.id)
        .where(ANSWER.c.turn_id.in_(list(found)), complete)
        .order_by(ANSWER.c.id)
    )
    for row in connection.execute(query):
        found[row.turn_id].append(_entry(row))
    return [Contest(turn_id, tuple(entries)) for turn_id, entries in found.items()]


def of_session(connection: Connection, session_id: int) -> dict[int, Rating]:
    """Every rating in a session, by answer."""
    mine = select(RATING).join(ANSWER, ANSWER.c.id == RATING.c.answer_id).join(TURN, TURN.c.id == ANSWER.c.turn_id)
    rows = connection.execute(mine.where(TURN.c.session_id == session_id))
    return {row.answer_id: rating_of(row) for row in rows}


def rating_of(row: Any, prefix: str = "") -> Rating:
    """From a row of RATING's columns, each named with `prefix`."""
    names = ("answer_id", "vote", *SCORES, "comment", "blind", "task", "chosen_at", "created_at")
    values = {name: getattr(row, prefix + name) for name in names}
    return Rating(**values | {name: when(values[name]) for name in ("chosen_at", "created_at")})


def _entry(row: Row[Any]) -> Entry:
    ended = when(int(row.ended))
    assert ended is not None  # created_at is never NULL
    rating = rating_of(row, "rating_") if row.rating_id is not None else None
    return Entry(row.model, row.preset, ended, row.adopted, rating)
