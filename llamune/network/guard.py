"""Refuses, in this Python process and its Python children, whatever would leave the machine against the policy.

An audit hook sees connect, bind, sendto and name look-ups of all Python code before a packet leaves, and raises
`Refused`, which every HTTP library reports as a refused connection. Python resolves a name given to `connect` before it
tells the hook, so these methods are wrapped, too. Neither sees native code (llama.cpp, torch, uvloop, ctypes) nor
programs in other languages: those are the meter's and sealed mode's part.

It is installed before anything else is imported, so it imports next to nothing, and no other module of ours: children
load this file by its path (inherit/sitecustomize.py), without the package. An audit hook can never be taken out again,
so there is one per process (`_installed`), whose permissions can be changed.
"""

import functools
import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, NamedTuple

VARIABLE = "LLAMUNE_GUARD"  # what children need to know, as JSON
INHERIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inherit")  # children find the guard there
KEPT = 500  # refusals in memory
LOG_SIZE = 1_000_000  # bytes; a longer file begins anew
SO_COOKIE = 57
SAID = "Llamune's network policy refused"
QUIET: Mapping[str, str] = {  # set before any library is imported: less to refuse later
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "WANDB_MODE": "disabled",  # "offline" makes transformers print a line to standard output
    "NO_PROXY": "*",
    "no_proxy": "*",
}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
CARRIERS = frozenset({"httpx", "httpcore", "urllib3", "requests", "aiohttp", "anyio", "h11"})  # never the one to blame
Allowed = frozenset[tuple[bytes, int]]


class Refused(ConnectionRefusedError):
    """The policy does not allow this. A ConnectionRefusedError, so that libraries treat it as a server that is off."""


class Refusal(NamedTuple):
    """One attempt that was stopped before a packet left.

    Args:
        time: seconds since the epoch.
        who: the package or script that tried.
        what: "connect", "sendto", "bind", "look-up" …
        where: "address:port" or a name.
        pid: of the process that tried.
        stack: the innermost frames, in one line.
    """

    time: float
    who: str
    what: str
    where: str
    pid: int
    stack: str


