"""The built-in engine: llama.cpp from the xllamacpp wheel, one child process per model, behind the `Engine` port.

It answers where no Ollama is: with the small models that ship with Llamune and with any GGUF file the user registers.
Files are used in place. A child that dies costs one answer; the next question starts a new one.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from llamune.chat.events import AnswerFinished, Event, ModelLoading, PromptReading
from llamune.chat.fit import need
from llamune.chat.model import LoadedModel, ModelInfo
from llamune.chat.ports import ChatRequest, Progress
from llamune.chat.session import Reason
from llamune.engine import embedded_wire as wire
from llamune.engine.child import Child
from llamune.engine.faults import cut, no_embedding
from llamune.engine.http import Check, Exchange, HttpError, allow_all, parsed
from llamune.engine.ndjson import BadLine
from llamune.engine.ollama_wire import estimated_tokens, text
from llamune.engine.registry import ENGINE, Registered, Registry
from llamune.engine.slot import Slot
from llamune.engine.sse import SseObjects
from llamune.engine.waiting import State, until_head
from llamune.errors import EngineError, EngineUnreachable
from llamune.i18n import _

IDLE_S: Final = 300.0
DEFAULT_CONTEXT: Final = 4096  # tokens, for what comes without a wish
ERROR_BYTES: Final = 64 * 1024
DEATH_S: Final = 1.0  # a broken connection and the end of its process may be seen in either order


class EmbeddedEngine:
    """llama.cpp on this machine.

    Args:
        models: folder of the registry (models.json).
        shipped: folder of the models that come with the program.
        idle_s: seconds unused after which a model leaves memory; 0 = never.
        threads: for every model; 0 = sensible.
        check: the network policy: the children are reached over loopback.
        clock: seconds.
    """

    name = ENGINE

    def __init__(
        self,
        models: Path,
        shipped: Path,
        *,
        idle_s: float = IDLE_S,
        threads: int = 0,
        check: Check = allow_all,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.registry = Registry(models, shipped)
        self._idle_s, self._threads, self._check, self._clock = idle_s, threads, check, clock
        self._slots: dict[str, Slot] = {}

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """Streams one answer; see the port."""
        started = self._clock()
        entry = await self.registry.get(request.model)
        slot, num_ctx = self._slot(entry), _context(entry, request.num_ctx)
        if not slot.ready(entry, num_ctx):
            yield ModelLoading(request.answer_id)
        answer = _Answer(request, entry, self._clock, started)
        try:
            async with slot.use(entry, num_ctx) as child, aclosing(answer.events(child)) as events:
                async for event in events:
                    yield event
        except _WasDead:
            async with slot.use(entry, num_ctx) as child, aclosing(answer.events(child)) as events:
                async for event in events:
                    yield event

    async def models(self) -> tuple[ModelInfo, ...]:
        return tuple(map(self.registry.info, await self.registry.all()))

    def names(self) -> tuple[str, ...]:
        """The models that are registered or ship with the program."""
        return self.registry.names()

    async def find(self, name: str) -> ModelInfo | None:
        """One model by its exact name, None when there is none. Raises EngineError when its file is gone."""
        return self.registry.info(await self.registry.get(name)) if name in self.registry.names() else None

    async def loaded(self) -> tuple[LoadedModel, ...]:
        return tuple(_loaded(s.entry, s.child) for s in self._slots.values() if s.entry and s.child)

    async def preload(self, model: str, num_ctx: int) -> None:
        """Loads a model, so that the first question does not wait for it."""
        entry = await self.registry.get(model)
        async with self._slot(entry).use(entry, _context(entry, num_ctx)):
            pass

    async def unload(self, model: str) -> None:
        if slot := self._slots.get(model):
            slot.release()

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """Exact, by the model's own template and tokenizer; loads the model where it is not loaded."""
        entry = await self.registry.get(request.model)
        if entry.embeds:
            return None
        async with self._slot(entry).use(entry, _context(entry, request.num_ctx)) as child:
            asked = wire.chat_body(request)
            prompt = await _ask(child, "/apply-template", {k: asked[k] for k in asked if k in wire.TEMPLATE_FIELDS})
            body = {"content": text(prompt, "prompt"), "add_special": True, "parse_special": True}
            tokens = (await _ask(child, "/tokenize", body)).get("tokens")
        return len(tokens) if isinstance(tokens, list) else None

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        entry = await self.registry.get(model)
        if not entry.embeds:
            raise no_embedding(model)
        if not texts:
            return []
        async with self._slot(entry).use(entry, _context(entry, entry.context_length or DEFAULT_CONTEXT)) as child:
            answer = await _ask(child, "/v1/embeddings", {"input": list(texts), "encoding_format": "float"})
        found = wire.vectors(answer)
        if found is None or len(found) != len(texts):
            raise EngineError(_("{model} gave no vectors.").format(model=model))
        return found

    async def install(self, gguf: Path, name: str, progress: Progress) -> ModelInfo:
        return self.registry.info(await self.registry.add(gguf, name, progress))

    async def alias(self, model: str, name: str) -> None:
        await self.registry.alias(model, name)

    async def remove(self, model: str) -> None:
        self.registry.remove(model)
        await self.unload(model)

    async def aclose(self) -> None:
        await asyncio.gather(*(slot.aclose() for slot in self._slots.values()))

    def _slot(self, entry: Registered) -> Slot:
        if entry.name not in self._slots:
            self._slots[entry.name] = Slot(self._threads, self._idle_s, self._check)
        return self._slots[entry.name]


