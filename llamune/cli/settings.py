"""`llamune settings`: every setting with its value and where it came from; reading and changing one."""

import argparse
import sys

from llamune import paths, settings
from llamune.cli import start
from llamune.cli.parser import Parser, Verbs, json_flag
from llamune.i18n import N_, _


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "list": (N_("every setting, its value, and where that came from"), json_flag),
        "get": (N_("print one value"), _key),
        "set": (N_("write one value into settings.toml"), _key, _value_argument),
        "unset": (N_("take one value out of settings.toml"), _key),
    }
    parser.words("verb", verbs, required=False)


def _key(parser: Parser) -> None:
    parser.add_argument("key", metavar=_("KEY"), help=_("one of {keys}").format(keys=", ".join(settings.DECLARED)))


def _value_argument(parser: Parser) -> None:
    parser.add_argument("value", metavar=_("VALUE"), help=_("its new value"))


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code; raises SettingsError."""
    match getattr(args, "verb", None):
        case "get":
            _get(args)
        case "set":
            _change(args.key, args.value)
        case "unset":
            _change(args.key, None)
        case _:
            _list(args)
    return 0


def _list(args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands.values import Column, Listing

    found = start.settings_of(args)
    if getattr(args, "json", False):
        rows = {k: {"value": getattr(found, k), "origin": found.origin(k)} for k in settings.DECLARED}
        return show_json(rows)
    columns = [Column(_("setting")), Column(_("value"), least=8), Column(_("from"), spare=1), Column("", least=20)]
    listed = [(k, _value(getattr(found, k)), _origin(found, k), d.describe()) for k, d in settings.DECLARED.items()]
    show(Listing(columns, listed, after=str(paths.find().settings)))


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or _("(empty)")


def _origin(found: settings.Settings, key: str) -> str:
    origin = found.origin(key)
    words = {"default": _("default"), "file": "settings.toml", "flag": _("command line")}
    return words.get(origin) or settings.setting(key).environment


def _get(args: argparse.Namespace) -> None:
    from llamune.text import clean

    settings.setting(args.key)  # an unknown key is named before anything else is
    value = getattr(start.settings_of(args), args.key)
    print(clean(str(value).lower() if isinstance(value, bool) else str(value)))


def _change(key: str, text: str | None) -> None:
    home = paths.find()
    settings.setting(key)
    home.make()
    value = settings.set_value(home, key, text)
    from llamune.cli.output import show

    show(_("{key} is {value} from now on.").format(key=key, value=_value(value)))
    variable = settings.setting(key).environment
    if variable and settings.load(home).origin(key) == "environment":
        print(_("But {variable} is set, and it is stronger.").format(variable=variable), file=sys.stderr)
