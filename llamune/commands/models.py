"""Who answers: the models there are, which one of them, and the system prompt.

Numbers of models are those of the list shown last; it stays as it is until a list is shown again.
"""

import asyncio
from collections.abc import Iterable, Mapping

from llamune.app import App
from llamune.chat import fit, lineup
from llamune.chat.fit import Fit, Machine
from llamune.chat.model import LoadedModel, ModelInfo
from llamune.chat.session import ChatSession
from llamune.commands import wording
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Fields, Listing, Note, Verbatim
from llamune.errors import UsageError
from llamune.i18n import N_, _
from llamune.text import one_line, size

TITLE = N_("Models and presets")
NONE = ("none", "-", "なし")


async def look(shell: Shell) -> tuple[ModelInfo, ...]:
    """Asks the engines what can chat, the current model first, and lets the numbers mean this list from now on."""
    models = await shell.app.catalog.models(refresh=True)
    current = shell.conversation.session.model
    shell.known = tuple(sorted(filter(chats, models), key=lambda m: m.name != current))
    return shell.known


def chats(model: ModelInfo) -> bool:
    """Whether a model can answer; one that only embeds cannot. An engine that says nothing means yes."""
    return not model.capabilities or "completion" in model.capabilities


def models(shell: Shell) -> Iterable[Choice]:
    """Completion: the models there are."""
    for model in shell.known:
        yield model.name, model.note or " ".join(x for x in (model.parameters, model.quantisation, model.engine) if x)


@command("models", N_("the models there are, numbered"), now=True)
async def show_models(shell: Shell, args: Arguments) -> None:
    found = await look(shell)
    loaded = {m.name: m for m in await shell.app.catalog.loaded()}
    machine, fits = await fits_of(shell.app, found, loaded)
    current = shell.conversation.session.model
    columns = [
        Column("", right=True),
        Column(_("model"), least=12),
        Column(_("size"), right=True, spare=3),
        Column(_("parameters"), right=True, spare=6),
        Column(_("quantised"), spare=7),
        Column(_("context"), right=True, spare=5),
        Column(_("in memory"), spare=2),
        Column(_("fits"), spare=1),
        Column(_("engine"), spare=4),
        Column("", least=10, spare=3),
    ]
    shell.show(
        Listing(
            columns,
            [
                _model_row(n, m, loaded, shell.app.state.sizes, wording.verdict(fits[m.name]))
                for n, m in enumerate(found, 1)
            ],
            after="\n".join(
                filter(None, (memory_line(machine), _("/switch NUMBER changes the model · /retry asks several")))
            ),
            empty=_("No engine has a model. Start Ollama, or: llamune models import FILE.gguf"),
            marked=next((i for i, m in enumerate(found) if m.name == current), -1),
        )
    )
    for engine, problem in shell.app.catalog.problems.items():
        shell.show(Note(f"{engine}: {problem.message} {problem.hint}".rstrip(), "dim"))


async def fits_of(
    app: App, models: Iterable[ModelInfo], loaded: Mapping[str, LoadedModel]
) -> tuple[Machine, Mapping[str, Fit | None]]:
    """This machine, and by name whether each model alone fits into it; None where that is not known."""
    from llamune.engine.machine import look as look_at_machine

    here = await asyncio.to_thread(look_at_machine)
    return here, {m.name: fit_of(app, m, here, loaded) for m in models}


def memory_line(machine: Machine) -> str:
    """Memory and GPUs in one line; "" where the system does not tell."""
    told = [_("memory: {total}, {free} free").format(total=size(machine.total), free=size(machine.free))]
    for gpu in machine.gpus:
        line = _("GPU: {name}, in the same memory") if gpu.unified else _("GPU: {name}, {total}, {free} free")
        told.append(line.format(name=gpu.name, total=size(gpu.total), free=size(gpu.free)))
    return " · ".join(told if machine.gpus else [*told, _("GPU: none")]) if machine.total else ""


def fit_of(
    app: App, model: ModelInfo, machine: Machine, loaded: Mapping[str, LoadedModel], context: int = 0
) -> Fit | None:
    """Whether a model fits at a context (0: the one it has or would get); None where its size is not known."""
    if not model.size:
        return None
    held = loaded[model.name].size if model.name in loaded else 0
    needs = [fit.need(model, context or app.state.expected(model))]
    return fit.fit(needs, machine, loaded=held, on_gpu=model.engine != "embedded")


