"""Whose answers are judged without a name: hides the makers of answers until somebody has voted.

Values go in with names and come out without, so that whatever shows them cannot tell. The store always has the names.
Lasts as long as the program runs; it decides nothing.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from llamune.chat.lineup import Candidate
from llamune.chat.session import Answer, Turn, Usage
from llamune.i18n import _


class Blind:
    """The answers whose makers are hidden now. `on`: those of the next /retry will be."""

    def __init__(self) -> None:
        self.on = False
        self._hidden: set[int] = set()

    def hide(self, answer_ids: Iterable[int]) -> None:
        self._hidden.update(answer_ids)

    def hides(self, answer_id: int) -> bool:
        return answer_id in self._hidden

    def reveal(self, turn: Turn | None = None) -> tuple[Answer, ...]:
        """Names everything again; returns the answers of `turn` that were hidden."""
        seen = tuple(a for a in turn.answers if a.id in self._hidden) if turn else ()
        self._hidden.clear()
        return seen

    def masked(self, answer: Answer) -> Answer:
        """The answer as it may be shown: without its maker, and without the figures and sources that would tell."""
        if answer.id not in self._hidden:
            return answer
        bare = replace(answer, knowledge="", seen=None, checked=None)
        return replace(bare, model=unnamed(), preset="", digest="", engine="", usage=Usage())

    def masked_turn(self, turn: Turn) -> Turn:
        """The turn with its answers as they may be shown."""
        return replace(turn, answers=tuple(map(self.masked, turn.answers)))


def unnamed() -> str:
    """What stands in the place of a hidden name."""
    return _("(hidden)")


def shuffled(candidates: Sequence[Candidate], source: random.Random) -> list[Candidate]:
    """In an order that tells nothing; candidates of one model stay together, so that each is loaded once."""
    models = list(dict.fromkeys(c.model for c in candidates))
    source.shuffle(models)
    mixed = source.sample(candidates, len(candidates))
    return sorted(mixed, key=lambda c: models.index(c.model))
