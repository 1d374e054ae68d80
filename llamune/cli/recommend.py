"""`llamune recommend`: the recommended sets: read, compared, applied, imported from a file, signed and checked."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from llamune import files, paths, recommend
from llamune.cli import start
from llamune.cli.parser import Declare, Parser
from llamune.errors import SettingsError, UsageError
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.app import App

NONE = "none"


def declare(parser: Parser) -> None:
    """Adds the verbs."""
    verbs: dict[str, tuple[str, Declare]] = {
        "show": (N_("a recommended set, and which of its models fit here"), _version_json),
        "list": (N_("every recommended set there is"), _nothing),
        "details": (N_("what is new in a set"), _version),
        "diff": (N_("what differs between two sets"), _diff_arguments),
        "apply": (N_("let a set choose what you have not chosen; none takes it back"), _version),
        "keep": (N_("leave all as it is, and do not ask again about this set"), _version),
        "import": (N_("take a set in from a file"), _import_arguments),
        "export": (N_("write a set to a file or to standard output"), _export_arguments),
        "check": (N_("look for mistakes in a file; exit code 1 when there are any"), _file),
        "verify": (N_("check a file's signature; exit code 1 unless it is trusted"), _file),
        "sign": (N_("sign a file"), _sign_arguments),
        "key": (N_("make a secret key and print its public one"), _file),
        "trust": (N_("trust a public key from now on"), _trust_arguments),
        "propose": (N_("propose the next quarter's set from statistics of several machines"), _propose_arguments),
    }
    parser.words("verb", verbs, required=True)


def _nothing(parser: Parser) -> None:
    return None


def _version(parser: Parser) -> None:
    parser.add_argument(
        "version", metavar=_("VERSION"), nargs="?", default="", help=_("like 2026-Q4; without: the newest")
    )


def _json(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help=_("print JSON"))


def _version_json(parser: Parser) -> None:
    _version(parser)
    _json(parser)


def _diff_arguments(parser: Parser) -> None:
    parser.add_argument("old", metavar="A", help=_("the older version"))
    parser.add_argument("new", metavar="B", help=_("the newer version"))
    _json(parser)


def _file(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=_path, help=_("a file"))


def _import_arguments(parser: Parser) -> None:
    _file(parser)
    parser.add_argument("--trust-once", action="store_true", help=_("also without a trusted signature"))


def _export_arguments(parser: Parser) -> None:
    _version(parser)
    parser.add_argument("-o", "--output", metavar=_("FILE"), type=_path, help=_("a new file"))


def _sign_arguments(parser: Parser) -> None:
    _file(parser)
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
        "import": _import, "export": _export, "check": _check, "verify": _verify, "sign": _sign, "key": _key,
        "trust": _trust, "propose": _propose,
    }  # fmt: skip
    try:
        return verbs[args.verb](args) or 0
    except OSError as error:
        raise SettingsError(
            _("{path} cannot be read: {reason}").format(path=error.filename or "?", reason=error.strerror or error)
        ) from error


def sets() -> recommend.Sets:
    """The sets of this home folder."""
    return recommend.Sets(paths.shipped("presets") / "recommended", paths.find().recommended)


def _show(args: argparse.Namespace) -> None:
    from llamune.cli.output import show, show_json
    from llamune.commands import recommending

    chosen, app = sets().get(args.version), start.app(args)
    if args.json:
        return show_json({**asdict(chosen), "applied": app.state.recommended == chosen.version})
    show(recommending.headline(app, chosen), recommending.listing(chosen, _installed(app), recommending.machine()))


def _installed(app: "App") -> list[str]:
    async def ask() -> list[str]:
        catalog = app.open_catalog()
        try:
            return [m.name for m in await catalog.models(refresh=True)]
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
        print(_("Note: {message}").format(message=f"{problem.message} {problem.hint}"), file=sys.stderr)


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
    show(recommending.changes(difference) or _("There is no difference."))


def _apply(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.commands import recommending

    chosen = None if args.version == NONE else sets().get(args.version)
    paths.find().make()
    app = start.app(args)
    show(recommending.applied(app, chosen, _installed(app)))


def _keep(args: argparse.Namespace) -> None:
    from llamune.cli.output import show

    chosen = sets().get(args.version)
    paths.find().make()
    start.app(args).state.settle(answered=chosen.version)
    show(_("All stays as it is."))


def _import(args: argparse.Namespace) -> None:
    from llamune.cli.output import show
    from llamune.commands.recommending import signature

    data = _read(args.file)
    found = recommend.read(data, str(args.file))
    told = _("{version}: {n} models, signature: {standing}").format(
        version=found.version, n=len(found.models), standing=signature(recommend.standing(data, sets().trusted()))
    )
    print(told, file=sys.stderr)
    sets().take(args.file, data, once=args.trust_once)
    show(_("{version} is here now: llamune recommend details · apply · keep").format(version=found.version))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:  # also a pipe: <(…)
        return file.read(recommend.LARGEST + 1)


def _export(args: argparse.Namespace) -> None:
    found = sets()
    data = files.read(found.path(found.get(args.version).version))
    if args.output is None:
        sys.stdout.buffer.write(data)
        return
    try:
        with args.output.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise UsageError(_("{path} exists already.").format(path=args.output)) from error


def _check(args: argparse.Namespace) -> int:
    from llamune.cli.output import show

    try:
        found = recommend.read(_read(args.file), str(args.file))
    except SettingsError as error:
        show(error.message)
        return 1
    show(_("{version}: nothing is wrong.").format(version=found.version))
    return 0


def _verify(args: argparse.Namespace) -> int:
    from llamune.cli.output import show
    from llamune.commands.recommending import signature

    how = recommend.standing(_read(args.file), sets().trusted())
    show(_("signature: {standing}").format(standing=signature(how)))
    return 0 if how == "trusted" else 1


def _sign(args: argparse.Namespace) -> None:

    data = _read(args.file)
    recommend.read(data, str(args.file))
    signed = recommend.signed(data, files.read(args.key).decode("ascii", "replace"))
    files.replace(args.file, signed.decode("utf-8"))


def _key(args: argparse.Namespace) -> None:
    import os

    secret, public = recommend.new_key()
    try:
        handle = os.open(args.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(_("{path} exists already.").format(path=args.file)) from error
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
    print(public)


def _trust(args: argparse.Namespace) -> None:
    from llamune.cli.output import show

    sets().trust(args.key.casefold())
    show(_("This key is trusted from now on."))


def _propose(args: argparse.Namespace) -> None:
    from llamune.cli import recommend_propose

    recommend_propose.run(args, sets())
