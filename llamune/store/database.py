"""The way in: `open` gives the store of a home folder, made or brought to this version where needed; `look` also where
nothing can be written.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from llamune.errors import StoreError
from llamune.paths import Paths, shipped
from llamune.store import owner
from llamune.store.connection import Database, connect
from llamune.store.faults import translated
from llamune.store.store import SqlStore
from llamune.store.upgrade import newest, prepare, version
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


def look(paths: Paths) -> tuple[SqlStore, StoreError | None]:
    """The store to look into, and what writing to it would meet: on a full disk or in a read-only folder what is stored
    can still be read. Raises as `open` does, where it cannot."""
    try:
        return open(paths), None
    except StoreError as error:
        if not _whole(paths.database):
            raise
        return SqlStore(Database(paths.database, still=True), paths.backups, owner.me(), utc_now), error


def _whole(path: Path) -> bool:
    """Whether the file alone is all of a database of this version: what is in a log beside it would be missing."""
    log = path.with_name(path.name + "-wal")
    try:
        with closing(connect(path, still=True)) as connection:
            usable = version(connection, path) == newest(shipped("migrations"))
        return usable and not (log.exists() and log.stat().st_size)
    except (StoreError, sqlite3.Error, OSError):
        return False
