"""The questions the models are scored on; none of them is ever trained on.

Four kinds, reported apart: known phrases in held-out sentence frames (the gate), held-out phrases, free
questions, and off-topic questions. This file holds no expectations on the figures.
"""

from dataclasses import dataclass

from corpus import LANGUAGES, OFF, Corpus, free_questions
from wording import Wording

Question = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Trial:
    """One list of (topic, language, text), all of one language."""

    name: str
    questions: tuple[Question, ...]


def unseen_frames(corpus: Corpus, lang: str, each: int = 10) -> list[Question]:
    """Known phrases, evenly over the topics, in sentence frames that training never shows."""
    wording, found = Wording(corpus, 11, held=True), []
    for topic in corpus.topics.values():
        texts = [(t, u.weight / len(u.texts)) for u in topic.units[lang] for t in u.texts if t[0] in "~#"]
        for unit, _ in wording.rng.choices(texts, [w for _, w in texts], k=each) if texts and topic.name != OFF else ():
            found.append((topic.name, lang, wording.render(unit, lang)))
    return found


def unseen_phrases(corpus: Corpus, lang: str) -> list[Question]:
    """Held-out phrases in the usual frames and variations."""
    wording, found = Wording(corpus, 7), []
    for topic in corpus.topics.values():
        for unit in topic.held[lang] if topic.name != OFF else ():
            found.append((topic.name, lang, wording.vary(wording.render(unit, lang), lang)))
    return found


def trials(corpus: Corpus) -> list[Trial]:
    """All of them, by language."""
    found = []
    free = free_questions(corpus)
    for lang in LANGUAGES:
        mine = [q for q in free if q[1] == lang]
        off = [(OFF, lang, q) for q in corpus.topics[OFF].held[lang]]
        kinds = {
            "known phrase, unseen frame": unseen_frames(corpus, lang),
            "unseen phrase": unseen_phrases(corpus, lang),
            "free question": [q for q in mine if q[0] != OFF],
            "off-topic, held out": off,
            "off-topic, free": [q for q in mine if q[0] == OFF],
        }
        found += [Trial(f"{kind} {lang}", tuple(questions)) for kind, questions in kinds.items()]
    return found
