"""The invented outside for tests: a fixture that runs a Python script between two network namespaces."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import outside
import pytest

from llamune.settings import DECLARED

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What a script printed (its last line, as JSON), and what arrived in the invented outside."""

    said: Any
    arrived: dict[str, int]


@pytest.fixture(scope="session")
def _outside() -> None:
    if reason := outside.available():
        pytest.skip(reason)


@pytest.fixture
def in_namespace(_outside: None, home: Path) -> Callable[..., Ran]:
    """Runs `script.py WORDS …` of this folder where the only network is the invented one; `far` = (script, record): a
    program at its other end; `users`: with other users than root."""

    def run(script: str, *words: str, far: tuple[str, Path] | None = None, users: bool = False) -> Ran:
        if users and os.getuid():
            pytest.skip("only root can run programs as other users")
        beyond = ["--users"] if users else []
        beyond += ["--far", str(Path(__file__).with_name(far[0])), str(far[1])] if far else []
        path = Path(__file__).with_name(script)
        done = subprocess.run(
            [*outside.command(), *beyond, sys.executable, str(path), *words],
            capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        lines = done.stdout.strip().splitlines()
        assert len(lines) >= 2, done.stdout + done.stderr
        return Ran(json.loads(lines[-2]), json.loads(lines[-1].removeprefix("arrived ")))

    return run


@pytest.fixture
def talk(in_namespace: Callable[..., Ran], tmp_path: Path) -> Callable[..., tuple[Any, list[str]]]:
    """Types lines into a chat beside an intranet. Returns what it said, and what arrived at which host."""

    def run(settings: str, *lines: str, sealed: str = "off", **variables: str) -> tuple[Any, list[str]]:
        record = tmp_path / "record"
        seal = f'\nsealed = "{sealed}"' if "sealed" in DECLARED else ""
        said, _arrived = in_namespace(
            "talking.py", settings + seal, json.dumps(variables), *lines, far=("intranet_far.py", record)
        )
        return said, record.read_text().splitlines()

    return run
