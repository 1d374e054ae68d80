"""`llamune stats`: what was counted of the user's own answers and ratings, on this machine, from the store only."""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from llamune import files
from llamune.cli import start
from llamune.cli.parser import Parser, Verbs, json_flag, one_of
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import N_, _, ngettext
from llamune.paths import shipped
from llamune.recommend import PREFIX

if TYPE_CHECKING:
    from llamune.chat.ranking import Rank
    from llamune.chat.usage_file import Exported, Size
    from llamune.commands.values import Listing

DATE = re.compile(r"(?P<year>\d{4})-(?:Q(?P<quarter>[1-4])|(?P<month>\d\d)-(?P<day>\d\d))", re.ASCII)


def declare(parser: Parser) -> None:
    """Adds the verbs, and the options of the command without one."""
    verbs: Verbs = {
        "ranking": (N_("which model and preset you prefer, with how sure that is"), _ranking_arguments, json_flag),
        "export": (N_("write the figures, and no text, to a file for whoever recommends models"), _to_file, _span),
    }
    parser.words("verb", verbs, required=False)
    _span(parser)
    parser.add_argument("--html", metavar=_("FILE"), type=Path, help=_("write a page with plots"))
    json_flag(parser)


def _span(parser: Parser) -> None:
    parser.add_argument(
        "--since", metavar=_("DATE"), type=_begin, default=argparse.SUPPRESS,
        help=_("only answers made from then on: 2026-10-01, or 2026-Q4"),
    )  # fmt: skip
    parser.add_argument(
        "--until", metavar=_("DATE"), type=_end, default=argparse.SUPPRESS,
        help=_("only answers made until the end of that day or quarter"),
    )  # fmt: skip


def _ranking_arguments(parser: Parser) -> None:
    from llamune.chat.task import TASKS

    what = _("only questions for this: {names}").format(names=", ".join(TASKS))
    parser.add_argument("--task", metavar=_("TASK"), type=one_of(*TASKS), help=what)
    parser.add_argument("--blind", action="store_true", help=_("only what was said while names were hidden"))


def _to_file(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=Path, help=_("a new file"))
    parser.add_argument("--anonymous", action="store_true", required=True, help=_("say that you want this"))


def _begin(word: str) -> datetime:
    """Midnight (UTC) at the beginning of a day or quarter."""
    return _days(word)[0]


def _end(word: str) -> datetime:
    """Midnight (UTC) at the end of a day or quarter."""
    return _days(word)[1]


def _days(word: str) -> tuple[datetime, datetime]:
    if match := DATE.fullmatch(word):
        month = 3 * int(match["quarter"]) - 2 if match["quarter"] else int(match["month"])
        try:
            first = datetime(int(match["year"]), month, int(match["day"] or 1), tzinfo=UTC)
            return first, (first + timedelta(days=93)).replace(day=1) if match["quarter"] else first + timedelta(days=1)
        except (ValueError, OverflowError):
            pass
    raise UsageError(_("{word} is no date.").format(word=word), _("Example: {example}").format(example="2026-10-01"))


def _wanted(args: argparse.Namespace) -> tuple[datetime | None, datetime | None]:
    """The span that was asked for; its options may stand before and behind a verb, so that they have no default."""
    return getattr(args, "since", None), getattr(args, "until", None)


def run(args: argparse.Namespace) -> int:
    """Runs a verb, or shows the figures. Returns the exit code."""
    verbs = {None: _show, "ranking": _ranking, "export": _export}
    verbs[args.verb](args)
    return 0


def _show(args: argparse.Namespace) -> None:
    from llamune.cli import stats_told
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Note
    from llamune.text import glyphs

    with start.store() as (store, _home):
        lines = store.usage(*_wanted(args))
    memory = {name: size.memory for name, size in _sizes(args).items()} if lines else {}
    if args.html:
        from llamune.cli import stats_html

        stats_html.write(args.html, lines, memory)
    if args.json:
        return show_json(stats_told.as_json(lines, memory))
    if not lines:
        return show(_("There are no answers to count."))
    if args.html:
        return
    tables = [part for group in stats_told.GROUPS for part in (stats_told.table(lines, group, memory), "")]
    plot = stats_told.plot(lines, glyphs(sys.stdout.encoding))
    show(stats_told.headline(lines), "", *tables, plot, "", Note(stats_told.remarks(), "dim"))


