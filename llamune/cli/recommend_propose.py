"""`llamune recommend propose`: from the statistics of several machines to a proposal for the next quarter.

The proposal is a file to edit; standard output gets a report in Markdown. Nothing is signed, imported or applied.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from llamune import files
from llamune.chat.ranking import Rank
from llamune.chat.usage_file import Exported
from llamune.chat.usage_reading import LARGEST, read
from llamune.cli.compare_out import unwritable
from llamune.cli.parser import Parser
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.paths import shipped
from llamune.presets import unreadable
from llamune.recommend import PREFIX, RecommendedSet, Sets, age
from llamune.recommend.proposal import VOTES, Candidate, Proposal, Table, propose
from llamune.recommend.reading import QUARTER
from llamune.recommend.writing import place, time, written
from llamune.text import clean, one_line


def arguments(parser: Parser) -> None:
    """Adds the options."""
    parser.add_argument("--quarter", metavar=_("QUARTER"), required=True, type=_quarter, help=_("like 2027-Q1"))
    parser.add_argument(
        "--stats", metavar=_("FILE"), nargs="+", type=Path, default=[],
        help=_("files of llamune stats export; without: this machine's own figures"),
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar=_("FILE"), type=Path, help=_("a new file"))


def _quarter(word: str) -> str:
    if QUARTER.fullmatch(word):
        return word
    raise UsageError(_("{word} is no quarter.").format(word=word), _("Example: {example}").format(example="2027-Q1"))


def run(args: argparse.Namespace, sets: Sets) -> None:
    """Writes the proposal and prints the report. Raises UsageError, SettingsError."""
    output = args.output or Path(f"{args.quarter}.toml")
    if output.exists():
        raise UsageError(_("{path} exists already.").format(path=output))
    base, version = _before(sets, args.quarter)
    presets = {p.stem for p in shipped("presets").glob("*.toml")} | {PREFIX + purpose for purpose in base.parameters}
    proposal = propose(_sources(args), base, version, presets)
    try:
        files.replace(output, written(proposal, date.today()))
    except OSError as error:
        raise unwritable(output, error, "") from error
    names = [one_line(path.name) for path in args.stats] or [_("this machine")]
    print(clean("\n".join(report(proposal, names, output))))


def _before(sets: Sets, quarter: str) -> tuple[RecommendedSet, str]:
    """The newest set older than the quarter's, and the version of the new one."""
    known = sets.all()
    taken = {s.version for s in known}
    older = [s for s in known if age(s.version) < age(quarter)]
    if not older:
        raise UsageError(
            _("There is no recommended set before {quarter}.").format(quarter=quarter),
            _("There are: {names}").format(names=", ".join(sorted(taken)) or "-"),
        )
    free = (f"{quarter}.{n}" if n else quarter for n in range(len(taken) + 1))
    return older[-1], next(version for version in free if version not in taken)


def _sources(args: argparse.Namespace) -> list[Exported]:
    """The statistics. Raises UsageError where the same stand there twice: their votes would count twice."""
    if not args.stats:
        from llamune.cli.stats import exported

        return [exported(args)]
    seen: dict[bytes, Path] = {}
    for path in args.stats:
        try:
            data = files.read(path, LARGEST)
        except OSError as error:
            raise unreadable(path, error) from error
        if data in seen:
            raise UsageError(_("{first} and {second} are the same.").format(first=seen[data], second=path))
        seen[data] = path
    return [read(data, str(path)) for data, path in seen.items()]


def report(proposal: Proposal, names: Sequence[str], output: Path) -> Iterator[str]:
    """The report's lines, in Markdown."""
    yield "# " + _("{version}: proposal").format(version=proposal.version)
    yield from ("", _("Against {version}. Written: {path}").format(version=proposal.base.version, path=output), "")
    yield from _table(
        (_("statistics"), _("machine"), _("first week"), _("last week"), _("answers"), _("comparisons")),
        [
            (name, s.machine, s.first, s.last, f"{sum(n.answers for n in s.lines):,}", f"{s.comparisons:,}")
            for name, s in zip(names, proposal.sources, strict=True)
        ],
    )
    yield from ("", "## " + _("Recommended"), "")
    heads = (_("model"), _("preset"), *_heads(), _("median"), _("tokens/s"), _("failed"))
    yield from _table(heads, [_row(c) for c in proposal.recommended])
    yield from ("", "## " + _("Not recommended"), "")
    against = [(c.name, c.reason) for c in proposal.candidates if not c.recommended]
    yield from _table((_("model"), _("reason")), against) if against else [_("none")]
    for table in proposal.tables:
        yield from ("", f"## {place(table)}", "", *_ranking(table))
    yield from ("", _("Next: edit the file, llamune recommend check FILE, llamune recommend sign FILE --key KEY."))


def _row(candidate: Candidate) -> tuple[str, ...]:
    assert candidate.entry is not None, "it is recommended"
    assert candidate.rank is not None
    line = candidate.line
    speed = line.speed.at(0.5)
    told = (time(line), f"{speed:,.0f}" if speed else "–", f"{line.failed:,}")
    return candidate.name, candidate.entry.preset, *_votes(candidate.rank), *told


def _ranking(table: Table) -> Iterator[str]:
    yield from _table((_("model"), *_heads()), [(r.model, *_votes(r)) for r in table.ranks])
    if any(r.n < VOTES for r in table.ranks):
        yield from ("", _("Nothing rests on lines with fewer than {n} comparisons.").format(n=VOTES))
    if any(r.group > 1 for r in table.ranks):
        yield from ("", _("Lines of different groups never met, not even through others: do not compare them."))


def _heads() -> tuple[str, ...]:
    return _("preferred"), _("95 % interval"), _("compared")


def _votes(found: Rank) -> tuple[str, ...]:
    return f"{found.strength:.0%}", f"{found.low:.0%} – {found.high:.0%}", f"{found.n:,}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(one_line(cell).replace('|', '/') for cell in row)} |"
