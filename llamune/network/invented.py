"""An invented outside, for proving: a namespace whose only way out is a wire that ends here and records every packet.

Nothing that is aimed at it can reach a real network, whatever is broken: routes lead into a tunnel device that this
process holds, names are answered with an invented address by a server on the namespace's own loopback, and the Unix
sockets of resolvers, buses and container engines are those of this process. Linux only; no root needed.
"""

import fcntl
import os
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from typing import Any, Final, NamedTuple

from llamune.network import namespace

ADDRESS, ADDRESS_6 = "203.0.113.9", "2001:db8::9"  # of documentation: nobody has them
DEVICE: Final = "outside"
NAMED: Final = "203.0.113.200"
SETTLE_S: Final = 0.1  # what was sent is in the device by then
_TUN, _SET_NAME = "/dev/net/tun", 0x400454CA  # TUNSETIFF
_RESOLVER: Final = "/run/nscd/socket"
_HARMLESS: Final = (0, 1, 2, 3, 11, 12, 15, 16, 17, 18)  # of nscd's protocol: users, groups, services
_PROTOCOLS: Final = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}


class Sent(NamedTuple):
    """One packet that got out: the protocol, and "address:port"."""

    protocol: str
    where: str


class Invented:
    """The outside. Made in a process that is to live in it; its children do, too. Raises OSError where it cannot be."""

    def __init__(self) -> None:
        self._sent: list[Sent] = []
        _own_run()
        self._names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._names.bind(("127.0.0.1", 53))
        self._wire = _wire()
        self._resolver = _resolver()
        namespace.give_up()
        threading.Thread(target=self._record, name="outside", daemon=True).start()

    def taken(self) -> list[Sent]:
        """What arrived since the last time."""
        time.sleep(SETTLE_S)
        found, self._sent = self._sent, []
        return found

    def _record(self) -> None:
        watched: list[Any] = [self._wire, self._names, self._resolver]
        while True:
            ready, _w, _x = select.select(watched, [], [])
            if self._wire in ready and (packet := _read(os.read(self._wire, 1 << 16))):
                self._sent.append(packet)
            if self._names in ready:
                asked, who = self._names.recvfrom(4096)
                self._sent.append(Sent("DNS", _name(asked)))
                self._names.sendto(_answer(asked), who)
            if self._resolver in ready:
                self._called(self._resolver.accept()[0])

    def _called(self, caller: socket.socket) -> None:
        """Somebody asks the resolver; questions about users and groups are nobody's business outside."""
        caller.settimeout(SETTLE_S)
        with caller, suppress(OSError):
            head = caller.recv(12)
            kind = struct.unpack_from("=i", head, 4)[0] if len(head) == 12 else -1
            if kind not in _HARMLESS:
                self._sent.append(Sent("Unix", _RESOLVER))


def _own_run() -> None:
    """A namespace with a /run and a list of name servers of its own."""
    namespace.enter_bare()
    namespace.mount("none", "/run", b"tmpfs")
    os.makedirs(os.path.dirname(_RESOLVER))
    if os.path.exists("/etc/resolv.conf"):  # without one, resolvers ask at 127.0.0.1 anyway
        namespace.replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")


def _resolver() -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(_RESOLVER)
    server.listen()
    return server


def _wire() -> int:
    """The device that all routes lead to."""
    device = os.open(_TUN, os.O_RDWR)
    fcntl.ioctl(device, _SET_NAME, struct.pack("16sH14x", DEVICE.encode(), 0x1001))  # IFF_TUN, IFF_NO_PI
    index = socket.if_nametoindex(DEVICE)
    with socket.socket() as sock:
        packed = struct.pack("16sHH4s8x", DEVICE.encode(), socket.AF_INET, 0, socket.inet_aton("203.0.113.1"))
        fcntl.ioctl(sock, 0x8916, packed)  # SIOCSIFADDR
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", DEVICE.encode(), 0x41))  # SIOCSIFFLAGS: up
    with socket.socket(socket.AF_INET6) as sock:
        packed = struct.pack("=16sIi", socket.inet_pton(socket.AF_INET6, "2001:db8::1"), 64, index)
        fcntl.ioctl(sock, 0x8916, packed)
    for family in (socket.AF_INET, socket.AF_INET6):
        _default_route(family, index)
    return device


def _default_route(family: int, index: int) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        body = struct.pack("=BBBBBBBBIHHI", family, 0, 0, 0, 254, 3, 253, 1, 0, 8, 4, index)  # RTA_OIF
        link.send(struct.pack("=IHHII", 16 + len(body), 24, 0x405, 1, 0) + body)  # RTM_NEWROUTE: create, acknowledge
        code = struct.unpack_from("=i", link.recv(4096), 16)[0]
    if code:
        raise OSError(-code, os.strerror(-code))


def _read(packet: bytes) -> Sent | None:
    """What a packet is; None for what the kernel itself says to its neighbours when a device comes up."""
    six = packet[0] >> 4 == 6
    kind, target = (packet[6], packet[24:40]) if six else (packet[9], packet[16:20])
    if target[0] in ((0xFF,) if six else range(224, 240)):
        return None  # multicast
    host = socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, target)
    start = 40 if six else (packet[0] & 15) * 4
    port = struct.unpack_from("!H", packet, start + 2)[0] if kind in (6, 17) else 0
    return Sent(_PROTOCOLS.get(kind, str(kind)), f"[{host}]:{port}" if six else f"{host}:{port}")


def _name(asked: bytes) -> str:
    labels, at = [], 12
    while at < len(asked) and asked[at]:
        labels.append(asked[at + 1 : at + 1 + asked[at]].decode("ascii", "replace"))
        at += asked[at] + 1
    return ".".join(labels)


def _answer(asked: bytes) -> bytes:
    """Every name has the invented IPv4 address, and no other."""
    end = asked.find(b"\0", 12) + 5
    wants_4 = asked[end - 4 : end - 2] == b"\0\1"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(NAMED) if wants_4 else b""
    return asked[:2] + b"\x81\x80\0\1" + struct.pack("!H", wants_4) + b"\0\0\0\0" + asked[12:end] + record
