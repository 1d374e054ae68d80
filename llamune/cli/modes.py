"""`llamune modes`: the domain modes there are; making, changing, giving away and taking over one's own.

A mode is one TOML file, so that a department can pass it on. Shipped ones are never changed: `edit` makes a file of
one's own with the same name, which wins.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from llamune import files, modes, paths
from llamune.cli.parser import Parser, Verbs, json_flag, own_name
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import N_, _
from llamune.text import clean, one_line

if TYPE_CHECKING:
    from llamune.modes import Mode, ModeSet
    from llamune.paths import Paths

Run = Callable[[argparse.Namespace, "Paths", "ModeSet"], None]


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "list": (N_("every mode with a line about it"), json_flag),
        "show": (N_("all that a mode says"), own_name, json_flag),
        "new": (N_("make a mode of your own"), own_name, _new_arguments),
        "edit": (N_("change a mode in your editor; a shipped one becomes one of your own"), own_name),
        "export": (N_("write a mode to a file, or to standard output"), own_name, _export_arguments),
        "import": (N_("take over a mode from a file"), _import_arguments),
    }
    parser.words("verb", verbs, required=True)


def _new_arguments(parser: Parser) -> None:
    parser.add_argument("--from", dest="base", metavar=_("MODE"), help=_("begin with what this one says"))


def _export_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), nargs="?", help=_("where to; nothing: standard output"))


def _import_arguments(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), help=_("a file that export wrote"))
    parser.add_argument("--name", metavar=_("NAME"), help=_("another name than the file's"))


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code; raises UsageError, SettingsError."""
    verbs: dict[str, Run] = {
        "list": _list,
        "show": _show,
        "new": _new,
        "edit": _edit,
        "export": _export,
        "import": _import,
    }
    home = paths.find()
    verbs[args.verb](args, home, modes.load([paths.shipped("modes"), home.modes]))
    return 0


def _list(args: argparse.Namespace, home: "Paths", known: "ModeSet") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Column, Listing

    if args.json:
        show_json([_as_json(mode, home) for mode in known.modes.values()])
    else:
        rows = [(m.name, modes.told(m.description, ""), _owner(m, home)) for m in known.modes.values()]
        show(Listing([Column(_("mode")), Column("", least=16), Column("", spare=1)], rows, after=str(home.modes)))
    for problem in known.problems:
        print(clean(_("Note: {message}").format(message=f"{problem.message} {problem.hint}".strip())), file=sys.stderr)


def _owner(mode: "Mode", home: "Paths") -> str:
    return _("your own") if modes.path_of(home.modes, mode.name).exists() else _("ships with Llamune")


def _as_json(mode: "Mode", home: "Paths") -> dict[str, object]:
    from dataclasses import asdict

    own = modes.path_of(home.modes, mode.name)
    return {**asdict(mode), "path": str(own) if own.exists() else None}


def _show(args: argparse.Namespace, home: "Paths", known: "ModeSet") -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Fields

    mode = known.get(args.name)
    if args.json:
        return show_json(_as_json(mode, home))
    rows = [
        (_("mode"), mode.name),
        (_("description"), modes.told(mode.description, "")),
        (_("greeting"), modes.told(mode.greeting, "")),
        (_("system prompt"), modes.told(mode.system, "").strip()),
        (_("extra prompts"), "\n".join(modes.told(mode.prompts, ()))),
        (_("documents"), ", ".join(mode.corpora)),
        (_("models"), ", ".join(mode.models)),
        (_("preset"), mode.preset),
        (_("line-up"), ", ".join(mode.lineup)),
        (_("file"), str(_source(mode.name, home))),
    ]
    show(Fields([(name, value) for name, value in rows if value]))


def _source(name: str, home: "Paths") -> Path:
    """The file in force."""
    own = modes.path_of(home.modes, name)
    return own if own.exists() else paths.shipped("modes") / f"{name}.toml"


def _new(args: argparse.Namespace, home: "Paths", known: "ModeSet") -> None:
    from llamune.cli.editing import read

    path = modes.path_of(home.modes, args.name)
    if args.name in known.modes or path.exists():
        raise UsageError(
            _("There is a mode called {name} already.").format(name=args.name),
            _("llamune modes edit {name} changes it.").format(name=args.name),
        )
    _write(home, args.name, read(_source(known.get(args.base).name, home)) if args.base else TEMPLATE)


def _edit(args: argparse.Namespace, home: "Paths", known: "ModeSet") -> None:
    from llamune.cli.editing import edited, read

    own = modes.path_of(home.modes, args.name)
    before = read(own if own.exists() else _source(known.get(args.name).name, home))  # also a damaged one is mended so
    after = edited(before, f"llamune modes export {args.name} > {args.name}.toml")
    if after == before:
        raise UsageError(_("Nothing was changed."), str(own))
    _write(home, args.name, after)


def _export(args: argparse.Namespace, home: "Paths", known: "ModeSet") -> None:
    from llamune.cli.editing import read

    text = read(_source(known.get(args.name).name, home))
    if not args.file:
        sys.stdout.write(text)
        return
    target = Path(args.file).expanduser()
    if target.exists():
        raise UsageError(_("{path} exists already.").format(path=one_line(str(target))), _("Choose another name."))
    try:
        files.replace(target, text)
    except OSError as error:
        told = _("{path} cannot be written: {reason}").format(path=target, reason=error.strerror or error)
        raise LlamuneError(told) from error


def _import(args: argparse.Namespace, home: "Paths", known: "ModeSet") -> None:
    from llamune.cli.editing import read

    source = Path(args.file).expanduser()
    name = args.name or source.stem
    if modes.path_of(home.modes, name).exists():
        raise UsageError(
            _("There is a mode called {name} already.").format(name=name), _("--name NAME gives it another name.")
        )
    _write(home, name, read(source))


def _write(home: "Paths", name: str, text: str) -> None:
    from llamune.cli.output import show

    home.make()
    modes.write(home.modes, name, text)
    path = modes.path_of(home.modes, name)
    show(_("Mode {name} is in {path}; in the chat: /mode {name}").format(name=name, path=path))


TEMPLATE = """\
# A domain mode: everything that a kind of work needs. Take the # away from what you want to set.

# preset = "technical"
# corpora = ["rules"]            # llamune knowledge add rules FOLDER
# models = ["qwen3", "gemma3"]   # the first one that is there answers
# lineup = ["gemma3/fast"]       # who answers in the background

[description]
en = "a mode of my own"
ja = "自分のモード"

[greeting]
# en = "…"

[system]
# en = "…"

[prompts]
# en = ["…"]
"""
