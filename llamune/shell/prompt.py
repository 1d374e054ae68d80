"""The open prompt on a terminal: it paints, takes keys, and keeps what was typed in line.

It is the `Front` that stands on the screen before anything heavy is loaded (see front.py), so it imports little.
"""

import asyncio
import signal
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import DynamicCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI

from llamune import __version__
from llamune.i18n import _
from llamune.shell.history import InputHistory
from llamune.shell.keys import bindings
from llamune.shell.screen import TOOLBAR_STYLE, PromptScreen, Screen, Unturned, spelled
from llamune.shell.style import Style, colors

if TYPE_CHECKING:
    from llamune.shell.front import Moved, Prompt, Worker

LEAVE_WITHIN = 2.0  # seconds between two Ctrl-C that leave
PROMPT = "❯ "


class PromptFront:
    """The front on a terminal.

    Args:
        history: file of what was typed before.
    """

    def __init__(self, history: Path) -> None:
        self.lines: deque[str] = deque()
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.worker: Worker | None = None
        self._arrived = asyncio.Event()
        self.style = Style(colors())
        self._asking: asyncio.Future[str] | None = None
        self._draft = Document()  # what stood in the input when something was asked
        self._prompt: Prompt = ""  # what is asked; or makes it from what is typed
        self._moved: Moved | None = None  # makes another reply of the typed one, by the arrow keys
        self._hint = ""
        self._interrupted = -LEAVE_WITHIN
        self._history = InputHistory(history)
        self._session = self._open()
        self.screen: Screen = PromptScreen(self._session)

    async def run(self, work: "Callable[[], asyncio.Task[int]]") -> int:
        self._on_signals()
        title = self.style(f"Llamune {__version__}", "title")
        self.screen.above(f"{title}   " + _("compare local models, and see that nothing leaves"))
        started: list[asyncio.Task[int]] = []

        def painted(_app: object) -> None:
            if not started:
                started.append(work())

        self._session.app.after_render += painted
        try:
            with suppress(EOFError, KeyboardInterrupt):
                await self._session.prompt_async(set_exception_handler=False)  # its handler would wait for Enter
        finally:
            self.leave()
            codes = await asyncio.gather(*started, return_exceptions=True)
        for code in codes:
            if isinstance(code, BaseException):
                raise code
            return code
        return 1  # it left before anything was painted

    # for the worker

    async def next(self) -> str | None:
        while not self.left.done():
            if self.lines:
                return self.lines.popleft()
            self._arrived.clear()
            await self._arrived.wait()
        return None

    @property
    def asking(self) -> bool:
        return self._asking is not None

    async def ask(self, prompt: "Prompt", default: str = "", moved: "Moved | None" = None) -> str:
        """Only what is typed after the question appeared is taken; a draft comes back afterwards."""
        asking: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._moved = moved
        self._asking, self._prompt, self._draft = asking, prompt, self._session.default_buffer.document
        self._session.default_buffer.set_document(Document(default))
        self.redraw()
        try:
            return await asking
        finally:
            self._answer("")

    def put(self, text: str, *, over: bool = True) -> None:
        if over or (not self._session.default_buffer.text and self._asking is None):
            self._session.default_buffer.set_document(Document(text))

    def redraw(self) -> None:
        self._session.app.invalidate()

    def copy(self, text: str) -> bool:
        import base64

        output = self._session.app.output
        output.write_raw(f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode()}\x07")
        output.flush()
        return True

    def forget(self, texts: Collection[str]) -> None:
        self._history.forget(texts)
        self._session.default_buffer.reset()  # it holds a copy of the history

    def leave(self) -> None:
        if not self.left.done():
            self.left.set_result(None)
        self._arrived.set()
        self._answer("")
        if self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(exception=EOFError)

    # keys

    def enter(self, typed: str) -> None:
        buffer = self._session.default_buffer
        if self._asking:
            self._answer(typed)
        elif typed.strip():
            buffer.append_to_history()
            buffer.reset()
            if not (self.worker and self.worker.take(typed)):
                self.lines.append(typed)
                self._arrived.set()

    def interrupt(self) -> None:
        buffer, now = self._session.default_buffer, time.monotonic()
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
            reply = self._moved(self._session.default_buffer.text, steps)
            self._session.default_buffer.set_document(Document(reply))

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
            self._session.default_buffer.set_document(self._draft)

    def _toolbar(self) -> ANSI:
        if self._hint or self.worker is None:
            return self._ansi(" " + (self._hint or _("loading")))
        return self._ansi(self.worker.toolbar())

    def _message(self) -> ANSI:
        if callable(self._prompt):
            return self._ansi(self._prompt(self._session.default_buffer.text))
        return self._ansi(self._prompt or (self.worker.message() if self.worker else PROMPT))

    def _ansi(self, said: str) -> ANSI:
        return ANSI(spelled(said, self._session.app.output.encoding()))

    def _open(self) -> PromptSession[str]:
        def completing() -> bool:
            typed = session.default_buffer.text
            return self._asking is None and (typed.startswith("/") or "@" in typed)

        session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            key_bindings=bindings(self),
            history=self._history,
            auto_suggest=AutoSuggestFromHistory(),
            completer=DynamicCompleter(lambda: self.worker.completer if self.worker else None),
            complete_while_typing=Condition(completing),
            bottom_toolbar=self._toolbar,
            prompt_continuation="  ",
            input_processors=[Unturned()],
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
