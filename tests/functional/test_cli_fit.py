"""Which models fit: the command, the lists of the chat, and what a real llama.cpp takes."""

import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from program import Program
from remembering import RememberingShell

from llamune import settings
from llamune.app import App
from llamune.chat import fit
from llamune.chat.fit import Gpu, Machine
from llamune.chat.model import ModelInfo
from llamune.engine import gguf, machine
from llamune.engine.embedded import EmbeddedEngine
from llamune.paths import Paths
from tests.contract import tiny_gguf

GB = 10**9
EIGHT = ModelInfo("eight:8b", "ollama", size=5 * GB, context_length=40960, kv_bytes_per_token=147456, work_bytes=229376)


@pytest.mark.parametrize(
    ("total", "free", "gpus", "verdict", "where"),
    [
        (64 * GB, 50 * GB, (), "fits", "memory"),
        (16 * GB, 12 * GB, (), "fits", "memory"),
        (16 * GB, 6 * GB, (), "tight", "memory"),
        (8 * GB, 7 * GB, (), "tight", "memory"),
        (6 * GB, 6 * GB, (), "no", "memory"),
        (16 * GB, 1 * GB, (Gpu("x", 12 * GB, 11 * GB),), "fits", "gpu"),
        (16 * GB, 12 * GB, (Gpu("x", 4 * GB, 4 * GB),), "fits", "both"),
        (16 * GB, 2 * GB, (Gpu("x", 4 * GB, 4 * GB),), "tight", "both"),
        (4 * GB, 2 * GB, (Gpu("x", 2 * GB, 2 * GB),), "no", "both"),
        (16 * GB, 12 * GB, (Gpu("Apple", 16 * GB, 12 * GB, unified=True),), "fits", "memory"),
    ],
)
def test_the_verdict(total: int, free: int, gpus: tuple[Gpu, ...], verdict: str, where: str) -> None:
    found = fit.fit([fit.need(EIGHT, 8192)], Machine(total, free, gpus))
    assert found
    assert (found.verdict, found.where) == (verdict, where)


def test_what_counts() -> None:
    need = fit.need(EIGHT, 8192)
    assert need.cache == 147456 * 8192
    assert need.total == need.weights + need.cache + need.work + need.overhead
    assert fit.need(EIGHT, 10**6).context == 40960
    assert fit.fit([need], Machine()) is None
    small = Machine(10 * GB, 3 * GB)
    alone, with_held = fit.fit([need], small), fit.fit([need], small, loaded=need.total)
    assert alone
    assert with_held
    assert (alone.verdict, with_held.verdict) == ("tight", "fits")
    both = fit.fit([need, need], Machine(16 * GB, 10 * GB))
    assert both
    assert (both.verdict, both.need.weights) == ("tight", 10 * GB)
    on_processor = fit.fit([need], Machine(16 * GB, 12 * GB, (Gpu("x", 90 * GB, 90 * GB),)), on_gpu=False)
    assert on_processor
    assert on_processor.where == "memory"


def test_layers_that_keep_a_window_only() -> None:
    keys = {
        "general.architecture": "gemma3", "gemma3.block_count": 12, "gemma3.attention.head_count": 4,
        "gemma3.attention.head_count_kv": 1, "gemma3.embedding_length": 640, "gemma3.attention.key_length": 256,
        "gemma3.attention.value_length": 256, "gemma3.attention.sliding_window": 512,
        "gemma3.feed_forward_length": 2048,
    }  # fmt: skip
    told = gguf.footprint(keys)
    per_layer = 512 * 2
    assert (told.kv_bytes_per_token, told.kv_window_bytes, told.window) == (12 * per_layer, 10 * per_layer, 512)
    model = ModelInfo("g", "ollama", size=1, kv_bytes_per_token=told.kv_bytes_per_token,
                      kv_window_bytes=told.kv_window_bytes, window=told.window)  # fmt: skip
    assert fit.need(model, 4096).cache == (2 * 4096 + 10 * 1024) * per_layer
    keys["gemma3.attention.sliding_window_pattern"] = [True] * 6 + [False] * 6
    assert gguf.footprint(keys).kv_window_bytes == 6 * per_layer
    for nonsense in (
        {"gemma3.block_count": 2**60},
        {"gemma3.attention.sliding_window": -5},
        {"gemma3.block_count": -1},
    ):
        told = gguf.footprint({**keys, **nonsense})
        assert 0 <= told.kv_window_bytes <= told.kv_bytes_per_token < 2**40


