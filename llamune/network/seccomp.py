"""A filter in the kernel that lets a process and all its children open Unix sockets only (Linux, no rights needed).

For where namespaces are refused (containers, Ubuntu's AppArmor): TCP, UDP, raw sockets and io_uring end in EACCES. Not
covered: sockets opened before, and other programs that act when they are asked over a Unix socket.
"""

import ctypes
import os
import platform
import struct

_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # AUDIT_ARCH, number of socket()
_IO_URING_SETUP = 425
_X32 = 0x40000000  # calls of the other convention of x86-64, which would pass by their number
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x0005000D, 0x80000000  # refuse: EACCES
_UNIX, _NETLINK = 1, 16


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("code", ctypes.c_void_p))


def only_unix() -> None:
    """Puts the filter in, for good. To be called before any thread exists. Raises OSError where it is not possible."""
    if platform.machine() not in _MACHINES:
        raise OSError(38, f"no filter for {platform.machine()}")
    code = _filter(*_MACHINES[platform.machine()])
    buffer = ctypes.create_string_buffer(code)
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):  # NO_NEW_PRIVS, SET_SECCOMP
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _filter(machine: int, socket_call: int) -> bytes:
    """Berkeley packet filter: (code, jump if true, jump if false, value); jumps count the lines skipped."""
    lines = (
        (_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0), (_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL),
        (_EQUAL, 4, 0, _IO_URING_SETUP), (_EQUAL, 0, 4, socket_call),
        (_LOAD, 0, 0, 16), (_EQUAL, 2, 0, _UNIX), (_EQUAL, 1, 0, _NETLINK),
        (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW),
    )  # fmt: skip
    return b"".join(struct.pack("HBBI", *line) for line in lines)
