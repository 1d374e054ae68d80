"""What was found in the user's documents for a question: passages, how sure the search is, and the port that searches.

Values and a Protocol only; reading, indexing and searching happen in `llamune.knowledge`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Strength = Literal["strong", "weak", "none"]  # above both thresholds, between them, below the lower one
Retriever = Literal["vector", "keyword", "question"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that may answer a question.

    Args:
        corpus: the collection it comes from.
        path: the file as the user knows it, relative to what was added.
        section: the headings above it, joined by " › "; "" = none.
        text: the piece itself, untouched.
        chunk: its key in the corpus, the same until the text changes.
        page: in a paged document, counted from 1.
        date: ISO date of the document, "" = not known.
        score: the higher the better; comparable within one corpus and embedder only.
        ranks: retriever → place in its own list, from 1.
        matched: words of the question that stand in the text.
    """

    corpus: str
    path: str
    section: str
    text: str
    chunk: str
    page: int | None = None
    date: str = ""
    score: float = 0.0
    ranks: Mapping[Retriever, int] = field(default_factory=dict)
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of one search.

    Args:
        question: what was searched for; differs from what was asked where a follow-up was rewritten.
        passages: for the model, best first, duplicates collapsed.
        strength: "none" = the answer is not in the corpora as far as the search can tell.
        thresholds: lower and upper score between which matches are weak.
        hits: all that was looked at, best first, the passages among them.
        notes: what the user should know (the embedding model is gone, the index is being renewed …).
    """

    question: str
    passages: tuple[Passage, ...] = ()
    strength: Strength = "none"
    thresholds: tuple[float, float] = (0.0, 0.0)
    hits: tuple[Passage, ...] = ()
    notes: tuple[str, ...] = ()


class Knowledge(Protocol):
    """The collections of documents of this user."""

    async def corpora(self) -> tuple[str, ...]:
        """The names of all collections."""
        ...

    async def search(self, question: str, corpora: Sequence[str], history: Sequence[str] = (), limit: int = 5) -> Found:
        """The passages that may answer `question`.

        Args:
            corpora: names; searched together.
            history: the questions asked before in this conversation, oldest first, to complete a follow-up.

        Raises: KnowledgeError for a corpus that does not exist or cannot be read.
        """
        ...
