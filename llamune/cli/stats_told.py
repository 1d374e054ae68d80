"""What `llamune stats` says: tables by model, preset and task, a plot of the weeks, and the same as JSON.

Listings for people serve the terminal and the HTML page. Nothing is counted or written here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from llamune.chat import task
from llamune.chat.usage import Line, Spread, by, monday
from llamune.cli.compare_out import number, share, told
from llamune.commands.values import Column, Listing
from llamune.i18n import _, ngettext
from llamune.text import Glyphs, size

WEEKS = 12  # in the plot
BAR = 16  # columns of the longest bar; it fits on 40
Memory = Mapping[str, int]  # model → bytes
GROUPS = ("model", "preset", "task")


def title(group: str) -> str:
    """The heading of a table."""
    return {"model": _("model"), "preset": _("preset"), "task": _("task")}[group]


def headline(lines: Sequence[Line]) -> str:
    """How much there is."""
    [every] = by(lines) or [Line()]
    answers = ngettext("{n} answer", "{n} answers", every.answers).format(n=f"{every.answers:,}")
    chosen = ngettext("{n} choice between answers", "{n} choices between answers", every.chosen)
    weeks = sorted(every.weeks)
    span = [f"{monday(weeks[0])} – {monday(weeks[-1] + 1)}"] if weeks else []
    return " · ".join([answers, chosen.format(n=f"{every.chosen:,}"), *span])


def table(lines: Sequence[Line], group: str, memory: Memory) -> Listing:
    """One row for each model, preset or task; figures that nobody has get no column."""
    rows = by(lines, group)
    shown = [(head, spare, [say(row) for row in rows]) for head, spare, say in _figures(memory)]
    shown = [column for column in shown if any(column[2])]
    columns = [Column(title(group), least=12), *(Column(head, right=True, spare=spare) for head, spare, _c in shown)]
    return Listing(columns, [(name(row, group), *(c[n] for _h, _s, c in shown)) for n, row in enumerate(rows)])


def name(line: Line, group: str) -> str:
    """What a row is called."""
    return task.said(line.task) if group == "task" else str(getattr(line, group)) or "–"


def _figures(memory: Memory) -> list[tuple[str, int, Callable[[Line], str]]]:
    """Heading, when to leave it out on a narrow screen (see `Column`), and what stands there; "" = nothing to say."""
    return [
        (_("answers"), 0, lambda n: number(n.answers)),
        (_("complete"), 3, lambda n: percent(n.success)),
        (_("median"), 0, lambda n: told(n.total.at(0.5))),
        (_("95 % below"), 5, lambda n: told(n.total.at(0.95))),
        (_("first token"), 4, lambda n: told(n.first.at(0.5))),
        (_("tokens/s"), 2, lambda n: speed(n.speed.at(0.5))),
        (_("loading"), 7, lambda n: told(n.load.at(0.5))),
        (_("chosen"), 1, lambda n: share(n.chosen, n.compared)),
        (_("good/bad"), 6, lambda n: f"{n.good}/{n.bad}" if n.good or n.bad else ""),
        (_("points"), 8, lambda n: f"{n.score:.1f}" if n.score else ""),
        (_("memory"), 9, lambda n: size(memory[n.model]) if n.model in memory else ""),
    ]


def percent(part: float | None) -> str:
    """A share for people, "" when there is none."""
    return "" if part is None else f"{part:.0%}"


def speed(value: float | None) -> str:
    """Tokens a second for people, "" when not known."""
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def remarks() -> str:
    """How to read the tables."""
    return "\n".join((
        _("median: from the question to the end, loading included · tokens/s: writing alone · figures within 1 %"),
        _("complete: without those you stopped · chosen: of the times it stood beside others when you chose"),
        _("Counted until it is erased for ever: what lies in the trash counts, too."),
    ))  # fmt: skip


def weeks(lines: Sequence[Line]) -> list[tuple[str, int]]:
    """The last WEEKS weeks: their Monday, and how many answers became complete."""
    counted = next((line.weeks for line in by(lines)), {})
    last = max(counted, default=0)
    first = max(min(counted, default=0), last - WEEKS + 1)
    return [(str(monday(week)), counted.get(week, 0)) for week in range(first, last + 1)] if counted else []


def plot(lines: Sequence[Line], glyphs: Glyphs) -> Listing:
    """Answers by week as bars of characters."""
    found = weeks(lines)
    most = max((n for _week, n in found), default=0) or 1
    columns = [Column(_("week from")), Column(_("answers"), right=True), Column("")]
    return Listing(columns, [(week, f"{n:,}", bar(n / most, glyphs)) for week, n in found])


def bar(part: float, glyphs: Glyphs) -> str:
    """A bar for a share of BAR columns, as fine as the signs allow."""
    steps = glyphs.gauge
    whole, rest = divmod(round(part * BAR * len(steps)), len(steps))
    return steps[-1] * whole + (steps[rest - 1] if rest else "")


def as_json(lines: Sequence[Line], memory: Memory) -> dict[str, Any]:
    """All of it for programs; times in ms, memory in bytes, null = not known."""
    return {
        **{f"{group}s": [dict(_line_json(n, memory, group)) for n in by(lines, group)] for group in GROUPS},
        "weeks": [{"week": week, "answers": n} for week, n in weeks(lines)],
        "lines": [dict(_line_json(n, memory, *GROUPS)) for n in by(lines, *GROUPS)],
    }


def _line_json(line: Line, memory: Memory, *groups: str) -> Iterator[tuple[str, Any]]:
    yield from ((group, getattr(line, group)) for group in groups)
    yield from ((name, getattr(line, name)) for name in ("answers", "complete", "failed", "success"))
    spreads = {
        "total_ms": line.total,
        "first_token_ms": line.first,
        "load_ms": line.load,
        "tokens_per_second": line.speed,
    }
    yield from ((name, _spread_json(spread)) for name, spread in spreads.items())
    yield from ((name, getattr(line, name)) for name in ("compared", "chosen", "adopted", "good", "bad", "score"))
    if "model" in groups:
        yield "memory", memory.get(line.model)


def _spread_json(spread: Spread) -> dict[str, float | None]:
    low, high = spread.at(0.5), spread.at(0.95)
    return {"median": low and round(low, 2), "p95": high and round(high, 2)}
