"""The facts of one answer: numbers, amounts, dates, durations, units, percentages, names, claims, each where it stands.

`extract` puts the finders beside this file together (`facts_…`), in the order in which one hides another: 第4条
before 4, 2024年 before 24年, numbers before names. A fact knows its value in a comparable form, how it was written,
and what the words around it are about; comparing is done in disagreement.py. No model is asked, and meaning is not
understood.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from llamune.chat import facts_claims, facts_dates, facts_names, facts_numbers, facts_text
from llamune.chat.facts_claims import Claim
from llamune.chat.facts_text import Bag, Sentence
from llamune.i18n import N_, _

Kind = str  # one of KINDS
Value = Fraction | str | tuple[int | str | None, ...]

_NAMES = {
    "yesno": N_("yes/no"),
    "amount": N_("amount"),
    "date": N_("date"),
    "duration": N_("period"),
    "percentage": N_("percentage"),
    "unit": N_("quantity"),
    "number": N_("number"),
    "name": N_("name"),
    "missing": N_("missing"),
}
KINDS: tuple[Kind, ...] = tuple(_NAMES)  # what is checked, in the order in which it is shown

CHARACTERS = 60_000  # of an answer that are read; of more than two, of all together
FACTS = 600  # of an answer that are compared
CLAUSES = 2_000  # of an answer that are searched for yes and no

CLAUSE_WEIGHT, SENTENCE_WEIGHT, LABEL_WEIGHT = 2.0, 0.5, 0.7  # how near a word stands to the fact


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. Facts are only compared within a `pool` ("amount", "unit:g", "date:time", "name" …).

    `sentence` is the number of its sentence in the answer; `bag` what the words around it are about; `weak` ones count
    where they contradict, not where they are missing. `counter` is what is counted or the unit's dimension.
    """

    kind: Kind
    pool: str
    value: Value
    written: str
    sentence: int
    bag: Bag
    counter: str = ""
    bound: str = ""
    about: bool = False
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence with what it claims."""

    written: str
    folded: str
    sentence: int
    bag: Bag
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer taken apart. `unread` characters and `unsearched` sentences were beyond the limits."""

    letter: str
    sentences: tuple[Sentence, ...]
    facts: tuple[Fact, ...]
    clauses: tuple[Clause, ...]
    squeezed: str
    unread: int
    unsearched: int


def name(kind: Kind) -> str:
    """What a kind is called, in the interface language."""
    return _(_NAMES[kind])


def extract(letter: str, text: str, characters: int = CHARACTERS) -> Answer:
    """The facts of an answer; beyond `characters` and FACTS it is not read, which the result tells."""
    read = text[:characters]
    parts = tuple(facts_text.sentences(read))
    facts = tuple(islice((fact for n, part in enumerate(parts) for fact in _facts(n, part)), FACTS))
    clauses = tuple(islice((clause for n, part in enumerate(parts) for clause in _clauses(n, part)), CLAUSES))
    seen = min(facts[-1].sentence if len(facts) == FACTS else len(parts), len(parts))
    seen = min(seen, clauses[-1].sentence if len(clauses) == CLAUSES else len(parts))
    return Answer(letter, parts, facts, clauses, facts_text.squeezed(read), len(text) - len(read), len(parts) - seen)


def same(one: Fact, other: Fact) -> bool:
    """Whether two facts of a pool have the same value, as exactly as the vaguer one says."""
    a, b = one.value, other.value
    if isinstance(a, tuple) and isinstance(b, tuple):
        return facts_dates.agree(a, b)
    if isinstance(a, str) and isinstance(b, str):
        return same_name(a, b)
    if not isinstance(a, Fraction) or not isinstance(b, Fraction):
        return False
    if one.counter != other.counter and (one.kind != "number" or (one.counter and other.counter)):
        return False
    return (a == b and not _against(one.bound, other.bound)) or _rounded(one, other)


def same_name(a: str, b: str) -> bool:
    """Whether two squeezed names are the same or one is part of the other."""
    short, long = sorted((a, b), key=len)
    return short == long or (len(short) >= 2 and short in long)


def keys(fact: Fact) -> Iterator[tuple[object, ...]]:
    """Where a fact is filed, so that the same value is found without comparing all with all."""
    if isinstance(fact.value, tuple):
        yield from (("part", n, part) for n, part in enumerate(fact.value) if part is not None)
    else:
        yield ("value", fact.value)


