"""What the trained model answers inside transformers: greedy tokens with log-probabilities, to be compared with what
the engine answers from the file that was written.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

TOP = 20


def answers(model: Any, prompts: Iterable[Sequence[int]], length: int, ends: Sequence[int], device: str) -> list[Any]:
    """For each prompt the greedy tokens, one step each: {"id": n, "top": [[id, log-probability], …]}.

    Args:
        prompts: token numbers; length: tokens at most; ends: tokens that end an answer.
    """
    model.eval()
    return [_answer(model, list(prompt), length, set(ends), device) for prompt in prompts]


def _answer(model: Any, ids: list[int], length: int, ends: set[int], device: str) -> list[Any]:
    steps: list[Any] = []
    for _n in range(length):
        with torch.no_grad():
            hidden = model.model(input_ids=torch.tensor([ids], device=device)).last_hidden_state[0, -1]
            scores = torch.log_softmax(model.lm_head(hidden).float(), -1)
        best = scores.topk(min(TOP, len(scores)))
        pairs = list(zip(best.indices.tolist(), best.values.tolist(), strict=True))
        steps.append({"id": pairs[0][0], "top": [[i, round(p, 5)] for i, p in pairs]})
        ids = [*ids, pairs[0][0]]
        if pairs[0][0] in ends:
            break
    return steps
