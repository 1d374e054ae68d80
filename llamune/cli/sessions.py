"""`llamune sessions`: list, read, find, take along, delete, bring back, erase; for people, and as JSON for programs.

Nothing is deleted without a word about the way back; only purge has none, so it lists what goes and asks.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from llamune.cli import sessions_json, start
from llamune.cli.parser import Parser, Verbs, count, json_flag, number, yes_flag
from llamune.errors import UsageError
from llamune.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from llamune.chat.ports import Store
    from llamune.chat.session import ChatSession, Turn
    from llamune.paths import Paths

LIMIT = 20
PAGE = 200  # turns read at once


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "list": (N_("the sessions, newest use first"), _limit, json_flag),
        "show": (N_("questions and answers of a session"), _show_arguments, json_flag),
        "search": (N_("find words in all sessions"), _search_arguments, _limit, json_flag),
        "export": (N_("write sessions: JSON lines (complete) or Markdown (to read)"), _export_arguments),
        "import": (N_("add sessions that export wrote"), _import_arguments),
        "delete": (N_("put sessions into the trash"), _numbers),
        "trash": (N_("the deleted sessions"), _limit, json_flag),
        "restore": (N_("bring deleted sessions back"), _numbers),
        "purge": (N_("erase sessions for ever"), _purge_arguments, yes_flag),
    }
    parser.words("verb", verbs, required=True)


def _limit(parser: Parser) -> None:
    parser.add_argument("-n", "--limit", metavar=_("COUNT"), type=count, default=LIMIT, help=_("how many at most"))


def _show_arguments(parser: Parser) -> None:
    parser.add_argument("number", metavar=_("NUMBER"), type=number, help=_("the session's number"))
    parser.add_argument("--all", action="store_true", help=_("all answers, not only the one that stands"))


def _search_arguments(parser: Parser) -> None:
    parser.add_argument("words", metavar=_("WORDS"), nargs="+", help=_("what to find; every word has to occur"))


def _export_arguments(parser: Parser) -> None:
    parser.add_argument("number", metavar=_("NUMBER"), type=number, nargs="*", help=_("sessions; without: all"))
    parser.add_argument(
        "-o", "--output", metavar=_("FILE"), help=_("a .jsonl or .md file; without it standard output, as JSON lines")
    )
    parser.add_argument("--markdown", action="store_true", help=_("Markdown on standard output"))
    parser.add_argument("--force", action="store_true", help=_("replace the file if it exists"))


def _import_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), help=_("a .jsonl file"))


def _numbers(parser: Parser) -> None:
    parser.add_argument("number", metavar=_("NUMBER"), type=number, nargs="+", help=_("the sessions' numbers"))


def _purge_arguments(parser: Parser) -> None:
    parser.add_argument("number", metavar=_("NUMBER"), type=number, nargs="*", help=_("the sessions' numbers"))
    parser.add_argument("--trash", action="store_true", help=_("everything in the trash"))


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code."""
    verbs: dict[str, Callable[[argparse.Namespace, Store, Paths], None]] = {
        "list": _list,
        "show": _show,
        "search": _search,
        "export": _export,
        "import": _import,
        "delete": _delete,
        "trash": _list,
        "restore": _restore,
        "purge": _purge,
    }
    with start.store() as (store, home):
        verbs[args.verb](args, store, home)
    return 0


# reading


