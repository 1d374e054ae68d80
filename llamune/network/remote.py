"""What a sealed program has of the process outside: its measurement, and the engine that it starts.

Inside nothing can be measured, because there is nothing but loopback; what the relays carry and what the engine does is
measured outside (see `outside`). Nothing is counted twice: what is reached through a relay is counted there.
"""

import asyncio
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from llamune.i18n import N_
from llamune.network.counts import Snapshot
from llamune.network.sealed import Link, current

if TYPE_CHECKING:
    from llamune.network.relay import Entry

IDLE_S: Final = 1.0
BUSY_S: Final = 0.25
NOT_STARTED: Final = N_("the measurement has not begun")
ENDED: Final = N_("the process that measures and holds the connections has ended; start Llamune again")


class Meter:
    """The measurement made outside; to be used as `meter.Meter` is."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._snapshot = Snapshot(time.time(), time.time(), problem=NOT_STARTED)
        self._thread: threading.Thread | None = None
        self._over = threading.Event()
        self.busy = False  # an answer is being made: look more often

    def start(self) -> None:
        """Begins to measure."""
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._over.set()

    def snapshot(self) -> Snapshot:
        """What was measured at the last look. Costs nothing."""
        return self._snapshot

    def fresh(self) -> Snapshot:
        """What is measured now; waits for it. To be called in a thread."""
        self._look(fresh=True)
        return self._snapshot

    def _run(self) -> None:
        while not self._link.gone:
            self._look()
            if self._over.wait(BUSY_S if self.busy else IDLE_S):
                return

    def _look(self, *, fresh: bool = False) -> None:
        try:
            found: Snapshot = self._link.ask("measure", busy=self.busy, fresh=fresh)
        except OSError:
            self._snapshot = replace(self._snapshot, problem=ENDED, until=time.time(), interfaces=None)
            return
        from llamune.network import processes  # nobody waits here

        own = tuple(processes.tree(os.getpid()))
        groups = tuple(replace(g, pids=own) if g.owner == "llamune" else g for g in found.groups)
        self._snapshot = replace(found, groups=groups)


def relays() -> "list[Entry]":
    """What the relays carried until now, by place; none where this program is not sealed. To be called in a thread."""
    link = current().link
    try:
        return link.ask("counts") if link else []
    except OSError:
        return []


class Starter:
    """Lets the engine be started, watched and stopped outside."""

    def __init__(self, link: Link) -> None:
        self._link, self._started = link, False

    async def start(self) -> None:
        """Raises OSError where it cannot be started."""
        await asyncio.to_thread(self._link.ask, "start")
        self._started = True

    async def running(self) -> bool:
        """Whether it runs, as far as anybody knows: with the process outside it has ended, too."""
        try:
            return self._started and bool(await asyncio.to_thread(self._link.ask, "running"))
        except OSError:
            return False

    async def stop(self) -> None:
        """Ends it; when the process outside has ended, that is done."""
        if self._started:
            with suppress(OSError):
                await asyncio.to_thread(self._link.ask, "stop")
