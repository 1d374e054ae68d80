"""The built-in llama.cpp: processes that die, are killed, idle, or never start; registered files; embeddings."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from llamune import presets
from llamune.chat.events import AnswerFinished, Event, ModelLoading, PromptReading, TextArrived
from llamune.chat.message import Message
from llamune.chat.ports import ChatRequest
from llamune.chat.preset import SamplingOptions
from llamune.engine.child import sensible_threads
from llamune.engine.embedded import EmbeddedEngine
from llamune.engine.embedded_wire import chat_body
from llamune.errors import AnswerCut, ContextOverflow, EngineError, EngineRefused, ModelNotFound, NetworkPolicyError
from llamune.paths import shipped
from tests.contract import tiny_gguf
from tests.contract.engine_contract import GUIDE, collect, open_files, text_of

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path / "models", shipped("guide"))
    yield engine
    await engine.aclose()


@pytest.fixture
async def babble(engine: EmbeddedEngine, tmp_path: Path) -> str:
    await engine.install(tiny_gguf.babbler(tmp_path / "babbler.gguf"), "babbler:1", lambda *_step: None)
    return "babbler:1"


def question(
    model: str = "guide:1m", text: str = "How do I go back?", num_ctx: int = 1024, **options: float
) -> ChatRequest:
    return ChatRequest(3, model, (Message("user", text),), SamplingOptions(temperature=0.0, **options), num_ctx)  # type: ignore[arg-type]


def child_of(engine: EmbeddedEngine, model: str) -> int:
    child = engine._slots[model].child
    assert child is not None
    return child.pid


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc/self").exists() else True


def visible(pid: int) -> str:
    """What other users of this machine may see of a process, and a little more."""
    places = [Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ")]
    return "".join(p.read_text(errors="replace") for p in places if p.exists())


async def gone(pid: int) -> bool:
    for _n in range(200):
        if not running(pid):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_the_options_become_llama_cpps() -> None:
    options = SamplingOptions(0.5, 0.9, 40, 0.1, 1.1, 64, 7)
    body = chat_body(ChatRequest(1, "m", (Message("user", "x"),), options, think=False))
    sent = {k: body[k] for k in ("temperature", "top_p", "top_k", "min_p", "repeat_penalty", "max_tokens", "seed")}
    assert sent == {
        "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "repeat_penalty": 1.1, "max_tokens": 64, "seed": 7,
    }  # fmt: skip
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat_template_kwargs" not in chat_body(ChatRequest(1, "m", ()))


async def test_the_second_question_needs_no_load(engine: EmbeddedEngine) -> None:
    first, second = await collect(engine, question()), await collect(engine, question())
    assert isinstance(first[0], ModelLoading)
    assert isinstance(second[0], TextArrived)
    assert isinstance(second[-1], AnswerFinished)
    assert second[-1].usage.cached_tokens


async def test_a_preload_does_the_loading(engine: EmbeddedEngine) -> None:
    await engine.preload("guide:1m", 1024)
    assert isinstance((await collect(engine, question()))[0], TextArrived)


async def test_another_context_loads_again_and_is_capped_at_the_trained_one(engine: EmbeddedEngine) -> None:
    await engine.preload("guide:1m", 1024)
    first = child_of(engine, "guide:1m")
    await collect(engine, question(num_ctx=100_000))
    assert child_of(engine, "guide:1m") != first
    assert [m.context for m in await engine.loaded()] == [2048]


async def test_a_length_limit_is_told(engine: EmbeddedEngine) -> None:
    finished = (await collect(engine, question(num_predict=5)))[-1]
    assert isinstance(finished, AnswerFinished)
    assert (finished.reason, finished.usage.completion_tokens) == ("length", 5)


async def test_a_full_context_ends_an_answer_by_length(engine: EmbeddedEngine, babble: str) -> None:
    finished = (await collect(engine, question(babble, num_ctx=256)))[-1]
    assert isinstance(finished, AnswerFinished)
    assert finished.reason == "length"


async def test_overflow_has_both_numbers(engine: EmbeddedEngine) -> None:
    with pytest.raises(ContextOverflow, match=r"\d,\d\d\d tokens.* 1,024"):
        await collect(engine, question(text="go back " * 1500))


@posix
async def test_kill_in_mid_answer_is_a_cut_answer_and_the_next_question_works(
    engine: EmbeddedEngine, babble: str
) -> None:
    events: list[Event] = []

    def kill_after_three(_event: Event) -> None:
        if sum(isinstance(e, TextArrived) for e in events) == 3:
            os.kill(child_of(engine, babble), signal.SIGKILL)

    with pytest.raises(AnswerCut, match="signal 9"):
        await collect(engine, question(babble, num_ctx=8192), kill_after_three, events)
    assert len(text_of(events)) >= 3
    assert text_of(await collect(engine, question(babble, num_predict=50)))


@posix
async def test_kill_between_two_questions_is_not_noticed(engine: EmbeddedEngine) -> None:
    await collect(engine, question())
    for wait_s in (0, 0.01, 0.3):  # the sooner, the less has been seen of it
        os.kill(child_of(engine, "guide:1m"), signal.SIGKILL)
        await asyncio.sleep(wait_s)
        assert text_of(await collect(engine, question()))


def stop(pid: int) -> None:
    """Returns when it stands still: a signal takes its time, and an answer is quick."""
    os.kill(pid, signal.SIGSTOP)
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    time.sleep(0.05)  # its other threads


@posix
async def test_kill_before_the_first_token(engine: EmbeddedEngine) -> None:
    await engine.preload("guide:1m", 1024)
    pid = child_of(engine, "guide:1m")
    stop(pid)
    events: list[Event] = []
    with pytest.raises(AnswerCut, match="signal 9"):
        await collect(engine, question(), lambda _event: os.kill(pid, signal.SIGKILL), events)
    assert [type(e) for e in events] == [PromptReading]  # it says so while nothing comes
    assert text_of(await collect(engine, question()))


@posix
async def test_leaving_stops_the_work(engine: EmbeddedEngine, babble: str) -> None:
    async with aclosing(engine.chat(question(babble, num_ctx=8192))) as stream:
        async for event in stream:
            if isinstance(event, TextArrived):
                break
    finished = (await collect(engine, question(babble, num_ctx=8192, num_predict=50)))[-1]
    assert isinstance(finished, AnswerFinished)  # one slot only: it would wait for 8,000 tokens
    assert finished.usage.first_token_ms is not None
    assert finished.usage.generate_ms is not None


async def test_two_questions_with_different_contexts_do_not_end_each_other(engine: EmbeddedEngine, babble: str) -> None:
    async def ask(num_ctx: int) -> str:
        return text_of(await collect(engine, question(babble, num_ctx=num_ctx, num_predict=200)))

    texts = await asyncio.gather(ask(1024), ask(2048), ask(1024))
    assert len(set(texts)) == 1
    assert texts[0]


@posix
async def test_an_unused_model_leaves_memory(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "models", shipped("guide"), idle_s=0.1)
    await collect(engine, question())
    pid = child_of(engine, "guide:1m")
    assert await gone(pid)
    assert await engine.loaded() == ()
    assert text_of(await collect(engine, question()))
    await engine.aclose()


@posix
async def test_a_used_model_does_not_leave(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "models", shipped("guide"), idle_s=0.05)
    await engine.install(tiny_gguf.babbler(tmp_path / "b.gguf"), "babbler:1", lambda *_step: None)
    async with aclosing(engine.chat(question("babbler:1", num_ctx=8192))) as stream:
        async for event in stream:
            if isinstance(event, TextArrived):
                pid = child_of(engine, "babbler:1")
                await engine.unload("babbler:1")
                await asyncio.sleep(0.2)
                assert running(pid)
                break
    assert await gone(pid)
    await engine.aclose()


async def test_a_process_that_leaves_is_not_given_to_the_next_question(engine: EmbeddedEngine) -> None:
    await engine.preload("guide:1m", 512)
    slot, entry = engine._slots["guide:1m"], await engine.registry.get("guide:1m")
    slot.release()
    async with slot.use(entry, 512) as child:
        await asyncio.sleep(0.1)
        assert child.alive


@posix
async def test_aclose_leaves_no_process(engine: EmbeddedEngine) -> None:
    await asyncio.gather(engine.preload("guide:1m", 512), engine.preload("guide:5m", 512))
    pids = [child_of(engine, name) for name in ("guide:1m", "guide:5m")]
    await engine.aclose()
    assert not any(map(running, pids))


@posix
async def test_cancelling_a_load_leaves_no_process(engine: EmbeddedEngine) -> None:
    task = asyncio.create_task(engine.preload("guide:1m", 512))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await engine.loaded() == ()
    assert children_of(os.getpid()) == []


def children_of(pid: int) -> list[int]:
    out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line.split()[0]) for line in out.stdout.splitlines() if "embedded_child" in line]


PARENT = """
import asyncio, sys, time
from pathlib import Path
from typing import Any
from llamune.engine.embedded import EmbeddedEngine
from llamune.paths import shipped

