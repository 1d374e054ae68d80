"""Counting what is stored about answers, in SQL: one pass over the index `answer_usage`, which holds no text.

A million answers take about two seconds and no memory: SQLite groups them, and per group there are only counts and
spreads. Sessions in the trash and rewound turns count (the time was spent); what is purged does not. The task of a
turn's answers is kept here, too.
"""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text, update

from llamune.chat import task
from llamune.chat.session import Turn
from llamune.chat.sweep import LOAD_MS
from llamune.chat.usage import KEYS, Line, Spread, bucket
from llamune.store.tables import ANSWER, ENDED, RATING
from llamune.store.values import span

WEEK = 7 * 24 * 3600 * 1_000_000  # microseconds
MONDAY = 4 * 24 * 3600 * 1_000_000  # 1970 began with a Thursday
_TASK = select(ANSWER.c.task).where(ANSWER.c.turn_id == bindparam("turn")).limit(1)

_ENDED = text(f"""
    SELECT model, preset, task, count(*) AS answers, sum(status = 'complete') AS complete,
        sum(status = 'failed') AS failed,
        spreads(total_ms, first_token_ms, CASE WHEN load_ms > {LOAD_MS} THEN load_ms END,
            completion_tokens * 1000.0 / generate_ms, (created_at - {MONDAY}) / {WEEK})
            FILTER (WHERE status = 'complete') AS spreads
    FROM answer WHERE {ENDED} AND created_at >= :since AND created_at < :until GROUP BY model, preset, task
""")
# CROSS JOIN: SQLite keeps that order, and there are few ratings but many answers
_CHOSEN = text("""
    SELECT model, preset, task, count(*) AS compared, sum(won) AS chosen FROM (
        SELECT a.model, a.preset, a.task, a.id = stands.id AS won, count(*) OVER (PARTITION BY a.turn_id) AS beside
        FROM rating CROSS JOIN answer AS stands ON stands.id = rating.answer_id
        CROSS JOIN answer AS a ON a.turn_id = stands.turn_id
        WHERE rating.chosen_at IS NOT NULL AND stands.adopted AND stands.created_at >= :since
            AND stands.created_at < :until
            AND a.status = 'complete' AND a.created_at + coalesce(a.total_ms, 0) * 1000 <= rating.chosen_at
    ) WHERE beside > 1 GROUP BY model, preset, task
""")
_RATED = text("""
    SELECT model, preset, answer.task, sum(vote = 'good') AS good, sum(vote = 'bad') AS bad,
        sum((accuracy IS NOT NULL) + ("natural" IS NOT NULL) + (useful IS NOT NULL)) AS rated,
        sum(coalesce(accuracy, 0) + coalesce("natural", 0) + coalesce(useful, 0)) AS points
    FROM rating JOIN answer ON answer.id = rating.answer_id
    WHERE answer.created_at >= :since AND answer.created_at < :until GROUP BY model, preset, answer.task
""")


class _Spreads:
    """What SQLite calls for each complete answer of a group; at its end it puts itself into `made`."""

    def __init__(self, made: "list[_Spreads]") -> None:
        self._made = made
        self.total: defaultdict[int, int] = defaultdict(int)
        self.first: defaultdict[int, int] = defaultdict(int)
        self.load: defaultdict[int, int] = defaultdict(int)
        self.speed: defaultdict[int, int] = defaultdict(int)
        self.weeks: defaultdict[int, int] = defaultdict(int)

    def step(self, total: float, first: float, load: float, speed: float, week: int) -> None:
        self.weeks[week] += 1
        if total:  # not known is None
            self.total[bucket(total)] += 1
        if first:
            self.first[bucket(first)] += 1
        if load:
            self.load[bucket(load)] += 1
        if speed:
            self.speed[bucket(speed)] += 1

    def finalize(self) -> int:
        self._made.append(self)
        return len(self._made) - 1


def count(connection: Connection, since: datetime | None, until: datetime | None) -> list[Line]:
    """A line for each model, preset and task of which there is an answer made at or after `since` and before `until`
    (None = any)."""
    first, end = span(since, until)
    made_in = {"since": first, "until": end}
    made: list[_Spreads] = []
    sqlite: Any = connection.connection.driver_connection
    sqlite.create_aggregate("spreads", 5, lambda: _Spreads(made))
    rows = connection.execute(_ENDED, made_in).all()
    sqlite.create_aggregate("spreads", 5, None)  # the connection outlives what it would hold on to
    found = {row[:3]: _line(row, made[row.spreads] if row.spreads is not None else _Spreads(made)) for row in rows}
    for query in (_CHOSEN, _RATED):
        for row in connection.execute(query, made_in):
            if line := found.get(row[:3]):
                found[row[:3]] = replace(line, **{k: v for k, v in row._mapping.items() if k not in KEYS})
    return list(found.values())


def _line(row: Row[Any], spreads: _Spreads) -> Line:
    return Line(
        row.model, row.preset, row.task, row.answers, row.complete, row.failed, Spread(spreads.total),
        Spread(spreads.first), Spread(spreads.load), Spread(spreads.speed), weeks=spreads.weeks,
    )  # fmt: skip


def task_of(connection: Connection, turn: Turn) -> str:
    """What a turn is for: what its answers say, else what the rule says."""
    stored = connection.scalar(_TASK, {"turn": turn.id})
    return stored or task.guess(turn.question, files=bool(turn.attachments))[0]


def set_task(connection: Connection, turn: Turn, name: str) -> None:
    """Says what a turn is for, for all its answers and what was said about them."""
    mine = ANSWER.c.turn_id == turn.id
    connection.execute(update(ANSWER).where(mine).values(task=name))
    answers = select(ANSWER.c.id).where(mine)
    connection.execute(update(RATING).where(RATING.c.answer_id.in_(answers)).values(task=name))
