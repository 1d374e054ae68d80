"""What the meter gives: values that say what was measured, what was not, and why. They claim nothing by themselves
but `Snapshot.verdict`, the one place where "nothing went out" is decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llamune.i18n import N_
from llamune.network.interfaces import Passed
from llamune.network.policy import Reach

ENGINE_ELSEWHERE = N_("the engine runs on another machine")
Owner = Literal["llamune", "engine", "others", "unknown"]
Verdict = Literal["out", "unmeasured", "unknown", "clean"]


@dataclass(frozen=True, slots=True)
class Count:
    """Traffic of one owner with one class of destinations.

    Args:
        connections: that were established; attempts: that were not seen to be, and connected UDP sockets, whose bytes
            nobody counts. Each of them left this machine if its destination is elsewhere, so neither is ever "0 B".
        sent, received: TCP payload in bytes, without headers and repetitions.
    """

    connections: int = 0
    attempts: int = 0
    sent: int = 0
    received: int = 0

    @property
    def payload(self) -> int:
        return self.sent + self.received

    @property
    def tries(self) -> int:
        return self.connections + self.attempts


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody elsewhere with whom an owner had to do. `where` is "address:port"; `first`, `last` epoch seconds."""

    owner: Owner
    where: str
    reach: Reach
    times: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Group:
    """A group of processes that is answered for.

    Args:
        owner: "llamune" (this program and its children) or "engine" (the Ollama server and its runners).
        pids: of its processes, where they can be seen.
        by: how its sockets were told: "pid", "cgroup" or "uid"; "" = not at all.
        uid: the user it runs as, -1 = not known.
        problem: why it was not measured (English, marked for translation), "" = it was.
    """

    owner: Owner
    counts: Mapping[Reach, Count]
    pids: tuple[int, ...] = ()
    by: str = "pid"
    uid: int = -1
    problem: str = ""

    def count(self, reach: Reach) -> Count:
        return self.counts.get(reach, Count())


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything measured from `since` to `until` (epoch seconds).

    Args:
        contacts: destinations elsewhere of ours and of nobody known, newest last.
        unknown: contacts with the outside whose owner could not be found.
        loose: UDP sockets of ours or the engine's that can send anywhere without being seen to.
        interfaces: bytes through the machine's interfaces since the start; None = not known.
        problem: why nothing can be said in all (English, marked for translation); "" = it was measured.
        sealed: how this program is cut off from the network by the kernel ("namespace", "seccomp"), "" = it is not.
    """

    since: float
    until: float
    groups: tuple[Group, ...] = ()
    others: Count = Count()
    contacts: tuple[Contact, ...] = ()
    unknown: int = 0
    loose: int = 0
    interfaces: Passed | None = None
    problem: str = ""
    sealed: str = ""
    samples: int = field(default=0, compare=False)

    @property
    def out(self) -> tuple[Contact, ...]:
        """Contacts of ours or the engine's with the outside."""
        return tuple(c for c in self.contacts if c.reach == "outside" and c.owner in ("llamune", "engine"))

    @property
    def silent(self) -> bool:
        """Whether not one byte left this machine, whoever might have sent it."""
        return self.interfaces is not None and self.interfaces.sent == 0

    @property
    def reason(self) -> str:
        """Why it is not measured: of all, or of the first group that was not."""
        return self.problem or next((g.problem for g in self.groups if g.problem), "")

    @property
    def verdict(self) -> Verdict:
        """What can be said: "out" = something of ours went out or tried to, "clean" = nothing did, and that is known.

        Where no interface carried a byte, nothing can have gone out, whatever else could not be seen.
        """
        if self.out:
            return "out"
        if self.samples and self.silent:
            return "clean"
        if self.reason or not self.samples:
            return "unmeasured"
        return "unknown" if self.doubts else "clean"

    @property
    def doubts(self) -> int:
        """Contacts with the outside that might be ours; a sealed program has none of those whose owner is unknown."""
        return self.loose + (0 if self.sealed else self.unknown)
