"""What is looked for in a corpus: its entries, each a piece or a question that a piece answers, in the keyword index.

All of it happens within a transaction of `corpus.py`, and each change is noted for Chroma, which is told later.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from llamune.knowledge.schema import JOINED, LIVE
from llamune.knowledge.terms import terms


def add(connection: sqlite3.Connection, chunk: int, question: str | None, text: str) -> None:
    """A new entry of a piece. `question`: None = the piece itself; `text`: see `embedded`."""
    found = terms(text)
    insert = "INSERT INTO entry(chunk, question, length) VALUES (?, ?, ?)"
    index(connection, connection.execute(insert, (chunk, question, len(found))).lastrowid or 0, found)


def index(connection: sqlite3.Connection, entry: int, found: Sequence[str]) -> None:
    """Puts an entry that is there into the keyword index, with the terms of its text."""
    connection.execute("INSERT INTO term(rowid, terms) VALUES (?, ?)", (entry, " ".join(found)))
    _pend(connection, entry)


def unsearch(connection: sqlite3.Connection, where: str, *values: Any) -> list[int]:
    """Takes entries out of the keyword index. Returns their numbers."""
    found = texts(connection, where, *values)
    for entry, text in found:
        connection.execute(
            "INSERT INTO term(term, rowid, terms) VALUES ('delete', ?, ?)", (entry, " ".join(terms(text)))
        )
        _pend(connection, entry)
    return [entry for entry, _text in found]


def forget(connection: sqlite3.Connection, where: str, *values: Any) -> None:
    """Takes pieces out for ever."""
    unsearch(connection, f"{where} AND {LIVE}", *values)
    connection.execute(
        "DELETE FROM chunk WHERE id IN (SELECT chunk.id FROM chunk"
        f" JOIN document ON document.id = chunk.document WHERE {where})",
        values,
    )


def texts(connection: sqlite3.Connection, where: str, *values: Any) -> list[tuple[int, str]]:
    """Entries with what is seen of them."""
    rows = connection.execute(
        f"SELECT entry.id, question, context, chunk.text FROM {JOINED} WHERE {where}", values
    ).fetchall()
    return [(entry, embedded(question, context, text)) for entry, question, context, text in rows]


def embedded(question: str | None, context: str, text: str) -> str:
    """What an embedder and the keyword index see of an entry."""
    return question or (f"{context}\n{text}" if context else text)


def _pend(connection: sqlite3.Connection, entry: int) -> None:
    connection.execute("INSERT OR IGNORE INTO pending VALUES (?)", (entry,))
