"""`llamune stats`, `llamune stats export --anonymous`: from stored answers to tables, a page, a file for others."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from program import Program

from llamune.chat import usage_reading
from llamune.chat.fit import Gpu, Machine
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Usage
from llamune.chat.usage import ZERO, Spread, bucket
from llamune.chat.usage_file import machine_class
from llamune.errors import SettingsError
from llamune.paths import Paths
from llamune.store import database
from tests.functional.chatting import NOWHERE

MARK = "planted-marker"


@pytest.fixture
def program(paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    paths.settings.write_text("start_ollama = false\n")
    return Program(capsys, monkeypatch)


@pytest.fixture
def used(paths: Paths, migrated: Path) -> None:
    """Thirty questions in each of two languages to two models; the better one was chosen in two of three."""
    shutil.copy(migrated, paths.database)
    minutes = count()
    store = database.open(paths, clock=lambda: datetime(2026, 10, 5, tzinfo=UTC) + timedelta(minutes=next(minutes)))
    session = store.create_session(model="m", preset="p").id
    for n, question in enumerate(["英語に翻訳してください", "Fix this Python function"] * 30):
        turn = store.add_turn(session, question)
        for model, preset, speed in (("qwen3:8b", "balanced", 20.0), ("guide:1m", "mine", 100.0)):
            made = store.add_answer(turn.id, model=model, preset=preset, options=SamplingOptions(), adopted=True)
            cost = Usage(9, 0, 100, 300.0, 900.0 if n == 0 else 10.0, 5.0, 100_000 / speed, 100_000 / speed + 400)
            store.finish(made.id, "failed" if n == 59 else "complete", text="text", usage=cost)
        answers = store.turn(turn.id).answers
        store.adopt(answers[0].id) if n % 3 else store.keep(turn.id)
    store.rate(answers[0].id, vote="good", accuracy=4)
    store.close()


def test_nothing_to_count(program: Program, tmp_path: Path) -> None:
    assert "no answers to count" in program("stats").out
    assert program("stats", "--json").json["lines"] == []
    assert program("stats", "export", "--anonymous", str(tmp_path / "s")).code == 2
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("used")
def test_figures_as_tables_and_as_json(program: Program) -> None:
    shown = program("stats")
    assert (shown.code, shown.err) == (0, "")
    for said in ("120 answers", "qwen3:8b", "translation", "coding", "mine", "39/59", "5.4 s", "20", "█"):
        assert said in shown.out
    japanese = program("--language", "ja", "stats").out
    assert "翻訳" in japanese
    assert "120 件" in japanese
    found = program("stats", "--json").json
    [best] = [m for m in found["models"] if m["model"] == "qwen3:8b"]
    assert (best["answers"], best["complete"], best["failed"], best["compared"], best["chosen"]) == (60, 59, 1, 59, 39)
    assert best["tokens_per_second"]["median"] == pytest.approx(20, rel=0.011)
    assert best["total_ms"]["p95"] == pytest.approx(5400, rel=0.011)
    assert best["load_ms"]["median"] == pytest.approx(900, rel=0.011)
    assert (best["good"], best["score"]) == (1, 4.0)
    assert {t["task"]: t["answers"] for t in found["tasks"]} == {"translation": 60, "coding": 60}
    assert sum(w["answers"] for w in found["weeks"]) == 118
    guide = next(m for m in found["models"] if m["model"] == "guide:1m")
    assert guide["memory"] > 10**6, "it is installed, so what it needs is known"
    assert program("stats", "--since", "9999-01-01", "--json").json["lines"] == []
    assert program("stats", "--since", "2026-Q1", "--json").json["lines"] != []
    for until, found in (("2026-10-04", False), ("2026-10-05", True), ("2026-Q3", False), ("2026-Q4", True)):
        lines = program("stats", "--since", "2026-10-05", "--until", until, "--json").json["lines"]
        assert (until, lines != []) == (until, found)


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize(
    "date", ["yesterday", "2026-13-01", "2026-Q5", "２０２６-10-01", "0000-01-01", "2026-1-1", "-1"]
)
def test_what_is_no_date_is_said(program: Program, option: str, date: str) -> None:
    refused = program("stats", f"{option}={date}")
    assert (refused.code, "is no date" in refused.err) == (2, True)


@pytest.mark.usefixtures("used")
def test_the_page_shows_all_without_a_network(program: Program, tmp_path: Path) -> None:
    page = tmp_path / "stats.html"
    assert program("stats", "--html", str(page)).code == 0
    text = page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert text.count("<svg") == 5
    assert "http" not in text.replace("http-equiv", "")
    for said in ("qwen3:8b", "translation", "5.4 s", "66%"):
        assert said in text
    assert program("stats", "--html", str(tmp_path / "no" / "folder" / "\0")).code == 1


@pytest.mark.usefixtures("used")
def test_an_export_holds_figures_and_no_text(program: Program, paths: Paths, tmp_path: Path) -> None:
    """Every text column of every table holds a marker; model names are names, and the only ones that may leave."""
    with closing(sqlite3.connect(paths.database)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in set(tables) - {"alembic_version"}:
            kept = {"answer": {"model", "status", "letter"}, "rating": {"vote"}, "act": {"kind"}}.get(table, set())
            for _n, name, kind, *_rest in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind == "TEXT" and name not in kept and not table.startswith(("search", "sqlite")):
                    connection.execute(f'UPDATE "{table}" SET "{name}" = \'{MARK}\' || rowid')
        connection.execute(f"UPDATE answer SET model = '社外秘 {MARK}' WHERE id % 10 = 0")
        connection.commit()
    file = tmp_path / "mine.json"
    done = program("stats", "export", "--anonymous", str(file))
    assert (done.code, done.err) == (0, "")
    assert "No text of any conversation" in done.out
    text = file.read_text(encoding="utf-8")
    assert MARK not in text
    assert text.isascii()
    read = usage_reading.read(text.encode(), "mine")
    assert {line.model for line in read.lines} == {"qwen3:8b", "guide:1m", "other"}
    assert {line.preset for line in read.lines} == {"own"}
    assert sum(line.answers for line in read.lines) == 120
    assert program("stats", "export", "--anonymous", str(file)).code == 2, "a file is never written over"
    assert program("stats", "export", str(tmp_path / "x")).code == 2, "it is said what it is"


@pytest.mark.usefixtures("used")
def test_an_export_holds_what_was_counted(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    program("stats", "export", "--anonymous", str(file))
    read = usage_reading.read(file.read_bytes(), "mine")
    [line] = [n for n in read.lines if (n.model, n.task) == ("qwen3:8b", "coding")]
    assert (line.preset, line.answers, line.complete, line.compared, line.chosen) == ("balanced", 30, 29, 29, 19)
    assert line.speed.at(0.5) == pytest.approx(20, rel=0.011)
    assert read.comparisons == 59
    assert read.models["guide:1m"].memory > read.models["guide:1m"].size > 0


def broken(change: Callable[[Any], None]) -> bytes:
    """A right file, changed."""
    line: dict[str, Any] = {"model": "m", "preset": "fast", "task": "coding"}
    line |= dict.fromkeys(("answers", "complete", "failed", "compared", "chosen", "good", "bad", "rated", "points"), 1)
    line |= {"total": [[bucket(900.0), 1]], "first": [], "load": [], "speed": []}
    game = {"task": "", "first": ["m", "fast"], "second": ["n", "fast"], "score": 0.5, "blind": False, "count": 1}
    whole = {
        "format": "llamune-statistics", "version": 1, "machine": "GPU 24 GB", "first": "2026-10-05", "last": "",
        "models": {"m": {"size": 1, "memory": 1}}, "lines": [line], "games": [game],
    }  # fmt: skip
    change(whole)
    return json.dumps(whole).encode()


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(whole: Any) -> None:
        for key in path[:-1]:
            whole = whole[key]
        whole[path[-1]] = value

    return change


def test_the_file_that_is_broken_below_is_right() -> None:
    assert usage_reading.read(broken(lambda whole: None), "f").comparisons == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *(
            (("lines", 0, "answers"), value)
            for value in (-1, 1.5, True, "1", "１", None, 10**13, float("nan"), 10**400)
        ),
        (("lines", 0, "answers"), float("inf")),
        (("lines", 0, "complete"), 2),
        (("lines", 0, "chosen"), 2),
        (("lines", 0, "model"), "two\nlines"),
        (("lines", 0, "model"), "\x1b[31m"),
        (("lines", 0, "model"), "x" * 101),
        (("lines", 0, "model"), 7),
        (("lines", 0, "task"), "spying"),
        (("lines", 0, "total"), [[1, 2, 3]]),
        (("lines", 0, "total"), [[-1, 2]]),
        (("lines", 0, "total"), [[10**6, 2]]),
        (("lines", 0, "total"), {"1": 2}),
        (("lines", 0), []),
        (("lines",), "x"),
        (("games", 0, "score"), 0.7),
        (("games", 0, "score"), True),
        (("games", 0, "count"), 0),
        (("games", 0, "count"), 1e400),
        (("games", 0, "first"), ["m"]),
        (("games", 0, "first"), ["n", "fast"]),
        (("games", 0, "blind"), 1),
        (("models", "m", "size"), -1),
        (("models", "m m"), {"size": 1, "memory": 1}),
        (("machine",), "the boss's laptop"),
        (("machine",), "１６ GB"),
        (("first",), "yesterday"),
        (("version",), 2),
        (("format",), "zip"),
    ],
)
def test_hostile_statistics_are_refused_with_the_place(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(SettingsError) as raised:
        usage_reading.read(broken(put(*path, value=value)), "spoilt.json")
    assert raised.value.message.startswith("spoilt.json: ")
    assert len(raised.value.message) < 300


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"\xff", b"[" * 200_000, b"1" * 5000, b" " * 20_000_001, b'{"format": 1}']
)
def test_what_is_no_statistics_is_refused(data: bytes) -> None:
    with pytest.raises(SettingsError):
        usage_reading.read(data, "f")


def test_a_line_twice_is_refused() -> None:
    with pytest.raises(SettingsError, match="twice"):
        usage_reading.read(broken(lambda whole: whole["lines"].append(whole["lines"][0])), "f")


def test_classes_of_machines() -> None:
    gib = 2**30
    assert machine_class(Machine()) == ""
    assert machine_class(Machine(int(15.5 * gib))) == "16 GB"
    assert machine_class(Machine(int(62.7 * gib), gpus=(Gpu("x", int(23.6 * gib)),))) == "GPU 24 GB"
    assert machine_class(Machine(32 * gib, gpus=(Gpu("Apple", 32 * gib, unified=True),))) == "32 GB"


def test_a_spread_says_where_figures_lie() -> None:
    figures = [1.1**n for n in range(100)]
    spread = Spread({})
    for figure in figures:
        spread += Spread({bucket(figure): 1})
    assert spread.n == 100
    for share, figure in ((0.01, figures[0]), (0.5, figures[49]), (0.95, figures[94]), (1.0, figures[99])):
        assert spread.at(share) == pytest.approx(figure, rel=0.011)
    assert Spread().at(0.5) is None
    assert bucket(5e-324) > 0
    assert bucket(1.7e308) < 2 * ZERO
