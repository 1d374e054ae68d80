"""The time between sending a request and the first byte of its answer, as events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from llamune.chat.events import ModelLoading, PromptReading
from llamune.engine.http import Exchange

QUIET_S: Final = 0.3  # nothing came for so long: look what the server does
LOOK_AGAIN_S: Final = 0.5

State = ModelLoading | PromptReading


async def until_head(exchange: Exchange, doing: Callable[[], Awaitable[State | None]]) -> AsyncGenerator[State]:
    """Ends when the response begins; asks `doing` only when that takes a moment, so that a fast answer pays nothing.

    Raises: what `exchange.head` raises.
    """
    head = asyncio.create_task(exchange.head())
    try:
        last, pause = "", QUIET_S
        while not (await asyncio.wait({head}, timeout=pause))[0]:
            state, pause = await doing(), LOOK_AGAIN_S
            if state and state.kind != last and not head.done():
                last = state.kind
                yield state
        await head
    finally:
        head.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, whoever left
        head.cancel()
