"""Whether the engine really says what was trained: the same prompts through transformers and through the engine.

The largest difference of a log-probability among the likely tokens is the figure. What the base itself differs by
(arithmetic on quantised weights) is measured beside it. llama.cpp is asked token by token along the reference; a server
answers freely, so there the comparison ends where both have chosen different tokens.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamune.training.served import Served, serving

LIMIT = 0.02  # of a log-probability, for F16 (measured 0.005 to 0.019 on real servers); and above what the base has
LIMITS: Mapping[str, float] = {"F16": LIMIT, "Q8_0": 0.3}  # eight bits cost 0.22 on the same model
LIKELY = 5  # tokens compared a step
PARTIAL = "\N{REPLACEMENT CHARACTER}"  # of a token that is only part of a character

Texts = Sequence[tuple[bytes, Mapping[bytes, float]]]


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest difference of a log-probability, over `steps` steps."""

    largest: float
    steps: int


async def in_file(gguf: Path, prompts: Sequence[Sequence[int]], reference: Sequence[Any], num_ctx: int) -> Difference:
    """The difference between a file in llama.cpp and the answers of transformers.

    Args:
        reference: of `child.reference`, one answer for each prompt.
    """
    worst, count = 0.0, 0
    async with serving(gguf, num_ctx) as served:
        for prompt, answer in zip(prompts, reference, strict=True):
            seen = list(prompt)
            for step in answer:
                likely = await served.next(seen)
                known = [abs(p - likely[i]) for i, p in step["top"][:LIKELY] if i in likely]
                worst, count = max([worst, *known]), count + bool(known)
                seen.append(step["id"])
    return Difference(worst, count)


async def in_bytes(reference: Sequence[Any], served: Served) -> list[Texts]:
    """The reference with the text of each token instead of its number, for servers that tell texts.

    An answer ends where a token is only part of a character: servers tell nothing of those.
    """
    numbers = {i for answer in reference for step in answer for i, _ in step["top"][:LIKELY]}
    texts = {i: await served.text([i]) for i in numbers}
    found: list[Texts] = []
    for answer in reference:
        whole: list[tuple[bytes, Mapping[bytes, float]]] = []
        for step in answer:
            if PARTIAL in texts[step["id"]]:
                break
            likely = {texts[i].encode(): p for i, p in step["top"][:LIKELY] if texts[i] and PARTIAL not in texts[i]}
            whole.append((texts[step["id"]].encode(), likely))
        found.append(whole)
    return found


def by_text(reference: Iterable[Texts], answered: Iterable[Texts]) -> Difference:
    """The difference between what a server answered and the reference."""
    worst, count = 0.0, 0
    for wanted, given in zip(reference, answered, strict=True):
        for (token, top), (their_token, their_top) in zip(wanted, given, strict=False):
            known = [abs(top[t] - their_top[t]) for t in top if t in their_top]
            worst, count = max([worst, *known]), count + bool(known)
            if token != their_token:
                break  # a tie fell the other way: what follows is another text
    return Difference(worst, count)
