"""The fake engine, shipped: it answers by rule, and each of its models fails in one documented way.

With it the whole program can be tried, shown and tested without a model: `scripted:cut` breaks in the middle,
`scripted:endless` waits for Ctrl-C, and so on (`MODELS` says what each does). It is offered only when asked for, so
that nobody takes it for a model.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from llamune.chat.events import AnswerFinished, Event, ModelLoading, PromptReading, TextArrived, ThinkingArrived
from llamune.chat.model import LoadedModel, ModelInfo
from llamune.chat.ports import ChatRequest, Progress
from llamune.chat.session import Reason, Usage
from llamune.engine import scripted_judge
from llamune.engine.faults import context_overflow, cut, model_not_found, no_embedding
from llamune.engine.files import checked
from llamune.engine.ollama_wire import estimated_tokens
from llamune.errors import EngineBusy, EngineUnreachable, LlamuneError, OutOfMemory

ENGINE: Final = "scripted"
CONTEXT: Final = 4096
PIECE: Final = 4  # characters that arrive at once
SLOW_S: Final = 0.2
DIMENSIONS: Final = 64
MARKDOWN: Final = (
    "# 見出し\n\n段落には **強調** と `code` があります。\n\n| 項目 | 値 |\n|---|---:|\n"
    "| 東京 | 1,234 |\n| Ōsaka | 56 |\n\n"
    "1. first\n2. second\n   - nested\n\n```python\nprint('こんにちは')\n```\n\n> 引用\n\nList<String> stays.\n"
)


@dataclass(frozen=True, slots=True)
class Script:
    """What a scripted model does.

    Args:
        note: for lists and documentation.
        text: the answer; None = the question again.
        reply: makes the answer from the request instead.
        thinking: comes before it.
        loads: pretends to load first.
        pace_s: seconds between pieces.
        endless: never stops.
        reason: why it ended.
        error: raised instead of an end, after `after` characters of the answer (-1 = before anything).
        alone: has no room beside another answer.
    """

    note: str
    text: str | None = None
    reply: Callable[[ChatRequest], str] | None = None
    thinking: str = ""
    loads: bool = False
    pace_s: float = 0.0
    endless: bool = False
    reason: Reason = "stop"
    error: Callable[[ChatRequest], LlamuneError] | None = None
    after: int = -1
    alone: bool = False


def _cited(request: ChatRequest) -> str:
    """The first sentence of the best passage with its number; without passages, that there are none."""
    found = re.search(r"^<passage 1 \w+>[^\n]*\n(.+?(?:。|\.(?=\s)|\n))", request.messages[-1].content, re.MULTILINE)
    return f"{found[1].strip()} [1]" if found else "No documents."


def _memory(request: ChatRequest) -> LlamuneError:
    return OutOfMemory(f"{request.model} does not fit.", "")


def _refused(_request: ChatRequest) -> LlamuneError:
    return EngineUnreachable("The scripted engine does not answer.", "Choose another model: /switch")


MODELS: Final[Mapping[str, Script]] = {
    "scripted:echo": Script("answers with the question"),
    "scripted:list": Script("answers with the next text of a list", text=""),
    "scripted:markdown": Script("a Markdown answer with a table, code and Japanese", text=MARKDOWN),
    "scripted:think": Script("thinks first", thinking="The user asks something. I repeat it."),
    "scripted:loading": Script("loads for a moment first", loads=True),
    "scripted:slow": Script("writes slowly", pace_s=SLOW_S),
    "scripted:endless": Script("never stops", pace_s=0.01, endless=True),
    "scripted:escape": Script(
        "sends terminal control characters", text="\x1b[2Jgone\x07\x1b]0;title\x07 \x9b31mred\r\b"
    ),
    "scripted:empty": Script("spends all its tokens on nothing", text="", reason="length"),
    "scripted:silent": Script("answers with nothing", text=""),
    "scripted:length": Script("reaches its length limit", reason="length"),
    "scripted:prompt_cut": Script("is an old server that cut the prompt", reason="prompt_cut"),
    "scripted:cut": Script("breaks off in the middle", error=lambda _r: cut(), after=8),
    "scripted:error": Script("reports an error in the middle", error=lambda _r: cut("the engine fell over"), after=8),
    "scripted:refused": Script("refuses the connection", error=_refused),
    "scripted:missing": Script("is listed and yet not there", error=lambda r: model_not_found(r.model)),
    "scripted:overflow": Script("finds every prompt too long", error=lambda r: context_overflow(9999, r.num_ctx)),
    "scripted:memory": Script("needs too much memory", error=_memory),
    "scripted:crowded": Script("has room only alone", alone=True),
    "scripted:busy": Script("is always busy", error=lambda _r: EngineBusy("Too many wait.", "Try again: /retry")),
    "scripted:judge": Script("judges, and prefers what is longer", reply=scripted_judge.good),
    "scripted:judge-prose": Script("judges with talk around it", reply=scripted_judge.prose),
    "scripted:judge-late": Script("judges when asked twice", reply=scripted_judge.second_try),
    "scripted:judge-flips": Script("judges, and prefers what comes first", reply=scripted_judge.flipping),
    "scripted:judge-babbles": Script("shall judge, and talks", text="The answer, the answer, the answer. {} [1, 2]"),
    "scripted:cite": Script("answers with the best passage, and cites it", reply=_cited),
    "scripted:miscite": Script("cites what is not there", text="それは 987,654円 です [1][9]。"),
    "scripted:embed": Script("makes embeddings of letters"),
}


class ScriptedEngine:
    """Answers by `MODELS`.

    Args:
        answers: what `scripted:list` answers, in turn; the last one again when they are used up.
        pace_s: seconds between pieces, added to those of the script.
    """

    name = ENGINE

    def __init__(self, answers: Sequence[str] = ("One.", "Two.", "Three."), pace_s: float = 0.0) -> None:
        self._answers, self._pace_s = list(answers), pace_s
        self._scripts = dict(MODELS)
        self._loaded: set[str] = set()
        self._answering = 0
        self.requests: list[ChatRequest] = []

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """Streams one answer; see the port and `MODELS`."""
        self.requests.append(request)
        script, started = self._script(request.model), time.perf_counter()
        if script.error and script.after < 0:
            raise script.error(request)
        if script.alone and self._answering:
            raise _memory(request)
        if script.loads:
            yield ModelLoading(request.answer_id)
            await asyncio.sleep(SLOW_S)
            yield PromptReading(request.answer_id, estimated_tokens(request.messages))
        self._loaded.add(request.model)
        first, count = None, 0
        self._answering += 1
        try:
            async with aclosing(self._pieces(request, script)) as pieces:
                async for event in pieces:
                    first = first if first is not None else (time.perf_counter() - started) * 1000
                    count += 1
                    yield event
        finally:
            self._answering -= 1
        yield self._finished(request, script, started, first, count)

    def _finished(
        self, request: ChatRequest, script: Script, started: float, first: float | None, count: int
    ) -> AnswerFinished:
        total = (time.perf_counter() - started) * 1000
        tokens = estimated_tokens(request.messages)
        usage = Usage(tokens, 0, count, first, 0.0, first or 0.0, max(total - (first or 0.0), 0.001), total)
        return AnswerFinished(request.answer_id, usage, script.reason, request.model, _digest(request.model))

    async def _pieces(self, request: ChatRequest, script: Script) -> AsyncGenerator[Event]:
        text = self._text(request, script)
        for piece in _split(script.thinking if request.think is not False else ""):
            await asyncio.sleep(script.pace_s + self._pace_s)
            yield ThinkingArrived(request.answer_id, piece)
        sent = 0
        while True:
            for piece in _split(text):
                await asyncio.sleep(script.pace_s + self._pace_s)
                sent += len(piece)
                yield TextArrived(request.answer_id, piece)
                if script.error and sent >= script.after:
                    raise script.error(request)
            if not script.endless:
                break
            await asyncio.sleep(SLOW_S)
        if script.error:
            raise script.error(request)

    def _text(self, request: ChatRequest, script: Script) -> str:
        if request.model == "scripted:list":
            return self._answers.pop(0) if len(self._answers) > 1 else "".join(self._answers)
        if script.reply:
            return script.reply(request)
        if script.text is not None:
            return script.text
        asked = next((m.content for m in reversed(request.messages) if m.role == "user"), "")
        return json.dumps(scripted_judge.filled(request.format, asked)) if request.format else asked

    def _script(self, model: str) -> Script:
        if model not in self._scripts:
            raise model_not_found(model, self._scripts)
        return self._scripts[model]

    def names(self) -> tuple[str, ...]:
        return tuple(self._scripts)

    async def models(self) -> tuple[ModelInfo, ...]:
        return tuple(map(self._info, self._scripts))

    async def find(self, name: str) -> ModelInfo | None:
        return self._info(name) if name in self._scripts else None

    def _info(self, name: str) -> ModelInfo:
        does = {"embedding"} if name == "scripted:embed" else {"completion"}
        does |= {"thinking"} if self._scripts[name].thinking else set()
        return ModelInfo(
            name, ENGINE, _digest(name), family=ENGINE, context_length=CONTEXT, capabilities=frozenset(does),
            note=self._scripts[name].note,
        )  # fmt: skip

    async def loaded(self) -> tuple[LoadedModel, ...]:
        return tuple(LoadedModel(name, ENGINE, context=CONTEXT) for name in sorted(self._loaded))

    async def preload(self, model: str, num_ctx: int) -> None:
        self._script(model)
        self._loaded.add(model)

    async def unload(self, model: str) -> None:
        self._loaded.discard(model)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        self._script(request.model)
        return estimated_tokens(request.messages)

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        self._script(model)
        if model != "scripted:embed":
            raise no_embedding(model)
        return [_vector(text) for text in texts]

    async def install(self, gguf: Path, name: str, progress: Progress) -> ModelInfo:
        await asyncio.to_thread(checked, gguf)
        progress("scripted", 1, 1)
        self._scripts[name] = MODELS["scripted:echo"]
        return self._info(name)

    async def alias(self, model: str, name: str) -> None:
        self._scripts[name] = self._script(model)

    async def remove(self, model: str) -> None:
        self._script(model)
        del self._scripts[model]
        self._loaded.discard(model)

    async def aclose(self) -> None:
        self._loaded.clear()


def _split(text: str) -> list[str]:
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)]


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _vector(text: str) -> list[float]:
    """Counts character pairs, hashed into a few places, at length 1: equal texts are equal, similar ones near."""
    counts = [0.0] * DIMENSIONS
    for pair in zip(" " + text, text + " ", strict=True):
        counts[hashlib.sha256("".join(pair).encode("utf-8", "replace")).digest()[0] % DIMENSIONS] += 1.0
    length = sum(c * c for c in counts) ** 0.5
    return [c / length for c in counts]