class _WasDead(Exception):
    """The child had died before it was asked, which is noticed only by asking; never leaves this module."""


class _Answer:
    """One answer of one child on its way. Times in seconds by `clock`."""

    def __init__(self, request: ChatRequest, entry: Registered, clock: Callable[[], float], started: float) -> None:
        self._request, self._entry, self._clock = request, entry, clock
        self._started = self._loaded = started
        self._tries, self._shown = 0, False
        self._first: float | None = None
        self._reason: Reason = "stop"
        self._last: dict[str, Any] = {}

    async def events(self, child: Child) -> AsyncGenerator[Event]:
        """The events of one try. Raises _WasDead when nothing came of the first one."""
        self._loaded, self._tries = self._clock(), self._tries + 1
        try:
            async with child.http.request("POST", "/v1/chat/completions", wire.chat_body(self._request)) as exchange:
                async with aclosing(until_head(exchange, self._reading)) as waiting:
                    async for state in waiting:
                        self._shown = True
                        yield state
                if exchange.status != 200:
                    raise wire.refusal(exchange.status, parsed(await exchange.read(ERROR_BYTES)))
                async with aclosing(self._body(exchange)) as events:
                    async for event in events:
                        yield event
        except (HttpError, BadLine) as error:
            why = await child.end(DEATH_S)
            if why and self._tries == 1 and not self._shown and self._first is None:
                raise _WasDead from error
            raise cut(why or str(error)) from error

    async def _reading(self) -> State:
        return PromptReading(self._request.answer_id, estimated_tokens(self._request.messages))

    async def _body(self, exchange: Exchange) -> AsyncGenerator[Event]:
        objects = SseObjects()
        async with aclosing(exchange.pieces()) as pieces:
            async for piece in pieces:
                for chunk in objects.feed(piece):
                    for event in self._seen(chunk):
                        yield event
                if objects.done:
                    yield self._finished()
                    return
        raise cut()

    def _seen(self, chunk: dict[str, Any]) -> Iterator[Event]:
        if "error" in chunk:
            raise wire.refusal(0, chunk) if self._first is None else cut(wire.refusal(0, chunk).message)
        self._reason = wire.reason(chunk) or self._reason
        self._last = chunk if "usage" in chunk or "timings" in chunk else self._last
        for event in wire.texts(self._request.answer_id, chunk):
            self._first = self._first if self._first is not None else self._clock()
            yield event

    def _finished(self) -> AnswerFinished:
        first_ms = None if self._first is None else (self._first - self._started) * 1000
        load_ms, total_ms = ((moment - self._started) * 1000 for moment in (self._loaded, self._clock()))
        usage = wire.usage(self._last, first_ms, load_ms, total_ms)
        return AnswerFinished(self._request.answer_id, usage, self._reason, self._entry.name, self._entry.sha256)


async def _ask(child: Child, path: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        status, data = await child.http.fetch("POST", path, body)
    except HttpError as error:
        await child.end(DEATH_S)
        raise EngineUnreachable(
            _("The process of the built-in model has ended."), _("Ask again: a new one is started.")
        ) from error
    answer = parsed(data)
    if status != 200 or not isinstance(answer, dict):
        raise wire.refusal(status, answer)
    return answer


def _context(entry: Registered, num_ctx: int) -> int:
    """No more than the model was trained for: beyond it answers are nonsense."""
    return min(num_ctx, entry.context_length or num_ctx)


def _loaded(entry: Registered, child: Child) -> LoadedModel:
    size = need(entry.info(), child.num_ctx).total
    return LoadedModel(entry.name, ENGINE, size, context=child.num_ctx)
