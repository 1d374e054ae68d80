"""Keyword search: FTS5 brings candidates, BM25 over all terms of the question ranks them.

The index is asked for the rarest terms only, so that a question made of common words costs no more than another one.
Scores are shares of what a perfect match would get, terms that stand nowhere included: 0 to about 1, comparable between
questions, and low for a question about something else.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from llamune.knowledge.corpus import Corpus
from llamune.knowledge.entries import embedded
from llamune.knowledge.schema import JOINED, LIVE
from llamune.knowledge.terms import asked, content, fold

K1, B = 1.2, 0.5  # of BM25; passages are of about one length, so that length says little
CANDIDATES = 100
POSTINGS = 30_000  # the index reads about this many occurrences for one question
MOST_TERMS = 64
TERMS = 2.5  # of a character, about: itself where it is a kanji, a pair, a triple


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the weight of each of its terms in one corpus.

    Args:
        weights: term → inverse document frequency.
        postings: term → in how many entries it stands.
        content: the weights of those terms that carry its content.
        average: mean number of terms of an entry.
    """

    text: str
    weights: Mapping[str, float]
    postings: Mapping[str, int]
    content: Mapping[str, float]
    average: float

    @property
    def best(self) -> float:
        """BM25 of a text of average length with every term twice."""
        return sum(self.weights.values()) * 2 * (K1 + 1) / (2 + K1) or 1.0

    def match(self, text: str) -> "Match":
        """How well a text matches. Terms are counted where they stand, which is what cutting it into terms gives."""
        folded = fold(text)
        counts = {term: count for term in self.weights if (count := folded.count(term))}
        long = K1 * (1 - B + B * TERMS * len(folded) / self.average)
        found = sum(self.weights[term] * count * (K1 + 1) / (count + long) for term, count in counts.items())
        covered = sum(weight for term, weight in self.content.items() if term in counts)
        return Match(found / self.best, covered / (sum(self.content.values()) or 1.0))


@dataclass(frozen=True, slots=True)
class Match:
    """What keyword search says about a text.

    Args:
        score: BM25 as a share of the best, see above.
        coverage: the part of the question's content that stands in the text, from 0 to 1.
    """

    score: float
    coverage: float


def question(corpus: Corpus, text: str) -> Question:
    """A question as this corpus weighs it."""
    words = asked(text)[:MOST_TERMS]
    count, average = corpus.rows("SELECT count(*), coalesce(avg(length), 1.0) FROM entry")[0]
    meant = [term for term in content(text) if term in words] or words
    postings = dict(
        corpus.rows(
            "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))", json.dumps(words)
        )
    )
    weights = {w: math.log(1 + (count - postings.get(w, 0) + 0.5) / (postings.get(w, 0) + 0.5)) for w in words}
    return Question(text, weights, postings, {term: weights[term] for term in meant}, max(average, 1.0))


def candidates(corpus: Corpus, wanted: Question, limit: int = CANDIDATES) -> list[int]:
    """The entries that match best, roughly; best first."""
    if not (rare := _rare(wanted)):
        return _beginning(corpus, wanted.text, limit)
    match = " OR ".join(f'"{term}"' for term in rare)
    rows = corpus.rows("SELECT rowid FROM term WHERE term MATCH ? ORDER BY rank LIMIT ?", match, limit)
    return [number for (number,) in rows]


def matched(question: str, text: str) -> tuple[str, ...]:
    """The longest pieces of a question that stand in a text, folded, in the question's order."""
    asked, given, found, at = fold(question), fold(text), list[str](), 0
    while at < len(asked):
        end = at + 1
        while end <= len(asked) and asked[at:end] in given and not asked[at:end].isspace():
            end += 1
        piece = asked[at : end - 1].strip(" 、。？?！!「」")
        if len(piece) > 1 or (piece and piece >= "\u4e00"):
            found.append(piece)
        at = max(end - 1, at + 1)
    return tuple(dict.fromkeys(found))


def texts(corpus: Corpus, entries: Iterable[int]) -> dict[int, tuple[int, str]]:
    """Entry → its piece's number and its text, of those that are searched."""
    marks = ", ".join(str(int(entry)) for entry in entries)
    rows = corpus.rows(
        f"SELECT entry.id, chunk.id, question, context, chunk.text FROM {JOINED} WHERE entry.id IN ({marks}) AND {LIVE}"
    )
    return {entry: (chunk, embedded(asked, context, text)) for entry, chunk, asked, context, text in rows}


def _rare(wanted: Question) -> Sequence[str]:
    """Terms from the rarest on, as many as the index may read; at least the rarest one."""
    chosen, read = list[str](), 0
    for term in sorted(wanted.postings, key=lambda term: wanted.postings[term]):
        read += wanted.postings[term]
        if chosen and read > POSTINGS:
            break
        chosen.append(term)
    return chosen


def _beginning(corpus: Corpus, text: str, limit: int) -> list[int]:
    """Entries for a question of one kana or letter, which begins terms and is none."""
    bare = "".join(char for char in fold(text) if char.isalnum())
    if len(bare) != 1:
        return []
    rows = corpus.rows("SELECT rowid FROM term WHERE term MATCH ? ORDER BY rank LIMIT ?", f'"{bare}"*', limit)
    return [number for (number,) in rows]
