"""How far the work on a collection is, on standard error: what is being done, how many of how many, how long it takes.

Only on a terminal; elsewhere nothing is written.
"""

import sys
import time
from typing import Any

from llamune.cli.compare_bar import made
from llamune.i18n import _
from llamune.text import seconds

SHOWN = 0.2  # seconds between two looks


class Bar:
    """A progress bar for steps that follow one another; `step` may be called from any thread."""

    def __init__(self) -> None:
        self._rich: Any = None
        self._task: Any = None
        self._what, self._began, self._first, self._shown = "", 0.0, 0, 0.0

    def __enter__(self) -> "Bar":
        if sys.stderr.isatty():
            self._rich = made()
            self._task = self._rich.add_task("", total=None, left="")
            self._rich.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._rich:
            self._rich.stop()

    def step(self, what: str, done: int, total: int) -> None:
        """`done` of `total` are done of a step: "read", "fit", "embed", "index", "measure", "ask", "answer"."""
        now = time.monotonic()
        if not self._rich or (what == self._what and now - self._shown < SHOWN):
            return
        if what != self._what:
            self._what, self._began, self._first = what, now, done
        self._shown = now
        here = done - self._first
        left = (now - self._began) / here * (total - done) if here and now - self._began > 1 else 0.0
        said = _("about {time} left").format(time=seconds(left * 1000)) if left else ""
        self._rich.update(self._task, completed=done, total=max(total, 1), left=said, description=_name(what))


def _name(what: str) -> str:
    return {
        "read": _("reading"),
        "fit": _("fitting the built-in embedder"),
        "embed": _("making vectors"),
        "index": _("filling the index"),
        "measure": _("measuring the search"),
        "ask": _("writing questions"),
        "answer": _("answering"),
    }[what]
