"""Which answer may run now: the foreground first, then the line-up, never more at once than the machine bears.

A book of places on the loop; it knows no engine. How many places there are is settled by `allowed`, from what the
engines say they hold and what the candidates need.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext

from llamune.chat import fit
from llamune.chat.lineup import Candidate
from llamune.chat.model import ModelInfo

LIMITS = range(1, 6)
DEFAULT_LIMIT = 2
Waiting = tuple[asyncio.Future[None], str, bool]  # whose turn it is, the model that it is for, and whether alone
MEMORY_SHARE = 0.75  # of the machine's memory; the rest is for prompt caches, which no engine reports


class Slots:
    """Places for answers that are being generated. `limit`, how many at once, may change at any time.

    Args:
        sign: what stands while an answer is made, so that heavy work in other processes can wait.
    """

    def __init__(self, limit: int = 1, sign: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        self.limit = limit
        self._sign = sign
        self._running = 0
        self._alone = False  # whether the one that runs wants no other beside it
        self._front = 0
        self._waiting_front: list[Waiting] = []
        self._waiting_behind: list[Waiting] = []
        self._behind_last = ""  # the model of the last background answer
        self._wanted_back: set[asyncio.Event] = set()

    @asynccontextmanager
    async def front(self, alone: bool = False) -> AsyncIterator[None]:
        """A place for an answer that the user waits for; background answers are asked to give theirs up.

        `alone`: none beside it, for what the machine could not bear beside others.
        """
        self._front += 1
        for event in self._wanted_back:
            event.set()
        try:
            async with self._place(self._waiting_front, alone=alone):
                yield
        finally:
            self._front -= 1
            self._wake()

    @asynccontextmanager
    async def behind(self, model: str = "", alone: bool = False) -> AsyncIterator[asyncio.Event]:
        """A place for a background answer, given only while nothing in the foreground runs or waits.

        Those of one model follow one another, across questions too, so that it is loaded once for all of them.

        Yields: an event that is set when the foreground wants the place back.
        """
        wanted_back = asyncio.Event()
        async with self._place(self._waiting_behind, model, alone):
            self._wanted_back.add(wanted_back)
            if self._front:  # it came between the giving of the place and this
                wanted_back.set()
            try:
                yield wanted_back
            finally:
                self._wanted_back.discard(wanted_back)

    @asynccontextmanager
    async def _place(self, line: list[Waiting], model: str = "", alone: bool = False) -> AsyncIterator[None]:
        turn = asyncio.get_running_loop().create_future()
        line.append((turn, model, alone))
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if (turn, model, alone) in line:
                line.remove((turn, model, alone))
                self._wake()
            elif turn.done() and not turn.cancelled():  # the place was given in the same moment
                self._give_back(alone)
            raise
        try:
            with self._sign():
                yield
        finally:
            self._give_back(alone)

    def _give_back(self, alone: bool) -> None:
        self._running -= 1
        self._alone = self._alone and not alone
        self._wake()

    def _wake(self) -> None:
        while self._running < max(1, self.limit) and not self._alone:
            line = self._waiting_front or ([] if self._front else self._waiting_behind)
            if not line:
                return
            turn, model, alone = chosen = self._next(line)
            if alone and self._running:
                return
            line.remove(chosen)
            self._behind_last = model or self._behind_last
            if not turn.done():
                self._running += 1
                self._alone = alone
                turn.set_result(None)

    def _next(self, line: list[Waiting]) -> Waiting:
        """The first that waits for the background model which answered last, else the first of all."""
        return next((one for one in line if one[1] and one[1] == self._behind_last), line[0])


def order(candidates: Sequence[Candidate], loaded: Sequence[str]) -> list[Candidate]:
    """Candidates by model, so that each model is loaded once: those in memory first, then as they were asked."""
    asked = list(dict.fromkeys(c.model for c in candidates))
    rank = {m: (m not in loaded, i) for i, m in enumerate(asked)}
    return sorted(candidates, key=lambda c: rank[c.model])


def need(model: ModelInfo, num_ctx: int) -> int:
    """Bytes a model takes in memory."""
    return fit.need(model, num_ctx).total


def allowed(wanted: int, needs: Mapping[str, int], memory: int) -> int:
    """How many answers may run at once: `wanted`, or fewer where the models would not fit beside one another.

    Args:
        needs: bytes by model, as `need` gives them; several presets of one model share them.
        memory: bytes of this machine; 0 = not known.
    """
    sizes = sorted(needs.values(), reverse=True)
    fitting = min(max(wanted, LIMITS[0]), LIMITS[-1])
    while fitting > 1 and memory and sum(sizes[:fitting]) > memory * MEMORY_SHARE:
        fitting -= 1
    return fitting
