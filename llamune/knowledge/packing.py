"""A corpus as one file to take along: its database, complete, with texts and vectors; Chroma is made again from it.

A file from elsewhere is looked at before it is trusted: it must be whole, and hold our tables and nothing else (no
triggers, no views). Where the documents came from is forgotten, because they are not on this machine.
"""

import os
import shutil
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

from llamune.errors import KnowledgeError, UsageError
from llamune.i18n import _
from llamune.knowledge import schema
from llamune.knowledge.corpus import FILE, Corpus


def pack(corpus: Corpus, file: Path) -> None:
    """Writes `file`, which must not exist. Raises UsageError, KnowledgeError."""
    if file.exists():
        raise UsageError(_("{path} exists already.").format(path=file))
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with schema.translated(file):
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        try:
            corpus.connection.execute("VACUUM INTO ?", (str(beside),))
            os.replace(beside, file)
        finally:
            beside.unlink(missing_ok=True)


def unpack(file: Path, folder: Path) -> None:
    """Makes the corpus `folder` from a file.

    Raises: UsageError where there is none; KnowledgeError for one that is damaged or none of ours.
    """
    if not file.exists():
        raise UsageError(_("{path} does not exist.").format(path=file))
    if not (file.is_file() and _whole(file)):
        raise KnowledgeError(
            _("{path} is damaged, or no collection of documents.").format(path=file),
            _("llamune knowledge export writes such a file: copy it again."),
        )
    with schema.translated(folder):
        folder.mkdir(mode=0o700, parents=True)
        beside = folder / f".{FILE}.tmp"
        try:
            shutil.copyfile(file, beside)
            beside.chmod(0o600)
            with closing(sqlite3.connect(beside, isolation_level=None)) as taken:
                taken.execute("PRAGMA journal_mode = WAL")
                taken.execute("DELETE FROM root")
                taken.execute("INSERT OR REPLACE INTO setting VALUES ('id', json_quote(?))", (uuid.uuid4().hex,))
            os.replace(beside, folder / FILE)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _whole(file: Path) -> bool:
    """Whether a file is a corpus, and all of it. Raises KnowledgeError for one of a newer version."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as given:
            given.execute("PRAGMA trusted_schema = OFF")
            given.execute("PRAGMA cell_size_check = ON")
            schema.check(given, file)
            return _tables(given) == _expected() and given.execute("PRAGMA quick_check").fetchall() == [("ok",)]
    except sqlite3.Error:
        return False


def _tables(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def _expected() -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.TABLES)
        return _tables(connection)
