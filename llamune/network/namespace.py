"""A namespace with no network but its own loopback: the kernel has no route out, whatever runs in it (Linux).

The process that enters keeps its pid, terminal, user and files. Sockets by which another program would act outside for
it (name resolvers, message buses, container engines) are covered. All rights over the new namespaces are given up at
once, so that nothing inside can undo it. What stays: sockets opened before, Unix sockets at other places, and whoever
may trace this process from outside. It stops accidents, not an administrator.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Sequence

from llamune.network.sealed import Place

_USER, _NET, _MOUNTS = 0x10000000, 0x40000000, 0x00020000  # CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS
_BIND = 0x1000  # MS_BIND
_HIDDEN = 0x1 | 0x2 | 0x4 | 0x8  # MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC
_SET_ADDRESS, _SET_MASK, _SET_FLAGS = 0x8916, 0x891C, 0x8914  # SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS
_UP = 0x41  # IFF_UP, IFF_RUNNING
_NO_NEW_PRIVILEGES = 38
_CAPABILITIES_3 = 0x20080522
_SETFCAP = 1 << 31
_FOLDERS = (
    "/run/nscd", "/var/run/nscd", "/run/systemd", "/run/dbus", "/run/avahi-daemon", "/run/docker", "/run/containerd",
    "/run/podman", "/run/crio", "/run/libvirt", "/run/WSL", "/run/user/{uid}/systemd", "/run/user/{uid}/podman",
)  # fmt: skip
_SOCKETS = (
    "/run/docker.sock", "/var/run/docker.sock", "/run/snapd.socket", "/run/user/{uid}/bus",
    "/run/user/{uid}/docker.sock",
)  # fmt: skip
_NAMED = ("DBUS_SESSION_BUS_ADDRESS", "DOCKER_HOST")  # variables that name one: unix:path=… or unix://…


class NotPossible(OSError):
    """This system refuses; `stage` says at which step."""

    def __init__(self, number: int, stage: str) -> None:
        super().__init__(number, os.strerror(number))
        self.stage = stage


def enter(places: Sequence[Place] = (), hosts: str = "") -> list[socket.socket]:
    """Enters, for good. To be called before any thread exists.

    Args:
        places: numeric addresses and ports at which to listen inside; an address beyond loopback becomes its own.
        hosts: replaces /etc/hosts inside, "" = it stays.

    Returns: the listening sockets, in the order of the places.

    Raises: NotPossible. After the stage "unshare" this process may be without any network, lo included: try in a child.
    """
    enter_bare()
    try:
        _cover(os.getuid())
        if hosts:
            replace("/etc/hosts", hosts)
        _loopback(sorted({host for host, _port in places if host != "::1" and not host.startswith("127.")}))
        listening = [_listening(place) for place in places]
    except NotPossible:
        raise
    except OSError as error:
        raise NotPossible(error.errno or errno.EPERM, "setup") from error
    give_up()
    return listening


def enter_bare() -> None:
    """Enters, with all rights over the new namespaces and with nothing in them but lo. Raises NotPossible."""
    uid, gid = os.getuid(), os.getgid()
    if _libc().unshare(_USER | _NET | _MOUNTS):
        raise NotPossible(ctypes.get_errno(), "unshare")
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            _say(f"/proc/self/{name}", text)
        _loopback(())
    except OSError as error:
        raise NotPossible(error.errno or errno.EPERM, "setup") from error


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _say(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _cover(uid: int) -> None:
    """Empty folders and dead files where the sockets of other programs are; what is not there needs no cover."""
    for folder in _FOLDERS:
        if os.path.isdir(path := folder.format(uid=uid)):
            mount("none", path, b"tmpfs", _HIDDEN, b"size=4k,mode=0555")
    named = [os.environ.get(name, "").partition("unix:")[2] for name in _NAMED]
    told = [each.removeprefix("path=").removeprefix("//").partition(",")[0] for each in named if each]
    for path in (*(each.format(uid=uid) for each in _SOCKETS), *told):
        if os.path.exists(path) and not os.path.isdir(path):
            mount("/dev/null", path, None, _BIND)


def replace(path: str, text: str) -> None:
    """Lets a file have another text for whoever is inside. Raises NotPossible."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:  # its name may go, the mount keeps the file
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        mount(file.name, path, None, _BIND)


def mount(what: str, where: str, kind: bytes | None, flags: int = 0, data: bytes | None = None) -> None:
    """mount(2). Raises NotPossible."""
    if _libc().mount(os.fsencode(what), os.fsencode(where), kind, ctypes.c_ulong(flags), data):
        raise NotPossible(ctypes.get_errno(), f"mount {where}")


def _loopback(addresses: Sequence[str]) -> None:
    """Brings lo up and gives it the addresses."""
    import fcntl

    with socket.socket() as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
        for n, address in enumerate(a for a in addresses if ":" not in a):
            name = f"lo:{n}".encode()
            for what, number in ((_SET_ADDRESS, address), (_SET_MASK, "255.255.255.255")):
                packed = struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(number))
                fcntl.ioctl(sock, what, packed)
    if more := [a for a in addresses if ":" in a]:
        with socket.socket(socket.AF_INET6) as sock:
            for address in more:
                packed = struct.pack("=16sIi", socket.inet_pton(socket.AF_INET6, address), 128, 1)  # 1 is always lo
                fcntl.ioctl(sock, _SET_ADDRESS, packed)


def _listening(place: Place) -> socket.socket:
    return socket.create_server(place, family=socket.AF_INET6 if ":" in place[0] else socket.AF_INET, backlog=512)


def give_up() -> None:
    """No right over the namespaces, and none to be had by any program that is started. Raises NotPossible.

    Root keeps the one without which the kernel makes no namespace for root inside this one; over this one it is none.
    """
    libc = _libc()
    kept = 0 if os.getuid() else _SETFCAP
    head, rights = struct.pack("=Ii", _CAPABILITIES_3, 0), struct.pack("=6I", kept, kept, 0, 0, 0, 0)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.capset(head, rights):
        raise NotPossible(ctypes.get_errno(), "capset")
