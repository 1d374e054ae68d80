"""Where answers to one question disagree in fact: the reason to ask several models.

Facts that are about the same thing are put together across the answers (by the words around them, not by their
place), and then their values are compared. What one answer says and another does not is "missing". Wording, order,
lists against prose and other forms of the same value are no difference. By code alone, without a model: meaning is
not checked, and answers in two languages do not meet in their words, so that only equal values meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llamune.chat.facts import CHARACTERS, KINDS, Answer, Fact, Kind, extract, name
from llamune.chat.facts_contrary import Contradiction, contradictions
from llamune.chat.facts_told import Telling, telling
from llamune.chat.facts_topics import Held, Topic, groups, topics

__all__ = ["Difference", "Report", "Skipped", "compare", "name"]

SHOWN = 60  # differences in a report; what is left out is counted
SAME = 12  # values that all answers share, in a report


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement. `values` and `sentences` are by letter, as written, in the order of the answers.

    `minority` names the letters that stand alone against the rest, where there is a majority; `missing_in` those that
    say nothing on it. For the kind "missing" `values` holds what the others say.
    """

    kind: Kind
    values: Mapping[str, str]
    sentences: Mapping[str, str]
    minority: tuple[str, ...] = ()
    missing_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not looked at: `count` "characters" or "sentences" at the end of an answer, or "differences" left out.

    `what` is that word; for the differences there is no letter.
    """

    what: str
    count: int
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The differences, most telling first; what all answers share; what was checked and what was left out."""

    differences: tuple[Difference, ...]
    same: tuple[str, ...]
    checked: tuple[Kind, ...] = KINDS
    not_checked: tuple[Skipped, ...] = ()


def compare(answers: Sequence[tuple[str, str]]) -> Report:
    """Compares answers given as (letter, text). An empty answer has no facts to miss; it is left out of the report."""
    given = [(letter, text) for letter, text in answers if text.strip()]
    room = CHARACTERS // len(given) if len(given) > 2 else CHARACTERS
    read = [extract(letter, text, room) for letter, text in given]
    if len(read) < 2:
        return Report((), (), not_checked=_skipped(read, 0))
    by_letter = {answer.letter: answer for answer in read}
    held = {answer.letter: Held(answer) for answer in read}
    found = topics(read, held)
    claimed = [_claimed(one, by_letter) for one in contradictions(read)]
    conflicts = sorted((d for t in found if (d := _conflict(t, by_letter))), key=lambda d: KINDS.index(d.kind))
    told = {answer.letter: Telling(answer) for answer in read}
    missing = _missing(found, by_letter, held, told)
    ordered = [*claimed, *conflicts, *missing, *_unsaid(told, missing)]
    return Report(tuple(ordered[:SHOWN]), _same(found, read), not_checked=_skipped(read, len(ordered) - SHOWN))


def _claimed(one: Contradiction, read: Mapping[str, Answer]) -> Difference:
    sentences = {letter: read[letter].sentences[n].text for letter, n in one.sentence.items()}
    sides = [[x for x in one.written if x in one.denying], [x for x in one.written if x not in one.denying]]
    return Difference("yesno", one.written, sentences, _minority(sides), _silent(one.written, read))


def _conflict(topic: Topic, read: Mapping[str, Answer]) -> Difference | None:
    """The difference that a topic holds, if its values are not the same."""
    sides = groups(topic)
    if len(sides) < 2:
        return None
    order = [letter for letter in read if letter in topic.facts]
    values = {letter: topic.facts[letter].written for letter in order}
    kind = topic.facts[order[0]].kind
    return Difference(kind, values, _sentences(topic.facts, order, read), _minority(sides), _silent(values, read))


def _missing(
    found: Sequence[Topic], read: Mapping[str, Answer], held: Mapping[str, Held], told: Mapping[str, Telling]
) -> list[Difference]:
    """Facts without a counterpart, those of one sentence together."""
    gathered: dict[tuple[str, int, tuple[str, ...]], dict[str, list[Fact]]] = {}
    for topic in found:
        absent = _lacking(topic, read, held, told)
        if absent:
            order = [letter for letter in read if letter in topic.facts]
            place = (order[0], topic.facts[order[0]].sentence, absent)
            for letter in order:
                gathered.setdefault(place, {}).setdefault(letter, []).append(topic.facts[letter])
    return [
        Difference(
            "missing",
            {letter: ", ".join(dict.fromkeys(fact.written for fact in facts)) for letter, facts in sides.items()},
            {letter: read[letter].sentences[facts[0].sentence].text for letter, facts in sides.items()},
            _minority([list(sides), list(absent)]),
            absent,
        )
        for (_letter, _sentence, absent), sides in gathered.items()
    ]


def _lacking(
    topic: Topic, read: Mapping[str, Answer], held: Mapping[str, Held], told: Mapping[str, Telling]
) -> tuple[str, ...]:
    """The letters that lack what a topic tells; none where its values differ or are too weak to be missed."""
    facts = list(topic.facts.values())
    if len(facts) == len(read) or len(groups(topic)) > 1 or all(fact.weak for fact in facts):
        return ()
    absent = [x for x in read if x not in topic.facts and not any(held[x].has(fact) for fact in facts)]
    if topic.pool == "name" and len(facts) == 1:  # other words for an institution are wording
        letter, fact = next(iter(topic.facts.items()))
        absent = [x for x in absent if not told[x].tells(read[letter].sentences[fact.sentence])]
    return tuple(absent)


def _unsaid(tellings: Mapping[str, Telling], missing: Sequence[Difference]) -> list[Difference]:
    """What all but one answer tell, of three or more, without a number or name in it."""
    told = {(x, text) for difference in missing for x, text in difference.sentences.items()}
    found = []
    for letter in tellings if len(tellings) > 2 else ():
        others = [one for x, one in tellings.items() if x != letter]
        for term, places in telling(others, tellings[letter]):
            sentences = {x: tellings[x].answer.sentences[n].text for x, n in places.items()}
            if not told & set(sentences.items()):
                values = dict.fromkeys(sentences, term)
                found.append(Difference("missing", values, sentences, (letter,), (letter,)))
                told |= set(sentences.items())
    return found


def _same(found: Sequence[Topic], read: Sequence[Answer]) -> tuple[str, ...]:
    """Values that all answers have, as the first one writes them."""
    shared = [t.facts[read[0].letter].written for t in found if len(t.facts) == len(read) and len(groups(t)) == 1]
    return tuple(dict.fromkeys(shared))[:SAME]


def _minority(sides: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The letters outside the one largest group; none without a majority."""
    by_size = sorted(sides, key=len, reverse=True)
    if len(by_size) < 2 or len(by_size[0]) == len(by_size[1]):
        return ()
    return tuple(sorted(letter for side in by_size[1:] for letter in side))


def _silent(present: Mapping[str, str], read: Mapping[str, Answer]) -> tuple[str, ...]:
    return tuple(letter for letter in read if letter not in present)


def _sentences(facts: Mapping[str, Fact], order: Sequence[str], read: Mapping[str, Answer]) -> dict[str, str]:
    return {letter: read[letter].sentences[facts[letter].sentence].text for letter in order}


def _skipped(read: Sequence[Answer], beyond: int) -> tuple[Skipped, ...]:
    unread = [Skipped("characters", a.unread, a.letter) for a in read if a.unread]
    beyond_limit = [Skipped("sentences", a.unsearched, a.letter) for a in read if a.unsearched]
    return (*unread, *beyond_limit, *([Skipped("differences", beyond)] if beyond > 0 else []))
