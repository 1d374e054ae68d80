"""Brings a database file to this program's version, or says why not.

The version is looked up with plain sqlite3, so that Alembic is only imported when there is something to do. Before an
existing database is touched, a copy of it goes into the backups folder. A database of a newer program is left alone.
"""

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from llamune.errors import StoreError
from llamune.i18n import _
from llamune.store.connection import BUSY_TIMEOUT, Database, connect, make_private
from llamune.store.faults import damaged

NEW = ""  # the version of a file without tables


def prepare(path: Path, backups: Path, migrations: Path, now: datetime) -> None:
    """Makes `path` a database of the newest version in `migrations`.

    Raises: StoreError for a damaged file, another program's, or one of a newer version; sqlite3.Error, OSError.
    """
    make_private(path)
    with closing(connect(path)) as connection:
        found, wanted = version(connection, path), newest(migrations)
        if found == wanted:
            return
        if found > wanted:
            raise StoreError(
                _("{path} was written by a newer Llamune (version {found}, this one knows {wanted}).").format(
                    path=path, found=found, wanted=wanted
                ),
                _("Use the newer Llamune, or set LLAMUNE_HOME to another folder. Nothing was changed."),
            )
        _use_wal(connection)
        if found != NEW:
            back_up(connection, backups / f"llamune-{found}-{now:%Y%m%dT%H%M%S%f}.db")
    _migrate(path, migrations)


def version(connection: sqlite3.Connection, path: Path) -> str:
    """The database's version, NEW for an empty one. Raises StoreError when it is another program's."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return NEW
    row = "alembic_version" in tables and connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if not row:
        raise damaged(path)
    return str(row[0])


def newest(migrations: Path) -> str:
    """The newest version there is a migration for: files are called 0001_why.py, 0002_why.py …"""
    versions = [p.name[:4] for p in (migrations / "versions").glob("[0-9][0-9][0-9][0-9]_*.py")]
    if not versions:
        raise StoreError(
            _("The program is not completely installed: {path} holds no migrations.").format(path=migrations),
            _("Install Llamune again. The data was not touched."),
        )
    return max(versions)


def back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Copies the whole database, as it is now, into a private file."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_private(target)
    with closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one plain file, that reading leaves as it is


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switches to write-ahead logging; the switch itself does not wait for others, so it is tried again."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _migrate(path: Path, migrations: Path) -> None:
    """Runs all missing migrations in one transaction; of two processes that start at once, the second finds none."""
    database = Database(path)
    try:
        with database.writing() as connection:
            _run_alembic(connection, path, migrations)
    finally:
        database.close()


def _run_alembic(connection: Connection, path: Path, migrations: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except (CommandError, KeyError) as error:  # KeyError: a migration that others build on is missing
        raise StoreError(
            _("{path} could not be brought to this version: {reason}").format(path=path, reason=error),
            _("Nothing was changed. Is the program completely installed?"),
        ) from error
