"""Yes against no: the clauses in which answers contradict each other.

Every contradiction has a side that denies, so only denials are looked up: the clauses of the other answers that are
about the same are searched for the contrary, and a clause that denies as well ends the search. A leading はい /
いいえ is compared on its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

from llamune.chat.facts import Answer, Clause
from llamune.chat.facts_claims import contrary, lead
from llamune.chat.facts_text import Index, rarity

LIKE = 0.42  # least likeness of two clauses that may contradict
TRIED = 6


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What each side says, by letter: the words and the number of their sentence; `denying` are those that say no."""

    written: Mapping[str, str]
    sentence: Mapping[str, int]
    denying: frozenset[str]


def contradictions(answers: Sequence[Answer]) -> list[Contradiction]:
    """The contradictions between answers, a leading yes or no first."""
    found: list[Contradiction] = []
    first = _leads(answers)
    if first:
        found.append(first)
    rare = rarity(clause.bag for answer in answers for clause in answer.clauses)
    indexes = {answer.letter: Index([clause.bag for clause in answer.clauses], rare) for answer in answers}
    seen: set[tuple[str, str]] = set()
    for answer in answers:
        for clause in answer.clauses:
            one = _against(answer, clause, answers, indexes)
            places = {(letter, words) for letter, words in one.written.items()} if one else set()
            if one and not places & seen and not (first and _only_leads(one, first)):
                found.append(one)
            seen |= places
    return found


def _leads(answers: Sequence[Answer]) -> Contradiction | None:
    """Yes and no as first words, unless what follows them is the same."""
    signs = {a.letter: s for a in answers if a.sentences and (s := lead(a.sentences[0].folded)) is not None}
    if len(set(signs.values())) < 2:
        return None
    said = {a.letter: {(c.about, c.sign) for k in a.clauses if k.sentence == 0 for c in k.claims} for a in answers}
    sides = [said[letter] for letter in signs]
    if sides[0] and all(side == sides[0] for side in sides):
        return None
    written = {a.letter: a.sentences[0].text for a in answers if a.letter in signs}
    return Contradiction(written, dict.fromkeys(written, 0), frozenset(k for k, yes in signs.items() if not yes))


def _only_leads(one: Contradiction, first: Contradiction) -> bool:
    return all(letter in first.written and n == 0 for letter, n in one.sentence.items())


def _against(
    answer: Answer, clause: Clause, answers: Sequence[Answer], indexes: Mapping[str, Index]
) -> Contradiction | None:
    """The answers that say the contrary of a denying clause."""
    if all(claim.sign for claim in clause.claims):
        return None
    sides = {answer.letter: clause}
    for other in answers:
        against = None if other is answer else _contrary(clause, other, indexes[other.letter])
        if against and not _says_both(answer, clause, against, indexes[answer.letter]):
            sides[other.letter] = against
    if len(sides) == 1:
        return None
    order = [a.letter for a in answers if a.letter in sides]
    return Contradiction(
        {letter: sides[letter].written for letter in order}, {letter: sides[letter].sentence for letter in order},
        frozenset([answer.letter]),
    )  # fmt: skip


def _says_both(answer: Answer, denial: Clause, against: Clause, index: Index) -> bool:
    """Whether the answer that denies agrees with `against` in another clause, which is at least as like it."""
    near = index.near(against.bag)
    wanted = {(claim.about, True) for claim in denial.claims if not claim.sign and claim.about != "plain"}
    least = next((near.get(n, 0.0) for n, clause in enumerate(answer.clauses) if clause is denial), 0.0)
    return any(
        likeness >= least and wanted & {(claim.about, claim.sign) for claim in answer.clauses[n].claims}
        for n, likeness in near.items()
    )


def _contrary(clause: Clause, other: Answer, index: Index) -> Clause | None:
    near = nlargest(TRIED, index.near(clause.bag).items(), key=lambda item: item[1])
    best = near[0][1] if near else 0.0
    close = [(other.clauses[n], likeness) for n, likeness in near if likeness >= max(LIKE, best * 0.7)]
    for claim in clause.claims:
        if claim.sign:
            continue
        against = [c for c, _likeness in close if contrary(claim, c.folded, list(c.claims))]
        agreeing = any(not c.sign for k, _likeness in close for c in k.claims) or (
            against and any(not c.sign for k in other.clauses if k.sentence == against[0].sentence for c in k.claims)
        )
        if against and not agreeing:
            return against[0]
    return None
