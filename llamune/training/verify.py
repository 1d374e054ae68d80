"""Whether the engine really says what was trained: the same prompts through transformers and through the engine.

Steps are compared while both have chosen the same tokens; the largest difference of a log-probability among the likely
tokens is the figure. What the base itself differs by (arithmetic on quantised weights) is measured beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamune.training.served import TOP, Served, Step, serving

LIMIT = 0.02  # of a log-probability, for F16 (measured 0.005 to 0.019 on real servers); and above what the base has
LIMITS: Mapping[str, float] = {"F16": LIMIT, "Q8_0": 0.3}  # eight bits cost 0.22 on the same model
LIKELY = 5  # tokens compared a step


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome. `difference` and `base` in log-probability; `steps` were compared."""

    difference: float
    base: float
    steps: int
    limit: float

    @property
    def verified(self) -> bool:
        return self.steps > 0 and self.difference <= self.base + self.limit


async def by_file(gguf: Path, prompts: Sequence[Sequence[int]], length: int, num_ctx: int) -> list[list[Step]]:
    """The greedy answers of a file in llama.cpp."""
    async with serving(gguf, num_ctx) as served:
        return [(await served.answer(prompt, length, TOP))[1] for prompt in prompts]


def largest(reference: Sequence[Any], answered: Sequence[Sequence[Step]]) -> tuple[float, int]:
    """The largest difference over all prompts, and how many steps were compared."""
    worst, count = 0.0, 0
    for wanted, given in zip(reference, answered, strict=True):
        for theirs, ours in zip(given, wanted, strict=False):
            top = dict(ours["top"][:LIKELY])
            worst = max([worst, *(abs(top[i] - theirs.top[i]) for i in top if i in theirs.top)])
            count += 1
            if theirs.token != ours["id"]:
                break  # a tie fell the other way: what follows is another text
    return worst, count


async def in_bytes(reference: Sequence[Any], served: Served) -> list[list[tuple[bytes, dict[bytes, float]]]]:
    """The reference with the text of each token instead of its number, for engines that tell texts."""
    numbers = {i for answer in reference for step in answer for i, _ in step["top"][:LIKELY]}
    numbers |= {step["id"] for answer in reference for step in answer}
    texts = {i: (await served.text([i])).encode() for i in numbers}
    return [[(texts[s["id"]], {texts[i]: p for i, p in s["top"][:LIKELY]}) for s in answer] for answer in reference]


def largest_by_text(
    reference: Iterable[Sequence[tuple[bytes, Mapping[bytes, float]]]],
    answered: Iterable[Sequence[tuple[bytes, Mapping[bytes, float]]]],
) -> tuple[float, int]:
    """As `largest`, for texts; parts of a character and control tokens have none and are passed over."""
    worst, count = 0.0, 0
    for wanted, given in zip(reference, answered, strict=True):
        for (token, top), (their_token, their_top) in zip(wanted, given, strict=False):
            known = [t for t in top if t in their_top and t and b"\xef\xbf\xbd" not in t]
            worst = max([worst, *(abs(top[t] - their_top[t]) for t in known)])
            count += bool(known)
            if token != their_token and b"\xef\xbf\xbd" not in token:
                break
    return worst, count
