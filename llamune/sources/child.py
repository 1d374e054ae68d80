"""The process that reads files: one request per line on stdin, any number of answers per line on stdout, all JSON.

    {"file": path, "digest": of the last time}  →  {"digest": …, "same": bool}, then {"part": …} | {"failure": …} …, {}

It is started by `worker`, limits its own memory and time, writes no file, and believes nothing that it reads. Whatever
goes wrong in here costs one file.
"""

import errno
import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from typing import IO, Any

from llamune.sources.formats import parts
from llamune.sources.part import MAX_FILE, Failure, Part, Unreadable

SLACK = 5  # seconds: the parent's clock strikes first, and it can say why
CLOSED = {errno.EACCES: "permission", errno.EPERM: "permission", errno.ELOOP: "link"}


def main(memory: int, seconds: int) -> None:
    """Answers until stdin ends. Args: memory: bytes of address space; seconds: for one answer."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")  # no halves of pairs
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)  # a library that prints must not answer
    os.dup2(null, 2)
    _limit(memory)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        _alarm(seconds + SLACK)
        for answer in _answers(request["file"], request["digest"]):
            _answer(out, answer)
            _alarm(seconds + SLACK)
        _alarm(0)
        _answer(out, {})


def _answer(out: IO[str], answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n")
    out.flush()


def _answers(file: str, digest: str) -> Iterator[dict[str, Any]]:
    try:
        content = _content(file)
        mine = sha256(content).hexdigest()
        yield {"digest": mine, "same": mine == digest}
        if mine != digest:
            for found in parts(content, os.path.basename(file)):
                yield {"part" if isinstance(found, Part) else "failure": asdict(found)}
    except Unreadable as error:
        yield {"failure": asdict(Failure("", error.reason))}
    except OSError as error:
        yield {"failure": asdict(Failure("", CLOSED.get(error.errno or 0, "missing")))}
    except MemoryError:
        yield {"failure": asdict(Failure("", "memory"))}


def _content(file: str) -> bytes:
    """The bytes of a plain file; what became a link or a pipe since it was listed is not opened."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(file, flags), "rb") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("special")
        if status.st_size > MAX_FILE:
            raise Unreadable("large")
        return opened.read(MAX_FILE + 1)


def _limit(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    for limit, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with suppress(ValueError, OSError):  # macOS knows no limit of address space
            resource.setrlimit(limit, (value, value))
    os.nice(5)


def _alarm(seconds: int) -> None:
    """Ends this process by the system's own means, even inside a library, even when the parent is gone."""
    if sys.platform != "win32":
        signal.alarm(seconds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
