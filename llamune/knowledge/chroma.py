"""The vector index of a corpus for the rest of the program: one thread owns Chroma and a connection of its own.

What is done there is `index.py`'s. May be called from any event loop; what is asked waits for what is being done.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from llamune.errors import KnowledgeError, LlamuneError
from llamune.i18n import _
from llamune.knowledge.index import Index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAREST = 100
PATIENCE = 10.0  # seconds that a search waits for an index that is being made again
T = TypeVar("T")


class Broken(KnowledgeError):
    """Chroma cannot be used, or its folder."""


class Vectors:
    """The vector index of one corpus.

    Args:
        folder: the folder of the corpus.
    """

    def __init__(self, folder: Path) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chroma")
        self._folder, self._index = folder, Index(folder)

    async def sync(self, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Brings Chroma to where the database is; after a crash too. Raises KnowledgeError."""
        await self._call(self._index.sync, progress)

    async def prepare(self, number: int, progress: Callable[[int, int], None]) -> None:
        """Puts all vectors of a generation that is not searched yet into Chroma; searches come in between.

        Raises: KnowledgeError.
        """
        try:
            await self._put(number, progress)
        except Broken:
            await self._call(self._index.remove)
            await self._put(number, progress)

    async def nearest(self, question: "NDArray[np.float32]", limit: int = NEAREST) -> dict[int, float]:
        """Entry → cosine, of the nearest. Raises KnowledgeError, also while a large index is being made again."""
        work = asyncio.ensure_future(self._call(self._index.nearest, question, limit))
        work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # it may end unheard
        done, _waiting = await asyncio.wait([work], timeout=PATIENCE)
        if not done:
            raise KnowledgeError(_("The index is being made again: keyword search only for the moment."))
        return work.result()

    async def cosines(self, question: "NDArray[np.float32]", entries: Sequence[int]) -> dict[int, float]:
        """Entry → cosine, of these entries as far as they have vectors."""
        return await self._call(self._index.cosines, question, entries)

    async def aclose(self) -> None:
        await self._call(self._index.close)
        self._thread.shutdown()

    async def _put(self, number: int, progress: Callable[[int, int], None]) -> None:
        total, last, done = await self._call(self._index.begin, number), 0, 0
        while some := await self._call(self._index.put, number, last):
            last, done = some[-1], done + len(some)
            progress(done, total)

    async def _call(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translated, work, *args)

    def _translated(self, work: Callable[..., T], *args: object) -> T:
        try:
            return work(*args)
        except LlamuneError:
            raise
        except BaseException as error:  # Chroma's core panics with what is no Exception
            told = _("The vector index of {name} cannot be used: {reason}")
            raise Broken(told.format(name=self._folder.name, reason=error)) from error
