"""An Ollama server of any age, behind the `Engine` port.

The chat and all reads go through our own thin client (`http`), so that the first token waits for no import; changes go
through the official one (`ollama_admin`). The server is asked what it does (/api/ps) only when nothing has come for a
moment. Whatever would make the server call the internet is not called, but for `pull`, which says so.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from llamune.address import Address
from llamune.chat.events import AnswerFinished, Event, ModelLoading, PromptReading
from llamune.chat.model import LoadedModel, ModelInfo
from llamune.chat.ports import ChatRequest, Progress
from llamune.engine import ollama_wire as wire
from llamune.engine.faults import cut, no_embedding, not_a_model
from llamune.engine.http import Check, Exchange, Http, allow_all, parsed
from llamune.engine.letter import Letter
from llamune.engine.ndjson import objects
from llamune.engine.ollama_admin import OllamaAdmin
from llamune.engine.ollama_cut import CutWatch, cuts_silently
from llamune.engine.ollama_errors import failure, not_ollama, refusal, said_in, translated
from llamune.engine.ollama_models import (
    Details,
    details,
    digest_of,
    entries,
    full_name,
    loaded_model,
    model_info,
    remote,
    usable,
)
from llamune.engine.ollama_own import OwnModels
from llamune.engine.ollama_stuck import PATIENCE_S, Leavings, until_gone
from llamune.engine.waiting import State, Stuck, until_head
from llamune.errors import EngineError, EngineUnreachable

READ_TIMEOUT_S: Final = 20.0  # for the small reads only; chat has none
DIGEST_TIMEOUT_S: Final = 2.0
SHOWS_AT_ONCE: Final = 4
ERROR_BYTES: Final = 64 * 1024


class OllamaEngine:
    """One Ollama server.

    Args:
        address: where it is.
        check: the network policy, asked before every connection.
        clock: seconds, for first-token and total times.
        patience_s: see `ollama_stuck`.
    """

    name = "ollama"

    def __init__(
        self,
        address: Address,
        check: Check = allow_all,
        clock: Callable[[], float] = time.perf_counter,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.address, self._clock = address, clock
        self._http = Http(address, check)
        self._admin = OllamaAdmin(address, check)
        self.own = OwnModels(self._http, address.netloc)
        self._where = address.netloc
        self._details: dict[str, Details] = {}  # by digest
        self._version: str | None = None
        self._watch = CutWatch()
        self._leavings = Leavings(patience_s)
        self.letter: Letter | None = None  # of a one-shot, which may have posted its request before all this was loaded

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """Streams one answer; see the port."""
        started, model, ended = self._clock(), full_name(request.model), False
        try:
            async with aclosing(self._with_patience(request, started)) as events:
                async for event in events:
                    ended = event.kind == "finished"
                    yield event
            ended = True
        except EngineError:
            ended = True  # by the server, not by us
            raise
        finally:
            (self._leavings.answered if ended else self._leavings.left)(model)

    async def _with_patience(self, request: ChatRequest, started: float) -> AsyncGenerator[Event]:
        model = full_name(request.model)
        patience_s = self._leavings.patience_s(model, wire.estimated_tokens(request.messages))
        try:
            async with aclosing(self._once(request, started, patience_s)) as events:
                async for event in events:
                    yield event
        except Stuck:
            await self.unload(request.model)
            await until_gone(model, self.loaded)
            async with aclosing(self._once(request, started, None)) as events:
                async for event in events:
                    yield event

    async def _once(self, request: ChatRequest, started: float, patience_s: float | None) -> AsyncGenerator[Event]:
        with translated(self._where):
            async with self._http.request("POST", "/api/chat", wire.chat_body(request), letter=self.letter) as exchange:
                started -= exchange.ahead
                async with aclosing(until_head(exchange, lambda: self._doing(request), patience_s)) as waiting:
                    async for state in waiting:
                        yield state
                if exchange.status != 200:
                    raise refusal(exchange.status, await exchange.read(ERROR_BYTES), request.model)
                async with aclosing(self._answer(exchange, request, started)) as events:
                    async for event in events:
                        yield event

    async def _doing(self, request: ChatRequest) -> State | None:
        try:
            names = {m.name for m in await self.loaded()}
        except EngineError:
            return None
        if full_name(request.model) not in names:
            return ModelLoading(request.answer_id)
        return PromptReading(request.answer_id, wire.estimated_tokens(request.messages))

    async def _answer(self, exchange: Exchange, request: ChatRequest, started: float) -> AsyncGenerator[Event]:
        first: float | None = None
        with translated(self._where, began=True):
            async with aclosing(objects(exchange.pieces())) as chunks:
                async for chunk in chunks:
                    if "error" in chunk:
                        said = said_in(chunk)
                        raise cut(said) if first is not None else failure(said, request.model)
                    for event in wire.texts(request.answer_id, chunk):
                        first = first if first is not None else (self._clock() - started) * 1000
                        yield event
                    if chunk.get("done") is True:
                        yield await self._finished(request, chunk, first, (self._clock() - started) * 1000)
                        return
        raise cut()

    async def _finished(
        self, request: ChatRequest, chunk: Any, first_ms: float | None, all_ms: float
    ) -> AnswerFinished:
        model = wire.text(chunk, "model") or request.model
        usage = wire.usage(chunk, first_ms, all_ms)
        was_cut = await self._prompt_cut(request, usage.prompt_tokens or 0)
        reason = "prompt_cut" if was_cut else wire.reason(chunk)
        return AnswerFinished(request.answer_id, usage, reason, model, await self._digest(model))

    async def _digest(self, model: str) -> str:
        """The content hash now: a name may have been given to other weights since it was last looked up."""
        try:
            tags = entries(await self._read("GET", "/api/tags", timeout_s=DIGEST_TIMEOUT_S))
        except EngineError:
            return ""
        return next((digest_of(t) for t in tags if t["name"] == full_name(model)), "")

    async def _prompt_cut(self, request: ChatRequest, counted: int) -> bool:
        estimate = wire.estimated_tokens(request.messages)
        self._watch.learn(request.model, estimate, counted, request.num_ctx)
        if not self._watch.suspicious(max(estimate, counted), request.num_ctx):
            return False
        try:
            old = cuts_silently(await self.version())
        except EngineError:
            return False
        return old and self._watch.was_cut(request.model, estimate, counted, request.num_ctx)

    async def version(self) -> str:
        """The server's version, "0.0.0" where it was built without one. Raises EngineUnreachable, EngineError."""
        if self._version is None:
            answer = await self._read("GET", "/api/version")
            if not isinstance(answer, dict) or not wire.text(answer, "version"):
                raise not_ollama(self._where)
            self._version = wire.text(answer, "version")
        return self._version

    async def cloud_is_off(self) -> bool | None:
        """Whether the server's cloud functions are switched off; None where it cannot say (old servers)."""
        try:
            answer = await self._read("GET", "/api/status")
            return bool(answer["cloud"]["disabled"])
        except EngineUnreachable:
            raise
        except (EngineError, LookupError, TypeError):
            return None

    async def remote_models(self) -> tuple[str, ...]:
        """Names of the listed models that run elsewhere: never usable here."""
        found = entries(await self._read("GET", "/api/tags"))
        return tuple(str(entry["name"]) for entry in found if remote(entry))

    async def models(self) -> tuple[ModelInfo, ...]:
        """The installed models that can be used, in the server's order."""
        found = [entry for entry in entries(await self._read("GET", "/api/tags")) if usable(entry)]
        gate = asyncio.Semaphore(SHOWS_AT_ONCE)

        async def info(entry: Any) -> ModelInfo:
            async with gate:
                return model_info(entry, await self._known(entry))

        return tuple(await asyncio.gather(*map(info, found)))

    def names(self) -> tuple[str, ...]:
        """None: a server must be asked."""
        return ()

    async def find(self, name: str) -> ModelInfo | None:
        """One model by its exact name, with two small reads; None where the server has no such model."""
        for entry in entries(await self._read("GET", "/api/tags")):
            if entry["name"] == full_name(name) and usable(entry):
                return model_info(entry, await self._known(entry))
        return None

    async def _known(self, entry: Any) -> Details:
        digest = digest_of(entry)
        if digest not in self._details:
            try:
                self._details[digest] = details(await self._read("POST", "/api/show", {"model": entry["name"]}))
            except EngineUnreachable:
                raise
            except EngineError:  # one damaged model must not hide the others
                return Details()
        return self._details[digest]

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What is in memory; a model that is being loaded is not."""
        return tuple(map(loaded_model, entries(await self._read("GET", "/api/ps"))))

    async def preload(self, model: str, num_ctx: int) -> None:
        """Loads a model with the very fields that a chat will send."""
        await self._read("POST", "/api/chat", wire.preload_body(model, num_ctx), model, timeout_s=None)

    async def unload(self, model: str) -> None:
        await self._read("POST", "/api/chat", wire.unload_body(model), model)

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """None: a server has no way to say it."""
        return None

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        show = details(await self._read("POST", "/api/show", {"model": model}, model))
        if show.capabilities and "embedding" not in show.capabilities:
            raise no_embedding(model)
        if not texts:
            return []
        return await self._admin.embed(model, texts)

    async def install(self, gguf: Path, name: str, progress: Progress) -> ModelInfo:
        """Uploads a GGUF file, unless the server has it, and makes a model of it."""
        from llamune.engine.ollama_install import upload  # hashing is not on the way to a first token

        plan = await upload(self._http, self._where, gguf, progress)
        old = cuts_silently(await self.version())
        template = plan.template if old else ""
        await self._admin.create(name, {"model.gguf": plan.digest}, template, plan.parameters, progress)
        installed = next((m for m in await self.models() if m.name == full_name(name)), None)
        if installed is None:
            raise not_a_model(gguf, "the server lists no such model")
        return installed

    async def alias(self, model: str, name: str) -> None:
        await self._admin.copy(model, name)

    async def pull(self, model: str, progress: Progress) -> None:
        """Lets the server download a model from the internet: only for a user who has allowed that."""
        from llamune.engine.ollama_pull import pull

        await pull(self._http, self._where, model, progress)

    async def remove(self, model: str) -> None:
        await self._admin.delete(model)

    async def aclose(self) -> None:
        await self._admin.aclose()

    async def _read(
        self, method: str, path: str, body: object = None, model: str = "", timeout_s: float | None = READ_TIMEOUT_S
    ) -> Any:
        with translated(self._where):
            status, data = await self._http.fetch(method, path, body, timeout_s)
        if status != 200:
            raise refusal(status, data, model)
        if not isinstance(answer := parsed(data), dict):
            raise not_ollama(self._where)
        return answer
