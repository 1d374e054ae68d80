"""What answers saw: prompts and passages, kept once for all answers of a turn that saw the same.

Rows are read only where an answer has one, so that a conversation without knowledge pays nothing for it.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, select

from llamune.chat.passage import Found, Passage
from llamune.chat.seen import ExtraPrompt, Seen
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


def as_json(seen: Seen) -> dict[str, Any]:
    """The JSON-able form; passages that were sent as they were found are not written twice."""
    found = seen.found
    sent = [_place(p, found.passages if found else ()) for p in seen.passages]
    prompts = [{"number": p.number, "version": p.version, "text": p.text, "mode": p.mode} for p in seen.prompts]
    whole = {"system": seen.system, "prompts": prompts, "corpora": seen.corpora, "sent": sent}
    return whole | ({"found": _found(found)} if found else {})


def of_json(data: Any) -> Seen:
    """What `as_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
    found = _found_of(data["found"]) if data.get("found") else None
    passages = [_passage(p) if isinstance(p, dict) else (found.passages[p] if found else None) for p in data["sent"]]
    prompts = tuple(ExtraPrompt(**p) for p in data["prompts"])
    return Seen(data["system"], prompts, tuple(data["corpora"]), found, tuple(p for p in passages if p))


def _place(passage: Passage, among: tuple[Passage, ...]) -> int | dict[str, Any]:
    return among.index(passage) if passage in among else asdict(passage)


def _found(found: Found) -> dict[str, Any]:
    """Hits that are passages are named by their place."""
    hits = [_place(hit, found.passages) for hit in found.hits]
    return asdict(replace(found, hits=())) | {"hits": hits}


def _found_of(data: dict[str, Any]) -> Found:
    passages = tuple(map(_passage, data["passages"]))
    hits = tuple(_passage(h) if isinstance(h, dict) else passages[h] for h in data["hits"])
    low, high = data["thresholds"]
    return Found(data["question"], passages, data["strength"], (low, high), hits, tuple(data["notes"]))


def _passage(data: dict[str, Any]) -> Passage:
    return Passage(**{**data, "matched": tuple(data["matched"])})
