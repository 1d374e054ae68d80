"""The page of an evaluation: bars for each search and each kind of question, and all figures in a table below."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from llamune import files
from llamune.cli import report_plot
from llamune.cli.knowledge_evaluate import about, refusing, way
from llamune.cli.report_parts import notes, table
from llamune.cli.report_style import opening
from llamune.commands.values import Column, Listing
from llamune.errors import UsageError
from llamune.i18n import _

FIGURES = ("recall@1", "recall@3", "recall@5", "recall@20", "mrr", "citation_precision")
PLOTTED = ("recall@1", "recall@3", "mrr")


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Writes what `evaluate --json` prints as a page. Raises UsageError where it cannot be written."""
    try:
        files.replace(path, "".join(_page(found)))
    except OSError as error:
        raise UsageError(_("{path} cannot be written: {reason}").format(path=path, reason=error.strerror)) from error


def _page(found: Mapping[str, Any]) -> Iterator[str]:
    yield opening(_("How {name} is searched").format(name=found["corpus"]))
    yield f'<p class="soft">{escape(about(found))}</p><div class="plots">'
    ways = {way(name): figures for name, figures in found["retrieval"].items()}
    for name in PLOTTED:
        yield report_plot.bars(name, _bars(ways, name), most=1.0)
    yield report_plot.bars(_("recall@3 by kind of question"), _bars(found["kinds"], "recall@3"), most=1.0)
    if grid := found.get("answers"):
        yield report_plot.bars(_("right answers"), _bars(grid, "right"), most=1.0)
    yield "</div>" + _table([*ways.items(), *found["kinds"].items()]) + notes(*refusing(found["unanswerable"]))
    yield "</body></html>\n"


def _bars(rows: Mapping[str, Mapping[str, float]], name: str) -> list[report_plot.Bar]:
    return [(label, figures[name], f"{figures[name]:.2f}") for label, figures in rows.items()]


def _table(rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    columns = [Column(""), *(Column(name, right=True) for name in FIGURES)]
    return table(Listing(columns, [(label, *(f"{f[name]:.3f}" for name in FIGURES)) for label, f in rows]))
