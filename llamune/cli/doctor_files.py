"""What `llamune doctor` finds in the data folder: settings, presets, modes, recommended sets, the database.

A file that cannot be used is named; what works without it is only warned of. Nothing is made, mended or upgraded here.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from llamune import paths
from llamune.errors import LlamuneError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.paths import Paths

State = Literal["ok", "warn", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: its name; found: what was found; todo: what to do about it, "" = nothing.
    """

    what: str
    state: State
    found: str
    todo: str = ""


def wrong(what: str, error: LlamuneError, state: State) -> Finding:
    """An error as a finding."""
    from llamune.cli.hints import outside

    return Finding(what, state, error.message, outside(error.hint))


def settings_file(home: "Paths") -> Finding:
    """Where the settings are."""
    told = str(home.settings) if home.settings.exists() else _("none: everything is as delivered")
    return Finding(_("settings"), "ok", told)


def presets(home: "Paths") -> Iterator[Finding]:
    """The presets there are, and the files that hold none."""
    from llamune.presets import load

    found = load([paths.shipped("presets"), home.presets])
    names = ", ".join(found.presets)
    yield Finding(_("presets"), "ok" if found.presets else "missing", names or _("none"))
    for problem in found.problems:
        yield wrong(_("preset"), problem, "warn")


def modes(home: "Paths") -> Iterator[Finding]:
    """The modes likewise."""
    from llamune.modes import load

    found = load([paths.shipped("modes"), home.modes])
    yield Finding(_("modes"), "ok" if found.modes else "missing", ", ".join(found.modes) or _("none"))
    for problem in found.problems:
        yield wrong(_("mode"), problem, "warn")


def recommended(home: "Paths") -> Iterator[Finding]:
    """The recommended sets likewise."""
    from llamune.recommend import Sets

    found, problems = Sets(paths.shipped("presets") / "recommended", home.recommended).load()
    names = ", ".join(one.version for one in found)
    yield Finding(_("recommended sets"), "ok" if found else "warn", names or _("none"))
    for problem in problems:
        yield wrong(_("recommended set"), problem, "warn")


def database(home: "Paths") -> Finding:
    """Looks without making or upgrading anything."""
    what, path = _("database"), home.database
    if not path.exists():
        return Finding(what, "ok", _("none yet; made with the first question"))
    from llamune.store.connection import connect
    from llamune.store.faults import damaged, translated
    from llamune.store.upgrade import newest, version
    from llamune.text import size

    try:
        with translated(path), closing(connect(path)) as connection:
            found, wanted = version(connection, path), newest(paths.shipped("migrations"))
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise damaged(path)
    except LlamuneError as error:
        return wrong(what, error, "missing")
    told = _("version {n}, {size}").format(n=found or "-", size=size(path.stat().st_size))
    if found > wanted:
        return Finding(what, "missing", told, _("Written by a newer Llamune: use that one, or set LLAMUNE_HOME."))
    todo = _("The next start brings it to version {n}, after a copy.").format(n=wanted) if found < wanted else ""
    return Finding(what, "ok", told, todo)
