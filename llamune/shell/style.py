"""Colours and signs of this terminal, settled once at the start. Knows no content."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

CODES = {
    "dim": "2",
    "bold": "1",
    "good": "32",
    "warn": "33",
    "bad": "31",
    "model": "1;36",
    "mark": "1;33",
    "title": "1",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How text is set off here. `color` False (NO_COLOR, dumb terminals) leaves text as it is."""

    color: bool = True

    def __call__(self, text: str, tone: str) -> str:
        """`text` in a tone; line by line, so that a cut in the middle never leaves a colour on."""
        if not self.color or tone not in CODES or not text:
            return text
        return "\n".join(f"\x1b[{CODES[tone]}m{line}\x1b[0m" if line else "" for line in text.split("\n"))


def colors(environment: Mapping[str, str] = os.environ, *, terminal: bool = True) -> bool:
    """Whether to use colours: not into pipes, not on dumb terminals, not against NO_COLOR (no-color.org)."""
    return terminal and not environment.get("NO_COLOR") and environment.get("TERM", "") not in ("dumb", "unknown", "")
