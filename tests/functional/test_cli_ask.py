"""`llamune ask` as a script sees it: standard output, standard error, exit code, database."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import TIMEOUT_S, Program, started

from llamune.chat.session import Answer
from llamune.paths import Paths
from llamune.store import database

HEAVY = (
    "alembic",
    "httpx",
    "ollama",
    "prompt_toolkit",
    "pydantic",
    "rich",
    "sqlmodel",
    "tomlkit",
    "wcwidth",
    "xllamacpp",
)
KEYS = ["model", "digest", "engine", "preset", "options", "status", "text", "thinking", "error", "usage"]
USAGE = ["prompt_tokens", "completion_tokens", "first_token_ms", "load_ms", "total_ms", "tokens_per_second"]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(capsys, monkeypatch)


@pytest.fixture
def kept(paths: Paths, migrated: Path) -> Paths:
    """A home with a database of this version."""
    shutil.copy(migrated, paths.database)
    return paths


def answers(paths: Paths) -> list[Answer]:
    """Every stored answer, the newest session's first."""
    store = database.open(paths)
    try:
        return [a for s in store.sessions() for t in store.turns(s.id) for a in t.answers]
    finally:
        store.close()


def test_the_answer_is_the_output_and_is_stored(run: Program, kept: Paths) -> None:
    done = run.ask("echo", "Hello", "東京", "there")
    assert (done.code, done.out, done.err) == (0, "Hello 東京 there\n", "")
    [answer] = answers(kept)
    assert (answer.text, answer.status, answer.adopted) == ("Hello 東京 there", "complete", True)
    assert answer.engine == "scripted"
    assert answer.digest


def test_a_first_start_makes_the_database(run: Program, paths: Paths) -> None:
    assert run.ask("echo", "hi").code == 0
    assert answers(paths)[0].text == "hi"


def test_json_is_one_object_with_exactly_these_keys(run: Program, kept: Paths) -> None:
    done = run.ask("think", "--json", "-p", "creative", "hi")
    assert list(done.json) == ["session", "turn", "answers"]
    [answer] = done.json["answers"]
    assert list(answer) == KEYS
    assert list(answer["usage"]) == USAGE
    assert (answer["text"], answer["status"], answer["error"], answer["preset"]) == ("hi", "complete", None, "creative")
    assert answer["thinking"].startswith("The user")
    assert answer["options"]["temperature"] > 0
    assert done.json["turn"] == 1
    shown = run("sessions", "show", str(done.json["session"]), "--json")
    assert shown.json["turns"][0]["answers"][0]["text"] == "hi"


def test_no_save_leaves_nothing(run: Program, home: Path) -> None:
    done = run.ask("echo", "--no-save", "--json", "a secret")
    assert (done.code, done.json["session"], done.json["turn"]) == (0, None, None)
    assert done.json["answers"][0]["text"] == "a secret"
    assert not (home / "llamune.db").exists()
    assert not any("a secret" in p.read_text(errors="replace") for p in home.rglob("*") if p.is_file())


def test_standard_input_is_the_question(run: Program, kept: Paths) -> None:
    assert run.ask("echo", stdin="東京は\nどこ\n".encode()).out == "東京は\nどこ\n"
    assert run.ask("echo", "-", stdin=b"from a pipe").out == "from a pipe\n"
    assert run.ask("echo", stdin="就業規則".encode("euc_jp") + b"\n").out == "就業規則\n"


def test_standard_input_goes_along_with_a_question(run: Program, kept: Paths) -> None:
    done = run.ask("echo", "--json", "Summarise", stdin=b"a long report\n")
    assert done.json["answers"][0]["text"] == "stdin:\n```\na long report\n```\n\nSummarise"
    shown = run("sessions", "show", str(done.json["session"]), "--json").json
    assert (shown["title"], shown["turns"][0]["question"]) == ("Summarise", "Summarise")
    assert shown["turns"][0]["attachments"] == [{"name": "stdin", "text": "a long report"}]


def test_nothing_asked(run: Program) -> None:
    done = run.ask("echo", stdin=b" \n")
    assert (done.code, done.out) == (2, "")
    assert "Nothing was asked" in done.err


def test_the_system_prompt_is_the_session_s(run: Program, kept: Paths) -> None:
    session = run.ask("echo", "--json", "-s", "Be brief.", "hi").json["session"]
    assert run("sessions", "show", str(session), "--json").json["system"] == "Be brief."


@pytest.mark.parametrize(
    ("model", "out", "said"),
    [
        ("cut", "0123456789"[:8] + "\n", "cut off"),
        ("error", "01234567\n", "fell over"),
        ("refused", "", "does not answer"),
        ("empty", "", "empty"),
        ("memory", "", "does not fit"),
    ],
)
def test_a_failure_is_two_lines_and_exit_code_3(run: Program, kept: Paths, model: str, out: str, said: str) -> None:
    done = run.ask(model, "0123456789")
    assert (done.code, done.out) == (3, out)
    assert said in done.err
    assert len(done.err.splitlines()) <= 2
    assert not [word for word in done.err.split() if word.startswith("/")] or "In llamune chat" in done.err
    [answer] = answers(kept)
    assert (answer.status, answer.text) == ("failed", out.strip())


