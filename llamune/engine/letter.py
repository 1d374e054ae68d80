"""A chat request that leaves before the program is awake, for `llamune ask`.

Most of what happens between Enter and the first token of a one-shot is Python importing. So the bytes of the last
request are remembered, the question cut out; when the same words are typed again with another question, that request is
posted at once, and everything is imported while the server works. It is a guess and nothing else: the program then
makes its request as always, and only where that has the very same bytes does it read the answer to this letter
(`take`). Otherwise the letter is thrown away, and the server stops.

Only a plain server on this machine is written to, the one that was called the last time, and only with what surely fits
its context. The file holds no question and no answer. This module imports next to nothing; keep it so.
"""

import json
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from llamune import __version__

FILE = "ask.json"
KEPT = 8  # shapes of requests that are remembered
CONNECT_S = 0.5
Place = tuple[str, int]
Seal = Callable[[str, Sequence[Place], int], None]
MARK = b"\r\nContent-Length: "


class Letter:
    """What was posted, if anything was. Times in seconds of `time.perf_counter`."""

    def __init__(self, sock: socket.socket | None = None, sent: bytes = b"") -> None:
        self._sock, self._sent, self._at = sock, sent, time.perf_counter()
        self.wanted = b""  # what the program itself sent, or would have

    def take(self, data: bytes) -> tuple[socket.socket, float] | None:
        """The connection over which exactly `data` was posted, and how many seconds ago; None: it has to be sent."""
        self.wanted = data
        sock, self._sock = self._sock, None
        if sock is not None and data == self._sent:
            return sock, time.perf_counter() - self._at
        if sock is not None:
            sock.close()
        return None

    def close(self) -> None:
        """Gives up a letter that nobody took; the server stops working on it."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def home() -> str:
    """The home folder as `paths.find` gives it, where that can be said without asking a library; else ""."""
    if named := os.environ.get("LLAMUNE_HOME"):
        return os.path.abspath(os.path.expanduser(named))
    if sys.platform != "linux":
        return ""
    data = os.environ.get("XDG_DATA_HOME", "").strip() or os.path.expanduser("~/.local/share")
    return os.path.join(data, "llamune")


def post(folder: str, words: Sequence[str], seal: Seal | None = None) -> Letter:
    """Posts the request that these words made the last time, with the last word as the question; or nothing.

    Args:
        folder: the home folder; words: those behind the program's name.
        seal: seals this process as it was sealed then; done before anything is sent.
    """
    try:
        if len(words) < 2 or words[-1].startswith("-") or not stat.S_ISCHR(os.fstat(0).st_mode):
            return Letter()  # no question, or something is piped in, which belongs to it
        shape = _shapes(folder)[_key(folder, words[:-1])]
        question = json.dumps(words[-1].strip(), ensure_ascii=False).encode()
        if len(question) > int(str(shape["limit"])) or not words[-1].strip():
            return Letter()
        host = str(shape["host"])
        if not host.startswith("127.") and host != "::1":
            return Letter()  # this goes out before any policy is loaded: to this machine, and nowhere else
        head, before, after = (str(shape[part]).encode() for part in ("head", "before", "after"))
        if seal:
            mode, places = shape["seal"]
            seal(mode, [(str(a), int(p)) for a, p in places], int(str(shape["port"])))
        body = before + question + after
        data = head + str(len(body)).encode() + b"\r\n\r\n" + body
        return Letter(_sent((host, int(str(shape["port"]))), data), data)
    except (OSError, LookupError, ValueError, TypeError, AttributeError):  # nothing remembered, or nothing listens
        return Letter()


def _sent(server: tuple[str, int], data: bytes) -> socket.socket:
    sock = socket.create_connection(server, CONNECT_S)
    try:
        sock.sendall(data)
    except BaseException:
        sock.close()
        raise
    return sock


def keep(
    folder: str, words: Sequence[str], question: str, data: bytes, server: Place, seal: tuple[str, Sequence[Place]]
) -> None:
    """Remembers the shape of a request that worked, unless its question cannot be told from the rest of it.

    Args:
        seal: the setting `sealed`, and the places that stay reachable.
    """
    head, _blank, body = data.partition(b"\r\n\r\n")
    start, _mark, length = head.partition(MARK)
    before, found, after = body.partition(json.dumps(question, ensure_ascii=False).encode("utf-8", "replace"))
    if not words or words[-1].strip() != question or not found or not length.isdigit():
        return
    room = json.loads(body)["options"]["num_ctx"] // 2 - len(before) - len(after)  # a byte is at most one token
    shape = {
        "head": (start + MARK).decode(), "before": before.decode(), "after": after.decode(), "limit": room,
        "host": server[0], "port": server[1], "seal": seal,
    }  # fmt: skip
    key, shapes = _key(folder, words[:-1]), _shapes(folder)
    if shapes.get(key) == shape:
        return
    others = {k: v for k, v in shapes.items() if k != key}
    _write(folder, {key: shape, **dict(list(others.items())[: KEPT - 1])})


def _key(folder: str, words: Sequence[str]) -> str:
    """Everything that decides what a request looks like: the other words, and the state of the files behind it."""
    return json.dumps([__version__, os.environ.get("OLLAMA_HOST", ""), list(words), _stamps(folder)])


def _stamps(folder: str) -> list[object]:
    files = [os.path.join(folder, name) for name in ("settings.toml", "state.json")]
    presets = os.path.join(folder, "presets")
    files += [os.path.join(presets, name) for name in sorted(os.listdir(presets))] if os.path.isdir(presets) else []
    return [_stamp(path) for path in files]


def _stamp(path: str) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [os.path.basename(path), found.st_mtime_ns, found.st_size]


def _shapes(folder: str) -> dict[str, dict[str, Any]]:
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(folder: str, shapes: dict[str, dict[str, Any]]) -> None:
    from contextlib import suppress  # after the question left, not before
    from pathlib import Path

    from llamune import files

    with suppress(OSError):  # a home that cannot be written to: the next time is as slow as this one
        files.replace(Path(folder, FILE), json.dumps(shapes, ensure_ascii=False), durable=False)
