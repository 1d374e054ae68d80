"""The place of one model in memory: its child process, who uses it, and when it goes.

A child is started for the first user, shared by all, and never ended under somebody: a request with another context
length waits until the others are through. Unused for a while, it is ended.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from llamune.engine.child import Child, start
from llamune.engine.http import Check
from llamune.engine.registry import Registered


class Slot:
    """One model's place.

    Args:
        threads: for llama.cpp, 0 = sensible.
        idle_s: seconds unused after which the model leaves memory; 0 = never.
    """

    def __init__(self, threads: int, idle_s: float, check: Check) -> None:
        self._threads, self._idle_s, self._check = threads, idle_s, check
        self._child: Child | None = None
        self._users = 0
        self._leave = False
        self._free = asyncio.Event()
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self.entry: Registered | None = None

    @property
    def child(self) -> Child | None:
        """The living child, if there is one."""
        return self._child if self._child and self._child.alive else None

    def ready(self, entry: Registered, num_ctx: int) -> bool:
        """Whether a request needs no load."""
        return self.child is not None and self.child.num_ctx == num_ctx and self.entry == entry

    @asynccontextmanager
    async def use(self, entry: Registered, num_ctx: int) -> AsyncIterator[Child]:
        """The child with that file and context, loaded first where needed. Raises EngineError, OutOfMemory."""
        async with self._turn:
            if not self.ready(entry, num_ctx):
                await self._wait_until_free()
                await self._end()
                self._child, self.entry = await start(entry, num_ctx, self._threads, self._check), entry
            child = self._child
            assert child is not None
            self._begin_use()
        try:
            yield child
        finally:
            self._end_use()

    def release(self) -> None:
        """Ends the child now, or as soon as nobody uses it."""
        self._leave = True
        if not self._users:
            self._end_later()

    async def aclose(self) -> None:
        """Ends the child, used or not."""
        self._cancel_timer()
        await self._end()
        await asyncio.gather(*self._ending)

    def _begin_use(self) -> None:
        self._cancel_timer()
        self._users += 1
        self._leave = False
        self._free.clear()

    def _end_use(self) -> None:
        self._users -= 1
        if self._users:
            return
        self._free.set()
        if self._leave:
            self._end_later()
        elif self._idle_s:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self.release)

    async def _wait_until_free(self) -> None:
        while self._users and self.child:
            await self._free.wait()

    def _end_later(self) -> None:
        child, self._child = self._child, None  # now: whoever comes next must not be given it any more
        if child:
            task = asyncio.get_running_loop().create_task(child.stop())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            await child.stop()

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
