"""Measures how well keyword search and vectors find things in one corpus, and from which score on a match means it.

No questions are at hand, so the corpus asks itself: a phrase is taken out of a passage, and the passage without it
should be found by it; then the passage is hidden as a whole, and nothing should be. What both searches score then
gives the weights of the fusion and the thresholds. Phrases share more words with their surroundings than people's
questions do, so the figures are those of easy questions; they are shown with their area under the curve. What vectors
find is therefore trusted question by question: no further than it is beyond what vectors without meaning find.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from llamune.errors import KnowledgeError
from llamune.knowledge import keyword
from llamune.knowledge.corpus import Corpus
from llamune.knowledge.embedders import BUILT_IN, Embedder
from llamune.knowledge.retrieve import FIRST, Scale, Scored, Searcher, certainty
from llamune.knowledge.schema import LIVE

PHRASES = 100
ELSEWHERE = 0.85  # coverage from which on a phrase stands in another passage too, so that hiding one hides nothing
LEAST = 20  # phrases; with fewer the figures would be chance
SEED = 7
PHRASE = re.compile(r"[^。、\n：:（）()|.,;!?！？]{6,40}")
FINE, POOR = 1.5, 0.9  # ratio of the reciprocal ranks vectors : keyword from which on vectors lead, or have no say
VECTORS_LEAD = 0.15  # weight of the keyword part where they lead
WRONG = 0.8  # part of the phrases whose nearest wrong passage is not beyond chance; more would miss strong vectors
BLANK = 0.4  # part of the vectors that mean nothing whose nearest passage tells what that is
BUILT_IN_WEIGHT = 0.8  # fitted on the phrases, it finds them too well to be measured with them: benchmarks/knowledge.py
WRONGLY_REFUSED, WRONGLY_STRONG = 0.05, 0.10  # shares of questions with and without an answer


@dataclass(frozen=True, slots=True)
class Trial:
    """One phrase: what was found without the passage it comes from, and that passage without the phrase."""

    others: Sequence[Scored]
    lexical: float
    coverage: float
    cosine: float | None


async def calibrate(corpus: Corpus, searcher: Searcher, embedder: Embedder | None) -> Scale:
    """The scale of a corpus as it is now."""
    trials = [trial for asked in _phrases(corpus) if (trial := await _try(corpus, searcher, embedder, *asked))]
    if len(trials) < LEAST:
        return Scale(weight=1.0 if embedder is None else Scale().weight)
    known = embedder and embedder.name != BUILT_IN and all(trial.cosine is not None for trial in trials)
    scale = _measure(trials, embedder, await _blank(searcher, embedder) if embedder and known else [])
    trials = [t for t in trials if all(row.coverage < ELSEWHERE for row in t.others)] or trials
    without = [_certain(trial, scale) for trial in trials]
    found = [max(sure, scale.sure(trial.coverage, trial.cosine)) for sure, trial in zip(without, trials, strict=True)]
    return _thresholds(scale, found, without)


def stored(scale: Scale) -> dict[str, float]:
    """As a corpus keeps it."""
    return asdict(scale)


def restored(values: Mapping[str, Any] | None) -> Scale:
    """What `stored` gave; the usual scale where there is none."""
    return Scale(**values) if values else Scale()


def area(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The area under the curve: how often a score of the first kind is above one of the second."""
    pairs = [(p > n) + (p == n) / 2 for p in positives for n in negatives]
    return sum(pairs) / len(pairs) if pairs else 0.0


def _phrases(corpus: Corpus) -> list[tuple[str, int, str, str]]:
    """Phrases with the number, context and text of their chunk, the same for the same corpus."""
    rows = corpus.rows(f"SELECT chunk.id FROM chunk JOIN document ON document.id = document WHERE {LIVE} ORDER BY 1")
    chance = random.Random(SEED)
    chosen = chance.sample([number for (number,) in rows], min(2 * PHRASES, len(rows)))
    marks = ", ".join(map(str, chosen))
    found = []
    for number, context, text in corpus.rows(f"SELECT id, context, text FROM chunk WHERE id IN ({marks}) ORDER BY 1"):
        phrases = [phrase for phrase in PHRASE.findall(text) if len(phrase.strip()) >= 6]
        if len(phrases) > 1:
            found.append((chance.choice(phrases).strip(), number, context, text))
    return found[:PHRASES]


