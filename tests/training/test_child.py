"""The training process: no room for a file, no memory, no model; and the probe."""

import json
import resource
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny_base
from test_loop import RECIPE, rows

from llamune import files


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base.write(tmp_path_factory.mktemp("base") / "base.gguf", "qwen2")


@pytest.fixture
def folder(file: Path, tmp_path: Path) -> Path:
    with (tmp_path / "tokens.jsonl").open("w") as out:
        out.writelines(json.dumps(asdict(r)) + "\n" for r in rows())
    recipe = asdict(replace(RECIPE, evaluate_every=3))
    job = {"base": str(file), "recipe": recipe, "memory": 2**40, "busy": str(tmp_path / "busy"), "name": "own:1",
           "prompts": [[1, 300, 301]], "ends": [2]}  # fmt: skip
    (tmp_path / "job.json").write_text(json.dumps(job))
    return tmp_path


def child(folder: Path, work: str, largest: int = resource.RLIM_INFINITY) -> tuple[int, list[dict[str, Any]]]:
    """Runs the process. Returns its code and its events. `largest`: bytes of a file, as on a full disk."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))  # noqa: E731
    words = [sys.executable, "-m", "llamune.training.child", str(folder), work]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit
    ) as process:
        assert process.stdout is not None
        found = [json.loads(line) for line in process.stdout]
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        return process.wait(), found


def test_no_room_for_a_file_and_then_there_is(folder: Path) -> None:
    code, found = child(folder, "train", 20_000)
    assert (code, found[-1]["event"], found[-1]["kind"]) == (1, "failed", "disk")
    assert not (folder / "model.gguf").exists()
    code, found = child(folder, "train", 600_000)  # enough for a checkpoint, not for the model
    assert (code, found[-1]["event"]) == (1, "failed")
    assert not (folder / "model.gguf").exists()
    code, found = child(folder, "train")
    assert code == 0
    assert [e for e in found if e["event"] in ("resumed", "step")] == [{"event": "resumed", "step": 6, "steps": 6}]
    assert (folder / "reference.json").exists()


def test_too_little_memory_is_said_before_anything_is_loaded(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    (folder / "job.json").write_text(json.dumps({**job, "memory": 10**8}))
    _code, found = child(folder, "float32")
    assert [(e["event"], e["kind"]) for e in found] == [("failed", "memory")]


def test_memory_that_others_took_meanwhile(folder: Path) -> None:
    """What it may have becomes less than its next step needs, while it waits for a model that answers."""
    job = json.loads((folder / "job.json").read_text())
    large = {"batch": 64, "tokens": 2**16, "eco": True}  # one thread, because libgomp ends us where it gets none
    (folder / "job.json").write_text(json.dumps({**job, "recipe": {**job["recipe"], **large}}))
    with (folder / "tokens.jsonl").open("w") as out:
        out.writelines(json.dumps({"ids": [7] * 500, "answer": 3, "split": "train"}) + "\n" for _ in range(64))
    words = [sys.executable, "-m", "llamune.training.child", str(folder), "train"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        with files.held(folder / "busy"):
            while json.loads(process.stdout.readline())["event"] != "paused":
                pass
            most = psutil.Process(process.pid).memory_info().vms + 2**24  # bytes; one layer of a step needs more
            resource.prlimit(process.pid, resource.RLIMIT_AS, (most, most))
        last = [json.loads(line) for line in process.stdout][-1]
    assert (last["event"], last.get("kind")) == ("failed", "memory")
    assert not (folder / "model.gguf").exists()


def test_a_probe_tells_speed_and_memory(folder: Path) -> None:
    code, [found] = child(folder, "float32")
    assert code == 0
    assert found["dtype"] == "float32"
    assert found["tokens_per_second"] > 0
    assert found["peak"] > 50 * 2**20


def test_a_file_that_is_no_model(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text())
    (folder / "no.gguf").write_bytes(b"GGUF\x03\x00\x00\x00 and nothing more")
    (folder / "job.json").write_text(json.dumps({**job, "base": str(folder / "no.gguf")}))
    code, found = child(folder, "train")
    assert (code, found[-1]["kind"]) == (1, "base")
