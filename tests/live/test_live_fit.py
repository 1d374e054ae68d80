"""What `models fit` computes beside what real engines report: Ollama by /api/ps, the built-in llama.cpp by its process.

Three sizes at three contexts each, on the processor. Prints a line a case (pytest -s); every one is within 10 %.
"""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from llamune.chat import fit
from llamune.engine.embedded import EmbeddedEngine
from llamune.engine.http import Address
from llamune.engine.ollama import OllamaEngine
from tests.contract import tiny_gguf
from tests.live.ollama_live import built, serving

WITHIN = 0.1
SIZES = {"s": (640, 12), "m": (1024, 16), "l": (1024, 32)}  # name → hidden size, layers
CONTEXTS = (1024, 4096, 16384)


def nothing(*_step: object) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module", params=SIZES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    hidden, layers = SIZES[request.param]
    path = tmp_path_factory.mktemp("gguf") / f"fit-{request.param}.gguf"
    yield path.stem, tiny_gguf.babbler(path, context=32768, hidden=hidden, layers=layers)
    path.unlink()
    gc.collect()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with serving(built("new"), tmp_path_factory.mktemp("store")) as address:
        yield address


@pytest.fixture
async def ollama(address: Address) -> AsyncIterator[OllamaEngine]:
    engine = OllamaEngine(address)
    yield engine
    await engine.aclose()


def compare(who: str, size: int, context: int, said: int, found: int) -> None:
    print(f"{who:9} {size / fit.MIB:6.0f} MiB  context {context:6,}  computed {said / fit.MIB:7.1f}  "
          f"reported {found / fit.MIB:7.1f}  {said / found - 1:+.1%}")  # fmt: skip
    assert abs(said / found - 1) < WITHIN


async def test_ollama(ollama: OllamaEngine, model: tuple[str, Path]) -> None:
    name, path = model
    info = await ollama.install(path, name, nothing)
    for context in CONTEXTS:
        await ollama.preload(name, context)
        (held,) = [m for m in await ollama.loaded() if m.name.startswith(name)]
        need = fit.need(info, context)
        compare("ollama", info.size, context, need.total - need.overhead, held.size)
    await ollama.unload(name)
    await ollama.remove(name)


async def test_embedded(tmp_path: Path, model: tuple[str, Path]) -> None:
    name, path = model
    for context in CONTEXTS:
        engine = EmbeddedEngine(tmp_path / "models", tmp_path / "shipped")
        try:
            info = await engine.install(path, name, nothing)
            await engine.preload(name, context)
            child = engine._slots[name].child
            assert child
            taken = psutil.Process(child.pid).memory_info().rss
        finally:
            await engine.aclose()
        compare("embedded", info.size, context, fit.need(info, context).total, taken)
