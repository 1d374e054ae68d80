"""Sessions as JSON for programs. Times are in UTC."""

from collections.abc import Iterable
from typing import Any

from llamune.chat.session import ChatSession, Hit, Turn
from llamune.cli.printers import answer_json


def session(one: ChatSession) -> dict[str, Any]:
    """A session's own row, for programs; times in UTC."""
    return {
        "id": one.id,
        "title": one.title,
        "model": one.model,
        "preset": one.preset,
        "system": one.system,
        "turns": one.turn_count,
        **{k: _time(getattr(one, k)) for k in ("created_at", "updated_at", "deleted_at")},
    }


def whole(one: ChatSession, turns: Iterable[Turn], all_answers: bool) -> dict[str, Any]:
    """A session with its turns; without `all_answers` only those that stand."""
    return session(one) | {"turns": [_turn(turn, all_answers) for turn in turns]}


def _turn(turn: Turn, all_answers: bool) -> dict[str, Any]:
    answers = [a for a in turn.answers if a.adopted or (all_answers and not a.discarded)]
    return {
        "number": turn.number,
        "question": turn.question,
        "attachments": [{"name": a.name, "text": a.text} for a in turn.attachments],
        "created_at": _time(turn.created_at),
        "answers": [{"letter": a.letter, "adopted": a.adopted, **answer_json(a)} for a in answers],
    }


def hit(found: Hit) -> dict[str, Any]:
    """What a search found: `marks` are offsets in the excerpt."""
    return {
        "session": found.session.id,
        "title": found.session.title,
        "turn": found.turn_number,
        "where": found.where,
        "letter": found.letter,
        "excerpt": found.excerpt,
        "marks": [list(m) for m in found.marks],
        "created_at": _time(found.created_at),
    }


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
