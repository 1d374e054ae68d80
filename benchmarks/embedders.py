"""Embedders made for measuring how keyword search and vectors are put together, from useless ones to oracles.

An oracle knows which passage a text is about. Of the labelled questions all of them know it, or of some
kinds; of the phrases by which a corpus measures itself only those that are not `blind`: to the corpus a blind one is
what chance is. Nothing here is as good or as bad as it is by way of language.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from llamune.knowledge.corpus import Corpus
from llamune.knowledge.entries import embedded
from llamune.knowledge.evaluate import Question
from llamune.knowledge.followup import complete
from llamune.knowledge.terms import fold

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

WIDTH = 64


@dataclass(frozen=True, slots=True)
class Made:
    """An `Embedder`.

    Args:
        vector: makes a vector of a text, of about length 1.
        noise: how much of a question's vector is chance, as a multiple of what it says.
    """

    name: str
    vector: "Callable[[str], Matrix]"
    noise: float = 0.0
    size: int = 180

    def count(self, text: str) -> int:
        return len(text)

    async def digest(self) -> str:
        return self.name

    async def documents(self, texts: Sequence[str]) -> "Matrix":
        import numpy as np

        from llamune.knowledge.embedders.builtin import unit

        return unit(np.array([self.vector(text) for text in texts], np.float32).reshape(len(texts), WIDTH))

    async def question(self, text: str) -> "Matrix":
        from llamune.knowledge.embedders.builtin import unit

        return unit(self.vector(text) + self.noise * chance(f"noise {text}"))


def chance(text: str) -> "Matrix":
    """A direction that depends on nothing but the text; of about length 1."""
    import numpy as np

    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return np.asarray(np.random.default_rng(seed).standard_normal(WIDTH) / WIDTH**0.5, np.float32)


def constant(_text: str) -> "Matrix":
    """The same for all."""
    return chance("")


def pairs(text: str) -> "Matrix":
    """The sum of the directions of a text's pairs of characters: what a tiny model knows."""
    import numpy as np

    return np.sum([chance(pair) for pair in _pairs(text) or {text}], axis=0)


def oracle(
    corpus: Corpus, asked: Sequence[Question], *, kinds: Sequence[str] = (), blind: bool = False
) -> "Callable[[str], Matrix]":
    """Vectors of one that knows.

    Args:
        kinds: of questions that it understands; () = all.
        blind: whether it understands nothing but passages and labelled questions.
    """
    import numpy as np

    rows = corpus.rows("SELECT context, text FROM chunk ORDER BY id")
    passages = {embedded(None, context, text): text for context, text in rows}
    answers = _answers(passages, asked, kinds)
    had = {passage: _pairs(passage) for passage in passages}

    @cache
    def vector(text: str) -> "Matrix":
        if text in passages or (blind and text not in answers):
            return chance(text)
        if text not in answers:
            mine = _pairs(text)
            return chance(max(had, key=lambda passage: len(mine & had[passage])))
        return np.sum([np.zeros(WIDTH), *map(chance, answers[text])], axis=0)

    return vector


def _answers(passages: Mapping[str, str], asked: Sequence[Question], kinds: Sequence[str]) -> dict[str, list[str]]:
    """Question → the passages with its evidence; none where it is of a kind that is not understood."""
    bare, found = {whole: _bare(text) for whole, text in passages.items()}, {}
    for question in asked:
        quotes = [_bare(quote) for _document, quote in question.evidence if not kinds or question.kind in kinds]
        about = [whole for whole, text in bare.items() if any(quote in text for quote in quotes)]
        found[complete(question.text, question.history)] = about
    return found


def _bare(text: str) -> str:
    return "".join(fold(text).split())


def _pairs(text: str) -> set[str]:
    return {"".join(pair) for pair in pairwise(_bare(text))}
