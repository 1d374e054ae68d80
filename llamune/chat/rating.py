"""What the user thinks of answers, as values: votes, scores, choices; and the turns in which answers met.

Kept by the store, counted by `ranking.py`. Nothing here weighs anything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Vote = Literal["", "good", "bad"]
SCORES = ("accuracy", "natural", "useful")
LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True, slots=True)
class Rating:
    """What the user said about one answer.

    Args:
        accuracy, natural, useful: 1 to 5; None = not said.
        blind: the names of the answers were hidden when this was last said.
        task: what the turn was for: the preset or mode it was asked with, "" = not known.
        chosen_at: when the user let this answer stand, knowingly (/adopt, /keep); None = never.
    """

    answer_id: int
    vote: Vote = ""
    accuracy: int | None = None
    natural: int | None = None
    useful: int | None = None
    comment: str = ""
    blind: bool = False
    task: str = ""
    chosen_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def scores(self) -> tuple[int, ...]:
        """The scores that were given."""
        return tuple(s for s in (self.accuracy, self.natural, self.useful) if s is not None)


@dataclass(frozen=True, slots=True)
class Entry:
    """One complete answer in a contest. `ended_at` is when it was there, as far as is known."""

    model: str
    preset: str
    ended_at: datetime
    adopted: bool = False
    rating: Rating | None = None


@dataclass(frozen=True, slots=True)
class Contest:
    """A turn about whose answers the user has said something: all its complete answers, also rejected ones."""

    turn_id: int
    entries: tuple[Entry, ...]

    @property
    def task(self) -> str:
        return next((e.rating.task for e in self.entries if e.rating and e.rating.task), "")
