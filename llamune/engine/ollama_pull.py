"""Lets an Ollama server download a model: the one request that makes it call the internet, so the user must allow it.

Nothing leaves from this process, the server downloads, and it checks every layer's hash. What it has it keeps: when the
connection to it breaks, or the user stops and comes back, it goes on where it was. There is no time limit.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final

from llamune.chat.ports import Progress
from llamune.engine.faults import short
from llamune.engine.http import ConnectionBroken, Http, HttpError
from llamune.engine.ndjson import objects
from llamune.engine.ollama_errors import refusal, said_in, translated
from llamune.engine.ollama_wire import text, whole
from llamune.errors import EngineError, ModelNotFound
from llamune.i18n import _

TRIES: Final = 5  # in a row in which nothing more came
PAUSE_S: Final = 1.0
ERROR_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class Layers:
    """How far a download is: bytes there and bytes in all, by digest."""

    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    most: int = 0  # that was ever there: a new try counts from the beginning

    @property
    def done(self) -> int:
        return sum(done for done, _total in self.sizes.values())

    @property
    def total(self) -> int:
        return sum(total for _done, total in self.sizes.values())

    def take(self, step: dict[str, Any], progress: Progress) -> None:
        """Counts one line of the server."""
        if digest := text(step, "digest"):
            self.sizes[digest] = whole(step, "completed"), whole(step, "total")
            self.most = max(self.most, self.done)
            progress(_("downloading"), self.done, self.total)
        else:
            progress(text(step, "status"), 0, 0)


async def pull(http: Http, where: str, model: str, progress: Progress, pause_s: float = PAUSE_S) -> None:
    """Downloads a model.

    Args:
        where: the server's address, for messages.
        pause_s: between two tries.

    Raises: EngineUnreachable, ModelNotFound, EngineRefused, EngineError.
    """
    layers, tries = Layers(), TRIES
    with translated(where):
        while True:
            had = layers.most
            try:
                return await _once(http, model, layers, progress)
            except HttpError:
                tries = TRIES if layers.most > had else tries - 1
                if not tries or not layers.sizes:
                    raise
            progress(_("the connection broke, going on"), layers.done, layers.total)
            await asyncio.sleep(pause_s)


async def _once(http: Http, model: str, layers: Layers, progress: Progress) -> None:
    async with http.request("POST", "/api/pull", {"model": model, "stream": True}) as exchange:
        if await exchange.head() != 200:
            raise refusal(exchange.status, await exchange.read(ERROR_BYTES), model)
        async with aclosing(objects(exchange.pieces())) as steps:
            async for step in steps:
                if "error" in step:
                    raise _failed(said_in(step), model)
                if text(step, "status") == "success":
                    return
                layers.take(step, progress)
    raise ConnectionBroken("no end")


def _failed(said: str, model: str) -> EngineError:
    if "does not exist" in said or "not found" in said:
        return ModelNotFound(
            _("The library that Ollama asks has no {model}.").format(model=model),
            _("Look at the spelling. From a file: llamune models import FILE.gguf --name NAME"),
        )
    return EngineError(
        _("Ollama could not download {model}: {said}").format(model=model, said=short(said)),
        _("What came is kept; the same command goes on. From a file: llamune models import FILE.gguf --name NAME"),
    )