def bare(fact: Fact) -> Fraction | None:
    """The numeral of a fact whose kind is open ("20日" is a day or a period); an equal one covers it."""
    if isinstance(fact.value, tuple) and fact.pool == "date:date":
        year, month, day = fact.value
        given = [part for part in (year, month, day) if isinstance(part, int)]
        return Fraction(given[0]) if len(given) == 1 and month is None else None
    if isinstance(fact.value, Fraction):
        if fact.counter == "s" and fact.value % 86400 == 0:
            return fact.value / 86400
        return fact.value if fact.kind == "number" and not fact.counter else None
    return None


def _against(one: str, other: str) -> bool:
    """Whether two bounds contradict: 以上 against 以下, and against 超."""
    return bool(one and other and one != other)


def _rounded(one: Fact, other: Fact) -> bool:
    """Whether one is the other rounded: said to be about so, or written with three digits or more."""
    a, b = one.value, other.value
    if not isinstance(a, Fraction) or not isinstance(b, Fraction) or _against(one.bound, other.bound):
        return False
    if one.about or other.about:
        return abs(float(a) - float(b)) <= max(float(a), float(b)) / 50
    if "." not in one.written and "." not in other.written:
        return False
    rough, fine = sorted((one, other), key=lambda f: len(_digits(f)))
    places = len(_digits(rough))
    return 3 <= places < len(_digits(fine)) and _first(a, places) == _first(b, places)


def _digits(fact: Fact) -> str:
    return re.sub(r"\D", "", fact.written).lstrip("0")


def _first(value: Fraction, places: int) -> str:
    return f"{float(value):.{places - 1}e}"


def _facts(n: int, part: Sentence) -> Iterator[Fact]:
    """The facts of one sentence; each finder sees what the ones before it left."""
    points, counts, left = [], [], part.folded
    if facts_numbers.HINT.search(left):
        points = list(facts_dates.points(left))
        left = _blanked(left, [(p.start, p.end) for p in points])
        counts = list(facts_numbers.quantities(left))
        left = _blanked(left, [(q.start, q.end) for q in counts])
    names = list(facts_names.names(left))
    if not (points or counts or names):
        return
    about = _About(_blanked(left, [(x.start, x.end) for x in names]), left, part.label)
    for p in points:
        kind = {"article": "name", "code": "number"}.get(p.dimension, "date")
        yield Fact(kind, f"{kind}:{p.dimension}", p.value, part.text[p.start : p.end].strip(), n, about.at(p.start))
    for q in counts:
        pool = f"unit:{q.dimension}" if q.kind == "unit" else q.kind
        counter = "" if q.kind == "unit" else q.dimension
        written = part.text[q.start : q.end].strip()
        yield Fact(q.kind, pool, q.value, written, n, about.at(q.start), counter, q.bound, q.about, q.weak)
    for x in names:
        value = facts_text.squeezed(x.text)
        if value:
            written = part.text[x.start : x.end]
            yield Fact(
                "name", "name", value, written, n, about.at(x.start, names=False), counter=x.form, weak=not x.strong
            )


class _About:
    """What the words around a position are about; made once per sentence."""

    def __init__(self, without_names: str, with_names: str, label: str) -> None:
        self._texts = (without_names, with_names)
        self._spans = facts_text.clauses(with_names)
        self._outer = tuple(
            facts_text.merged(
                facts_text.terms(text, SENTENCE_WEIGHT), facts_text.terms(facts_text.fold(label), LABEL_WEIGHT)
            )
            for text in self._texts
        )

    def at(self, position: int, names: bool = True) -> Bag:
        """The bag for a fact at `position`; without `names` for a name, which must not be its own context."""
        start, end = next((s for s in reversed(self._spans) if s[0] <= position), (0, 0))
        inner = facts_text.terms(self._texts[names][start:end], CLAUSE_WEIGHT)
        return facts_text.merged(self._outer[names], inner)


def _clauses(n: int, part: Sentence) -> Iterator[Clause]:
    subject, found = facts_claims.claims(part.folded)
    whole = facts_text.terms(subject, SENTENCE_WEIGHT)
    for start, end in facts_text.clauses(part.folded):
        bag = facts_text.terms(subject[start:end], CLAUSE_WEIGHT)
        claims = tuple(claim for position, claim in found if start <= position < end)
        if bag or claims:
            written = part.text[start:end].strip()
            yield Clause(written, part.folded[start:end], n, facts_text.merged(whole, bag), claims)


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    """`text` with the spans as spaces."""
    pieces, at = [], 0
    for start, end in sorted(spans):
        pieces += [text[at:start], " " * (end - max(start, at))]
        at = max(at, end)
    return "".join([*pieces, text[at:]])
