"""The way in: `open` gives the store of a home folder, made or brought to this version where needed."""

from pathlib import Path

from llamune.paths import Paths, shipped
from llamune.store import owner
from llamune.store.connection import Database
from llamune.store.faults import translated
from llamune.store.store import SqlStore
from llamune.store.upgrade import prepare
from llamune.store.values import Clock, utc_now


def open(paths: Paths, *, clock: Clock = utc_now, migrations: Path | None = None) -> SqlStore:
    """Opens the database of a home folder; makes it when there is none.

    Args:
        clock: gives the time, with a zone.
        migrations: folder of the migrations; None = the one that ships with the program.
    Raises: StoreError when the file cannot be used (it is left as it is); LlamuneError when the folder cannot be made.
    """
    paths.make()
    with translated(paths.database):
        prepare(paths.database, paths.backups, migrations or shipped("migrations"), clock())
    return SqlStore(Database(paths.database), paths.backups, owner.me(), clock)
