"""Input history across runs: prompt_toolkit's file format, private, and never a reason to fail."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory

LONGEST = 20_000  # characters; a pasted file is in the session, not in the history


class InputHistory(FileHistory):
    """What was typed at the prompt.

    Args:
        path: made with mode 0600 at the first entry.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except (OSError, ValueError):
            return []

    def forget(self, texts: Collection[str]) -> None:
        """Takes entries out of what is remembered in memory."""
        self._loaded_strings = [s for s in self._loaded_strings if s not in texts]

    def store_string(self, string: str) -> None:
        if len(string) > LONGEST:
            return
        try:
            os.close(os.open(self.filename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            super().store_string(string.encode("utf-8", "replace").decode())
        except OSError:
            return  # a full disk or read-only home: the store says so where it matters
