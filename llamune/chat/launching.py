"""From a plan to running answers: a row for each candidate, and its stream.

What is asked was settled by planning.py; how one answer is made is answering.py's. It decides nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import replace

from llamune.chat.answering import PROGRAM, Answering
from llamune.chat.context import checksum
from llamune.chat.events import Event
from llamune.chat.fanout import Running
from llamune.chat.planning import Planned
from llamune.chat.ports import Store
from llamune.chat.preset import SamplingOptions
from llamune.chat.scheduler import order
from llamune.chat.session import Answer, Turn
from llamune.errors import EngineError


class Launcher:
    """Starts the answers of a turn."""

    def __init__(self, store: Store, answering: Answering) -> None:
        self._store, self._answering = store, answering

    async def run(self, turn: Turn, plan: Sequence[Planned], *, adopted: bool, behind: bool = False) -> Running:
        """Rows in the order asked, so that letters follow it; streams by model, those in memory first."""
        made: list[tuple[Answer, Planned]] = []
        try:
            for planned in plan:
                made.append((self._row(turn, planned, adopted), planned))
                if len(plan) > 1:
                    await asyncio.sleep(0)  # thirty rows in one step would be felt at the prompt
            loaded = await self._loaded(plan) if len(plan) > 1 else ()
        except asyncio.CancelledError:
            for answer, _planned in made:
                self._store.finish(answer.id, "cancelled", text="")
            raise
        rank = {c.model: n for n, c in enumerate(order([p.candidate for p in plan], loaded))}
        made.sort(key=lambda one: rank[one[1].candidate.model])
        return Running({answer.id: self._stream(answer, planned, behind) for answer, planned in made})

    async def _loaded(self, plan: Sequence[Planned]) -> list[str]:
        """What the engines of a plan hold in memory, as far as they say."""
        names: list[str] = []
        for engine in {planned.engine.name: planned.engine for planned in plan if planned.engine}.values():
            with suppress(EngineError):
                names += [model.name for model in await engine.loaded()]
        return names

    def _row(self, turn: Turn, planned: Planned, adopted: bool) -> Answer:
        candidate, request = planned.candidate, planned.request
        return self._store.add_answer(
            turn.id,
            model=request.model if request else PROGRAM if planned.needless else candidate.model,
            preset=candidate.preset,
            options=request.options if request else SamplingOptions(seed=candidate.seed),
            engine=planned.engine.name if planned.engine else "",
            adopted=adopted,
            knowledge=candidate.knowledge,
            seen=planned.seen,
            checksum=checksum(request.messages) if request else 0,
        )

    def _stream(self, answer: Answer, planned: Planned, behind: bool) -> AsyncGenerator[Event]:
        if planned.needless:
            return self._answering.not_found(answer)
        if planned.engine is None or planned.request is None:
            return self._answering.failing(answer, planned.error or EngineError(""))
        request = replace(planned.request, answer_id=answer.id)
        return self._answering.run(answer, planned.engine, request, behind=behind)
