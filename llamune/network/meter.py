"""Measures traffic: one thread that looks at the kernel's sockets once a second (four times while an answer is made),
and is told of every socket that dies in between.

The work is bounded: the next look is put off until the last one is within its share of a core. What cannot be seen is
said (`Snapshot.problem`), never counted as nothing. Where the system tells no sockets, only the interface counters are
left; they prove nothing but silence.
"""

import logging
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from llamune.i18n import N_
from llamune.network import counts, interfaces, netlink, processes
from llamune.network.counts import ENGINE_ELSEWHERE, Count, Group, Owner, Snapshot
from llamune.network.guard import Guard
from llamune.network.ledger import Holders, Ledger
from llamune.network.netlink import LISTEN, TCP, UDP, Socket
from llamune.network.policy import Policy, Reach

IDLE_S: Final = 1.0
BUSY_S: Final = 0.25
IDLE_SHARE: Final = 0.004  # of a core; the next look waits until the last one cost no more
BUSY_SHARE: Final = 0.015
LONGEST_S: Final = 10.0
FRESH_S: Final = 2.0
NOT_STARTED: Final = N_("the measurement has not begun")
LOST: Final = N_("too much happened at once, and events were lost")
NOT_HERE: Final = N_("this system does not tell whose connection is whose")
NO_TREE: Final = N_("this kernel does not tell which processes are ours")
BROKEN: Final = N_("the measurement failed; the log says why")

log = logging.getLogger(__name__)


