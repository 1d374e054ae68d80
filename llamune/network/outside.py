"""The small process that stays outside when a program is sealed: it holds the relays, measures, starts the engine.

It does what is asked over one channel, and nothing that was not decided before the seal: it leads to the places it was
given and can start one program. When the channel ends (however the sealed program ended) it stops what it started and
ends; when it is killed itself, the kernel stops that program for it.
"""

import ctypes
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from llamune.network import guard
from llamune.network.relay import Entry, Relay
from llamune.network.sealed import LONGEST, Place

if TYPE_CHECKING:
    from llamune.network.meter import Meter

NAME: Final = "llamune-outside"


class Program(Protocol):
    """What was started."""

    @property
    def running(self) -> bool: ...
    def stop(self) -> None: ...


Start = Callable[[Callable[[], None]], Program]  # given what the new process has to do before the program begins


class Outside:
    """What is done for the sealed program.

    Args:
        places: where relays lead; port: of the engine on this machine, 0 = it is on another one.
        way: how the program is sealed; start: starts the engine.
    """

    def __init__(self, places: Sequence[Place], port: int, way: str, start: Start) -> None:
        self._places, self._port, self._way, self._start = places, port, way, start
        self._meter: Meter | None = None
        self._program: Program | None = None
        self._die = ctypes.CDLL(None).prctl
        self.relay = Relay()
        guard.permit(((_packed(host), port) for host, port in places), ())

    def answer(self, asked: dict[str, Any]) -> Any:
        """Does one thing. Raises OSError where it cannot be done."""
        match asked["do"]:
            case "measure":
                return self._measured(busy=asked["busy"], fresh=asked["fresh"])
            case "counts":
                return self.relay.entries
            case "start":
                self._program = self._start(lambda: self._die(1, signal.SIGTERM))  # PR_SET_PDEATHSIG
            case "running":
                return self._program is not None and self._program.running
            case "stop":
                self.stop()
        return None

    def stop(self) -> None:
        """Stops the program that was started."""
        if self._program is not None:
            self._program.stop()

    def _measured(self, *, busy: bool, fresh: bool) -> Any:
        if self._meter is None:
            from llamune.network.meter import Meter
            from llamune.network.policy import Destination, Policy

            policy = Policy(tuple(Destination("relay", *place) for place in self._places))
            self._meter = Meter(policy, self._port, guard.current(), self._way)
            self._meter.start()
            fresh = True
        self._meter.busy = busy
        return self._meter.fresh() if fresh else self._meter.snapshot()


def run(channel: socket.socket, places: Sequence[Place], port: int, start: Start) -> None:
    """The whole life of this process; never returns."""
    try:
        _settle(channel)
        way, listeners = _listeners(channel, len(places))
        outside = Outside(places, port, way, start)
        for listener, (host, number) in zip(listeners, places, strict=True):
            outside.relay.add(listener, Entry(host, number))
        threading.Thread(target=_answer, args=(channel, outside), name="channel", daemon=True).start()
        outside.relay.run()
    finally:
        os._exit(1)


def _settle(channel: socket.socket) -> None:
    """Nothing of the terminal, nothing open but the channel, as many files as are allowed."""
    os.setsid()
    os.chdir("/")
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) != channel.fileno():
            with suppress(OSError):
                os.close(int(name))
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with suppress(OSError), open("/proc/self/comm", "w") as file:
        file.write(NAME)


def _listeners(channel: socket.socket, count: int) -> tuple[str, list[socket.socket]]:
    """How the program is sealed, and the sockets that listen inside; a program that was not sealed sends none."""
    said, numbers, _flags, _where = socket.recv_fds(channel, 64, count + 1)
    if not said:
        os._exit(0)
    return said.decode(), [socket.socket(fileno=number) for number in numbers]


def _packed(host: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)


def _answer(channel: socket.socket, outside: Outside) -> None:
    import pickle

    try:
        while asked := channel.recv(LONGEST):
            try:
                made = outside.answer(json.loads(asked))
            except OSError as error:
                made = error
            channel.sendall(pickle.dumps(made))
    finally:
        outside.stop()
        os._exit(0)
