"""Going through the conversation and back: history, rewind, undo, and taking a question or an answer out again."""

import re
from collections.abc import Iterable
from dataclasses import replace

from llamune.chat.session import Answer, Turn, Undone
from llamune.commands import wording
from llamune.commands.answers import find, letters
from llamune.commands.files import named_in
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Note, Said, Verbatim
from llamune.errors import UsageError
from llamune.i18n import N_, _
from llamune.settings import setting
from llamune.text import one_line, title_of

TITLE = N_("Conversation")
RECENT = 20  # turns that /history shows
LINES, CHARACTERS = 4, 320  # of an answer in /history
FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^(?P=fence)[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)


def numbers(shell: Shell) -> Iterable[Choice]:
    """Completion: the last turns with their questions."""
    session = shell.conversation.session
    for turn in reversed(shell.app.store.turns(session.id, first=-RECENT) if session.id else []):
        yield str(turn.number), one_line(turn.question)


@command(
    "history",
    N_("what was said, with numbers"),
    Parameter("N", N_("the turn to show whole; without it the last 20"), choices=numbers),
    now=True,
    example="/history 5",
)
async def history(shell: Shell, args: Arguments) -> None:
    session = wording.begun(shell)
    if args.get(0):
        turn = _turn(shell, args.number(0))
        return shell.show(Said(turn, turn.answers))
    turns = shell.app.store.turns(session.id, first=-RECENT)
    if turns[0].number > 1:
        shell.show(Note(_("the last {n} of {all}").format(n=len(turns), all=wording.turns(session.turn_count)), "dim"))
    for turn in turns:
        shell.show(Said(shortened(turn)))
        if turn.number == session.summarised:
            shell.show(Note(_("── up to here the model sees a summary: /context ──"), "dim"))


def shortened(turn: Turn) -> Turn:
    """The turn with its standing answer cut to a few lines."""
    return replace(turn, answers=tuple(_short(a) for a in turn.answers if a.adopted))


def _short(answer: Answer) -> Answer:
    lines = answer.text.strip().split("\n")
    text = "\n".join(lines[:LINES])[:CHARACTERS].rstrip()
    return answer if len(text) >= len(answer.text.strip()) else replace(answer, text=text + " …", seen=None)


def _turn(shell: Shell, number: int) -> Turn:
    session = shell.conversation.session
    if not 1 <= number <= session.turn_count:
        raise UsageError(
            _("There is no turn {number}.").format(number=number),
            _("This session has turns 1 to {n}.").format(n=session.turn_count),
        )
    return shell.app.store.turns(session.id, first=number, last=number)[0]


@command(
    "rewind",
    N_("go back to an earlier turn; what came after can be brought back"),
    Parameter("N", N_("the turn to go back to; 0 = the beginning"), required=True, choices=numbers),
    example="/rewind 2",
)
async def rewind(shell: Shell, args: Arguments) -> None:
    session, number = wording.begun(shell), args.number(0)
    if number:
        _turn(shell, number)
    gone = shell.app.store.count_after(session.id, number)
    if not gone.turns:
        return shell.show(_("Turn {number} is the last one: nothing comes after it.").format(number=number))
    what = wording.counted(gone.turns, gone.answers, gone.rejected)
    told = (
        _("After turn {number} these go: {what}. /undo brings them back.")
        if number
        else _("All of it goes: {what}. /undo brings it back.")
    )
    shell.show(told.format(number=number, what=what))
    if await shell.confirm(_("rewind?")):
        shell.conversation.rewind(number)
        shell.show(
            Note(
                _back_at(shell, number)
                + " "
                + _("/undo brings the {turns} back.").format(turns=wording.turns(gone.turns)),
                "good",
            )
        )


def _back_at(shell: Shell, number: int) -> str:
    if not number:
        return _("Back at the beginning.")
    return _("Back at turn {number} “{question}”.").format(
        number=number, question=title_of(_turn(shell, number).question)
    )


@command("undo", N_("take back the newest delete, rewind, adopt, discard or compact"))
async def undo(shell: Shell, args: Arguments) -> None:
    here = shell.conversation.session.id
    undone = shell.conversation.undo()
    if undone is None:
        return shell.show(_("There is nothing to take back."))
    if undone.kind == "delete" and not here:
        shell.conversation.open(undone.session)
        here = undone.session.id
    elsewhere = (
        _("   (session {session})").format(session=wording.named(undone.session)) if undone.session.id != here else ""
    )
    shell.show(Note(_undone(undone, here) + elsewhere, "good"))


