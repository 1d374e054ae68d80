"""The ranking: what counts as a comparison, strengths against closed forms, intervals that hold what they promise."""

import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from llamune.chat import ranking
from llamune.chat.ranking import Outcome, outcomes, rank
from llamune.chat.rating import Contest, Entry, Rating

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def entry(model: str, *, preset: str = "p", adopted: bool = False, ended: datetime = NOON, **said: object) -> Entry:
    return Entry(model, preset, ended, adopted, Rating(1, **said) if said else None)  # type: ignore[arg-type]


def pairs(*entries: Entry, task: str | None = None) -> set[tuple[str, str, float]]:
    return {(o.first[0], o.second[0], o.score) for o in outcomes([Contest(1, entries)], task=task)}


def games(*won: str, ties: str = "") -> list[Outcome]:
    """Outcomes from words like "ab": a was preferred to b."""
    lines = [(w, 1.0) for w in won] + [(w, 0.5) for w in ties.split()]
    return [Outcome((one, "p"), (other, "p"), score) for (one, other), score in lines]


# what counts


def test_what_stands_by_itself_says_nothing() -> None:
    assert pairs(entry("a", adopted=True), entry("b")) == set()


def test_a_choice_is_over_all_that_was_there() -> None:
    late = LATER + timedelta(seconds=1)
    chosen = entry("b", adopted=True, chosen_at=LATER)
    assert pairs(entry("a"), chosen, entry("c"), entry("late", ended=late)) == {("a", "b", 0.0), ("b", "c", 1.0)}


def test_a_choice_that_was_taken_back_by_another_does_not_count() -> None:
    assert pairs(entry("a", chosen_at=NOON), entry("b", adopted=True, chosen_at=LATER)) == {("a", "b", 0.0)}


def test_good_is_before_unrated_and_bad_and_bad_is_not_before_unrated() -> None:
    good, bad, none = entry("g", vote="good"), entry("b", vote="bad"), entry("n")
    assert pairs(good, bad, none) == {("g", "b", 1.0), ("g", "n", 1.0)}
    assert pairs(good, entry("h", vote="good")) == {("g", "h", 0.5)}
    assert pairs(bad, entry("c", vote="bad")) == {("b", "c", 0.5)}


def test_scores_decide_where_votes_do_not() -> None:
    assert pairs(entry("a", accuracy=4, useful=2), entry("b", accuracy=3)) == {("a", "b", 0.5)}
    assert pairs(entry("a", accuracy=4), entry("b", natural=3, useful=5)) == {("a", "b", 0.5)}
    assert pairs(entry("a", accuracy=5), entry("b", natural=3, useful=5)) == {("a", "b", 1.0)}
    assert pairs(entry("a", accuracy=5), entry("b")) == set()
    assert pairs(entry("a", accuracy=1, vote="good"), entry("b", accuracy=5)) == {("a", "b", 1.0)}


def test_the_same_model_and_preset_twice_is_no_contest() -> None:
    assert pairs(entry("a", vote="good"), entry("a")) == set()
    assert pairs(entry("a", vote="good"), entry("a", preset="q")) == {("a", "a", 1.0)}


def test_tasks_are_counted_apart() -> None:
    code = entry("a", vote="good", task="code"), entry("b")
    assert pairs(*code, task="code") == pairs(*code) != set()
    assert pairs(*code, task="") == pairs(*code, task="chat") == set()


def test_blind_comparisons_are_marked() -> None:
    [seen] = outcomes([Contest(1, (entry("a", vote="good", blind=True), entry("b")))])
    assert seen.blind
    assert [r.blind for r in rank([seen])] == [1, 1]


# strengths


def test_nothing_gives_nothing() -> None:
    assert rank([]) == []


def test_two_contestants_have_the_strengths_of_the_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "SPREAD", 1e4)  # hardly any prior: the difference is the log of the odds
    first, second = rank(games(*["ab"] * 30, *["ba"] * 10))
    assert (first.model, first.wins, first.n) == ("a", 30, 40)
    odds = [math.log(r.strength / (1 - r.strength)) for r in (first, second)]
    assert odds[0] - odds[1] == pytest.approx(math.log(3), rel=1e-6)


