"""The Ollama engine against a real-socket stand-in of every server generation: exact bodies, faults, cancelling."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from llamune.chat.events import (
    AnswerFinished,
    Event,
    ModelLoading,
    PromptReading,
    TextArrived,
    ThinkingArrived,
)
from llamune.chat.message import Message
from llamune.chat.ports import ChatRequest
from llamune.chat.preset import SamplingOptions
from llamune.engine.ollama import OllamaEngine
from llamune.errors import (
    AnswerCut,
    ContextOverflow,
    EngineBusy,
    EngineError,
    EngineRefused,
    EngineUnreachable,
    ModelNotFound,
    NetworkPolicyError,
    OutOfMemory,
)
from tests.contract import tiny_gguf
from tests.contract.engine_contract import GUIDE, collect, open_files, text_of
from tests.contract.ollama_standin import ANSWER, StandIn

WHOLE = "".join(ANSWER)
QUESTION = ChatRequest(1, "m", (Message("system", "短く。"), Message("user", "hi")), num_ctx=1024)


@pytest.fixture(params=["0.11.4", "0.33.1", "0.34.4"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[StandIn]:
    async with StandIn(request.param).serving() as server:
        yield server


@pytest.fixture
async def newest() -> AsyncIterator[StandIn]:
    async with StandIn("0.34.4").serving() as server:
        yield server


async def ask(server: StandIn, request: ChatRequest = QUESTION) -> list[Event]:
    engine = OllamaEngine(server.address)
    try:
        return await collect(engine, request)
    finally:
        await engine.aclose()


async def partly(server: StandIn, error: type[EngineError]) -> tuple[list[Event], EngineError]:
    events: list[Event] = []
    with pytest.raises(error) as caught:
        await collect(OllamaEngine(server.address), QUESTION, into=events)
    return events, caught.value


# what is sent


async def test_the_body_of_a_plain_question(server: StandIn) -> None:
    await ask(server)
    assert server.bodies("/api/chat") == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "短く。"}, {"role": "user", "content": "hi"}],
            "stream": True,
            "truncate": False,
            "shift": False,
            "options": {"num_ctx": 1024},
        }
    ]


async def test_only_given_options_and_think_are_sent(newest: StandIn) -> None:
    options = SamplingOptions(temperature=0.0, seed=5, min_p=0.1)
    await ask(newest, replace(QUESTION, model="thinker:1b", options=options, think=False))
    body = newest.bodies("/api/chat")[0]
    assert body["options"] == {"temperature": 0.0, "seed": 5, "min_p": 0.1, "num_ctx": 1024}
    assert body["think"] is False


async def test_a_preload_has_the_load_fields_of_the_chat(newest: StandIn) -> None:
    engine = OllamaEngine(newest.address)
    await engine.preload("m", 1024)
    await collect(engine, QUESTION)
    first, second = newest.bodies("/api/chat")
    fields = ("model", "truncate", "shift", "options")
    assert [first[f] for f in fields] == [second[f] for f in fields]
    assert "keep_alive" not in first | second


async def test_a_fast_answer_asks_nothing_beside(newest: StandIn) -> None:
    await ask(newest)
    assert [a.path for a in newest.requests if a.path != "/api/tags"] == ["/api/chat"]
    assert newest.requests[0].path == "/api/chat"


async def test_no_header_tells_more_than_needed(newest: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "secret")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:8080")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:8080")
    engine = OllamaEngine(newest.address)
    await collect(engine, QUESTION)
    await engine.embed("embedder:1b", ["a"])
    await engine.aclose()
    assert newest.bodies("/api/embed") == [{"model": "embedder:1b", "input": ["a"], "truncate": False}]
    assert all("authorization" not in asked.headers for asked in newest.requests)
    assert {asked.headers["host"] for asked in newest.requests} == {newest.address.netloc}


# what comes back


@pytest.mark.parametrize("split", [0, 1, 2, 5, 64])
async def test_any_split_gives_the_same_events(server: StandIn, split: int) -> None:
    server.split = split
    events = await ask(server)
    assert [e.text for e in events if isinstance(e, TextArrived)] == ANSWER


async def test_usage_of_each_generation(server: StandIn) -> None:
    finished = (await ask(server))[-1]
    assert isinstance(finished, AnswerFinished)
    usage = finished.usage
    assert usage.cached_tokens == (None if server.old else 3)
    assert (usage.load_ms, usage.prompt_ms, usage.generate_ms, usage.total_ms) == (5, 10, 20, 50)
    assert (usage.prompt_tokens, usage.completion_tokens) == (8, 8)
    assert (finished.model, finished.digest, finished.reason) == ("m:latest", "a" * 64, "stop")


async def test_thinking_comes_apart(newest: StandIn) -> None:
    events = await ask(newest, replace(QUESTION, model="thinker:1b", think=True))
    assert [e.text for e in events if isinstance(e, ThinkingArrived)] == ["考える…"]
    assert text_of(events) == WHOLE


@pytest.mark.parametrize(("fault", "text"), [("length", WHOLE), ("empty", "")])
async def test_a_length_limit_is_told(newest: StandIn, fault: str, text: str) -> None:
    newest.fault = fault
    events = await ask(newest)
    assert isinstance(events[-1], AnswerFinished)
    assert (events[-1].reason, text_of(events)) == ("length", text)


async def test_the_last_line_may_lack_its_newline(server: StandIn) -> None:
    server.fault = "no_newline"
    assert isinstance((await ask(server))[-1], AnswerFinished)


@pytest.mark.parametrize("split", [0, 1])
@pytest.mark.parametrize("fault", ["half_json", "half_character", "no_done", "error_after", "reset"])
async def test_a_broken_stream_is_a_cut_answer(server: StandIn, fault: str, split: int) -> None:
    server.fault, server.split = fault, split
    events, error = await partly(server, AnswerCut)
    if fault != "reset":  # a reset may overtake what was sent before it
        assert text_of(events) == WHOLE
    assert not any(isinstance(e, AnswerFinished) for e in events)
    assert error.hint


async def test_the_reason_of_a_cut_is_told(newest: StandIn) -> None:
    newest.fault = "error_after"
    assert "unexpected EOF" in (await partly(newest, AnswerCut))[1].message


async def test_an_error_instead_of_a_stream(newest: StandIn) -> None:
    newest.fault = "error_first"
    events, error = await partly(newest, EngineError)
    assert events == []
    assert "unexpected EOF" in error.message


@pytest.mark.parametrize(
    ("said", "error", "part"),
    [
        ("llama-server process has terminated: signal: killed", OutOfMemory, "m does not fit"),
        ("model requires more system memory (9.9 GiB) than is available (1 GiB)", OutOfMemory, "m does not fit"),
        ("llama-server process has terminated: exit status 1", EngineError, "exit status 1"),
        ("the prompt is longer than the context length currently available to the model; x", ContextOverflow, "longer"),
        ("something quite new", EngineRefused, "something quite new"),
        ('{"error":{"code":500,"message":"deep","type":"x"}}', EngineRefused, "deep"),
        ('{"error":"{\\"error\\":\\"deeper\\"}"}', EngineRefused, "deeper"),
        ("", EngineRefused, "500"),
        ("x" * 100_000, EngineRefused, "xxx"),
    ],
)
async def test_refusals_in_words(newest: StandIn, said: str, error: type[EngineError], part: str) -> None:
    newest.fault, newest.said = "said", said
    caught = (await partly(newest, error))[1]
    assert part in caught.message
    assert len(caught.message) < 600


async def test_overflow_has_both_numbers(newest: StandIn) -> None:
    with pytest.raises(ContextOverflow, match=r"5,004 tokens.* 1,024"):
        await ask(newest, replace(QUESTION, messages=(Message("user", "x" * 20_000),)))


async def test_busy_unknown_and_unable(server: StandIn) -> None:
    with pytest.raises(ModelNotFound, match="nope"):
        await ask(server, replace(QUESTION, model="nope"))
    with pytest.raises(EngineRefused, match="thinking"):
        await ask(server, replace(QUESTION, think=True))
    server.fault = "busy"
    with pytest.raises(EngineBusy):
        await ask(server)


@pytest.mark.parametrize("fault", ["html", "redirect", "forbidden"])
async def test_something_else_than_ollama_answers(newest: StandIn, fault: str) -> None:
    newest.fault = fault
    with pytest.raises(EngineError):
        await ask(newest)
    engine = OllamaEngine(newest.address)
    for call in (engine.models(), engine.loaded(), engine.version(), engine.embed("m", ["a"]), engine.find("m")):
        with pytest.raises(EngineError):
            await call
    await engine.aclose()


async def test_nobody_listens() -> None:
    async with StandIn().serving() as server:
        nowhere = server.address
    engine = OllamaEngine(nowhere)
    calls = (engine.models(), engine.loaded(), engine.remove("m"), engine.embed("m", ["a"]), collect(engine, QUESTION))
    for call in (*calls, engine.cloud_is_off(), engine.install(GUIDE, "x", lambda *_s: None)):
        with pytest.raises(EngineUnreachable) as caught:
            await call
        assert nowhere.netloc in caught.value.message
    await engine.aclose()


async def test_a_policy_is_asked_before_every_connection(newest: StandIn) -> None:
    asked: list[tuple[str, int]] = []

    def refuse(host: str, port: int) -> None:
        asked.append((host, port))
        raise NetworkPolicyError("no", "")

    engine = OllamaEngine(newest.address, refuse)
    calls = (collect(engine, QUESTION), engine.models(), engine.remove("m"), engine._admin.embed("m", ["a"]))
    for call in calls:
        with pytest.raises(NetworkPolicyError):
            await call
    await engine.aclose()
    assert asked == [(newest.address.host, newest.address.port)] * len(calls)
    assert newest.requests == []


# loading, reading, leaving


async def test_loading_and_reading_are_shown_when_it_takes_a_moment(newest: StandIn) -> None:
    newest.load_s, newest.first_byte_s = 0.5, 0.9
    events = await ask(newest)
    kinds = list(dict.fromkeys(e.kind for e in events))
    assert kinds == ["loading", "reading", "text", "finished"]
    assert [e.tokens > 0 for e in events if isinstance(e, PromptReading)] == [True]
    assert sum(isinstance(e, ModelLoading) for e in events) == 1


async def test_an_answer_does_not_wait_for_what_the_server_says_of_itself(newest: StandIn) -> None:
    newest.first_byte_s, newest.ps_s = 0.5, 30
    async with asyncio.timeout(10):
        assert text_of(await ask(newest)) == WHOLE


async def test_leaving_in_mid_stream_is_seen_by_the_server_at_once(server: StandIn) -> None:
    server.fault = "endless"
    async with aclosing(OllamaEngine(server.address).chat(QUESTION)) as stream:
        async for event in stream:
            if isinstance(event, TextArrived):
                break
    async with asyncio.timeout(5):
        await server.left.wait()


async def test_cancelling_before_the_first_byte_closes_the_connection(server: StandIn) -> None:
    server.first_byte_s = 30
    task = asyncio.create_task(ask(server))
    await asyncio.sleep(0.5)  # until it asks what the server does
    assert server.connections == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await server.left.wait()


async def test_two_hundred_questions_leave_nothing_open(newest: StandIn) -> None:
    engine = OllamaEngine(newest.address)
    await collect(engine, QUESTION)
    await asyncio.sleep(0.05)
    before, tasks = open_files(), len(asyncio.all_tasks())
    for n in range(200):
        newest.fault = ("", "endless", "half_json", "busy")[n % 4]
        try:
            async with aclosing(engine.chat(QUESTION)) as stream:
                async for _event in stream:
                    if newest.fault == "endless":
                        break
        except EngineError:
            continue
    for _n in range(100):
        if open_files() <= before and len(asyncio.all_tasks()) <= tasks:
            break
        await asyncio.sleep(0.02)
    assert open_files() <= before
    assert len(asyncio.all_tasks()) <= tasks


# a server that our leaving made unusable


async def leave(engine: OllamaEngine) -> None:
    async with aclosing(engine.chat(QUESTION)) as stream:
        async for event in stream:
            if isinstance(event, TextArrived):
                break


async def test_a_model_that_is_stuck_after_we_left_is_freed(newest: StandIn) -> None:
    newest.fault, newest.sticks = "endless", True
    engine = OllamaEngine(newest.address, patience_s=0.5)
    await leave(engine)
    async with asyncio.timeout(5):
        await newest.left.wait()
    newest.fault = ""
    async with asyncio.timeout(20):
        events = await collect(engine, QUESTION)
    assert text_of(events) == WHOLE
    question = newest.bodies("/api/chat")[0]
    unload = {"model": "m", "messages": [], "keep_alive": 0, "stream": False}
    assert newest.bodies("/api/chat") == [question, question, unload, question]
    await engine.aclose()


async def test_who_has_left_nothing_waits_for_ever(newest: StandIn) -> None:
    newest.first_byte_s = 2.0
    engine = OllamaEngine(newest.address, patience_s=0.5)
    assert text_of(await collect(engine, QUESTION)) == WHOLE
    assert len(newest.bodies("/api/chat")) == 1
    await engine.aclose()


async def test_a_load_is_never_taken_back(newest: StandIn) -> None:
    newest.fault = "endless"
    engine = OllamaEngine(newest.address, patience_s=0.2)
    await leave(engine)
    newest.loaded.clear()
    newest.fault, newest.load_s = "", 1.5
    assert text_of(await collect(engine, QUESTION)) == WHOLE
    assert len(newest.bodies("/api/chat")) == 2
    await engine.aclose()


# old servers that cut


async def test_an_old_server_that_cut_inside_is_found_out() -> None:
    async with StandIn("0.11.4").serving() as server:
        events = await ask(server, replace(QUESTION, messages=(Message("user", "long text " * 2000),)))
    assert isinstance(events[-1], AnswerFinished)
    assert events[-1].reason == "prompt_cut"


async def test_an_old_server_that_dropped_old_messages_is_found_out() -> None:
    async with StandIn("0.11.4").serving() as server:
        engine = OllamaEngine(server.address)
        reasons = []
        history: list[Message] = []
        for _n in range(12):
            history.append(Message("user", "a question of some length " * 16))
            finished = (await collect(engine, replace(QUESTION, messages=tuple(history))))[-1]
            assert isinstance(finished, AnswerFinished)
            reasons.append((sum(len(m.content) // 4 + 4 for m in history) > 1024, finished.reason))
            history.append(Message("assistant", "fine"))
    assert (True, "prompt_cut") in reasons
    assert (False, "prompt_cut") not in reasons


async def test_a_new_server_is_not_suspected(newest: StandIn) -> None:
    for length in (1000, 3900, 4060):
        events = await ask(newest, replace(QUESTION, messages=(Message("user", "y" * length),)))
        assert isinstance(events[-1], AnswerFinished)
        assert events[-1].reason == "stop"


# lists and changes


async def test_remote_broken_and_left_over_models_are_hidden(server: StandIn) -> None:
    engine = OllamaEngine(server.address)
    models = {m.name: m for m in await engine.models()}
    assert set(models) == {"m:latest", "thinker:1b", "embedder:1b"}
    assert models["thinker:1b"].thinks
    assert models["m:latest"].kv_bytes_per_token == 4 * 2 * (32 + 32) * 2
    assert await engine.find("far:cloud") is None


async def test_details_are_asked_once_per_digest(newest: StandIn) -> None:
    engine = OllamaEngine(newest.address)
    await engine.models()
    await engine.models()
    assert len(newest.bodies("/api/show")) == 3
    assert await engine.find("m") == (await engine.models())[0]


async def test_one_damaged_model_does_not_hide_the_others(newest: StandIn) -> None:
    newest.fault = "show_fails"
    assert len(await OllamaEngine(newest.address).models()) == 3


async def test_cloud_state(server: StandIn) -> None:
    assert await OllamaEngine(server.address).cloud_is_off() is (None if server.old else True)


async def test_install_sends_a_blob_once(newest: StandIn) -> None:
    engine = OllamaEngine(newest.address)
    for name in ("one", "two"):
        await engine.install(GUIDE, name, lambda *_step: None)
    assert [a.method for a in newest.requests if a.path.startswith("/api/blobs")] == ["HEAD", "POST", "HEAD"]
    body = newest.bodies("/api/create")[0]
    assert body["model"] == "one"
    assert body["files"] == {"model.gguf": next(iter(newest.blobs))}
    assert "from" not in body
    await engine.aclose()


async def test_an_old_server_gets_a_template(server: StandIn) -> None:
    engine = OllamaEngine(server.address)
    await engine.install(GUIDE, "one", lambda *_step: None)
    assert ("<|im_start|>" in server.bodies("/api/create")[0].get("template", "")) is server.old
    await engine.aclose()


async def test_what_the_makers_of_a_file_advise_is_sent_where_it_can_be(server: StandIn, tmp_path: Path) -> None:
    advised = {"temp": 0.6, "top_k": 20, "top_p": float("nan"), "min_p": -1.0, "penalty_repeat": 1.05, "mirostat": 1}
    keys = {"general.architecture": "llama", **{f"general.sampling.{name}": value for name, value in advised.items()}}
    engine = OllamaEngine(server.address)
    await engine.install(tiny_gguf.write(tmp_path / "a.gguf", keys, {}), "one", lambda *_step: None)
    await engine.install(GUIDE, "two", lambda *_step: None)
    one, two = server.bodies("/api/create")
    assert one["parameters"] == {"temperature": 0.6, "top_k": 20, "repeat_penalty": 1.05}
    assert not two.get("parameters")
    await engine.aclose()


async def test_an_error_line_is_a_failure_whatever_follows(server: StandIn) -> None:
    server.fault = "create_fails"
    engine = OllamaEngine(server.address)
    with pytest.raises(EngineError, match="no such file"):
        await engine.install(GUIDE, "one", lambda *_step: None)
    assert "one:latest" not in {m.name for m in await engine.models()}
    await engine.aclose()


async def test_an_upload_that_is_answered_unread(newest: StandIn, tmp_path: Path) -> None:
    large = tmp_path / "large.gguf"
    large.write_bytes(GUIDE.read_bytes() + bytes(30_000_000))
    newest.fault = "early_blob"
    engine = OllamaEngine(newest.address)
    await engine.install(large, "one", lambda *_step: None)
    assert "one:latest" in {m.name for m in await engine.models()}
    await engine.aclose()


async def test_too_long_texts_are_not_cut_before_embedding(newest: StandIn) -> None:
    engine = OllamaEngine(newest.address)
    with pytest.raises(ContextOverflow):
        await engine.embed("embedder:1b", ["x" * 5000])
    with pytest.raises(ModelNotFound):
        await engine.embed("nope", ["x"])
    await engine.aclose()


# imports

CHAT = """
import asyncio, sys
from contextlib import aclosing
from llamune.chat.message import Message
from llamune.chat.ports import ChatRequest
from llamune.address import Address
from llamune.engine.ollama import OllamaEngine

async def main():
    engine = OllamaEngine(Address("127.0.0.1", int(sys.argv[1])))
    async with aclosing(engine.chat(ChatRequest(1, "m", (Message("user", "hi"),)))) as stream:
        async for event in stream:
            last = event
    await engine.aclose()
    print(last.kind, [m for m in sys.argv[2].split(",") if m in sys.modules])

asyncio.run(main())
"""


async def test_the_way_to_an_answer_imports_nothing_heavy(newest: StandIn) -> None:
    heavy = "httpx,pydantic,ollama,anyio,sqlmodel,rich,prompt_toolkit,numpy,xllamacpp,psutil"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CHAT, str(newest.address.port), heavy,
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    out, _err = await process.communicate()
    assert out.decode().strip() == "finished []"
