"""What was counted of answers, as values: how many, how fast, how often chosen, of one model, preset and task.

Values of several machines, weeks or tasks can be added. Times and speeds are kept as spreads, not as lists: their size
does not grow with the number of answers. No text of any conversation is here.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from math import log2

STEPS = 32  # buckets from one power of two to the next: what is read from a spread is right within 1.1 %
ZERO = 1100 * STEPS  # the bucket of 1; those of all floats are above 0
FIRST_MONDAY = date(1970, 1, 5)
KEYS = ("model", "preset", "task")


@dataclass(frozen=True, slots=True)
class Spread:
    """How often a figure lay where: bucket → count; bucket b begins at 2^((b - ZERO)/STEPS)."""

    buckets: Mapping[int, int] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return sum(self.buckets.values())

    def at(self, share: float) -> float | None:
        """The figure below which `share` (0 to 1) of all lie: 0.5 = the median. None when there is none."""
        wanted, passed = share * self.n, 0
        for bucket in sorted(self.buckets):
            passed += self.buckets[bucket]
            if passed >= wanted:
                return float(2 ** ((bucket + 0.5 - ZERO) / STEPS))
        return None

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(Counter(self.buckets) + Counter(other.buckets))


def bucket(value: float) -> int:
    """The bucket of a figure above 0."""
    return int(log2(value) * STEPS + ZERO)


@dataclass(frozen=True, slots=True)
class Line:
    """Answers that have ended, of one model, preset and task; "" = of all of them.

    Args:
        answers: all of them; the rest was stopped by the user.
        total, first, load, speed: of complete answers: ms from question to end, to the first token, of loading (only
            where there was some), tokens/s of writing.
        compared, chosen: how often the user let one of several answers stand on purpose, and how often this one.
        good, bad: votes. rated, points: how many scores from 1 to 5 were given, and their sum.
        weeks: Monday's number (see `monday`) → complete answers.
    """

    model: str = ""
    preset: str = ""
    task: str = ""
    answers: int = 0
    complete: int = 0
    failed: int = 0
    total: Spread = Spread()
    first: Spread = Spread()
    load: Spread = Spread()
    speed: Spread = Spread()
    compared: int = 0
    chosen: int = 0
    good: int = 0
    bad: int = 0
    rated: int = 0
    points: int = 0
    weeks: Mapping[int, int] = field(default_factory=dict)

    @property
    def success(self) -> float | None:
        """Share of complete answers; those that the user stopped count neither way."""
        return _share(self.complete, self.complete + self.failed)

    @property
    def adopted(self) -> float | None:
        return _share(self.chosen, self.compared)

    @property
    def score(self) -> float | None:
        """The mean of all scores, 1 to 5."""
        return _share(self.points, self.rated)

    def __add__(self, other: "Line") -> "Line":
        """Both together; the names are this one's."""
        sums = {n: getattr(self, n) + getattr(other, n) for n in SUMMED}
        return replace(self, **sums, weeks=Counter(self.weeks) + Counter(other.weeks))


SUMMED = tuple(f.name for f in fields(Line) if f.name not in (*KEYS, "weeks"))


def by(lines: Iterable[Line], *names: str) -> list[Line]:
    """The lines added up so that only these names tell them apart ("model", "preset", "task"), most answers first."""
    found: dict[tuple[str, ...], Line] = {}
    for line in lines:
        key = tuple(getattr(line, name) for name in names)
        found[key] = found.get(key, Line(**dict(zip(names, key, strict=True)))) + line
    return sorted(found.values(), key=lambda line: (-line.answers, *(getattr(line, n) for n in KEYS)))


def monday(week: int) -> date:
    """The first day of a week, by its number; weeks are UTC's."""
    return FIRST_MONDAY + timedelta(weeks=week)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
