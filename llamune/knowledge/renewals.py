"""New indexes that are made behind the chat, one after the other, and how far each is.

The work itself is the shelf's, in a thread; here are the tasks that wait for it. Nothing is drawn.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from llamune.errors import LlamuneError, UsageError
from llamune.i18n import _

if TYPE_CHECKING:
    from llamune.knowledge.shelf import Shelf

PARTS: Final[Mapping[str, tuple[int, int]]] = {  # of the work, in percent: where each step begins and ends, about
    "fit": (0, 10), "embed": (10, 80), "index": (80, 95), "measure": (95, 99),
}  # fmt: skip


@dataclass(slots=True)
class Renewal:
    """An index that is being made. `embedder`: the one that was asked for, "" = as before; `made`: whether there
    is another index now, at its end; `began`: monotonic."""

    corpus: str
    embedder: str = ""
    percent: int = 0
    made: bool = False
    began: float = field(default_factory=time.monotonic)

    @property
    def command(self) -> str:
        """What begins it again, or goes on."""
        return f"/knowledge reindex {self.corpus} {self.embedder}".rstrip()

    def step(self, what: str, done: int, total: int) -> None:
        """Told of progress, from any thread."""
        first, last = PARTS[what]
        self.percent = first + (last - first) * done // max(1, total)


class Renewals:
    """The new indexes of one chat; owns their tasks.

    Args:
        shelf: gives the collections.
        ended: told of one that is complete, or of the error that ended it; not of one that was stopped.
        changed: called when there is one more, or one less.
    """

    def __init__(
        self,
        shelf: "Callable[[], Awaitable[Shelf]]",
        ended: Callable[[Renewal, Exception | None], None],
        changed: Callable[[], None],
    ) -> None:
        self._shelf, self._ended, self._changed = shelf, ended, changed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()  # each works with all there is: several at once would only be slower
        self.open: dict[str, Renewal] = {}

    def start(self, corpus: str, embedder: str = "") -> None:
        """Begins one, or goes on with one that was begun. Raises UsageError when one is being made already."""
        if corpus in self.open:
            raise UsageError(_("{name} is getting a new index already.").format(name=corpus), f"/stop {corpus}")
        renewal = self.open[corpus] = Renewal(corpus, embedder)
        self._tasks[corpus] = asyncio.create_task(self._follow(renewal), name=f"index of {corpus}")
        self._changed()

    def stop(self, corpus: str | None = None) -> list[str]:
        """Stops one, or all; what is done is kept. Returns their names."""
        stopped = [name for name in self.open if corpus in (None, name) and not self._tasks[name].cancelling()]
        for name in stopped:
            self._tasks[name].cancel()
        return stopped

    async def aclose(self) -> None:
        """Stops all of them, and waits for that."""
        self.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _follow(self, renewal: Renewal) -> None:
        failed: Exception | None = None
        try:
            async with self._turn:
                renewal.began = time.monotonic()
                await self._renew(renewal)
        except Exception as error:
            failed = error
        finally:
            del self.open[renewal.corpus], self._tasks[renewal.corpus]
            self._changed()
        self._ended(renewal, failed)

    async def _renew(self, renewal: Renewal) -> None:
        shelf = await self._shelf()
        try:
            renewal.made = await shelf.renew(renewal.corpus, renewal.step, renewal.embedder)
        except LlamuneError:
            for stale in await shelf.stale([renewal.corpus]):
                renewal.embedder = stale.embedder or renewal.embedder
            raise
