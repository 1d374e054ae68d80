"""`llamune recommend`: the recommended sets, shown, compared, applied. What is done with files: recommend_files.py."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from llamune import paths, recommend
from llamune.cli import recommend_files as by_file
from llamune.cli import start
from llamune.cli.parser import Parser, Verbs, json_flag
from llamune.cli.recommend_files import sets
from llamune.errors import SettingsError
from llamune.i18n import N_, _
from llamune.text import clean

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.chat.fit import Fit, Machine

NONE = "none"


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: Verbs = {
        "show": (N_("a recommended set, and which of its models fit here"), _version, json_flag),
        "list": (N_("every recommended set there is"),),
        "details": (N_("what is new in a set"), _version),
        "diff": (N_("what differs between two sets"), _diff_arguments, json_flag),
        "apply": (N_("let a set choose what you have not chosen; none takes it back"), _version),
        "keep": (N_("leave all as it is, and do not ask again about this set"), _version),
        "import": (N_("take a set in from a file"), _file, _import_arguments),
        "export": (N_("write a set to a file or to standard output"), _version, _export_arguments),
        "check": (N_("look for mistakes in a file; exit code 1 when there are any"), _file),
        "verify": (N_("check a file's signature; exit code 1 unless it is trusted"), _file),
        "sign": (N_("sign a file"), _file, _sign_arguments),
        "key": (N_("make a secret key and print its public one"), _file),
        "trust": (N_("trust a public key from now on"), _trust_arguments),
        "propose": (N_("propose the next quarter's set from statistics of several machines"), _propose_arguments),
    }
    parser.words("verb", verbs, required=True)


def _version(parser: Parser) -> None:
    parser.add_argument(
        "version", metavar=_("VERSION"), nargs="?", default="", help=_("like 2026-Q4; without: the newest")
    )


def _diff_arguments(parser: Parser) -> None:
    parser.add_argument("old", metavar="A", help=_("the older version"))
    parser.add_argument("new", metavar="B", help=_("the newer version"))


def _file(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=_path, help=_("a file"))


def _import_arguments(parser: Parser) -> None:
    parser.add_argument("--trust-once", action="store_true", help=_("also without a trusted signature"))


def _export_arguments(parser: Parser) -> None:
    parser.add_argument("-o", "--output", metavar=_("FILE"), type=_path, help=_("a new file"))


def _sign_arguments(parser: Parser) -> None:
    parser.add_argument("--key", metavar=_("FILE"), type=_path, required=True, help=_("the file of the secret key"))


def _trust_arguments(parser: Parser) -> None:
    parser.add_argument("key", metavar=_("KEY"), help=_("its 64 digits"))


def _propose_arguments(parser: Parser) -> None:
    from llamune.cli import recommend_propose

    recommend_propose.arguments(parser)


def _path(word: str) -> Path:
    return Path(word).expanduser()


def run(args: argparse.Namespace) -> int:
    """Runs one verb. Returns the exit code; raises UsageError, SettingsError."""
    verbs: dict[str, Callable[[argparse.Namespace], int | None]] = {
        "show": _show, "list": _list, "details": _details, "diff": _diff, "apply": _apply, "keep": _keep,
        "import": by_file.take_in, "export": by_file.export, "check": by_file.check, "verify": by_file.verify,
        "sign": by_file.sign, "key": by_file.key, "trust": by_file.trust, "propose": _propose,
    }  # fmt: skip
    try:
        return verbs[args.verb](args) or 0
    except BrokenPipeError:
        raise  # who reads what we print has left
    except OSError as error:
        raise SettingsError(
            _("{path} cannot be used: {reason}").format(
                path=error.filename or getattr(args, "output", "?"),
                reason=error.strerror or error,
            )
        ) from error


def _show(args: argparse.Namespace) -> None:
    from llamune.cli.models_fit import fit_json
    from llamune.cli.output import show, show_json
    from llamune.commands import recommending

    chosen, app = sets().get(args.version), start.app(args)
    known, here = _installed(app)
    if not args.json:
        return show(recommending.headline(app, chosen), recommending.listing(chosen, known, here))
    models = [
        {**asdict(m), "installed": m.installed_as(known) or None, "fit": fit_json(recommending.fits(m, known, here))}
        for m in chosen.models
    ]
    parameters = {purpose: options.given() for purpose, options in chosen.parameters.items()}
    applied = app.state.recommended == chosen.version
    show_json({**asdict(chosen), "models": models, "parameters": parameters, "applied": applied})


def _installed(app: "App") -> "tuple[Mapping[str, Fit | None], Machine]":
    """Whether each installed model fits, by name; and this machine."""
    from llamune.commands.models import fits_of

    async def ask() -> "tuple[Mapping[str, Fit | None], Machine]":
        catalog = app.open_catalog()
        try:
            models = await catalog.models(refresh=True)
            here, known = await fits_of(app, models, {m.name: m for m in await catalog.loaded()})
            return known, here
        finally:
            await catalog.aclose()

    return asyncio.run(ask())


def _list(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.commands.values import Column, Listing

    applied, (found, problems) = start.app(args).state.recommended, sets().load()
    columns = [Column(_("version")), Column(_("updated")), Column(_("models"), right=True), Column("")]
    rows = [(s.version, s.updated, str(len(s.models)), _("applied") if s.version == applied else "") for s in found]
    show(Listing(columns, rows, empty=_("There is none.")))
    for problem in problems:
        print(clean(_("Note: {message}").format(message=f"{problem.message} {problem.hint}")), file=sys.stderr)


def _details(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.commands import recommending

    found, app = sets(), start.app(args)
    show(recommending.details(found, found.get(args.version), app.state))


def _diff(args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands import recommending

    found = sets()
    difference = recommend.Difference.of(found.get(args.old), found.get(args.new))
    if args.json:
        return show_json(asdict(difference))
    show(recommending.changes(difference) or recommending.same())


def _apply(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.commands import recommending

    chosen = None if args.version == NONE else sets().get(args.version)
    paths.find().make()
    app = start.app(args)
    show(recommending.applied(app, chosen, list(_installed(app)[0])))


def _keep(args: argparse.Namespace) -> None:
    from llamune.cli.output import show

    chosen = sets().get(args.version)
    paths.find().make()
    start.app(args).state.settle(answered=chosen.version)
    show(_("All stays as it is."))


def _propose(args: argparse.Namespace) -> None:
    from llamune.cli import recommend_propose

    recommend_propose.run(args, sets())
