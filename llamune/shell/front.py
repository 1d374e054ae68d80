"""The front of the chat: the open prompt that stands on the screen before anything else is loaded.

It paints, takes keys and keeps what was typed in line. What is heavy (settings, engines, the store, and all that
dispatches and shows) is loaded in a thread behind the first paint and then works through this. Without a terminal
plain.py takes its place.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import Completer, DummyCompleter, DynamicCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI

from llamune import __version__
from llamune.i18n import _
from llamune.shell.history import InputHistory
from llamune.shell.keys import bindings
from llamune.shell.screen import TOOLBAR_STYLE, PromptScreen, Screen, spelled
from llamune.shell.style import Style, colors
from llamune.shell.thread import in_thread

if TYPE_CHECKING:
    from llamune.app import App
    from llamune.shell.plain import PlainFront

LEAVE_WITHIN = 2.0  # seconds between two Ctrl-C that leave
PROMPT = "❯ "


class Worker(Protocol):
    """What is loaded behind the front: it dispatches lines and shows what comes."""

    def take(self, line: str) -> bool:
        """Does a line at once, if it may be done while another one is being done."""
        ...

    def stop(self, answer_id: int | None = None) -> bool:
        """Stops what is being done for the user. Returns whether there was anything."""
        ...

    def toolbar(self) -> str: ...
    def message(self) -> str: ...
    async def work(self, resume: int | None) -> int:
        """Takes line after line until the user leaves. Returns the exit code."""
        ...


class Front:
    """The open prompt.

    Args:
        history: file of what was typed before.
    """

    def __init__(self, history: Path) -> None:
        self.lines: deque[str] = deque()
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        self.worker: Worker | None = None
        self.completer: Completer = DummyCompleter()
        self.style = Style(colors())
        self._asking: asyncio.Future[str] | None = None
        self._draft = Document()  # what stood in the input when something was asked
        self._prompt: str | Callable[[str], str] = ""  # what is asked; or makes it from what is typed
        self._moved: Callable[[str, int], str] | None = None  # makes another reply of the typed one, by the arrow keys
        self._hint = ""
        self._interrupted = -LEAVE_WITHIN
        self.session = self._session(InputHistory(history))
        self.screen: Screen = PromptScreen(self.session)

    async def run(self, work: "Callable[[], asyncio.Task[int]]") -> int:
        """Shows the prompt until the user leaves; `work` is started when the prompt has been painted.

        Raises: what `work` raised. What else goes wrong on the loop is logged; prompt_toolkit would wait for Enter.
        """
        self._on_signals()
        title = self.style(f"Llamune {__version__}", "title")
        self.screen.above(f"{title}   " + _("compare local models, and see that nothing leaves"))
        started: list[asyncio.Task[int]] = []

        def painted(_app: object) -> None:
            if not started:
                started.append(work())

        self.session.app.after_render += painted
        try:
            with suppress(EOFError, KeyboardInterrupt):
                await self.session.prompt_async(set_exception_handler=False)
        finally:
            self.leave()
            codes = await asyncio.gather(*started, return_exceptions=True)
        for code in codes:
            if isinstance(code, BaseException):
                raise code
            return code
        return 1  # it left before anything was painted

    # for the worker

    @property
    def leaving(self) -> bool:
        return self.left.is_set()

    @property
    def asking(self) -> bool:
        """Whether a question waits for its reply."""
        return self._asking is not None

    async def ask(
        self,
        prompt: str | Callable[[str], str],
        default: str = "",
        moved: Callable[[str, int], str] | None = None,
    ) -> str:
        """Asks for a line. Only what is typed after the question appeared is taken; a draft comes back afterwards.

        Args:
            prompt: a text, or what makes one from what is typed.
            moved: lets the arrow keys change the reply: from what is typed and a number of steps.
        """
        asking: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._moved = moved
        self._asking, self._prompt, self._draft = asking, prompt, self.session.default_buffer.document
        self.session.default_buffer.set_document(Document(default))
        self.redraw()
        try:
            return await asking
        finally:
            self._answer("")

    def put(self, text: str, *, over: bool = True) -> None:
        """Puts a text into the input; with `over` False only when nothing is there."""
        if over or (not self.session.default_buffer.text and self._asking is None):
            self.session.default_buffer.set_document(Document(text))

    def redraw(self) -> None:
        self.session.app.invalidate()

    def leave(self) -> None:
        """Ends the prompt; the worker sees `leaving`."""
        self.left.set()
        self.arrived.set()
        self._answer("")
        if self.session.app.is_running and not self.session.app.is_done:
            self.session.app.exit(exception=EOFError)

    # keys

    def enter(self, typed: str) -> None:
        buffer = self.session.default_buffer
        if self._asking:
            self._answer(typed)
        elif typed.strip():
            buffer.append_to_history()
            buffer.reset()
            if not (self.worker and self.worker.take(typed)):
                self.lines.append(typed)
                self.arrived.set()

    def interrupt(self) -> None:
        buffer, now = self.session.default_buffer, time.monotonic()
        if self.movable:
            self._answer("")
        elif buffer.text:
            buffer.reset()
        elif self._asking:
            self._answer("")
        elif self.worker and self.worker.stop():
            return
        elif now - self._interrupted < LEAVE_WITHIN:
            self.leave()
        else:
            self._interrupted = now
            self.hint(_("Ctrl-C again to leave"))

    @property
    def movable(self) -> bool:
        """Whether the arrow keys move a value now."""
        return self._moved is not None

    def move(self, steps: int) -> None:
        if self._moved:
            reply = self._moved(self.session.default_buffer.text, steps)
            self.session.default_buffer.set_document(Document(reply))

    def end(self) -> None:
        if self._asking:
            self._answer("")
        else:
            self.leave()

    def hint(self, said: str) -> None:
        """Says something in the toolbar for a moment."""

        def over() -> None:
            self._hint = ""
            self.redraw()

        self._hint = said
        asyncio.get_running_loop().call_later(LEAVE_WITHIN, over)
        self.redraw()

    # inside

    def _answer(self, reply: str) -> None:
        """Answers what was asked. The draft is back at once: the next keys may have been read already."""
        if self._asking:
            if not self._asking.done():
                self._asking.set_result(reply)
            self._asking, self._moved, self._prompt = None, None, ""
            self.session.default_buffer.set_document(self._draft)

    def _toolbar(self) -> ANSI:
        if self._hint or self.worker is None:
            return self._ansi(" " + (self._hint or _("loading")))
        return self._ansi(self.worker.toolbar())

    def _message(self) -> ANSI:
        if callable(self._prompt):
            return self._ansi(self._prompt(self.session.default_buffer.text))
        return self._ansi(self._prompt or (self.worker.message() if self.worker else PROMPT))

    def _ansi(self, said: str) -> ANSI:
        return ANSI(spelled(said, self.session.app.output.encoding()))

    def _session(self, history: InputHistory) -> PromptSession[str]:
        def completing() -> bool:
            typed = session.default_buffer.text
            return self._asking is None and (typed.startswith("/") or "@" in typed)

        session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            key_bindings=bindings(self),
            history=history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=DynamicCompleter(lambda: self.completer),
            complete_while_typing=Condition(completing),
            bottom_toolbar=self._toolbar,
            prompt_continuation="  ",
            style=TOOLBAR_STYLE,
            enable_suspend=True,
            tempfile_suffix=".md",
        )
        return session

    def _on_signals(self) -> None:
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.leave)


def run(build: "Callable[[], App]", history: Path, *, resume: int | None = None) -> int:
    """Chats until the user leaves. Returns the exit code.

    Args:
        build: makes the App; called in a thread behind the first paint.
        history: file of what was typed before.
        resume: number of the session to go on with; 0 = the last one; None = a new one.
    """
    return asyncio.run(_main(build, history, resume))


async def _main(build: "Callable[[], App]", history: Path, resume: int | None) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in ("dumb", "unknown"):
        from llamune.shell.plain import PlainFront  # the first prompt does without it

        plain = PlainFront()
        return await plain.run(lambda: asyncio.create_task(_work(build, plain, resume), name="worker"))
    front = Front(history)
    return await front.run(lambda: asyncio.create_task(_work(build, front, resume), name="worker"))


async def _work(build: "Callable[[], App]", front: "Front | PlainFront", resume: int | None) -> int:
    """Loads what is heavy, then works until the user leaves."""
    from llamune.errors import LlamuneError  # light, and loaded anyway

    app: App | None = None

    def load() -> None:
        """The garbage collector rests meanwhile: its passes over freshly imported modules, not the imports, are what
        would make typing stutter."""
        nonlocal app
        gc.disable()
        try:
            import llamune.shell.repl  # noqa: F401 - so that the loop finds it loaded

            app = build()
            app.load()
        finally:
            gc.enable()
            gc.freeze()

    try:
        await in_thread(load)
        assert app is not None
        from llamune.shell.repl import Repl

        return await Repl(app, front).work(resume)
    except LlamuneError as error:  # settings or store: nothing could be kept, so nothing is begun
        from llamune import text  # measured and compiled only when it is needed

        said = text.folded(error.message, front.screen.columns)
        hint = text.folded(f"  {error.hint}", front.screen.columns)
        front.screen.above(front.style(said, "bad") + (f"\n{hint}" if error.hint else ""))
        return error.exit_code
    finally:
        front.leave()
        if app is not None:
            await app.close()
