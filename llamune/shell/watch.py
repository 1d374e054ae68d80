"""Answers while they are made, on a screen: one streams, several stand as lines of a board until they are complete.

Reads events, keeps no record: what is shown here is already in the store.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from llamune import text
from llamune.chat.blind import Blind, unnamed
from llamune.chat.board import Lane
from llamune.chat.events import AnswerFailed, AnswerFinished, Event
from llamune.chat.fanout import Running
from llamune.chat.session import Answer
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.shell import columns
from llamune.shell.lanes import board, typed_ahead, waiting_for
from llamune.shell.screen import Screen, above
from llamune.shell.view import View

if TYPE_CHECKING:
    from llamune.shell.stream import AnswerStream

INTERVAL = 0.1  # seconds between redraws while text comes: ten a second cost half the CPU of twenty
SPINNER_EVERY = 3  # intervals between two spinner steps


class Watch:
    """Shows one `Running` on a screen.

    Args:
        thinking: "fold", "show" or "off".
        queued: lines the user typed meanwhile, shown under the answer.
        blind: whose names are hidden.
        stored: gives an answer's record, for what it saw.
        after: says what stands at the end of the line of figures (the traffic, where there is no toolbar).
    """

    def __init__(
        self, screen: Screen, view: View, thinking: str, queued: Iterable[str], blind: Blind,
        stored: Callable[[int], Answer], after: Callable[[], str],
    ) -> None:  # fmt: skip
        self._screen = screen
        self._view = view
        self._thinking = thinking
        self._queued = queued
        self._blind = blind
        self._stored = stored
        self._after = after
        self._running: Running | None = None
        self._lanes: dict[int, Lane] = {}
        self._tick = 0
        self._stream: AnswerStream | None = None
        self._labelled = False
        self._printed = 0  # pieces of the one answer that were given to its renderer
        self._thought = 0  # characters of its thinking that were printed
        self._thinking_since = 0.0

    @property
    def wide(self) -> bool:
        """Whether several answers will stand beside one another when all are there; else each is printed as it ends."""
        return self._screen.live and columns.count(self._screen.columns) > 1

    @property
    def open(self) -> list[Lane]:
        """Answers that have not ended."""
        return [lane for lane in self._lanes.values() if lane.end is None]

    def stop(self, answer_id: int | None = None) -> int:
        """Stops one answer, or all. Returns how many."""
        if self._running is None or (answer_id is not None and answer_id not in self._running.ids):
            return 0
        self._running.stop(answer_id)
        return len(self.open) if answer_id is None else 1

    async def show(self, running: Running, stands: Answer | None) -> list[Lane]:
        """Consumes the events to their end. Returns what became of each answer.

        Args:
            stands: the answer that several new ones are shown beside.
        """
        now = time.monotonic()
        self._running = running
        async with running:
            self._lanes = {i: Lane(i, now) for i in sorted(running.ids)}  # as they were asked
            ticker = asyncio.create_task(self._ticks())
            try:
                async for event in running:
                    await self._take(event)
            finally:
                ticker.cancel()
                with suppress(asyncio.CancelledError):
                    await ticker
                self._screen.preview([])
        if len(self._lanes) > 1 and self.wide:
            answers = [*([stands] if stands else []), *map(self._stored, self._lanes)]
            await above(self._screen, lambda: self._view.side_by_side(answers, self._screen.columns))
        return list(self._lanes.values())

    async def _take(self, event: Event) -> None:
        lane = self._lanes[event.answer_id]
        first = not lane.pieces
        lane.take(event, time.monotonic())
        if self._blind.hides(lane.answer_id):
            lane.model, lane.preset = unnamed(), ""
        if lane.state == "thinking" and not self._thinking_since:
            self._thinking_since = lane.since
        if len(self._lanes) > 1:
            if lane.end and not self.wide:
                await self._whole(lane)
        elif lane.end:
            self._finish(lane)
        elif first and lane.pieces:
            self._flush(lane)

    async def _ticks(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self._tick += 1
            lanes = list(self._lanes.values())
            if len(lanes) > 1:
                if self._tick % SPINNER_EVERY == 0:
                    shown = [lane for lane in lanes if self.wide or not lane.end]
                    self._screen.preview(board(shown, self._screen.room, self._screen.columns, self._tail()))
            elif lanes and not lanes[0].end:
                self._flush(lanes[0])

    # one answer

    def _flush(self, lane: Lane) -> None:
        """Prints what has settled and redraws what has not."""
        if self._thinking == "show":
            self._show_thinking(lane)
        if len(lane.text) > self._printed:
            self._stream = self._stream or self._view.stream(self._screen.columns)
            self._stream.width = self._screen.columns
            new = "".join(lane.text[self._printed :])
            self._printed = len(lane.text)
            settled = self._head(lane) + self._stream.feed(new)
            if settled:
                self._screen.above(settled)
            if self._screen.live:
                self._screen.preview(self._stream.preview(self._screen.room - len(self._tail())) + self._tail())
        elif self._screen.live and not lane.pieces and self._tick % SPINNER_EVERY == 0:
            self._screen.preview([self._waiting(lane), *self._tail()])

    def _head(self, lane: Lane) -> str:
        """The label before the first word, with what was thought before it."""
        if self._labelled:
            return ""
        self._labelled = True
        label, before = self._named(lane)
        if lane.thinking and self._thinking != "show":
            n = sum(map(len, lane.thinking))
            took = text.seconds(1000 * (time.monotonic() - self._thinking_since))
            told = _("thought for {time}, {n} characters · /think shows it").format(time=took, n=f"{n:,}")
            label += "   " + self._view.style(told, "dim")
        return label + "\n" + before

    def _named(self, lane: Lane, letter: str = "") -> tuple[str, str]:
        """Who answers, and what is said before the text."""
        answer = self._stored(lane.answer_id)
        before = self._view.above(answer, self._screen.columns)
        return self._view.label(lane.model, lane.preset, letter, self._view.mark(answer)), before and before + "\n"

    def _show_thinking(self, lane: Lane) -> None:
        """Prints whole lines of thinking as they come."""
        said = "".join(lane.thinking)[self._thought :]
        cut = len(said) if lane.pieces or lane.end else said.rfind("\n") + 1
        self._thought += cut
        lines = text.folded(said[:cut].rstrip("\n"), self._screen.columns)
        if lines.strip():
            if not self._labelled:
                self._screen.above("\n".join(self._named(lane)))
                self._labelled = True
            self._screen.above(self._view.style(lines, "dim"))

    def _finish(self, lane: Lane) -> None:
        """Prints the rest of the one answer and how it ended."""
        self._flush(lane)
        rest = self._stream.end() if self._stream else ""
        if isinstance(lane.end, AnswerFinished) and lane.end.model and lane.end.model != lane.model:
            told = _("(the server says that {model} answered)").format(model=text.one_line(lane.end.model))
            rest += self._view.style(told, "warn") + "\n"
        self._screen.preview([])
        self._screen.above(rest + self._ending(lane) + "\n")

    def _ending(self, lane: Lane) -> str:
        match lane.end:
            case AnswerFinished() if self._blind.hides(lane.answer_id):
                return ""
            case AnswerFinished(usage=usage, reason=reason):
                columns = self._screen.columns
                cited = self._view.cited(self._stored(lane.answer_id), columns)
                figures = self._view.figures(usage, reason, columns, self._after())
                return "\n".join(part for part in (cited, figures) if part)
            case AnswerFailed(message=message, hint=hint):
                return self._view.error(LlamuneError(message, hint), self._screen.columns)
            case _:
                kept = _("stopped; what came is kept") if lane.pieces else _("stopped before the first word")
                return self._view.style(f"({kept})", "warn")

    # several answers

    async def _whole(self, lane: Lane) -> None:
        """Prints an answer that is complete."""
        said, columns, room = "".join(lane.text), self._screen.columns, self._view.room(len(self._lanes))
        (label, before), ending = self._named(lane, lane.letter), self._ending(lane)

        def draw() -> str:
            body = self._view.beginning(said, lane.letter, columns, room)
            return "\n".join(p for p in (label, before.rstrip("\n"), body, ending) if p) + "\n"

        await above(self._screen, draw)

    def _waiting(self, lane: Lane) -> str:
        spinner = self._view.glyphs.spinner
        step = spinner[self._tick // SPINNER_EVERY % len(spinner)]
        said = text.cut(f"{step} {waiting_for(lane, time.monotonic())}", self._screen.columns - 1)
        return self._view.style(said, "dim")

    def _tail(self) -> list[str]:
        """What was typed ahead, under the answer."""
        return typed_ahead(self._queued, self._view, self._screen.columns)
