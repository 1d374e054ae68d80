"""One corpus as values in and values out: its documents, their pieces, its settings. The database is the truth.

Every change is one transaction that also changes the keyword index and notes what Chroma does not have yet, so that a
crash at any moment leaves nothing that disagrees. Vectors are `vectors.py`'s, searching is `keyword.py`'s.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llamune.knowledge import entries, schema
from llamune.knowledge.chunking import Chunk
from llamune.knowledge.schema import LIVE
from llamune.knowledge.terms import fold, terms
from llamune.sources.document import Document, Stamp

FILE = "corpus.db"


@dataclass(frozen=True, slots=True)
class Root:
    """A file or folder that was added, and what was said about it."""

    path: Path
    department: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as lists show it; `removed`: when its file was found gone, "" = it is there."""

    path: str
    title: str
    chunks: int
    date: str
    author: str
    department: str
    removed: str


class Corpus:
    """An opened corpus, for use by one thread at a time.

    Args:
        folder: its folder; its name is the name of the corpus.

    Raises: KnowledgeError from every method.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        self.connection = schema.connect(folder / FILE)

    @classmethod
    def create(cls, folder: Path) -> "Corpus":
        """A new corpus."""
        schema.create(folder / FILE)
        corpus = cls(folder)
        corpus.set(id=uuid.uuid4().hex)
        return corpus

    def close(self) -> None:
        self.connection.close()

    # settings

    def setting(self, key: str, default: Any = None) -> Any:
        """What the corpus remembers under `key`."""
        rows = self.rows("SELECT value FROM setting WHERE key = ?", key)
        return json.loads(rows[0][0]) if rows else default

    def set(self, **values: Any) -> None:
        """Remembers values; they must be JSON."""
        with self.writing():
            self.put_settings(values)

    def put_settings(self, values: Mapping[str, Any]) -> None:
        """As `set`, within a transaction."""
        pairs = [(key, json.dumps(value)) for key, value in values.items()]
        self.connection.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", pairs)

    def roots(self) -> list[Root]:
        """What was added, in the order of paths."""
        rows = self.rows("SELECT path, department, tags FROM root ORDER BY path")
        return [Root(Path(p), d, tuple(json.loads(t))) for p, d, t in rows]

    def add_root(self, root: Root) -> None:
        with self.writing():
            self.connection.execute(
                "INSERT OR REPLACE INTO root VALUES (?, ?, ?)",
                (str(root.path), root.department, json.dumps(root.tags)),
            )

    def remove_root(self, path: Path) -> None:
        with self.writing():
            self.connection.execute("DELETE FROM root WHERE path = ?", (str(path),))

    # documents

    def files(self) -> list[str]:
        """Every file that is in, as a whole or in part."""
        return [file for (file,) in self.rows(f"SELECT DISTINCT file FROM document WHERE {LIVE}")]

    def known(self) -> dict[str, Stamp]:
        """The stamp of every file that has been read to its end."""
        rows = self.rows(
            f"SELECT file, size, modified, min(file_digest) FROM document WHERE {LIVE} GROUP BY file"
            " HAVING min(file_digest) <> ''"
        )
        return {file: Stamp(size, modified, digest) for file, size, modified, digest in rows}

    def put(self, document: Document, chunks: Sequence[Chunk]) -> None:
        """Takes a document in, or what changed of it; pieces that stay the same keep their entries and vectors.

        Its file counts as read only when it is `complete`.
        """
        with self.writing():
            number = self._document(document)
            old = self._chunks(number)
            for place, chunk in enumerate(chunks):
                mark = (chunk.key, chunk.context)
                if mark in old:
                    where = (place, chunk.section, chunk.page, chunk.line, old.pop(mark))
                    update = "UPDATE chunk SET place = ?, section = ?, page = ?, line = ? WHERE id = ?"
                    self.connection.execute(update, where)
                else:
                    self._add(number, place, chunk)
            gone = json.dumps(list(old.values()))
            entries.forget(self.connection, "chunk.id IN (SELECT value FROM json_each(?))", gone)

    def restamp(self, file: str, stamp: Stamp) -> None:
        """The file has been touched, but its bytes are the same."""
        with self.writing():
            self._restamp(file, stamp)

    def vanish(self, files: Iterable[str]) -> int:
        """Files are gone: their documents leave the search and stay to come back. Returns how many documents."""
        now, count = datetime.now(UTC).isoformat(timespec="seconds"), 0
        for file in files:
            with self.writing():
                where = f"document.file = ? AND {LIVE}"
                entries.unsearch(self.connection, where, file)
                update = f"UPDATE document SET removed = ? WHERE file = ? AND {LIVE}"
                count += self.connection.execute(update, (now, file)).rowcount
        return count

    def complete(self, file: str, paths: Sequence[str], stamp: Stamp) -> None:
        """The file has been read to its end: documents at `paths` are all that it holds now."""
        with self.writing():
            where = "document.file = ? AND path NOT IN (SELECT value FROM json_each(?))"
            values = (file, json.dumps(paths))
            entries.forget(self.connection, where, *values)
            self.connection.execute(f"DELETE FROM document WHERE {where}", values)
            self._restamp(file, stamp)

    def documents(self) -> list[Listed]:
        """All documents by path, the removed ones last."""
        rows = self.rows(
            "SELECT path, title, (SELECT count(*) FROM chunk WHERE chunk.document = document.id), date, author,"
            " department, coalesce(removed, '') FROM document ORDER BY removed IS NOT NULL, path"
        )
        return [Listed(*row) for row in rows]

    def count(self) -> tuple[int, int]:
        """How many documents and pieces are searched."""
        pieces = f"SELECT count(*) FROM chunk JOIN document ON document.id = chunk.document WHERE {LIVE}"
        (found,) = self.rows(f"SELECT (SELECT count(*) FROM document WHERE {LIVE}), ({pieces})")
        return found[0], found[1]

    def unasked(self, model: str) -> list[tuple[int, str]]:
        """Pieces for which `model` has not written questions yet, with what it is to see."""
        rows = self.rows(
            "SELECT chunk.id, context, text FROM chunk JOIN document ON document.id = document"
            f" WHERE {LIVE} AND asked <> ? ORDER BY 1",
            model,
        )
        return [(number, entries.embedded(None, context, text)) for number, context, text in rows]

    def put_questions(self, chunk: int, model: str, questions: Sequence[str]) -> None:
        """The questions that `model` wrote for a piece, in the place of earlier ones."""
        with self.writing():
            old = entries.unsearch(self.connection, "chunk.id = ? AND question IS NOT NULL", chunk)
            self.connection.executemany("DELETE FROM entry WHERE id = ?", [(entry,) for entry in old])
            for question in questions:
                entries.add(self.connection, chunk, question, question)
            self.connection.execute("UPDATE chunk SET asked = ? WHERE id = ?", (model, chunk))

    # what the other modules of this package use

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction. Raises KnowledgeError."""
        with schema.translated(self.folder / FILE), schema.writing(self.connection):
            yield

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """The rows of a statement. Raises KnowledgeError."""
        with schema.translated(self.folder / FILE):
            return self.connection.execute(statement, values).fetchall()

    # inside a transaction

    def _restamp(self, file: str, stamp: Stamp) -> None:
        self.connection.execute(
            "UPDATE document SET size = ?, modified = ?, file_digest = ? WHERE file = ?",
            (stamp.size, stamp.modified, stamp.digest, file),
        )

    def _document(self, document: Document) -> int:
        stamp = document.stamp
        values = {
            "title": document.title, "date": document.date, "author": document.author,
            "department": document.department, "tags": json.dumps(document.tags), "digest": document.digest,
            "size": stamp.size, "modified": stamp.modified, "file_digest": "", "removed": None,
        }  # fmt: skip
        was = self.rows("SELECT id, removed FROM document WHERE file = ? AND path = ?", document.file, document.path)
        if not was:
            names, marks = ", ".join(values), ", ".join("?" * (len(values) + 2))
            insert = f"INSERT INTO document(file, path, {names}) VALUES ({marks})"
            return self.connection.execute(insert, (document.file, document.path, *values.values())).lastrowid or 0
        number, removed = was[0]
        sets = ", ".join(f"{name} = ?" for name in values)
        self.connection.execute(f"UPDATE document SET {sets} WHERE id = ?", (*values.values(), number))
        if removed:
            for entry, text in entries.texts(self.connection, "document.id = ?", number):
                entries.index(self.connection, entry, terms(text))
        return int(number)

    def _chunks(self, document: int) -> dict[tuple[str, str], int]:
        rows = self.rows("SELECT key, context, id FROM chunk WHERE document = ?", document)
        return {(key, context): number for key, context, number in rows}

    def _add(self, document: int, place: int, chunk: Chunk) -> None:
        same = hashlib.sha256("".join(fold(chunk.text).split()).encode()).hexdigest()[:32]
        row = (
            document, place, chunk.key, chunk.section, chunk.context, chunk.text, chunk.page, chunk.line, same,
        )  # fmt: skip
        insert = (
            "INSERT INTO chunk(document, place, key, section, context, text, page, line, same)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        number = self.connection.execute(insert, row).lastrowid or 0
        entries.add(self.connection, number, None, chunk.embedded)
