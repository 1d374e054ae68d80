"""Sealing this program, and children that have no network at all.

A sealed program has no way out but relays, held by a small process outside (`outside`), one for each place that the
policy lists, at its usual address. Ways, the strongest first: a namespace without a route; a filter that lets only Unix
sockets be opened (seccomp); where the system has neither, the guard alone, which native code passes. Which one it is,
is always told. A seal cannot be taken off again, so there is one per process (`current`).

This is done before heavy imports and costs every start, so this module imports next to nothing.
"""

import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from llamune.network.outside import Start
    from llamune.network.policy import Policy

Way = Literal["namespace", "seccomp", "guard"]
Place = tuple[str, int]  # a numeric address and a port
WAYS: Final[tuple[Way, ...]] = ("namespace", "seccomp")
PROBE_S: Final = 20.0
ANSWER_S: Final = 15.0  # the longest that anything outside takes: stopping the engine
LONGEST: Final = 1 << 20


class Child(NamedTuple):
    """How to start a program without any network, and by which way it will have none."""

    argv: list[str]
    way: Way


class Gone(OSError):
    """The process outside has ended."""


class Link:
    """The channel to the process outside. Blocks; to be called in threads."""

    def __init__(self, channel: socket.socket, pid: int) -> None:
        self._channel, self._pid, self._lock, self.gone = channel, pid, threading.Lock(), False
        channel.settimeout(ANSWER_S)

    def ask(self, do: str, **more: object) -> Any:
        """Lets one thing be done outside. Raises OSError where it could not be; Gone when nobody is there any more."""
        import pickle  # what comes back was made by a process that we forked

        with self._lock:
            try:
                self._channel.sendall(json.dumps({"do": do, **more}).encode())
                said = self._channel.recv(LONGEST)
            except OSError as error:
                said, self.gone = b"", not isinstance(error, TimeoutError)
        if not said:
            self.gone = True
            raise Gone(errno.EPIPE, "the process outside has ended")
        found = pickle.loads(said)
        if isinstance(found, OSError):
            raise found
        return found

    def close(self) -> None:
        """Lets it end, and waits for that."""
        self._channel.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


class Sealed(NamedTuple):
    """How this program is cut off.

    Args:
        way: "guard" = it is not sealed.
        tried: somebody wanted it to be.
        problem: the number of the error that stood in the way of a namespace, 0 = none.
        link: to the process outside.
        paths: by place, the Unix sockets that lead there where no others can be opened.
        policy: whose places they are, names pinned; None = whatever the settings say.
    """

    way: Way = "guard"
    tried: bool = False
    problem: int = 0
    link: Link | None = None
    paths: dict[Place, str] = {}
    policy: "Policy | None" = None


_current: Sealed | None = None


def current() -> Sealed:
    """How this process is sealed."""
    return _current or Sealed()


def seal(places: Sequence[Place], port: int, start: "Start", hosts: str = "", policy: "Policy | None" = None) -> Sealed:
    """Seals this process, once and for good, by the strongest way there is. To be called before any thread exists.

    Args:
        places: what stays reachable: numeric addresses and ports.
        port: of the engine on this machine, 0 = it is on another one.
        start: starts the engine, called outside.
        hosts: replaces /etc/hosts inside, "" = it stays.
        policy: kept with the seal, because names cannot be looked up any more.

    Returns: how it is sealed; `way` is "guard" where nothing works, and then nothing has changed.
    """
    global _current
    if _current is None:
        able = sys.platform == "linux" and threading.active_count() == 1
        made = _sealed(places, port, start, hosts) if able else Sealed(problem=errno.EINVAL)
        _current = made._replace(tried=True, policy=policy)
    return _current


def _sealed(places: Sequence[Place], port: int, start: "Start", hosts: str) -> Sealed:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        near.close()
        from llamune.network import outside

        outside.run(far, places, port, start)
    far.close()
    link = Link(near, pid)
    way, problem = _possible(places, hosts)
    listeners, paths = _enter(way, places, hosts)
    if way == "guard":
        link.close()
        return Sealed(problem=problem)
    socket.send_fds(near, [way.encode()], [one.fileno() for one in listeners])
    for one in listeners:
        one.close()
    return Sealed(way, True, problem, link, paths)


def _possible(places: Sequence[Place], hosts: str) -> tuple[Way, int]:
    """The strongest way that works here, found by a process that goes it; and why it is not the strongest."""
    problem = 0
    for way in WAYS:
        pid = os.fork()
        if pid == 0:
            try:
                _enter(way, places, hosts)
            except OSError as error:
                os._exit(error.errno or errno.EPERM)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if not ended:
            return way, problem
        problem = problem or abs(ended)
    return "guard", problem


def _enter(way: Way, places: Sequence[Place], hosts: str) -> tuple[list[socket.socket], dict[Place, str]]:
    """Goes the way, and listens for each place. Raises OSError."""
    if way == "namespace":
        from llamune.network.namespace import enter

        return enter(places, hosts), {}
    if way == "guard":
        return [], {}
    from llamune.network.seccomp import only_unix

    only_unix()
    paths = {place: f"\0llamune-{os.urandom(8).hex()}" for place in places}  # no file: nothing is left behind
    listeners = [socket.socket(socket.AF_UNIX) for _place in places]
    for listener, path in zip(listeners, paths.values(), strict=True):
        listener.bind(path)
        listener.listen(512)
    return listeners, paths


def check(policy: "Policy") -> Callable[[str, int], str | None]:
    """The check of HTTP clients: refuses what the policy does not list, and tells the way where there is a special one.

    Raises (when called): NetworkPolicyError.
    """

    def checked(host: str, port: int) -> str | None:
        policy.check(host, port)
        if not (paths := current().paths):
            return None
        known = [host, *(a for d in policy.destinations if d.host == host for a in (*d.pinned, *d.here))]
        return next((paths[a, port] for a in known if (a, port) in paths), None)

    return checked


def child(argv: Sequence[str]) -> Child:
    """The command line that runs `argv` without any network: no route, no relay, no other program's sockets.

    The started process is the program itself: pid, streams, signals and exit code are its own; 125 means that it could
    not be sealed and was not run. For workers that read files and compute (training, ingestion); Unix sockets and pipes
    work. Asks the system by starting a process: to be called in a thread.
    """
    launcher = [sys.executable, "-P", os.path.join(os.path.dirname(__file__), "sealed_child.py")]
    for way in WAYS:
        if sys.platform == "linux" and _works([*launcher, way]):
            return Child([*launcher, way, *argv], way)
    return Child(list(argv), "guard")


def _works(command: Sequence[str]) -> bool:
    import subprocess

    try:
        return not subprocess.run(command, capture_output=True, timeout=PROBE_S).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False
