"""What is told in one answer and not in another, where no number or name shows it.

A sentence counts as told when the other answer has one that is about the same. With three answers or more, a word
that all others use in sentences which this one does not tell is worth a line; with two it would be a list of all
wording.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from llamune.chat.facts import Answer
from llamune.chat.facts_text import Index, Sentence, terms
from llamune.chat.facts_words import COMMON, EMPTY

TOLD = 0.2  # likeness from which a sentence counts as told, in other words
SENTENCES = 400  # of an answer that are looked at
TERMS = 20  # told of one answer
PLAIN = EMPTY | COMMON

_WORD = re.compile(r"[一-鿿々]{2,8}|[ァ-ヴー]{3,20}")


class Telling:
    """What one answer tells, sentence by sentence."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.words = _words(answer)
        self._index = Index([terms(part.folded) for part in answer.sentences[:SENTENCES]], {})

    def tells(self, sentence: Sentence) -> bool:
        """Whether one of its sentences is about what that sentence of another answer is about."""
        return max(self._index.near(terms(sentence.folded)).values(), default=0.0) >= TOLD


def telling(others: Sequence[Telling], lacking: Telling) -> Iterator[tuple[str, Mapping[str, int]]]:
    """(word, letter → sentence) of what all of `others` tell and `lacking` does not; at most TERMS."""
    given = 0
    for word in others[0].words:
        if given == TERMS:
            return
        if word in lacking.answer.squeezed or word in PLAIN or not all(word in other.words for other in others):
            continue
        if not any(lacking.tells(other.answer.sentences[other.words[word]]) for other in others):
            given += 1
            yield word, {other.answer.letter: other.words[word] for other in others}


def _words(answer: Answer) -> dict[str, int]:
    """Each word of two kanji or more, or of katakana, with its first sentence."""
    found: dict[str, int] = {}
    for n, part in enumerate(answer.sentences[:SENTENCES]):
        for match in _WORD.finditer(part.folded):
            found.setdefault(match.group(), n)
    return found