def _list(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.sessions import listing
    from llamune.commands.transfer import all_sessions

    deleted = args.verb == "trash"
    found = list(islice(all_sessions(store, deleted=deleted), args.limit + 1))
    sessions, more = found[: args.limit], len(found) > args.limit
    if args.json:
        return show_json([sessions_json.session(s) for s in sessions])
    after = _("--limit shows more") if more else ""
    empty = _("The trash is empty.") if deleted else _("There are no sessions yet.")
    show(listing(sessions, after=after, empty=empty))


def _show(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands import wording
    from llamune.commands.values import Note, Said

    session = store.session(args.number)
    if args.json:
        return show_json(sessions_json.whole(session, _turns(store, session), args.all))
    told = _("{session}: {turns}, {model} {preset}").format(
        session=wording.named(session),
        turns=wording.turns(session.turn_count),
        model=session.model,
        preset=session.preset,
    )
    show(Note(told + (" · " + _("in the trash") if session.deleted_at else ""), "dim"))
    for turn in _turns(store, session):
        show("", Said(turn, tuple(a for a in turn.answers if not a.discarded) if args.all else ()))


def _turns(store: "Store", session: "ChatSession") -> "Iterator[Turn]":
    for first in range(1, session.turn_count + 1, PAGE):
        yield from store.turns(session.id, first=first, last=first + PAGE - 1)


def _search(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.sessions import head
    from llamune.commands.values import Marked

    hits = store.search(" ".join(args.words), limit=args.limit)
    if args.json:
        return show_json([sessions_json.hit(h) for h in hits])
    for hit in hits:
        show(Marked(hit.excerpt, hit.marks, head(hit)))
    if not hits:
        print(_("Nothing was found."), file=sys.stderr)


# taking along


def _export(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import harmless
    from llamune.commands import transfer
    from llamune.text import clean

    ids = [store.session(n).id for n in args.number] or [s.id for s in transfer.all_sessions(store)]
    if args.output:
        path = Path(args.output).expanduser().absolute()
        if path.exists() and not args.force:
            raise UsageError(_("{path} exists.").format(path=path), _("--force replaces it."))
        transfer.export(store, ids, path)
        told = _("{sessions} written to {path}").format(sessions=_sessions(len(ids)), path=clean(str(path)))
        return print(told, file=sys.stderr)
    form: transfer.Form = "markdown" if args.markdown else "jsonl"
    for line in transfer.lines(store, ids, form):
        print(clean(line) if args.markdown else harmless(line))


def _import(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import show
    from llamune.cli.reading_bar import ReadingBar
    from llamune.commands import transfer, wording

    with ReadingBar() as bar:
        added = transfer.import_(store, Path(args.file).expanduser(), partial(bar.show, _("turns")))
    counts = wording.counted(added.turns, added.answers)
    show(_("{sessions} added: {counts}.").format(sessions=_sessions(added.sessions), counts=counts))
    for reason, n in added.skipped.items():
        print(_("left out: {n} ({reason})").format(n=n, reason=reason), file=sys.stderr)


# deleting and bringing back


def _delete(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import show
    from llamune.commands import wording

    for session in _chosen(store, args.number, deleted=False):
        gone = store.delete_session(session.id)
        what = wording.counted(gone.turns, gone.answers, gone.rejected)
        told = _("{session} with {what} is in the trash. llamune sessions restore {n} brings it back.")
        show(told.format(session=wording.named(session), what=what, n=session.id))


def _restore(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import show
    from llamune.commands import wording

    for session in _chosen(store, args.number, deleted=True):
        show(_("{session} is back.").format(session=wording.named(store.restore_session(session.id))))


def _chosen(store: "Store", numbers: Sequence[int], *, deleted: bool) -> "list[ChatSession]":
    """The sessions, looked at before any is changed. Raises NotFound, UsageError."""
    sessions = [store.session(n) for n in dict.fromkeys(numbers)]
    for session in sessions:
        if bool(session.deleted_at) != deleted:
            told = _("Session {n} is not in the trash.") if deleted else _("Session {n} is in the trash already.")
            raise UsageError(told.format(n=session.id), _("Nothing was changed. llamune sessions trash lists what is."))
    return sessions


def _purge(args: argparse.Namespace, store: "Store", home: "Paths") -> None:
    from llamune.cli.output import confirmed, show
    from llamune.commands import transfer, wording
    from llamune.commands.sessions import listing

    if bool(args.number) == args.trash:
        raise UsageError(_("Say what to erase: numbers, or --trash."), "llamune sessions purge 12 15")
    chosen = list(transfer.all_sessions(store, deleted=True)) if args.trash else [store.session(n) for n in args.number]
    show(listing(chosen, empty=_("The trash is empty.")))
    if not chosen or not (args.yes or _sure(confirmed, len(chosen))):
        return
    purged, _texts = transfer.purge(store, home, [s.id for s in chosen])
    show(_("Erased: {what}.").format(what=wording.counted(purged.turns, purged.answers)))


def _sure(confirmed: Callable[[str], bool], n: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(_("Nobody can be asked here."), _("--yes erases without asking. Nothing was erased."))
    told = _("{sessions}: erase for ever, from database, backups, input history and log?")
    return confirmed(told.format(sessions=_sessions(n)))


def _sessions(n: int) -> str:
    return ngettext("{n} session", "{n} sessions", n).format(n=n)