class Guard:
    """The hook. `allowed` and `names` are replaced as a whole when the policy changes.

    Args:
        root: pid of the process that all records belong to.
        log: file to which every refusal is appended, "" = none.
    """

    def __init__(self, root: int, log: str = "") -> None:
        self.root, self.log, self.pid = root, log, os.getpid()
        self.allowed: Allowed = frozenset()
        self.names: frozenset[str] = frozenset()
        self.refused: deque[Refusal] = deque(maxlen=KEPT)
        self.count = 0
        self.cookies: deque[int] | None = None  # of the sockets we connect, for a meter that wants them
        self.dropped: tuple[str, ...] = ()  # proxy variables that were ignored
        self.start = 0  # where this run begins in the log

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event in SENDS:
            self._send(event, args[0], args[1])
        elif event == "socket.bind":
            self._bind(args[0], args[1])
        elif event in LOOKUPS:
            self._look_up(args[0], reverse=event == "socket.gethostbyaddr")
        elif event == "socket.getnameinfo":
            self._look_up(args[0][0], reverse=True)

    def named(self, sock: Any, address: Any) -> None:
        """Refuses a name where an address belongs: resolving it would leave the machine before the hook is asked."""
        if isinstance(address, tuple) and address and not _local_family(sock):
            host, _port = _parts(address)
            if host.casefold() not in ("", "localhost", "<broadcast>") and _packed(host) is None:
                self._refuse("look-up", host)

    def _send(self, event: str, sock: Any, address: Any) -> None:
        if address is None or _local_family(sock):
            return
        host, port = _parts(address)
        number = _packed(host)
        if not (_here(number) or host.casefold() in ("", "localhost") or (number, port) in self.allowed):
            self._refuse(event[7:], f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        if self.cookies is not None and event == "socket.connect":
            self._note(sock)

    def _bind(self, sock: Any, address: Any) -> None:
        if _local_family(sock):
            return
        host, port = _parts(address)
        number = _packed(host)
        here = host.casefold() == "localhost" or (_here(number) and any(number or b""))
        if not here and (number, port) not in self.allowed:  # a relay's end inside a seal has the other's address
            self._refuse("bind", f"{host or '*'}:{port}")

    def _look_up(self, host: Any, *, reverse: bool = False) -> None:
        name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
        if name is None or name in ("", "localhost") or not isinstance(name, str):
            return
        number = _packed(name)
        if not (_here(number) or (number and not reverse) or name.casefold() in self.names):
            self._refuse("look-up", name)

    def _note(self, sock: Any) -> None:
        try:
            raw = sock.getsockopt(1, SO_COOKIE, 8)
        except (OSError, AttributeError):
            return
        assert self.cookies is not None
        self.cookies.append(int.from_bytes(raw, sys.byteorder))

    def tell(self, what: str, where: str) -> None:
        """Something was refused, here or by whoever asks."""
        who, stack = _blame()
        found = Refusal(time.time(), who, what, where, os.getpid(), stack)
        self.refused.append(found)
        self.count += 1
        self._write(found)

    def _refuse(self, what: str, where: str) -> None:
        self.tell(what, where)
        raise Refused(f"{SAID} {what} {where}")

    def _write(self, found: Refusal) -> None:
        import json

        line = json.dumps({"root": self.root, **found._asdict()}, ensure_ascii=True) + "\n"
        if self.log:
            try:
                os.makedirs(os.path.dirname(self.log), mode=0o700, exist_ok=True)
                handle = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            except OSError:
                return
            try:
                os.write(handle, line.encode())
            finally:
                os.close(handle)

    # for whoever shows it

    def records(self) -> list[Refusal]:
        """Everything refused since the start, in children too, oldest first."""
        mine = [r for r in self.refused if r.pid == self.pid]
        return sorted([*mine, *self._of_children()], key=lambda r: r.time)

    def _of_children(self) -> list[Refusal]:
        import json

        found = []
        try:
            with open(self.log, encoding="ascii", errors="replace") as file:
                file.seek(self.start)
                lines = file.readlines()
        except (OSError, ValueError):
            return []
        for line in lines:
            try:
                entry = json.loads(line)
                if entry.pop("root") == self.root and entry["pid"] != self.pid:
                    found.append(Refusal(**entry))
            except (ValueError, TypeError, LookupError, AttributeError):
                continue  # half a line, or somebody else's
        return found


_installed: Guard | None = None


def current() -> Guard | None:
    """The guard of this process, None where none was installed."""
    return _installed


def install(log: str = "", environment: MutableMapping[str, str] | None = None) -> Guard:
    """Puts the guard in, once per process, for this machine only until `permit` says more.

    Args:
        log: file for refusals; "" = memory only.
        environment: gets the switches of libraries, loses proxies, and carries the guard to children.
    """
    global _installed
    if _installed is None:
        _installed = Guard(os.getpid(), log)
        _installed.start = _trimmed(log)
        _quiet(_installed, os.environ if environment is None else environment)
        _hook(_installed)
    return _installed


def permit(allowed: Iterable[tuple[bytes, int]], names: Iterable[str]) -> None:
    """Replaces what may be called beyond this machine, here and in children that are started from now on."""
    if _installed is not None:
        _installed.allowed, _installed.names = frozenset(allowed), frozenset(names)
        _tell_children(_installed, os.environ)


def install_from(environment: Mapping[str, str]) -> None:
    """Puts the guard into a child, as its parent said. Without a word of it nothing happens."""
    global _installed
    said = environment.get(VARIABLE)
    if said and _installed is None:
        _installed = _told(said)
        _hook(_installed)


def _told(said: str) -> Guard:
    """The guard that a parent described; one that allows nothing where that cannot be understood."""
    import json

    try:
        told = json.loads(said)
        guard = Guard(int(told["root"]), str(told["log"]))
        guard.allowed = frozenset((bytes.fromhex(a), int(p)) for a, p in told["allowed"])
        guard.names = frozenset(map(str, told["names"]))
    except (ValueError, TypeError, LookupError):
        return Guard(0)
    return guard


def _hook(guard: Guard) -> None:
    import socket

    def wrapped(plain: Any) -> Any:
        def method(self: Any, *args: Any) -> Any:
            guard.named(self, args[-1] if args else None)
            return plain(self, *args)

        return functools.wraps(plain)(method)

    for name in ("connect", "connect_ex", "sendto", "bind"):
        setattr(socket.socket, name, wrapped(getattr(socket.socket, name)))
    sys.addaudithook(guard)


def _quiet(guard: Guard, environment: MutableMapping[str, str]) -> None:
    found = [name for name in environment if name.lower() in PROXIES]
    guard.dropped = tuple(found)
    for name in found:
        del environment[name]
    environment.update(QUIET)
    path = environment.get("PYTHONPATH", "")
    if INHERIT not in path.split(os.pathsep):
        environment["PYTHONPATH"] = INHERIT + (os.pathsep + path if path else "")
    _tell_children(guard, environment)


def _tell_children(guard: Guard, environment: MutableMapping[str, str]) -> None:
    import json

    allowed = sorted((address.hex(), port) for address, port in guard.allowed)
    told = {"root": guard.root, "log": guard.log, "allowed": allowed, "names": sorted(guard.names)}
    environment[VARIABLE] = json.dumps(told)


def _trimmed(log: str) -> int:
    try:
        size = os.stat(log).st_size
        if size > LOG_SIZE:
            os.truncate(log, 0)
            return 0
    except OSError:
        return 0
    return size


def _local_family(sock: Any) -> bool:
    """Sockets that cannot leave the machine: Unix, netlink, kernel cryptography."""
    import socket

    names = ("AF_UNIX", "AF_NETLINK", "AF_ALG", "AF_SYSTEM")
    return sock.family in [getattr(socket, name) for name in names if hasattr(socket, name)]


def _parts(address: Any) -> tuple[str, int]:
    if not isinstance(address, tuple) or not address:
        return str(address), 0
    host = address[0].decode("ascii", "replace") if isinstance(address[0], bytes | bytearray) else str(address[0])
    return host, address[1] if len(address) > 1 and isinstance(address[1], int) else 0


def _packed(host: str) -> bytes | None:
    import socket

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            found = socket.inet_pton(family, host.partition("%")[0])
        except (OSError, ValueError):
            continue
        return found[12:] if len(found) == 16 and found[:12] == b"\0" * 10 + b"\xff\xff" else found
    return None


def _here(address: bytes | None) -> bool:
    if address is None:
        return False
    return not any(address) or (address[0] == 127 if len(address) == 4 else address == b"\0" * 15 + b"\1")


def _blame() -> tuple[str, str]:
    """Who tried: the innermost package that is neither Python's own nor only carries; and the innermost frames."""
    frame, who, stack = sys._getframe(1), "", []
    own = os.path.dirname(os.__file__)
    while frame is not None:
        path = frame.f_code.co_filename
        package = str(frame.f_globals.get("__name__") or "?").partition(".")[0]
        if path != __file__:
            stack.append(f"{path}:{frame.f_lineno} {frame.f_code.co_name}")
            library = path.startswith("<frozen") or (path.startswith(own) and "-packages" not in path)
            if not who and not library and package not in CARRIERS:
                who = os.path.basename(path) if package == "__main__" else package
        frame = frame.f_back  # type: ignore[assignment]
    return who or "python", " < ".join(stack[:8])
