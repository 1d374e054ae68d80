"""Which facts of several answers are about the same thing.

Each answer's facts join the topics of the answers before it: likest first, equal values preferred, one fact of an
answer per topic. Likeness is that of the words around a fact, so that 「14日以内に届出」 meets 「届出は…」 and not
「14日以内に支払」. Values that the other answer has as well, elsewhere, need more likeness before they stand against
another: they may be the same fact in another place. Only sees facts of one pool (same kind, same dimension) together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest

from llamune.chat.facts import Answer, Fact, bare, keys, same, same_name
from llamune.chat.facts_text import Index, rarity

EQUAL = 0.35  # what an equal value is worth in likeness
APART, HALF_APART, BOTH_APART = 0.28, 0.42, 0.6  # least likeness to stand against: values in neither, one, both answers
NAMES_APART = 0.42
PAIRED, SHARED = 0.2, 0.15  # least likeness of what answers lack in turn; what each of two equal values beside is worth
LONELY = 0.05  # least likeness where each side has only one fact of the pool left
TRIED = 12  # neighbours of a fact that are looked at


@dataclass(slots=True)
class Topic:
    """What answers say on one thing: the first fact of each letter."""

    pool: str
    facts: dict[str, Fact] = field(default_factory=dict)


class Held:
    """The facts of one answer, found by value."""

    def __init__(self, answer: Answer) -> None:
        self._squeezed = answer.squeezed
        names = [fact.written.lower().split() for fact in answer.facts if fact.pool == "name"]
        self._endings = Counter(words[-1] for words in names if len(words) > 1)
        self._bare = {number for fact in answer.facts if (number := bare(fact)) is not None}
        self._filed: dict[tuple[object, ...], list[Fact]] = {}
        self._beside: dict[int, set[tuple[object, ...]]] = {}  # by sentence
        for fact in answer.facts:
            for key in keys(fact):
                self._filed.setdefault((fact.pool, *key), []).append(fact)
                self._beside.setdefault(fact.sentence, set()).add((fact.pool, *key))

    def _surname(self, fact: Fact) -> bool:
        """Whether the last word of a name stands there for itself: Armstrong, and not the Ocean of another one."""
        last = fact.written.split()[-1].lower()
        return len(last) > 3 and self._squeezed.count(last) > self._endings[last]

    def beside(self, fact: Fact) -> set[tuple[object, ...]]:
        """The values in a fact's sentence, without its own."""
        return self._beside.get(fact.sentence, set()) - {(fact.pool, *key) for key in keys(fact)}

    def has(self, fact: Fact) -> bool:
        """Whether the answer holds the same value anywhere."""
        if isinstance(fact.value, str):
            return fact.value in self._squeezed or self._surname(fact)
        alike = (other for key in keys(fact) for other in self._filed.get((fact.pool, *key), ())[:200])
        return bare(fact) in self._bare or any(same(fact, other) for other in alike)


def topics(answers: Sequence[Answer], held: Mapping[str, Held]) -> list[Topic]:
    """The topics of all answers, in the order in which they first appear in each pool."""
    rare = rarity(fact.bag for answer in answers for fact in answer.facts)
    pools = dict.fromkeys(fact.pool for answer in answers for fact in answer.facts)
    found: list[Topic] = []
    for pool in pools:
        gathered: list[Topic] = []
        for answer in answers:
            facts = [fact for fact in answer.facts if fact.pool == pool]
            _join(gathered, answer.letter, facts, rare, held)
        found += _paired(gathered, rare, held)
    return found


def _join(
    found: list[Topic], letter: str, facts: Sequence[Fact], rare: Mapping[str, float], held: Mapping[str, Held]
) -> None:
    """Puts the facts of one answer into the topics they belong to; the rest become topics of their own."""
    placed: dict[int, int] = {}
    for _score, n, t in sorted(_candidates(found, letter, facts, rare, held), key=lambda c: (-c[0], c[1], c[2])):
        if n not in placed and letter not in found[t].facts:
            placed[n] = t
            found[t].facts[letter] = facts[n]
    mine = list(found)
    rest = [fact for n, fact in enumerate(facts) if n not in placed]
    rest = [fact for fact in rest if not any(same(fact, facts[n]) for n in placed)]
    rest = _lonely(mine, letter, facts, rest, rare, held)
    own: list[Topic] = []
    for fact in rest:
        if not any(same(fact, topic.facts[letter]) for topic in own[-20:]):
            own.append(Topic(fact.pool, {letter: fact}))
    found += own


def _candidates(
    found: Sequence[Topic], letter: str, facts: Sequence[Fact], rare: Mapping[str, float], held: Mapping[str, Held]
) -> Iterator[tuple[float, int, int]]:
    """(score, fact, topic) of all places that a fact could take."""
    members = [(t, other, fact) for t, topic in enumerate(found) for other, fact in topic.facts.items()]
    index = Index([fact.bag for _, _, fact in members], rare)
    filed: dict[tuple[object, ...], list[int]] = {}
    for m, (_, _, fact) in enumerate(members):
        for key in keys(fact):
            filed.setdefault(key, []).append(m)
    for n, fact in enumerate(facts):
        near = index.near(fact.bag)
        looked = dict(nlargest(TRIED, near.items(), key=lambda item: item[1]))
        looked |= {m: near.get(m, 0.0) for key in keys(fact) for m in filed.get(key, ())[:100]}
        for m, likeness in looked.items():
            t, other, fact_there = members[m]
            if same(fact, fact_there):
                yield likeness + EQUAL, n, t
            elif likeness >= _apart(fact, fact_there, held[other].has(fact), held[letter].has(fact_there)):
                yield likeness, n, t


