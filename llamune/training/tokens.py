"""Pairs as token numbers, made by the engine that will serve the model: its template, its tokenizer, its end mark."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llamune import files
from llamune.chat.message import Message
from llamune.training.pairs import Pair
from llamune.training.served import Served

AT_ONCE = 8  # requests; llama.cpp's tokenizer is not the wait, the way to it is
COMPARED = 6  # prompts whose answers are compared at the end
PLAIN = ("Hello", "こんにちは")  # beside the questions kept back


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the pairs.

    Args:
        rows: by split; too_long: pairs left out; tokens: of all rows that are learned from, once.
    """

    rows: dict[str, int]
    too_long: int
    tokens: int


async def write(pairs: Sequence[Pair], served: Served, length: int, path: Path) -> Counted:
    """Writes the rows of all pairs that have at most `length` tokens. Raises TrainingError, OSError."""
    end, gate = await served.ending(), asyncio.Semaphore(AT_ONCE)

    async def row(pair: Pair) -> dict[str, Any]:
        async with gate:
            asked = await served.prompt(pair.messages[:-1])
            answer = await served.tokens(pair.answer)
        return {"ids": [*asked, *answer, *end], "answer": len(asked), "split": pair.split, "source": pair.source}

    counted, too_long, tokens = dict[str, int](), 0, 0
    with files.replaced(path) as file:
        for found in await asyncio.gather(*map(row, pairs)):
            if len(found["ids"]) > length:
                too_long += 1
                continue
            counted[found["split"]] = counted.get(found["split"], 0) + 1
            tokens += len(found["ids"]) if found["split"] in ("train", "canary") else 0
            file.write(json.dumps(found) + "\n")
    return Counted(counted, too_long, tokens)


async def compared(pairs: Sequence[Pair], served: Served, longest: int) -> list[tuple[list[Message], list[int]]]:
    """The conversations whose answers are compared between transformers and the engine, with their tokens.

    Args:
        longest: tokens; longer prompts are passed over.
    """
    found: list[tuple[list[Message], list[int]]] = []
    held = [list(p.messages[:-1]) for p in pairs if p.split == "held"]
    for messages in [*([Message("user", text)] for text in PLAIN), *held]:
        prompt = await served.prompt(messages)
        if len(prompt) <= longest:
            found.append((messages, prompt))
        if len(found) == COMPARED:
            break
    return found
