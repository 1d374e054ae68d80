"""The contract of the port `Engine` on every engine that runs without anything installed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llamune.engine.embedded import EmbeddedEngine
from llamune.engine.ollama import OllamaEngine
from llamune.engine.scripted import ScriptedEngine
from llamune.paths import shipped
from tests.contract.engine_contract import Case, EngineContract
from tests.contract.ollama_standin import StandIn


class TestScripted(EngineContract):
    @pytest.fixture
    async def case(self) -> AsyncIterator[Case]:
        engine = ScriptedEngine()
        yield Case(
            engine, "scripted:echo", long="scripted:endless", overflow="scripted:overflow", embedder="scripted:embed",
            counts=True,
        )  # fmt: skip
        await engine.aclose()


class TestEmbedded(EngineContract):
    @pytest.fixture
    async def case(self, tmp_path: Path) -> AsyncIterator[Case]:
        engine = EmbeddedEngine(tmp_path / "models", shipped("guide"))
        yield Case(engine, "guide:1m", overflow="guide:1m", counts=True)
        await engine.aclose()


class TestOllamaStandIn(EngineContract):
    @pytest.fixture(params=["0.11.4", "0.33.1", "0.34.4"])
    async def case(self, request: pytest.FixtureRequest) -> AsyncIterator[Case]:
        async with StandIn(request.param, split=3).serving() as server:
            engine = OllamaEngine(server.address)
            overflow = None if server.old else "m:latest"
            yield Case(engine, "m:latest", overflow=overflow, embedder="embedder:1b")
            await engine.aclose()
