"""What judges say, as values, and how it is read from whatever they wrote.

Repaired is only what needs no guessing: JSON inside prose, a score written as "4/5". A form that was filled in with
babble (reasons that are empty, all the same, or say one thing over and over) is no judgement.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

POINTS: Mapping[str, str] = {
    "accuracy": "what it says is true",
    "consistency": "it contradicts neither itself nor the conversation",
    "coverage": "everything that was asked is answered",
    "wording": "clear, natural, in the right language and tone",
}
OVERALL = "overall"
MOST = 3  # improvements
REPEATED = 0.3  # a long text that deflates to less of itself says one thing over and over; prose keeps 0.4 to 0.6
LONG = 120  # characters


Better = Literal["first", "second", "tie"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer judged: a score from 1 to 5 and a reason per point."""

    scores: Mapping[str, int]
    reasons: Mapping[str, str]
    improvements: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[str, ...]:
        """What would make it better: the improvements, else the reasons of the points that are not very good."""
        return self.improvements or tuple(self.reasons[p] for p in POINTS if self.scores[p] <= 3)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers compared, by point and overall; `flipped` are those where the order of asking decided: ties."""

    better: Mapping[str, Better]
    reasons: Mapping[str, str]
    flipped: tuple[str, ...] = ()
    improvements: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass(frozen=True, slots=True)
class Nonsense:
    """The judge wrote something that is no judgement: its last words."""

    said: str


@dataclass(frozen=True, slots=True)
class Sides:
    """One order's verdicts: "1", "2" or "same" by point."""

    better: Mapping[str, str]
    reasons: Mapping[str, str]
    improvements: tuple[tuple[str, ...], tuple[str, ...]]


def first(said: str, read: Callable[[Any], T | None]) -> T | None:
    """The first thing in a text that reads as what was asked for."""
    return next((found for value in objects(said) if (found := read(value)) is not None), None)


def objects(said: str) -> Iterator[Any]:
    """The JSON objects in a text, outermost first, whatever stands around them."""
    decoder, at = json.JSONDecoder(strict=False), 0
    while (at := said.find("{", at)) >= 0:
        try:
            value, end = decoder.raw_decode(said, at)
            yield value
            at = end
        except (ValueError, RecursionError):
            at += 1


def judgement(value: Any) -> Judgement | None:
    """One answer's judgement; None where the value is none."""
    points = {name: _point(value, name, "score") for name in POINTS}
    scores = {name: _score(said) for name, (said, _reason) in points.items()}
    reasons = {name: reason for name, (_said, reason) in points.items()}
    if None in scores.values() or not sensible(list(reasons.values())):
        return None
    return Judgement({n: s for n, s in scores.items() if s}, reasons, _improvements(value, "improvements"))


def sides(value: Any) -> Sides | None:
    """A comparison in one order; None where the value is none."""
    points = {name: _point(value, name, "better") for name in (*POINTS, OVERALL)}
    better = {name: str(said).strip().lower().removeprefix("answer").strip(" _") for name, (said, _r) in points.items()}
    reasons = {name: reason for name, (_said, reason) in points.items()}
    if not set(better.values()) <= {"1", "2", "same"} or not sensible(list(reasons.values())):
        return None
    return Sides(better, reasons, (_improvements(value, "improvements_1"), _improvements(value, "improvements_2")))


def agreed(there: Sides, back: Sides) -> Comparison:
    """What both orders say; the second one had the answers the other way round."""
    straight: Mapping[str, Better] = {"1": "first", "2": "second", "same": "tie"}
    turned: Mapping[str, Better] = {"1": "second", "2": "first", "same": "tie"}
    better: dict[str, Better] = {}
    flipped = []
    for name, said in there.better.items():
        one, other = straight[said], turned[back.better[name]]
        better[name] = one if one == other else "tie"
        if {one, other} == {"first", "second"}:
            flipped.append(name)
    both = [_unique(there.improvements[i] + back.improvements[1 - i]) for i in (0, 1)]
    return Comparison(better, there.reasons, tuple(flipped), (both[0], both[1]))


def _point(value: Any, name: str, verdict: str) -> tuple[Any, str]:
    """A point's verdict and reason; (None, "") where there is none."""
    point = value.get(name) if isinstance(value, dict) else None
    if not isinstance(point, dict):
        return None, ""
    reason = point.get("reason")
    return point.get(verdict), reason.strip() if isinstance(reason, str) else ""


def _score(said: Any) -> int | None:
    """A score however it was written: 4, 4.0, "4", "4/5"; None when it is none."""
    if isinstance(said, str) and (match := re.fullmatch(r"\s*([1-5])(?:\.0)?\s*(?:/\s*5)?\s*", said)):
        return int(match[1])
    whole = isinstance(said, int | float) and not isinstance(said, bool) and said in (1, 2, 3, 4, 5)
    return int(said) if whole else None


def _improvements(value: Any, name: str) -> tuple[str, ...]:
    found = value.get(name)
    texts = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return _unique([t.strip() for t in texts if isinstance(t, str) and _words(t)])[:MOST]


def _unique(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def sensible(reasons: Sequence[str]) -> bool:
    """Whether reasons can be reasons: each says something, not all the same, and none babbles."""
    return all(map(_words, reasons)) and len(set(reasons)) > 1 and not any(map(_babbles, reasons))


def _words(text: str) -> bool:
    return sum(c.isalpha() for c in text) >= 2


def _babbles(text: str) -> bool:
    data = text.encode("utf-8", "replace")
    return len(text) > LONG and len(zlib.compress(data)) < REPEATED * len(data)
