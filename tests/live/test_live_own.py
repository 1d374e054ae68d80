"""An own model made of a model in a real Ollama: its very file is the base, and the server gets the result."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llamune.address import Address
from llamune.engine.ollama import OllamaEngine
from tests.contract.engine_contract import GUIDE
from tests.live.ollama_live import built, serving

BASE = "base:1"
TEXTS = (
    "日当は一日三千円とする。",
    "宿泊費は一泊一万円までとする。",
    "文書は七年間保存する。",
    "年休は年二十日とする。",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with serving(built("new"), tmp_path_factory.mktemp("ollama")) as address:
        yield address


def started(home: Path, address: Address, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "LLAMUNE_HOME": str(home), "OLLAMA_HOST": address.netloc, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "llamune", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def llamune(home: Path, address: Address, *words: str) -> list[dict[str, Any]]:
    """What a run with --json printed, line by line."""
    process = started(home, address, *words)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def rules(place: Path) -> Path:
    """A folder of small documents."""
    folder = place / "rules"
    folder.mkdir()
    for n, text in enumerate(TEXTS):
        rule = f"# 規程{n}\n\n## 第1条 定め\n{text}\n\n## 第2条 施行\n令和{n + 2}年から施行する。\n"
        (folder / f"{n}.md").write_text(rule, encoding="utf-8")
    return folder


async def test_from_documents_to_a_model_in_ollama(address: Address, tmp_path: Path) -> None:
    engine = OllamaEngine(address)
    try:
        await engine.install(GUIDE, "guide-file:1", lambda *_step: None)
        await engine.own.create(BASE, GUIDE, "guide-file:1", lambda *_step: None)
        (tmp_path / "rules").mkdir()
        for n, text in enumerate(TEXTS):
            (tmp_path / "rules" / f"{n}.md").write_text(
                f"# 規程{n}\n\n## 第1条 定め\n{text}\n\n## 第2条 施行\n{n}月から。\n"
            )
        sources = ("--docs", str(tmp_path / "rules"), "--base", BASE, "--name", "kitei")
        quick = ("--steps", "4", "--batch", "4", "--dtype", "float32", "--json")
        seen = llamune(tmp_path / "home", address, "finetune", *sources, *quick)
        done = seen[-1]
        assert (done["event"], done["engine"], done["model"], done["verified"]) == ("done", "ollama", "kitei:1", True)
        assert [e["engine"] for e in seen if e["event"] == "verified"] == ["llama.cpp", "ollama"]
        assert "kitei:1" in {m.name for m in await engine.models()}
    finally:
        await engine.aclose()


async def test_ollama_gone_at_the_last_step(tmp_path: Path) -> None:
    home, store = tmp_path / "home", tmp_path / "store"
    words = ("finetune", "--docs", str(rules(tmp_path)), "--base", "guide:1m", "--name", "kitei", "--to", "ollama",
             "--steps", "4", "--batch", "4", "--dtype", "float32", "--json")  # fmt: skip
    with serving(built("new"), store) as address:
        process = started(home, address, *words)
        assert process.stdout is not None
        while json.loads(process.stdout.readline())["event"] != "merged":
            pass
    _out, err = process.communicate(timeout=300)
    assert process.returncode == 3, err
    assert "Ollama" in err
    with serving(built("new"), store) as address:
        engine = OllamaEngine(address)
        assert not await engine.models(), "nothing half-made"
        assert llamune(home, address, "finetune", "resume", "--json")[-1]["verified"]
        assert [m.name for m in await engine.models()] == ["kitei:1"]
        await engine.aclose()
