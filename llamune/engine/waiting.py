"""The time between sending a request and the first byte of its answer, as events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

from llamune.chat.events import ModelLoading, PromptReading
from llamune.engine.http import Exchange

QUIET_S: Final = 0.3  # nothing came for so long: look what the server does
LOOK_AGAIN_S: Final = 0.5

State = ModelLoading | PromptReading


class Stuck(Exception):
    """No byte came within the patience; never leaves the engine."""


async def until_head(
    exchange: Exchange, doing: Callable[[], Awaitable[State | None]], patience_s: float | None = None
) -> AsyncGenerator[State]:
    """Ends when the response begins; asks `doing` only when that takes a moment, so that a fast answer pays nothing.

    Args:
        patience_s: seconds to wait for a server that has the model loaded; None = for ever.

    Raises: Stuck when they are over; what `exchange.head` raises.
    """
    head = asyncio.create_task(exchange.head())
    waited = 0.0
    try:
        last, pause = "", QUIET_S
        while not (await asyncio.wait({head}, timeout=pause))[0]:
            waited += pause
            state, pause = await _unless(head, doing), LOOK_AGAIN_S
            if patience_s is not None and waited > patience_s and isinstance(state, PromptReading):
                raise Stuck
            if state and state.kind != last:
                last = state.kind
                yield state
        await head
    finally:
        _drop(head)


async def _unless(head: asyncio.Task[int], doing: Callable[[], Awaitable[State | None]]) -> State | None:
    """What `doing` says, or None when the response is quicker: a busy server may not answer two questions."""
    looking = asyncio.ensure_future(doing())
    try:
        await asyncio.wait({head, looking}, return_when=asyncio.FIRST_COMPLETED)
        return None if head.done() else looking.result()
    finally:
        _drop(looking)


def _drop(task: asyncio.Future[Any]) -> None:
    """Ends a task of ours; what it would have raised is nobody's business."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    task.cancel()
