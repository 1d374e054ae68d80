"""Sessions: begin, list, go on with, name, find, take along. Their numbers are their ids and never change."""

import asyncio
from collections.abc import Iterable
from itertools import islice

from llamune.chat.session import ChatSession, Hit
from llamune.commands import transfer, wording
from llamune.commands.files import path_of
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Marked, Note, Said
from llamune.errors import UsageError
from llamune.i18n import N_, _, ngettext
from llamune.text import one_line

TITLE = N_("Sessions")
RECENT = 20
HITS = 20


def sessions(shell: Shell) -> Iterable[Choice]:
    """Completion: the sessions used last."""
    for session in shell.app.store.sessions(limit=RECENT):
        yield str(session.id), wording.titled(session)


def listing(found: Iterable[ChatSession], *, current: int = 0, after: str = "", empty: str = "") -> Listing:
    """Sessions as a list, numbered by their ids."""
    found = list(found)
    columns = [
        Column("", right=True),
        Column(_("title"), least=14),
        Column(_("turns"), right=True, spare=2),
        Column(_("model"), least=8, spare=1),
        Column(_("last used"), spare=3),
    ]
    rows = [
        (str(s.id), one_line(s.title) or _("(no title)"), str(s.turn_count), s.model, wording.when(s.updated_at))
        for s in found
    ]
    return Listing(columns, rows, after, empty, next((i for i, s in enumerate(found) if s.id == current), -1))


@command("new", N_("begin a new session"))
async def new(shell: Shell, args: Arguments) -> None:
    before = shell.conversation.session
    shell.conversation.new()
    told = _("A new session.")
    if before.id:
        told += " " + _("The last one stays: /resume {number}").format(number=before.id)
    shell.show(told)


@command(
    "sessions",
    N_("the sessions there are, newest first"),
    Parameter("N", N_("how many")),
    now=True,
    example="/sessions 50",
)
async def show_sessions(shell: Shell, args: Arguments) -> None:
    count = args.number(0) if args.get(0) else RECENT
    found = list(islice(transfer.all_sessions(shell.app.store), count + 1))
    more = " · " + _("/sessions N shows more") if len(found) > count else ""
    shell.show(
        listing(
            found[:count],
            current=shell.conversation.session.id,
            after=_("/resume NUMBER goes on · /search WORDS finds") + more,
            empty=_("There are no sessions yet. Just ask something."),
        )
    )


@command(
    "resume",
    N_("go on with an earlier session"),
    Parameter(
        "NUMBER", N_("its number, or words of its title; without: the one before this"), rest=True, choices=sessions
    ),
    example="/resume 12",
)
async def resume(shell: Shell, args: Arguments) -> None:
    session = _meant(shell, args)
    if session is None:
        return
    shell.conversation.open(session)
    if last := shell.app.store.turns(session.id, first=-1):
        shell.show(Said(last[0]))
    shell.show(
        Note(
            _("Back in {session}: {turns}, {model} {preset}").format(
                session=wording.named(session),
                turns=wording.turns(session.turn_count),
                model=one_line(session.model),
                preset=session.preset,
            ),
            "good",
        )
    )


def _meant(shell: Shell, args: Arguments) -> ChatSession | None:
    """The session that was asked for; None when several fit and were listed. Raises UsageError."""
    here = shell.conversation.session.id
    if not args.rest:
        found = [s for s in shell.app.store.sessions(limit=2) if s.id != here][:1]
    elif wording.typed(args.rest).lstrip("#").isdecimal():
        return wording.session_of(shell, int(wording.typed(args.rest).lstrip("#")))
    else:
        words = wording.typed(args.rest).split()
        found = [s for s in transfer.all_sessions(shell.app.store) if all(w in wording.typed(s.title) for w in words)]
    if not found:
        raise UsageError(
            _("No session has “{words}” in its title.").format(words=one_line(args.rest))
            if args.rest
            else _("There is no other session."),
            _("/sessions lists them, /search WORDS looks into them."),
        )
    if len(found) > 1:
        shell.show(listing(found[:RECENT], current=here, after=_("several fit: /resume NUMBER")))
        return None
    return found[0]


