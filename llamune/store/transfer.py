"""Sessions as objects for a file, and back. Complete: rewound turns, rejected and discarded answers are in them.

The shape of an object is declared once, as the pydantic models below; a foreign file is checked against them before
anything is stored, and the import is one transaction. Numbers of rows are not part of an object: turns and rewinds are
named by their place in it. What /undo remembers besides rewinds stays behind.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Connection, Row, select

from llamune.chat.lineup import Level
from llamune.chat.preset import OPTION_NAMES
from llamune.chat.rating import HIGHEST, LOWEST, Rating, Vote
from llamune.chat.session import AnswerStatus, Imported, Reason, TitledBy
from llamune.errors import StoreError
from llamune.i18n import _
from llamune.store import ratings, search, sessions
from llamune.store import transfer_knowledge as knowledge
from llamune.store.tables import ACT, ANSWER, SESSION, TURN
from llamune.store.transfer_knowledge import CheckedJson, SeenJson
from llamune.store.turns import SECOND, letter
from llamune.store.values import USAGE, attachments_of, insert_row, moment, storable, to_json, when

FORMAT = "llamune-session"
VERSION = 1
LARGEST = 2**53  # of a number: what every JSON reader keeps exactly


def _known_options(options: dict[str, int | float]) -> dict[str, int | float]:
    if unknown := options.keys() - set(OPTION_NAMES):
        raise ValueError(f"unknown option {', '.join(sorted(unknown))}")
    if any(abs(value) > LARGEST for value in options.values()):
        raise ValueError("a number out of all ranges")
    return options


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def _writable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_writable)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Score = Annotated[int, Field(ge=LOWEST, le=HIGHEST)]
Milliseconds = Annotated[float, Field(ge=0, le=LARGEST)]
Time = Annotated[datetime, Field(strict=False), AfterValidator(_utc)]
Options = Annotated[dict[str, int | float], AfterValidator(_known_options)]


class Part(BaseModel):
    """Unknown keys are passed over: a later version may add some."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class FilePart(Part):
    name: Text
    text: Text


class UsagePart(Part):
    prompt_tokens: Count | None = None
    cached_tokens: Count | None = None
    completion_tokens: Count | None = None
    first_token_ms: Milliseconds | None = None
    load_ms: Milliseconds | None = None
    prompt_ms: Milliseconds | None = None
    generate_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None


class RatingPart(Part):
    """What the user said about an answer."""

    vote: Vote = ""
    accuracy: Score | None = None
    natural: Score | None = None
    useful: Score | None = None
    comment: Text = ""
    blind: bool = False
    task: Text = ""
    chosen_at: Time | None = None
    created_at: Time


class AnswerPart(Part):
    """`letter` is for readers of the file; an import gives letters by order."""

    letter: Text = ""
    model: Text
    preset: Text = ""
    engine: Text = ""
    digest: Text = ""
    options: Options = Field(default_factory=dict)
    status: AnswerStatus
    text: Text
    thinking: Text = ""
    reason: Reason = ""
    error: Text = ""
    hint: Text = ""
    usage: UsagePart = Field(default_factory=UsagePart)
    adopted: bool = False
    discarded: bool = False
    task: Text = ""
    created_at: Time
    rating: RatingPart | None = None
    knowledge: Level = ""
    checksum: Count = 0
    seen: SeenJson = None
    checked: CheckedJson = None


class TurnPart(Part):
    """`after` is the place in `turns` of the turn this one followed, `rewind` that of the rewind that took it away."""

    number: Annotated[int, Field(ge=1, le=LARGEST)]
    after: Count | None = None
    rewind: Count | None = None
    question: Text
    attachments: list[FilePart] = Field(default_factory=list)
    created_at: Time
    answers: list[AnswerPart] = Field(default_factory=list)


class VersionPart(Part):
    text: Text
    created_at: Time


class PromptPart(Part):
    """An extra prompt of the session, its oldest version first."""

    active: bool = True
    removed: bool = False
    versions: Annotated[list[VersionPart], Field(min_length=1)]


class SessionPart(Part):
    """One session: one line of an export."""

    format: Literal["llamune-session"]
    version: Literal[1]
    uid: Annotated[Text, Field(min_length=1, max_length=100)]
    title: Text = ""
    titled_by: TitledBy = "auto"
    model: Text = ""
    preset: Text = ""
    system: Text = ""
    overrides: Options = Field(default_factory=dict)
    summary: Text = ""
    summarised: Count = 0
    created_at: Time
    updated_at: Time
    deleted_at: Time | None = None
    corpora: list[Text] = Field(default_factory=list)
    mode: Text = ""
    prompts: list[PromptPart] = Field(default_factory=list)
    rewinds: list[Time] = Field(default_factory=list)
    turns: list[TurnPart] = Field(default_factory=list)

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        """Turns follow earlier ones, live ones are 1 … n, and at most one answer of a turn stands."""
        for place, turn in enumerate(self.turns):
            if turn.after is not None and (turn.after >= place or self.turns[turn.after].number != turn.number - 1):
                raise ValueError(f"turn {place} cannot follow turn {turn.after}")
            if turn.rewind is not None and turn.rewind >= len(self.rewinds):
                raise ValueError(f"turn {place} names a rewind that is not there")
            if sum(answer.adopted for answer in turn.answers) > 1:
                raise ValueError(f"turn {place} has more than one adopted answer")
        live = [turn.number for turn in self.turns if turn.rewind is None]
        if live != list(range(1, len(live) + 1)):
            raise ValueError("the numbers of the turns are not 1, 2, 3 …")
        if self.summarised > len(live):
            raise ValueError("the summary stands for more turns than there are")
        return self


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


def import_all(connection: Connection, now: int, parts: Iterable[SessionPart]) -> Imported:
    """Stores checked sessions; one that is here already, deleted or not, is left as it is."""
    counted, skipped = Counter[str](), Counter[str]()
    for part in parts:
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
