"""An embedding model of an engine (Ollama, or a GGUF file in the built-in one): asked in batches, never truncated."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from llamune.chat.model import ModelInfo
from llamune.errors import ContextOverflow, EngineError, EngineRefused, KnowledgeError
from llamune.i18n import _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

BATCH = 16  # texts of one request: seconds on a processor, so that Ctrl-C is quick
LARGEST = 320  # tokens of a piece: larger ones blur what a vector says
ATTEMPTS = 6  # halvings of a text that the server finds too long


class Source(Protocol):
    """An engine as far as it is needed here."""

    async def find(self, name: str) -> ModelInfo | None: ...
    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]: ...


class Models(Protocol):
    """Where models are found: the catalogue of all engines."""

    async def find(self, name: str) -> tuple[Source, ModelInfo]: ...


class EngineEmbedder:
    """A model by name.

    Args:
        model: as the user wrote it.
        info: what the engine said about it.
    """

    def __init__(self, engine: Source, info: ModelInfo) -> None:
        self._engine, self._info = engine, info
        self.name = f"ollama:{info.name}"
        self.size = max(16, min(LARGEST, (info.context_length or LARGEST) - 8))

    @classmethod
    async def open(cls, model: str, models: Models) -> "EngineEmbedder":
        """Raises KnowledgeError where there is no such model, or it cannot embed."""
        try:
            engine, info = await models.find(model)
        except EngineError as error:
            raise KnowledgeError(error.message, error.hint) from error
        if info.capabilities and "embedding" not in info.capabilities:
            raise KnowledgeError(
                _("{model} cannot make embeddings.").format(model=info.name),
                _("llamune models list shows what each model can do; “builtin” needs no model."),
            )
        return cls(engine, info)

    def count(self, text: str) -> int:
        """A token per character outside ASCII, and one per two characters within: what tokenizers need at most, but
        for rare signs; those the server refuses, and `_embed` halves the text."""
        wide = sum(char > "\x7f" for char in text)
        return wide + (len(text) - wide + 1) // 2

    async def digest(self) -> str:
        try:
            now = await self._engine.find(self._info.name)
        except EngineError as error:
            raise KnowledgeError(error.message, error.hint) from error
        if now is None:
            raise KnowledgeError(_("The model {name} is gone.").format(name=self._info.name))
        return now.digest

    async def documents(self, texts: Sequence[str]) -> "Matrix":
        import numpy as np

        rows = [await self._embed(list(texts[i : i + BATCH])) for i in range(0, len(texts), BATCH)]
        return np.concatenate(rows) if rows else np.zeros((0, 1), np.float32)

    async def question(self, text: str) -> "Matrix":
        vector: Matrix = (await self.documents([text]))[0]
        return vector

    async def _embed(self, texts: list[str], attempts: int = ATTEMPTS) -> "Matrix":
        import numpy as np

        from llamune.knowledge.embedders.builtin import unit

        try:
            return unit(np.array(await self._engine.embed(self._info.name, texts), np.float32))
        except (ContextOverflow, EngineRefused) as error:
            if not attempts:
                raise KnowledgeError(error.message, error.hint) from error
        except EngineError as error:
            raise KnowledgeError(error.message, error.hint) from error
        await asyncio.sleep(0)
        if len(texts) > 1:  # one of them is too long
            return np.concatenate([await self._embed([text], attempts) for text in texts])
        half = len(texts[0]) // 2
        parts = await self._embed([texts[0][:half], texts[0][half:]], attempts - 1)
        return unit(parts.mean(axis=0, keepdims=True))
