"""`llamune doctor --prove-offline` with a real Ollama 0.34.4 and the built-in engine; a sealed question to it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamune.address import Address
from llamune.engine.ollama import OllamaEngine
from llamune.network import sealed
from tests.contract.engine_contract import GUIDE
from tests.live.ollama_live import built, serving

ROOT = Path(__file__).parents[2]


def nothing(*_step: object) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with serving(built("new"), tmp_path_factory.mktemp("new")) as address:
        yield address


def llamune(address: Address, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "OLLAMA_HOST": address.netloc}
    command = [sys.executable, "-m", "llamune", *words]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, env=environment, cwd=ROOT
    )


@pytest.fixture
async def model(address: Address) -> str:
    engine = OllamaEngine(address)
    await engine.install(GUIDE, "tiny:1", nothing)
    await engine.aclose()
    return "tiny:1"


def test_it_is_proven_with_a_real_server_and_the_built_in_engine(address: Address, model: str) -> None:
    if not shutil.which("strace"):
        pytest.skip("no strace here")
    probe = [sys.executable, "-c", "from llamune.network.invented import Invented; Invented()"]
    if (done := subprocess.run(probe, capture_output=True, text=True, cwd=ROOT)).returncode:
        pytest.skip(f"no invented outside here: {done.stderr.strip().splitlines()[-1]}")
    done = llamune(address, "doctor", "--prove-offline", "--json")
    found = json.loads(done.stdout)
    assert [c for c in found["checks"] if not c["ok"]] == []
    assert done.returncode == 0
    assert f"as it is: ask {model}" in {c["name"] for c in found["checks"]}


def test_a_real_server_is_asked_from_inside_a_seal(address: Address, model: str) -> None:
    if sealed.child(["true"]).way == "guard":
        pytest.skip("nothing can be sealed here")
    done = llamune(address, "--sealed", "ask", "-m", model, "Hello")
    assert (done.returncode, bool(done.stdout.strip())) == (0, True), done.stderr
