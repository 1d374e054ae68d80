"""Small files: private ones written in one step (a crash leaves the old file or the new one), any read without waiting.

Not for files that grow (logs, histories, databases): their owners open those themselves.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from llamune.i18n import _

LARGEST = 1_000_000  # bytes of a file that is read whole


def read(path: Path, most: int = LARGEST) -> bytes:
    """A small file. Raises OSError, also for a pipe or a device, which could be waited for without end, and for a file
    of more than `most` bytes."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, _("it is no file"), str(path))
        with open(handle, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(handle)
    if len(data) > most:
        raise OSError(errno.EFBIG, _("it is larger than {n} bytes").format(n=f"{most:,}"), str(path))
    return data


@contextmanager
def replaced(path: Path, *, durable: bool = True) -> Iterator[TextIO]:
    """A file to write that takes the place of `path` when the block ends well; otherwise nothing changes.

    Args:
        path: the file behind a link is replaced, so that the link stays.
        durable: waits until the disk has it (a few ms); False for what may be lost in a power cut.

    Raises: OSError.
    """
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def replace(path: Path, text: str, *, durable: bool = True) -> None:
    """Writes a private text file in one step (see `replaced`), in a folder that is made (0700). Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replaced(path, durable=durable) as file:
        file.write(text)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """A sign to other processes: a shared lock on a file while the block runs. The system takes it away from the dead.

    Without effect where the file cannot be made, or the system has no such locks: it is a courtesy, not a safeguard.
    """
    try:
        import fcntl

        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
