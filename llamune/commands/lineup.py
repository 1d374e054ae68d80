"""The line-up: other models that answer every question in the background.

Which answer, how many at once, and stopping them. The answers themselves belong to their turns: /answers, /adopt.
"""

from collections.abc import Iterable
from typing import Any

from llamune.chat import board
from llamune.chat.lineup import Candidate, read
from llamune.chat.scheduler import LIMITS
from llamune.commands import retrying
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Note
from llamune.errors import UsageError, near
from llamune.i18n import N_, _, ngettext

TITLE = N_("Line-up")
WAYS = {
    "on": N_("let the line-up answer every question"),
    "off": N_("no longer"),
    "add": N_("add models or model/preset"),
    "remove": N_("take a line of the list out"),
    "limit": N_("how many answer at once, 1 to 5"),
}


def ways(shell: Shell) -> Iterable[Choice]:
    """Completion: what /lineup can do."""
    return ((name, _(about)) for name, about in WAYS.items())


def running(shell: Shell) -> Iterable[Choice]:
    """Completion: what is made in the background and has not ended."""
    yield from ((lane.letter, lane.model) for lane in shell.running())
    yield from ((name, _("its new index")) for name in shell.renewals.open)
    yield "all", _("all that is being made")


@command(
    "lineup",
    N_("let other models answer every question in the background"),
    Parameter("WAY", N_("on, off, add, remove or limit; alone: what is set"), choices=ways),
    Parameter("WHAT", N_("candidates to add, numbers to remove, or the limit"), rest=True, choices=retrying.candidates),
    now=True,
    example="/lineup add gemma3/creative",
)
async def lineup(shell: Shell, args: Arguments) -> None:
    (set_now, _answers), what = line_up(shell), args.rest.partition(" ")[2]
    match args.get(0):
        case "":
            return await show(shell)
        case "on" | "off" as way:
            if way == "on" and not set_now:
                raise UsageError(_("The line-up is empty."), _("/lineup add MODEL/PRESET · /recommend"))
            _remember(shell, lineup_on=way == "on")
        case "add":
            chosen = [str(c) for c in await retrying.choose(shell, what)]
            _remember(shell, lineup=list(dict.fromkeys([*set_now, *chosen])), lineup_on=True)
        case "remove":
            gone = {_number(word, len(set_now)) for word in what.split()}
            _remember(shell, lineup=[c for n, c in enumerate(set_now, 1) if n not in gone])
        case "limit":
            shell.app.state.remember(limit=_limit(what))
        case other:
            raise UsageError(
                _("/lineup does not know “{word}”.").format(word=other),
                _("Did you mean {names}?").format(names=", ".join(near(other, WAYS) or WAYS)),
            )
    await show(shell)


def line_up(shell: Shell) -> tuple[list[str], bool]:
    """The line-up in force and whether it answers: that of the session's mode, where that has one; else the user's."""
    state, of_mode = shell.app.state, shell.conversation.session.before_mode
    return of_mode.get("lineup", state.lineup), of_mode.get("lineup_on", state.lineup_on)


def _remember(shell: Shell, **changes: Any) -> None:
    """Changes the line-up in force; that of a mode in its session only."""
    of_mode = shell.conversation.session.before_mode
    if "lineup" in of_mode:
        shell.conversation.change(before_mode={**of_mode, **changes})
    else:
        shell.app.state.remember(**changes)


async def show(shell: Shell) -> None:
    """The line-up as it is set, and how many answer at once, with the reason where that is fewer than wanted."""
    listed, answers = line_up(shell)
    names = {c.model for c in candidates(shell)}
    why = await shell.app.settle_limit([m for m in shell.known if m.name in names])
    on = _("on: they answer every question in the background") if answers else _("off")
    limit = why or _("at once: {n} (/lineup limit N)").format(n=shell.app.slots.limit)
    shell.show(
        Listing(
            [Column("", right=True), Column(_("candidate"), least=12)],
            [(str(n), c) for n, c in enumerate(listed, 1)],
            after=f"{on} · {limit}",
            empty=_("The line-up is empty: /lineup add MODEL/PRESET"),
        )
    )


def candidates(shell: Shell) -> list[Candidate]:
    """Who answers in the background now: the line-up without the model and preset that answer anyway."""
    session, (listed, answers) = shell.conversation.session, line_up(shell)
    return [c for c in map(read, listed if answers else ()) if c != Candidate(session.model, session.preset)]


@command("ignore", N_("put away the notice about answers that arrived"), now=True)
async def ignore(shell: Shell, args: Arguments) -> None:
    shell.show(Note(_("They stay in the history: /answers"), "dim"))


@command(
    "stop",
    N_("stop an answer that is being made, a new index, or all"),
    Parameter("LETTER", N_("the answer's letter, a collection, or all"), choices=running),
    now=True,
    example="/stop all",
)
async def stop(shell: Shell, args: Arguments) -> None:
    word = args.get(0) or "all"
    stopped = shell.renewals.stop(None if word == "all" else word)
    for name in stopped:
        shell.show(_("{name} keeps the index it has. /knowledge reindex {name} goes on.").format(name=name))
    if word == "all":
        count = shell.stop_answers(None)
    elif stopped:
        return
    else:
        lane = board.by_letter({lane.answer_id: lane for lane in shell.running()}, word)
        if lane is None:
            raise UsageError(_("No answer {letter} is running.").format(letter=word.upper()), "/stop all")
        count = shell.stop_answers(lane.answer_id)
    if count:
        told = ngettext("{n} answer stopped; what came is kept.", "{n} answers stopped; what came is kept.", count)
        shell.show(told.format(n=count))
    elif not stopped:
        shell.show(_("No answer is being made."))


def _number(word: str, most: int) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= most:
        raise UsageError(_("There is no number {n} in the line-up.").format(n=word), "/lineup")
    return int(word)


def _limit(word: str) -> int:
    if not word.strip().isdecimal() or int(word) not in LIMITS:
        raise UsageError(
            _("The limit cannot be {value}.").format(value=word or "?"),
            _("It is a whole number from {low} to {high}.").format(low=LIMITS[0], high=LIMITS[-1]),
        )
    return int(word)