@pytest.mark.parametrize(("hidden", "layers", "context"), [(64, 2, 512), (256, 8, 8192), (512, 6, 2048)])
async def test_a_real_llama_cpp_takes_what_was_said(tmp_path: Path, hidden: int, layers: int, context: int) -> None:
    path = tiny_gguf.babbler(tmp_path / "b.gguf", hidden=hidden, layers=layers)
    engine = EmbeddedEngine(tmp_path / "models", tmp_path / "shipped")
    try:
        info = await engine.install(path, "b", lambda *_progress: None)
        await engine.preload("b", context)
        child = engine._slots["b"].child
        assert child
        taken = psutil.Process(child.pid).memory_info().rss
    finally:
        await engine.aclose()
    need = fit.need(info, context)
    assert need.weights + need.cache < taken
    assert abs(need.total - taken) < 0.1 * taken + 40 * fit.MIB  # of tiny models llama.cpp itself is the larger part


def test_models_fit(run: Program) -> None:
    shown = run("models", "fit")
    assert shown.code == 0
    assert "memory: " in shown.out
    assert "guide:1m" in shown.out
    assert "fits" in shown.out
    one, two = run("models", "fit", "guide:1m", "guide:5m", "--context", "512", "--json").json["models"]
    assert (one["name"], one["fits"], one["context"], one["engine"]) == ("guide:1m", "fits", 512, "embedded")
    assert one["needs"] == one["weights"] + one["cache"] + one["work"] + one["overhead"]
    both = run("models", "fit", "guide:1m", "guide:5m", "--context", "512", "--json").json
    assert both["together"]["needs"] == one["needs"] + two["needs"]
    assert both["machine"]["total"] == psutil.virtual_memory().total or both["machine"]["total"] > 0
    assert run("models", "fit", "nowhere:9b").code == 3
    assert run("models", "fit", "--context", "-1").code == 2
    assert "fits" in run("models", "list").out


async def test_asking_settles_no_context(paths: Paths) -> None:
    app = App(settings.load(paths), paths)
    assert app.state.expected(EIGHT) > 0
    assert app.state.sizes == {}


async def test_lists_of_the_chat_say_it(shell: RememberingShell) -> None:
    await shell.say("one")
    assert "fits" in (await shell.run("/models")).splitlines()[0]
    await shell.run("/retry", "")
    assert "scripted:list" in shell.out


def test_amd_by_the_files_of_its_driver(tmp_path: Path) -> None:
    device = tmp_path / "card0" / "device"
    device.mkdir(parents=True)
    (tmp_path / "card1" / "device").mkdir(parents=True)
    (device / "mem_info_vram_total").write_text("17163091968\n")
    (device / "mem_info_vram_used").write_text("163091968\n")
    assert list(machine.amd(tmp_path)) == [Gpu("AMD", 17163091968, 17_000_000_000)]
    (device / "mem_info_vram_total").write_text("hot")
    assert list(machine.amd(tmp_path)) == []


class Nvml:
    """NVIDIA's management library as two machines answered it: an H200 beside a card that fell off the bus."""

    def __init__(self, *, starts: int = 0) -> None:
        self.starts, self.ended = starts, False

    def nvmlInit_v2(self) -> int:
        return self.starts

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:
        handle._obj.value = 0x7F0000000000 + index
        return 15 if index == 1 else 0  # NVML_ERROR_GPU_IS_LOST

    def nvmlDeviceGetName(self, handle: Any, name: Any, length: int) -> int:
        name.value = b"NVIDIA H200"[:length]
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        assert handle.value > 2**32, "the handle is a pointer"
        memory._obj.total, memory._obj.free, memory._obj.used = 150754820096, 150000000000, 754820096
        return 0

    def nvmlShutdown(self) -> int:
        self.ended = True
        return 0


def test_nvidia_by_its_management_library() -> None:
    library = Nvml()
    assert list(machine.nvidia(library)) == [Gpu("NVIDIA H200", 150754820096, 150000000000)]
    assert library.ended
    assert list(machine.nvidia(Nvml(starts=9))) == []  # a driver that is not loaded
    assert list(machine.nvidia(None)) == []


def test_this_machine_is_seen() -> None:
    seen = machine.look()
    assert 0 < seen.free <= seen.total <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
