"""What the chat says without being asked: answers and indexes that came from behind, evidence that is not written, a
context that fills, and how long a command has been at work. It decides nothing and stops nothing.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llamune import text
from llamune.chat.board import Lane
from llamune.chat.events import AnswerFailed, AnswerFinished
from llamune.chat.session import Turn
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import _
from llamune.knowledge.renewals import Renewal
from llamune.shell.lanes import typed_ahead

if TYPE_CHECKING:
    from llamune.shell.repl import Repl

FULL = 0.8  # of the context: from here on the gauge warns


class Notices:
    """The notices of one chat."""

    def __init__(self, repl: "Repl") -> None:
        self._repl = repl
        self._unwritten = ""  # why evidence is not being written, as it was told

    def _say(self, said: str, tone: str) -> None:
        view, screen = self._repl.view, self._repl.screen
        screen.above(f"{view.style(view.glyphs.dot, tone)} {text.folded(said, screen.columns - 2)}")

    def arrived(self, turn: Turn, lanes: Iterable[Lane]) -> None:
        """One line when a turn's background answers are there, and one for each that failed."""
        if self._repl.front.left.done():
            return
        ends = [(lane, lane.end) for lane in lanes]
        if came := [text.one_line(lane.model) for lane, end in ends if isinstance(end, AnswerFinished)]:
            asked = text.cut(text.one_line(turn.question), 24)
            told = _("answers from {models} have arrived for “{question}”   /answers · /ignore")
            self._say(told.format(models=_(" and ").join(dict.fromkeys(came)), question=asked), "good")
        for lane, end in ends:
            if isinstance(end, AnswerFailed):
                self._say(f"{lane.letter} {text.one_line(lane.model)}: {end.message}", "warn")
        self.written_down(lane for lane, _end in ends)
        self._repl.refresh()

    def written_down(self, lanes: Iterable[Lane]) -> list[AnswerFinished]:
        """The ends of answers that are complete; which weights made them is part of the evidence."""
        ends = [lane.end for lane in lanes if isinstance(lane.end, AnswerFinished)]
        for end in ends:
            self._repl.app.evidence.note("model", end.model, name=end.model, digest=end.digest)
        return ends

    def renewed(self, renewal: Renewal, error: Exception | None) -> None:
        """One line when a collection has its new index, or why it has none and what to do."""
        if error is None and not renewal.made:
            return self._say(_("{name}: its index is up to date").format(name=renewal.corpus), "good")
        if error is None:
            took = text.seconds(1000 * (time.monotonic() - renewal.began))
            told = _("{name} has its new index, made in {time}").format(name=renewal.corpus, time=took)
            return self._say(told, "good")
        if not isinstance(error, LlamuneError):
            return self._repl.fail(error)
        told = _("{name} keeps the index it has: {reason} {hint} {command} tries again.")
        if isinstance(error, UsageError):  # the same again would fail again
            told = _("{name} keeps the index it has: {reason} {hint}")
        said = told.format(name=renewal.corpus, reason=error.message, hint=error.hint, command=renewal.command)
        self._say(" ".join(said.split()), "warn")

    def evidence(self) -> None:
        """Says once that evidence is not being written, or is again."""
        if (problem := self._repl.app.evidence.problem) != self._unwritten:
            self._unwritten = problem
            told = _("evidence is not being written: {reason}").format(reason=problem) if problem else ""
            self._say(told or _("evidence is being written again"), "warn" if problem else "good")

    def context(self, filled: float) -> None:
        """Warns when little of the context is left; `filled` is the part in use, 0 to 1."""
        if filled >= FULL:
            told = _("The context is {percent} % full: /compact shortens it, /context size N gives more room.")
            self._repl.screen.above(self._repl.view.style(told.format(percent=round(100 * filled)), "warn"))

    def at_work(self, since: float) -> None:
        """How long a command has been at work, and what was typed meanwhile; answers say so themselves."""
        view, screen, now = self._repl.view, self._repl.screen, time.monotonic()
        told = _("{time} · Ctrl-C stops it").format(time=text.seconds(1000 * (now - since)))
        row = view.style(f"{view.glyphs.spinner[int(now) % len(view.glyphs.spinner)]} {told}", "dim")
        screen.preview([row, *typed_ahead(self._repl.front.lines, view, screen.columns)])
