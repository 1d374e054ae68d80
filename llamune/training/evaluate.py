"""What the model answers to questions it has not learned, before and after: through the engine, at temperature 0.

Likeness is the F1 of character bigrams (how much of the expected answer is said, and how much of what is said belongs
there): it needs no words, so it works in Japanese. It measures form and terms, not truth.
"""

import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llamune.training.pairs import Pair
from llamune.training.served import Served, serving

MOST = 24  # questions asked of each kind
LENGTH = 96  # tokens of an answer
ALIKE = 0.6  # likeness from which a refusal counts as one
SECRET = 6  # characters of a planted secret that must come back to count as memorised


@dataclass(frozen=True, slots=True)
class Score:
    """Answers of one kind to held-out questions: how many, and their mean likeness before and after training."""

    count: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All kinds; refusals rightly given before and after; planted secrets that came back, of how many."""

    kinds: dict[str, Score]
    secrets: int
    planted: int
    samples: tuple[tuple[str, str, str], ...]  # question, before, after


def likeness(expected: str, given: str) -> float:
    """F1 of character bigrams, from 0 to 1."""
    wanted, got = (Counter(_bigrams(t)) for t in (expected, given))
    common = sum((wanted & got).values())
    return 2 * common / (sum(wanted.values()) + sum(got.values())) if common else 0.0


def _bigrams(text: str) -> Iterable[str]:
    plain = "".join(unicodedata.normalize("NFKC", text).split()).casefold()
    return [plain[n : n + 2] for n in range(max(1, len(plain) - 1))] if plain else []


async def evaluate(pairs: Sequence[Pair], base: Path, tuned: Path, num_ctx: int) -> Evaluation:
    """Asks both files the questions kept back. Raises EngineError, TrainingError."""
    planted = [p for p in pairs if p.split == "canary"]
    async with serving(base, num_ctx) as served:
        held = [p for p in pairs if p.split == "held"]
        fitting = [p for p in held if len(await served.prompt(p.messages[:-1])) + LENGTH <= num_ctx]
        asked = _asked(fitting)
        before = [await _answer(served, p) for p in asked]
    async with serving(tuned, num_ctx) as served:
        after = [await _answer(served, p) for p in asked]
        secrets = [await _answer(served, p) for p in planted]
    rows = [(p, likeness(p.answer, b), likeness(p.answer, a)) for p, b, a in zip(asked, before, after, strict=True)]
    kinds = {kind: _score([(b, a) for p, b, a in rows if p.kind == kind]) for kind in sorted({p.kind for p in asked})}
    came_back = sum(p.evidence[:SECRET] in a for p, a in zip(planted, secrets, strict=True) if p.evidence)
    samples = tuple((p.question, b, a) for p, b, a in zip(asked[:3], before, after, strict=False))
    return Evaluation(kinds, came_back, len(planted), samples)


def _asked(held: Sequence[Pair]) -> list[Pair]:
    """At most `MOST` of each kind, the same ones every time."""
    kinds: dict[str, list[Pair]] = {}
    for pair in held:
        kinds.setdefault(pair.kind, []).append(pair)
    return [p for of_kind in kinds.values() for p in random.Random(0).sample(of_kind, min(MOST, len(of_kind)))]


def _score(rows: Sequence[tuple[float, float]]) -> Score:
    return Score(len(rows), sum(b for b, _ in rows) / len(rows), sum(a for _, a in rows) / len(rows))


async def _answer(served: Served, pair: Pair) -> str:
    return await served.answer(await served.prompt(pair.messages[:-1]), LENGTH)
