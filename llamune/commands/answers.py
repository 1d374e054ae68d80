"""Comparing answers: ask the last question again, look at what came, decide which answer stands.

Nothing here deletes: an answer that is not adopted or is discarded keeps its row, and /undo takes a decision back.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence

from llamune.chat import disagreement, lineup
from llamune.chat.blind import shuffled
from llamune.chat.compare import Piece, alike, differences
from llamune.chat.fanout import Running
from llamune.chat.lineup import LEVELS, Lineup
from llamune.chat.session import Answer, Turn
from llamune.commands import wording
from llamune.commands.models import fits_of, look, memory_line
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Disagreement, Listing, Marked, Note, Said
from llamune.errors import UsageError
from llamune.i18n import N_, _
from llamune.text import one_line

TITLE = N_("Answers")
KNOWLEDGE = {
    "none": N_("without extra prompts and documents"),
    "prompt": N_("with extra prompts, without documents"),
    "rag": N_("with extra prompts and documents"),
}


def candidates(shell: Shell) -> Iterable[Choice]:
    """Completion: every model, every model with every preset, and the short forms."""
    for model in shell.known:
        yield model.name, model.note or model.parameters
        for name, preset in shell.app.presets.items():
            yield f"{model.name}/{name}", wording.describe(preset)
    for name, preset in shell.app.presets.items():
        yield f"*/{name}", wording.describe(preset)
    for level in LEVELS:
        yield f"*/*/{level}", _(KNOWLEDGE[level])
    yield "all", _("every model")


def letters(shell: Shell) -> Iterable[Choice]:
    """Completion: the answers of the last turn."""
    if shell.conversation.session.turn_count:
        for answer in last_turn(shell).answers:
            yield answer.letter, f"{answer.model} {answer.preset}"


def last_turn(shell: Shell) -> Turn:
    """The last turn as it may be shown: names are hidden where they were asked to be. Raises UsageError."""
    return shell.app.blind.masked_turn(shell.conversation.last_turn())


@command(
    "retry",
    N_("ask the last question again, with other models or presets"),
    Parameter(
        "CANDIDATES",
        N_("2 · 1 3 · 2/fast · */creative · all · */*/none · a trailing x3 repeats"),
        rest=True,
        choices=candidates,
    ),
    example="/retry 2 1/creative",
)
async def retry(shell: Shell, args: Arguments) -> None:
    turn = last_turn(shell)
    typed = args.rest or await _ask(shell, turn)
    if not typed.strip():
        return
    chosen = await choose(shell, typed)
    if len(chosen) > 1:
        names = {c.model for c in chosen}
        if why := await shell.app.settle_limit([m for m in shell.known if m.name in names]):
            shell.show(Note(why, "dim"))
    blind = shell.app.blind.on and len(chosen) > 1
    running = await shell.conversation.retry(shuffled(chosen, random.Random()) if blind else chosen, turn)
    await follow(shell, running, turn, blind=blind)


async def follow(shell: Shell, running: Running, turn: Turn, *, blind: bool = False) -> None:
    """Shows new answers of a turn while they are made, then asks what shall stand."""
    before = {a.id for a in turn.answers}
    if blind:
        shell.app.blind.hide(a.id for a in shell.app.store.turn(turn.id).answers if a.id not in before)
    await shell.watch(running, turn)
    turn = shell.app.blind.masked_turn(shell.app.store.turn(turn.id))
    await _decide(shell, turn, [a for a in turn.answers if a.id not in before])


async def _ask(shell: Shell, turn: Turn) -> str:
    """Shows what can answer, numbered, and asks."""
    models = await look(shell)
    loaded = {m.name: m for m in await shell.app.catalog.loaded()}
    machine, fits = await fits_of(shell.app, models, loaded)
    presets = "  ".join(shell.app.presets)
    stands = turn.adopted.model if turn.adopted else ""
    shell.show(
        Listing(
            [
                Column("", right=True),
                Column(_("model"), least=12),
                Column(_("presets"), spare=1),
                Column(""),
                Column(""),
            ],
            [
                (str(n), m.name, presets, wording.verdict(fits[m.name]), _("loaded") if m.name in loaded else "")
                for n, m in enumerate(models, 1)
            ],
            after=memory_line(machine)
            + "\n"
            + _("choose: 2 · 1 3 · 2/fast · */creative · all   (Enter alone goes back)"),
            marked=next((i for i, m in enumerate(models) if m.name == stands), -1),
        )
    )
    return await shell.ask("retry ❯ ")


async def choose(shell: Shell, typed: str) -> Lineup:
    """What was typed as candidates, numbers as in the last list. A preset or a level of knowledge alone means
    the current model with it."""
    session, presets = shell.conversation.session, list(shell.app.presets)
    if not shell.known:
        await look(shell)
    names = [m.name for m in shell.known]
    short = {w: f"{session.model}/{w}" for w in presets} | {w: f"{session.model}/{session.preset}/{w}" for w in LEVELS}
    words = (w if w in names else short.get(w, w) for w in typed.split())
    return lineup.parse(" ".join(words), names, presets, session.preset)


async def _decide(shell: Shell, turn: Turn, new: Sequence[Answer]) -> None:
    """After the new answers: one is asked about, for several the ways on are said."""
    usable = sorted((a for a in new if a.text.strip()), key=lambda a: a.status != "complete")
    await disagree(shell, turn, new)
    if len(usable) == 1 and len(new) == 1:
        await _ask_one(shell, turn, usable[0])
    elif usable:
        first, stands = usable[0].letter, turn.adopted
        compare = f"/diff {stands.letter} {first}" if stands else f"/diff {first} {usable[-1].letter}"
        shell.show(Note(f"/adopt {first} · /keep · {compare} · /answers   " + _stays(turn), "dim"))
    else:
        shell.show(Note(_stays(turn), "dim"))


async def disagree(shell: Shell, turn: Turn, new: Sequence[Answer]) -> None:
    """Where the new answers and the one that stands differ in fact; one that was cut lacks more than it disagrees."""
    ids = {a.id for a in new}
    texts = [(a.letter, a.text) for a in turn.answers if (a.adopted or a.id in ids) and a.status == "complete"]
    if len(texts) > 1:
        shell.show(Disagreement(await asyncio.to_thread(disagreement.compare, texts)))


async def _ask_one(shell: Shell, turn: Turn, new: Answer) -> None:
    """adopt? yes / no / diff; whatever else is typed goes back into the input, and the original stands."""
    while True:
        reply = await shell.ask(_("adopt {letter}? [y]es / [n]o / [d]iff ").format(letter=new.letter))
        match wording.typed(reply):
            case said if said in wording.YES:
                return _adopt(shell, new)
            case "n" | "no" | "いいえ" if turn.adopted:
                shell.app.store.keep(turn.id, task=shell.app.store.task(turn.id))
                return shell.show(Note(_stays(turn), "dim"))
            case "d" | "diff":
                await show_differences(shell, turn.adopted or new, new)
            case other:
                if other not in ("", "n", "no", "いいえ"):
                    shell.put(reply)
                return shell.show(Note(_stays(turn), "dim"))


def _stays(turn: Turn) -> str:
    stands = turn.adopted
    return _("{answer} stays.").format(answer=wording.who(stands)) if stands else _("No answer stands yet.")


def _adopt(shell: Shell, answer: Answer) -> None:
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
    _adopt(shell, answer)


@command("keep", N_("keep the answer that stands, and go on"))
async def keep(shell: Shell, args: Arguments) -> None:
    turn = shell.conversation.last_turn()
    more = len(turn.answers) - (1 if turn.adopted else 0)
    if turn.adopted and more:
        shell.app.store.keep(turn.id, blind=is_blind(shell, turn), task=shell.app.store.task(turn.id))
        reveal(shell, turn)
    shell.show(_stays(turn) + (" " + _("The others stay in the history: /answers") if more else ""))


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
