"""How far a comparison is, on standard error: who answers what, how many are done, and about how long it takes.

Only on a terminal; elsewhere nothing is written. Twice a second is enough: whatever computes beside a model that
generates on the same processor costs it speed.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llamune.chat.events import AnswerQueued, Event, ModelLoading, PromptReading, TextArrived, ThinkingArrived
from llamune.i18n import _
from llamune.text import one_line, seconds

PER_SECOND = 2


class Bar:
    """A progress bar.

    Args:
        total: answers in all; `done` of them are there already.
    """

    def __init__(self, total: int, done: int) -> None:
        self._total, self._before, self._done = total, done, done
        self._started = time.monotonic()
        self._rich: Any = None
        self._task: Any = None
        self._pieces = 0

    def __enter__(self) -> "Bar":
        if sys.stderr.isatty() and self._total > 1:
            self._rich = made()
            self._task = self._rich.add_task("", total=self._total, completed=self._done, left="")
            self._rich.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._rich:
            self._rich.stop()

    def show(self, name: str, question: int, event: Event) -> None:
        """What happens to the answer of candidate `name` to question number `question`."""
        if not self._rich:
            return
        self._pieces = self._pieces + 1 if isinstance(event, TextArrived | ThinkingArrived) else 0
        said = _("{name}, question {n}: {state}").format(name=one_line(name), n=question, state=self._state(event))
        self._rich.update(self._task, description=said)

    def advance(self) -> None:
        """One more answer has ended."""
        self._done += 1
        if self._rich:
            here = self._done - self._before
            left = (time.monotonic() - self._started) / here * (self._total - self._done)
            self._rich.update(
                self._task, completed=self._done, left=_("about {time} left").format(time=seconds(left * 1000))
            )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Takes the bar off the screen while something else is printed there."""
        if not self._rich:
            yield
            return
        self._rich.stop()
        try:
            yield
        finally:
            self._rich.start()

    def _state(self, event: Event) -> str:
        match event:
            case AnswerQueued(why=why):
                return one_line(why) or _("waiting")
            case ModelLoading():
                return _("loading the model")
            case PromptReading(tokens=tokens):
                return _("reading {n} tokens").format(n=f"{tokens:,}")
            case ThinkingArrived():
                return _("thinking, {n} tokens").format(n=f"{self._pieces:,}")
            case _:
                return _("writing, {n} tokens").format(n=f"{self._pieces:,}")


def made() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,  # it would send what we print to standard error
        redirect_stderr=False,
        refresh_per_second=PER_SECOND,
    )