@command(
    "title",
    N_("this session's title, or another one"),
    Parameter("TEXT", N_("the new title"), rest=True),
    now=True,
    example=N_("/title Retirement rules"),
)
async def title(shell: Shell, args: Arguments) -> None:
    if new := one_line(args.rest):
        shell.conversation.change(title=new, titled_by="user")
    shell.show(_("title: {title}").format(title=one_line(shell.conversation.session.title) or _("(no title)")))


@command(
    "search",
    N_("find words in all sessions"),
    Parameter("WORDS", N_("what to find; every word has to occur"), required=True, rest=True),
    now=True,
    example=N_("/search retirement"),
)
async def search(shell: Shell, args: Arguments) -> None:
    hits = await asyncio.to_thread(shell.app.store.search, args.rest, limit=HITS + 1)
    if not hits:
        return shell.show(_("Nothing was found for “{words}”.").format(words=one_line(args.rest)))
    for hit in hits[:HITS]:
        shell.show(Marked(hit.excerpt, hit.marks, head(hit)))
    many = _("the newest {n} places; more words find less").format(n=HITS)
    told = many if len(hits) > HITS else ngettext("{n} place", "{n} places", len(hits)).format(n=len(hits))
    shell.show(Note(told + " · " + _("/resume NUMBER opens a session"), "dim"))


def head(hit: Hit) -> str:
    """Number, title, turn, who said it, when."""
    place = _("turn {n}").format(n=hit.turn_number)
    place += ", " + (_("question") if hit.where == "question" else _("answer {letter}").format(letter=hit.letter))
    return f"{hit.session.id}  {wording.titled(hit.session, 28)} · {place} · {wording.when(hit.created_at)}"


def what(shell: Shell) -> Iterable[Choice]:
    """Completion: which sessions."""
    yield "all", _("every session, complete")
    yield from sessions(shell)


@command(
    "export",
    N_("write a session to a file: .md to read, .jsonl complete"),
    Parameter("FILE", N_("where to; without it a name is made")),
    Parameter("NUMBER", N_("which session, or: all; without it this one"), rest=True, choices=what),
    example="/export notes.md 12",
)
async def export(shell: Shell, args: Arguments) -> None:
    words = list(args.words)
    which = words.pop() if words and (words[-1] == "all" or words[-1].isdecimal()) else ""
    if which == "all":
        ids = [s.id for s in transfer.all_sessions(shell.app.store)]
    else:
        ids = [wording.session_of(shell, int(which)).id if which else wording.begun(shell).id]
    name = " ".join(words) or ("llamune-sessions.jsonl" if which == "all" else f"llamune-{ids[0]}.md")
    path = path_of(name).absolute()
    transfer.form_of(path)
    if path.exists() and not await shell.confirm(_("{path} exists. Overwrite it?").format(path=one_line(str(path)))):
        return
    await asyncio.to_thread(transfer.export, shell.app.store, ids, path)
    written = ngettext("{n} session", "{n} sessions", len(ids)).format(n=len(ids))
    shell.show(Note(_("{sessions} written to {path}").format(sessions=written, path=one_line(str(path))), "good"))


@command(
    "import",
    N_("add sessions from a file that /export wrote"),
    Parameter("FILE", N_("a .jsonl file"), required=True, rest=True),
    example="/import sessions.jsonl",
)
async def import_(shell: Shell, args: Arguments) -> None:
    wording.quiet(shell)
    added = await asyncio.to_thread(transfer.import_, shell.app.store, path_of(args.rest))
    told = ngettext("{n} session", "{n} sessions", added.sessions).format(n=added.sessions)
    counts = wording.counted(added.turns, added.answers)
    done = _("{sessions} added: {counts}. /sessions lists them.") if added.sessions else _("Nothing was added.")
    shell.show(Note(done.format(sessions=told, counts=counts), "good" if added.sessions else "warn"))
    for reason, n in added.skipped.items():
        shell.show(Note(_("left out: {n} ({reason})").format(n=n, reason=reason), "warn"))
