"""Several answer streams in one scope: events of all of them as one stream, each can be stopped alone.

Leaving the block, in any way, stops and closes every stream. Knows nothing of stores, engines or screens.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from types import TracebackType

from llamune.chat.events import ENDS, AnswerCancelled, AnswerFailed, Event
from llamune.errors import LlamuneError
from llamune.i18n import _

log = logging.getLogger(__name__)


class Running:
    """The answers of one turn while they are made.

    Args:
        streams: answer id → its stream of events; each is consumed in a task of its own.
    """

    def __init__(self, streams: Mapping[int, AsyncGenerator[Event]]) -> None:
        self._streams = dict(streams)
        self._tasks: dict[int, asyncio.Task[Event | None]] = {}
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    async def __aenter__(self) -> "Running":
        for answer_id, stream in self._streams.items():
            task = asyncio.create_task(self._pump(answer_id, stream), name=f"answer {answer_id}")
            task.add_done_callback(lambda done, i=answer_id: self._events.put_nowait(_end(i, done)))  # type: ignore[misc]
            self._tasks[answer_id] = task
        await asyncio.sleep(0)  # a task cancelled before its first step would leave its stream unopened and unstored
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def __aiter__(self) -> AsyncIterator[Event]:
        left = len(self._tasks)
        while left:
            event = await self._events.get()
            left -= isinstance(event, ENDS)
            yield event

    @property
    def ids(self) -> tuple[int, ...]:
        """All answers: one that cannot be asked for may have ended before the first event is read."""
        return tuple(self._streams)

    def stop(self, answer_id: int | None = None) -> None:
        """Stops one answer, or all; their AnswerCancelled follows in the stream."""
        for i, task in self._tasks.items():
            if answer_id in (None, i):
                task.cancel()

    async def _pump(self, answer_id: int, stream: AsyncGenerator[Event]) -> Event | None:
        """Passes events on; the end is held back until the stream is closed, so that an end really is one."""
        end: Event | None = None
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, ENDS):
                    end = event
                else:
                    self._events.put_nowait(event)
        return end


def _end(answer_id: int, task: "asyncio.Task[Event | None]") -> Event:
    """How an answer's task ended, as its last event."""
    if task.cancelled():
        return AnswerCancelled(answer_id)
    match task.exception():
        case None:
            return task.result() or AnswerCancelled(answer_id)
        case LlamuneError() as error:
            return AnswerFailed(answer_id, error.message, error.hint, error.exit_code)
        case error:
            log.error("answer %s", answer_id, exc_info=error)
            return AnswerFailed(answer_id, _("Something unexpected went wrong."), _("The log file has the details."), 1)
