"""Whose socket is it: process trees and the sockets they hold, as /proc tells an ordinary user.

Sockets of another user's processes cannot be looked up here; they are told by user id and control group instead (see
`engine_at`). Reads /proc, keeps nothing.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from llamune.i18n import N_
from llamune.network.netlink import LISTEN, Socket

FORWARDERS = frozenset({"docker-proxy", "rootlesskit", "slirp4netns", "pasta", "passt", "gvproxy", "ssh", "socat"})
ENGINE = "ollama"
ROOT_GROUP = 1  # inode of the root of the control groups: everything may be in there


@dataclass(frozen=True, slots=True)
class Engine:
    """The local engine, found by its listening socket.

    Args:
        inode: of the listening socket; a new one means: look again.
        pid: of its first process, 0 where it cannot be seen.
        uid, cgroup: by which its sockets are told when the pid cannot be seen; 0 = not to be used.
        problem: why it cannot be measured, "" = it can; in English, marked for translation.
    """

    inode: int
    pid: int = 0
    uid: int = 0
    cgroup: int = 0
    owner: int = 0
    problem: str = ""


CONTAINER = N_("the engine runs where its sockets cannot be seen (a container?)")
FORWARDED = N_("a program passes the engine's port on to another place")
SHARED = N_("the engine's sockets cannot be told from those of other programs")


def tree(pid: int) -> list[int]:
    """A process and all its descendants, as far as `tells_children`."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        try:
            tasks = os.listdir(f"/proc/{one}/task")
        except OSError:
            continue  # it has ended
        for task in tasks:
            with suppress(OSError):
                todo += map(int, _read(f"/proc/{one}/task/{task}/children").split())
    return found


def tells_children() -> bool:
    """Whether this kernel tells the children of a process."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def inodes(pids: Iterable[int]) -> set[int]:
    """The inodes of all sockets that these processes hold; those of other users' processes are left out."""
    found = set()
    for pid in pids:
        with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                with suppress(OSError):
                    target = os.readlink(entry.path)
                    if target.startswith("socket:["):
                        found.add(int(target[8:-1]))
    return found


def engine_at(port: int, sockets: Iterable[Socket]) -> Engine | None:
    """Whoever listens on a port of this machine; None when nobody does."""
    listener = next((s for s in sockets if s.state == LISTEN and s.source_port == port), None)
    if listener is None:
        return None
    pid = _holder(listener.inode, listener.uid)
    if pid:
        problem = FORWARDED if _name(pid) in FORWARDERS else "" if _same_network(pid) else CONTAINER
        return Engine(listener.inode, pid, owner=listener.uid, problem=problem)
    return _unseen(listener)


def _unseen(listener: Socket) -> Engine:
    """An engine of another user: its control group tells its sockets, or its user id where that is its own."""
    mates = [pid for pid in _pids() if _owner(pid) == listener.uid]
    known = [pid for pid in mates if _name(pid).startswith(ENGINE)]
    if not any(_same_network(pid) for pid in known):
        return Engine(listener.inode, owner=listener.uid, problem=CONTAINER)
    group = listener.cgroup if listener.cgroup > ROOT_GROUP and listener.cgroup != own_group() else 0
    uid = listener.uid if listener.uid and listener.uid != os.getuid() else 0
    problem = "" if group or uid else SHARED
    return Engine(listener.inode, 0, 0 if group else uid, group, listener.uid, problem)


def own_group() -> int:
    """The id of this process's control group, 0 where it has none (of version 2)."""
    try:
        lines = _read("/proc/self/cgroup").splitlines()
        path = next(line[3:] for line in lines if line.startswith("0::"))
        return os.stat(f"/sys/fs/cgroup{path}").st_ino
    except (OSError, StopIteration):
        return 0


def _holder(inode: int, uid: int) -> int:
    """The oldest process that holds the socket, 0 where none can be seen."""
    return next((pid for pid in _pids() if _owner(pid) == uid and inode in inodes([pid])), 0)


def _pids() -> Iterator[int]:
    return iter(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()))


def _owner(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def _name(pid: int) -> str:
    try:
        return _read(f"/proc/{pid}/comm").strip()
    except OSError:
        return ""


def _same_network(pid: int) -> bool:
    try:
        return os.stat(f"/proc/{pid}/net/dev").st_ino == os.stat("/proc/self/net/dev").st_ino
    except OSError:
        return False


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
