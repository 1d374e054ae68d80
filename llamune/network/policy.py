"""Which addresses may be called: this machine's own, and the destinations that the user listed. Nothing else.

A destination is listed by being in the settings (an Ollama server on another machine). Its name is resolved once and
pinned; when it resolves elsewhere later, the new address is refused. The policy judges and remembers nothing;
`guard` enforces it in every Python process of ours, `meter` uses it to tell the classes apart.
"""

import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from llamune.address import Address, sites
from llamune.errors import NetworkPolicyError
from llamune.i18n import _

Reach = Literal["machine", "lan", "outside"]  # this machine · a listed destination elsewhere · everything else
NAMED_HERE = frozenset({"", "localhost", "localhost."})
DNS = 53
RESOLVER_FILE = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that may be called.

    Args:
        name: what it is for ("ollama").
        host: a name or an address, as the user wrote it.
        pinned: its addresses as text; a numeric host is its own, a name gets them by `Policy.pin`.
    """

    name: str
    host: str
    port: int
    pinned: tuple[str, ...] = ()

    @property
    def reach(self) -> Reach:
        """Where it is: this machine, or elsewhere and listed."""
        return "machine" if self.here or is_here(packed(self.host)) else "lan"

    @property
    def here(self) -> tuple[str, ...]:
        """The address of a name of this machine."""
        return ("127.0.0.1",) if self.host in NAMED_HERE else ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may be called. A value: `pin` gives a new one."""

    destinations: tuple[Destination, ...] = ()

    @property
    def listed(self) -> tuple[Destination, ...]:
        """The destinations that are not this machine."""
        return tuple(d for d in self.destinations if d.reach == "lan")

    @property
    def names(self) -> frozenset[str]:
        """Host names that may be looked up."""
        return frozenset(d.host.casefold() for d in self.listed if packed(d.host) is None)

    @property
    def allowed(self) -> frozenset[tuple[bytes, int]]:
        """(packed address, port) pairs beyond this machine that may be called."""
        pairs = ((packed(a), d.port) for d in self.listed for a in (*d.pinned, d.host))
        return frozenset((address, port) for address, port in pairs if address is not None)

    def reach(self, address: bytes, port: int) -> Reach:
        """The class of a packed address (4 or 16 bytes)."""
        plain = unmapped(address)
        if is_here(plain):
            return "machine"
        return "lan" if (plain, port) in self.allowed or self._answers_names(plain, port) else "outside"

    def check(self, host: str, port: int) -> None:
        """The check of every HTTP client of ours. Raises NetworkPolicyError for what is not listed."""
        number = packed(host)
        if host.casefold() in NAMED_HERE or is_here(number):
            return
        for one in self.listed:
            if one.port == port and (one.host.casefold() == host.casefold() or (number and number in _numbers(one))):
                return
        raise NetworkPolicyError(
            _("{host}:{port} may not be called.").format(host=host, port=port),
            _("Only this machine and the servers of the settings ollama_host and intranet may be called."),
        )

    def pin(self) -> "Policy":
        """Resolves every listed name, once. To be called in a thread. A name that has no address stays without."""
        return Policy(tuple(_pinned(d) for d in self.destinations))

    def _answers_names(self, address: bytes, port: int) -> bool:
        """A look-up of a listed name goes to the system's name server, which the user thereby listed, too."""
        return port == DNS and bool(self.names) and address in name_servers()


def listing(name: str, url: str, intranet: str = "") -> Policy:
    """The policy that lists one server by its URL, and the sites of an intranet (see `address.sites`)."""
    where = [(name, Address.parse(url)), *(("intranet", site.address) for site in sites(intranet))]
    return Policy(tuple(dict.fromkeys(Destination(name, at.host, at.port) for name, at in where)))


def _numbers(one: Destination) -> set[bytes | None]:
    return {packed(a) for a in one.pinned}


def _pinned(one: Destination) -> Destination:
    if one.pinned or one.reach == "machine" or packed(one.host) is not None:
        return one
    try:
        found = socket.getaddrinfo(one.host, one.port, type=socket.SOCK_STREAM)
    except OSError:
        return one
    return replace(one, pinned=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


def name_servers(path: Path = RESOLVER_FILE) -> frozenset[bytes]:
    """The packed addresses of the system's name servers."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    words: Iterable[list[str]] = (line.split() for line in lines)
    found = (packed(w[1]) for w in words if len(w) > 1 and w[0] == "nameserver")
    return frozenset(address for address in found if address)


def packed(host: str) -> bytes | None:
    """A numeric address as bytes, IPv4 inside IPv6 as IPv4; None for what is none. A zone (%eth0) is ignored."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return unmapped(socket.inet_pton(family, host.partition("%")[0]))
        except (OSError, ValueError):
            continue
    return None


def unmapped(address: bytes) -> bytes:
    """IPv4 written as IPv6 (::ffff:a.b.c.d) as IPv4."""
    return address[12:] if len(address) == 16 and address[:12] == b"\0" * 10 + b"\xff\xff" else address


def is_here(address: bytes | None) -> bool:
    """Whether a packed address is this machine: loopback, or "any", which as a destination means loopback."""
    if address is None:
        return False
    return not any(address) or (address[0] == 127 if len(address) == 4 else address == b"\0" * 15 + b"\1")