def test_the_slope_is_zero_and_the_variance_is_that_of_a_numerical_hessian() -> None:
    played = games("ab", "ab", "bc", "ca", "cd", "da", "ab", ties="bd ac")
    names = sorted({n for g in played for n in (g.first, g.second)})

    def posterior(theta: list[float]) -> float:
        at = dict(zip(names, theta, strict=True))
        won = ((g.score, at[g.first] - at[g.second]) for g in played)
        said = sum(s * math.log(1 / (1 + math.exp(-d))) + (1 - s) * math.log(1 / (1 + math.exp(d))) for s, d in won)
        return said - sum(t * t for t in theta) / (2 * ranking.SPREAD**2)

    ranks = {(r.model, r.preset): r for r in rank(played)}
    best = [math.log(ranks[n].strength / (1 - ranks[n].strength)) for n in names]
    for i in range(len(names)):
        for step in (1e-4, -1e-4):
            assert posterior([t + step * (i == j) for j, t in enumerate(best)]) < posterior(best)
    inverse, share = _inverse(_hessian(posterior, best)), [(i == 0) - 1 / len(names) for i in range(len(names))]
    variance = sum(a * inverse[i][j] * b for i, a in enumerate(share) for j, b in enumerate(share))
    first = ranks[names[0]]
    error = math.log(first.high / (1 - first.high)) - math.log(first.strength / (1 - first.strength))
    assert error == pytest.approx(ranking.Z * math.sqrt(variance), rel=1e-3)


def test_ties_only_make_equals() -> None:
    ranks = rank(games(ties=" ".join(["ab"] * 8)))
    assert [r.strength for r in ranks] == [0.5, 0.5]
    assert [(r.wins, r.ties, r.n) for r in ranks] == [(0, 8, 8)] * 2


def test_one_comparison_is_uncertain_and_many_are_not() -> None:
    for r in rank(games("ab")):
        assert r.uncertain
        assert r.low < 0.5 < r.high
    assert not any(r.uncertain for r in rank(games(*["ab", "bc", "ca"] * 40)))


def test_who_never_lost_is_not_endlessly_strong() -> None:
    best, *_others = rank(games(*["ab"] * 5, *["bc"] * 5))
    assert best.model == "a"
    assert 0.5 < best.low < best.strength < best.high < 1


def test_contestants_that_never_met_are_in_groups() -> None:
    ranks = rank(games("ab", "bc", "xy"))
    assert {(r.model, r.group) for r in ranks} == {("a", 1), ("b", 1), ("c", 1), ("x", 2), ("y", 2)}
    assert [r.group for r in ranks] == [1, 1, 1, 2, 2]


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Differences of strengths from many small tournaments with known ones, seeded."""
    source, held, drawn = random.Random(5), 0, 0
    for _tournament in range(60):
        truth = {name: source.gauss(0, ranking.SPREAD) for name in "abcdef"}
        pairs_played = [source.sample("abcdef", 2) for _game in range(40)]
        won = [a + b if source.random() < ranking.chance(truth[a] - truth[b]) else b + a for a, b in pairs_played]
        middle = sum(truth.values()) / len(truth)
        for r in rank(games(*won)):
            drawn += 1
            held += r.low <= ranking.chance(truth[r.model] - middle) <= r.high
    assert 0.90 < held / drawn < 0.99


def test_a_large_field_is_ranked() -> None:
    names = [chr(0x3041 + i) for i in range(80)]
    ranks = rank(games(*(a + b for a, b in pairwise(names)), *(names[i] + names[-1 - i] for i in range(40))))
    assert len(ranks) == 80
    assert all(0 < r.low < r.strength < r.high < 1 for r in ranks)


def _hessian(function: object, at: list[float], step: float = 1e-4) -> list[list[float]]:
    """The negative of the second differences."""

    def f(*moves: tuple[int, float]) -> float:
        moved = list(at)
        for i, by in moves:
            moved[i] += by
        return function(moved)  # type: ignore[operator]

    size = range(len(at))
    return [
        [
            -(f((i, step), (j, step)) - f((i, step), (j, -step)) - f((i, -step), (j, step)) + f((i, -step), (j, -step)))
            / (4 * step * step)
            for j in size
        ]
        for i in size
    ]


def _inverse(matrix: list[list[float]]) -> list[list[float]]:
    """Gauss and Jordan's way."""
    size = len(matrix)
    rows = [[*row, *(float(i == j) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(size):
            if j != i:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[size:] for row in rows]
