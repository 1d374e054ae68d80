"""The bookkeeping of the meter: whose every socket is, where it goes, and what it carried. No clock, no system calls.

It is fed what the kernel tells (`netlink.Socket`) and who holds which socket. A socket is followed by its cookie from
the first sight to its death; one that was never seen alive has no owner, unless the guard opened it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from llamune.network.counts import Contact, Count, Owner
from llamune.network.netlink import LISTEN, SYN_SENT, TCP, UDP, Socket
from llamune.network.policy import DNS, Policy, Reach, is_here, unmapped
from llamune.network.processes import Engine

OURS: tuple[Owner, ...] = ("llamune", "engine")
KEPT_CONTACTS = 300
KEPT_COOKIES = 4096
KEPT_DEAD = 20_000
UNSEEN = 3  # samples without a socket and without its death until it is given up
CLOSED = 7  # the state of a socket that is no more

End = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds which sockets now: inodes, and the marks of an engine whose processes cannot be seen."""

    own: frozenset[int] = frozenset()
    engine: frozenset[int] = frozenset()
    engine_cgroup: int = 0
    engine_uid: int = 0
    engine_port: int = 0

    @classmethod
    def of(cls, own: Iterable[int], engine_inodes: Iterable[int], engine: Engine | None, port: int) -> "Holders":
        marks = (engine.cgroup, engine.uid, port) if engine else (0, 0, 0)
        return cls(frozenset(own), frozenset(engine_inodes), *marks)


@dataclass(slots=True)
class Entry:
    """One socket that is being followed."""

    owner: Owner
    reach: Reach
    where: str
    sent: int = 0
    received: int = 0
    established: bool = False
    twin: bool = False  # the other end of it is counted already
    loose: bool = False
    unseen: int = 0
    told: bool = False  # counted as a contact


@dataclass(slots=True)
class Sum:
    connections: int = 0
    attempts: int = 0
    sent: int = 0
    received: int = 0

    def value(self) -> Count:
        return Count(self.connections, self.attempts, self.sent, self.received)


