"""Writes down what happened on the network: starts and ends, whom was called how often, what was refused, which server
and models answered, and what could not be measured. No word of any conversation.

One thread beside the program looks every few seconds whether there is something new. It never stops the program: where
the log cannot be written, `problem` says why, what is to be said waits, and a line about the gap comes first later.
"""

import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llamune import __version__
from llamune.network.chain import Facts, Place
from llamune.network.counts import Snapshot
from llamune.network.guard import Guard
from llamune.network.policy import Policy
from llamune.network.signing import Signed

EVERY_S = 5.0
ALIVE_S = 600.0  # so often it says that it still looks
WAITING = 1000  # entries that wait for a disk
AT_ONCE = 100  # refusals told in one look
LONGEST = 300  # characters of a name
DESTINATIONS = 40

log = logging.getLogger(__name__)


class Recorder:
    """The evidence of one run.

    Args:
        folder: of the log, its head and the key.
        guard: whose refusals are told; None = there is no guard, which is told, too.
    """

    def __init__(self, folder: Path, guard: Guard | None) -> None:
        self._signed, self._guard = Signed(folder), guard
        self._run = f"{os.getpid()}-{os.urandom(3).hex()}"
        self._waiting: list[Facts] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._noted: dict[str, Facts] = {}
        self._refused: Counter[tuple[str, str, str]] = Counter()
        self._guard_seen: tuple[int, int] = (0, 0)
        self._traffic: tuple[object, float] = (None, 0.0)
        self._failed_since = 0.0
        self.problem = ""  # why nothing is being written, "" = it is

    def start(self, command: str, policy: Policy, snapshot: Callable[[], Snapshot]) -> None:
        """Writes the beginning, and looks from now on. To be called in a thread; signs later, behind the first use.

        Args:
            snapshot: gives the last measurement.
        """
        self._begin("start", command, policy)
        self._write()
        self._thread = threading.Thread(target=self._watch, args=(snapshot,), name="evidence", daemon=True)
        self._thread.start()

    def once(self, command: str, policy: Policy) -> None:
        """The one entry of a program too short to be measured. Signed with the next longer one."""
        self._begin("once", command, policy)
        self._tell_refusals()
        self._write()

    def note(self, kind: str, about: str = "", **facts: Any) -> None:
        """Something to be written down soon; the same about the same again is left out."""
        if self._noted.get(kind + about) != facts:
            self._noted[kind + about] = facts
            self._add({"kind": kind, **facts})

    def stop(self, last: Snapshot) -> Place | None:
        """Writes the end, and signs. To be called in a thread.

        Returns: how far the log goes, to be noted elsewhere; None where nothing was begun or it cannot be written.
        """
        if self._thread is None:
            return None
        self._over.set()
        self._thread.join()
        self._thread = None
        self._tell_refusals()
        self._add({"kind": "end", **_measured(last)})
        return self._write(sign=True)

    # inside

    def _begin(self, kind: str, command: str, policy: Policy) -> None:
        system = f"{os.uname().sysname} {os.uname().release}" if hasattr(os, "uname") else sys.platform
        facts = {"version": __version__, "python": sys.version.split()[0], "system": system}
        guarded = self._guard is not None
        self._add({"kind": kind, "command": command, **facts, "guard": guarded, "allowed": _allowed(policy)})
        if self._guard and self._guard.dropped:
            self._add({"kind": "ignored", "variables": list(self._guard.dropped)})

    def _add(self, facts: Facts) -> None:
        with self._lock:
            self._waiting.append({"run": self._run, **facts})
            del self._waiting[:-WAITING]

    def _watch(self, snapshot: Callable[[], Snapshot]) -> None:
        while not self._over.wait(EVERY_S):
            try:
                self._tell_refusals()
                self._tell_traffic(snapshot())
                if self._waiting:
                    self._write(sign=True)
            except Exception:
                log.exception("the evidence has a gap")
                self.problem = "?"

    def _tell_refusals(self) -> None:
        if self._guard is None:
            return
        try:
            size = os.stat(self._guard.log).st_size
        except OSError:
            size = 0
        seen = (self._guard.count, size)
        if seen == self._guard_seen:
            return
        now = Counter((r.who[:LONGEST], r.what, r.where[:LONGEST]) for r in self._guard.records())
        new = (now - self._refused).most_common()
        for (who, what, where), times in new[:AT_ONCE]:
            self._refused[who, what, where] += times
            self._add({"kind": "refused", "who": who, "what": what, "where": where, "times": times})
        if len(new) <= AT_ONCE:
            self._guard_seen = seen

    def _tell_traffic(self, found: Snapshot) -> None:
        """When something else is to be said than before, or nothing was said for long."""
        now = time.monotonic()
        gist = (found.verdict, found.reason, frozenset((c.owner, c.where) for c in found.contacts))
        if found.samples and (gist != self._traffic[0] or now - self._traffic[1] > ALIVE_S):
            self._traffic = (gist, now)
            self._add({"kind": "traffic", **_measured(found)})

    def _write(self, *, sign: bool = False) -> Place | None:
        with self._lock:
            told = list(self._waiting)
        gap = [{"kind": "gap", "run": self._run, "since": self._failed_since, "reason": self.problem}]
        try:
            place = self._signed.chain.append([*(gap if self._failed_since else []), *told])
            with self._lock:
                del self._waiting[: len(told)]
            self._failed_since = 0.0
            place = self._signed.sign() if sign else place
        except (OSError, ImportError) as error:
            log.warning("evidence cannot be written: %s", error)
            self._failed_since = self._failed_since or round(time.time(), 3)
            self.problem = getattr(error, "strerror", None) or str(error)
            return None
        self.problem = ""
        return place


def _allowed(policy: Policy) -> list[Facts]:
    return [
        {"host": d.host[:LONGEST], "port": d.port, "reach": d.reach, "pinned": list(d.pinned[:8])}
        for d in policy.destinations[:DESTINATIONS]
    ]


def _measured(snapshot: Snapshot) -> Facts:
    """What a snapshot says, as facts."""
    counts = {g.owner: {r: [c.connections, c.attempts, c.sent, c.received] for r, c in g.counts.items() if c.tries}
              for g in snapshot.groups}  # fmt: skip
    contacts = sorted(snapshot.contacts, key=lambda c: (c.owner == "unknown", -c.last))[:DESTINATIONS]
    return {
        "since": round(snapshot.since, 3),
        "until": round(snapshot.until, 3),
        "verdict": snapshot.verdict,
        "reason": snapshot.reason,
        "sealed": snapshot.sealed,
        "counts": counts,
        "contacts": [[c.owner, c.where, c.reach, c.times] for c in contacts],
        "unknown": snapshot.unknown + snapshot.loose,
        "interfaces": snapshot.interfaces.sent if snapshot.interfaces else None,
    }
