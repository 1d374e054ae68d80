"""The way to the file: one SQLAlchemy engine with the pragmas we rely on, and two kinds of transaction.

A writer takes the write lock at once (BEGIN IMMEDIATE): a transaction that read first and wrote later would fail when
another process wrote in between, without waiting. Readers never wait (WAL). Each thread gets a connection of its own
from the pool, so that a long search in a thread does not stand in the way.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import QueuePool

from llamune.store.faults import translated

BUSY_TIMEOUT = 5.0  # seconds a writer waits for another process
PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = NORMAL",  # with WAL: safe when the program dies; a power cut can cost the last commits
    "PRAGMA secure_delete = ON",  # what is purged or overwritten leaves no bytes in free pages
    "PRAGMA temp_store = MEMORY",  # texts never lie in the system's folder for temporary files
)


class Database:
    """One database file.

    Args:
        path: the file; it must exist and be of this version (see upgrade.py).
        still: nothing can be written, not even locks; the file is read as it lies there.
    """

    def __init__(self, path: Path, *, still: bool = False) -> None:
        self.path, self.still = path, still
        self._reader = create_engine("sqlite://", creator=lambda: connect(path, still=still), poolclass=QueuePool)
        event.listen(self._reader, "begin", _begin)
        self._writer = self._reader.execution_options(begin="BEGIN IMMEDIATE")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view. Raises StoreError."""
        with translated(self.path), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of it is stored when the block ends, or nothing. Raises StoreError."""
        with translated(self.path), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """A bare connection outside any transaction, for VACUUM and checkpoints. Raises StoreError."""
        with translated(self.path):
            connection = connect(self.path)
            try:
                yield connection
            finally:
                connection.close()

    def close(self) -> None:
        self._reader.dispose()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def connect(path: Path, *, still: bool = False) -> sqlite3.Connection:
    """A connection with our pragmas; makes no file. Raises sqlite3.Error."""
    uri = path.absolute().as_uri() + ("?mode=ro&immutable=1" if still else "?mode=rw")
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        for pragma in PRAGMAS:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def make_private(path: Path) -> None:
    """Creates an empty file that only its user can read, or makes an existing one so. Raises OSError."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if os.name == "posix" and os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)
