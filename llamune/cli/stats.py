"""`llamune stats`: what follows from the user's own ratings. Counted here, on this machine, from the store only."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from llamune.cli import start
from llamune.cli.parser import Declare, Parser
from llamune.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from llamune.chat.ranking import Rank
    from llamune.commands.values import Listing


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: dict[str, tuple[str, Declare]] = {
        "ranking": (N_("which model and preset you prefer, with how sure that is"), _ranking_arguments),
    }
    parser.words("verb", verbs, required=True)


def _ranking_arguments(parser: Parser) -> None:
    parser.add_argument("--task", metavar=_("TASK"), help=_("only turns asked with this preset"))
    parser.add_argument("--blind", action="store_true", help=_("only what was said while names were hidden"))
    parser.add_argument("--json", action="store_true", help=_("print JSON"))


def run(args: argparse.Namespace) -> int:
    """Prints the ranking. Returns the exit code."""
    from llamune.chat.ranking import outcomes, rank
    from llamune.cli.output import show, show_json

    with start.store() as (store, _home):
        ranks = rank(o for o in outcomes(store.contests(), task=args.task) if o.blind or not args.blind)
    if args.json:
        show_json([asdict(r) for r in ranks])
    else:
        show(listing(ranks))
    return 0


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
