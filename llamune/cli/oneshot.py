"""One question from request to stored answer, for `llamune ask`: send first, open the database behind it.

Conversation, engines and rules are those of the chat; only the store is a late one (late.py), and the screen is
standard output (printers.py). Ctrl-C, SIGTERM and a closed pipe stop the answer; what had come is kept.
"""

import argparse
import asyncio
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from llamune.app import App
from llamune.chat.conversation import Conversation
from llamune.chat.events import AnswerFailed, AnswerFinished, Event, TextArrived, ThinkingArrived
from llamune.chat.model import ModelInfo, first_choice
from llamune.chat.ports import Engine, Store
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Answer, Attachment, ChatSession
from llamune.cli import INTERRUPTED, complain, start
from llamune.cli.late import LateStore
from llamune.cli.printers import JsonPrinter, TextPrinter
from llamune.cli.signals import cancel_on_signals
from llamune.engine.letter import Letter, keep
from llamune.errors import LlamuneError, ModelNotFound
from llamune.i18n import N_, _
from llamune.listed import places
from llamune.text import one_line

if TYPE_CHECKING:
    from llamune.engine.ollama import OllamaEngine

LOAD_AFTER = 0.15  # seconds from asking to loading the store, which then delays a first token by some milliseconds
ENDINGS: Mapping[str, str] = {
    "length": N_("The answer stops here because its length limit was reached."),
    "prompt_cut": N_("This server cut the question to fit before it answered."),
}


def run(args: argparse.Namespace, question: str, beside: str) -> int:
    """Asks, prints, stores. Returns the exit code.

    Args:
        beside: a text that goes along with the question; "" = none.
    """
    app = start.app(args)
    session = replace(app.draft(), system=args.system or "", corpora=tuple(args.knowledge))
    session = replace(session, mode=app.library.modes().get(args.mode).name) if args.mode else session
    shot = OneShot(app, session, JsonPrinter() if args.json else TextPrinter(), save=not args.no_save)
    with closing(args.letter or Letter()) as letter:
        code = shot.run(question, [Attachment("stdin", beside)] if beside else [], letter)
        server, plain = _ollama(app).address, not (args.system or args.mode or args.knowledge)
        if code == 0 and server.loopback and not server.tls and plain and not app.policy.names:
            seal = app.settings.sealed, places(app.policy)
            keep(str(app.paths.home), args.typed, question, letter.wanted, (server.host, server.port), seal)
    return code


