"""Pairs that a local model writes from the documents, each with the place that proves it, standing there literally.

What the model cannot quote is dropped, and counted. The model is asked over the ordinary engine port.
"""

import json
import unicodedata
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from llamune.chat.events import TextArrived
from llamune.chat.message import Message
from llamune.chat.ports import ChatRequest, Engine
from llamune.chat.preset import SamplingOptions
from llamune.sources.document import Document
from llamune.training.dataset.prose import language
from llamune.training.pairs import Pair

SHORTEST = 60  # characters of a section worth asking about
LONGEST = 3000
A_SECTION = 3  # pairs
PROOF = 8  # characters of evidence at least; a full stop stands everywhere
PARTS = ("question", "answer", "evidence")
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "pairs": {
            "type": "array",
            "maxItems": A_SECTION,
            "items": {
                "type": "object",
                "properties": {k: {"type": "string"} for k in PARTS},
                "required": list(PARTS),
                "additionalProperties": False,
            },
        }
    },
    "required": ["pairs"],
    "additionalProperties": False,
}
ASK = {
    "ja": "次の文書だけを根拠に、同僚がしそうな質問と答えを最大{n}組、JSONで書いてください。"
    "evidenceには根拠の文を一字一句そのまま写してください。",
    "en": "From this document alone, write at most {n} questions that a colleague would ask, with answers, as JSON. "
    "Copy the sentence that proves each answer literally into evidence.",
}


@dataclass(slots=True)
class Tally:
    """What became of the model's pairs."""

    asked: int = 0
    kept: int = 0
    unproven: int = 0
    unreadable: int = 0


async def pairs(
    engine: Engine, model: str, num_ctx: int, documents: Sequence[Document], tally: Tally
) -> AsyncGenerator[Pair]:
    """The proven pairs, section by section. Raises EngineError."""
    for document in documents:
        for section in document.sections:
            text = section.text.strip()[:LONGEST]
            if section.kind == "code" or len(text) < SHORTEST:
                continue
            tally.asked += 1
            wish = ASK[language(text)].format(n=A_SECTION)
            heading = " › ".join((document.title, *section.path))
            for found in await _written(engine, model, num_ctx, f"{wish}\n\n# {heading}\n{text}", tally):
                proof = _plain(found["evidence"])
                if len(proof) >= PROOF and proof in _plain(text):
                    tally.kept += 1
                    messages = (
                        Message("user", found["question"].strip()),
                        Message("assistant", found["answer"].strip()),
                    )
                    yield Pair(messages, "qa", document.path, evidence=found["evidence"].strip())
                else:
                    tally.unproven += 1


async def _written(engine: Engine, model: str, num_ctx: int, text: str, tally: Tally) -> list[dict[str, str]]:
    request = ChatRequest(0, model, (Message("user", text),), SamplingOptions(temperature=0.3), num_ctx, False, SCHEMA)
    said = ""
    async with aclosing(engine.chat(request)) as events:
        async for event in events:
            said += event.text if isinstance(event, TextArrived) else ""
    try:
        found = json.loads(said)["pairs"]
        return [p for p in found if all(isinstance(p[k], str) and p[k].strip() for k in PARTS)]
    except (ValueError, KeyError, TypeError):
        tally.unreadable += 1
        return []


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())
