"""Several processes, and processes that die: nothing stored is lost, and no running answer of another one is cut."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Answer
from llamune.paths import Paths
from llamune.store import database, owner
from llamune.store.store import SqlStore

OPEN = """
import sys, time
from llamune import paths
from llamune.chat.preset import SamplingOptions
from llamune.store import database
store = database.open(paths.find())
"""
STREAMS = (
    OPEN
    + """
session = store.create_session(model="m", preset="p")
turn = store.add_turn(session.id, "?")
answer = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions(), adopted=True)
store.save_progress(answer.id, "halfway", "hm")
waiting = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions())
print(session.id, flush=True)
sys.stdin.read()
store.finish(answer.id, "complete", text="to the end")
"""
)
ASKS = (
    OPEN
    + """
name, count = sys.argv[1], int(sys.argv[2])
session = store.last_session() or store.create_session(model="m", preset="p")
for number in range(count):
    turn = store.add_turn(session.id, f"{name} {number}")
    answer = store.add_answer(turn.id, model="m", preset="p", options=SamplingOptions(), adopted=True)
    store.save_progress(answer.id, "so", "")
    store.finish(answer.id, "complete", text=f"to {name} {number}")
    print(number, flush=True)
store.close()
"""
)


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, **pipes)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def running_answers(store: SqlStore, session_id: int) -> list[Answer]:
    return [a for turn in store.turns(session_id) for a in turn.answers if a.running]


def test_an_answer_is_cut_when_its_process_dies_and_not_before(store: SqlStore) -> None:
    with child(STREAMS) as other:
        session_id = int(first_line(other))
        assert len(running_answers(store, session_id)) == 2
        other.kill()
        wait_for(lambda: not owner.started(other.pid))  # a zombie: nobody has waited for it yet
        turn = store.turns(session_id)[0]
        assert [(a.status, a.text, a.thinking) for a in turn.answers] == [
            ("cancelled", "halfway", "hm"),
            ("cancelled", "", ""),
        ]
        assert [hit.excerpt for hit in store.search("halfway")] == ["halfway"]


def test_opening_cuts_what_a_dead_process_left(store: SqlStore, paths: Paths) -> None:
    with child(STREAMS) as other:
        session_id = int(first_line(other))
        other.kill()
    with closing(database.open(paths)) as opened:
        assert opened.answer(1).status == "cancelled"
        assert running_answers(opened, session_id) == []


def test_another_process_may_open_while_an_answer_streams(store: SqlStore, paths: Paths) -> None:
    with child(STREAMS) as other:
        session_id = int(first_line(other))
        with closing(database.open(paths)) as opened:
            assert len(running_answers(opened, session_id)) == 2
        other.communicate("go on")
    assert store.turns(session_id)[0].answers[0].text == "to the end"


def test_a_process_whose_answer_was_cut_by_mistake_still_ends_it(store: SqlStore) -> None:
    """As when two computers share the file: the other one's processes cannot be seen from here."""
    session = store.create_session(model="m", preset="p")
    answer = store.add_answer(store.add_turn(session.id, "?").id, model="m", preset="p", options=SamplingOptions())
    store.save_progress(answer.id, "halfway", "")
    cut_as_orphan(store, answer)
    store.save_progress(answer.id, "halfway there", "")
    assert store.finish(answer.id, "complete", text="the whole").status == "complete"
    assert [h.excerpt for h in store.search("whole")] == ["the whole"]
    assert store.search("halfway") == []


def cut_as_orphan(store: SqlStore, answer: Answer) -> None:
    with store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE answer SET owner_pid = 1, owner_start = 'another computer'")
    store.cut_orphans()
    assert store.answer(answer.id).status == "cancelled"


def test_this_process_is_alive_and_others_are_told_apart() -> None:
    mine = owner.me()
    assert mine.alive
    assert not owner.Owner(mine.pid, mine.start + "1").alive
    assert not owner.Owner(2**22 + 5, mine.start).alive
    assert not owner.Owner(0, mine.start).alive


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is the only way")
def test_psutil_tells_the_same_where_there_is_no_proc() -> None:
    mine = os.getpid()
    assert owner._started_elsewhere(mine) == owner._started_elsewhere(mine) != ""
    assert owner._started_elsewhere(2**22 + 5) == ""


def test_two_processes_write_into_one_session(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    store.add_turn(session.id, "first")
    with child(ASKS, "one", "40") as one, child(ASKS, "two", "40") as two:
        assert one.wait(60) == two.wait(60) == 0
    turns = store.turns(session.id)
    assert [t.number for t in turns] == list(range(1, 82))
    for name in ("one", "two"):
        mine = [t for t in turns if t.question.startswith(name)]
        assert [t.question for t in mine] == [f"{name} {n}" for n in range(40)]
        assert [t.answers[0].text for t in mine] == [f"to {name} {n}" for n in range(40)]
    assert len(store.search("to", limit=1000)) == 80


def test_two_processes_make_the_database_at_once(paths: Paths) -> None:
    with child(ASKS, "one", "3") as one, child(ASKS, "two", "3") as two, child(ASKS, "three", "3") as three:
        assert [p.wait(60) for p in (one, two, three)] == [0, 0, 0]
    with closing(database.open(paths)) as store:
        assert sum(s.turn_count for s in store.sessions()) == 9


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
@pytest.mark.parametrize("delay", [0.0, 0.003, 0.05])
def test_kill_9_loses_nothing_that_was_stored(store: SqlStore, paths: Paths, delay: float) -> None:
    session = store.create_session(model="m", preset="p")
    store.add_turn(session.id, "first")
    with child(ASKS, "q", "100000") as writer:
        assert writer.stdout is not None
        for _ in range(5):
            said = int(writer.stdout.readline())
        time.sleep(delay)
        writer.kill()
        said = max([said, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    with closing(database.open(paths)) as opened:
        turns = opened.turns(session.id)[1:]
        assert len(turns) > said
        assert [t.question for t in turns] == [f"q {n}" for n in range(len(turns))]
        assert [t.answers[0].text for t in turns[: said + 1]] == [f"to q {n}" for n in range(said + 1)]
        assert running_answers(opened, session.id) == []
        assert len(opened.search("q", limit=10_000)) >= 2 * (said + 1)
        assert integrity(paths.database) == "ok"
        opened.add_turn(session.id, "goes on")


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO search(search) VALUES ('integrity-check')")
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def test_a_search_in_a_thread_and_writes_beside_it(store: SqlStore) -> None:
    session = store.create_session(model="m", preset="p")
    found: list[int] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            found.append(len(store.search("棚卸", limit=1000)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(50):
            store.add_turn(session.id, "棚卸の件")
    finally:
        stop.set()
        thread.join(30)
    assert found == sorted(found)
    assert len(store.search("棚卸", limit=1000)) == 50


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
