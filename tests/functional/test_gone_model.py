"""A model that disappears while it is current: the next best by the recommended set answers, and it is said."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from remembering import RememberingShell

from llamune.chat.model import ModelInfo
from llamune.commands.recommending import next_best
from llamune.paths import Paths, shipped
from tests.functional.chatting import Chat, answers, environment, prepare


def llamune(home: Path, *words: str) -> None:
    variables = {k: v for k, v in {**os.environ, **environment(home)}.items() if v is not None}
    subprocess.run([sys.executable, "-m", "llamune", *words], env=variables, check=True, capture_output=True)


@pytest.fixture
def gone(home: Path, migrated: Path, tmp_path: Path) -> Path:
    """The file of the model that the last session used."""
    file = tmp_path / "mine.gguf"
    shutil.copy(shipped("guide") / "guide-1m.gguf", file)
    prepare(home, migrated)
    llamune(home, "models", "import", str(file), "--name", "mine:1")
    llamune(home, "models", "alias", "qwen3:4b", "guide:5m")  # a name of the shipped set
    return file


def test_in_the_middle_of_a_session(home: Path, gone: Path) -> None:
    with Chat(home, model="mine:1") as chat:
        chat.ask("What does /undo do?")
        gone.unlink()
        chat.command("What does /purge do?", "mine:1 is not there now; qwen3:4b answers", "first token")
        chat.ask("What does /rewind do?")
        chat.leave()
    assert [(a.question, a.model, a.status) for a in answers(home) if a.status == "complete"] == [
        ("What does /undo do?", "mine:1", "complete"),
        ("What does /purge do?", "qwen3:4b", "complete"),
        ("What does /rewind do?", "qwen3:4b", "complete"),
    ]


def test_at_the_next_start(home: Path, gone: Path) -> None:
    (home / "state.json").write_text(json.dumps({"model": "mine:1"}))
    gone.unlink()
    with Chat(home, model="") as chat:
        chat.sees("mine:1 is not there now; qwen3:4b answers")
        chat.leave()
    assert json.loads((home / "state.json").read_text())["model"] == "mine:1"  # it may come back


@pytest.mark.parametrize(("typed", "meant"), [("tiny-a", "tiny-a:latest"), ("guide:5", "guide:5m")])
def test_a_short_name_is_no_model_that_is_gone(home: Path, migrated: Path, typed: str, meant: str) -> None:
    prepare(home, migrated)
    llamune(home, "models", "alias", "tiny-a:latest", "guide:1m")
    with Chat(home, model=typed) as chat:
        chat.ask("What does /undo do?")
        assert "not there now" not in chat.text()
        chat.leave()
    assert [a.model for a in answers(home)] == [meant]


async def test_the_set_in_force_decides(shell: RememberingShell) -> None:
    known = [ModelInfo(name, "ollama") for name in ("aaa:1b", "gemma4:e2b-it-qat", "qwen3.5:9b")]
    assert next_best(shell.app, known) == "qwen3.5:9b"
    assert next_best(shell.app, known[:1]) == "aaa:1b"
    assert next_best(shell.app, []) == ""
    own = Paths(shell.app.paths.home).recommended
    own.mkdir()
    text = (shipped("presets") / "recommended" / "2026-Q4.toml").read_text()
    (own / "2027-Q1.toml").write_text(text.replace("2026-Q4", "2027-Q1").replace("priority = 4", "priority = 0.5"))
    assert next_best(shell.app, known) == "qwen3.5:9b"  # damaged: the older one counts
    newer = text.replace("2026-Q4", "2027-Q1").replace("priority = 1\n", "priority = 9\n")
    (own / "2027-Q1.toml").write_text(newer)
    assert next_best(shell.app, known) == "gemma4:e2b-it-qat"
    await shell.run("/recommend apply")
    shell.app.state.settle(recommended="2026-Q4")
    assert next_best(shell.app, known) == "qwen3.5:9b"
    shell.app.change(use_recommended=False)
    assert next_best(shell.app, known) == "aaa:1b"
