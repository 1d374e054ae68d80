"""Real Ollama servers, 0.34.4 and where it is built 0.11.4: the contract, and what only a real server shows."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from llamune.address import Address
from llamune.chat.events import AnswerFinished, Event, TextArrived
from llamune.chat.message import Message
from llamune.chat.ports import ChatRequest
from llamune.chat.preset import SamplingOptions
from llamune.engine.ollama import OllamaEngine
from llamune.engine.ollama_serve import OllamaServer
from llamune.errors import AnswerCut, EngineError, EngineRefused
from tests.contract import tiny_gguf
from tests.contract.engine_contract import GUIDE, Case, EngineContract, asking, collect, text_of
from tests.live.ollama_live import built, free_port, old_is_wanted, serving

GENERATIONS = ("new", "old") if old_is_wanted() else ("new",)


def nothing(*_step: object) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module", params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def address(generation: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with serving(built(generation), tmp_path_factory.mktemp(generation)) as address:
        yield address


@pytest.fixture
async def engine(address: Address) -> AsyncIterator[OllamaEngine]:
    engine = OllamaEngine(address, patience_s=1.0)  # tests leave often, and these models are fast enough to get stuck
    yield engine
    await engine.aclose()


@pytest.fixture
async def case(engine: OllamaEngine, generation: str, tmp_path: Path) -> Case:
    await engine.install(GUIDE, "guide:1m", nothing)
    embedder = "noise:1" if generation == "new" else ""
    if embedder:
        await engine.install(tiny_gguf.embedder(tmp_path / "e.gguf"), embedder, nothing)
    return Case(engine, "guide:1m", overflow="guide:1m" if generation == "new" else None, embedder=embedder)


@pytest.fixture
async def babble(engine: OllamaEngine, tmp_path: Path) -> str:
    await engine.install(tiny_gguf.babbler(tmp_path / "babbler.gguf"), "babbler:1", nothing)
    return "babbler:1"


def question(model: str, text: str = "hi", num_ctx: int = 1024, predict: int | None = None) -> ChatRequest:
    options = SamplingOptions(temperature=0.0, num_predict=predict)
    return ChatRequest(1, model, (Message("user", text),), options, num_ctx)


def test_the_old_server_is_here() -> None:
    built("old")


class TestLive(EngineContract):
    async def test_a_model_that_cannot_embed_says_so(self, case: Case) -> None:
        if (await case.engine.version()).startswith("0.11"):  # type: ignore[attr-defined]
            pytest.skip("0.11.4 embeds with every model")
        with pytest.raises(EngineRefused):
            await case.engine.embed(case.model, ["a"])


async def test_version_and_cloud(engine: OllamaEngine, generation: str) -> None:
    assert await engine.version() == {"new": "0.34.4", "old": "0.11.4"}[generation]
    assert await engine.cloud_is_off() is {"new": True, "old": None}[generation]


async def test_details(case: Case) -> None:
    info = {m.name: m for m in await case.engine.models()}["guide:1m"]
    assert (info.context_length, info.kv_bytes_per_token) == (2048, 768)
    assert "completion" in info.capabilities


async def test_an_old_server_that_cuts_is_found_out(engine: OllamaEngine, case: Case, generation: str) -> None:
    if generation == "new":
        pytest.skip("0.34.4 refuses, see the contract")
    long = " ".join(f"Question {n}: how do I go back to turn {n} of this conversation?" for n in range(400))
    finished = (await collect(engine, asking(case, long, predict=50)))[-1]  # a babbling model is stopped without `done`
    assert isinstance(finished, AnswerFinished)
    assert finished.reason == "prompt_cut"


async def test_an_old_server_that_drops_messages_is_found_out(
    engine: OllamaEngine, case: Case, generation: str
) -> None:
    if generation == "new":
        pytest.skip("0.34.4 refuses, see the contract")
    history: list[Message] = []
    reasons = []
    for _n in range(16):
        history.append(Message("user", "How do I go back to an earlier turn of this conversation? " * 6))
        request = ChatRequest(1, "guide:1m", tuple(history), SamplingOptions(num_predict=50), 1024)
        finished = (await collect(engine, request))[-1]
        assert isinstance(finished, AnswerFinished)
        reasons.append(finished.reason)
        history.append(Message("assistant", "Use /rewind."))
    assert "prompt_cut" not in reasons[:3]
    assert reasons[-1] == "prompt_cut"


async def test_the_same_fields_load_once(engine: OllamaEngine, case: Case) -> None:
    await engine.unload("guide:1m")
    await asyncio.sleep(0.3)
    await engine.preload("guide:1m", 1024)
    loads = []
    for temperature in (0.0, 0.7, 1.2):
        options = SamplingOptions(temperature=temperature, num_predict=50)
        finished = (await collect(engine, ChatRequest(1, "guide:1m", (Message("user", "hi"),), options, 1024)))[-1]
        assert isinstance(finished, AnswerFinished)
        loads.append(finished.usage.load_ms)
    assert [load for load in loads if load is None or load > 200] == []


def runners(address: Address) -> list[int]:
    """The engine processes of a server, found by their parent."""
    out = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in out.splitlines()]
    parents = {
        int(pid) for pid, _parent, args in rows if f":{address.port}" in environment(int(pid)) and "serve" in args
    }
    return [int(pid) for pid, parent, _args in rows if int(parent) in parents]


def environment(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds processes by /proc")
async def test_kill_of_its_engine_in_mid_answer(engine: OllamaEngine, address: Address, babble: str) -> None:
    events: list[Event] = []

    def kill_after_three(_event: Event) -> None:
        if sum(isinstance(e, TextArrived) for e in events) == 3:
            for pid in runners(address):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(AnswerCut) as caught:
        await collect(engine, question(babble, num_ctx=8192), kill_after_three, events)
    assert text_of(events)
    assert caught.value.hint
    assert text_of(await collect(engine, question(babble, predict=50)))


async def test_leaving_in_mid_answer_frees_the_server(engine: OllamaEngine, babble: str) -> None:
    async with aclosing(engine.chat(question(babble, num_ctx=8192))) as stream:
        async for event in stream:
            if isinstance(event, TextArrived):
                break
    finished = (await collect(engine, question(babble, num_ctx=8192, predict=50)))[-1]
    assert isinstance(finished, AnswerFinished)  # one slot only: it would wait for thousands of tokens
    assert finished.usage.total_ms is not None


async def test_leaving_again_and_again_never_makes_a_model_unusable(engine: OllamaEngine, case: Case) -> None:
    async with asyncio.timeout(120):
        for _n in range(30):
            async with aclosing(engine.chat(asking(case))) as stream:
                async for event in stream:
                    if isinstance(event, TextArrived):
                        break
            assert text_of(await collect(engine, asking(case)))


async def test_create_that_fails_leaves_no_model(engine: OllamaEngine, tmp_path: Path) -> None:
    missing = {"model.gguf": "sha256:" + "0" * 64}
    with pytest.raises(EngineError):
        await engine._admin.create("wrong:1", missing, "", {}, nothing)
    assert "wrong:1" not in {m.name for m in await engine.models()}


async def test_what_a_model_cannot_do_is_said_in_words(engine: OllamaEngine, case: Case) -> None:
    with pytest.raises(EngineError) as caught:
        await collect(engine, ChatRequest(1, "guide:1m", (Message("user", "hi"),), think=True))
    assert "guide:1m" in caught.value.message
    assert "thinking" in caught.value.message


async def test_a_server_is_started_and_ended(generation: str, tmp_path: Path) -> None:
    folder = built(generation)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment |= {"OLLAMA_MODELS": str(tmp_path / "models")}
    address = Address("127.0.0.1", free_port())
    server = OllamaServer(address, tmp_path / "logs" / "ollama.log", environment)
    assert await server.ensure_running()
    assert await server.started_here()
    engine = OllamaEngine(address)
    assert await engine.cloud_is_off() is not False
    assert await engine.models() == ()
    other = OllamaServer(address, tmp_path / "other.log", environment)
    assert await other.ensure_running()
    assert not await other.started_here()
    await other.aclose()
    assert await engine.version()
    await server.aclose()
    with pytest.raises(EngineError):
        await OllamaEngine(address).version()
    await engine.aclose()
