"""Erases sessions for ever: the only DELETE in this package.

The texts leave the rows, the index, the free pages, the write-ahead log and every backup that holds them. What other
programs copied elsewhere (a backup of the disk, an export) is not reached, and neither are blocks that the file system
has freed but not overwritten.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, delete, func, select

from llamune.chat.session import Purged
from llamune.errors import StoreError
from llamune.i18n import _
from llamune.store import search
from llamune.store.connection import Database
from llamune.store.faults import translated
from llamune.store.tables import ANSWER, SESSION, TURN

CHUNK = 500  # sessions in one statement


def purge(database: Database, backups: Path, session_ids: Sequence[int]) -> Purged:
    """Erases sessions; unknown ids are no error, so that an interrupted purge can be repeated.

    Raises: StoreError, also when another process keeps the old pages from being overwritten.
    """
    ids = sorted(set(session_ids))
    gone = Purged(0, 0, 0)
    with database.writing() as connection:
        for start in range(0, len(ids), CHUNK):
            gone = _sum(gone, _erase(connection, ids[start : start + CHUNK]))
    copies = _erase_backups(backups, ids)
    _scrub(database)
    return Purged(gone.sessions, gone.turns, gone.answers, copies)


def _erase(connection: Connection, ids: Sequence[int]) -> Purged:
    turns = TURN.c.session_id.in_(ids)
    answers = ANSWER.join(TURN, TURN.c.id == ANSWER.c.turn_id)
    found = Purged(
        connection.scalar(select(func.count()).where(SESSION.c.id.in_(ids))) or 0,
        connection.scalar(select(func.count()).where(turns)) or 0,
        connection.scalar(select(func.count()).select_from(answers).where(turns)) or 0,
    )
    search.forget(connection, ids)
    connection.execute(delete(SESSION).where(SESSION.c.id.in_(ids)))  # all that belongs to it goes by ON DELETE CASCADE
    return found


def _sum(one: Purged, other: Purged) -> Purged:
    return Purged(one.sessions + other.sessions, one.turns + other.turns, one.answers + other.answers)


def _scrub(database: Database) -> None:
    """Rewrites the file without free pages and empties the write-ahead log."""
    with database.raw() as connection:
        connection.execute("VACUUM")
        busy, *_pages = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StoreError(
            _("The sessions are deleted, but another program still reads old pages of {path}.").format(
                path=database.path
            ),
            _("Close the other Llamune and purge again."),
        )


def _erase_backups(folder: Path, ids: Sequence[int]) -> int:
    """Removes the backups that hold one of the sessions, or that cannot be read. Returns how many."""
    removed = 0
    for path in sorted(folder.glob("*.db")) if ids else ():
        if _holds(path, ids):
            for file in (path, *folder.glob(f"{path.name}-*")):  # with its log and shared memory
                with translated(file):
                    file.unlink(missing_ok=True)
            removed += 1
    return removed


def _holds(path: Path, ids: Sequence[int]) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            return any(copy.execute("SELECT 1 FROM session WHERE id = ?", (i,)).fetchone() for i in ids)
    except sqlite3.Error:
        return True
