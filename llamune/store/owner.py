"""Which process writes an answer, and whether it still lives: a pid alone is not enough, since pids are used again.

A process is named by its pid and when it started. On Linux that is read from /proc, elsewhere psutil tells it.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. `start` is an opaque text that no later process of the same pid has; "" = not known."""

    pid: int
    start: str

    @property
    def alive(self) -> bool:
        """Where starts cannot be known at all, everyone counts as alive: better an answer too long than one cut."""
        return started(self.pid) == self.start


def me() -> Owner:
    """This process."""
    return Owner(os.getpid(), started(os.getpid()))


def started(pid: int) -> str:
    """When process `pid` started; "" when there is none, or only its remains (a zombie)."""
    return _started_linux(pid) if sys.platform == "linux" else _started_elsewhere(pid)


def _started_linux(pid: int) -> str:
    stat = _read(f"/proc/{pid}/stat")
    state, *fields = stat.rpartition(")")[2].split() or ["X"]  # the name before may hold spaces and brackets
    if state in "ZX":
        return ""
    boot = _read("/proc/sys/kernel/random/boot_id").strip()  # starts count from the boot
    return f"{boot}:{fields[18]}"  # starttime, field 22 of proc(5)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _started_elsewhere(pid: int) -> str:
    import psutil  # type: ignore[import-untyped]  # only here: Linux does not pay for it

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.Error:
        return ""
