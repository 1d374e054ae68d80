"""The page "make your own model": its commands, one after the other, as somebody would type them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from test_finetune import RULES

PAGE = Path(__file__).parents[2] / "docs" / "own-model.md"
COMMANDS = re.findall(r"^\$ llamune (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "rules").mkdir()
    for name, text in RULES.items():
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, place: Path) -> None:
    environment = {**os.environ, "LLAMUNE_HOME": str(place / "home"), "OLLAMA_HOST": "127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "llamune", *shlex.split(command)],
        cwd=place, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or "export" in command


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) > 5
