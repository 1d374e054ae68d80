"""`llamune recommend import, export, check, verify, sign, key, trust`: sets as files, and who they are from."""

import argparse
import sys
from pathlib import Path

from llamune import files, paths, recommend
from llamune.errors import SettingsError, UsageError
from llamune.i18n import _
from llamune.presets import unreadable, unwritable


def sets() -> recommend.Sets:
    """The sets of this home folder."""
    return recommend.Sets(paths.shipped("presets") / "recommended", paths.find().recommended)


def read(path: Path) -> bytes:
    """The bytes of a set's file. Raises SettingsError, also for a pipe, a device and a file that is too large."""
    try:
        return files.read(path, recommend.LARGEST)
    except OSError as error:
        raise unreadable(path, error) from error


def take_in(args: argparse.Namespace) -> None:
    """Takes a set in from a file. Raises SettingsError, UsageError with nothing changed."""
    from llamune.cli.output import show
    from llamune.commands.recommending import signature

    data = read(args.file)
    found = recommend.read(data, str(args.file))
    told = _("{version}: {n} models, signature: {standing}").format(
        version=found.version, n=len(found.models), standing=signature(recommend.standing(data, sets().trusted()))
    )
    print(told, file=sys.stderr)
    sets().take(args.file, data, once=args.trust_once)
    show(_("{version} is here now: llamune recommend details · apply · keep").format(version=found.version))


def export(args: argparse.Namespace) -> None:
    """Writes a set as it came to a new file, or to standard output."""
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


def check(args: argparse.Namespace) -> int:
    """Looks for mistakes in a file. Returns the exit code."""
    from llamune.cli.output import show

    try:
        found = recommend.read(read(args.file), str(args.file))
    except SettingsError as error:
        show(error.message)
        return 1
    show(_("{version}: nothing is wrong.").format(version=found.version))
    return 0


def verify(args: argparse.Namespace) -> int:
    """Checks a file's signature. Returns the exit code."""
    from llamune.cli.output import show
    from llamune.commands.recommending import signature

    how = recommend.standing(read(args.file), sets().trusted())
    show(_("signature: {standing}").format(standing=signature(how)))
    return 0 if how == "trusted" else 1


def sign(args: argparse.Namespace) -> None:
    """Signs a file that is right. Raises SettingsError, UsageError."""
    data = read(args.file)
    recommend.read(data, str(args.file))
    signed = recommend.signed(data, files.read(args.key).decode("ascii", "replace"))
    mode = args.file.stat().st_mode
    _write(args.file, signed.decode("utf-8"))
    args.file.chmod(mode)  # it is there to be passed on


def _write(path: Path, text: str) -> None:
    try:
        files.replace(path, text)
    except OSError as error:
        raise unwritable(path, error) from error


def key(args: argparse.Namespace) -> None:
    """Makes a secret key that only its owner can read, and prints the public one."""
    if args.file.exists():
        raise UsageError(_("{path} exists already.").format(path=args.file))
    secret, public = recommend.new_key()
    _write(args.file, secret + "\n")
    print(public)


def trust(args: argparse.Namespace) -> None:
    """Trusts a public key from now on. Raises UsageError."""
    from llamune.cli.output import show

    sets().trust(args.key.casefold())
    show(_("This key is trusted from now on."))
