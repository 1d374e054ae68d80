"""One list of models over all engines, and the way from a name to the engine that has it.

An engine that cannot be reached is no error here: the others go on, and `problems` says what it said. A name is looked
up on the engines that know their models without asking anybody, then on a server, with one small question. It does not
choose a model for the user and loads none.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from llamune.address import Address
from llamune.chat.model import LoadedModel, ModelInfo
from llamune.chat.ports import Engine
from llamune.engine.embedded import EmbeddedEngine
from llamune.engine.faults import model_not_found
from llamune.engine.http import Check, allow_all
from llamune.engine.ollama import OllamaEngine
from llamune.engine.ollama_serve import OllamaServer, Starter
from llamune.errors import EngineError, near
from llamune.i18n import _
from llamune.paths import Paths, shipped


class Source(Engine, Protocol):
    """An engine as the catalogue needs it: it can also look up one name, and load before it is asked."""

    def names(self) -> tuple[str, ...]:
        """The models it knows without asking anybody."""
        ...

    async def find(self, name: str) -> ModelInfo | None:
        """One model by its exact name, or None."""
        ...

    async def alias(self, model: str, name: str) -> None:
        """Gives a model another name, without a copy of its weights."""
        ...

    async def preload(self, model: str, num_ctx: int) -> None:
        """Loads a model so that the next chat with that context does not wait."""
        ...


class Wishes(Protocol):
    """The settings that concern engines."""

    @property
    def ollama_host(self) -> str: ...
    @property
    def start_ollama(self) -> bool: ...
    @property
    def embedded_idle(self) -> int: ...


class Catalog:
    """All engines.

    Args:
        engines: in the order that decides when two have a model of the same name.
        server: starts an Ollama server where none runs, None = never.
    """

    def __init__(self, engines: Sequence[Source], server: OllamaServer | None = None) -> None:
        self.engines, self._server = tuple(engines), server
        self.ollama = next((e for e in engines if isinstance(e, OllamaEngine)), None)
        self.problems: dict[str, EngineError] = {}
        self._models: tuple[ModelInfo, ...] | None = None
        self._found: dict[str, ModelInfo] = {}

    async def models(self, *, refresh: bool = False) -> tuple[ModelInfo, ...]:
        """Every usable model; one that two engines have is that of the first. Asks again only when told to."""
        if self._models is None or refresh:
            lists = await asyncio.gather(*map(self._ask, self.engines))
            merged = {m.name: m for found in reversed(lists) for m in reversed(found)}
            order = dict.fromkeys(m.name for found in lists for m in found)
            self._models, self._found = tuple(merged[name] for name in order), {}
        return self._models

    async def find(self, name: str) -> tuple[Source, ModelInfo]:
        """The engine and the model for a name as typed.

        A missing ":latest" and a missing end are filled in where that leaves one model only.

        Raises: ModelNotFound with near matches; EngineUnreachable when nothing was found and an engine did not answer.
        """
        info = self._found.get(name) or await self._exact(name) or await self._unique(name)
        self._found[name] = info
        return self.engine(info.engine), info

    def engine(self, name: str) -> Source:
        """The engine called "ollama", "embedded" or "scripted"."""
        return next(engine for engine in self.engines if engine.name == name)

    def engine_for(self, name: str) -> Source:
        """The engine that a name belongs to, without asking any server: a registered one, else the last."""
        for engine in self.engines:
            if name in engine.names():
                return engine
        return self.engines[-1]

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What all engines that answer hold in memory."""
        results = await asyncio.gather(*(e.loaded() for e in self.engines), return_exceptions=True)
        return tuple(model for found in results if not isinstance(found, BaseException) for model in found)

    async def preload(self, name: str, num_ctx: int) -> None:
        """Loads a model in the background; a wish, so an engine's failure is not told here."""
        try:
            engine, info = await self.find(name)
            await engine.preload(info.name, num_ctx)
        except EngineError:
            return

    async def server_version(self) -> str | None:
        """The version of the Ollama server, None where none answers."""
        try:
            return await self.ollama.version() if self.ollama else None
        except EngineError as error:
            self.problems["ollama"] = error
            return None

    async def ensure_server(self) -> bool:
        """Starts an installed Ollama where none answers; says whether one answers now. Raises EngineError: it died."""
        started = await self._server.ensure_running() if self._server else False
        if started:
            self._models = None
        return started

    def forget(self) -> None:
        """Something was installed or removed: ask again next time."""
        self._models, self._found = None, {}

    async def aclose(self) -> None:
        """Ends every engine, and the server where we started it."""
        await asyncio.gather(*(engine.aclose() for engine in self.engines), return_exceptions=True)
        if self._server:
            await self._server.aclose()

    async def _exact(self, name: str) -> ModelInfo | None:
        known = {m.name: m for m in self._models or ()}
        for spelling in (name, f"{name}:latest"):
            if spelling in known:
                return known[spelling]
        own = self.engine_for(name)
        for engine in dict.fromkeys((own, *self.engines)):
            try:
                if info := await engine.find(name):
                    return info
            except EngineError as error:
                if engine is own and engine is not self.engines[-1]:
                    raise  # it is registered here, and something is wrong with it
                self.problems[engine.name] = error
        return None

    async def _unique(self, name: str) -> ModelInfo:
        models = await self.models(refresh=True)
        folded = name.casefold()
        matches = [m for m in models if m.name.casefold() == folded] or [
            m for m in models if folded and m.name.casefold().startswith(folded)
        ]
        if len(matches) == 1:
            return matches[0]
        if not near(name, (m.name for m in models)):
            for problem in self.problems.values():  # it may be there, and be unknown only because of this
                raise type(problem)(_("{name} is not known: ").format(name=name) + problem.message, problem.hint)
        raise model_not_found(name, (m.name for m in models))

    async def _ask(self, engine: Source) -> tuple[ModelInfo, ...]:
        try:
            found = await engine.models()
        except EngineError as error:
            self.problems[engine.name] = error
            return ()
        self.problems.pop(engine.name, None)
        return found


def build(
    settings: Wishes,
    paths: Paths,
    *,
    scripted: bool = False,
    check: Check = allow_all,
    environment: Mapping[str, str] | None = None,
    starter: Starter | None = None,
) -> Catalog:
    """The engines of one home folder. Touches no network and starts nothing. Raises SettingsError for a bad address."""
    address = Address.parse(settings.ollama_host)
    embedded = EmbeddedEngine(paths.models, shipped("guide"), idle_s=settings.embedded_idle, check=check)
    engines: list[Source] = [embedded, OllamaEngine(address, check)]
    if scripted:
        from llamune.engine.scripted import ScriptedEngine  # nobody else needs it

        engines.insert(0, ScriptedEngine())
    server = OllamaServer(address, paths.home / "logs" / "ollama.log", environment or os.environ, check, starter)
    return Catalog(engines, server if settings.start_ollama else None)