class Meter:
    """The measurement of one run. `start`, then `snapshot` at any time from any thread, `stop` at the end.

    Args:
        policy: tells listed destinations from the outside; may be replaced (`policy`).
        port: where the engine listens on this machine; 0 = it is on another one.
        guard: tells which sockets this process opened, also those that live for milliseconds.
        sealed: how the kernel cuts this program off, "" = it does not.
    """

    def __init__(self, policy: Policy, port: int, guard: Guard | None = None, sealed: str = "") -> None:
        self._ledger, self._port, self._guard, self._sealed = Ledger(policy), port, guard, sealed
        self._engine: processes.Engine | None = None
        self._engine_seen = False
        self._engine_problem = ""  # of any engine of this run: what could not be measured then stays unmeasured
        self._own: tuple[int, ...] = ()
        self._engine_pids: tuple[int, ...] = ()
        self._since = time.time()
        self._problem = NOT_STARTED
        self._before: interfaces.Passed | None = None
        self._snapshot = Snapshot(self._since, self._since, problem=NOT_STARTED, sealed=sealed)
        self._deaths: netlink.Deaths | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._wake = (-1, -1)
        self._stop = self._asked = False
        self.busy = False  # an answer is being made: look more often

    @property
    def policy(self) -> Policy:
        return self._ledger.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._ledger.policy = policy

    def start(self) -> None:
        """Begins to measure; a system that cannot be measured is no error, the snapshot says it."""
        if self._thread is not None:
            return
        self._since, self._problem = time.time(), ""
        with suppress(OSError):
            self._before = interfaces.passed()
        try:
            if not processes.tells_children():
                self._problem = NO_TREE if sys.platform == "linux" else NOT_HERE
            else:
                self._listen()
        except OSError as error:
            log.warning("no measurement: %s", error)
            self._problem = NOT_HERE
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        if self._thread is not None and not self._stop:
            self._stop = True
            self._nudge()
            self._thread.join(FRESH_S)
        if self._guard is not None:
            self._guard.cookies = None

    def snapshot(self) -> Snapshot:
        """What was measured at the last look. Costs nothing."""
        return self._snapshot

    def fresh(self) -> Snapshot:
        """What is measured now; waits for a look, at most two seconds. To be called in a thread."""
        with self._changed:
            before = self._snapshot.samples
            self._asked = True
            self._nudge()
            self._changed.wait_for(lambda: self._snapshot.samples > before or self._stop, FRESH_S)
        return self._snapshot

    # the thread

    def _listen(self) -> None:
        for protocol in (TCP, UDP):
            for _socket in netlink.dump(protocol):  # loads the kernel's modules, without which it tells no deaths
                break
        self._deaths = netlink.Deaths()
        if self._guard is not None:
            self._guard.cookies = deque(maxlen=10_000)

    def _nudge(self) -> None:
        with suppress(OSError):
            os.write(self._wake[1], b".")

    def _run(self) -> None:
        try:
            while not self._stop:
                began = time.thread_time()
                self._look()
                self._wait(self._pause(time.thread_time() - began))
        except Exception:
            log.exception("the meter has stopped")
            self._problem = BROKEN
            self._publish()
        finally:
            if self._deaths:
                self._deaths.close()
            for end in self._wake:
                os.close(end)

    def _pause(self, cost: float) -> float:
        wanted, share = (BUSY_S, BUSY_SHARE) if self.busy else (IDLE_S, IDLE_SHARE)
        return min(LONGEST_S, max(wanted, cost / share))

    def _wait(self, seconds: float) -> None:
        """Reads deaths until the next look is due."""
        until, was_busy = time.monotonic() + seconds, self.busy
        watched = [self._wake[0], *([self._deaths.fileno()] if self._deaths else [])]
        while not self._stop and (left := until - time.monotonic()) > 0:
            ready, _w, _x = select.select(watched, [], [], left)
            if self._wake[0] in ready:
                os.read(self._wake[0], 64)
            if len(ready) > (self._wake[0] in ready):
                self._bury()
            if self._asked or (self.busy and not was_busy):
                return

    def _bury(self) -> None:
        assert self._deaths is not None
        self._take_cookies()
        try:
            for one in self._deaths.read():
                self._ledger.died(one, time.time())
        except OSError as error:
            log.warning("events of the kernel were lost: %s", error)
            self._problem = self._problem or LOST

    def _take_cookies(self) -> None:
        if self._guard is not None and (noted := self._guard.cookies):
            self._ledger.opened([noted.popleft() for _n in range(len(noted))])

    def _look(self) -> None:
        """One look at everything; publishes what was found."""
        asked, self._asked = self._asked, False
        if self._deaths:
            sockets = [*netlink.dump(TCP), *netlink.dump(UDP)]
            self._find_engine(sockets)
            self._take_cookies()
            if asked or self._ledger.needs_holders(sockets):
                self._who_holds()
            doubtful = self._ledger.sample(sockets, time.time())
            if doubtful:
                again = {s.cookie for p in (TCP, UDP) for s in netlink.dump(p) if s.inode}
                self._ledger.confirm(doubtful & again)
            self._bury()
        self._publish()

    def _find_engine(self, sockets: list[Socket]) -> None:
        if not self._port:
            return
        listening = {s.inode for s in sockets if s.state == LISTEN and s.source_port == self._port}
        if self._engine is None or self._engine.inode not in listening:
            self._engine = processes.engine_at(self._port, sockets) if listening else None
            self._engine_seen = self._engine_seen or self._engine is not None
            self._engine_problem = self._engine_problem or (self._engine.problem if self._engine else "")
            self._who_holds()

    def _who_holds(self) -> None:
        engine = self._engine.pid if self._engine else 0
        theirs = tuple(processes.tree(engine)) if engine else ()
        if engine:
            self._engine_pids = theirs
        self._own = tuple(pid for pid in processes.tree(os.getpid()) if pid not in theirs)
        self._ledger.holders = Holders.of(
            processes.inodes(self._own), processes.inodes(theirs), self._engine, self._port
        )

    # what it tells

    def _publish(self) -> None:
        book, now = self._ledger, time.time()
        made = Snapshot(
            self._since, now, self._groups(), self._count("others", "outside"), tuple(book.contacts.values()),
            book.unknown, book.loose, self._passed(), self._problem, self._sealed, self._snapshot.samples + 1,
        )  # fmt: skip
        with self._changed:
            self._snapshot = made
            self._changed.notify_all()

    def _groups(self) -> tuple[Group, ...]:
        own = Group("llamune", self._counts("llamune"), self._own or (os.getpid(),), uid=_uid())
        if not self._port:
            return own, Group("engine", {}, by="", problem=ENGINE_ELSEWHERE)
        if not self._engine_seen:
            return (own,)
        return own, self._engine_group()

    def _engine_group(self) -> Group:
        found, counted = self._engine, self._counts("engine")
        if found is None:  # it has ended
            return Group("engine", counted, by="", problem=self._engine_problem)
        by = "pid" if found.pid else "cgroup" if found.cgroup else "uid" if found.uid else ""
        return Group("engine", counted, self._engine_pids if found.pid else (), by, found.owner, self._engine_problem)

    def _counts(self, owner: Owner) -> Mapping[Reach, Count]:
        return {reach: self._count(owner, reach) for reach in ("machine", "lan", "outside")}

    def _count(self, owner: Owner, reach: Reach) -> Count:
        ended = self._ledger.counts(owner).get(reach, counts.Count())
        connected, tried = self._ledger.open_contacts(owner, reach)
        return Count(ended.connections + connected, ended.attempts + tried, ended.sent, ended.received)

    def _passed(self) -> interfaces.Passed | None:
        if self._before is None:
            return None
        try:
            now = interfaces.passed()
        except OSError:
            return None
        return interfaces.Passed(now.sent - self._before.sent, now.received - self._before.received)


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else -1
