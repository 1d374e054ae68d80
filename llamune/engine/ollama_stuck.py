"""Gets an Ollama server out of a state that our leaving can bring it into.

Measured on 0.34.4, and visible in its source: when a client leaves while the engine has tokens ready, the handler stops
reading the channel that the engine's goroutine writes to; that goroutine keeps the model's only place for ever, and
every later question waits without a byte. Seen once in 25 to 50 times with models of hundreds of tokens a second.
Unloading the model helps, but only while nobody waits for it. So a question that follows one that we left, and waits
longer than reading its prompt could take, is taken back, the model unloaded, and the question sent again, once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from llamune.chat.model import LoadedModel

PATIENCE_S: Final = 20.0
SLOWEST_TOKENS_PER_S: Final = 20.0  # of reading a prompt on a CPU
LOOK_S: Final = 0.1
LOOKS: Final = 100


class Leavings:
    """The models whose last answer we left before its end.

    Args:
        patience_s: seconds that a question without a prompt may wait.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._left: set[str] = set()

    def left(self, model: str) -> None:
        self._left.add(model)

    def answered(self, model: str) -> None:
        self._left.discard(model)

    def patience_s(self, model: str, tokens: int) -> float | None:
        """Seconds that the next question may wait for its first byte; None = for ever."""
        return self._patience_s + tokens / SLOWEST_TOKENS_PER_S if model in self._left else None


async def until_gone(model: str, loaded: Callable[[], Awaitable[tuple[LoadedModel, ...]]]) -> None:
    """Waits, a few seconds at most, until the server has let the model go."""
    for _n in range(LOOKS):
        if model not in {m.name for m in await loaded()}:
            return
        await asyncio.sleep(LOOK_S)
