"""Newline-delimited JSON, fed in pieces of any size. Pure: no network, no clock.

A piece may end in the middle of a character, a number or a string; only a newline ends an object.
"""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Final

LONGEST_LINE: Final = 16 * 1024 * 1024  # bytes; a server that never ends its line must not fill our memory


class BadLine(ValueError):
    """A line is no JSON object, or has no end."""


class Lines:
    """Bytes in, whole lines out (without their end)."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that `piece` completes. Raises BadLine when one is endless."""
        first, *others = piece.split(b"\n")
        self._rest += first
        for part in others:
            yield bytes(self._rest).rstrip(b"\r")
            self._rest = bytearray(part)
        if len(self._rest) > LONGEST_LINE:
            raise BadLine("endless line")

    def end(self) -> bytes:
        """What came after the last newline."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest


class Objects:
    """Bytes in, JSON objects out."""

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """The objects that `piece` completes. Raises BadLine."""
        for line in self._lines.feed(piece):
            if line.strip():
                yield json_object(line)

    def end(self) -> Iterator[dict[str, Any]]:
        """The last object, when its newline is missing. Raises BadLine when it is only half there."""
        if (rest := self._lines.end()).strip():
            yield json_object(rest)


async def objects(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[dict[str, Any]]:
    """The objects of a body, as they arrive. Raises BadLine, and what `pieces` raises."""
    found = Objects()
    async with aclosing(pieces):
        async for piece in pieces:
            for value in found.feed(piece):
                yield value
    for value in found.end():
        yield value


def json_object(line: bytes) -> dict[str, Any]:
    """One line as an object. Raises BadLine."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadLine(str(error)) from error
    if not isinstance(value, dict):
        raise BadLine("not an object")
    return value
