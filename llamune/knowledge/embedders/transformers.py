"""A sentence-transformers model from a folder on this machine (extra `embed`). Nothing is ever fetched."""

import asyncio
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llamune.errors import KnowledgeError
from llamune.i18n import _

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

LARGEST = 320  # tokens of a piece
OFFLINE = (
    "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_DISABLE_PROGRESS_BARS"
)  # fmt: skip
PARTS = (".safetensors", ".bin", ".json", ".txt", ".model")  # of a model; no documentation
PLACES, PIECE = 16, 1 << 16  # of a file that are looked at; bytes of each


class FolderEmbedder:
    """The model in `folder`. Raises KnowledgeError where there is none, or the extra is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()
        self.name = f"folder:{self._folder}"
        with self._translated():
            there = any((self._folder / name).is_file() for name in ("config.json", "modules.json"))
        if not there:
            raise KnowledgeError(_("{path} holds no sentence-transformers model.").format(path=self._folder))
        os.environ.update(dict.fromkeys(OFFLINE, "1"))  # before the import, which reads them
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar
        except ImportError as error:
            raise KnowledgeError(
                _("This needs more packages: pip install 'llamune[embed]'."),
                _("Without network: make bundle on another machine, then pip install --no-index --find-links FOLDER."),
            ) from error
        disable_progress_bar()  # the switch above is too late where somebody imported it before
        with self._translated():
            self._model: Any = SentenceTransformer(str(self._folder), local_files_only=True, trust_remote_code=False)
        self.size = max(16, min(LARGEST, self._model.max_seq_length or LARGEST))

    def count(self, text: str) -> int:
        return len(self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    async def digest(self) -> str:
        return await asyncio.to_thread(self._digest)

    async def documents(self, texts: Sequence[str]) -> "Matrix":
        return await asyncio.to_thread(self._embed, self._model.encode_document, list(texts))

    async def question(self, text: str) -> "Matrix":
        vector: Matrix = (await asyncio.to_thread(self._embed, self._model.encode_query, [text]))[0]
        return vector

    def _embed(self, encode: Any, texts: list[str]) -> "Matrix":
        import numpy as np

        with self._translated():
            return np.asarray(encode(texts, normalize_embeddings=True, show_progress_bar=False), np.float32)

    def _digest(self) -> str:
        """Names and sizes of the files that make the model, and samples of them: the contents are gigabytes."""
        found = hashlib.sha256()
        with self._translated():
            for path in sorted(self._folder.rglob("*")):
                if path.name.endswith(PARTS) and path.is_file():
                    size = path.stat().st_size
                    found.update(f"{path.relative_to(self._folder)}\0{size}\0".encode())
                    with path.open("rb") as file:
                        for place in range(0, size, max(PIECE, size // PLACES)):
                            file.seek(place)
                            found.update(file.read(PIECE))
        return found.hexdigest()[:16]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What the file system, torch and the model's own code raise."""
        try:
            yield
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = getattr(error, "strerror", None) or error
            raise KnowledgeError(
                _("{path} cannot be used: {reason}").format(path=self._folder, reason=reason)
            ) from error
