"""The program itself: help, settings, leaving; and the README's table of commands, from the same declarations."""

from collections.abc import Iterable
from itertools import groupby

from llamune import i18n
from llamune.commands.registry import Arguments, Choice, Command, CommandRegistry, Parameter, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Fields, Listing, Note
from llamune.i18n import N_, _
from llamune.settings import DECLARED, set_value, setting
from llamune.text import one_line

TITLE = N_("Llamune")
AT_ONCE = frozenset({"language", "model", "preset", "thinking", "suggest_titles"})  # the others are read at the start
RESET = ("default", "none", "-")


def names(shell: Shell) -> Iterable[Choice]:
    """Completion: every command."""
    for each in shell.registry.commands.values():
        yield each.name, _(each.about)


@command(
    "help",
    N_("what can be done here"),
    Parameter("NAME", N_("a command, for all about it"), choices=names),
    now=True,
    example="/help retry",
)
async def help_(shell: Shell, args: Arguments) -> None:
    if args.get(0):
        return shell.show(Fields(detail(shell.registry.find(args.get(0).lstrip("/")))))
    shell.show(Fields(list(overview(shell.registry))))
    shell.show(
        Note(
            _("The beginning of a name is enough. /help NAME says more; //text sends a text that begins with a slash."),
            "dim",
        )
    )
    shell.show(
        Note(
            _("Alt-Enter: new line · Tab: completes · Ctrl-C: stops an answer · Ctrl-D: leaves · @FILE: a text file"),
            "dim",
        )
    )


def overview(registry: CommandRegistry) -> Iterable[tuple[str, str]]:
    """Every command with its line, under the title of its group."""
    for group, members in groupby(registry.commands.values(), key=lambda c: c.group):
        yield _(group), ""
        for each in members:
            yield f"  {each.usage}", _(each.about)


def detail(one: Command) -> list[tuple[str, str]]:
    """Usage, purpose, parameters and an example of one command."""
    rows = [(one.usage, _(one.about))]
    rows += [(f"  {p.shown}", _(p.about)) for p in one.parameters]
    if one.example:
        rows.append(("  " + _("example"), _(one.example)))
    return rows


def table(registry: CommandRegistry) -> str:
    """The commands as a Markdown table, for the README."""
    rows = ["| " + _("command") + " | " + _("what it does") + " |", "|---|---|"]
    for one in registry.commands.values():
        usage, about = one.usage.replace("|", "\\|"), _(one.about).replace("|", "\\|")
        rows.append(f"| `{usage}` | {about} |")
    return "\n".join(rows) + "\n"


def keys(shell: Shell) -> Iterable[Choice]:
    """Completion: every setting."""
    for key, declared in DECLARED.items():
        yield key, declared.describe()


@command(
    "settings",
    N_("every setting with its value and where it came from; or change one"),
    Parameter("KEY", N_("a setting"), choices=keys),
    Parameter("VALUE", N_("its new value; default = as it was delivered"), rest=True),
    now=True,
    example="/settings thinking show",
)
async def settings(shell: Shell, args: Arguments) -> None:
    key = args.get(0)
    if args.get(1):
        shell.show(Note(change(shell, key, args.rest.split(maxsplit=1)[1]), "good"))
    if key:
        return shell.show(Fields(_setting_rows(shell, key)))
    rows = [(k, _value(shell, k), _origin(shell, k), d.describe()) for k, d in DECLARED.items()]
    columns = [
        Column(_("setting")),
        Column(_("value"), least=8),
        Column(_("from"), least=8),
        Column("", least=16, spare=1),
    ]
    shell.show(
        Listing(columns, rows, _("/settings KEY VALUE changes one · {path}").format(path=shell.app.paths.settings))
    )


def change(shell: Shell, key: str, text: str) -> str:
    """Writes a setting to the file and applies it where that can be. Returns what to tell the user."""
    reset = text.strip().casefold() in RESET
    value = set_value(shell.app.paths, key, None if reset else text)
    if shell.app.settings.origin(key) == "environment":
        return _("Written to settings.toml; but {key} is set by {origin} now, which is stronger.").format(
            key=key, origin=_origin(shell, key)
        )
    if key not in AT_ONCE:
        return _("Written to settings.toml; it counts from the next start.")
    shell.app.change(**{key: value, "origins": {**shell.app.settings.origins, key: "default" if reset else "file"}})
    if key == "language":
        i18n.install(value)
    return (
        _("Written to settings.toml; it counts from the next session.")
        if key in ("model", "preset")
        else _("Written to settings.toml; it counts from now on.")
    )


def _setting_rows(shell: Shell, key: str) -> list[tuple[str, str]]:
    declared = setting(key)
    return [
        (key, declared.describe()),
        (_("value"), _value(shell, key)),
        (_("from"), _origin(shell, key)),
        (_("takes"), declared.expected),
        (_("default"), str(declared.default) or _("(empty)")),
    ]


def _value(shell: Shell, key: str) -> str:
    """The value as it can be typed."""
    value = getattr(shell.app.settings, key)
    return str(value).lower() if isinstance(value, bool) else one_line(str(value)) or _("(empty)")


def _origin(shell: Shell, key: str) -> str:
    """Where the value in force came from, in words."""
    return {
        "default": _("default"),
        "file": "settings.toml",
        "environment": setting(key).environment,
        "flag": _("this run only"),
    }[shell.app.settings.origin(key)]


@command("quit", N_("leave"), now=True)
async def quit_(shell: Shell, args: Arguments) -> None:
    shell.leave()
