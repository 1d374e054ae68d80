"""`llamune presets`: the presets there are, and making, changing and removing one's own.

Shipped presets are never changed: `edit` makes a file of one's own with the same name, which wins; `delete` removes
that file, and the shipped one holds again.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llamune import paths, presets
from llamune.chat.preset import ALIASES, OPTION_NAMES, RANGES, Preset
from llamune.cli import start
from llamune.cli.editing import edited, read
from llamune.cli.parser import Parser, Verbs, json_flag, own_name, yes_flag
from llamune.errors import UsageError
from llamune.i18n import N_, _, language
from llamune.text import clean

if TYPE_CHECKING:
    from llamune.paths import Paths
    from llamune.presets import PresetSet


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "list": (N_("every preset with what it sends"), json_flag),
        "show": (N_("all that a preset says"), own_name, json_flag),
        "new": (N_("make a preset of your own"), own_name, _changes, _base),
        "edit": (N_("change a preset; a shipped one becomes one of your own"), own_name, _changes, _in_editor),
        "delete": (N_("remove a preset of your own"), own_name, yes_flag),
    }
    parser.words("verb", verbs, required=True)


def _changes(parser: Parser) -> None:
    for name, (low, high) in RANGES.items():
        told = _("{low} to {high}, or none: not sent").format(low=f"{low:g}", high=f"{high:.10g}")
        parser.add_argument(*_spellings(name), dest=name, metavar=_("VALUE"), help=told)
    parser.add_argument("--purpose", metavar=_("WORD"), help=_("what it is for, one word"))
    parser.add_argument("--description", metavar=_("TEXT"), help=_("one line about it, in the interface language"))
    parser.add_argument("--hint", metavar=_("TEXT"), help=_("when to choose it, in the interface language"))


def _spellings(name: str) -> list[str]:
    """--top_k and --top-k; --max_tokens for --num_predict."""
    names = [name, *(alias for alias, official in ALIASES.items() if official == name)]
    return list(dict.fromkeys(f"--{n.replace('_', sign)}" for sign in "-_" for n in names))


def _base(parser: Parser) -> None:
    parser.add_argument("--from", dest="base", metavar=_("PRESET"), help=_("begin with what this one sends"))


def _in_editor(parser: Parser) -> None:
    parser.epilog = _("Without any change the file opens in your editor; what is wrong in it is said and not taken.")


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code; raises UsageError, SettingsError."""
    verbs: dict[str, Callable[[argparse.Namespace, Paths, PresetSet], None]] = {
        "list": _list,
        "show": _show,
        "new": _new,
        "edit": _edit,
        "delete": _delete,
    }
    app = start.app(args)
    verbs[args.verb](args, app.paths, presets.PresetSet(app.presets, app.load_presets()))
    return 0


def _list(args: argparse.Namespace, home: "Paths", known: "PresetSet") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.options import preset_listing

    if args.json:
        show_json([_as_json(p, home) for p in known.presets.values()])
    else:
        show(preset_listing(known.presets, after=str(home.presets)))
    for problem in known.problems:
        print(clean(_("Note: {message}").format(message=f"{problem.message} {problem.hint}".strip())), file=sys.stderr)


def _as_json(preset: Preset, home: "Paths") -> dict[str, Any]:
    return {
        "name": preset.name,
        "purpose": preset.purpose,
        "description": dict(preset.description),
        "hint": dict(preset.hint),
        "options": preset.options.given(),
        "path": str(own) if (own := presets.path_of(home.presets, preset.name)).exists() else None,
    }


def _show(args: argparse.Namespace, home: "Paths", known: "PresetSet") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands import wording
    from llamune.commands.values import Fields

    preset = known.get(args.name)
    if args.json:
        return show_json(_as_json(preset, home))
    own = presets.path_of(home.presets, preset.name)
    rows = [
        (_("preset"), preset.name),
        (_("purpose"), preset.purpose),
        (_("description"), wording.describe(preset)),
        (_("hint"), wording.hint(preset)),
        (_("options"), wording.options(preset.options) or _("none: the engine's own")),
        (_("file"), str(own) if own.exists() else ""),
    ]
    show(Fields([(name, value) for name, value in rows if value]))


def _new(args: argparse.Namespace, home: "Paths", known: "PresetSet") -> None:
    path = presets.path_of(home.presets, args.name)
    if args.name in known.presets or path.exists():
        raise UsageError(
            _("There is a preset called {name} already.").format(name=args.name),
            _("llamune presets edit {name} changes it.").format(name=args.name),
        )
    base = known.get(args.base) if args.base else Preset(args.name)
    made = _with_changes(Preset(args.name, base.options, purpose=base.purpose), args)
    _write(home, made.name, presets.as_toml(made))


def _edit(args: argparse.Namespace, home: "Paths", known: "PresetSet") -> None:
    path = presets.path_of(home.presets, args.name)
    by_editor = not (_options(args) or args.purpose or args.description or args.hint)
    if by_editor and path.exists():  # also a damaged one: this is how it is mended
        before = read(path)
    else:
        before = read(path) if path.exists() else presets.as_toml(known.get(args.name))
    if not by_editor:
        changed = _with_changes(presets.checked(args.name, before), args)
        return _write(home, args.name, presets.as_toml(changed, before))
    after = edited(before, "llamune presets edit NAME --temperature 0.5")
    if after == before:
        raise UsageError(
            _("Nothing was changed."),
            _("Example: {example}").format(example=f"llamune presets edit {args.name} --temperature 0.5"),
        )
    _write(home, args.name, after)


def _options(args: argparse.Namespace) -> dict[str, str]:
    """The options named on the command line, as typed."""
    return {name: typed for name in OPTION_NAMES if (typed := getattr(args, name)) is not None}


def _with_changes(preset: Preset, args: argparse.Namespace) -> Preset:
    """`preset` with what the command line says."""
    made = presets.changed(preset, _options(args))
    if args.purpose:
        made = replace(made, purpose=args.purpose)
    if args.description:
        made = replace(made, description={**made.description, language(): args.description})
    if args.hint:
        made = replace(made, hint={**made.hint, language(): args.hint})
    return made


def _write(home: "Paths", name: str, text: str) -> None:
    from llamune.cli.output import show
    from llamune.commands import wording

    home.make()
    preset = presets.write(home.presets, name, text)
    sent = wording.options(preset.options) or _("none: the engine's own")
    show(_("Preset {name}: {options}").format(name=name, options=sent))


def _delete(args: argparse.Namespace, home: "Paths", known: "PresetSet") -> None:
    from llamune.cli.output import confirmed, show

    path = presets.path_of(home.presets, args.name)
    if not path.exists():
        known.get(args.name)
        raise UsageError(
            _("{name} is no preset of your own and cannot be removed.").format(name=args.name),
            _("llamune presets edit {name} makes one of your own that wins.").format(name=args.name),
        )
    if not args.yes:
        if not sys.stdin.isatty():
            raise UsageError(
                _("Nobody can be asked here."), _("--yes removes {what} without asking.").format(what=args.name)
            )
        if not confirmed(_("Remove the preset {name}?").format(name=args.name)):
            return
    presets.remove(home.presets, args.name)
    back = (paths.shipped("presets") / f"{args.name}.toml").exists()
    show(
        _("{name} is removed; the one that ships with Llamune holds again.").format(name=args.name)
        if back
        else _("{name} is removed.").format(name=args.name)
    )
