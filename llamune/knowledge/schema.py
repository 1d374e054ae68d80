"""A corpus on disk: one private folder with one SQLite file, which is the truth, and `chroma/`, which is made from it.

Here are the tables, how the file is opened, and the lock that lets one process write at a time. What the tables mean:

    document   one text and the file it came from; `removed` = the file is gone, and all of it can come back
    chunk      a piece of a document
               (`asked`: the model that wrote questions for it)
    entry      what is looked for: a chunk itself, or a question that it answers
    term       keyword index over entries (FTS5, contentless)
    vector     of an entry, by generation: one generation = one embedder at one time
    model      the built-in embedder that was fitted on this corpus, by generation
    pending    entries that Chroma may not have yet, or still has: written with the change, taken out when Chroma has it
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from llamune.errors import KnowledgeError
from llamune.i18n import _

VERSION = 1
APPLICATION = 0x4C4D4B4E  # "LMKN": how a corpus file is told from any other SQLite file
BUSY = 10.0  # seconds a writer waits for another process
PRAGMAS = ("foreign_keys = ON", "synchronous = NORMAL", "temp_store = MEMORY", "trusted_schema = OFF")
TABLES = """
CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE root(path TEXT PRIMARY KEY, department TEXT NOT NULL, tags TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE document(
  id INTEGER PRIMARY KEY, file TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL, date TEXT NOT NULL,
  author TEXT NOT NULL, department TEXT NOT NULL, tags TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
  modified INTEGER NOT NULL, file_digest TEXT NOT NULL, removed TEXT, UNIQUE(file, path)) STRICT;
CREATE TABLE chunk(
  id INTEGER PRIMARY KEY, document INTEGER NOT NULL REFERENCES document ON DELETE CASCADE, place INTEGER NOT NULL,
  key TEXT NOT NULL, section TEXT NOT NULL, context TEXT NOT NULL, text TEXT NOT NULL, page INTEGER, line INTEGER,
  same TEXT NOT NULL, asked TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX chunk_document ON chunk(document);
CREATE TABLE entry(
  id INTEGER PRIMARY KEY AUTOINCREMENT, chunk INTEGER NOT NULL REFERENCES chunk ON DELETE CASCADE,
  question TEXT, length INTEGER NOT NULL) STRICT;
CREATE INDEX entry_chunk ON entry(chunk);
CREATE INDEX entry_length ON entry(length);
CREATE VIRTUAL TABLE term USING fts5(terms, content='', tokenize="ascii");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(term, row);
CREATE TABLE vector(
  generation INTEGER NOT NULL, entry INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE, data BLOB NOT NULL,
  PRIMARY KEY(generation, entry)) STRICT, WITHOUT ROWID;
CREATE INDEX vector_entry ON vector(entry);
CREATE TABLE model(generation INTEGER PRIMARY KEY, terms TEXT NOT NULL, weights BLOB NOT NULL, basis BLOB NOT NULL)
  STRICT;
CREATE TABLE pending(entry INTEGER PRIMARY KEY) STRICT;
"""
LIVE = "document.removed IS NULL"
JOINED = "entry JOIN chunk ON chunk.id = entry.chunk JOIN document ON document.id = chunk.document"


def create(path: Path) -> None:
    """Makes an empty corpus file; one that a crash left half made is made again. Raises KnowledgeError."""
    with translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
                connection.execute("PRAGMA page_size = 8192")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN; {TABLES} COMMIT;")
                connection.execute(f"PRAGMA user_version = {VERSION}")
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing corpus file, for use by one thread at a time. Raises KnowledgeError."""
    with translated(path):
        uri = f"{path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            check(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Raises KnowledgeError where the file is no corpus of this version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION or version < 1:
        raise KnowledgeError(_("{path} is no collection of documents.").format(path=path))
    if version > VERSION:
        raise KnowledgeError(
            _("{path} was made by a newer Llamune.").format(path=path), _("Use that version, or a newer one.")
        )


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction: all of it is stored when the block ends, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns what SQLite and the disk say into KnowledgeError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise busy(path) from error
        raise _broken(path, str(error)) from error
    except sqlite3.Error as error:
        raise _broken(path, str(error)) from error
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from error


@contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """The right to change a corpus: one process at a time; a crash gives it back.

    Args:
        patience: seconds to wait for it; a search that takes over what was changed holds it for a moment.

    Raises: Busy, KnowledgeError.
    """
    private = os.O_CREAT | os.O_RDWR
    with translated(folder), open(os.open(folder / "lock", private, 0o600), "a") as file:
        end = time.monotonic() + patience
        while os.name == "posix" and not _taken(file):
            if time.monotonic() >= end:
                raise busy(folder)
            time.sleep(0.05)
        yield


def _taken(file: IO[str]) -> bool:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Busy(KnowledgeError):
    """Another process is changing the corpus."""


def busy(path: Path) -> Busy:
    """Another process has it."""
    return Busy(_("{path} is being changed by another Llamune.").format(path=path), _("Wait until it has ended."))


def _broken(path: Path, reason: str) -> KnowledgeError:
    hint = _("If it is damaged: llamune knowledge remove, then add its documents again.")
    if "full" in reason or "No space" in reason:
        hint = _("Make room on the disk; the same command goes on.")
    return KnowledgeError(_("{path} cannot be used: {reason}").format(path=path, reason=reason), hint)
