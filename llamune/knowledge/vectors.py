"""The vectors of a corpus as the database keeps them: by generation, one for each entry, in half precision.

Searching them is `chroma.py`'s. Nothing here needs Chroma.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from llamune.knowledge.corpus import Corpus
from llamune.knowledge.entries import embedded
from llamune.knowledge.schema import JOINED, LIVE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def generation(corpus: Corpus) -> int:
    """The generation of vectors that is searched; 0 = there are none."""
    return int((corpus.setting("embedder") or {}).get("generation", 0))


def unembedded(corpus: Corpus, wanted: int, after: int, limit: int) -> list[tuple[int, str]]:
    """Live entries beyond number `after` that have no vector of generation `wanted`, with the text to embed."""
    rows = corpus.rows(
        f"SELECT entry.id, question, context, chunk.text FROM {JOINED} WHERE {LIVE} AND entry.id > ? AND NOT EXISTS"
        " (SELECT 1 FROM vector WHERE vector.entry = entry.id AND generation = ?) ORDER BY 1 LIMIT ?",
        after,
        wanted,
        limit,
    )
    return [(entry, embedded(asked, context, text)) for entry, asked, context, text in rows]


def store(corpus: Corpus, wanted: int, entries: Sequence[int], vectors: "NDArray[np.float32]") -> None:
    """Keeps vectors of a generation; an entry that is gone by now is left out."""
    import numpy as np

    rows = [(wanted, e, np.asarray(v, np.float16).tobytes(), e) for e, v in zip(entries, vectors, strict=True)]
    with corpus.writing():
        corpus.connection.executemany(
            "INSERT OR REPLACE INTO vector SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM entry WHERE id = ?)", rows
        )
        if wanted == generation(corpus):
            ids = json.dumps(list(entries))
            corpus.connection.execute("INSERT OR IGNORE INTO pending SELECT value FROM json_each(?)", (ids,))


def missing(corpus: Corpus, wanted: int) -> int:
    """How many live entries have no vector of generation `wanted`."""
    ((count,),) = corpus.rows(
        f"SELECT count(*) FROM {JOINED} LEFT JOIN vector ON vector.entry = entry.id AND generation = ?"
        f" WHERE {LIVE} AND data IS NULL",
        wanted,
    )
    return int(count)


def pending(corpus: Corpus) -> int:
    """How many entries Chroma may not have yet, or still has."""
    ((count,),) = corpus.rows("SELECT count(*) FROM pending")
    return int(count)


def stored(corpus: Corpus, where: str, number: int, rest: str = "") -> "Iterator[tuple[int, NDArray[np.float32]]]":
    import numpy as np

    for entry, data in corpus.rows(
        f"SELECT vector.entry, data FROM {JOINED} JOIN vector ON vector.entry = entry.id"
        f" WHERE generation = ? AND {where} {rest}",
        number,
    ):
        yield entry, np.frombuffer(data, np.float16).astype(np.float32)
