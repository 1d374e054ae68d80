"""Searching one corpus: keyword and vector candidates, one score for both, duplicates collapsed.

Passages are ranked by what both parts say, each measured in what this corpus and embedder usually reach (see
calibrate.py). Whether the answer is there at all is another question, answered by how much of the question's content
stands in the first passages; scores are scaled so that the first one says that. When the vectors cannot be used,
keyword search goes on and says so.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from llamune.chat.passage import Passage, Retriever
from llamune.errors import LlamuneError
from llamune.knowledge import keyword
from llamune.knowledge.chroma import Vectors
from llamune.knowledge.corpus import Corpus
from llamune.knowledge.embedders import Embedder
from llamune.knowledge.schema import LIVE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST = 20  # passages in which the answer is expected
STRIKING = 2.0  # weight of what a cosine has beyond chance, whatever the vectors are usually worth
CLEAR = 0.25  # so far above a vector that means nothing, a question is understood as well as vectors ever do
TRUSTED = 0.5  # weight of the keyword part from which on cosines do not say whether an answer is there


@dataclass(frozen=True, slots=True)
class Scale:
    """How the parts of a score are measured in one corpus with one embedder.

    Args:
        weight: of the keyword part, from 0 to 1; the rest is the vectors'.
        keyword: what the best match of a question usually scores in keyword search.
        mean, top: the cosine of any passage with a question, and that of the nearest one.
        chance: how near wrong passages come, in parts of the way from `mean` to `top`; what is nearer is no chance.
        blank: how near the nearest passage is to a vector that means nothing, likewise.
        lower, upper: scores; below `lower` the answer is not there, from `upper` on a match is strong.
        auc: area under the curve with which thresholds told questions with an answer from those without; 0 = unknown.
    """

    weight: float = 0.7
    keyword: float = 0.3
    mean: float = 0.0
    top: float = 0.5
    chance: float = 1.3
    blank: float = -1.0
    lower: float = 0.2
    upper: float = 0.6
    auc: float = 0.0

    def understood(self, best: float) -> float:
        """The weight of the keyword part in one question, by the cosine of its nearest passage."""
        clear = (self.near(best) - self.blank) / CLEAR
        return 1 - (1 - self.weight) * min(1.0, max(0.0, clear))

    def fused(self, lexical: float, cosine: float | None, weight: float) -> float:
        """What a passage is ranked by; without vectors the keyword part is all. `weight`: see `understood`."""
        said = lexical / self.keyword
        if cosine is None:
            return said
        near = self.near(cosine)
        return weight * said + (1 - weight) * near + STRIKING * max(0.0, near - self.chance)

    def sure(self, coverage: float, cosine: float | None) -> float:
        """How sure it is that a passage is about the question, from 0 to about 1."""
        weight = 1.0 if cosine is None or self.weight >= TRUSTED else self.weight
        return weight * coverage + (1 - weight) * self.near(cosine or 0.0)

    def near(self, cosine: float) -> float:
        """A cosine in parts of the way from `mean` to `top`."""
        return (cosine - self.mean) / (self.top - self.mean)


@dataclass(frozen=True, slots=True)
class Scored:
    """An entry with what both searches say about it. `sure`: see `Scale`; `ranks`: as in `Passage`."""

    entry: int
    chunk: int
    lexical: float
    cosine: float | None
    coverage: float
    score: float
    sure: float
    ranks: dict[Retriever, int]


@dataclass(frozen=True, slots=True)
class Ways:
    """Which searches take part; leaving one out is for comparing them."""

    keyword: bool = True
    vector: bool = True


class Searcher:
    """Searches one corpus.

    Args:
        embedder: of the corpus; None = keyword search only. `note` says why, for the user.
    """

    def __init__(self, corpus: Corpus, index: Vectors, embedder: Embedder | None, note: str = "") -> None:
        self.corpus, self._vectors, self._embedder, self._note = corpus, index, embedder, note

    async def scored(self, text: str, scale: Scale, ways: Ways = Ways()) -> tuple[list[Scored], str]:
        """All candidates, best first, and what the user should know."""
        wanted = await asyncio.to_thread(keyword.question, self.corpus, text)
        found = await asyncio.to_thread(keyword.candidates, self.corpus, wanted) if ways.keyword else []
        near, cosines, note = await self._near(text, found) if ways.vector else ([], {}, "")
        texts = await asyncio.to_thread(keyword.texts, self.corpus, dict.fromkeys((*found, *near)))
        said = {entry: wanted.match(text) for entry, (_chunk, text) in texts.items()}
        lexical = {entry: match.score for entry, match in said.items()} if ways.keyword else {}
        ranks: dict[Retriever, dict[int, int]] = {
            "keyword": _ranks(lexical), "vector": _ranks({entry: cosines[entry] for entry in near if entry in texts})
        }  # fmt: skip
        weight = scale.understood(max(cosines.values(), default=scale.mean))
        rows = []
        for entry, (chunk, _text) in texts.items():
            cosine = cosines.get(entry, scale.mean) if cosines else None
            fused = scale.fused(lexical[entry], cosine, weight) if ways.keyword else cosine or 0.0
            places = {way: places[entry] for way, places in ranks.items() if entry in places}
            covered = said[entry].coverage
            sure = scale.sure(covered, cosine)
            rows.append(Scored(entry, chunk, lexical.get(entry, 0.0), cosine, covered, fused, sure, places))
        return sorted(rows, key=lambda row: (-row.score, row.entry)), note

    async def search(self, text: str, scale: Scale, limit: int, ways: Ways = Ways()) -> tuple[list[Passage], str]:
        """The best passages, each text once, `limit` of them or fewer, and what the user should know."""
        rows, note = await self.scored(text, scale, ways)
        rows = _rescaled(rows)
        best: dict[int, Scored] = {}
        for row in rows:  # a piece can be found by itself and by a question that it answers
            best.setdefault(row.chunk, row)
        return await asyncio.to_thread(self._passages, text, list(best.values()), limit), note

    async def nearest(self, vector: "NDArray[np.float32]") -> float:
        """The cosine of the passage that is nearest to a vector. Raises KnowledgeError."""
        return max((await self._vectors.nearest(vector, 1)).values(), default=0.0)

    async def _near(self, text: str, found: Sequence[int]) -> tuple[list[int], dict[int, float], str]:
        """Nearest entries, cosines of those and of `found`, and why there are none."""
        if self._embedder is None:
            return [], {}, self._note
        try:
            vector = await self._embedder.question(text)
            near = await self._vectors.nearest(vector)
            return list(near), {**await self._vectors.cosines(vector, found), **near}, ""
        except LlamuneError as error:
            return [], {}, error.message

    def _passages(self, text: str, rows: Sequence[Scored], limit: int) -> list[Passage]:
        marks = ", ".join(str(row.chunk) for row in rows)
        stored = {
            row[0]: row[1:]
            for row in self.corpus.rows(
                "SELECT chunk.id, path, section, text, key, page, date, same"
                f" FROM chunk JOIN document ON document.id = chunk.document WHERE chunk.id IN ({marks}) AND {LIVE}"
            )
        }
        asked = self._questions([row.entry for row in rows])
        found, seen = list[Passage](), set[str]()
        for row in rows:
            if row.chunk not in stored or stored[row.chunk][-1] in seen:
                continue
            seen.add(stored[row.chunk][-1])
            found.append(_passage(self.corpus.name, text, row, stored[row.chunk], row.entry in asked))
            if len(found) == limit:
                break
        return found

    def _questions(self, entries: Sequence[int]) -> set[int]:
        marks = ", ".join(map(str, entries))
        return {e for (e,) in self.corpus.rows(f"SELECT id FROM entry WHERE question IS NOT NULL AND id IN ({marks})")}


def certainty(rows: Sequence[Scored]) -> float:
    """How sure it is that the answer is among these, which are in order."""
    return max((row.sure for row in rows[:FIRST]), default=0.0)


def _rescaled(rows: Sequence[Scored]) -> list[Scored]:
    """The same order, the first with the certainty of all as its score: scores that compare between questions."""
    unit = certainty(rows) / (rows[0].score if rows and rows[0].score > 0 else 1.0)
    return [replace(row, score=max(0.0, row.score * unit)) for row in rows]


def _ranks(scores: dict[int, float]) -> dict[int, int]:
    order = sorted((entry for entry in scores if scores[entry] > 0), key=lambda entry: -scores[entry])
    return {entry: place for place, entry in enumerate(order, 1)}


def _passage(corpus: str, question: str, row: Scored, stored: Sequence[Any], by_question: bool) -> Passage:
    path, section, text, key, page, date, _same = stored
    ranks: dict[Retriever, int] = dict(row.ranks)
    if by_question:
        ranks["question"] = min(ranks.values(), default=1)
    return Passage(
        corpus, path, section, text, key, page, date, round(row.score, 4), ranks, keyword.matched(question, text)
    )
