"""Deleting and bringing back; and the one thing that cannot be brought back: purge.

Deleting hides. Purging erases rows, index and backups (the store), and input history and log entries (transfer.py).
"""

import asyncio
from collections.abc import Iterable

from llamune.chat.session import ChatSession, Purged
from llamune.commands import transfer, wording
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.sessions import listing, sessions
from llamune.commands.values import Note
from llamune.errors import UsageError
from llamune.i18n import N_, _, ngettext

TITLE = N_("Deleting and bringing back")


def deleted(shell: Shell) -> Iterable[Choice]:
    """Completion: what lies in the trash."""
    for session in shell.app.store.sessions(deleted=True, limit=20):
        yield str(session.id), wording.titled(session)


def purgeable(shell: Shell) -> Iterable[Choice]:
    yield "trash", _("everything in the trash")
    yield from deleted(shell)
    yield from sessions(shell)


@command(
    "delete",
    N_("put a session into the trash"),
    Parameter("NUMBER", N_("which session; without it this one"), choices=sessions),
    example="/delete 12",
)
async def delete(shell: Shell, args: Arguments) -> None:
    session = wording.session_of(shell, args.number(0)) if args.get(0) else wording.begun(shell)
    gone = shell.app.store.count_after(session.id, 0)
    what = wording.counted(gone.turns, gone.answers, gone.rejected)
    shell.show(_("{session} with {what} goes into the trash.").format(session=wording.named(session), what=what))
    if not await shell.confirm(_("delete?")):
        return
    shell.app.store.delete_session(session.id)
    if session.id == shell.conversation.session.id:
        shell.conversation.new()
    shell.show(Note(_("Deleted. /undo or /restore {number} brings it back.").format(number=session.id), "good"))


@command("trash", N_("the deleted sessions"), now=True)
async def trash(shell: Shell, args: Arguments) -> None:
    found = transfer.all_sessions(shell.app.store, deleted=True)
    after = _("/restore NUMBER brings one back · /purge trash erases all of them for ever")
    shell.show(listing(found, after=after, empty=_("The trash is empty.")))


@command(
    "restore",
    N_("bring a deleted session back"),
    Parameter("NUMBER", N_("its number in /trash"), required=True, choices=deleted),
    example="/restore 12",
)
async def restore(shell: Shell, args: Arguments) -> None:
    wording.session_of(shell, args.number(0), deleted=True)
    session = shell.app.store.restore_session(args.number(0))
    told = _("{session} is back. /resume {number} opens it.")
    shell.show(Note(told.format(session=wording.named(session), number=session.id), "good"))


@command(
    "purge",
    N_("erase sessions for ever"),
    Parameter("NUMBER", N_("one or more numbers, or: trash"), required=True, rest=True, choices=purgeable),
    example="/purge 12 15",
)
async def purge(shell: Shell, args: Arguments) -> None:
    chosen = _chosen(shell, args)
    if not chosen:
        return shell.show(_("The trash is empty."))
    shell.show(listing(chosen))
    shell.show(Note(_what_goes(shell, chosen), "warn"))
    word = _("purge")
    reply = await shell.ask(_("This cannot be taken back. Type {word} to erase: ").format(word=word))
    if wording.typed(reply) not in (wording.typed(word), "purge"):
        return shell.show(_("Nothing was erased."))
    wording.quiet(shell)
    ids = [s.id for s in chosen]
    purged, texts = await asyncio.to_thread(transfer.purge, shell.app.store, shell.app.paths, ids)
    shell.forget(texts)
    if shell.conversation.session.id in {s.id for s in chosen}:
        shell.conversation.new()
    shell.show(Note(_erased(purged), "good"))


def _chosen(shell: Shell, args: Arguments) -> list[ChatSession]:
    """The sessions that the words name, each once. Raises UsageError, NotFound."""
    if [wording.typed(w) for w in args.words] == ["trash"]:
        return list(transfer.all_sessions(shell.app.store, deleted=True))
    if any(wording.typed(w) == "trash" for w in args.words):
        raise UsageError(_("trash stands alone: numbers, or the whole trash."), "/purge trash · /purge 12 15")
    numbers = dict.fromkeys(args.number(i) for i in range(len(args.words)))
    return [shell.app.store.session(number) for number in numbers]


def _what_goes(shell: Shell, chosen: list[ChatSession]) -> str:
    total = sum(s.turn_count for s in chosen)
    told = ngettext("{n} session", "{n} sessions", len(chosen)).format(n=len(chosen))
    text = _(
        "{sessions} with {turns}, and what was rewound in them, go for ever: database, backups, input history, log."
    )
    return text.format(sessions=told, turns=wording.turns(total))


def _erased(purged: Purged) -> str:
    told = ngettext("{n} session", "{n} sessions", purged.sessions).format(n=purged.sessions)
    counts = wording.counted(purged.turns, purged.answers)
    copies = ngettext("{n} backup", "{n} backups", purged.backups).format(n=purged.backups)
    text = _("Erased: {sessions}, {counts}, {backups}.") if purged.backups else _("Erased: {sessions}, {counts}.")
    return text.format(sessions=told, counts=counts, backups=copies)
