"""What `--json` prints has the form that docs/json.md shows, with neither more nor fewer keys."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from program import Program

from llamune.chat.preset import SamplingOptions
from llamune.paths import Paths
from llamune.store import database
from tests.functional.test_cli_recommend import quarter

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
EXAMPLE = re.compile(r"^## `llamune (?P<words>[^`]+)`$.*?^```json\n(?P<json>.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {match["words"]: match["json"] for match in EXAMPLE.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture
def used(run: Program, paths: Paths, tmp_path: Path) -> None:
    """An answer, and a second set with a difference of each kind."""
    store = database.open(paths, clock=lambda: datetime(2026, 10, 5, tzinfo=UTC))
    turn = store.add_turn(store.create_session(model="guide:1m", preset="fast").id, "?")
    made = store.add_answer(turn.id, model="guide:1m", preset="fast", options=SamplingOptions(), adopted=True)
    store.finish(made.id, "complete", text="!")
    store.close()
    changes = [
        ("concurrent_limit = 2", "concurrent_limit = 3"), ("temperature = 0.2", "temperature = 0.1"),
        ('"gemma4:e2b-it-qat", "qwen3.5:9b"', '"qwen3.5:9b", "gemma4:e2b-it-qat"'),
        ('preset = "balanced"\nsize = 4.3', 'preset = "fast"\nsize = 4.3'),
    ]  # fmt: skip
    file = quarter(tmp_path, "2027-Q1", *changes)
    assert run("recommend", "import", str(file), "--trust-once").code == 0


def form(value: Any) -> Any:
    """The keys of a value; of a list those of its first element."""
    if isinstance(value, dict):
        return {key: form(inner) for key, inner in value.items()}
    return [form(inner) for inner in value[:1] if isinstance(inner, dict)] if isinstance(value, list) else "…"


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("words", EXAMPLES)
def test_json_is_as_the_page_shows_it(run: Program, words: str) -> None:
    shown, printed = json.loads(EXAMPLES[words]), run(*words.split()).json
    if words.startswith("models fit"):
        printed["machine"]["gpus"] = shown["machine"]["gpus"] = []  # not every machine has one
    assert form(printed) == form(shown)


def test_the_page_shows_every_command_of_models_and_sets() -> None:
    assert {" ".join(words.split()[:2]) for words in EXAMPLES} == {
        "models list", "models fit", "recommend show", "recommend diff", "stats --json",
    }  # fmt: skip
