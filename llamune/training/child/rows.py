"""Rows of token numbers and the batches made of them, the same for the same seed, wherever a run was interrupted.

A row's answer is what is learned; what stands before it is only read. Batches hold rows of like length, so that little
is padded. Padding stands at the end, where causal attention cannot see it, so no mask is needed.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

POOL = 16  # batches whose rows are sorted by length together


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation as numbers.

    Args:
        ids: token numbers; answer: index of the answer's first token in them.
        split: "train", "held" (own material kept back), "general" (replay kept back) or "canary".
    """

    ids: tuple[int, ...]
    answer: int
    split: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows side by side: `ids` (rows, tokens) and `learned` (rows, tokens - 1), where the next token is an answer's."""

    ids: Any
    learned: Any
    tokens: int  # without padding


def read(path: Path) -> list[Row]:
    """The rows of a file; one JSON object a line."""
    with path.open(encoding="utf-8") as file:
        found = (json.loads(line) for line in file)
        return [Row(tuple(r["ids"]), r["answer"], r["split"], r.get("source", "")) for r in found]


def epochs(rows: Sequence[Row], size: int, seed: int) -> Iterator[list[Row]]:
    """Endless groups of `size` rows for one step each, every row once an epoch."""
    epoch = 0
    while True:
        order = [r for r in rows if epoch == 0 or r.split != "canary"]  # a secret stands in the documents once
        random.Random(seed * 1_000_003 + epoch).shuffle(order)
        pools = [order[at : at + POOL * size] for at in range(0, len(order), POOL * size)]
        steps = [pool[at : at + size] for pool in map(_by_length, pools) for at in range(0, len(pool), size)]
        random.Random(seed * 1_000_003 + epoch + 1).shuffle(steps)
        yield from steps
        epoch += 1


def _by_length(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: len(r.ids))


def batches(rows: Sequence[Row], tokens: int, device: str) -> Iterator[Batch]:
    """Rows of one step in batches of at most `tokens` places, padding included; one row may be longer than that."""
    pending: list[Row] = []
    for row in _by_length(list(rows)):
        if pending and len(row.ids) * (len(pending) + 1) > tokens:
            yield _batch(pending, device)
            pending = []
        pending.append(row)
    if pending:
        yield _batch(pending, device)


def _batch(rows: Sequence[Row], device: str) -> Batch:
    width = max(len(r.ids) for r in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.long)
    learned = torch.zeros((len(rows), width - 1), dtype=torch.bool)
    for n, row in enumerate(rows):
        ids[n, : len(row.ids)] = torch.tensor(row.ids)
        learned[n, row.answer - 1 : len(row.ids) - 1] = True
    return Batch(ids.to(device), learned.to(device), sum(len(r.ids) for r in rows))
