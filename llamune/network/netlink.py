"""The kernel's own list of sockets (Linux sock_diag): every TCP and UDP socket with its bytes, and every one that dies.

No root and no library is needed, and sockets of other users are seen. Not seen: sockets of other network namespaces
(containers), where an unconnected UDP socket sends to, raw sockets. This module reads and parses; it judges nothing.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

TCP, UDP = 6, 17
SYN_SENT, LISTEN = 2, 10
_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
_ALL_BUT_TIME_WAIT = 0xFFFFFFFF & ~(1 << 6)  # those have no owner and no bytes any more
_DONE, _ERROR = 3, 2
_FAMILIES = (2, 10)  # AF_INET, AF_INET6 of Linux
_INFO, _PROTOCOL, _CGROUP = 2, 10, 21  # attributes
_BYTES_AT = 124  # in the TCP info: bytes_acked, bytes_received
_WHERE = struct.Struct("!HH")
_TWO = struct.Struct("=QQ")
_ONE = struct.Struct("=Q")
_TAIL = struct.Struct("=II")
_ATTRIBUTE = struct.Struct("=HH")


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket as the kernel tells it.

    Args:
        cookie: its number for as long as the machine runs.
        source, target: packed addresses; an unconnected target is all zeros.
        uid, inode: 0 in deaths and for sockets that no process holds (any more).
        cgroup: 0 where it is not told (deaths, old kernels).
        sent, received: payload bytes; None where the kernel keeps none (UDP).
    """

    cookie: int
    protocol: int
    state: int
    source: bytes
    source_port: int
    target: bytes
    target_port: int
    uid: int = 0
    inode: int = 0
    cgroup: int = 0
    sent: int | None = None
    received: int | None = None


def parse(data: bytes, at: int, end: int, protocol: int) -> Socket:
    """One message of the kernel, from `at` to `end`."""
    state, wide = data[at + 1], 4 if data[at] == 2 else 16
    source_port, target_port = _WHERE.unpack_from(data, at + 4)
    uid, inode = _TAIL.unpack_from(data, at + 64)
    sent: int | None = None
    received: int | None = None
    cgroup, here = 0, at + 72
    while here + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, here)
        kind &= 0x3FFF
        if kind == _INFO and length >= _BYTES_AT + 20:
            sent, received = _TWO.unpack_from(data, here + _BYTES_AT)
        elif kind == _CGROUP:
            (cgroup,) = _ONE.unpack_from(data, here + 4)
        elif kind == _PROTOCOL:
            protocol = data[here + 4]
        here += (length + 3) & ~3 or 4
    return Socket(
        _ONE.unpack_from(data, at + 44)[0], protocol, state,
        data[at + 8 : at + 8 + wide], source_port, data[at + 24 : at + 24 + wide], target_port,
        uid, inode, cgroup, sent, received,
    )  # fmt: skip


def dump(protocol: int) -> Iterator[Socket]:
    """Every living socket of a protocol in this network namespace. Raises OSError."""
    with _open() as link:
        for family in _FAMILIES:
            want = 2 if protocol == TCP else 0  # the TCP info
            link.send(
                struct.pack("=IHHIIBBBBI48s", 72, 20, 0x301, 1, 0, family, protocol, want, 0, _ALL_BUT_TIME_WAIT, b"")
            )
            yield from _answers(link, protocol)


def _answers(link: socket.socket, protocol: int) -> Iterator[Socket]:
    while True:
        data = link.recv(1 << 17)
        at = 0
        while at < len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "sock_diag")
            yield parse(data, at + 16, at + length, protocol)
            at += (length + 3) & ~3


class Deaths:
    """Tells of every TCP and UDP socket that is destroyed, from now on. To be read by one thread."""

    def __init__(self) -> None:
        """Raises OSError where the kernel does not tell it."""
        self._link = _open()
        try:
            self._link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self._link.bind((0, 0))
            for group in (1, 2, 3, 4):  # TCP and UDP, each over IPv4 and IPv6
                self._link.setsockopt(270, 1, group)  # SOL_NETLINK, NETLINK_ADD_MEMBERSHIP
            self._link.setblocking(False)
        except BaseException:
            self._link.close()
            raise

    def fileno(self) -> int:
        return self._link.fileno()

    def read(self) -> Iterator[Socket]:
        """Those that died since the last read. Raises OSError (ENOBUFS) when some were lost."""
        while True:
            try:
                data = self._link.recv(8192)
            except BlockingIOError:
                return
            yield parse(data, 16, len(data), TCP)

    def close(self) -> None:
        self._link.close()


def _open() -> socket.socket:
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError("this system has no sock_diag")
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)