def _model_row(
    number: int, model: ModelInfo, loaded: Mapping[str, LoadedModel], sizes: Mapping[str, int], fits: str
) -> tuple[str, ...]:
    """`context`: tokens in force where they are settled, of those trained for."""
    trained = f"{model.context_length:,}" if model.context_length else ""
    settled = f"{sizes[model.name]:,}" if model.name in sizes else ""
    memory = loaded.get(model.name)
    return (
        str(number),
        model.name,
        size(model.size) if model.size else "",
        model.parameters,
        model.quantisation,
        " / ".join(x for x in (settled, trained) if x),
        "" if memory is None else size(memory.size) if memory.size else _("yes"),
        fits,
        model.engine,
        _(model.note) if model.note else "",
    )


@command(
    "switch",
    N_("let another model answer from now on"),
    Parameter("MODEL", N_("a name, the beginning of one, or its number"), rest=True, choices=models),
    example="/switch 2",
)
async def switch(shell: Shell, args: Arguments) -> None:
    if not args.rest:
        await show_models(shell, args)
        if not (typed := (await shell.ask(_("switch to ❯ "))).strip()):
            return
    else:
        typed = args.rest
    name = await _pick(shell, wording.typed(typed) if wording.typed(typed).isdecimal() else typed)
    if name == shell.conversation.session.model:
        return shell.show(_("{model} answers already.").format(model=one_line(name)))
    await shell.app.catalog.find(name)
    shell.conversation.change(model=name)
    shell.app.state.remember(model=name)
    shell.show(Note(_("{model} answers from now on.").format(model=one_line(name)), "good"))


async def _pick(shell: Shell, typed: str) -> str:
    """The model meant: a number of the last list, or a name; the engines are asked again for one that is not known."""
    if not shell.known:
        await look(shell)
    if typed.isdecimal():
        if not 1 <= int(typed) <= len(shell.known):
            raise UsageError(
                _("There is no model number {n}.").format(n=typed),
                _("The list has 1 to {n}.").format(n=len(shell.known)) + " /models",
            )
        return shell.known[int(typed) - 1].name
    names = [m.name for m in shell.known]
    if typed not in names:
        names = [m.name for m in await shell.app.catalog.models(refresh=True)]
    return lineup.pick(typed, names)


@command("current", N_("who answers now, with which options, in which session"), now=True)
async def current(shell: Shell, args: Arguments) -> None:
    conversation, session = shell.conversation, shell.conversation.session
    sent = wording.options(conversation.options(session.preset))
    rows = [
        (_("session"), _session_line(session)),
        (_("model"), one_line(session.model) or _("none chosen yet: /models")),
        (_("preset"), session.preset),
        (_("options"), sent or _("none: the engine's own")),
        (_("system prompt"), one_line(session.system)[:200] or _("none")),
        (_("thinking"), shell.app.settings.thinking),
    ]
    prompts = shell.app.library.prompts(session)
    rows += [(_("mode"), session.mode)] if session.mode else []
    rows += [(_("documents"), ", ".join(session.corpora))] if session.corpora else []
    rows += [(_("extra prompts"), f"{len(prompts)} (/prompt)")] if prompts else []
    if session.summarised:
        rows.append((_("summary"), _("stands for turns 1 to {n}").format(n=session.summarised)))
    shell.show(Fields(rows))
    if session.model:
        shell.show(Note(_("context: {gauge}").format(gauge=wording.gauge(await conversation.context())), "dim"))


def _session_line(session: ChatSession) -> str:
    if not session.id:
        return _("new, nothing asked yet")
    return f"{wording.named(session)}, {wording.turns(session.turn_count)}"


@command(
    "system",
    N_("the system prompt of this session, or another one"),
    Parameter("TEXT", N_("the new text, or: none"), rest=True),
    now=True,
    example=N_("/system Answer in one sentence."),
)
async def system(shell: Shell, args: Arguments) -> None:
    if args.rest:
        text = "" if wording.typed(args.rest) in NONE else args.rest
        shell.conversation.change(system=text)
        return shell.show(
            _("The system prompt is set for this session.") if text else _("There is no system prompt now.")
        )
    text = shell.conversation.session.system
    shell.show(Verbatim(_("system prompt"), text) if text else _("There is no system prompt. /system TEXT sets one."))
