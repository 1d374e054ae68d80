"""Turns and answers: stored when they happen, read by number. What takes them out of sight is in acts.py.

An answer that runs belongs to the process that writes it. When that process is gone, whoever looks next marks the
answer as cancelled, with the text that had come.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from llamune.chat.context import with_attachments
from llamune.chat.session import Answer, Attachment, Turn, letter
from llamune.errors import NotFound
from llamune.i18n import _
from llamune.store import contexts, search, sessions, usage
from llamune.store.owner import Owner
from llamune.store.tables import ANSWER, SESSION, TURN
from llamune.store.values import (
    LIVE,
    RUNNING,
    answer_of,
    attachments_json,
    attachments_of,
    insert_row,
    options_json,
    storable,
    turn_of,
    when,
)

SECOND = 1_000_000  # microseconds
PAGE = 500  # turns read at once by `messages`
# Statements of every question are built once: SQLAlchemy takes longer to build one than SQLite to run it.
_TURN = select(TURN).where(TURN.c.id == bindparam("turn"))
_AT = select(TURN.c.id).where(TURN.c.session_id == bindparam("session"), LIVE, TURN.c.number == bindparam("number"))
_ANSWER = select(ANSWER).where(ANSWER.c.id == bindparam("answer"))
_SHOWN = select(ANSWER).where(ANSWER.c.discarded.is_(False)).order_by(ANSWER.c.id)
_SHOWN_OF = _SHOWN.where(ANSWER.c.turn_id == bindparam("turn"))
_RUNNERS = select(ANSWER.c.id, ANSWER.c.owner_pid, ANSWER.c.owner_start).where(RUNNING)
_PROGRESS = (
    update(ANSWER)
    .where(ANSWER.c.id == bindparam("answer"), RUNNING)
    .values(status="streaming", text=bindparam("text"), thinking=bindparam("thinking"))
)
_USED = (
    update(SESSION)
    .where(SESSION.c.id == select(TURN.c.session_id).where(TURN.c.id == bindparam("turn")).scalar_subquery())
    .values(updated_at=bindparam("updated_at"))
)


def add(connection: Connection, now: int, session_id: int, question: str, attachments: Sequence[Attachment]) -> Turn:
    """The next turn of a session. Raises NotFound; StoreError when the session is in the trash."""
    count = sessions.get_live(connection, session_id).turn_count
    row: dict[str, Any] = {
        "session_id": session_id,
        "parent_id": connection.scalar(_AT, {"session": session_id, "number": count}),
        "number": count + 1,
        "question": storable(question),
        "attachments": attachments_json(attachments),
        "created_at": now,
    }
    turn_id = insert_row(connection, TURN, row)
    search.add(connection, now // SECOND, turn_id, None, row["question"])
    sessions.used(connection, session_id, now)
    files = attachments_of(row["attachments"])
    return Turn(turn_id, session_id, count + 1, row["question"], files, created_at=when(now))


def edit(connection: Connection, now: int, turn_id: int, question: str) -> Turn:
    """Another text for a question."""
    old, new = get(connection, turn_id).question, storable(question)
    search.change(connection, now // SECOND, turn_id, None, old, new)
    connection.execute(update(TURN).where(TURN.c.id == turn_id).values(question=new))
    return get(connection, turn_id)


def get(connection: Connection, turn_id: int) -> Turn:
    """A turn, live or not, without its discarded answers. Raises NotFound."""
    row = connection.execute(_TURN, {"turn": turn_id}).one_or_none()
    if row is None:
        raise NotFound(_("There is no turn {number}.").format(number=turn_id), _("/history lists the turns."))
    return turn_of(row, _answers(connection, connection.execute(_SHOWN_OF, {"turn": turn_id})))


def _answers(connection: Connection, rows: Iterable[Row[Any]]) -> list[Answer]:
    return contexts.filled(connection, ((answer_of(row), row.context_id) for row in rows))


def ranged(connection: Connection, session_id: int, first: int, last: int | None) -> list[Turn]:
    """Live turns by number. Raises NotFound for an unknown session."""
    count = sessions.get(connection, session_id).turn_count
    low = count + 1 + first if first < 0 else first
    inside = TURN.c.number.between(low, count if last is None else last)
    answers: dict[int, list[Answer]] = {}
    shown = _SHOWN.join(TURN, TURN.c.id == ANSWER.c.turn_id).where(TURN.c.session_id == session_id, LIVE, inside)
    for answer in _answers(connection, connection.execute(shown)):
        answers.setdefault(answer.turn_id, []).append(answer)
    turns = connection.execute(
        select(TURN).where(TURN.c.session_id == session_id, LIVE, inside).order_by(TURN.c.number)
    )
    return [turn_of(row, answers.get(row.id, ())) for row in turns]


def messages(connection: Connection, session_id: int, after: int) -> list[tuple[int, str, str]]:
    """The next PAGE (number, question as the model sees it, adopted answer) after number `after`."""
    adopted = (ANSWER.c.turn_id == TURN.c.id) & ANSWER.c.adopted
    query = (
        select(TURN.c.number, TURN.c.question, TURN.c.attachments, func.coalesce(ANSWER.c.text, ""))
        .select_from(TURN.outerjoin(ANSWER, adopted))
        .where(TURN.c.session_id == session_id, LIVE, TURN.c.number > after)
        .order_by(TURN.c.number)
        .limit(PAGE)
    )
    return [
        (number, question if files == "[]" else with_attachments(question, attachments_of(files)), answer)
        for number, question, files, answer in connection.execute(query)
    ]


def add_answer(connection: Connection, now: int, owner: Owner, turn_id: int, *, adopted: bool, **values: Any) -> Answer:
    """A waiting answer with the next letter; an adopted one takes the place of the one that stood. Raises NotFound."""
    turn = get(connection, turn_id)
    place = connection.scalar(select(func.count()).where(ANSWER.c.turn_id == turn_id)) or 0
    if adopted:
        connection.execute(update(ANSWER).where(ANSWER.c.turn_id == turn_id, ANSWER.c.adopted).values(adopted=False))
    row = dict.fromkeys(("text", "thinking", "digest", "reason", "error", "hint"), "") | values
    row |= {"turn_id": turn_id, "letter": letter(place), "status": "waiting", "adopted": adopted, "discarded": False}
    row |= {"created_at": now, "owner_pid": owner.pid, "owner_start": owner.start}
    row["task"] = usage.task_of(connection, turn)
    row["options"] = options_json(values["options"])
    row["context_id"] = contexts.put(connection, turn_id, row.pop("seen", None))
    return get_answer(connection, insert_row(connection, ANSWER, row))


def get_answer(connection: Connection, answer_id: int) -> Answer:
    """An answer, discarded or not. Raises NotFound."""
    row = connection.execute(_ANSWER, {"answer": answer_id}).one_or_none()
    if row is None:
        raise NotFound(_("There is no answer {number}.").format(number=answer_id), _("/history lists the answers."))
    return _answers(connection, [row])[0]


def save_progress(connection: Connection, answer_id: int, text: str, thinking: str) -> None:
    """The text so far of a running answer; one that has ended keeps what it has. Raises NotFound."""
    row = {"answer": answer_id, "text": storable(text), "thinking": storable(thinking)}
    if connection.execute(_PROGRESS, row).rowcount == 0:
        get_answer(connection, answer_id)


def finish(connection: Connection, now: int, answer_id: int, values: dict[str, Any]) -> Answer:
    """The end of an answer: stored, and findable from now on. Raises NotFound."""
    before = get_answer(connection, answer_id)
    old = before.text if not before.running else ""
    search.change(connection, now // SECOND, before.turn_id, answer_id, old, values["text"])
    connection.execute(update(ANSWER).where(ANSWER.c.id == bindparam("answer")), values | {"answer": answer_id})
    connection.execute(_USED, {"turn": before.turn_id, "updated_at": now})
    return get_answer(connection, answer_id)


def orphans(connection: Connection) -> list[int]:
    """Running answers whose process is gone."""
    owned: dict[Owner, list[int]] = {}
    for answer_id, pid, start in connection.execute(_RUNNERS):
        owned.setdefault(Owner(pid, start), []).append(answer_id)
    return [answer_id for owner, ids in owned.items() if not owner.alive for answer_id in ids]


def cut(connection: Connection, now: int, answer_ids: Sequence[int]) -> None:
    """Marks running answers as cancelled, with the text that had come."""
    query = select(ANSWER.c.id, ANSWER.c.turn_id, ANSWER.c.text).where(ANSWER.c.id.in_(answer_ids), RUNNING)
    for answer_id, turn_id, text in connection.execute(query).all():
        search.change(connection, now // SECOND, turn_id, answer_id, "", text)
        gone = {"status": "cancelled", "reason": "program_gone"}
        connection.execute(update(ANSWER).where(ANSWER.c.id == answer_id).values(gone))
