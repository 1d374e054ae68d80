"""The embedder that needs no download: latent semantic vectors over pieces of words, fitted on the corpus itself.

TF-IDF over single characters, pairs and triples (hiragana alone left out), then a truncated singular value
decomposition: texts whose pieces occur in the same company come near each other, also without a common piece
(Deerwester et al. 1990; randomised after Halko, Martinsson, Tropp 2011). It knows nothing that the corpus does not.
"""

import asyncio
import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llamune.knowledge.embedders import BUILT_IN
from llamune.knowledge.terms import telling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    Matrix = NDArray[np.float32]

SIZE = 180  # characters with the headings: about 100 of text, the size that was measured
DIMENSIONS = 128
FEATURES = 20_000  # pieces that are looked at, the most frequent ones
SAMPLE = 10_000  # texts it is fitted on, evenly taken
ROUNDS = 3  # of the randomised decomposition
FEW = 1000  # texts for which the decomposition is exact
SEED = 7  # the same texts give the same vectors


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted model as bytes.

    Args:
        terms: one per line.
        weights: float32, inverse document frequency of each term.
        basis: float16, a row per term.
    """

    terms: str
    weights: bytes
    basis: bytes


class BuiltIn:
    """The fitted embedder. An unfitted one (`model` None) only counts."""

    name = BUILT_IN
    size = SIZE

    def __init__(self, model: Model | None = None) -> None:
        self._model = model
        if model:
            import numpy as np

            self._index = {term: n for n, term in enumerate(model.terms.split("\n"))}
            self._weights = np.frombuffer(model.weights, np.float32)
            self._basis = np.frombuffer(model.basis, np.float16).astype(np.float32).reshape(len(self._index), -1)

    def count(self, text: str) -> int:
        return len(text)

    async def digest(self) -> str:
        return hashlib.sha256(self._model.basis).hexdigest()[:16] if self._model else ""

    async def documents(self, texts: Sequence[str]) -> "Matrix":
        return await asyncio.to_thread(self._embed, texts)

    async def question(self, text: str) -> "Matrix":
        vector: Matrix = (await self.documents([text]))[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> "Matrix":
        import numpy as np

        made = np.zeros((len(texts), self._basis.shape[1]), np.float32)
        for row, text in enumerate(texts):
            where, values = _weighted(Counter(telling(text)), self._index, self._weights)
            made[row] = values @ self._basis[where]
        return unit(made)


def fit(texts: Sequence[str], step: Callable[[int, int], None]) -> Model:
    """A model of these texts; takes seconds, so call it in a thread.

    Args:
        step: told how much is done, of how much; what it raises ends the work.
    """
    import numpy as np

    sample, counted = texts[:: max(1, len(texts) // SAMPLE)], list[Counter[str]]()
    for text in sample:
        step(len(counted), 2 * len(sample))
        counted.append(Counter(telling(text)))
    found = Counter(term for counts in counted for term in counts)
    least = 2 if len(sample) > 2000 else 1
    index = {term: n for n, (term, count) in enumerate(found.most_common(FEATURES)) if count >= least}
    index = index or {"": 0}
    counts = np.array([found[term] for term in index], np.float32)
    weights = np.log((1 + len(sample)) / (1 + counts)) + 1
    matrix = _sparse(counted, index, weights.astype(np.float32))
    basis = _basis(matrix, min(DIMENSIONS, max(1, len(sample) // 3)), lambda n: step(ROUNDS + n, 2 * ROUNDS))
    return Model("\n".join(index), weights.astype(np.float32).tobytes(), basis.astype(np.float16).tobytes())


def unit(matrix: "Matrix") -> "Matrix":
    """Rows of length 1; a row of zeros stays."""
    import numpy as np

    length = np.linalg.norm(matrix, axis=-1, keepdims=True)
    return np.asarray(matrix / np.where(length == 0, 1, length), np.float32)


def _weighted(counts: Counter[str], index: dict[str, int], weights: "Matrix") -> "tuple[NDArray[np.int32], Matrix]":
    """The terms of a text that the model knows, with their weights in it: a vector of length 1."""
    import numpy as np

    known = [(index[term], count) for term, count in counts.items() if term in index]
    where = np.array([term for term, _count in known], np.int32)
    values = (1 + np.log(np.array([count for _term, count in known], np.float32))) * weights[where]
    return where, values / (np.linalg.norm(values) or 1.0)


def _sparse(counted: Sequence[Counter[str]], index: dict[str, int], weights: "Matrix") -> "csr_matrix":
    """A row of length 1 for each text. NumPy comes after the loop: in it, it would let go of the interpreter for so
    short times that no other thread ever gets it."""
    import numpy as np
    from scipy.sparse import csr_matrix

    columns, amounts, ends = array("i"), array("f"), [0]
    for counts in counted:
        for term, count in counts.items():
            if (column := index.get(term)) is not None:
                columns.append(column)
                amounts.append(count)
        ends.append(len(columns))
    where = np.array(columns, np.int32)
    values = (1 + np.log(np.array(amounts, np.float32))) * weights[where]
    row = np.repeat(np.arange(len(counted)), np.diff(ends))
    length = np.sqrt(np.bincount(row, values**2, len(counted)))
    return csr_matrix(((values / length[row]).astype(np.float32), where, ends), shape=(len(counted), len(index)))


def _basis(matrix: "csr_matrix", dimensions: int, step: Callable[[int], None]) -> "Matrix":
    """The right singular vectors of the largest singular values, a column each; exact for few texts."""
    import numpy as np

    if matrix.shape[0] <= FEW:
        return _singular((matrix @ matrix.T).toarray(), matrix.T, dimensions)
    random = np.random.default_rng(SEED)
    probe = random.standard_normal((matrix.shape[0], dimensions + 16)).astype(np.float32)
    for number in range(ROUNDS):
        step(number)
        probe = matrix @ (matrix.T @ probe)
        probe = _singular(probe.T @ probe, probe, probe.shape[1])
    wide = matrix.T @ probe  # a narrow matrix with about the same singular vectors
    return _singular(wide.T @ wide, wide, dimensions)


def _singular(square: "Matrix", of: Any, count: int) -> "Matrix":
    """The left singular vectors of `of`, whose Gram matrix is `square`: a small matrix, quicker than QR and SVD."""
    import numpy as np

    values, vectors = np.linalg.eigh(square.astype(np.float64))
    strong = [n for n in np.argsort(-values)[:count] if values[n] > 1e-9 * values[-1]]
    return np.asarray(of @ (vectors[:, strong] / np.sqrt(values[strong])), np.float32)
