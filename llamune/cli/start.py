"""From the command line's flags to settings and app. The first thing that every command does, and nothing more."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from llamune import paths, settings
from llamune.errors import SettingsError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.chat.ports import Store
    from llamune.paths import Paths
    from llamune.settings import Settings


def flags(args: argparse.Namespace) -> Mapping[str, str | None]:
    """What of the command line stands over the settings."""
    return {key: getattr(args, key, None) for key in ("language", "model", "preset", "sealed")}


def language(flag: str | None) -> str:
    """The interface language, known before the command line is understood; a damaged settings file counts as silent."""
    if flag:
        return flag
    try:
        return settings.load(paths.find()).language
    except SettingsError:
        return "auto"


def settings_of(args: argparse.Namespace) -> "Settings":
    """The settings in force. Raises SettingsError."""
    return settings.load(paths.find(), flags(args))


@contextmanager
def store() -> "Iterator[tuple[Store, Paths]]":
    """The opened store and the home folder, for commands that need no model; it may be one that can only be read, which
    is said. Raises StoreError."""
    from llamune.store import database

    home = paths.find()
    opened, problem = database.look(home)
    if problem:
        print(problem.message, _("What is stored can be read."), file=sys.stderr)
    try:
        yield opened, home
    finally:
        opened.close()


def app(args: argparse.Namespace) -> "App":
    """The app, with nothing opened yet. Raises SettingsError; UsageError for a preset that does not exist."""
    from llamune.app import App, log_to
    from llamune.chat.preset import no_preset

    home = paths.find()
    log_to(home)
    made = App(settings.load(home, flags(args)), home, scripted=getattr(args, "scripted", False))
    preset = getattr(args, "preset", None)
    if preset is not None and preset not in made.presets:
        raise no_preset(preset, made.presets)
    return made
