"""Where two answers differ, as pieces of text: words where words are spaced, words and characters in Japanese.

Pure and bounded: sentences are compared first, and only what stands against each other in them is taken apart further.
It sees wording, not meaning.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "left", "right"]

SENTENCE = re.compile(r".*?(?:[。！？]+[」』）]*|[.!?]+(?=\s)|\n|\Z)\s*", re.DOTALL)
WORD = re.compile(  # numbers and Latin words, runs of katakana, runs of kanji; anything else character by character
    r"[0-9０-９]+(?:[.,．，][0-9０-９]+)*|[^\W\d_\u2e80-\uffff]+(?:['’-][^\W\d_\u2e80-\uffff]+)*"
    r"|[ァ-ヴー]+|[一-鿿々]+|\s+|.",
    re.DOTALL,
)
ISLAND = 2  # characters; a shorter common piece between two differences only makes them harder to read
FINE = 4_000_000  # words × words above which two passages count as different as a whole (about 0.1 s)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text: in both ("same"), only in the first ("left") or only in the second ("right")."""

    kind: Kind
    text: str


def differences(a: str, b: str) -> list[Piece]:
    """The pieces of `a` and `b` in order: "same" and "left" joined are `a`, "same" and "right" joined are `b`."""
    pieces: list[Piece] = []
    for left, right in _aligned(SENTENCE.findall(a), SENTENCE.findall(b)):
        pieces += [Piece("same", left)] if left == right else _fine(left, right)
    return list(_joined(pieces))


def alike(pieces: Sequence[Piece]) -> float:
    """How much of both texts is the same, 0 to 1, by characters."""
    same = sum(2 * len(p.text) for p in pieces if p.kind == "same")
    different = sum(len(p.text) for p in pieces if p.kind != "same")
    return same / (same + different) if same + different else 1.0


def _aligned(a: Sequence[str], b: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Runs of `a` and `b` that stand against each other; equal ones are the same."""
    for _tag, a1, a2, b1, b2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        yield "".join(a[a1:a2]), "".join(b[b1:b2])


def _fine(left: str, right: str) -> list[Piece]:
    """Two different passages, word by word; common pieces too short to be read are part of the difference."""
    a, b = WORD.findall(left), WORD.findall(right)
    if len(a) * len(b) > FINE:
        return [Piece("left", left), Piece("right", right)]
    pieces: list[Piece] = []
    for one, other in _aligned(a, b):
        if one == other and len(one.strip()) >= ISLAND:
            pieces.append(Piece("same", one))
        else:
            pieces += [Piece("left", one), Piece("right", other)]
    return _trimmed(pieces)


def _trimmed(pieces: list[Piece]) -> list[Piece]:
    """The same with common beginnings and ends of a difference given back: an island at the edge is no island."""
    merged: list[Piece] = []
    for run in _runs(pieces):
        left = "".join(p.text for p in run if p.kind == "left")
        right = "".join(p.text for p in run if p.kind == "right")
        if run[0].kind == "same":
            merged += run
        else:
            merged += _cut(left, right)
    return merged


def _runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    run: list[Piece] = []
    for piece in pieces:
        if run and (piece.kind == "same") != (run[-1].kind == "same"):
            yield run
            run = []
        run.append(piece)
    if run:
        yield run


def _cut(left: str, right: str) -> list[Piece]:
    a, b = WORD.findall(left), WORD.findall(right)
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    middle = [Piece("left", "".join(a[start : len(a) - end])), Piece("right", "".join(b[start : len(b) - end]))]
    return [Piece("same", "".join(a[:start])), *middle, Piece("same", "".join(a[len(a) - end :]))]


def _joined(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Without empty pieces, neighbours of one kind as one; left before right inside a difference."""
    for run in _runs([p for p in pieces if p.text]):
        for kind in ("same", "left", "right"):
            if text := "".join(p.text for p in run if p.kind == kind):
                yield Piece(kind, text)
