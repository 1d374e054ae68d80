"""The statistics as one HTML file, with plots: no script, no other file, no network. Contents are stats_told.py's."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from llamune import __version__, files
from llamune.chat.usage import Line, by
from llamune.cli import report_parts, report_plot, stats_told
from llamune.cli.compare_out import told, unwritable
from llamune.cli.report_style import opening
from llamune.cli.stats_told import Memory
from llamune.i18n import _
from llamune.text import one_line

MOST = 20  # bars in one plot


def write(path: Path, lines: Sequence[Line], memory: Memory) -> None:
    """Writes the page in one step. Raises LlamuneError."""
    try:
        files.replace(path, "".join(_page(lines, memory)))
    except OSError as error:
        raise unwritable(path, error, "") from error


def _page(lines: Sequence[Line], memory: Memory) -> Iterator[str]:
    yield opening(_("Statistics"))
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    yield f'<p class="soft">{escape(f"{made} · {stats_told.headline(lines)} · Llamune {__version__}")}</p>'
    yield report_parts.section(_("In pictures"), f'<div class="plots">{"".join(_plots(lines))}</div>')
    for group in stats_told.GROUPS:
        listing = stats_told.table(lines, group, memory)
        yield report_parts.section(stats_told.title(group), report_parts.table(listing))
    yield report_parts.notes(*stats_told.remarks().splitlines())
    yield "</body></html>\n"


def _plots(lines: Sequence[Line]) -> Iterator[str]:
    models = by(lines, "model")[:MOST]
    yield _bars(_("tokens/s"), models, [(n.speed.at(0.5), stats_told.speed(n.speed.at(0.5))) for n in models])
    yield _bars(_("median"), models, [(n.total.at(0.5), told(n.total.at(0.5))) for n in models])
    chosen = [(n.adopted, stats_told.percent(n.adopted)) for n in models]
    yield _bars(_("chosen"), models, chosen, most=1.0)
    tasks = by(lines, "task")
    counts = [(float(n.answers), f"{n.answers:,}") for n in tasks]
    yield report_plot.bars(
        _("answers by task"), [(stats_told.name(n, "task"), *c) for n, c in zip(tasks, counts, strict=True)]
    )
    weeks = [(week, float(n), f"{n:,}") for week, n in stats_told.weeks(lines)]
    yield report_plot.bars(_("answers by week"), weeks)


def _bars(
    title: str, models: Sequence[Line], values: Sequence[tuple[float | None, str]], *, most: float | None = None
) -> str:
    """A plot over models, "" when none has the figure."""
    if not any(value for value, _said in values):
        return ""
    rows = [(one_line(line.model), *value) for line, value in zip(models, values, strict=True)]
    return report_plot.bars(title, rows, most=most)
