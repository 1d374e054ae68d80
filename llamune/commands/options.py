"""How answers are made: presets and single options, by name, by value, or moved along their range with the arrow keys.

Nothing is sent that no preset and no hand has set. What shall stay is kept as a preset of the user's own.
"""

from collections.abc import Iterable, Mapping

from llamune import presets as own
from llamune.chat.preset import OPTION_NAMES, RANGES, Preset, SamplingOptions, no_preset, option_name
from llamune.commands import wording
from llamune.commands.registry import Arguments, Choice, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.slider import Slider
from llamune.commands.values import Column, Listing, Note
from llamune.errors import UsageError
from llamune.i18n import N_, _, language
from llamune.text import one_line

TITLE = N_("Models and presets")


def presets(shell: Shell) -> Iterable[Choice]:
    """Completion: the presets there are."""
    for name, preset in shell.app.presets.items():
        yield name, wording.describe(preset)


@command(
    "preset",
    N_("the presets there are, or answer with another one"),
    Parameter("NAME", N_("a preset, or the beginning of its name"), choices=presets),
    now=True,
    example="/preset creative",
)
async def preset(shell: Shell, args: Arguments) -> None:
    session, known = shell.conversation.session, shell.app.presets
    if args.get(0):
        name = _preset_name(args.get(0), known)
        shell.conversation.change(preset=name)
        shell.app.state.remember(preset=name)
        sent = wording.options(shell.conversation.options(name)) or _("none: the engine's own")
        shell.show(_("Preset {name} from now on: {options}").format(name=name, options=sent))
        return _about(shell, known[name])
    after = _("– is not sent · /preset NAME changes it · /params shows what is in force")
    shell.show(preset_listing(known, session.preset, after))
    if session.preset in known:
        _about(shell, known[session.preset])


def _about(shell: Shell, preset: Preset) -> None:
    """What a preset is for and when to choose it, as far as its file says."""
    said = " · ".join(one_line(t) for t in (wording.describe(preset), wording.hint(preset)) if t)
    if said:
        shell.show(Note(f"{preset.name}: {said}", "dim"))


def preset_listing(known: Mapping[str, Preset], current: str = "", after: str = "") -> Listing:
    """One row a preset: what it sends, and a line about it."""
    used = [name for name in OPTION_NAMES if any(name in p.options.given() for p in known.values())]
    rows = [(p.name, *(_number(p.options.given().get(n)) for n in used), wording.describe(p)) for p in known.values()]
    options = [Column(name, right=True, spare=n) for n, name in enumerate(used, 1)]
    marked = list(known).index(current) if current in known else -1
    return Listing([Column(_("preset")), *options, Column("", least=16)], rows, after, marked=marked)


def _number(value: float | int | None) -> str:
    """An option's value in a table."""
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _preset_name(typed: str, known: Iterable[str]) -> str:
    """The preset meant, whole or by its beginning. Raises UsageError with near matches."""
    names = list(known)
    starts = [n for n in names if n.casefold().startswith(typed.casefold())]
    if typed in names or len(starts) == 1:
        return typed if typed in names else starts[0]
    raise no_preset(typed, starts or names)


def option_choices(shell: Shell) -> Iterable[Choice]:
    for name in OPTION_NAMES:
        yield name, _range(name)
    yield "reset", _("back to the preset alone")
    yield "save", _("keep what is in force as a preset of your own")


def _range(name: str) -> str:
    low, high = RANGES[name]
    return _("{low} to {high}").format(
        low=f"{low:,g}" if high < 1e6 else f"{low:g}", high=f"{int(high):,}" if high == int(high) else high
    )


@command(
    "params",
    N_("the options in force and where they come from; or change one by hand"),
    Parameter("NAME", N_("an option, or: reset, save"), choices=option_choices),
    Parameter("VALUE", N_("its value, none = as the preset says; behind save: a name and a line about it"), rest=True),
    now=True,
    example="/params temperature 0.5",
)
async def params(shell: Shell, args: Arguments) -> None:
    session = shell.conversation.session
    name, value = args.get(0), " ".join(args.words[1:])
    if name == "save":
        return _save(shell, args.get(1), " ".join(args.words[2:]))
    if name == "reset":
        shell.conversation.change(overrides=SamplingOptions())
    elif name and not value:
        slider = Slider(option_name(name))
        now = shell.conversation.options(session.preset).given().get(slider.name)
        before = "" if now is None else f"{now:.10g}"
        value = await shell.move(slider, before)
        value = "" if value == before else value
    if value:
        shell.conversation.change(overrides=session.overrides.with_value(name, wording.typed(value)))
    shown = [option_name(name)] if name and name != "reset" else list(OPTION_NAMES)
    shell.show(_params(shell, shown))


def _save(shell: Shell, name: str, about: str) -> None:
    """Keeps the options in force as a preset of the user's own, and answers with it. Raises UsageError."""
    known, session = shell.app.presets, shell.conversation.session
    if name in known or own.path_of(shell.app.paths.presets, name).exists():
        raise UsageError(
            _("There is a preset called {name} already.").format(name=name),
            _("Take another name, or: llamune presets edit {name}").format(name=name),
        )
    base = known.get(session.preset, Preset(name))
    sent = shell.conversation.options(session.preset)
    made = Preset(name, sent, {language(): about} if about else {}, purpose=base.purpose)
    known[name] = own.write(shell.app.paths.presets, name, own.as_toml(made))
    shell.conversation.change(preset=name, overrides=SamplingOptions())
    shell.app.state.remember(preset=name)
    shell.show(
        _("Preset {name} is kept: {options}").format(
            name=name, options=wording.options(sent) or _("none: the engine's own")
        )
    )


def _params(shell: Shell, names: Iterable[str]) -> Listing:
    """One row an option: value, where it comes from, what it takes."""
    session = shell.conversation.session
    by_hand = session.overrides.given()
    from_preset = shell.app.presets[session.preset].options.given() if session.preset in shell.app.presets else {}
    rows = []
    for name in names:
        value = by_hand.get(name, from_preset.get(name))
        origin = _("by hand") if name in by_hand else _("preset {name}").format(name=session.preset)
        rows.append(
            (
                name,
                _number(value),
                _("not sent") if value is None else origin,
                _range(name),
            )
        )
    columns = [
        Column(_("option")),
        Column(_("value"), right=True),
        Column(_("from"), least=8),
        Column(_("takes"), spare=1),
    ]
    return Listing(columns, rows, _("/params NAME VALUE · /params NAME none · /params reset · /params save NAME"))