async def main():
    engine = EmbeddedEngine(Path(sys.argv[1]), shipped("guide"))
    await engine.preload("guide:1m", 512)
    print(engine._slots["guide:1m"].child.pid, flush=True)
    time.sleep(60)

asyncio.run(main())
"""


@posix
async def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert running(pid)
    parent.kill()
    await parent.wait()
    assert await gone(pid)


@posix
async def test_the_child_needs_its_key_and_hides_it(engine: EmbeddedEngine) -> None:
    await engine.preload("guide:1m", 512)
    child = engine._slots["guide:1m"].child
    assert child is not None
    key = child.http._headers["Authorization"].removeprefix("Bearer ")
    assert key not in visible(child.pid)
    child.http._headers["Authorization"] = "Bearer wrong"
    with pytest.raises(EngineRefused, match="API Key"):
        await collect(engine, question(num_ctx=512))


async def test_a_policy_is_asked_before_a_child_is_called(tmp_path: Path) -> None:
    def refuse(host: str, _port: int) -> None:
        raise NetworkPolicyError(f"{host} is not allowed", "")

    engine = EmbeddedEngine(tmp_path, shipped("guide"), check=refuse)
    with pytest.raises(NetworkPolicyError, match=r"127\.0\.0\.1"):
        await collect(engine, question())
    await engine.aclose()


async def test_a_model_that_cannot_be_loaded_says_why(engine: EmbeddedEngine, tmp_path: Path) -> None:
    bad = tiny_gguf.write(tmp_path / "bad.gguf", {"general.architecture": "nonsense"}, {})
    await engine.install(bad, "bad:1", lambda *_step: None)
    with pytest.raises(EngineError, match="unknown model architecture: 'nonsense'"):
        await collect(engine, question("bad:1"))
    broken = tiny_gguf.babbler(tmp_path / "template.gguf", template="{% for m in %}")
    await engine.install(broken, "broken:1", lambda *_step: None)
    with pytest.raises(EngineError) as caught:
        await collect(engine, question("broken:1"))
    assert "broken:1" in caught.value.message
    assert text_of(await collect(engine, question()))


async def test_a_file_that_goes_away_and_comes_back_changed(engine: EmbeddedEngine, tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(GUIDE.read_bytes())
    await engine.install(file, "mine:1", lambda *_step: None)
    file.unlink()
    with pytest.raises(EngineError, match="is gone"):
        await collect(engine, question("mine:1"))
    assert "mine:1" not in {m.name for m in await engine.models()}
    tiny_gguf.babbler(file)
    finished = (await collect(engine, question("mine:1", num_predict=50)))[-1]
    assert isinstance(finished, AnswerFinished)
    assert finished.digest == {m.name: m.digest for m in await engine.models()}["mine:1"]
    assert finished.digest != {m.name: m.digest for m in await engine.models()}["guide:1m"]


async def test_registered_files_are_remembered_in_place(engine: EmbeddedEngine, tmp_path: Path, babble: str) -> None:
    again = EmbeddedEngine(tmp_path / "models", shipped("guide"))
    assert {babble, "guide:1m", "guide:5m"} <= {m.name for m in await again.models()}
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["models.json"]
    assert (tmp_path / "models" / "models.json").stat().st_mode & 0o77 == 0
    info = await again.find(babble)
    assert info is not None
    assert info.path == str(tmp_path / "babbler.gguf")
    assert (info.parameters, info.quantisation, info.kv_bytes_per_token) == ("90.6K", "F32", 2 * 2 * (16 + 16) * 2)


async def test_names_that_cannot_be(engine: EmbeddedEngine) -> None:
    for name in ("", "guide:1m", "a b", "../x", "a/b", "x\n", "-m"):
        with pytest.raises(EngineRefused):
            await engine.install(GUIDE, name, lambda *_step: None)
    with pytest.raises(EngineRefused):
        await engine.remove("guide:1m")
    with pytest.raises(ModelNotFound, match="guide"):
        await collect(engine, question("guide:9m"))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"models": [{}]}', '{"models": [{"nme": 1}]}', "\x00" * 10])
async def test_a_damaged_list_hides_no_shipped_model_and_is_not_overwritten(
    engine: EmbeddedEngine, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "models" / "models.json"
    file.parent.mkdir()
    file.write_text(content)
    assert "guide:1m" in {m.name for m in await engine.models()}
    with pytest.raises(EngineError, match=r"models\.json"):
        await engine.install(GUIDE, "mine:1", lambda *_step: None)
    assert file.read_text() == content


async def test_a_list_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = EmbeddedEngine(tmp_path / "file" / "models", shipped("guide"))
    with pytest.raises(EngineError, match=r"models\.json"):
        await engine.install(GUIDE, "mine:1", lambda *_step: None)


async def test_embeddings(engine: EmbeddedEngine, tmp_path: Path) -> None:
    info = await engine.install(tiny_gguf.embedder(tmp_path / "e.gguf"), "noise:1", lambda *_step: None)
    assert info.capabilities == {"embedding"}
    texts = ["tokyo", "osaka", "東京"]
    vectors = await engine.embed("noise:1", texts)
    assert [len(v) for v in vectors] == [64] * 3
    assert all(abs(sum(x * x for x in v) - 1) < 1e-3 for v in vectors)
    assert await engine.embed("noise:1", texts[1:2]) == vectors[1:2]
    assert len(await engine.embed("noise:1", texts * 30)) == 90
    with pytest.raises(EngineRefused):
        await collect(engine, question("noise:1"))
    with pytest.raises(ContextOverflow):
        await engine.embed("noise:1", ["long " * 600])


async def test_the_note_is_honest(engine: EmbeddedEngine, babble: str) -> None:
    notes = {m.name: m.note for m in await engine.models()}
    assert "demonstration" in notes["guide:1m"]
    assert notes[babble] == ""


def test_threads() -> None:
    assert sensible_threads(1000) == 1
    assert 1 <= sensible_threads(10**10) <= max(1, (os.cpu_count() or 1) - 1)


@posix
async def test_many_questions_leave_nothing_open(engine: EmbeddedEngine, babble: str) -> None:
    await collect(engine, question(babble, num_predict=50))
    before = open_files()
    for n in range(60):
        async with aclosing(engine.chat(question(babble, num_predict=50))) as stream:
            async for event in stream:
                if n % 2 and isinstance(event, TextArrived):
                    break
    await engine.aclose()
    assert open_files() <= before


async def test_exactly_the_options_of_a_preset_are_sent(engine: EmbeddedEngine) -> None:
    await engine.preload("guide:1m", 1024)
    child = engine._slots["guide:1m"].child
    assert child
    bodies, request = [], child.http.request

    def inspected(method: str, path: str, body: Any = None, **rest: Any) -> Any:
        bodies.append(json.loads(json.dumps(body)))
        return request(method, path, body, **rest)

    child.http.request = inspected  # type: ignore[method-assign]
    known = {"messages", "stream", "stream_options", "cache_prompt"}
    for preset in presets.load([shipped("presets")]).presets.values():
        asked = ChatRequest(1, "guide:1m", (Message("user", "hi"),), preset.options, 1024)
        finished = (await collect(engine, asked))[-1]
        assert isinstance(finished, AnswerFinished), preset.name
        assert {k: v for k, v in bodies[-1].items() if k not in known} == preset.options.given(), preset.name
    assert len(bodies) == 6
