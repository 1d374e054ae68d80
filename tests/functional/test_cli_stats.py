"""`llamune stats ranking`: from the store's ratings to a table and to JSON."""

import shutil
from pathlib import Path

import pytest
from program import Program

from llamune.chat.preset import SamplingOptions
from llamune.paths import Paths
from llamune.store import database


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    return Program(capsys, monkeypatch)


@pytest.fixture
def rated(paths: Paths, migrated: Path) -> None:
    """Twelve turns about code in which gemma was chosen, one about ideas between two others."""
    shutil.copy(migrated, paths.database)
    store = database.open(paths)
    session = store.create_session(model="m", preset="p").id
    for models, task in [*[(("qwen", "gemma"), "coding")] * 12, (("phi", "llama"), "ideas")]:
        turn = store.add_turn(session, "?")
        for model in models:
            made = store.add_answer(turn.id, model=model, preset=task, options=SamplingOptions(), adopted=True)
            store.finish(made.id, "complete", text="text")
        store.keep(turn.id, task=task)
    store.close()


def test_nothing_to_rank(program: Program) -> None:
    ended = program("stats", "ranking")
    assert (ended.code, ended.err) == (0, "")
    assert "Nothing was compared yet" in ended.out
    assert program("stats", "ranking", "--json").json == []


@pytest.mark.usefixtures("rated")
def test_the_ranking_as_table_and_as_json(program: Program) -> None:
    out = program("stats", "ranking").out
    assert out.index("gemma") < out.index("qwen") < out.index("llama")
    assert "13 comparisons in all." in out
    assert "never met" in out
    assert "so wide that the order may be chance" in out
    best, *_rest = program("stats", "ranking", "--task", "coding", "--json").json
    assert (best["model"], best["preset"], best["wins"], best["n"]) == ("gemma", "coding", 12, 12)
    assert 0.5 < best["low"] < best["strength"] < best["high"] < 1
    assert "never met" not in program("stats", "ranking", "--task", "coding").out
    assert program("stats", "ranking", "--blind", "--json").json == []
    wrong = program("stats", "ranking", "--task", "code")
    assert (wrong.code, "coding" in wrong.err) == (2, True)