def _undone(undone: Undone, here: int) -> str:
    """What came back, in one sentence."""
    match undone.kind:
        case "delete":
            told = _("“{title}” is back with {turns}.").format(
                title=wording.titled(undone.session), turns=wording.turns(undone.turns)
            )
            return told if undone.session.id == here else told + f" /resume {undone.session.id}"
        case "rewind" if undone.copy:
            told = _("New turns have taken the place: the {turns} came back as a session of their own, {session}.")
            told = told.format(turns=wording.turns(undone.turns), session=wording.named(undone.copy))
            return told + f" /resume {undone.copy.id}"
        case "rewind":
            return _("Back again: {turns}.").format(turns=wording.turns(undone.turns))
        case "adopt":
            return _("The answer from before stands again: /answers")
        case "discard":
            return _("The hidden answer is back: /answers")
        case "compact":
            return _("The summary is taken back: the model sees the turns themselves again.")


@command("edit", N_("take the last turn back and put its question into the input"))
async def edit(shell: Shell, args: Arguments) -> None:
    turn = shell.conversation.last_turn()
    gone = shell.conversation.rewind(turn.number - 1)
    already = named_in(turn.question)
    for attachment in turn.attachments:
        if attachment.name not in already:
            shell.attach(attachment)
    shell.put(turn.question)
    shell.show(
        _("Turn {number} with {answers} is taken back, its question is in the input. /undo brings it back.").format(
            number=turn.number, answers=wording.answers(gone.answers)
        )
    )


def copies(shell: Shell) -> Iterable[Choice]:
    yield "code", _("only the code in it")
    yield from letters(shell)


@command(
    "copy",
    N_("put the last answer into the clipboard"),
    Parameter("WHAT", N_("an answer's letter, or: code"), choices=copies),
    example="/copy code",
)
async def copy(shell: Shell, args: Arguments) -> None:
    what = wording.typed(args.get(0))
    answer = find(shell, what) if what not in ("", "code") else _standing(shell)
    text = "\n".join(m["code"] for m in FENCE.finditer(answer.text + "\n")) if what == "code" else answer.text
    if not text.strip():
        raise UsageError(
            _("There is no code in {answer}.").format(answer=wording.who(answer))
            if what == "code"
            else _("{answer} has no text.").format(answer=wording.who(answer)),
            _("/answers shows what there is."),
        )
    if shell.copy(text):
        return shell.show(_("{n} characters are in the clipboard.").format(n=f"{len(text):,}"))
    shell.show(Verbatim(wording.who(answer), text))
    shell.show(Note(_("This terminal gives no way to its clipboard; the text above can be marked by hand."), "warn"))


def _standing(shell: Shell) -> Answer:
    turn = shell.conversation.last_turn()
    if not turn.answers:
        raise UsageError(_("The last question has no answer."), _("/retry asks it again."))
    return turn.adopted or turn.answers[-1]


def thinking(shell: Shell) -> Iterable[Choice]:
    yield "show", _("shown as it comes")
    yield "fold", _("folded to one line")
    yield "off", _("not asked for: faster answers")
    yield "on", _("asked for again, folded")


@command(
    "think",
    N_("show what the model thought, or choose how thinking is shown"),
    Parameter("HOW", N_("show · fold · off · on"), choices=thinking),
    now=True,
    example="/think off",
)
async def think(shell: Shell, args: Arguments) -> None:
    how = {"on": "fold"}.get(word := wording.typed(args.get(0)), word)
    if how:
        origins = {**shell.app.settings.origins, "thinking": "flag"}
        shell.app.change(thinking=setting("thinking").check(how), origins=origins)
        told = _("Thinking is now: {how}. /settings thinking {how} keeps it for next time.")
        return shell.show(told.format(how=how))
    answer = _standing(shell)
    if not answer.thinking.strip():
        return shell.show(_("{answer} came without any thinking.").format(answer=wording.who(answer)))
    shell.show(Verbatim(_("what {answer} thought").format(answer=wording.who(answer)), answer.thinking.strip()))