def test_a_failure_is_in_the_object_too(run: Program, kept: Paths) -> None:
    done = run.ask("cut", "--json", "0123456789")
    [answer] = done.json["answers"]
    assert (done.code, answer["status"], answer["text"]) == (3, "failed", "01234567")
    assert answer["error"] in done.err


def test_unknown_names_get_near_matches(run: Program) -> None:
    model = run.ask("ehco", "--json", "hi")
    assert (model.code, model.json["session"]) == (3, None)
    assert model.json["answers"][0]["status"] == "failed"
    assert "scripted:echo" in model.err
    preset = run.ask("echo", "-p", "balancd", "hi")
    assert (preset.code, preset.out) == (2, "")
    assert "balanced" in preset.err
    option = run.ask("echo", "--jsno", "hi")
    assert (option.code, option.out) == (2, "")
    assert "--json" in option.err


def test_too_long_is_refused_before_sending(run: Program, kept: Paths) -> None:
    done = run.ask("echo", "word " * 5000)
    assert (done.code, done.out) == (3, "")
    assert "4,096" in done.err
    assert answers(kept) == []


def test_what_a_terminal_would_obey_is_taken_out_of_text_and_kept_in_json(run: Program, kept: Paths) -> None:
    assert run.ask("escape", "hi").out == "gone red\n"
    done = run.ask("escape", "--json", "hi")
    assert done.json["answers"][0]["text"] == "\x1b[2Jgone\x07\x1b]0;title\x07 \x9b31mred\r\b"
    assert all(c.isprintable() or c == "\n" for c in done.out)


def test_an_end_by_length_is_told_beside_the_answer(run: Program, kept: Paths) -> None:
    done = run.ask("length", "hi")
    assert (done.code, done.out) == (0, "hi\n")
    assert "length limit" in done.err


@pytest.fixture
def endless(kept: Paths) -> Iterator["subprocess.Popen[bytes]"]:
    """An answer that never ends, of which the first characters have come."""
    process = started("ask", "--scripted", "-m", "scripted:endless", "abcd")
    assert process.stdout is not None
    assert process.stdout.read(4) == b"abcd"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    if process.stderr is not None:
        process.stderr.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_and_keeps(endless: "subprocess.Popen[bytes]", kept: Paths, number: int, code: int) -> None:
    endless.send_signal(number)
    out, err = endless.communicate(timeout=TIMEOUT_S)
    assert (endless.returncode, err) == (code, b"")
    assert out.endswith(b"\n")
    [answer] = answers(kept)
    assert answer.status == "cancelled"
    assert answer.text == "abcd" + out.decode().strip()


def test_nobody_reads_on(endless: "subprocess.Popen[bytes]", kept: Paths) -> None:
    assert endless.stdout is not None
    endless.stdout.close()
    assert endless.wait(TIMEOUT_S) == 141
    assert endless.stderr is not None
    assert endless.stderr.read() == b""
    [answer] = answers(kept)
    assert (answer.status, answer.text[:4]) == ("cancelled", "abcd")


def test_killed_in_the_middle(endless: "subprocess.Popen[bytes]", kept: Paths) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not (found := answers(kept)) or not found[0].text:
        assert time.monotonic() < deadline, "nothing of the running answer reached the database"
        time.sleep(0.05)
    assert found[0].status == "streaming"
    endless.kill()
    endless.wait()
    [answer] = answers(kept)
    assert (answer.status, answer.text[:4]) == ("cancelled", "abcd")


def test_a_database_that_cannot_be_used_costs_only_the_saving(run: Program, paths: Paths) -> None:
    paths.database.write_bytes(b"this is no database" * 100)
    done = run.ask("echo", "hi")
    assert (done.code, done.out) == (4, "hi\n")
    assert str(paths.database) in done.err
    assert paths.database.read_bytes() == b"this is no database" * 100


def test_a_database_that_is_busy_for_a_moment(kept: Paths) -> None:
    blocker = sqlite3.connect(kept.database, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    process = started("ask", "--scripted", "-m", "scripted:echo", "hi")
    try:
        assert process.stdout is not None
        assert process.stdout.read(3) == b"hi\n"  # the answer does not wait for the database
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
        _out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, err) == (0, b"")
    assert answers(kept)[0].text == "hi"


def test_the_shipped_model_answers(run: Program, kept: Paths) -> None:
    pytest.importorskip("xllamacpp")
    done = run("ask", "-m", "guide:1m", "--json", "How do I compare models?")
    assert done.code == 0, done.err
    [answer] = done.json["answers"]
    assert (answer["engine"], answer["status"]) == ("embedded", "complete")
    assert answer["text"].strip()
    assert answer["usage"]["completion_tokens"] > 0


def test_nothing_heavy_is_imported_on_the_way(run: Program, home: Path) -> None:
    code = f"""
import sys
from llamune.cli import main
assert main(["ask", "--scripted", "-m", "scripted:echo", "--no-save", "hi"]) == 0
print(sorted(set(sys.modules) & set({HEAVY!r})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout.splitlines() == ["hi", "[]"], done.stderr
