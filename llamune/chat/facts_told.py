"""What is told in one answer and not in another, where no number or name shows it.

A sentence counts as told when the other answer has one that is about the same. With three answers or more, a word
that all others use in sentences which this one does not tell is worth a line; with two it would be a list of all
wording.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from llamune.chat.facts import Answer
from llamune.chat.facts_text import Bag, Index, terms
from llamune.chat.facts_words import EMPTY

TOLD = 0.2  # likeness from which a sentence counts as told, in other words
SENTENCES = 400  # of an answer that are looked at
TERMS = 20  # told of one answer

_WORD = re.compile(r"[一-鿿々]{2,8}|[ァ-ヴー]{3,20}")


def untold(teller: Answer, sentence: int, other: Answer) -> bool:
    """Whether no sentence of `other` is about what this sentence of `teller` is about."""
    near = Index(_bags(other), {}).near(terms(teller.sentences[sentence].folded))
    return max(near.values(), default=0.0) < TOLD


def telling(others: Sequence[Answer], lacking: Answer) -> Iterator[tuple[str, Mapping[str, int]]]:
    """(word, letter → sentence) of what all of `others` tell and `lacking` does not; at most TERMS."""
    index = Index(_bags(lacking), {})
    words = [_words(answer) for answer in others]
    given = 0
    for word in words[0]:
        if given == TERMS:
            return
        if word in lacking.squeezed or word in EMPTY or not all(word in w for w in words):
            continue
        places = {answer.letter: w[word] for answer, w in zip(others, words, strict=True)}
        bags = [terms(answer.sentences[places[answer.letter]].folded) for answer in others]
        if all(max(index.near(bag).values(), default=0.0) < TOLD for bag in bags):
            given += 1
            yield word, places


def _bags(answer: Answer) -> list[Bag]:
    return [terms(part.folded) for part in answer.sentences[:SENTENCES]]


def _words(answer: Answer) -> dict[str, int]:
    """Each word of two kanji or more, or of katakana, with its first sentence."""
    found: dict[str, int] = {}
    for n, part in enumerate(answer.sentences[:SENTENCES]):
        for match in _WORD.finditer(part.folded):
            found.setdefault(match.group(), n)
    return found
