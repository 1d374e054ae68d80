"""Foreign exceptions become ours here, once: what SQLite, SQLAlchemy and the file system raise leaves as a StoreError.

The message names the file; the hint says what to do. Nothing is tried again and nothing is repaired.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from llamune.errors import LlamuneError, NotFound, StoreError
from llamune.i18n import _

FOREIGN = (SQLAlchemyError, sqlite3.Error, sqlite3.Warning, OSError, OverflowError)
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
REFUSED = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Runs a block that works on the database at `path`. Raises StoreError and its children only."""
    try:
        yield
    except LlamuneError:
        raise
    except OverflowError as error:  # a number that SQLite cannot hold names nothing that is stored
        raise NotFound(_("There is nothing with that number."), _("/sessions shows what there is.")) from error
    except FOREIGN as error:
        raise store_error(path, error) from error


def store_error(path: Path, error: BaseException) -> StoreError:
    """The StoreError for a foreign exception that came while working on `path`."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest of an extended code says where, not what
    number = getattr(cause, "errno", None)
    if code == sqlite3.SQLITE_FULL or number in NO_SPACE:
        return StoreError(_("The disk is full: {path} could not be written.").format(path=path), _("Free some space."))
    if code in DAMAGED or (isinstance(cause, sqlite3.DatabaseError) and "not a database" in str(cause)):
        return damaged(path)
    if code in REFUSED or number in FORBIDDEN:
        return StoreError(
            _("{path} cannot be opened or written.").format(path=path),
            _("Check its permissions and those of its folder, or set LLAMUNE_HOME to a folder of yours."),
        )
    if code in BUSY:
        return StoreError(
            _("Another program is writing to {path}.").format(path=path), _("Try again when it has finished.")
        )
    return StoreError(
        _("{path} could not be read or written: {reason}").format(path=path, reason=_reason(cause)),
        _("Check the disk: is it full, or gone?"),
    )


def damaged(path: Path) -> StoreError:
    """The error for a file that is no usable database."""
    return StoreError(
        _("{path} is damaged, or it is no Llamune database. It was left as it is.").format(path=path),
        _(
            "Move it away to start afresh, or put a copy back in its place; copies from upgrades are in {folder}."
        ).format(folder=path.parent / "backups"),
    )


def _reason(cause: BaseException) -> str:
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return str(text).splitlines()[0]
