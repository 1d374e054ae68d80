"""Attempts to leave, planted on purpose: `python -m llamune.network.planted GROUP PORT ENGINE`, in an invented outside.

One protection is put in (the group's), then everything is tried; each attempt aims at an address, name or port of its
own, so that what gets out can be told apart. Prints one JSON list of `Attempt`. It refuses to run anywhere else.
"""

import ctypes
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from llamune.network.invented import ADDRESS, ADDRESS_6, DEVICE

WAIT_S: Final = 1.0
BY_GUARD: Final = "network policy"
_CHILD: Final = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


class Noticed(OSError):
    """What the measurement said."""


class Attempt(NamedTuple):
    """What became of one attempt.

    Args:
        port: its own, by which it would be known outside; a name it looks up holds it too.
        stopper: what stopped it: "guard", "kernel" (no route, no socket, or no such file), "nobody"; where it was only
            to be measured, the verdict.
    """

    name: str
    port: int
    stopper: str
    said: str


class Tries:
    """The attempts of one group, at the ports behind `port`; `engine` is a port at which this machine listens."""

    def __init__(self, group: str, port: int, engine: int) -> None:
        self.group, self._port, self._engine = group, port, engine
        self.made: list[Attempt] = []

    def run(self) -> None:
        """Tries everything that this group's protection has to stop."""
        if self.group == "nothing":
            self._try("measured", self._measured)
        self._try("socket", self._connect)
        self._try("IPv6", lambda port: self._connect(port, ADDRESS_6))
        self._try("datagram", self._datagram)
        self._try("message", self._message)
        self._try("Python child", self._child)
        if self.group != "seccomp":  # a filter cannot stop a resolver's Unix socket; that is said where it is used
            self._try("look-up", lambda port: socket.getaddrinfo(f"p{port}.invalid", 80))
            self._try("name", self._named)
            self._try("library that ignores every switch", self._telemetry)
        if self.group == "nothing":
            return
        if self.group == "guard":
            self._try("listening", lambda port: socket.socket().bind(("0.0.0.0", port)))
            return self._try("proxy variable", self._proxied)
        self._try("native code", self._native)
        if shutil.which("curl"):
            self._try("curl", self._curl)
        if self.group == "seccomp":
            self._try("ring", lambda _port: _called("syscall", 425, 1, ctypes.create_string_buffer(120)))
        else:
            self._try("resolver's socket", self._resolver)
            self._try("undoing", lambda _port: _called("umount2", b"/run/nscd", 2))  # MNT_DETACH
        if self.group == "child":
            self._try("relay", lambda _port: socket.create_connection(("127.0.0.1", self._engine), WAIT_S))

    def once(self, name: str) -> None:
        """Tries what the guard sees, or what only a seal stops."""
        self._try(name, self._connect if self.group == "guard" else self._native)

    def _try(self, name: str, attempt: Callable[[int], object]) -> None:
        self._port += 1
        stopper, said = "nobody", ""
        try:
            attempt(self._port)
        except OSError as error:
            stopper, said = _stopper(error), str(error)
        self.made.append(Attempt(name, self._port, stopper, said))

    def _connect(self, port: int, host: str = ADDRESS) -> None:
        socket.create_connection((host, port), WAIT_S).close()

    def _measured(self, port: int) -> None:
        """Whether the meter notices an attempt: its verdict is told as what stopped it."""
        from llamune.network.meter import Meter
        from llamune.network.policy import Policy

        meter = Meter(Policy(), 0)
        meter.start()
        meter.busy = True  # it looks often: what is planted lives for a second
        meter.fresh()
        with suppress(TimeoutError):
            self._connect(port)
        verdict = meter.fresh().verdict
        meter.stop()
        raise Noticed(verdict)

    def _datagram(self, port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"x", (ADDRESS, port))

    def _message(self, port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendmsg([b"x"], [], 0, (ADDRESS, port))

    def _named(self, port: int) -> None:
        with socket.socket() as sock:
            sock.settimeout(WAIT_S)
            sock.connect((f"p{port}.invalid", 80))

    def _child(self, port: int) -> None:
        _run([sys.executable, "-c", _CHILD, ADDRESS, str(port)])

    def _curl(self, port: int) -> None:
        _run(["curl", "-sS", "-m", "2", f"http://{ADDRESS}:{port}/"])

    def _native(self, port: int) -> None:
        """connect(2) as native code calls it, past Python."""
        libc = ctypes.CDLL(None, use_errno=True)
        number = libc.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 0)
        to = socket.AF_INET.to_bytes(2, sys.byteorder) + port.to_bytes(2, "big") + socket.inet_aton(ADDRESS) + bytes(8)
        if (number < 0 or libc.connect(number, to, 16)) and ctypes.get_errno() != errno.EINPROGRESS:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def _telemetry(self, port: int) -> None:
        urllib.request.urlopen(f"http://p{port}.invalid/", timeout=WAIT_S)

    def _proxied(self, _port: int) -> None:
        """A library that follows the variables for proxies, which lead outside; this machine needs none of them."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._engine}/api/version", timeout=WAIT_S).close()
        except OSError as error:
            raise OSError("the proxy was called") from error
        raise ConnectionRefusedError(f"{BY_GUARD}: the variables for proxies are dropped")

    def _resolver(self, _port: int) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect("/run/nscd/socket")


def _called(name: str, *values: object) -> None:
    """A call of native code."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*values) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip()[-300:])


def _stopper(error: OSError) -> str:
    if isinstance(error, Noticed):
        return str(error)
    if BY_GUARD in str(error):
        return "guard"
    return "nobody" if isinstance(error, TimeoutError) or "timed out" in str(error) else "kernel"


def _protect(group: str, engine: int) -> None:
    """Puts in the one protection; that of a child was put in by who started it."""
    if group == "guard":
        from llamune.network import guard

        for name in ("NO_PROXY", "no_proxy"):
            os.environ.pop(name, None)
        os.environ["http_proxy"] = f"http://{ADDRESS}:9"
        guard.install()
    elif group in ("namespace", "seccomp"):
        from llamune.network import sealed

        sealed.WAYS = (group,)  # type: ignore[assignment, misc]
        sealed.seal([("127.0.0.1", engine)], 0, lambda _before: None)  # type: ignore[arg-type, return-value]


def within(name: str, group: str, port: int, file: str) -> None:
    """Tries once, from within a process of the program (plant/sitecustomize.py), what only this group's protection
    stops, and adds what became of it to a file."""
    if not _invented():
        return
    tries = Tries(group, port - 1, 0)
    tries.once(name)
    with open(file, "a", encoding="utf-8") as out:
        out.write(json.dumps(tries.made[0]) + "\n")


def _invented() -> bool:
    """Whether nothing that is aimed at from here can reach a real network."""
    names = {name for _index, name in socket.if_nameindex()}
    return DEVICE in names or names == {"lo"}


def main(words: list[str]) -> int:
    """Tries everything of one group. Returns 1 where the outside is not an invented one."""
    group, port, engine = words[0], int(words[1]), int(words[2])
    if not _invented():
        print("only inside an invented outside", file=sys.stderr)
        return 1
    _protect(group, engine)
    tries = Tries(group, port, engine)
    tries.run()
    print(json.dumps(tries.made))
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # a seal is left without ceremony
