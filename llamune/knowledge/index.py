"""Chroma's folder of one corpus, made from the database, and made again whenever the two disagree.

Chroma gets our vectors and nothing else: no texts, no embedder of its own, no telemetry. Whatever happens to its
folder, the database has everything. For use by one thread, which `chroma.py` owns.
"""

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llamune.errors import KnowledgeError
from llamune.knowledge import schema
from llamune.knowledge.corpus import Corpus
from llamune.knowledge.embedders.chosen import no_extra
from llamune.knowledge.schema import JOINED, LIVE, Busy
from llamune.knowledge.vectors import generation, stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "chroma"
BATCH = 100  # vectors at a time: as long as Chroma takes them in, no other thread of this program runs
SMALL = 2000  # entries; with so few all are compared, which is exact and needs no index
LOG = logging.getLogger(__name__)


class Index:
    """The vector index of one corpus. Methods raise KnowledgeError, or whatever Chroma raises.

    Args:
        folder: the folder of the corpus.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._corpus: Corpus | None = None
        self._client: Any = None
        self._collection: Any = None
        self._seen = (0, 0)  # generation and state of the database that the collection was opened with

    @property
    def _database(self) -> Corpus:
        if self._corpus is None:
            self._corpus = Corpus(self._folder)
        return self._corpus

    def sync(self, progress: Callable[[int, int], None]) -> None:
        """Brings Chroma to where the database is; makes it again where they do not agree afterwards."""
        try:
            self._open()
            self._settle(progress)
            self._tidy()
            if self._agrees():
                return
        except KnowledgeError:
            raise
        except BaseException as error:
            LOG.warning("vector index of %s: %s", self._folder.name, error)
        self._rebuild(progress)

    def nearest(self, question: "NDArray[np.float32]", limit: int) -> dict[int, float]:
        """Entry → cosine, of the nearest; what was changed elsewhere is taken over first."""
        if self._collection is None or self._seen != self._state():
            self._reopen()
        if not (count := self._collection.count()):
            return {}
        try:
            found = self._query(question, min(limit, count))
        except BaseException as error:
            LOG.warning("vector index of %s: %s", self._folder.name, error)
            self._rebuild(lambda done, total: None)
            found = self._query(question, min(limit, self._collection.count()))
        return found

    def _state(self) -> tuple[int, int]:
        """Changes when another connection has written to the database."""
        return generation(self._database), self._database.rows("PRAGMA data_version")[0][0]

    def _reopen(self) -> None:
        """Takes over what was changed elsewhere; what another process is changing right now is left to it."""
        self._close_client()
        try:
            with schema.locked(self._folder):
                self.sync(lambda done, total: None)
        except Busy:
            self._open()
        self._seen = self._state()

    def _query(self, question: "NDArray[np.float32]", limit: int) -> dict[int, float]:
        found = self._collection.query(query_embeddings=[question], n_results=limit, include=["distances"])
        return {int(i): 1 - float(d) for i, d in zip(found["ids"][0], found["distances"][0], strict=True)}

    def cosines(self, question: "NDArray[np.float32]", entries: Sequence[int]) -> dict[int, float]:
        """Entry → cosine, of these entries as far as they have vectors."""
        marks = ", ".join(map(str, map(int, entries)))
        rows = stored(self._database, f"vector.entry IN ({marks})", generation(self._database))
        return {entry: float(vector @ question) for entry, vector in rows}

    def _open(self) -> None:
        """The collection of the generation that is searched."""
        self._collection = self._collection or self._made(generation(self._database))

    def _made(self, number: int) -> Any:
        if self._client is None:
            self._client = _client(self._folder / FOLDER)
        mine = {"corpus": self._database.setting("id")}
        made = self._client.get_or_create_collection(
            f"entries-{number}", embedding_function=None, metadata=mine, configuration={"hnsw": {"space": "cosine"}}
        )
        if (made.metadata or {}).get("corpus") != mine["corpus"]:
            raise ValueError("the index of another corpus")
        return made

    def _tidy(self) -> None:
        """Drops generations that are no longer searched."""
        current = generation(self._database)
        for old in self._client.list_collections():
            if int(old.name.rpartition("-")[2]) < current:
                self._client.delete_collection(old.name)

    def _settle(self, progress: Callable[[int, int], None]) -> None:
        """Tells Chroma what has changed since it was told last."""
        database = self._database
        pending = [number for (number,) in database.rows("SELECT entry FROM pending")]
        for start in range(0, len(pending), BATCH):
            some = pending[start : start + BATCH]
            marks = ", ".join(map(str, some))
            live = dict(stored(database, f"vector.entry IN ({marks}) AND {LIVE}", generation(database)))
            if gone := [str(entry) for entry in some if entry not in live]:
                self._collection.delete(ids=gone)
            _put(self._collection, live)
            with database.writing():
                database.connection.execute(f"DELETE FROM pending WHERE entry IN ({marks})")
            progress(start + len(some), len(pending))

    def _agrees(self) -> bool:
        """Whether Chroma has as many vectors as the database, and can be asked."""
        database = self._database
        where = f"vector.generation = ? AND {LIVE}"
        ((count,),) = database.rows(
            f"SELECT count(*) FROM {JOINED} JOIN vector ON vector.entry = entry.id WHERE {where}", generation(database)
        )
        if self._collection.count() != count:
            return False
        for entry, vector in list(stored(database, LIVE, generation(database), "LIMIT 1")):
            return entry in self._query(vector, min(3, count)) or count > SMALL
        return True

    def _rebuild(self, progress: Callable[[int, int], None]) -> None:
        self.remove()
        self._open()
        last, done, number = 0, 0, generation(self._database)
        while some := self.put(number, last):
            last, done = some[-1], done + len(some)
            progress(done, self.count(number))
        with self._database.writing():
            self._database.connection.execute("DELETE FROM pending")

    def begin(self, number: int) -> int:
        """Makes an empty collection for a generation: over vectors that are there Chroma takes thirty times as long.

        Returns: how many vectors the database has of it.
        """
        if self._made(number).count():
            self._client.delete_collection(f"entries-{number}")
        return self.count(number)

    def put(self, number: int, after: int) -> list[int]:
        """Puts the next vectors of a generation into Chroma, those of entries beyond `after`. Returns the entries."""
        some = f"vector.entry > {after} AND {LIVE}"
        found = dict(stored(self._database, some, number, f"ORDER BY vector.entry LIMIT {BATCH}"))
        _put(self._made(number), found)
        return list(found)

    def count(self, number: int) -> int:
        """How many vectors the database has of a generation."""
        ((count,),) = self._database.rows("SELECT count(*) FROM vector WHERE generation = ?", number)
        return int(count)

    def remove(self) -> None:
        """Lets go of all that Chroma has."""
        self._close_client()
        folder = self._folder / FOLDER
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            folder.unlink(missing_ok=True)

    def _close_client(self) -> None:
        self._collection = None
        if self._client is not None:
            client, self._client = self._client, None
            with suppress(Exception):  # what is broken need not close well
                client.close()

    def close(self) -> None:
        """Closes Chroma and the database."""
        self._close_client()
        if self._corpus is not None:
            self._corpus.close()


def _put(collection: Any, vectors: "Mapping[int, NDArray[np.float32]]") -> None:
    if vectors:
        collection.upsert(ids=[str(entry) for entry in vectors], embeddings=list(vectors.values()))


def _client(folder: Path) -> Any:
    os.environ["ANONYMIZED_TELEMETRY"] = "False"  # before the import, which reads it
    try:
        import chromadb
        from chromadb.config import Settings
    except ImportError as error:
        raise no_extra() from error
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        return chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
    except BaseException:
        chromadb.api.client.SharedSystemClient.clear_system_cache()  # it would give the half-made one again
        raise
