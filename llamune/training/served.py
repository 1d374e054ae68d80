"""A GGUF file in a llama.cpp process of its own, for everything that must be exactly as at inference.

That is the chat template, the tokenizer, greedy answers and their log-probabilities.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from llamune.chat.events import Event
from llamune.chat.message import Message
from llamune.engine import child
from llamune.engine.embedded_wire import texts
from llamune.engine.http import HttpError, allow_all, parsed
from llamune.engine.registry import Registered
from llamune.engine.sse import SseObjects
from llamune.errors import TrainingError
from llamune.i18n import _

MARK = "ZQXJ"  # stands for an answer; a text that no template changes
GREEDY = {"temperature": 0, "cache_prompt": True}
NEVER = -1000.0
TOP = 20  # log-probabilities of each step


class Served:
    """A running file; made by `serving`. Methods raise TrainingError when the process has died."""

    def __init__(self, process: child.Child) -> None:
        self._process = process

    async def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The token numbers that the model sees before it answers the last message."""
        asked = [{"role": m.role, "content": m.content} for m in messages]
        text = (await self._ask("/apply-template", {"messages": asked}))["prompt"]
        found: list[int] = (
            await self._ask("/tokenize", {"content": text, "add_special": True, "parse_special": True})
        )["tokens"]
        return found

    async def ending(self) -> list[int]:
        """The token that ends an answer: what the template puts between an answer and the next question."""
        asked = [("user", "a"), ("assistant", MARK), ("user", "b")]
        body = {"messages": [{"role": role, "content": content} for role, content in asked]}
        rest = str((await self._ask("/apply-template", body))["prompt"]).partition(MARK)[2]
        found = (await self._ask("/tokenize", {"content": rest, "add_special": False, "parse_special": True}))["tokens"]
        if not found:
            raise TrainingError(_("The chat template of the base does not say how an answer ends."))
        return [int(found[0])]

    async def tokens(self, text: str) -> list[int]:
        """The token numbers of a plain text; marks of the template that stand in it stay plain text."""
        found: list[int] = (
            await self._ask("/tokenize", {"content": text, "add_special": False, "parse_special": False})
        )["tokens"]
        return found

    async def text(self, tokens: Sequence[int]) -> str:
        """The text of token numbers."""
        return str((await self._ask("/detokenize", {"tokens": list(tokens)}))["content"])

    async def answer(self, tokens: Sequence[int], length: int) -> str:
        """The greedy answer after a prompt."""
        return str((await self._ask("/completion", {**GREEDY, "prompt": list(tokens), "n_predict": length}))["content"])

    async def streamed(
        self, messages: Sequence[Message], length: int, strengths: Sequence[float]
    ) -> AsyncGenerator[Event]:
        """The texts of the greedy answer as they come, with each adapter at its strength."""
        asked = [{"role": m.role, "content": m.content} for m in messages]
        body = {"messages": asked, "stream": True, "max_tokens": length, **_with(strengths)}
        try:
            async with self._process.http.request("POST", "/v1/chat/completions", body) as exchange:
                if await exchange.head() != 200:
                    raise _refused("/v1/chat/completions", parsed(await exchange.read()))
                objects = SseObjects()
                async with aclosing(exchange.pieces()) as pieces:
                    async for piece in pieces:
                        for chunk in objects.feed(piece):
                            for event in texts(0, chunk):
                                yield event
        except HttpError as error:
            raise _died() from error

    async def next(self, tokens: Sequence[int], strengths: Sequence[float] = ()) -> dict[int, float]:
        """The likeliest next tokens with their log-probabilities; empty where llama.cpp tells none, which is so when
        the likeliest is only part of a character.

        Args:
            strengths: of the adapters, where the file is served with some.
        """
        body = {**_with(strengths), "prompt": list(tokens), "n_predict": 1, "n_probs": TOP}
        found = await self._ask("/completion", body)
        steps = found.get("completion_probabilities") or [{"top_logprobs": []}]
        return {int(t["id"]): _number(t["logprob"]) for t in steps[0]["top_logprobs"]}

    async def _ask(self, path: str, body: dict[str, Any]) -> Any:
        try:
            status, data = await self._process.http.fetch("POST", path, body, None)
        except HttpError as error:
            raise _died() from error
        answer = parsed(data)
        if status != 200 or not isinstance(answer, dict):
            raise _refused(path, answer)
        return answer


def _with(strengths: Sequence[float]) -> Mapping[str, Any]:
    """Greedy, with adapters: what is cached was computed at other strengths."""
    added = [{"id": n, "scale": strength} for n, strength in enumerate(strengths)]
    return {**GREEDY, "lora": added, "cache_prompt": False} if added else GREEDY


def _died() -> TrainingError:
    return TrainingError(_("The process of the built-in model has ended."))


def _refused(path: str, answer: object) -> TrainingError:
    return TrainingError(_("llama.cpp refused {path}: {answer}").format(path=path, answer=str(answer)[:200]))


def _number(logprob: float | None) -> float:
    """Weights that have run away have no log-probability: it counts as one that no other is near to."""
    return NEVER if logprob is None else logprob


@asynccontextmanager
async def serving(path: Path, num_ctx: int, adapters: Sequence[Path] = ()) -> AsyncIterator[Served]:
    """The file, loaded, with LoRA adapters beside it that do nothing until a strength is given. Raises EngineError,
    OutOfMemory."""
    stat = await asyncio.to_thread(path.stat)
    entry = Registered(path.name, str(path), "", stat.st_size, stat.st_mtime_ns)
    process = await child.start(entry, num_ctx, 0, allow_all, adapters)  # loopback, and the key is ours alone
    try:
        yield Served(process)
    finally:
        await process.stop()
