"""What makes vectors of texts, behind one port: the built-in one, an Ollama model, a sentence-transformers folder.

A corpus remembers which one made its vectors, and its digest; another one, or another digest, means another generation
of vectors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUILT_IN = "builtin"
NONE = "none"  # keyword search alone


class Embedder(Protocol):
    """Makes vectors of length 1. Every method but `count` raises KnowledgeError when the model is gone."""

    @property
    def name(self) -> str:
        """As the user writes it: "builtin", "ollama:NAME", "folder:PATH"."""
        ...

    @property
    def size(self) -> int:
        """Largest number of its tokens that a piece of a document should have."""
        ...

    def count(self, text: str) -> int:
        """Tokens of a text; may be too many, never too few."""
        ...

    async def digest(self) -> str:
        """Changes when the model behind the name does."""
        ...

    async def documents(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """One row per text; nothing is cut."""
        ...

    async def question(self, text: str) -> "NDArray[np.float32]":
        """The vector of a question."""
        ...
