"""Domain modes: everything that a kind of work needs, switched on and off with one word."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from llamune.chat import lineup
from llamune.commands import wording
from llamune.commands.lineup import line_up
from llamune.commands.models import look
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Fields, Listing, Note
from llamune.errors import UsageError
from llamune.i18n import N_, _
from llamune.modes import Mode, installed, told
from llamune.text import one_line

TITLE = N_("Modes")


def names(shell: Shell) -> Iterable[Choice]:
    """Completion: the modes there are, and off."""
    yield from ((m.name, told(m.description, "")) for m in shell.app.library.modes().modes.values())
    yield "off", _("back to what was before")


@command(
    "mode",
    N_("work in a mode: its prompts, documents, models and preset at once"),
    Parameter("NAME", N_("a mode, or off; alone: the modes there are"), choices=names),
    example="/mode audit",
)
async def mode(shell: Shell, args: Arguments) -> None:
    word = args.get(0)
    if not word:
        return _list(shell)
    if wording.typed(word) in ("off", "none"):
        return _off(shell)
    found = shell.app.library.modes().get(word)
    if shell.conversation.session.mode:
        _restore(shell)
    await _begin(shell, found)


def _list(shell: Shell) -> None:
    there, now = shell.app.library.modes(), shell.conversation.session.mode
    rows = [(m.name, told(m.description, "")) for m in there.modes.values()]
    after = _("/mode NAME begins one · /mode off · llamune modes new NAME makes one of your own")
    marked = list(there.modes).index(now) if now in there.modes else -1
    shell.show(Listing([Column(_("mode")), Column("", least=16)], rows, after, marked=marked))
    for problem in there.problems:
        shell.show(Note(f"{problem.message} {problem.hint}".strip(), "warn"))


async def _begin(shell: Shell, mode: Mode) -> None:
    """Sets all that the mode says, and tells what of it cannot be had here."""
    session, known = shell.conversation.session, [m.name for m in shell.known or await look(shell)]
    corpora = await shell.app.library.corpora() if mode.corpora else ()
    changes, missing = mode.applied(known, shell.app.presets, corpora)
    before: dict[str, Any] = {key: getattr(session, key) for key in changes}
    its_own = {"lineup": _lineup(mode, known), "lineup_on": True} if mode.lineup else {}
    set_to = {"before": before, "set": changes, **its_own}
    shell.conversation.change(mode=mode.name, **changes, before_mode=set_to)
    _tell(shell, mode, missing)


def _tell(shell: Shell, mode: Mode, missing: list[str]) -> None:
    session = shell.conversation.session
    rows = [(_("mode"), mode.name), (_("model"), one_line(session.model)), (_("preset"), session.preset)]
    rows += [(_("system prompt"), one_line(session.system)[:200])] if session.system else []
    prompts = shell.app.library.prompts(session)
    rows += [(_("extra prompts"), " · ".join(one_line(p.text)[:80] for p in prompts))] if prompts else []
    rows += [(_("documents"), ", ".join(session.corpora))] if session.corpora else []
    rows += [(_("line-up"), ", ".join(line_up(shell)[0]))] if mode.lineup else []
    shell.show(Fields(rows))
    if missing:
        shell.show(Note(_("not here: {names}").format(names=", ".join(map(one_line, missing))), "warn"))
    if greeting := told(mode.greeting, ""):
        shell.show(Note(greeting, "good"))


def _lineup(mode: Mode, known: Sequence[str]) -> list[str]:
    """The mode's candidates by their whole names; what is not installed stays as it is written, and fails by itself."""
    candidates = [lineup.read(c if "/" in c else f"{c}/{mode.preset or 'balanced'}") for c in mode.lineup]
    return [str(replace(c, model=installed(c.model, known) or c.model)) for c in candidates]


def _off(shell: Shell) -> None:
    name = shell.conversation.session.mode
    if not name:
        raise UsageError(_("No mode is on."), "/mode")
    _restore(shell)
    session = shell.conversation.session
    shell.show(
        Note(
            _("Mode {name} is off: {model} {preset} answers.").format(
                name=name, model=one_line(session.model), preset=session.preset
            ),
            "good",
        )
    )


def _restore(shell: Shell) -> None:
    """Puts back what the mode had set; what the user changed since then stays."""
    session = shell.conversation.session
    before, set_to = session.before_mode.get("before", {}), session.before_mode.get("set", {})
    back = {k: v for k, v in before.items() if _plain(getattr(session, k)) == _plain(set_to.get(k))}
    changes = {k: tuple(v) if k == "corpora" else v for k, v in back.items()}
    shell.conversation.change(mode="", before_mode={}, **changes)


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return list(value) if isinstance(value, tuple) else value
