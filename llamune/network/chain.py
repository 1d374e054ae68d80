"""A log that can only grow: every line carries the hash of all lines before it, so that no line can be changed, taken
out or moved without a trace.

One line is `HASH BODY`: BODY is compact JSON, HASH is SHA-256 of the hash before it (64 zeros for the first) and BODY.
Several processes append at once, under a lock of the file. A line that a crash left half is dropped by the next one who
appends, who says so in a line of its own. Who signed what is `signing`'s; finding faults is `proof`'s.
"""

import errno
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

TAIL = 64 * 1024  # bytes read from the end to find the last line; no line is longer
PATIENCE_S = 1.0  # for another writer, which takes milliseconds
LONGEST = TAIL // 2  # bytes of a body; of a longer one stays what it was about
Facts = Mapping[str, Any]


class Place(NamedTuple):
    """The end of a chain: the number of its last entry (0 = there is none), and its hash."""

    n: int
    hash: str

    @property
    def short(self) -> str:
        """Enough to compare by eye: number and the first 16 digits."""
        return f"{self.n}:{self.hash[:16]}"


START = Place(0, "0" * 64)


def digest(before: str, body: str) -> str:
    """The hash of an entry."""
    return hashlib.sha256((before + body).encode()).hexdigest()


def split(line: str) -> tuple[str, dict[str, Any]] | None:
    """Hash and facts of a line, None where it is no line of a chain."""
    head, _blank, body = line.partition(" ")
    try:
        facts = json.loads(body)
    except (ValueError, RecursionError):
        return None
    sound = len(head) == 64 and isinstance(facts, dict) and type(facts.get("n")) is int
    return (head, facts) if sound and isinstance(facts.get("t"), int | float) else None


class Chain:
    """One log file. Its methods raise OSError; after one nothing of what was to be written is in the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator["Open"]:
        """The file for one writer alone, made if need be; a half line at its end is taken out and told."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _lock(handle)
            opened = Open(handle, *_last(handle))
            if opened.torn:
                os.ftruncate(handle, os.fstat(handle).st_size - opened.torn)
                opened.append([{"kind": "torn", "bytes": opened.torn}])
            yield opened
        finally:
            os.close(handle)

    def append(self, events: Sequence[Facts]) -> Place:
        """Adds entries; each gets number, time, and the clock that nobody can set."""
        with self.opened() as log:
            return log.append(events)


class Open:
    """A log that nobody else writes to now. `place` is its end."""

    def __init__(self, handle: int, place: Place, torn: int) -> None:
        self._handle, self.place, self.torn = handle, place, torn

    def append(self, events: Sequence[Facts]) -> Place:
        """Adds entries. Raises OSError, and then none of them is there."""
        size, place, lines = os.fstat(self._handle).st_size, self.place, []
        for event in events:
            body = _body(place.n + 1, event)
            body = body if len(body) <= LONGEST else _body(place.n + 1, {"kind": event["kind"], "too long": len(body)})
            place = Place(place.n + 1, digest(place.hash, body))
            lines.append(f"{place.hash} {body}\n")
        data = "".join(lines).encode()
        try:
            if os.write(self._handle, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._handle, size)
            raise
        self.place = place
        return place

    def sync(self) -> None:
        """Waits until the disk has it."""
        os.fsync(self._handle)


def _body(n: int, event: Facts) -> str:
    facts = {"n": n, "t": round(time.time(), 3), **_clock(), **event}
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":"))


def _clock() -> dict[str, Any]:
    """Seconds since this machine was started, and which start that was: no user can set this clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    up = time.clock_gettime(clock) if clock is not None and sys.platform != "win32" else time.monotonic()
    boot = ""
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read(8)
    return {"up": round(up, 3), "boot": boot}


def _last(handle: int) -> tuple[Place, int]:
    """The end of the chain, and how many bytes of a half line stand behind it."""
    size = os.fstat(handle).st_size
    os.lseek(handle, max(0, size - TAIL), os.SEEK_SET)
    whole, newline, torn = os.read(handle, TAIL).rpartition(b"\n")
    if not newline and size > TAIL:
        raise OSError(errno.EILSEQ, "this is no log")
    if not newline:
        return START, len(torn)
    line = whole.rpartition(b"\n")[2].decode("utf-8", "replace")
    if found := split(line):
        return Place(found[1]["n"], found[0]), len(torn)
    return Place(_count(handle), hashlib.sha256(line.encode()).hexdigest()), len(torn)  # somebody wrote into it


def _count(handle: int) -> int:
    """How many whole lines there are."""
    os.lseek(handle, 0, os.SEEK_SET)
    return sum(piece.count(b"\n") for piece in iter(lambda: os.read(handle, 1 << 20), b""))


def _lock(handle: int) -> None:
    """One writer at a time; the lock goes with the file, however the process ends. Raises OSError when another writer
    does not let go: whoever waits here may be what a user waits for."""
    if sys.platform == "win32":
        return
    import fcntl

    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        except OSError:  # a file system without locks
            return
