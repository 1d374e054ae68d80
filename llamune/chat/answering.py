"""One answer from its place in the line to its stored end; the same for foreground and background.

Tries again only where that can help: a full queue, an engine that was killed or out of memory (alone), a place that the
foreground took back. Everything else is an end that says why.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from llamune.chat.draft import Draft
from llamune.chat.events import AnswerFinished, AnswerQueued, Event, TextArrived
from llamune.chat.ports import ChatRequest, Engine, Store
from llamune.chat.scheduler import Slots
from llamune.chat.session import Answer, Usage
from llamune.errors import AnswerCut, EngineBusy, EngineError, LlamuneError, OutOfMemory
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.chat.seen import Checked

PAUSES = (1, 2, 4, 8, 16, 30)  # seconds before asking a full server again; the last one repeats
GIVEN_UP = 2  # how often a background answer gives its place up; the third time it keeps it
PROGRAM = "llamune"  # who answers where no model does
TRIES = 2  # for an engine that died before the first word

Learn = Callable[[ChatRequest, AnswerFinished], None]


class Answering:
    """Makes answers.

    Args:
        learn: told of every complete answer and its request.
    """

    def __init__(self, store: Store, slots: Slots, learn: Learn) -> None:
        self._store = store
        self._slots = slots
        self._learn = learn

    async def run(
        self, answer: Answer, engine: Engine, request: ChatRequest, *, behind: bool = False
    ) -> AsyncGenerator[Event]:
        """The events of one answer; its row exists, and is settled when this ends, however it ends."""
        draft = Draft(self._store, answer.id)
        try:
            async with aclosing(self._attempts(answer, engine, request, draft, behind)) as events:
                async for event in events:
                    if isinstance(event, AnswerFinished):
                        self._learn(request, event)
                        yield draft.finished(event, await _checked(answer, draft.text))
                        return
                    draft.take(event)
                    yield event
        except EngineError as error:
            yield draft.failed(error)
        finally:
            draft.close()

    async def failing(self, answer: Answer, error: LlamuneError) -> AsyncGenerator[Event]:
        """The events of an answer that cannot even be asked for."""
        yield _queued(answer)
        yield Draft(self._store, answer.id).failed(error)

    async def not_found(self, answer: Answer) -> AsyncGenerator[Event]:
        """The events of an answer for which no model is asked: the documents hold nothing on the question."""
        draft = Draft(self._store, answer.id)
        said = TextArrived(answer.id, _("Not found in {corpora}.").format(corpora=", ".join(_searched(answer))))
        draft.take(said)
        for event in (_queued(answer), said):
            yield event
        yield draft.finished(AnswerFinished(answer.id, Usage(), "not_found", PROGRAM))

    async def _attempts(
        self, answer: Answer, engine: Engine, request: ChatRequest, draft: Draft, behind: bool
    ) -> AsyncGenerator[Event]:
        yield _queued(answer)
        busy = deaths = given_up = 0
        while True:
            try:
                async with aclosing(self._once(engine, request, behind, given_up < GIVEN_UP, deaths > 0)) as events:
                    async for event in events:
                        yield event
                        if isinstance(event, AnswerFinished):
                            return
                given_up += 1
                yield _queued(answer, _("gave way to your question"))
            except EngineBusy as error:
                pause = PAUSES[min(busy, len(PAUSES) - 1)]
                busy += 1
                yield _queued(answer, _("{problem} Again in {n} s.").format(problem=error.message, n=pause))
                await asyncio.sleep(pause)
            except (OutOfMemory, AnswerCut) as error:
                deaths += 1
                if draft.begun or deaths >= TRIES:
                    raise
                yield _queued(answer, _("{problem} Once more, alone.").format(problem=error.message))
            draft.restart()

    async def _once(
        self, engine: Engine, request: ChatRequest, behind: bool, gives_way: bool, alone: bool
    ) -> AsyncGenerator[Event]:
        """One request in one place; ends without an AnswerFinished when the place was wanted back."""
        if not behind:
            async with self._slots.front(alone), aclosing(engine.chat(request)) as stream:
                async for event in stream:
                    yield event
            return
        async with self._slots.behind(request.model, alone) as wanted_back, aclosing(engine.chat(request)) as stream:
            async for event in _until(stream, wanted_back) if gives_way else stream:
                yield event


async def _until(stream: AsyncGenerator[Event], stop: asyncio.Event) -> AsyncIterator[Event]:
    """The events of a stream until `stop` is set, even while the next one is waited for."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set():
            step = asyncio.ensure_future(anext(stream, None))
            try:
                await asyncio.wait({step, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not step.done():
                    step.cancel()
                    await asyncio.gather(step, return_exceptions=True)
            if step.cancelled() or (event := step.result()) is None:
                return
            yield event
    finally:
        stopped.cancel()


async def _checked(answer: Answer, text: str) -> "Checked | None":
    """What became of the citations of an answer that saw passages."""
    if not answer.seen or not answer.seen.passages:
        return None
    from llamune.chat.citations import check  # only where there are some

    return await asyncio.to_thread(check, text, answer.seen)


def _searched(answer: Answer) -> tuple[str, ...]:
    return answer.seen.corpora if answer.seen else ()


def _queued(answer: Answer, why: str = "") -> AnswerQueued:
    return AnswerQueued(answer.id, answer.letter, answer.model, answer.how, why)
