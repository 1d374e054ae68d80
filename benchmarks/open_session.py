"""Opening a session of 10,000 turns, and listing 1,000 sessions: what /resume and /sessions wait for.

    python benchmarks/open_session.py [TURNS]

Writes a home folder into a temporary directory, prints figures, removes it. A session is "open" when its row, its last
20 turns and everything the model sees have been read, by a store that was opened for it. Times are the best of five.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llamune.paths import Paths
from llamune.store import database
from llamune.store.store import SqlStore

QUESTION = "就業規則の変更に必要な手続きを教えてください。届出の期限も知りたいです。"
ANSWER = "労働者代表の意見を聴き、変更届に意見書を添えて労働基準監督署に届け出ます。" * 8


def session(uid: str, turns: int) -> dict[str, Any]:
    """An export object with `turns` turns of one answer each."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    items = []
    for place in range(turns):
        at = (start + timedelta(minutes=place)).isoformat()
        answer = {"model": "m", "status": "complete", "text": ANSWER, "adopted": True, "created_at": at}
        after = place - 1 if place else None
        items.append({"number": place + 1, "after": after, "question": QUESTION, "created_at": at, "answers": [answer]})
    head = {"format": "llamune-session", "version": 1, "uid": uid, "title": uid, "model": "m"}
    return head | {"created_at": start.isoformat(), "updated_at": at, "turns": items}


def best(call: Callable[[], object], times: int = 5) -> float:
    """The fastest of some calls, in milliseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return min(taken) * 1000


def open_all(paths: Paths, number: int) -> None:
    store = database.open(paths)
    store.session(number)
    store.turns(number, first=-20)
    for _message in store.messages(number):
        pass
    store.close()


def parts(store: SqlStore, number: int) -> dict[str, Callable[[], object]]:
    return {
        "session()": lambda: store.session(number),
        "turns(first=-20)": lambda: store.turns(number, first=-20),
        "messages()": lambda: list(store.messages(number)),
        "all turns()": lambda: store.turns(number),
        "1,000 sessions()": lambda: store.sessions(limit=1000),
        "last_session()": store.last_session,
    }


def main() -> None:
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "home")
        start = time.perf_counter()
        store = database.open(paths)
        print(f"a new home: {(time.perf_counter() - start) * 1000:.0f} ms, Alembic's import included")
        store.import_([session("long", turns), *(session(f"short {n}", 1) for n in range(999))])
        for name, call in parts(store, 1).items():
            print(f"{name:<20}{best(call):8.1f} ms")
        store.close()
        print(f"opened, all of it   {best(lambda: open_all(paths, 1)):8.1f} ms   {turns:,} turns")


if __name__ == "__main__":
    main()
