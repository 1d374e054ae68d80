"""What a sweep says of each candidate: how fast, how much, how often alone, how often right.

Speeds leave loading out, and answers that followed a load are left out of the medians where there are others: the
first request after a load is slower. Nothing is shown here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from llamune.chat.disagreement import Difference
from llamune.chat.session import Answer
from llamune.chat.sweep import Result, loaded


@dataclass(frozen=True, slots=True)
class Figures:
    """One candidate over all questions. Medians in milliseconds, or None where no engine told.

    Args:
        letter: that of its answers, "" where it is not always the same.
        agrees, compared: questions in which no difference in fact stands against it, of those with two answers or more.
        right, judged: questions answered as expected, of those with an expected text.
        cached: share of the prompt tokens that the engine had read before.
    """

    letter: str
    name: str
    asked: int
    complete: int
    loads: int
    total_ms: float | None
    first_token_ms: float | None
    tokens_per_second: float | None
    tokens: int
    cached: float | None
    agrees: int
    compared: int
    right: int
    judged: int
    error: str

    @property
    def agreement(self) -> float | None:
        return self.agrees / self.compared if self.compared else None

    @property
    def score(self) -> float | None:
        return self.right / self.judged if self.judged else None


@dataclass(slots=True)
class _Counted:
    """Sums of one candidate so far; `warm` and `cold` are (total, first token, tokens/s) without and with a load."""

    letter: str
    asked: int = 0
    complete: int = 0
    loads: int = 0
    tokens: int = 0
    prompt: int = 0
    cached: int = 0
    agrees: int = 0
    compared: int = 0
    right: int = 0
    judged: int = 0
    error: str = ""
    warm: list[tuple[float | None, float | None, float | None]] = field(default_factory=list)
    cold: list[tuple[float | None, float | None, float | None]] = field(default_factory=list)


class Tally:
    """Adds up results, by the candidates' names."""

    def __init__(self) -> None:
        self._counted: dict[str, _Counted] = {}
        self.questions = self.unanswered = 0
        self.seconds = 0.0

    def add(self, result: Result, names: Sequence[str]) -> None:
        """One more question.

        Args:
            names: of the candidates that gave its answers, in their order.
        """
        self.questions += 1
        self.unanswered += not result.answered
        self.seconds += result.seconds
        several = sum(a.status == "complete" for a in result.answers) > 1
        for answer, name in zip(result.answers, names, strict=True):
            counted = self._counted.setdefault(name, _Counted(answer.letter))
            counted.letter = answer.letter if answer.letter == counted.letter else ""
            counted.asked += 1
            counted.loads += loaded(answer)
            counted.judged += bool(result.question.expect)
            if answer.status != "complete":
                counted.error = counted.error or answer.error
                continue
            _count(counted, answer)
            counted.compared += several
            counted.agrees += several and not any(against(answer.letter, d) for d in result.report.differences)
            counted.right += bool(result.right.get(answer.letter))

    def figures(self) -> list[Figures]:
        """Every candidate, in the order in which they came."""
        return [_figures(name, counted) for name, counted in self._counted.items()]


def against(letter: str, difference: Difference) -> bool:
    """Whether a difference stands against this answer: it is alone with it, or there is no majority."""
    concerned = difference.minority or (*difference.values, *difference.missing_in)
    return letter in concerned


def _count(counted: _Counted, answer: Answer) -> None:
    usage, load = answer.usage, answer.usage.load_ms or 0.0
    counted.complete += 1
    counted.tokens += usage.completion_tokens or 0
    if usage.prompt_tokens and usage.cached_tokens is not None:
        counted.prompt += usage.prompt_tokens
        counted.cached += usage.cached_tokens
    first = usage.first_token_ms
    total = usage.total_ms and max(usage.total_ms, first or 0.0)  # the server's clock knows nothing of the way to us
    times = (without(total, load), without(first, load), usage.tokens_per_second)
    (counted.cold if loaded(answer) else counted.warm).append(times)


def without(milliseconds: float | None, load: float) -> float | None:
    """A time without the loading in it."""
    return None if milliseconds is None else max(0.0, milliseconds - load)


def _figures(name: str, c: _Counted) -> Figures:
    times = c.warm or c.cold
    total, first, speed = (_middle([t[n] for t in times]) for n in range(3))
    return Figures(
        c.letter, name, c.asked, c.complete, c.loads, total, first, speed, c.tokens,
        c.cached / c.prompt if c.prompt else None, c.agrees, c.compared, c.right, c.judged, c.error,
    )  # fmt: skip


def _middle(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return median(known) if known else None