async def _try(
    corpus: Corpus, searcher: Searcher, embedder: Embedder | None, phrase: str, chunk: int, context: str, text: str
) -> Trial | None:
    rest = f"{context}\n{text.replace(phrase, ' ')}"
    rows, note = await searcher.scored(phrase, Scale())
    if note:
        embedder = None
    wanted = keyword.question(corpus, phrase)
    cosine = None
    if embedder is not None:
        try:
            cosine = float((await embedder.documents([rest]))[0] @ await embedder.question(phrase))
        except KnowledgeError:
            return None
    others = [row for row in rows if row.chunk != chunk]
    match = wanted.match(rest)
    return Trial(others, match.score, match.coverage, cosine)


def _measure(trials: Sequence[Trial], embedder: Embedder | None, blank: Sequence[float]) -> Scale:
    scale = Scale(keyword=median(max([t.lexical, *(r.lexical for r in t.others)]) for t in trials) or Scale().keyword)
    if embedder is None or any(t.cosine is None for t in trials):
        return replace(scale, weight=1.0)
    known = [[t.cosine or 0.0, *_cosines(t)] for t in trials]
    mean, top = median(min(row) for row in known), median(max(row) for row in known)
    scale = replace(scale, mean=mean, top=max(top, mean + 1e-3))
    if embedder.name == BUILT_IN:
        return replace(scale, weight=BUILT_IN_WEIGHT)
    wrong = sorted(max((scale.near(cosine) for cosine in _cosines(t)), default=0.0) for t in trials)
    chance, nothing = wrong[int(WRONG * len(wrong))], scale.near(sorted(blank)[int(BLANK * len(blank))])
    return replace(scale, weight=_weight(trials), chance=chance, blank=nothing)


async def _blank(searcher: Searcher, embedder: Embedder) -> list[float]:
    """The cosines of the nearest passages to vectors in any direction, which mean nothing."""
    import numpy as np

    from llamune.knowledge.embedders.builtin import unit

    shape = (PHRASES, len(await embedder.question("?")))
    made = unit(np.random.default_rng(SEED).standard_normal(shape).astype(np.float32))
    return [await searcher.nearest(vector) for vector in made]


def _cosines(trial: Trial) -> list[float]:
    """Those of the wrong passages."""
    return [row.cosine for row in trial.others if row.cosine is not None]


def _weight(trials: Sequence[Trial]) -> float:
    """The weight of the keyword part, from how well each part finds the passage on its own."""
    lexical = sum(1 / (1 + sum(r.lexical >= t.lexical for r in t.others)) for t in trials)
    vector = sum(1 / (1 + sum((r.cosine or 0) >= (t.cosine or 0) for r in t.others)) for t in trials)
    place = (vector / max(lexical, 1e-9) - POOR) / (FINE - POOR)
    return 1 - (1 - VECTORS_LEAD) * min(1.0, max(0.0, place))


def _certain(trial: Trial, scale: Scale) -> float:
    """How sure the search is without the passage."""
    weight = scale.understood(max(_cosines(trial), default=scale.mean))
    rows = sorted(trial.others, key=lambda row: -scale.fused(row.lexical, row.cosine, weight))
    return certainty([replace(row, sure=scale.sure(row.coverage, row.cosine)) for row in rows[:FIRST]])


def _thresholds(scale: Scale, positives: Sequence[float], negatives: Sequence[float]) -> Scale:
    lower = sorted(positives)[int(WRONGLY_REFUSED * len(positives))]
    upper = sorted(negatives)[int((1 - WRONGLY_STRONG) * len(negatives))]
    return replace(scale, lower=lower, upper=max(lower, upper), auc=round(area(positives, negatives), 3))
