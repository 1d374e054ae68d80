"""Notices that an old server (before 0.30) cut the prompt, which it does without a word whatever it was asked.

Such a server first drops the oldest messages until the rest fits, then cuts inside. What it says afterwards is only
how many tokens it evaluated, so that number is compared with the context, and with what prompts of this model took
per estimated token before. It knows nothing of HTTP.
"""

import re
from typing import Final

NEWEST_OLD: Final = (0, 30)
SMALL: Final = 0.5  # of the context: a prompt that cannot have been cut, and so teaches what a token is
MISSING: Final = 0.85  # a prompt that took less than this part of what it should have taken was cut


def cuts_silently(version: str) -> bool:
    """Whether a server of that version cuts although it was told not to; an unknown version counts as old."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return numbers is None or (int(numbers[1]), int(numbers[2])) < NEWEST_OLD


class CutWatch:
    """Learns from every answer of one server."""

    def __init__(self) -> None:
        self._ratio: dict[str, float] = {}

    def suspicious(self, estimate: int, num_ctx: int) -> bool:
        """Whether the prompt may have been near the context at all, so that the server's version matters."""
        return estimate >= SMALL * num_ctx

    def learn(self, model: str, estimate: int, counted: int, num_ctx: int) -> None:
        """Remembers the tokens per estimated token of a prompt that was certainly not cut."""
        if counted and estimate and not self.suspicious(max(estimate, counted), num_ctx):
            self._ratio[model] = counted / estimate

    def was_cut(self, model: str, estimate: int, counted: int, num_ctx: int) -> bool:
        """Whether `counted` tokens are fewer than the prompt must have had.

        Args:
            estimate: our own rough count of the prompt; counted: the server's prompt_eval_count.
        """
        if counted >= num_ctx:
            return True
        expected = self._ratio.get(model, 0.0) * estimate
        return expected > num_ctx and counted < MISSING * expected