def _apart(one: Fact, other: Fact, one_there: bool, other_here: bool) -> float:
    """The likeness from which two different values stand against each other; above 1: never."""
    if one.kind == "name" and one.pool == "name":
        if one_there or other_here:
            return 2.0
        if one.written.split()[1:] and one.written.split()[-1] == other.written.split()[-1]:
            return LONELY  # the Pacific Ocean, the Atlantic Ocean
        return NAMES_APART + (0.15 if one.counter != other.counter else 0.0)
    if one.kind == "number" and one.counter and other.counter and one.counter != other.counter:
        return 2.0
    level = (APART, HALF_APART, BOTH_APART)[one_there + other_here]
    if one.kind != "number" and one.counter != other.counter:
        level = max(level, HALF_APART)  # weeks against months, yen against dollars
    return level + (0.15 if one.weak or other.weak else 0.0)


def _lonely(
    found: Sequence[Topic], letter: str, facts: Sequence[Fact], rest: list[Fact], rare: Mapping[str, float],
    held: Mapping[str, Held],
) -> list[Fact]:  # fmt: skip
    """Where one fact is left on either side, both answer the question, in whatever words; gives the rest."""
    open_ones = [t for t in found if letter not in t.facts and not any(held[letter].has(f) for f in t.facts.values())]
    if len(rest) != 1 or len(open_ones) != 1 or len(facts) > 3 or rest[0].weak or rest[0].kind in ("name", "number"):
        return rest
    others = list(open_ones[0].facts.items())
    if any(held[other].has(rest[0]) or fact.weak for other, fact in others):
        return rest
    alone = len(facts) == 1 and len(found) == 1
    likeness = max(Index([fact.bag for _, fact in others], rare).near(rest[0].bag).values(), default=0.0)
    if not alone and likeness < LONELY:
        return rest
    open_ones[0].facts[letter] = rest[0]
    return []


def _paired(found: list[Topic], rare: Mapping[str, float], held: Mapping[str, Held]) -> list[Topic]:
    """Topics that answers lack in turn, put together where they are each other's likest: the same thing in few words
    of its own, with another value."""
    if not found or found[0].pool == "name":
        return found
    first = [next(iter(topic.facts.values())) for topic in found]
    index = Index([fact.bag for fact in first], rare)
    best = [_likest(n, found, first, index, held) for n in range(len(found))]
    pairs = [(n, m) for n, m in enumerate(best) if m is not None and n < m and best[m] == n]
    pairs += _left_over(found, first, {n for pair in pairs for n in pair}, held)
    joined: set[int] = set()
    for n, m in pairs:
        found[n].facts |= found[m].facts
        joined.add(m)
    return [topic for n, topic in enumerate(found) if n not in joined]


def _likest(
    n: int, found: Sequence[Topic], first: Sequence[Fact], index: Index, held: Mapping[str, Held]
) -> int | None:
    """The topic of other answers that is likest to topic `n`, if it is like enough and lacks its value."""
    near = {
        m: likeness + SHARED * min(2, len(held[letter].beside(first[n]) & held[other].beside(first[m])))
        for letter in [next(iter(found[n].facts))]
        for m, likeness in index.near(first[n].bag).items()
        for other in [next(iter(found[m].facts))]
        if not found[n].facts.keys() & found[m].facts.keys() and _opposed(first[n], first[m], held[letter], held[other])
    }
    likest = max(near, key=lambda m: near[m], default=None)
    return likest if likest is not None and near[likest] >= PAIRED else None


def _left_over(
    found: Sequence[Topic], first: Sequence[Fact], taken: set[int], held: Mapping[str, Held]
) -> list[tuple[int, int]]:
    """Of two answers, where each has one value of a unit left that the other lacks: they answer the same."""
    if len(held) != 2 or first[0].kind in ("date", "name"):
        return []
    lacking = [
        n
        for n, topic in enumerate(found)
        if n not in taken and len(topic.facts) == 1 and not first[n].weak
        and not any(held[letter].has(first[n]) for letter in held if letter not in topic.facts)
    ]  # fmt: skip
    pairs = []
    for counter in dict.fromkeys(first[n].counter for n in lacking):
        alike = [n for n in lacking if first[n].counter == counter]
        if (
            len(alike) == 2
            and (counter or first[0].kind != "number")
            and found[alike[0]].facts.keys() != found[alike[1]].facts.keys()
        ):
            pairs.append((alike[0], alike[1]))
    return pairs


def _opposed(one: Fact, other: Fact, mine: Held, theirs: Held) -> bool:
    """Whether two facts may stand against each other: of one unit, both worth missing, and nobody has both."""
    return (
        one.counter == other.counter
        and not (one.weak or other.weak or mine.has(other) or theirs.has(one))
        and (one.kind != "number" or bool(one.counter))
    )


def groups(topic: Topic) -> list[list[str]]:
    """The letters of a topic, those with the same value together, the largest group first."""
    found: list[list[str]] = []
    for letter, fact in topic.facts.items():
        for group in found:
            first = topic.facts[group[0]]
            if same(first, fact) or (isinstance(fact.value, str) and same_name(str(first.value), fact.value)):
                group.append(letter)
                break
        else:
            found.append([letter])
    return sorted(found, key=len, reverse=True)
