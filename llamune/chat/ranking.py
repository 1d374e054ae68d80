"""Which model and preset people prefer: Bradley–Terry strengths with confidence intervals, from what users chose.

The chance that i is preferred to j is 1 / (1 + exp(θj − θi)) (Bradley & Terry 1952, Biometrika 39, 324–345); a tie is
half a win for each. A normal prior N(0, SPREAD²) on every θ keeps strengths finite where somebody never lost, and lets
contestants that never met be estimated at all: with nothing known an interval is as wide as the prior. Strengths are
the mode of the posterior, found one by one with Newton's rule; intervals come from the curvature there (Laplace's
approximation: covariance = inverse of the negative Hessian; for the Hessian see Hunter 2004, Annals of Statistics 32,
384–406). Pure: it reads values and knows no store.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import mul

from llamune.chat.rating import Contest, Entry

SPREAD = 1.5  # of the prior; 95 % of contestants are then preferred to an average one between 5 % and 95 % of the time
Z = 1.959964  # 95 % of a normal distribution lie within ± Z
CLOSE = 1e-9  # of θ, when the search has ended
ROUNDS = 1000
UNCERTAIN = 0.4  # an interval wider than this says little

Name = tuple[str, str]  # model, preset


@dataclass(frozen=True, slots=True)
class Outcome:
    """Two answers to one question compared: `score` is 1 when the first was preferred, 0.5 for a tie; `count`: how
    often that was so."""

    first: Name
    second: Name
    score: float
    blind: bool = False
    count: int = 1


@dataclass(frozen=True, slots=True)
class Rank:
    """One contestant's place.

    Args:
        strength, low, high: how often it is preferred to an average one of its group, 0 to 1; the 95 % interval.
        wins, ties, n: comparisons; `blind` of them with names hidden.
        group: contestants of different groups never met, not even through others; 1, 2 …
    """

    model: str
    preset: str
    strength: float
    low: float
    high: float
    wins: int
    ties: int
    n: int
    blind: int = 0
    group: int = 1

    @property
    def uncertain(self) -> bool:
        return self.high - self.low > UNCERTAIN


def outcomes(contests: Iterable[Contest], *, task: str | None = None) -> Iterator[Outcome]:
    """What the contests say about pairs, one outcome per pair and turn; of one task, or of all (None).

    A choice counts against every answer that was there by then; else votes (good before unrated and bad), else scores.
    """
    for contest in contests:
        if task is None or contest.task == task:
            for one, other in combinations(contest.entries, 2):
                score = _preferred(one, other)
                if score is not None and _name(one) != _name(other):
                    yield Outcome(_name(one), _name(other), score, _blind(one) or _blind(other))


def summed(played: Iterable[Outcome]) -> list[Outcome]:
    """The same, with equal ones counted together and the names of each pair in order."""
    counts: Counter[tuple[Name, Name, float, bool]] = Counter()
    for o in played:
        turned = o.second < o.first
        pair = (o.second, o.first) if turned else (o.first, o.second)
        counts[*pair, 1 - o.score if turned else o.score, o.blind] += o.count
    return [Outcome(*key, count) for key, count in sorted(counts.items())]


def rank(played: Iterable[Outcome]) -> list[Rank]:
    """The contestants, strongest first."""
    games = summed(played)
    names = sorted({name for game in games for name in (game.first, game.second)})
    place = {name: i for i, name in enumerate(names)}
    meetings: list[dict[int, int]] = [{} for _name in names]
    points = [0.0] * len(names)
    played_by: list[list[Outcome]] = [[] for _name in names]
    for game in games:
        i, j = place[game.first], place[game.second]
        meetings[i][j] = meetings[j][i] = meetings[i].get(j, 0) + game.count
        played_by[i].append(game)
        played_by[j].append(game)
        points[i] += game.score * game.count
        points[j] += (1 - game.score) * game.count
    groups = _groups(meetings)
    strengths = fit(points, meetings, groups)
    errors = [math.sqrt(v) for v in variances(strengths, meetings, groups)]
    ranks = [_rank(name, strengths[i], errors[i], played_by[i], groups[i]) for name, i in place.items()]
    return sorted(ranks, key=lambda r: (r.group, -r.strength))


def fit(points: Sequence[float], meetings: Sequence[Mapping[int, int]], groups: Sequence[int]) -> list[float]:
    """θ of each contestant, where the posterior is highest.

    Args:
        points: wins and half ties of each.
        meetings: how often each met which other.
        groups: the connected part each is in. At the mode the mean of each is 0; setting it so after every round takes
            the one slow direction out of the search.
    """
    members = [[i for i, g in enumerate(groups) if g == group] for group in set(groups)]
    theta = [0.0] * len(points)
    for _round in range(ROUNDS):
        moved = 0.0
        for i, met in enumerate(meetings):
            chances = [(n, chance(theta[i] - theta[j])) for j, n in met.items()]
            slope = points[i] - sum(n * p for n, p in chances) - theta[i] / SPREAD**2
            bend = sum(n * p * (1 - p) for n, p in chances) + 1 / SPREAD**2
            step = max(-1.0, min(1.0, slope / bend))
            theta[i] += step
            moved = max(moved, abs(step))
        for group in members:
            middle = sum(theta[i] for i in group) / len(group)
            for i in group:
                theta[i] -= middle
        if moved < CLOSE:
            break
    return theta


def variances(theta: Sequence[float], meetings: Sequence[Mapping[int, int]], groups: Sequence[int]) -> list[float]:
    """The variance of each θ against the mean of its group, from the inverse H⁻¹ of the negative Hessian.

    Only differences are ever observed: the common level of a group is the prior's alone, and its doubt is nobody's.
    For the contrast c (1 for the contestant, less 1/m for each of its group) the variance is cᵀ H⁻¹ c = |L⁻¹ c|², with
    H = L Lᵀ (Cholesky).
    """
    size = len(theta)
    hessian = [[0.0] * size for _row in theta]
    for i, met in enumerate(meetings):
        hessian[i][i] = 1 / SPREAD**2
        for j, n in met.items():
            p = chance(theta[i] - theta[j])
            hessian[i][i] += n * p * (1 - p)
            hessian[i][j] = -n * p * (1 - p)
    lower = _cholesky(hessian)
    share = [1 / groups.count(group) for group in groups]
    return [
        sum(x * x for x in _solved(lower, [(i == j) - share[j] * (groups[i] == groups[j]) for j in range(size)]))
        for i in range(size)
    ]


def chance(difference: float) -> float:
    """How often a contestant is preferred to one that is weaker by `difference`."""
    return 1 / (1 + math.exp(-difference)) if difference > -700 else 0.0


def _cholesky(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    lower: list[list[float]] = []
    for i, row in enumerate(matrix):
        new: list[float] = []
        for j in range(i):
            new.append((row[j] - sum(map(mul, new, lower[j]))) / lower[j][j])
        new.append(math.sqrt(row[i] - sum(map(mul, new, new))))
        lower.append(new)
    return lower


def _solved(lower: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """x with `lower` x = `right`, by forward substitution."""
    found: list[float] = []
    for row, value in zip(lower, right, strict=True):
        found.append((value - sum(map(mul, row, found))) / row[-1])
    return found


def _rank(name: Name, theta: float, error: float, games: Sequence[Outcome], group: int) -> Rank:
    scores = [(g.score if g.first == name else 1 - g.score, g.count) for g in games]
    return Rank(
        *name,
        strength=chance(theta),
        low=chance(theta - Z * error),
        high=chance(theta + Z * error),
        wins=sum(n for s, n in scores if s == 1),
        ties=sum(n for s, n in scores if s == 0.5),
        n=sum(n for _s, n in scores),
        blind=sum(g.count for g in games if g.blind),
        group=group,
    )


def _groups(meetings: Sequence[Mapping[int, int]]) -> list[int]:
    """The number of the connected part that each contestant is in, the largest part first."""
    parts: list[set[int]] = []
    left = set(range(len(meetings)))
    while left:
        part, edge = set[int](), {min(left)}
        while edge:
            part |= edge
            edge = {j for i in edge for j in meetings[i]} - part
        parts.append(part)
        left -= part
    parts.sort(key=lambda p: (-len(p), min(p)))
    number = {i: n for n, part in enumerate(parts, 1) for i in part}
    return [number[i] for i in range(len(meetings))]


def _name(entry: Entry) -> Name:
    return entry.model, entry.preset


def _blind(entry: Entry) -> bool:
    return entry.rating is not None and entry.rating.blind


def _preferred(one: Entry, other: Entry) -> float | None:
    """1 when the first is preferred, 0 when the other is, 0.5 when both are as good; None = nothing is known."""
    for winner, loser, score in ((one, other, 1.0), (other, one, 0.0)):
        chosen = winner.rating.chosen_at if winner.adopted and winner.rating else None
        if chosen and loser.ended_at <= chosen:
            return score
    level, against = _level(one), _level(other)
    if max(level, against) == 0:  # nothing said, or only that one is bad: the other need not be better
        return _by_scores(one, other)
    return 0.5 if level == against else float(level > against)


def _level(entry: Entry) -> int:
    return {"good": 1, "bad": -1}.get(entry.rating.vote, 0) if entry.rating else 0


def _by_scores(one: Entry, other: Entry) -> float | None:
    if not (one.rating and other.rating and one.rating.scores and other.rating.scores):
        return None
    a, b = (sum(r.scores) / len(r.scores) for r in (one.rating, other.rating))
    return 0.5 if a == b else float(a > b)
