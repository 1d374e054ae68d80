"""The full-text index: FTS5, contentless, over the terms that grams.py makes. Kept by us, in the writer's transaction.

A question is in it from the moment it is stored, an answer when it has ended; what is deleted, rewound or discarded
stays in it and is left out when a search reads the rows, so that bringing it back costs nothing. Only `forget` (for a
purge) takes texts out. Attached files and thinking are not in it.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, Literal

from sqlalchemy import Connection, Row, TextClause, bindparam, func, select, text

from llamune.chat.session import Hit
from llamune.store.grams import excerpt, fold, grams, match, words
from llamune.store.tables import ANSWER, ENTRY, SESSION, TURN
from llamune.store.values import LIVE, session_of, turn_count, when

Order = Literal["newest", "rank"]
RANKED = 5_000  # a word in more texts than this is ranked among the newest of them: bm25 of 90,000 takes 100 ms
FIRST = -(2**63)  # the smallest rowid
BATCH = 64  # hits whose rows are read at once
LOOKED = 128  # newest texts that are read, before the index is asked for a single character

_ENTER = text(
    "INSERT INTO entry(id, turn_id, answer_id)"
    " VALUES (max(:second, 1 + coalesce((SELECT max(id) FROM entry), 0)), :turn, :answer)"
)
_ENTER_LATE = text(
    "INSERT INTO entry(id, turn_id, answer_id) SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM entry WHERE id = :second)"
    " THEN :second ELSE (SELECT id + 1 FROM entry AS this WHERE id >= :second"
    " AND NOT EXISTS (SELECT 1 FROM entry WHERE id = this.id + 1) ORDER BY id LIMIT 1) END, :turn, :answer"
)
_OF_QUESTION = select(ENTRY.c.id).where(ENTRY.c.turn_id == bindparam("turn"), ENTRY.c.answer_id.is_(None))
_OF_ANSWER = select(ENTRY.c.id).where(ENTRY.c.answer_id == bindparam("answer"))
_ADD = text("INSERT INTO search(rowid, grams) VALUES (:id, :grams)")
_TAKE = text("INSERT INTO search(search, rowid, grams) VALUES ('delete', :id, :grams)")
_TIDY = text("INSERT INTO search(search) VALUES ('optimize')")
_NTH = text("SELECT rowid FROM search WHERE search MATCH :match ORDER BY rowid DESC LIMIT 1 OFFSET :n")
_BODY = func.coalesce(ANSWER.c.text, TURN.c.question).label("body")
_BY: dict[Order, TextClause] = {
    "newest": text("SELECT rowid FROM search WHERE search MATCH :match ORDER BY rowid DESC"),
    "rank": text("SELECT rowid FROM search WHERE search MATCH :match AND rowid >= :since ORDER BY rank"),
}


def add(
    connection: Connection, second: int, turn_id: int, answer_id: int | None, body: str, *, late: bool = False
) -> None:
    """Puts a text into the index.

    Args:
        second: when it was written, in seconds since 1970.
        late: it is older than others that are there already (an import).
    """
    if not body:
        return
    entry = {"second": second, "turn": turn_id, "answer": answer_id}
    entry_id = connection.execute(_ENTER_LATE if late else _ENTER, entry).lastrowid
    connection.execute(_ADD, {"id": entry_id, "grams": grams(body)})


def change(connection: Connection, second: int, turn_id: int, answer_id: int | None, old: str, new: str) -> None:
    """Puts `new` in the place of `old`; what was not in the index yet is added."""
    which = {"turn": turn_id} if answer_id is None else {"answer": answer_id}
    entry_id = connection.scalar(_OF_QUESTION if answer_id is None else _OF_ANSWER, which)
    if entry_id is None:
        add(connection, second, turn_id, answer_id, new)
    elif old != new:
        connection.execute(_TAKE, {"id": entry_id, "grams": grams(old)})
        connection.execute(_ADD, {"id": entry_id, "grams": grams(new)})


def forget(connection: Connection, session_ids: Sequence[int]) -> None:
    """Takes all texts of sessions out of the index, and out of its pages. Their rows must still be there."""
    entries = connection.execute(
        select(ENTRY.c.id, _BODY).select_from(_joined()).where(TURN.c.session_id.in_(session_ids))
    ).all()
    for entry_id, body in entries:
        connection.execute(_TAKE, {"id": entry_id, "grams": grams(body)})
    if entries:
        connection.execute(_TIDY)  # a taken term stays readable in older segments until they are merged


def find(connection: Connection, query: str, limit: int, offset: int, order: Order) -> list[Hit]:
    """Texts with all words of `query`, by the newest or by rank (bm25)."""
    wanted = words(query)
    if not wanted or limit <= 0:
        return []
    if any(len(word) == 1 for word in wanted):  # single characters say nothing about rank, and are slow to count
        seen = _look(connection, wanted, limit + offset)
        if len(seen) >= limit + offset:
            return [_hit(row, wanted) for row in seen[offset : offset + limit]]
        order = "newest"
    with closing(_ordered(connection, match(wanted), order)) as live:
        return [_hit(row, wanted) for row in islice(live, offset, offset + limit)]


def _ordered(connection: Connection, wanted: str, order: Order) -> Generator[Row[Any]]:
    """The live texts that match, in order, read as far as they are asked for; to be closed."""
    values: dict[str, Any] = {"match": wanted}
    if order == "rank":
        values["since"] = connection.scalar(_NTH, {"match": wanted, "n": RANKED}) or FIRST
    with connection.execute(_BY[order], values) as found:  # an open cursor would keep a purge from emptying the log
        for ids in found.scalars().partitions(BATCH):
            rows = {row.entry_id: row for row in connection.execute(_hits().where(ENTRY.c.id.in_(ids)))}
            yield from (rows[i] for i in ids if i in rows)


def _look(connection: Connection, wanted: Sequence[str], enough: int) -> list[Row[Any]]:
    """The newest texts with all words, found by reading: a common character is met soon, and then this is quicker."""
    newest = select(ENTRY.c.id).order_by(ENTRY.c.id.desc()).limit(max(LOOKED, 2 * enough))
    ids = connection.scalars(newest).all()
    found: list[Row[Any]] = []
    for some in (ids[i : i + BATCH] for i in range(0, len(ids), BATCH)):
        rows = connection.execute(_hits().where(ENTRY.c.id.in_(some)).order_by(ENTRY.c.id.desc()))
        found += [row for row in rows if all(word in fold(row.body) for word in wanted)]
        if len(found) >= enough:
            break
    return found


def _joined() -> Any:
    return ENTRY.join(TURN, TURN.c.id == ENTRY.c.turn_id).outerjoin(ANSWER, ANSWER.c.id == ENTRY.c.answer_id)


def _hits() -> Any:
    """Everything a Hit is made of, for entries that are not deleted, rewound or discarded."""
    return (
        select(
            ENTRY.c.id.label("entry_id"),
            SESSION,
            turn_count(),
            TURN.c.number,
            ANSWER.c.letter,
            func.coalesce(ANSWER.c.created_at, TURN.c.created_at).label("written_at"),
            _BODY,
        )
        .select_from(_joined().join(SESSION, SESSION.c.id == TURN.c.session_id))
        .where(LIVE, SESSION.c.deleted_at.is_(None), ANSWER.c.discarded.is_not(True))
    )


def _hit(row: Row[Any], wanted: Sequence[str]) -> Hit:
    piece, marks = excerpt(row.body, wanted)
    return Hit(
        session=session_of(row),
        turn_number=row.number,
        where="answer" if row.letter else "question",
        letter=row.letter or "",
        excerpt=piece,
        marks=marks,
        created_at=when(row.written_at),
    )
