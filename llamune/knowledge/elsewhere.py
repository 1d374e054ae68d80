"""Work in a thread with an event loop of its own, so that the loop of the chat is free for its user.

Models stay on the loop they were opened on: what the work asks of them is asked there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from llamune.chat.model import ModelInfo
from llamune.knowledge.embedders.ollama import Models, Source

T = TypeVar("T")


async def elsewhere(work: Callable[[Models | None], Coroutine[None, None, None]], models: Models | None) -> None:
    """Does `work` in a thread. When this is cancelled, the work is, and its end is waited for, however often."""
    here, left = asyncio.get_running_loop(), Future[None]()

    async def run() -> None:
        there, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stop = task.cancel

        def leave(_left: object) -> None:
            with suppress(RuntimeError):  # it has ended by itself meanwhile
                there.call_soon_threadsafe(stop)

        left.add_done_callback(leave)
        await work(Far(models, here) if models else None)

    thread = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(run())))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        left.set_result(None)
        while not thread.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([thread])
        raise


class Far:
    """Models and an engine of another loop. Waiting for them blocks neither loop."""

    def __init__(self, models: Models, loop: asyncio.AbstractEventLoop) -> None:
        self._models, self._loop = models, loop

    async def find(self, name: str) -> tuple[Source, ModelInfo]:
        engine, info = await _asked(self._models.find(name), self._loop)
        return FarSource(engine, self._loop), info


class FarSource:
    """An engine of another loop."""

    def __init__(self, engine: Source, loop: asyncio.AbstractEventLoop) -> None:
        self._engine, self._loop = engine, loop

    async def find(self, name: str) -> ModelInfo | None:
        return await _asked(self._engine.find(name), self._loop)

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        return await _asked(self._engine.embed(model, texts), self._loop)


async def _asked(question: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, loop))