class OneShot:
    """One question being answered.

    Args:
        session: not yet begun: the model, preset and system prompt to ask with.
        save: whether anything is stored.
    """

    def __init__(self, app: App, session: ChatSession, printer: TextPrinter | JsonPrinter, *, save: bool) -> None:
        self._app, self._session, self._printer = app, session, printer
        self._late = LateStore()
        self._loader = Loader(app) if save else None
        self._errors: list[LlamuneError] = []
        self._remark = ""
        self._code = 0

    def run(self, question: str, attachments: list[Attachment], letter: Letter) -> int:
        """Asks, prints, stores. Returns the exit code."""
        try:
            asyncio.run(self._run(question, attachments, letter))
        except KeyboardInterrupt:
            self._code = INTERRUPTED
        except asyncio.CancelledError:
            pass  # a signal, which has set the code
        except LlamuneError as error:
            self._errors.append(error)
        finally:
            with suppress(BrokenPipeError):
                self._printer.ended()
            self._store()
        self._app.evidence.once("ask", self._app.policy)
        self._printer.stored(self._late.answer or self._unanswered(), self._late)
        if self._remark:
            print(self._remark, file=sys.stderr)
        for each in self._errors:
            complain(each)
        return self._code or next((e.exit_code for e in self._errors), 0)

    async def _run(self, question: str, attachments: list[Attachment], letter: Letter) -> None:
        app, loop = self._app, asyncio.get_running_loop()
        cancel_on_signals(self._stopped_with)
        catalog = app.open_catalog()
        _ollama(app).letter = letter
        try:
            if self._session.mode:
                self._session = await in_mode(app, self._session)
            if not self._session.model:
                self._session = replace(self._session, model=await _some_model(app))
            thinks = lambda: app.settings.thinking != "off"  # noqa: E731 - the conversation asks at each request
            store = cast(Store, self._late)
            talk = Conversation(store, Models(app), app.state, app.presets, self._session, thinks, sources=app.library)
            async with await talk.ask(question, attachments) as running:
                loop.call_later(LOAD_AFTER, self._load, loop)
                async for event in running:
                    self._take(event)
                    if isinstance(event, TextArrived | ThinkingArrived):
                        self._load(loop)  # the first token is on the screen
        finally:
            await app.library.aclose()
            await catalog.aclose()

    def _take(self, event: Event) -> None:
        self._printer.show(event)
        if isinstance(event, AnswerFailed):
            error = LlamuneError(event.message, event.hint)
            error.exit_code = event.exit_code
            self._errors.append(error)
        if isinstance(event, AnswerFinished) and event.reason in ENDINGS:
            self._remark = _(ENDINGS[event.reason])

    def _stopped_with(self, code: int) -> None:
        self._code = code

    # storing

    def _load(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loader:
            self._loader.start(loop, self._arrived)

    def _arrived(self, store: Store) -> None:
        with suppress(LlamuneError):  # it is tried again at the end, and told there
            self._late.arrive(store)

    def _store(self) -> None:
        """Writes what is not written yet. A failure is told; the answer stays on the screen."""
        if self._loader and self._late.answer:
            try:
                self._late.arrive(self._loader.wait())
            except LlamuneError as error:
                self._errors.append(error)
            self._loader.close()

    def _unanswered(self) -> Answer:
        """What --json shows of an answer that never began."""
        session, error = self._session, self._errors[0].message if self._errors else ""
        status = "failed" if error else "cancelled"
        return Answer(0, 0, "A", session.model, session.preset, SamplingOptions(), status, error=error)  # type: ignore[arg-type]


async def in_mode(app: App, session: ChatSession) -> ChatSession:
    """The session with what its mode says, except for what the command line says."""
    mode = app.library.modes().get(session.mode)
    models = [m.name for m in await app.open_catalog().models()] if mode.models else []
    corpora = await app.library.corpora() if mode.corpora else ()
    found, missing = mode.applied(models, app.presets, corpora)
    if missing:
        print(_("not here: {names}").format(names=", ".join(map(one_line, missing))), file=sys.stderr)
    said = {key for key in ("model", "preset") if app.settings.origin(key) == "flag"}
    said |= {key for key in ("system", "corpora") if getattr(session, key)}
    return replace(session, **{key: value for key, value in found.items() if key not in said})


class Loader:
    """Opens the store in a thread."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._thread: threading.Thread | None = None
        self._store: Store | None = None
        self._error: BaseException | None = None

    def start(self, loop: asyncio.AbstractEventLoop, arrived: Callable[[Store], None]) -> None:
        """Begins, once; `arrived` is called on the loop with the store when it is open."""
        if self._thread:
            return

        def work() -> None:
            self._open()
            if self._store:
                with suppress(RuntimeError):  # the loop has ended: `wait` gives the store
                    loop.call_soon_threadsafe(arrived, self._store)

        self._thread = threading.Thread(target=work, name="store", daemon=True)
        self._thread.start()

    def wait(self) -> Store:
        """The store, as soon as it is open. Raises StoreError, or whatever kept it from opening."""
        self._thread.join() if self._thread else self._open()
        if self._error:
            raise self._error
        assert self._store is not None
        return self._store

    def close(self) -> None:
        if self._store:
            self._store.close()

    def _open(self) -> None:
        try:
            from llamune.store import database

            self._store = database.open(self._app.paths)
        except BaseException as error:
            self._error = error


class Models:
    """The catalogue as a one-shot needs it: a model of Ollama starts its server where none runs."""

    def __init__(self, app: App) -> None:
        self._catalog = app.open_catalog()

    async def find(self, name: str) -> tuple[Engine, ModelInfo]:
        if self._catalog.engine_for(name) is self._catalog.engines[-1]:
            await self._catalog.ensure_server()
        return await self._catalog.find(name)


def _ollama(app: App) -> "OllamaEngine":
    return cast("OllamaEngine", app.open_catalog().engine("ollama"))


async def _some_model(app: App) -> str:
    """The model for somebody who has never chosen one. Raises ModelNotFound."""
    if found := first_choice(await app.open_catalog().models()):
        return found.name
    raise ModelNotFound(_("No engine has a model."), _("Start Ollama, or: llamune models import FILE.gguf"))
