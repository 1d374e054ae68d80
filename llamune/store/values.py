"""Rows to values and back: one function per type. Texts are made storable here, times become numbers."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, func, insert, select

from llamune.chat.preset import SamplingOptions
from llamune.chat.seen import Checked, checked_of
from llamune.chat.session import Answer, AnswerStatus, Attachment, ChatSession, Reason, Turn, Usage
from llamune.store.tables import ANSWER, SESSION, TURN

Clock = Callable[[], datetime]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVER, NEVER = -(2**62), 2**62  # before and after every stored time
MICROSECOND = timedelta(microseconds=1)
USAGE = tuple(f.name for f in fields(Usage))
LIVE = TURN.c.rewind_id.is_(None)
RUNNING = ANSWER.c.status.in_(("waiting", "streaming"))


def utc_now() -> datetime:
    return datetime.now(UTC)


def moment(when: datetime) -> int:
    """Microseconds since 1970. A time without a zone counts as UTC."""
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def span(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Stored times from `since` on, and before `until`; None = any."""
    return (moment(since) if since else EVER, moment(until) if until else NEVER)


def when(value: int | None) -> datetime | None:
    """The time, in UTC, of a stored number."""
    return None if value is None else EPOCH + value * MICROSECOND


def storable(text: str) -> str:
    """`text` with half surrogate pairs joined or replaced by U+FFFD: UTF-8 cannot hold them. NUL and all else stay."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def options_json(options: SamplingOptions) -> str:
    return to_json(options.given())


def options_of(text: str) -> SamplingOptions:
    return SamplingOptions(**json.loads(text))


def attachments_json(attachments: Sequence[Attachment]) -> str:
    return to_json([[storable(a.name), storable(a.text)] for a in attachments])


def attachments_of(text: str) -> tuple[Attachment, ...]:
    return tuple(Attachment(name, body) for name, body in json.loads(text))


def ending_columns(
    status: AnswerStatus,
    *,
    text: str,
    thinking: str = "",
    usage: Usage = Usage(),
    reason: Reason = "",
    error: str = "",
    hint: str = "",
    model: str = "",
    digest: str = "",
    engine: str = "",
    checked: Checked | None = None,
) -> dict[str, Any]:
    """What is written of an answer when it has ended; arguments as in `Store.finish`."""
    values = {"status": status, "text": text, "thinking": thinking, "reason": reason, "error": error, "hint": hint}
    values |= {k: v for k, v in (("model", model), ("digest", digest), ("engine", engine)) if v}
    values |= {"checked": to_json(asdict(checked)) if checked else ""}
    return {k: storable(v) for k, v in values.items()} | asdict(usage)


def turn_count() -> ColumnElement[int]:
    """Live turns of the session in the outer query: the largest number, since they are 1 … n."""
    turn = TURN.alias("counted")
    numbers = select(func.max(turn.c.number)).where(turn.c.session_id == SESSION.c.id, turn.c.rewind_id.is_(None))
    return func.coalesce(numbers.scalar_subquery(), 0).label("turn_count")


def session_of(row: Row[Any]) -> ChatSession:
    """From a row of SESSION's columns and `turn_count`."""
    return ChatSession(
        id=row.id,
        title=row.title,
        titled_by=row.titled_by,
        model=row.model,
        preset=row.preset,
        system=row.system,
        overrides=options_of(row.overrides),
        summary=row.summary,
        summarised=row.summarised,
        turn_count=row.turn_count,
        created_at=when(row.created_at),
        updated_at=when(row.updated_at),
        deleted_at=when(row.deleted_at),
        corpora=tuple(json.loads(row.corpora)),
        mode=row.mode,
        before_mode=json.loads(row.before_mode),
    )


def answer_of(row: Row[Any]) -> Answer:
    """From a row of ANSWER's columns; what it saw is read by contexts.py."""
    values = row._mapping
    return Answer(
        id=row.id,
        turn_id=row.turn_id,
        letter=row.letter,
        model=row.model,
        preset=row.preset,
        options=options_of(row.options),
        status=row.status,
        text=row.text,
        thinking=row.thinking,
        digest=row.digest,
        engine=row.engine,
        reason=row.reason,
        error=row.error,
        hint=row.hint,
        usage=Usage(**{name: values[name] for name in USAGE}),
        adopted=row.adopted,
        discarded=row.discarded,
        created_at=when(row.created_at),
        knowledge=row.knowledge,
        checksum=row.checksum,
        checked=checked_of(json.loads(row.checked)) if row.checked else None,
    )


def turn_of(row: Row[Any], answers: Sequence[Answer]) -> Turn:
    """From a row of TURN's columns and the answers to show with it."""
    return Turn(
        id=row.id,
        session_id=row.session_id,
        number=row.number,
        question=row.question,
        attachments=attachments_of(row.attachments),
        answers=tuple(answers),
        created_at=when(row.created_at),
    )


def insert_row(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Stores a row; returns its id."""
    key = connection.execute(insert(table), dict(values)).inserted_primary_key
    return int(key[0]) if key else 0
