"""Comparing answers: look at what came, decide which answer stands. Asking again is retrying.py's.

Nothing here deletes: an answer that is not adopted or is discarded keeps its row, and /undo takes a decision back.
"""

import asyncio
from collections.abc import Iterable, Sequence

from llamune.chat import disagreement
from llamune.chat.compare import Piece, alike, differences
from llamune.chat.session import Answer, Turn
from llamune.commands import wording
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Disagreement, Marked, Note, Said
from llamune.errors import UsageError
from llamune.i18n import N_, _
from llamune.text import one_line

TITLE = N_("Answers")


def letters(shell: Shell) -> Iterable[Choice]:
    """Completion: the answers of the last turn."""
    if shell.conversation.session.turn_count:
        for answer in last_turn(shell).answers:
            yield answer.letter, f"{answer.model} {answer.preset}"


def last_turn(shell: Shell) -> Turn:
    """The last turn as it may be shown: names are hidden where they were asked to be. Raises UsageError."""
    return shell.app.blind.masked_turn(shell.conversation.last_turn())


async def disagree(shell: Shell, turn: Turn, new: Sequence[Answer]) -> None:
    """Where the new answers and the one that stands differ in fact; one that was cut lacks more than it disagrees."""
    ids = {a.id for a in new}
    texts = [(a.letter, a.text) for a in turn.answers if (a.adopted or a.id in ids) and a.status == "complete"]
    if len(texts) > 1:
        shell.show(Disagreement(await asyncio.to_thread(disagreement.compare, texts)))


def stays(turn: Turn) -> str:
    """Which answer stands."""
    stands = turn.adopted
    return _("{answer} stays.").format(answer=wording.who(stands)) if stands else _("No answer stands yet.")


def let_stand(shell: Shell, answer: Answer) -> None:
    """Lets an answer stand, and says the names that were hidden."""
    turn = shell.app.store.turn(answer.turn_id)
    shell.app.store.adopt(answer.id, blind=is_blind(shell, turn), task=shell.app.store.task(turn.id))
    shell.conversation.reload()
    reveal(shell, turn)
    named = shell.app.store.answer(answer.id)
    shell.show(Note(_("{answer} stands now. /undo takes it back.").format(answer=wording.who(named)), "good"))


def is_blind(shell: Shell, turn: Turn) -> bool:
    """Whether names of this turn are hidden."""
    return any(shell.app.blind.hides(a.id) for a in turn.answers)


def reveal(shell: Shell, turn: Turn) -> None:
    """After a vote: who wrote what was hidden."""
    if hidden := shell.app.blind.reveal(turn):
        names = " · ".join(f"{a.letter} {one_line(a.model)} {a.preset}" for a in hidden)
        shell.show(Note(_("the names: {names}").format(names=names), "plain"))


@command(
    "adopt",
    N_("let another answer of the last turn stand"),
    Parameter("LETTER", N_("the answer's letter"), required=True, choices=letters),
    example="/adopt B",
)
async def adopt(shell: Shell, args: Arguments) -> None:
    answer = find(shell, args.get(0))
    if answer.adopted:
        return shell.show(_("{answer} stands already.").format(answer=wording.who(answer)))
    if not answer.text.strip():
        raise UsageError(
            _("{answer} has no text.").format(answer=wording.who(answer)), _("/answers shows what there is.")
        )
    let_stand(shell, answer)


@command("keep", N_("keep the answer that stands, and go on"))
async def keep(shell: Shell, args: Arguments) -> None:
    turn = shell.conversation.last_turn()
    more = len(turn.answers) - (1 if turn.adopted else 0)
    if turn.adopted and more:
        shell.app.store.keep(turn.id, blind=is_blind(shell, turn), task=shell.app.store.task(turn.id))
        reveal(shell, turn)
    shell.show(stays(turn) + (" " + _("The others stay in the history: /answers") if more else ""))


@command(
    "discard",
    N_("hide an answer that does not stand"),
    Parameter("LETTER", N_("the answer's letter"), required=True, choices=letters),
    example="/discard B",
)
async def discard(shell: Shell, args: Arguments) -> None:
    answer = find(shell, args.get(0))
    if answer.adopted:
        raise UsageError(
            _("{answer} is the one that stands.").format(answer=wording.who(answer)), _("/adopt another one first.")
        )
    shell.app.store.discard(answer.id)
    shell.show(_("{answer} is hidden. /undo brings it back.").format(answer=wording.who(answer)))


@command("answers", N_("all answers to the last question"), now=True)
async def show_all(shell: Shell, args: Arguments) -> None:
    turn = last_turn(shell)
    await shell.show_long(Said(turn, turn.answers))
    await disagree(shell, turn, turn.answers)


@command(
    "answer",
    N_("one answer to the last question"),
    Parameter("LETTER", N_("the answer's letter"), required=True, choices=letters),
    now=True,
    example="/answer B",
)
async def show_one(shell: Shell, args: Arguments) -> None:
    await shell.show_long(find(shell, args.get(0)))


@command(
    "diff",
    N_("where two answers differ"),
    Parameter("LETTER", N_("one answer; without letters: the one that stands and the newest"), choices=letters),
    Parameter("LETTER", N_("the other answer"), choices=letters),
    example="/diff A B",
)
async def diff(shell: Shell, args: Arguments) -> None:
    turn = last_turn(shell)
    stands = turn.adopted or turn.answers[0]
    one = find(shell, args.get(0)) if args.get(1) else stands
    others = [a for a in turn.answers if a.id != one.id and a.text.strip()]
    if not others:
        raise UsageError(_("There is only one answer to the last question."), _("/retry asks for another one."))
    other = find(shell, args.get(1) or args.get(0)) if args.get(0) else others[-1]
    await show_differences(shell, one, other)


async def show_differences(shell: Shell, one: Answer, other: Answer) -> None:
    """Both texts, what only one of them has marked."""
    pieces = await asyncio.to_thread(differences, one.text.strip(), other.text.strip())
    if all(p.kind == "same" for p in pieces):
        return shell.show(
            _("{a} and {b} are the same, word for word.").format(a=wording.who(one), b=wording.who(other))
        )
    await shell.show_long(_marked(one, [p for p in pieces if p.kind != "right"]))
    await shell.show_long(_marked(other, [p for p in pieces if p.kind != "left"]))
    shell.show(Note(_("{percent} % of the wording is the same").format(percent=round(100 * alike(pieces))), "dim"))


def _marked(answer: Answer, pieces: Sequence[Piece]) -> Marked:
    marks, at = [], 0
    for piece in pieces:
        if piece.kind != "same":
            marks.append((at, at + len(piece.text)))
        at += len(piece.text)
    head = f"{answer.letter}  {one_line(answer.model)} {answer.preset}"
    return Marked("".join(p.text for p in pieces), marks, head)


def find(shell: Shell, letter: str) -> Answer:
    """The answer of the last turn with that letter, however it was typed, as it may be shown. Raises UsageError."""
    return shell.conversation.find_answer(wording.typed(letter).upper(), last_turn(shell))
