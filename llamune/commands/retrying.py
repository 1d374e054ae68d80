"""Asking the last question again, with other models or presets, and what is asked about the new answers.

Which answer stands is decided in answers.py.
"""

import random
from collections.abc import Iterable, Sequence

from llamune.chat import lineup
from llamune.chat.blind import shuffled
from llamune.chat.fanout import Running
from llamune.chat.lineup import LEVELS, Lineup
from llamune.chat.session import Answer, Turn
from llamune.commands import answers, wording
from llamune.commands.models import fits_of, look, memory_line
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Listing, Note
from llamune.i18n import N_, _

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
    turn = answers.last_turn(shell)
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
    columns = [Column("", right=True), Column(_("model"), least=12), Column(_("presets"), spare=1), *2 * [Column("")]]
    rows = [
        (str(n), m.name, presets, wording.verdict(fits[m.name]), _("loaded") if m.name in loaded else "")
        for n, m in enumerate(models, 1)
    ]
    after = memory_line(machine) + "\n" + _("choose: 2 · 1 3 · 2/fast · */creative · all   (Enter alone goes back)")
    shell.show(Listing(columns, rows, after, marked=next((i for i, m in enumerate(models) if m.name == stands), -1)))
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
    await answers.disagree(shell, turn, new)
    if len(usable) == 1 and len(new) == 1:
        await _ask_one(shell, turn, usable[0])
    elif usable:
        first, stands = usable[0].letter, turn.adopted
        compare = f"/diff {stands.letter} {first}" if stands else f"/diff {first} {usable[-1].letter}"
        shell.show(Note(f"/adopt {first} · /keep · {compare} · /answers   " + answers.stays(turn), "dim"))
    else:
        shell.show(Note(answers.stays(turn), "dim"))


async def _ask_one(shell: Shell, turn: Turn, new: Answer) -> None:
    """adopt? yes / no / diff; whatever else is typed goes back into the input, and the original stands."""
    while True:
        reply = await shell.ask(_("adopt {letter}? [y]es / [n]o / [d]iff ").format(letter=new.letter))
        match wording.typed(reply):
            case said if said in wording.YES:
                return answers.let_stand(shell, new)
            case said if said in wording.NO and turn.adopted:
                shell.app.store.keep(turn.id, task=shell.app.store.task(turn.id))
                return shell.show(Note(answers.stays(turn), "dim"))
            case "d" | "diff":
                await answers.show_differences(shell, turn.adopted or new, new)
            case _:
                if wording.something_else(reply):
                    shell.put(reply)
                return shell.show(Note(answers.stays(turn), "dim"))
