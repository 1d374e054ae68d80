"""What goes wrong: every documented fault of the scripted engine, engines and programs that are killed, bad homes.

After each of them the fault is told in words, what came is kept and marked, and the next question works.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from chatting import CTRL_C, ENTER, Chat, answers, environment, piped, prepare
from terminal.term import Term

from llamune.engine.scripted import MODELS

sys.path.insert(0, str(Path(__file__).parents[1] / "contract"))  # the writer of small GGUF files lives there

QUESTION = "What happens now?"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Chat]:
    home = prepare(tmp_path_factory.mktemp("faults") / "home", migrated)
    with Chat(home) as chat:
        yield chat


FAULTS = {  # model: what is said, the stored status, the stored text
    "refused": ("The scripted engine does not answer.", "failed", ""),
    "missing": ("There is no model called scripted:missing", "failed", ""),
    "overflow": ("9,999 tokens", "failed", ""),
    "memory": ("scripted:memory does not fit.", "failed", ""),
    "cut": ("The answer was cut off.", "failed", QUESTION[:8]),
    "error": ("the engine fell over", "failed", QUESTION[:8]),
    "empty": ("its length limit was reached before the first word", "failed", ""),
    "silent": ("The model gave an empty answer", "failed", ""),
    "length": ("its length limit was reached", "complete", QUESTION),
    "prompt_cut": ("This server cut the conversation", "complete", QUESTION),
    "loading": ("first token", "complete", QUESTION),
    "think": ("thought for", "complete", QUESTION),
    "escape": ("gone red", "complete", MODELS["scripted:escape"].text),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_kept_and_over(shared: Chat, name: str) -> None:
    said, status, kept = FAULTS[name]
    shared.command(f"/switch scripted:{name}", "from now on")
    shared.types(QUESTION)
    shared.sees(said.replace("gone red", "gone"))
    while (row := shared.last()).status in ("waiting", "streaming"):
        assert shared.pump(0.05)
    assert (row.model, row.status, row.text) == (f"scripted:{name}", status, kept)
    assert bool(row.error) == (status == "failed")
    shared.command("/switch scripted:echo", "from now on")
    shared.ask(f"and after {name}?", f"scripted:echo\nand after {name}?")
    assert shared.last().status == "complete"


def test_every_scripted_model_is_tried_somewhere() -> None:
    elsewhere = {"echo", "list", "markdown", "slow", "endless", "busy", "embed", "crowded", "cite", "miscite"}
    judges = {name for name in MODELS if name.startswith("scripted:judge")}
    assert {f"scripted:{name}" for name in {*FAULTS, *elsewhere}} == set(MODELS) - judges


def test_thinking_is_folded_and_shown_on_demand(shared: Chat) -> None:
    shared.command("/switch scripted:think", "from now on")
    thought = MODELS["scripted:think"].thinking
    shared.ask("Why?", "thought for", f"{len(thought)} characters · /think shows it")
    assert thought not in shared.text()
    shared.command("/think", thought)
    shared.command("/think show", "Thinking is now: show")
    shared.ask("And why?", thought, "And why?")
    shared.command("/think fold", "Thinking is now: fold")


def test_killed_in_mid_answer(home: Path, migrated: Path) -> None:
    with Chat(prepare(home, migrated), "scripted:endless") as chat:
        chat.send("いろは" + ENTER)
        while not answers(home) or "いろはいろは" not in chat.last().text:
            assert chat.pump(0.05), chat.text()
        kept = chat.last().text
        chat.kill(signal.SIGKILL)
        assert chat.wait_end() == -signal.SIGKILL
    assert chat.last().status == "streaming", "nobody was there to mark it"
    with Chat(home, "scripted:echo", "--resume") as chat:
        row = chat.last()
        assert row.status == "cancelled"
        assert row.text.startswith(kept)
        chat.command("/history 1", "1 ❯ いろは", "いろはいろは", "(cut here: the program ended")
        chat.ask("次", "scripted:echo\n次")


def test_the_engine_is_killed_in_mid_answer(home: Path, migrated: Path, tmp_path: Path) -> None:
    from tiny_gguf import babbler

    gguf = babbler(tmp_path / "babbler.gguf", context=32768)
    with Chat(prepare(home, migrated)) as chat:
        chat.leave()
    importing = Term([sys.executable, "-m", "llamune", "models", "import", str(gguf)], env=environment(home))
    with importing:
        assert importing.wait_end() == 0, importing.text()
    with Chat(home, "babbler") as chat:
        chat.send("babble" + ENTER)
        while not answers(home) or not chat.last().text:
            assert chat.pump(0.05), chat.text()
        engine_of(chat).kill()
        chat.sees("✗")
        row = chat.last()
        assert row.status == "failed"
        assert row.text
        assert row.error
        chat.send("again" + ENTER)  # a new child is started
        while len(answers(home)) < 2 or not chat.last().text:
            assert chat.pump(0.05), chat.text()
        chat.send(CTRL_C)
        chat.sees("(stopped; what came is kept)")
        child = engine_of(chat)
        chat.leave()
    assert not child.is_running(), "leaving ends the engine"


def engine_of(chat: Chat) -> psutil.Process:
    """The process of the built-in engine; the one outside the seal is a child, too."""
    (found,) = [p for p in psutil.Process(chat.pid).children() if any("embedded_child" in a for a in p.cmdline())]
    return found


def test_a_damaged_database_is_named_and_left_alone(home: Path) -> None:
    prepare(home)
    database = home / "llamune.db"
    database.write_bytes(b"this is no database" * 400)
    with Chat(home, ready="") as chat:
        assert chat.wait_end() == 4, chat.text()
        assert "llamune.db" in chat.everything().replace("\n", "")
        assert chat.echoes
        assert b"Traceback" not in chat.raw
    assert database.read_bytes() == b"this is no database" * 400
    done = piped(home, "hello\n")
    assert done.returncode == 4
    assert b"llamune.db" in (done.stdout + done.stderr).replace(b"\n", b"")
    assert b"Traceback" not in done.stdout + done.stderr


def test_a_database_of_a_newer_version_is_named_and_left_alone(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    with sqlite3.connect(home / "llamune.db") as base:
        base.execute("UPDATE alembic_version SET version_num = '9999'")
    base.close()
    before = (home / "llamune.db").read_bytes()
    with Chat(home, ready="") as chat:
        assert chat.wait_end() == 4, chat.text()
        assert "newer" in chat.everything().replace("\n", "")
        assert b"Traceback" not in chat.raw
    assert (home / "llamune.db").read_bytes() == before


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Chat(tmp_path / "file" / "home", ready="") as chat:
        assert chat.wait_end() not in (0, None), chat.text()
        assert f"{tmp_path}/file/home" in chat.text().replace("\n", "")
        assert b"Traceback" not in chat.raw
        assert chat.echoes


@pytest.mark.skipif(os.geteuid() == 0, reason="for root nothing is read-only")
def test_a_home_that_cannot_be_written(home: Path, migrated: Path) -> None:
    prepare(home, migrated)
    (home / "llamune.db").chmod(0o400)
    home.chmod(0o500)
    try:
        with Chat(home, ready="") as chat:
            assert chat.wait_end() == 4, chat.text()
            assert "llamune.db" in chat.everything().replace("\n", "")
            assert b"Traceback" not in chat.raw
    finally:
        home.chmod(0o700)


def test_damaged_settings_are_named(home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("thinkin = 1\n")
    with Chat(home, ready="") as chat:
        assert chat.wait_end() == 2, chat.text()
        assert "settings.toml" in chat.text().replace("\n", "")
        assert "Did you mean thinking" in chat.text()
        assert b"Traceback" not in chat.raw
