"""Carries bytes between a sealed program and the places that the policy lists, and counts them. One loop, no threads.

It runs outside, accepts at sockets that listen inside, and connects to the place of the same name outside; so what is
sealed calls the usual address. An end, a half-close or a reset is passed on as it came. It reads nothing of what it
carries and chooses no address: every listener leads to one place. Loaded at every start, so it imports next to nothing.
"""

import errno
import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress

PIECE = 1 << 16
FULL_S = 0.02  # seconds of rest when too many files are open
_READ, _WRITE = select.EPOLLIN, select.EPOLLOUT
_NOTHING = memoryview(b"")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no seconds


class Entry:
    """One place that can be called, and what was carried there. `failed`: connections that nobody took."""

    __slots__ = ("connections", "failed", "host", "port", "received", "sent")

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.connections = self.failed = self.sent = self.received = 0


class _End:
    """One of the two sockets of a connection.

    `waiting` is what the other one sent and this one has not taken; `over`: it will send no more.
    """

    __slots__ = ("entry", "inside", "opening", "other", "over", "sock", "waiting", "watched")

    def __init__(self, sock: socket.socket, entry: Entry, *, inside: bool) -> None:
        self.sock, self.entry, self.inside = sock, entry, inside
        self.waiting, self.over, self.opening, self.watched = _NOTHING, False, False, 0
        self.other = self


class Relay:
    """Runs until its process ends. `entries` are the places, with counts."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._epoll = select.epoll()
        self._listening: dict[int, tuple[socket.socket, Entry]] = {}
        self._ends: dict[int, _End] = {}

    def add(self, listener: socket.socket, entry: Entry) -> None:
        """What is accepted at `listener` leads to this place from now on."""
        listener.setblocking(False)
        self.entries.append(entry)
        self._listening[listener.fileno()] = (listener, entry)
        self._epoll.register(listener.fileno(), _READ)

    def run(self) -> None:
        """Carries for ever."""
        while True:
            for number, _ready in self._epoll.poll():
                if number in self._listening:
                    self._accept(*self._listening[number])
                elif end := self._ends.get(number):
                    self._serve(end)

    def _accept(self, listener: socket.socket, entry: Entry) -> None:
        try:
            came, _where = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):  # those that wait get their turn when others have ended
                time.sleep(FULL_S)
            return
        if came.family == socket.AF_UNIX and _user(came) != os.getuid():
            return came.close()
        try:
            going = socket.socket(socket.AF_INET6 if ":" in entry.host else socket.AF_INET)
        except OSError:
            return came.close()
        inner, outer = _End(came, entry, inside=True), _End(going, entry, inside=False)
        inner.other, outer.other = outer, inner
        for end in (inner, outer):
            end.sock.setblocking(False)
            if end.sock.family != socket.AF_UNIX:
                end.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends[end.sock.fileno()] = end
        self._connect(outer)
        self._watch(inner)

    def _connect(self, outer: _End) -> None:
        try:
            code = outer.sock.connect_ex((outer.entry.host, outer.entry.port))
        except OSError:  # the guard refuses
            code = errno.EACCES
        outer.opening = code == errno.EINPROGRESS
        if not outer.opening:
            self._opened(outer, code)

    def _opened(self, outer: _End, code: int) -> None:
        outer.opening = False
        if code:
            outer.entry.failed += 1
            return self._drop(outer)
        outer.entry.connections += 1
        self._take(outer.other)  # what is sent has come by now

    def _serve(self, end: _End) -> None:
        """Something can be done at this end: whatever it is, it is tried."""
        if end.opening:
            self._opened(end, end.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        else:
            self._give(end)
            self._take(end)
        self._watch(end)

    def _take(self, end: _End) -> None:
        """Reads once and passes it on, unless what was read before still waits."""
        if end.over or end.other.waiting or end.sock.fileno() < 0:
            return
        try:
            data = end.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            return self._drop(end)
        end.over, end.other.waiting = not data, memoryview(data)
        if data:
            self._give(end.other)
        else:
            self._pass_end(end)

    def _give(self, end: _End) -> None:
        """Writes what waits for this end."""
        if not end.waiting:
            return
        try:
            count = end.sock.send(end.waiting)
        except BlockingIOError:
            return
        except OSError:
            return self._drop(end)
        if end.inside:
            end.entry.received += count
        else:
            end.entry.sent += count
        end.waiting = end.waiting[count:]
        if not end.waiting and end.other.over:
            self._pass_end(end.other)

    def _pass_end(self, end: _End) -> None:
        """All that this end sent was given, and it will send no more: the other one is told."""
        if end.other.over:
            return self._close(end)
        with suppress(OSError):
            end.other.sock.shutdown(socket.SHUT_WR)

    def _watch(self, end: _End) -> None:
        """Waits for what can be done at both ends; where that is nothing, also an end or an error has to wait."""
        for each in (end, end.other):
            if (number := each.sock.fileno()) < 0:
                continue
            reads = not (each.over or each.other.waiting or each.opening or each.other.opening)
            wanted = (_READ if reads else 0) | (_WRITE if each.waiting or each.opening else 0)
            if wanted and not each.watched:
                self._epoll.register(number, wanted)
            elif each.watched and not wanted:
                self._epoll.unregister(number)
            elif wanted != each.watched:
                self._epoll.modify(number, wanted)
            each.watched = wanted

    def _drop(self, end: _End) -> None:
        """Something broke: both ends learn it at once."""
        for each in (end, end.other):
            with suppress(OSError):
                each.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close(end)

    def _close(self, end: _End) -> None:
        for each in (end, end.other):
            self._ends.pop(each.sock.fileno(), None)
            each.sock.close()


def _user(sock: socket.socket) -> int:
    """The user at the other end of a Unix socket."""
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[4:8], sys.byteorder)
