"""Questions about everything and nothing (general.toml): some for replay, some that no documents answer."""

import tomllib
from pathlib import Path


def questions(kind: str) -> tuple[str, ...]:
    """The questions of a kind: "replayed" or "unanswered"."""
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        return tuple(tomllib.load(file)[kind])
