"""A collection with a real embedding model on a real Ollama: made, searched, the model replaced, the model gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llamune.address import Address
from llamune.chat.passage import Found
from llamune.engine.catalog import Catalog
from llamune.engine.ollama import OllamaEngine
from llamune.errors import KnowledgeError
from llamune.knowledge.corpus import Root
from llamune.knowledge.shelf import Shelf
from tests.contract import tiny_gguf
from tests.contract.engine_contract import GUIDE
from tests.live.ollama_live import built, serving

DATA = Path(__file__).parents[2] / "benchmarks" / "rag-ja" / "docs"
EMBEDDER = "ollama:noise:1"
LONG = "長い一文で句読点もない" * 200  # 2,200 characters; the model reads 512 tokens


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with serving(built("new"), tmp_path_factory.mktemp("ollama")) as address:
        yield address


@asynccontextmanager
async def opened(address: Address, home: Path) -> AsyncIterator[tuple[OllamaEngine, Shelf]]:
    engine = OllamaEngine(address)
    shelf = Shelf(home / "knowledge", Catalog([engine]))
    try:
        yield engine, shelf
    finally:
        await shelf.aclose()
        await engine.aclose()


async def add(shelf: Shelf, folder: Path, embedder: str = "") -> None:
    shelf.create("rules")
    async with shelf.changing("rules", lambda *_: None, embedder) as indexer:
        await indexer.read([Root(folder)])
        await indexer.embed()


async def found(shelf: Shelf) -> Found:
    return await shelf.search("創立記念日はいつですか", ["rules"])


def test_a_collection_on_a_real_embedding_model(address: Address, tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(address, tmp_path) as (engine, shelf):
            await engine.install(tiny_gguf.embedder(tmp_path / "e.gguf"), "noise:1", lambda *_: None)
            await add(shelf, DATA, EMBEDDER)
            first = await found(shelf)
            assert (first.notes, first.passages[0].path) == ((), "01-work-hours.md")
            assert any("vector" in hit.ranks for hit in first.hits)
            await engine.install(GUIDE, "noise:1", lambda *_: None)  # another model under the same name
        async with opened(address, tmp_path) as (engine, shelf):
            replaced = await found(shelf)
            assert replaced.notes
            assert set(replaced.passages[0].ranks) == {"keyword"}
            await engine.remove("noise:1")
        async with opened(address, tmp_path) as (engine, shelf):
            gone = await found(shelf)
            assert gone.notes
            assert gone.passages[0].path == "01-work-hours.md"

    asyncio.run(run())


def test_a_text_longer_than_the_model_reads_is_not_cut(address: Address, tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(address, tmp_path) as (engine, shelf):
            await engine.install(tiny_gguf.embedder(tmp_path / "e.gguf"), "noise:1", lambda *_: None)
            embedder = await shelf.embedder(EMBEDDER)
            assert embedder
            whole, half, end = await embedder.documents([LONG + "日本規程", LONG, "短い"])
            assert float(whole @ whole) == pytest.approx(1.0, abs=1e-3)
            assert float(whole @ half) < 0.99999  # what stands at the end changes the vector
            assert end.shape == whole.shape

    asyncio.run(run())


def test_a_chat_model_is_refused_as_embedder(address: Address, tmp_path: Path) -> None:
    async def run() -> None:
        async with opened(address, tmp_path) as (engine, shelf):
            await engine.install(GUIDE, "guide:1m", lambda *_: None)
            with pytest.raises(KnowledgeError):
                await shelf.embedder("ollama:guide:1m")

    asyncio.run(run())
