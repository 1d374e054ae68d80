"""A collection whose embedding model was replaced or is gone, in the chat: said, offered, made in the background."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from chatting import Chat, environment, piped, prepare

from tests.contract import tiny_gguf

DATA = Path(__file__).parents[2] / "benchmarks" / "rag-ja" / "docs"
QUESTION = "創立記念日はいつですか"
JAPANESE = {"LANG": "ja_JP.UTF-8"}


def llamune(home: Path, *words: str) -> None:
    variables = {k: v for k, v in {**os.environ, **environment(home)}.items() if v is not None}
    subprocess.run([sys.executable, "-m", "llamune", *words], env=variables, check=True, capture_output=True)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a collection that was indexed by a real embedding model, "noise:1"; to be copied."""
    home = prepare(tmp_path_factory.mktemp("indexed") / "home")
    llamune(home, "models", "import", str(tiny_gguf.embedder(home.parent / "one.gguf")), "--name", "noise:1")
    llamune(home, "knowledge", "add", "rules", str(DATA), "--embedder", "ollama:noise:1")
    return home


@pytest.fixture
def gone(home: Path, indexed: Path) -> Path:
    """The model is gone."""
    shutil.copytree(indexed, home)
    llamune(home, "models", "rm", "noise:1", "--yes")
    return home


@pytest.fixture
def replaced(gone: Path, tmp_path: Path) -> Path:
    """There is another model under its name."""
    llamune(gone, "models", "import", str(tiny_gguf.embedder(tmp_path / "two.gguf", context=400)), "--name", "noise:1")
    return gone


def test_a_replaced_model_is_said_and_a_yes_makes_a_new_index(replaced: Path) -> None:
    with Chat(replaced, "scripted:cite", columns=160) as chat:
        chat.command("/knowledge on rules", "rules: ollama:noise:1 is another model now. Keyword search only.", "[y/N]")
        chat.send("y\r")
        chat.sees("rules gets a new index", "rules has its new index, made in")
        chat.ask(QUESTION, "01-work-hours.md", ended="cited")
        chat.command("/sources hits", "meaning 1", gone="Keyword search only")
        chat.command("/knowledge on rules", "from now on: rules.", gone="[y/N]")
        chat.leave()


def test_a_no_leaves_the_note_under_each_answer_and_the_command_does_it_later(replaced: Path) -> None:
    with Chat(replaced, "scripted:cite", columns=160) as chat:
        chat.command("/knowledge on rules", "[y/N]")
        chat.send("\r")
        chat.ask(QUESTION, "Keyword search only.", "/knowledge reindex rules makes a new one.")
        chat.command("/knowledge reindex", "rules has its new index")
        chat.command("/knowledge reindex rules", "rules: its index is up to date")
        chat.command("/knowledge reindex rules none", "rules has its new index")
        chat.leave()


@pytest.mark.parametrize("columns", [40, 80])
def test_without_the_model_another_embedder_is_named(gone: Path, columns: int) -> None:
    with Chat(gone, "scripted:cite", columns=columns, ready="通信", env=JAPANESE) as chat:
        chat.command("/knowledge on rules", "キーワード検索だけを使います", "[y/N]")
        chat.send("\r")
        chat.command("/knowledge reindex rules", "今の索引のままです")
        chat.sees("builtin")
        chat.command("/knowledge reindex rules builtin", "新しい索引")
        chat.ask(QUESTION, "01-work-hours.md", ended="/sources")
        chat.command("/sources hits", "確か", gone="キーワード検索だけ")
        assert chat.widest()[0] <= columns
        chat.leave()


def test_nobody_is_asked_in_a_pipe(replaced: Path) -> None:
    done = piped(replaced, f"/knowledge on rules\n{QUESTION}\n", "-m", "scripted:cite")
    said = " ".join(done.stdout.decode().split())
    assert "/knowledge reindex rules makes a new one." in said
    assert "[y/N]" not in said
    assert "01-work-hours.md" in said, "the next line is no reply, but the question"


def test_what_is_typed_wrong_begins_nothing(replaced: Path) -> None:
    with Chat(replaced, "scripted:cite", columns=160) as chat:
        chat.command("/knowledge reindex rulez", "no collection called rulez")
        chat.holds("/knowledge reindex rulez")
        chat.send("\x15")
        chat.command("/knowledge reindex rules ollama:nope", "rules keeps the index it has", "ollama:nope")
        chat.command("/stop", "No answer is being made.")
        chat.leave()
