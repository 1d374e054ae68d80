"""Builds everything and owns how long it lives: settings, presets, state, engines, store.

Two steps: making an `App` reads small files only; `load` imports the heavy parts and opens the database. The chat does
both in a thread behind the first paint.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from llamune import files, i18n, presets
from llamune.chat.blind import Blind
from llamune.chat.conversation import Conversation
from llamune.chat.model import ModelInfo
from llamune.chat.ports import Store
from llamune.chat.preset import Preset
from llamune.chat.scheduler import DEFAULT_LIMIT, Slots, allowed, need
from llamune.chat.session import ChatSession
from llamune.errors import LlamuneError, SettingsError
from llamune.i18n import _
from llamune.library import Library
from llamune.listed import at_home, engine_port, policy
from llamune.network import guard, remote, sealed
from llamune.network.counts import Snapshot
from llamune.paths import Paths, shipped
from llamune.settings import Settings
from llamune.state import State, memory

if TYPE_CHECKING:
    from llamune.engine.catalog import Catalog
    from llamune.knowledge.intranet import Intranet
    from llamune.network.chain import Place
    from llamune.network.evidence import Recorder
    from llamune.network.meter import Meter

FIRST_PRESET = "balanced"
LOG_SIZE = 1_000_000  # bytes; one older file is kept


class App:
    """One running Llamune.

    Args:
        settings: as loaded by `settings.load`.
        scripted: adds the scripted engine, whose models fail in documented ways (for trying things out).
    """

    def __init__(self, settings: Settings, paths: Paths, *, scripted: bool = False) -> None:
        i18n.install(settings.language)
        self.paths = paths
        self.state = State.load(paths.state)
        self.settings, strays = at_home(settings, paths)
        self.presets: dict[str, Preset] = {}  # the same object for the whole run: conversations hold it
        self.problems: tuple[LlamuneError, ...] = (*self.load_presets(), *strays)
        self.policy = sealed.current().policy or policy(self.settings)
        self._meter: Meter | remote.Meter | None = None
        self._evidence: Recorder | None = None
        self._intranet: Intranet | None = None
        self.noted: Place | None = None  # how far the evidence goes, once this run has ended
        self.slots = Slots(sign=lambda: files.held(paths.busy))
        self.blind = Blind()
        self.library = Library(
            paths, lambda: self.settings, lambda: self._store, self.open_catalog, scripted=scripted
        )  # fmt: skip
        self.findings: dict[int, tuple[str, ...]] = {}  # of this run's judges, by answer
        self._scripted = scripted
        self._store: Store | None = None
        self._catalog: Catalog | None = None

    @property
    def store(self) -> Store:
        assert self._store is not None, "load() comes first"  # a mistake of ours, never of the user
        return self._store

    @property
    def catalog(self) -> "Catalog":
        assert self._catalog is not None, "load() comes first"
        return self._catalog

    def load_presets(self) -> tuple[SettingsError, ...]:
        """Reads the presets: shipped ones, those of the recommended set in force, and the user's own, which win.

        Returns: what is wrong with files that were left out.
        """
        found = presets.load([shipped("presets"), self.paths.presets])
        self.presets.clear()
        self.presets |= found.presets
        if self.state.recommended and self.settings.use_recommended:
            from llamune import recommend  # most runs do without it

            self.presets |= {k: v for k, v in recommend.presets(self.state).items() if k not in found.presets}
        return found.problems

    def load(self) -> None:
        """Imports what is heavy and opens the database; to be run in a thread. Raises StoreError."""
        with suppress(ImportError, ValueError, TypeError):  # a strange proxy variable: told when it is needed
            import ollama  # noqa: F401 - loaded here so that nothing waits for it later

        from llamune.store import database

        self.open_catalog()
        self._store = database.open(self.paths)
        self.measure()

    def open_catalog(self) -> "Catalog":
        """The engines alone, for a one-shot that asks before the store is there."""
        from llamune.engine.catalog import build

        if self._catalog is None:
            guard.permit((), self.policy.names)  # or the look-ups themselves would be refused
            self.policy = self.policy.pin()
            guard.permit(self.policy.allowed, self.policy.names)
            starter = remote.Starter(link) if (link := sealed.current().link) else None
            self._catalog = build(
                self.settings, self.paths, scripted=self._scripted, check=sealed.check(self.policy), starter=starter
            )
        return self._catalog

    @property
    def evidence(self) -> "Recorder":
        """What is written down of this run's network."""
        if self._evidence is None:
            from llamune.network.evidence import Recorder

            self._evidence = Recorder(self.paths.evidence, guard.current())
        return self._evidence

    @property
    def intranet(self) -> "Intranet":
        """The listed sites that /web reads."""
        if self._intranet is None:
            from llamune.address import sites
            from llamune.knowledge.intranet import Intranet

            found = guard.current()
            refused = found.tell if found else lambda what, where: None
            self._intranet = Intranet(sites(self.settings.intranet), sealed.check(self.policy), refused)
        return self._intranet

    def measure(self, command: str = "chat") -> None:
        """Begins to measure traffic and to write it down. To be called in a thread, behind the first paint."""
        if link := sealed.current().link:
            self._meter = remote.Meter(link)
        else:
            from llamune.network.meter import Meter

            self._meter = Meter(self.policy, engine_port(self.policy), guard.current())
        self._meter.start()
        self.evidence.start(command, self.policy, self._meter.snapshot)

    def traffic(self, *, busy: bool = False) -> Snapshot:
        """The last measurement, at no cost. `busy`: an answer is being made, so look more often from now on."""
        if self._meter is None:
            return Snapshot(0, 0, problem=_("the measurement has not begun"))
        self._meter.busy = busy
        return self._meter.snapshot()

    def measured(self) -> Snapshot:
        """What is measured now; waits for it, at most two seconds. To be called in a thread."""
        return self._meter.fresh() if self._meter else self.traffic()

    def draft(self) -> ChatSession:
        """A session not yet begun, with the model and preset of the settings or of the last time."""
        preset = self.settings.preset or self.state.preset
        return ChatSession(
            0,
            "",
            "auto",
            self.settings.model or self.state.model,
            preset if preset in self.presets else FIRST_PRESET,
        )

    def conversation(self, session: ChatSession | None = None) -> Conversation:
        """A conversation over this app's store, engines and presets."""
        thinks = lambda: self.settings.thinking != "off"  # noqa: E731 - asked at each request, /think changes it
        return Conversation(
            self.store, self.catalog, self.state, self.presets, session or self.draft(), thinks, self.slots,
            self.library,
        )  # fmt: skip

    def change(self, **values: object) -> None:
        """Changes settings for this run only."""
        self.settings = replace(self.settings, **values)  # type: ignore[arg-type]

    async def settle_limit(self, models: Sequence[ModelInfo]) -> str:
        """Settles how many answers of these models may be made at once. Returns why it is fewer than wanted."""
        from llamune.engine.machine import look

        wanted = self.state.limit or DEFAULT_LIMIT
        if not self.state.limit and len((await asyncio.to_thread(look)).gpus) < 2:
            self.slots.limit = 1
            return _("one after the other: on one processor or GPU that is faster (/lineup limit N changes it)")
        needs = {m.name: need(m, self.state.num_ctx(m)) for m in models}
        self.slots.limit = allowed(wanted, needs, memory())
        if self.slots.limit == wanted:
            return ""
        return _("{n} at once: more would not fit into memory").format(n=self.slots.limit)

    async def close(self) -> None:
        """Ends engines and the measurement, and closes the store."""
        await self.library.aclose()
        if self._catalog is not None:
            await self._catalog.aclose()
        if self._meter is not None:
            self.noted = await asyncio.to_thread(lambda: self.evidence.stop(self.measured()))
            self._meter.stop()
        if self._store is not None:
            self._store.close()


def log_to(paths: Paths) -> None:
    """Sends what is logged to the log file; a home that cannot be written to means no log, not an error."""
    handler: logging.Handler
    logging.raiseExceptions = False  # a disk that is full now is no reason to print over the chat
    try:
        paths.make()
        paths.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(paths.log, maxBytes=LOG_SIZE, backupCount=1, encoding="utf-8", delay=True)
    except (OSError, LlamuneError):
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