@dataclass(slots=True)
class Ledger:
    """All accounts of one measurement. `policy` may be replaced at any time."""

    policy: Policy
    holders: Holders = field(default_factory=Holders)
    unknown_dead: int = 0
    loose_dead: int = 0
    contacts: dict[tuple[Owner, str, Reach], Contact] = field(default_factory=dict)
    _live: dict[int, Entry] = field(default_factory=dict)
    _sums: dict[tuple[Owner, Reach], Sum] = field(default_factory=dict)
    _ours: dict[int, None] = field(default_factory=dict)  # cookies of sockets that the guard saw being connected
    _pairs: dict[tuple[Owner, End, End], int] = field(default_factory=dict)
    _dead: dict[int, None] = field(default_factory=dict)  # a list that was begun before a death may still hold it
    _begun: bool = False

    def opened(self, cookies: Iterable[int]) -> None:
        """These sockets are of this program: the guard saw it."""
        for cookie in cookies:
            self._ours[cookie] = None
        _shorten(self._ours, KEPT_COOKIES)

    def needs_holders(self, sockets: Iterable[Socket]) -> bool:
        """Whether the owner of some socket has to be looked up: one is new, or goes elsewhere and is not ours."""
        for one in sockets:
            entry = self._live.get(one.cookie)
            if (
                one.state != LISTEN
                and one.cookie not in self._dead
                and (entry is None or (entry.reach == "outside" and entry.owner not in OURS))
            ):
                return True
        return False

    def sample(self, sockets: Iterable[Socket], now: float) -> set[int]:
        """Takes all living sockets. Returns the cookies of those that seem to be other programs' (see `confirm`)."""
        doubtful: set[int] = set()
        seen: set[int] = set()
        for one in sockets:
            if one.state == LISTEN or one.cookie in self._dead or _remains(one) or _nowhere(one):
                continue
            seen.add(one.cookie)
            entry = self._live.get(one.cookie) or self._begin(one)
            if entry.owner not in OURS and (entry.owner == "unknown" or entry.reach != "machine"):
                self._judge(one, entry, doubtful)
            self._count(one, entry)
            self._tell(entry, now)
        self._begun = True
        self._forget(seen, now)
        return doubtful

    def confirm(self, cookies: Iterable[int]) -> None:
        """These were alive before and after our sockets were listed, and were not among them: they are others'."""
        for cookie in cookies:
            if (entry := self._live.get(cookie)) and entry.owner == "unknown":
                entry.owner = "others"

    def died(self, one: Socket, now: float) -> None:
        """A socket is no more."""
        self._dead[one.cookie] = None
        _shorten(self._dead, KEPT_DEAD)
        entry = self._live.pop(one.cookie, None)
        if entry is None:
            if _nowhere(one):
                return
            entry = self._begin(replace(one, inode=0))
            self._judge(one, entry, set())
            self._live.pop(one.cookie)
        self._count(one, entry)
        self._end(entry, now)
        self._ours.pop(one.cookie, None)

    @property
    def unknown(self) -> int:
        """Contacts with the outside whose owner is not known, dead or alive."""
        return self.unknown_dead + sum(
            e.owner == "unknown" and e.reach == "outside" and not e.loose for e in self._live.values()
        )

    @property
    def loose(self) -> int:
        """UDP sockets of ours, the engine's or nobody known that could have sent anywhere."""
        return self.loose_dead + sum(e.loose and e.owner in OURS for e in self._live.values())

    def counts(self, owner: Owner) -> Mapping[Reach, Count]:
        """An owner's accounts, by class of destination."""
        return {reach: total.value() for (who, reach), total in self._sums.items() if who == owner}

    # inside

    def _begin(self, one: Socket) -> Entry:
        target = unmapped(one.target)
        loose = one.protocol == UDP and not one.target_port and is_here(target)
        reach: Reach = "outside" if loose else self.policy.reach(target, one.target_port)
        if unmapped(one.source) == target and not loose:
            reach = "machine"  # to one of its own addresses
        entry = Entry("unknown", reach, written(target, one.target_port), loose=loose)
        if not self._begun and one.state != SYN_SENT:  # what it carried before we looked is not ours to count
            entry.sent, entry.received = _payload(one)
        self._live[one.cookie] = entry
        return entry

    def _judge(self, one: Socket, entry: Entry, doubtful: set[int]) -> None:
        """Settles the owner, if that is possible now."""
        if owner := self._owner(one, entry):
            entry.owner = owner
            if one.target_port == DNS and entry.reach == "machine":  # a resolver here asks elsewhere for us
                entry.reach = "lan" if owner == "llamune" and self.policy.names else "outside"
            if entry.reach == "machine":
                ends = (unmapped(one.source), one.source_port), (unmapped(one.target), one.target_port)
                entry.twin = self._pairs.setdefault((owner, *sorted(ends)), one.cookie) != one.cookie  # type: ignore[arg-type]
        elif one.inode and entry.reach == "machine":
            entry.owner = "others"
        elif one.inode and entry.owner == "unknown":
            doubtful.add(one.cookie)

    def _owner(self, one: Socket, entry: Entry) -> Owner | None:
        held = self.holders
        if one.inode and one.inode in held.engine:
            return "engine"
        if one.cookie in self._ours or (one.inode and one.inode in held.own):
            return "llamune"
        if held.engine_cgroup and one.cgroup == held.engine_cgroup:
            return "engine"
        if held.engine_uid and one.uid == held.engine_uid:
            return "engine"
        if held.engine_port and one.source_port == held.engine_port and entry.reach == "machine":
            return "engine"
        return None

    def _count(self, one: Socket, entry: Entry) -> None:
        total = self._sums.setdefault((entry.owner, entry.reach), Sum())
        sent, received = _payload(one)
        if not entry.established and one.protocol == TCP and (one.state not in (SYN_SENT, CLOSED) or sent or received):
            entry.established = True
        if not entry.twin:
            total.sent += max(0, sent - entry.sent)
            total.received += max(0, received - entry.received)
        entry.sent, entry.received = max(sent, entry.sent), max(received, entry.received)

    def _tell(self, entry: Entry, now: float) -> None:
        """Remembers with whom ours, the engine or nobody known had to do elsewhere."""
        if entry.told or entry.reach == "machine" or entry.loose or entry.owner not in OURS:
            return
        entry.told = True
        self._contact(entry, now)

    def _contact(self, entry: Entry, now: float) -> None:
        key = (entry.owner, entry.where, entry.reach)
        old = self.contacts.get(key)
        self.contacts[key] = Contact(*key, old.times + 1 if old else 1, old.first if old else now, now)
        if len(self.contacts) > KEPT_CONTACTS:  # those of ours with the outside are never forgotten
            spare = (k for k in self.contacts if k[0] == "unknown" or k[2] != "outside")
            del self.contacts[next(spare, next(iter(self.contacts)))]

    def _end(self, entry: Entry, now: float) -> None:
        if entry.loose:
            self.loose_dead += entry.owner != "others"
            return
        total = self._sums.setdefault((entry.owner, entry.reach), Sum())
        if not entry.twin:
            total.connections += entry.established
            total.attempts += not entry.established
        if entry.owner == "unknown" and entry.reach == "outside":
            self.unknown_dead += 1
            self._contact(entry, now)
        self._tell(entry, now)

    def _forget(self, seen: set[int], now: float) -> None:
        """Gives up sockets that are gone although nobody told of their death."""
        for cookie in [c for c in self._live if c not in seen]:
            entry = self._live[cookie]
            entry.unseen += 1
            if entry.unseen > UNSEEN:
                self._end(self._live.pop(cookie), now)
        for cookie in seen:
            self._live[cookie].unseen = 0
        self._pairs = {key: cookie for key, cookie in self._pairs.items() if cookie in self._live}

    def open_contacts(self, owner: Owner, reach: Reach) -> tuple[int, int]:
        """Living (connections, attempts) of an owner, which the accounts get when they end."""
        mine = [e for e in self._live.values() if e.owner == owner and e.reach == reach and not (e.twin or e.loose)]
        connected = sum(e.established for e in mine)
        return connected, len(mine) - connected