def _sizes(args: argparse.Namespace) -> "dict[str, Size]":
    """What each installed model takes, as `llamune models fit` computes it; empty when no engine answers."""
    from llamune.chat import fit
    from llamune.chat.usage_file import Size

    app = start.app(args)

    async def ask() -> dict[str, Size]:
        catalog = app.open_catalog()
        try:
            models = await catalog.models(refresh=True)
            return {m.name: Size(m.size, fit.need(m, app.state.expected(m)).total) for m in models if m.size}
        except LlamuneError:
            return {}
        finally:
            await catalog.aclose()

    return asyncio.run(ask())


def _export(args: argparse.Namespace) -> None:
    from llamune.chat import usage_file
    from llamune.cli.compare_out import unwritable
    from llamune.cli.output import show

    if args.file.exists():
        raise UsageError(_("{path} exists already.").format(path=args.file))
    made = exported(args)
    if not made.lines:
        raise UsageError(_("There are no answers to count."))
    try:
        files.replace(args.file, usage_file.written(made))
    except OSError as error:
        raise unwritable(args.file, error, "") from error
    told = _("{path}: {lines} lines of figures, {games} comparisons, machine: {machine}. No text of any conversation.")
    show(told.format(path=args.file, lines=len(made.lines), games=made.comparisons, machine=made.machine or "–"))


def exported(args: argparse.Namespace) -> "Exported":
    """This machine's figures, without anything that is nobody else's business."""
    from llamune.chat import usage_file
    from llamune.chat.ranking import outcomes
    from llamune.engine.machine import look

    span, app = _wanted(args), start.app(args)
    presets = {p.stem for p in shipped("presets").glob("*.toml")} | {n for n in app.presets if n.startswith(PREFIX)}
    with start.store() as (store, _home):
        games = ((c.task, outcomes([c])) for c in store.contests(*span))
        return usage_file.anonymous(store.usage(*span), games, _sizes(args), look(), presets)


def _ranking(args: argparse.Namespace) -> None:
    from llamune.chat.ranking import outcomes, rank
    from llamune.cli.output import show, show_json

    with start.store() as (store, _home):
        ranks = rank(o for o in outcomes(store.contests(), task=args.task) if o.blind or not args.blind)
    if args.json:
        return show_json([asdict(r) for r in ranks])
    show(listing(ranks))


def listing(ranks: "Sequence[Rank]") -> "Listing":
    """The ranking as a table, with what it does not say below it."""
    from llamune.commands.values import Column, Listing

    groups = len({r.group for r in ranks}) > 1
    rows = [
        (r.model, r.preset, f"{r.strength:.0%}", f"{r.low:.0%} – {r.high:.0%}", str(r.n), str(r.wins), str(r.ties))
        + ((str(r.group),) if groups else ())
        for r in ranks
    ]
    columns = [
        Column(_("model"), least=12),
        Column(_("preset")),
        Column(_("preferred"), right=True),
        Column(_("95 % interval"), right=True),
        Column(_("compared"), right=True),
        Column(_("won"), right=True, spare=2),
        Column(_("ties"), right=True, spare=3),
        *([Column(_("group"), right=True, spare=1)] if groups else []),
    ]
    empty = _("Nothing was compared yet: /adopt, /keep, /good and /rate in a chat are counted here.")
    return Listing(columns, rows, after="\n".join(remarks(ranks)), empty=empty)


def remarks(ranks: "Sequence[Rank]") -> list[str]:
    """How to read the table, and how little it says where there is little data."""
    if not ranks:
        return []
    n = sum(r.n for r in ranks) // 2
    told = [
        _("preferred: how often it would be chosen over an average one of these."),
        ngettext("{n} comparison in all.", "{n} comparisons in all.", n).format(n=n),
    ]
    if unsure := sum(r.uncertain for r in ranks):
        said = ngettext(
            "{n} interval is so wide that the order may be chance: more comparisons are needed.",
            "{n} intervals are so wide that the order may be chance: more comparisons are needed.",
            unsure,
        )
        told.append(said.format(n=unsure))
    if len({r.group for r in ranks}) > 1:
        told.append(_("Lines of different groups never met, not even through others: do not compare them."))
    return told
