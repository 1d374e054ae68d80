"""Sessions as objects for a file, and back. Complete: rewound turns, rejected and discarded answers are in them.

A foreign file is checked against transfer_parts.py before anything is stored, and the import is one transaction.
Numbers of rows are not part of an object: turns and rewinds are named by their place in it. What /undo remembers
besides rewinds stays behind.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select

from llamune.chat.rating import Rating
from llamune.chat.session import Imported, letter
from llamune.errors import StoreError
from llamune.i18n import _
from llamune.store import ratings, search, sessions
from llamune.store import transfer_knowledge as knowledge
from llamune.store.tables import ACT, ANSWER, SESSION, TURN
from llamune.store.transfer_parts import AnswerPart, SessionPart, TurnPart
from llamune.store.turns import SECOND
from llamune.store.values import USAGE, attachments_of, insert_row, moment, to_json, when

FORMAT = "llamune-session"
VERSION = 1


# out


def export(connection: Connection, session_id: int) -> dict[str, Any]:
    """A session as a JSON-able object; an answer that still runs is exported as cut here. Raises NotFound."""
    sessions.get(connection, session_id)
    session = connection.execute(select(SESSION).where(SESSION.c.id == session_id)).one()
    # by number first: a turn that came back from a rewind can have a smaller id than the one it follows
    order = select(TURN).where(TURN.c.session_id == session_id).order_by(TURN.c.number, TURN.c.id)
    rows = connection.execute(order).all()
    used = {row.rewind_id for row in rows} - {None}
    acts = connection.execute(select(ACT).where(ACT.c.id.in_(used)).order_by(ACT.c.at, ACT.c.id)).all()
    places = {row.id: place for place, row in enumerate(rows)}
    rewinds = {act.id: place for place, act in enumerate(acts)}
    answers = _answers(connection, session_id)
    names = ("uid", "title", "titled_by", "model", "preset", "system", "summary", "summarised", "mode")
    return {
        "format": FORMAT,
        "version": VERSION,
        **{name: getattr(session, name) for name in names},
        "overrides": json.loads(session.overrides),
        "corpora": json.loads(session.corpora),
        "prompts": knowledge.prompts_of(connection, session_id),
        **{name: _time(getattr(session, name)) for name in ("created_at", "updated_at", "deleted_at")},
        "rewinds": [_time(act.at) for act in acts],
        "turns": [_turn(row, places, rewinds, answers.get(row.id, [])) for row in rows],
    }


def _turn(row: Row[Any], places: Mapping[int, int], rewinds: Mapping[int, int], answers: list[Any]) -> dict[str, Any]:
    return {
        "number": row.number,
        "after": places.get(row.parent_id),
        "rewind": rewinds.get(row.rewind_id),
        "question": row.question,
        "attachments": [{"name": a.name, "text": a.text} for a in attachments_of(row.attachments)],
        "created_at": _time(row.created_at),
        "answers": answers,
    }


def _answers(connection: Connection, session_id: int) -> dict[int, list[Any]]:
    """The answers of each turn of a session, in the order asked."""
    query = select(ANSWER).join(TURN, TURN.c.id == ANSWER.c.turn_id).where(TURN.c.session_id == session_id)
    said, seen = ratings.of_session(connection, session_id), knowledge.seen_of(connection, session_id)
    found: dict[int, list[Any]] = {}
    for row in connection.execute(query.order_by(ANSWER.c.id)):
        found.setdefault(row.turn_id, []).append(_answer(row, said.get(row.id), seen.get(row.context_id)))
    return found


def _rating(rating: Rating | None) -> dict[str, Any] | None:
    if rating is None:
        return None
    values = {f.name: getattr(rating, f.name) for f in fields(rating) if f.name != "answer_id"}
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items()}


def _answer(row: Row[Any], said: Rating | None, seen: str | None) -> dict[str, Any]:
    names = ("letter", "model", "preset", "engine", "digest", "text", "thinking", "reason", "error", "hint")
    return {
        **{name: getattr(row, name) for name in (*names, *("adopted", "discarded", "task", "knowledge", "checksum"))},
        "status": "cancelled" if row.status in ("waiting", "streaming") else row.status,
        "options": json.loads(row.options),
        "usage": {name: getattr(row, name) for name in USAGE},
        "created_at": _time(row.created_at),
        "rating": _rating(said),
        "seen": json.loads(seen) if seen else None,
        "checked": json.loads(row.checked) if row.checked else None,
    }


def _time(value: int | None) -> str | None:
    found = when(value)
    return found.isoformat() if found else None


# in


def parse(line: int, obj: object) -> SessionPart:
    """A checked session. Raises StoreError that names the line."""
    if isinstance(obj, Mapping) and obj.get("format") == FORMAT and _newer(obj.get("version")):
        raise StoreError(
            _("Line {line} was written by a newer Llamune. Nothing was imported.").format(line=line),
            _("Import it with that version."),
        )
    try:
        return SessionPart.model_validate(obj)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(
            _("Line {line} is no session of Llamune (wrong value at “{where}”). Nothing was imported.").format(
                line=line, where=where
            ),
            _("Import takes files that /export FILE.jsonl wrote."),
        ) from error


def _newer(version: object) -> bool:
    return isinstance(version, int) and version > VERSION


def import_all(
    connection: Connection, now: int, parts: Sequence[SessionPart], told: Callable[[int, int], None]
) -> Imported:
    """Stores checked sessions; one that is here already, deleted or not, is left as it is."""
    counted, skipped = Counter[str](), Counter[str]()
    done, total = 0, sum(len(part.turns) for part in parts)
    for part in parts:
        told(done, total)
        done += len(part.turns)
        here = connection.execute(select(SESSION.c.deleted_at).where(SESSION.c.uid == part.uid)).one_or_none()
        if here is not None:
            skipped[_("already here") if here.deleted_at is None else _("already here, in the trash")] += 1
            continue
        _import(connection, now, part)
        counted += Counter(sessions=1, turns=len(part.turns), answers=sum(len(t.answers) for t in part.turns))
    return Imported(counted["sessions"], counted["turns"], counted["answers"], dict(skipped))


def _import(connection: Connection, now: int, part: SessionPart) -> None:
    row = part.model_dump(exclude={"format", "version", "rewinds", "turns", "prompts"})
    row |= {"overrides": to_json(part.overrides), "corpora": to_json(part.corpora)}
    row |= {name: value and moment(value) for name, value in row.items() if name.endswith("_at")}
    session_id = insert_row(connection, SESSION, row)
    knowledge.put_prompts(connection, session_id, [p.model_dump() for p in part.prompts])
    acts = [_import_rewind(connection, now, session_id, moment(time)) for time in part.rewinds]
    ids: list[int] = []
    for turn in part.turns:
        parent = None if turn.after is None else ids[turn.after]
        rewind = None if turn.rewind is None else acts[turn.rewind]
        ids.append(_import_turn(connection, now, turn, session_id=session_id, parent_id=parent, rewind_id=rewind))


def _import_rewind(connection: Connection, now: int, session_id: int, at: int) -> int:
    """An act, so that /undo can bring imported rewound turns back; as old as it is, newer acts are undone first."""
    row = {"kind": "rewind", "session_id": session_id, "before": "{}", "at": min(at, now)}
    return insert_row(connection, ACT, row)


def _import_turn(connection: Connection, now: int, turn: TurnPart, **links: int | None) -> int:
    files = [[f.name, f.text] for f in turn.attachments]
    created = moment(turn.created_at)
    row = {"number": turn.number, "question": turn.question, "attachments": to_json(files), "created_at": created}
    turn_id = insert_row(connection, TURN, row | links)
    search.add(connection, min(created, now) // SECOND, turn_id, None, turn.question, late=True)
    for place, answer in enumerate(turn.answers):
        _import_answer(connection, now, turn_id, letter(place), answer)
    return turn_id


def _import_answer(connection: Connection, now: int, turn_id: int, name: str, answer: AnswerPart) -> None:
    created = moment(answer.created_at)
    row = answer.model_dump(exclude={"usage", "rating", "seen", "checked"}) | answer.usage.model_dump()
    row |= {"turn_id": turn_id, "letter": name, "options": to_json(answer.options), "created_at": created}
    row |= {"owner_pid": 0, "owner_start": "", "context_id": knowledge.put_seen(connection, turn_id, answer.seen)}
    row["checked"] = to_json(answer.checked) if answer.checked else ""
    row["status"] = "cancelled" if answer.status in ("waiting", "streaming") else answer.status
    answer_id = insert_row(connection, ANSWER, row)
    search.add(connection, min(created, now) // SECOND, turn_id, answer_id, answer.text, late=True)
    if answer.rating:
        said = answer.rating.model_dump()
        said |= {name: value and moment(value) for name, value in said.items() if name.endswith("_at")}
        ratings.put(connection, now, answer_id, said)
