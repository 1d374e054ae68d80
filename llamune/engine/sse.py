"""Server-sent events as llama-server writes them: `data: {…}` lines, `[DONE]` at the end. Pure.

Event names, ids and many-line data do not occur there and are not read; comments (pings) are skipped.
"""

from collections.abc import Iterator
from typing import Any

from llamune.engine.ndjson import Lines, json_object


class SseObjects:
    """Bytes in, JSON objects out; `done` says whether the end mark has come."""

    def __init__(self) -> None:
        self._lines = Lines()
        self.done = False

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """The objects that `piece` completes. Raises BadLine."""
        for line in self._lines.feed(piece):
            field, _colon, value = line.partition(b":")
            if field not in (b"data", b"error") or not value.strip():
                continue
            if value.strip() == b"[DONE]":
                self.done = True
            else:
                found = json_object(value.strip())
                yield found if field == b"data" or "error" in found else {"error": found}
