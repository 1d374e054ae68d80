"""Which places of an answer are marked in a report: the values that differ in fact, and wording that only it has.

Places are (start, end) in the text; marking never changes the text. Nothing is escaped here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from llamune.chat.compare import alike, differences
from llamune.chat.disagreement import Report

LONGEST = 20_000  # characters of two texts whose wording is compared
UNLIKE = 0.3  # texts with less in common are different as a whole, and marking all of them says nothing


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text; `fact`: it differs in fact, `wording`: only this answer says it so."""

    text: str
    fact: bool = False
    wording: bool = False


def pieces(letter: str, text: str, report: Report, other: str | None) -> Iterator[Piece]:
    """The text in runs.

    Args:
        letter: of the answer, as in the report.
        other: the answer that its wording is compared with; None = it is not.
    """
    facts = list(_facts(letter, text, report))
    wording = list(_wording(text, other)) if other is not None else []
    edges = sorted({0, len(text), *(edge for span in (*facts, *wording) for edge in span)})
    for start, end in pairwise(edges):
        yield Piece(text[start:end], _inside(start, facts), _inside(start, wording))


def _facts(letter: str, text: str, report: Report) -> Iterator[tuple[int, int]]:
    """Where the values of differences stand; of something that others lack, each value in its sentence."""
    for difference in report.differences:
        sentence, written = difference.sentences.get(letter, ""), difference.values.get(letter, "")
        at = text.find(sentence) if sentence and written else -1
        if at < 0:
            continue
        end = at + len(sentence)
        for value in [written] if written in sentence else written.split(", "):
            if (place := text.find(value, at, end)) >= 0 and value:
                yield place, place + len(value)


def _wording(text: str, other: str) -> Iterator[tuple[int, int]]:
    if len(text) + len(other) > LONGEST:
        return
    found = differences(other, text)
    if alike(found) < UNLIKE:
        return
    at = 0
    for piece in found:
        if piece.kind == "right" and piece.text.strip():
            yield at, at + len(piece.text)
        at += len(piece.text) if piece.kind != "left" else 0


def _inside(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)
