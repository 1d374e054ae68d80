"""Full-text search in 100,000 Japanese messages: does it find what LIKE finds, and how fast?

    python benchmarks/search.py [MESSAGES]

Writes a home folder into a temporary directory, prints figures, removes it. The texts are made of office words, some in
most messages and some in a few, with a fixed seed. Times are the best of three after one warm-up, in one thread.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from llamune.chat.preset import SamplingOptions
from llamune.paths import Paths
from llamune.store import database
from llamune.store.grams import fold
from llamune.store.store import SqlStore

LENGTH = 324  # characters of a message, on average
TURNS = 25  # in one session
PARTICLES = [
    *"のにはをがでと、。",
    "から",
    "まで",
    "について",
    "して",
    "ください",
    "ます",
    "です",
    "する",
    "こと",
    "これ",
]
COMMON = [
    "契約書",
    "承認",
    "監査",
    "在庫",
    "報告",
    "会議",
    "資料",
    "東京",
    "売上",
    "確認",
    "部長",
    "手続き",
    "経費",
    "システム",
]
SELDOM = [
    "棚卸",
    "退職金",
    "就業規則",
    "精算",
    "出張",
    "Python",
    "分析",
    "ガイド",
    "サーバー",
    "契約書の承認",
    "印鑑",
    "稟議",
]
KANJI = [chr(code) for code in range(0x4E00, 0x9FA0)]
QUERIES = (
    *("契約", "監査", "東京", "システム", "ます", "について", "してください"),
    *("棚卸", "退職金", "就業規則", "契約書の承認", "python", "Python 分析", "棚卸 監査", "ｶﾞｲﾄﾞ", "サーバ"),
    *("の", "。", "卸", "鑑", "龍", "龍馬", "ない言葉", "it"),
)


def message(seed: random.Random) -> str:
    """One text: particles and common words, now and then a rarer word or two random characters."""
    words: list[str] = []
    size = 0
    while size < LENGTH:
        dice = seed.random()
        word = seed.choice(PARTICLES if dice < 0.5 else COMMON) if dice < 0.94 else seed.choice(SELDOM)
        if dice > 0.99:
            word = seed.choice(KANJI) + seed.choice(KANJI)
        words.append(word)
        size += len(word)
    return "".join(words)


def sessions(count: int) -> Iterator[dict[str, Any]]:
    """Export objects with `count` messages in all: half questions, half answers."""
    seed, when = random.Random(1), datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(count // (2 * TURNS)):
        turns = []
        for place in range(TURNS):
            when += timedelta(minutes=7)
            at = when.isoformat()
            answer = {"model": "m", "status": "complete", "text": message(seed), "adopted": True, "created_at": at}
            after = place - 1 if place else None
            turns.append(
                {"number": place + 1, "after": after, "question": message(seed), "created_at": at, "answers": [answer]}
            )
        head = {"format": "llamune-session", "version": 1, "uid": f"u{number}", "title": f"s{number}", "model": "m"}
        yield head | {"created_at": at, "updated_at": at, "turns": turns}


def fill(store: SqlStore, count: int) -> float:
    """Imports `count` messages; returns seconds."""
    start, batch = time.perf_counter(), []
    for session in sessions(count):
        batch.append(session)
        if len(batch) == 100:
            store.import_(batch)
            batch = []
    store.import_(batch)
    return time.perf_counter() - start


def best(call: Callable[[], object], times: int = 3) -> float:
    """The fastest of some calls, in milliseconds."""
    call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken) * 1000


def texts(store: SqlStore) -> list[str]:
    with store._database.reading() as connection:
        rows = connection.execute(text("SELECT question FROM turn UNION ALL SELECT text FROM answer"))
        return [fold(row[0]) for row in rows]


def save_times(store: SqlStore, count: int = 300) -> list[float]:
    """Milliseconds of storing one question, and of finishing one answer, with an index of full size."""
    seed, taken = random.Random(2), []
    session = store.create_session(model="m", preset="balanced")
    for _ in range(count):
        question, reply = message(seed), message(seed)
        start = time.perf_counter()
        turn = store.add_turn(session.id, question)
        taken.append((time.perf_counter() - start) * 1000)
        answer = store.add_answer(turn.id, model="m", preset="balanced", options=SamplingOptions(), adopted=True)
        start = time.perf_counter()
        store.finish(answer.id, "complete", text=reply)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, round(share * len(values)))]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        store = database.open(Paths(Path(folder) / "home"))
        seconds = fill(store, count)
        size = (Path(folder) / "home" / "llamune.db").stat().st_size
        print(f"{count:,} messages of {LENGTH} characters: {seconds:.1f} s to import, {size / 1e6:.0f} MB")
        body = texts(store)
        newest, ranked, missed = [], [], 0
        print(f"{'query':<14}{'LIKE':>8}{'found':>8}{'newest ms':>11}{'rank ms':>9}")
        for query in QUERIES:
            wanted = [fold(word) for word in query.split()]
            like = sum(all(word in one for word in wanted) for one in body)
            found = len(store.search(query, limit=count))
            missed += abs(like - found)
            newest.append(best(lambda: store.search(query)))  # noqa: B023
            ranked.append(best(lambda: store.search(query, order="rank")))  # noqa: B023
            print(f"{query:<14}{like:>8}{found:>8}{newest[-1]:>11.1f}{ranked[-1]:>9.1f}")
        saved = save_times(store)
        print(f"hits missed or too many, against LIKE: {missed}")
        print(f"newest 20: median {statistics.median(newest):.1f} ms, worst {max(newest):.1f} ms")
        print(f"ranked 20: median {statistics.median(ranked):.1f} ms, p95 {percentile(ranked, 0.95):.1f} ms")
        print(f"saving a message: median {statistics.median(saved):.2f} ms, p95 {percentile(saved, 0.95):.2f} ms")
        store.close()


if __name__ == "__main__":
    main()