def _shorten(cookies: dict[int, None], size: int) -> None:
    """Forgets the oldest."""
    while len(cookies) > size:
        del cookies[next(iter(cookies))]


def _remains(one: Socket) -> bool:
    """What the kernel keeps of a connection that ended, or has not begun: it has a cookie of its own and no figures,
    and the connection itself is told apart from it."""
    return one.protocol == TCP and one.sent is None


def _nowhere(one: Socket) -> bool:
    """Sockets that go nowhere: never bound or connected, or UDP that only this machine reaches."""
    bare = not any(unmapped(one.target)) and not one.target_port
    if one.protocol == TCP:
        return bare or not any(one.target)
    here = any(one.source) and is_here(unmapped(one.source))
    return bare and (here or not one.source_port)


def _payload(one: Socket) -> tuple[int, int]:
    """Sent and received payload: the kernel counts the opening and the closing of a connection as one byte each."""
    if one.sent is None or one.received is None:
        return 0, 0
    extra = 1 if one.state in (1, SYN_SENT, 3) else 2
    return max(0, one.sent - extra), max(0, one.received - (extra - 1))


def written(address: bytes, port: int) -> str:
    """ "192.0.2.1:80" or "[2001:db8::1]:80"."""
    import socket

    if len(address) == 4:
        return f"{socket.inet_ntop(socket.AF_INET, address)}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"
