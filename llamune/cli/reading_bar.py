"""How far the reading of sources is, on standard error; nothing where that is no terminal."""

import sys
from typing import Any


class ReadingBar:
    """A progress bar whose total may become known late."""

    def __enter__(self) -> "ReadingBar":
        self._rich: Any = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._rich = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._rich.add_task("", total=None)
            self._rich.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._rich:
            self._rich.stop()

    def show(self, what: str, done: int, total: int) -> None:
        """`done` of `total` are there; 0 = the total is not known."""
        if self._rich:
            self._rich.update(self._task, description=what, completed=done, total=total or None)
