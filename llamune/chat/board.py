"""What is known of running answers, from their events: which state since when. Counts and remembers, draws nothing."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

from llamune.chat.events import (
    AnswerCancelled,
    AnswerFailed,
    AnswerFinished,
    AnswerQueued,
    Event,
    ModelLoading,
    PromptReading,
    TextArrived,
    ThinkingArrived,
)
from llamune.chat.fanout import Running
from llamune.chat.session import Turn

State = Literal["waiting", "loading", "reading", "thinking", "writing", "done"]


@dataclass(slots=True)
class Lane:
    """One running answer. `since` is when its state began (seconds, monotonic); `why` says what it waits for."""

    answer_id: int
    since: float
    letter: str = ""
    model: str = ""
    preset: str = ""
    state: State = "waiting"
    why: str = ""
    pieces: int = 0  # of text; a token each on most engines
    reading: int = 0
    text: list[str] = field(default_factory=list)
    thinking: list[str] = field(default_factory=list)
    end: AnswerFinished | AnswerFailed | AnswerCancelled | None = None

    def take(self, event: Event, now: float) -> None:
        """Notes what an event changes."""
        match event:
            case AnswerQueued():
                self.letter, self.model, self.preset, self.why = event.letter, event.model, event.preset, event.why
                self.text.clear()
                self.thinking.clear()
                self.pieces = 0
                self._enter("waiting", now)
            case ModelLoading():
                self._enter("loading", now)
            case PromptReading():
                self.reading = event.tokens
                self._enter("reading", now)
            case ThinkingArrived():
                self.thinking.append(event.text)
                self._enter("thinking", now)
            case TextArrived():
                self.pieces += 1
                self.text.append(event.text)
                self._enter("writing", now)
            case AnswerFinished() | AnswerFailed() | AnswerCancelled():
                self.end = event
                self._enter("done", now)
            case _:
                assert_never(event)

    def _enter(self, state: State, now: float) -> None:
        if state != self.state:
            self.state, self.since = state, now


class Background:
    """Answers that go on while the user types; owns their tasks.

    Args:
        arrived: told of a turn and its lanes when all its background answers have ended.
        changed: called when the board changed.
    """

    def __init__(self, arrived: Callable[[Turn, list[Lane]], None], changed: Callable[[], None]) -> None:
        self._arrived = arrived
        self._changed = changed
        self._running: list[Running] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.lanes: dict[int, Lane] = {}

    def start(self, turn: Turn, running: Running) -> None:
        """Lets the answers of a turn be made from now on."""
        task = asyncio.create_task(self._follow(turn, running), name=f"line-up of turn {turn.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def open(self) -> list[Lane]:
        """Answers that have not ended, in the order they were asked."""
        return [lane for lane in self.lanes.values() if lane.end is None]

    def stop(self, answer_id: int | None = None) -> int:
        """Stops one background answer, or all. Returns how many."""
        wanted = [lane.answer_id for lane in self.open if answer_id in (None, lane.answer_id)]
        for running in self._running:
            for i in set(running.ids) & set(wanted):
                running.stop(i)
        return len(wanted)

    async def aclose(self) -> None:
        """Cuts all of them; what came is kept, and the rows say so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, turn: Turn, running: Running) -> None:
        async with running:
            self._running.append(running)
            mine = {i: Lane(i, time.monotonic()) for i in running.ids}
            self.lanes |= mine
            try:
                async for event in running:
                    mine[event.answer_id].take(event, time.monotonic())
                    if not isinstance(event, TextArrived | ThinkingArrived):
                        self._changed()
            finally:
                self._running.remove(running)
                for i in mine:
                    self.lanes.pop(i, None)
        self._arrived(turn, list(mine.values()))


def by_letter(lanes: Mapping[int, Lane], letter: str) -> Lane | None:
    """The running answer with that letter, newest turn first."""
    found = [lane for lane in lanes.values() if lane.letter == letter.upper()]
    return found[-1] if found else None
