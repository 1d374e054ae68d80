"""The chat in the terminal: reads lines, dispatches them, shows what comes. Nothing else.

The prompt stays open all the time. What is typed while an answer streams waits in line, visibly; one worker takes line
after line. A confirmation takes only what was typed after it appeared.
"""

import asyncio
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Collection, Coroutine
from contextlib import suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import ANSI

from llamune import __version__, text
from llamune.app import App
from llamune.chat.board import Background, Lane
from llamune.chat.conversation import Conversation
from llamune.chat.events import AnswerFailed, AnswerFinished
from llamune.chat.fanout import Running
from llamune.chat.model import ModelInfo
from llamune.chat.session import Attachment, Turn
from llamune.commands import files, lineup, registry
from llamune.commands.values import Shown
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.shell import banner, toolbar
from llamune.shell.completion import LlamuneCompleter
from llamune.shell.history import InputHistory
from llamune.shell.keys import bindings
from llamune.shell.screen import TOOLBAR_STYLE, PlainScreen, PromptScreen, Screen, read_line
from llamune.shell.style import Style, colors
from llamune.shell.view import View
from llamune.shell.watch import Watch, brief

log = logging.getLogger(__name__)

LEAVE_WITHIN = 2.0  # seconds between two Ctrl-C that leave
FULL = 0.8  # of the context: from here on the gauge warns


class Repl:
    """One chat in a terminal; the Shell that commands see.

    Args:
        plain: no open prompt (pipes, dumb terminals): lines in, text out.
    """

    def __init__(self, app: App, *, plain: bool = False) -> None:
        self.app = app
        self.registry = registry()
        self.known: tuple[ModelInfo, ...] = ()
        self.attachments: list[Attachment] = []
        self.status = toolbar.Status()
        self.screen: Screen
        glyphs = text.glyphs("ascii" if app.settings.ascii == "yes" else _encoding(app.settings.ascii))
        self.view = View(Style(colors(terminal=sys.stdout.isatty())), glyphs, markdown=sys.stdout.isatty())
        self.background = Background(self._line_up_arrived, self.refresh)
        self._lines: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._ready = asyncio.Event()
        self._asking: asyncio.Future[str] | None = None
        self._prompt = ""
        self._running: Running | None = None
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._side: set[asyncio.Task[None]] = set()
        self._last_interrupt = 0.0
        self._leaving = False
        self._session = None if plain else self._prompt_session()
        self.screen = PromptScreen(self._session) if self._session else PlainScreen()

    # the port of commands

    def show(self, value: Shown | str) -> None:
        self.screen.above(self.view.show(value, self.screen.columns))

    async def ask(self, prompt: str, default: str = "") -> str:
        if self._session is None:
            assert isinstance(self.screen, PlainScreen)
            return await read_line(text.clean(prompt), self.screen)
        buffer = self._session.default_buffer
        draft = buffer.document
        buffer.set_document(Document(default), bypass_readonly=True)
        self._asking, self._prompt = asyncio.get_running_loop().create_future(), prompt
        self._session.app.invalidate()
        try:
            return await self._asking
        finally:
            self._asking, self._prompt = None, ""
            buffer.set_document(draft, bypass_readonly=True)

    async def confirm(self, question: str) -> bool:
        answer = await self.ask(f"{question} [y/N] ")
        return answer.strip().casefold() in ("y", "yes", "はい", "ｙ")

    async def watch(self, running: Running, turn: Turn) -> None:
        self._watch = Watch(self.screen, self.view, self.app.settings.thinking, lambda: list(self._lines))
        self._running = running
        try:
            lanes = await self._watch.show(running)
            if len(lanes) > 1 and self._watch.wide:
                came = [self.app.store.answer(lane.answer_id) for lane in lanes]
                stands = [turn.adopted] if turn.adopted else []
                self.screen.above(self.view.side_by_side([*stands, *came], self.screen.columns))
            self._count(lanes)
        finally:
            self._running = self._watch = None

    def running(self) -> list[Lane]:
        return [*self.background.open, *(self._watch.open if self._watch else [])]

    def stop(self, answer_id: int | None) -> int:
        if self._running and answer_id in self._running.ids:
            self._running.stop(answer_id)
            return 1
        return self.background.stop(answer_id)

    def put(self, text: str) -> None:
        if self._session is not None:
            self._session.default_buffer.set_document(Document(text))

    def attach(self, attachment: Attachment) -> None:
        self.attachments.append(attachment)

    def forget(self, texts: Collection[str]) -> None:
        if self._session is not None and isinstance(history := self._session.history, InputHistory):
            history.forget(texts)
            self._session.default_buffer.reset()  # it holds a copy of the history

    async def edit(self, text: str) -> str:
        buffer = Buffer(document=Document(text), multiline=True)
        buffer.tempfile_suffix = ".md"
        await buffer.open_in_editor()
        return buffer.text

    def copy(self, text: str) -> bool:
        """To the terminal's clipboard (OSC 52); whether the terminal obeys cannot be known."""
        if self._session is None:
            return False
        import base64

        output = self._session.app.output
        output.write_raw(f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode()}\x07")
        output.flush()
        return True

    def leave(self) -> None:
        self._leaving = True
        self._arrived.set()
        if self._session is not None and self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(exception=EOFError)

    def fail(self, error: LlamuneError) -> None:
        """Shows an error."""
        self.screen.above(self.view.error(error, self.screen.columns))

    # keys

    def enter(self, typed: str) -> None:
        assert self._session is not None
        buffer = self._session.default_buffer
        if self._asking and not self._asking.done():
            self.screen.above(text.clean(self._prompt + typed))
            buffer.reset()
            self._asking.set_result(typed)
        elif typed.strip():
            buffer.append_to_history()
            buffer.reset()
            self.take(typed)

    def interrupt(self) -> None:
        assert self._session is not None
        buffer, now = self._session.default_buffer, time.monotonic()
        if buffer.text:
            buffer.reset()
        elif self._asking and not self._asking.done():
            self._asking.set_result("")
        elif self._running:
            self._running.stop()
        elif self._task and not self._task.done():
            self._task.cancel()
        elif now - self._last_interrupt < LEAVE_WITHIN:
            self.leave()
        else:
            self._last_interrupt = now
            self._hint(_("Ctrl-C again to leave"))

    def end(self) -> None:
        if self._asking and not self._asking.done():
            self._asking.set_result("")
        else:
            self.leave()

    # lines

    def take(self, line: str) -> None:
        """A line was typed: done at once if it may, else put in the queue."""
        if self._immediate(line):
            self._aside(line)
            return
        self._lines.append(line)
        self._arrived.set()

    async def run(self, resume: int | None = None) -> int:
        """Runs to the end. Returns the exit code."""
        worker = asyncio.create_task(self._work(resume), name="worker")
        try:
            if self._session is None:
                await self._read_plainly(worker)
            else:
                self._on_signals()
                self.screen.above(banner.first(self.view))
                with suppress(EOFError, KeyboardInterrupt):
                    await self._session.prompt_async()
        finally:
            await self._close(worker)
        return 0

    async def _work(self, resume: int | None) -> None:
        await self._start(resume)
        while not self._leaving:
            while not self._lines and not self._leaving:
                self._arrived.clear()
                await self._arrived.wait()
            if self._leaving:
                return
            line = self._lines.popleft()
            self._task = asyncio.create_task(self._handle(line), name="line")
            await asyncio.wait({self._task})  # never "await task": that would swallow this worker's own cancellation

    async def _start(self, resume: int | None) -> None:
        await self._painted()
        try:
            await self.app.open()
            self.conversation = self.app.conversation()
            await banner.start(self, resume)
        except LlamuneError as error:
            self.fail(error)
            if not hasattr(self, "conversation"):  # no store: nothing can be kept, so nothing is begun
                self._leaving = True
                self.leave()
        self._aside_work(self._tick())
        self.refresh()
        self._ready.set()

    async def _tick(self) -> None:
        """Lets the seconds of background answers pass in the toolbar; costs nothing while there are none."""
        while True:
            await asyncio.sleep(1)
            if self.background.open:
                self.refresh()

    async def _painted(self) -> None:
        """Waits for the first prompt to stand on the screen."""
        if self._session is None or self._session.app.render_counter:
            return
        first = asyncio.Event()
        self._session.app.after_render += lambda _app: first.set()
        await first.wait()

    async def _handle(self, line: str) -> None:
        """One line, to its end; whatever goes wrong is shown, and the REPL lives."""
        if self._session is not None:
            self.screen.above("\n" + self.view.question(line, f"{self.view.glyphs.prompt} "))
        try:
            if line.startswith("/") and not line.startswith("//"):
                command, arguments = self.registry.parse(line)
                await command.handler(self, arguments)
            else:
                await self._question(line[1:] if line.startswith("//") else line)
        except LlamuneError as error:
            self._failed(line, error)
        except asyncio.CancelledError:
            self.screen.above(self.view.style(f"({_('stopped')})", "warn"))
        except Exception:
            log.exception("while handling a line")
            told = _("Something unexpected went wrong.")
            where = _("The details are in {path}. You can go on.").format(path=self.app.paths.log)
            self._failed(line, LlamuneError(told, where))
        self.refresh()

    async def _question(self, asked: str) -> None:
        question, named = files.attachments(asked)
        attachments = (*self.attachments, *named)
        for attachment in attachments:
            told = _("with {name}, {n} characters").format(name=attachment.name, n=f"{len(attachment.text):,}")
            self.screen.above(self.view.style(f"  @{text.one_line(told)}", "dim"))
        running = await self.conversation.ask(question, attachments)
        self.attachments.clear()
        turn = self.conversation.last_turn()
        self._aside_work(self._line_up(turn))
        self.refresh()
        await self.watch(running, turn)
        if self.conversation.session.turn_count == 1:
            self._aside_work(banner.suggest_title(self))

    def _failed(self, line: str, error: LlamuneError) -> None:
        """Shows an error; what was typed is in the input again when that is empty."""
        self.fail(error)
        if self._session is not None and not self._session.default_buffer.text and not self._asking:
            self.put(line)

    async def _line_up(self, turn: Turn) -> None:
        """Starts the other models' answers to a question, behind the main one."""
        others = lineup.candidates(self)
        if not others:
            return
        names = {c.model for c in others}
        await self.app.settle_limit([m for m in self.known if m.name in names])
        self.background.start(turn.id, await self.conversation.behind(turn, others))

    def _line_up_arrived(self, turn_id: int, lanes: list[Lane]) -> None:
        """One line when a turn's background answers are there."""
        came = [lane.model for lane in lanes if isinstance(lane.end, AnswerFinished)]
        failed = [lane for lane in lanes if isinstance(lane.end, AnswerFailed)]
        asked = text.cut(text.one_line(self.app.store.turn(turn_id).question), 24)
        if came and not self._leaving:
            told = _("answers from {models} have arrived for “{question}”   /answers · /ignore")
            self._notice(told.format(models=_(" and ").join(map(text.one_line, came)), question=asked), "good")
        for lane in failed if not self._leaving else []:
            assert isinstance(lane.end, AnswerFailed)
            self._notice(f"{lane.letter} {text.one_line(lane.model)}: {lane.end.message}", "warn")
        self.refresh()

    def _notice(self, said: str, tone: str) -> None:
        dot = self.view.style(self.view.glyphs.dot, tone)
        self.screen.above(f"{dot} {text.clean(said)}")

    # around it

    def refresh(self) -> None:
        """Brings the toolbar up to date with the session."""
        session = self.conversation.session if hasattr(self, "conversation") else self.app.draft()
        self.status.model, self.status.preset = session.model, session.preset
        self.status.limit = self.app.state.sizes.get(session.model, 0)
        now, wait = time.monotonic(), self.view.glyphs.wait
        waiting = [f"{text.one_line(lane.model)} {brief(lane, now)}" for lane in self.background.open]
        self.status.background = f"{wait} {' · '.join(waiting)}" if waiting else ""
        if self._session is not None:
            self._session.app.invalidate()

    def _count(self, lanes: list[Lane]) -> None:
        """Fills the gauge from what the engine counted, and warns when little is left."""
        for lane in lanes:
            if isinstance(lane.end, AnswerFinished):
                usage = lane.end.usage
                self.status.used = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
        self.refresh()
        if self.status.fill >= FULL:
            told = _("The context is {percent} % full: /compact shortens it, /context size N gives more room.")
            self.screen.above(self.view.style(told.format(percent=round(100 * self.status.fill)), "warn"))

    def _aside_work(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._side.add(task)
        task.add_done_callback(self._side.discard)

    def _immediate(self, line: str) -> bool:
        busy = self._task is not None and not self._task.done()
        if not busy or not line.startswith("/") or line.startswith("//"):
            return False
        try:
            return self.registry.parse(line)[0].now
        except LlamuneError:
            return False

    def _aside(self, line: str) -> None:
        self._aside_work(self._handle(line))

    def _hint(self, said: str) -> None:
        """Says something in the toolbar for a moment."""
        self.status.hint = said

        def over() -> None:
            self.status.hint = ""
            if self._session is not None:
                self._session.app.invalidate()

        asyncio.get_running_loop().call_later(LEAVE_WITHIN, over)
        if self._session is not None:
            self._session.app.invalidate()

    def _prompt_session(self) -> PromptSession[str]:
        completing = Condition(
            lambda: session.default_buffer.text.startswith("/") or "@" in session.default_buffer.text
        )
        session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            key_bindings=bindings(self),
            history=InputHistory(self.app.paths.history),
            auto_suggest=AutoSuggestFromHistory(),
            completer=LlamuneCompleter(self),
            complete_while_typing=completing,
            complete_in_thread=False,
            bottom_toolbar=lambda: ANSI(toolbar.line(self.status, self.screen.columns, self.view.glyphs)),
            prompt_continuation="  ",
            style=TOOLBAR_STYLE,
            enable_suspend=True,
            tempfile_suffix=".md",
        )
        return session

    def _message(self) -> ANSI:
        if self._prompt:
            return ANSI(text.clean(self._prompt))
        files = "".join(f"@{text.one_line(Path(a.name).name)} " for a in self.attachments)
        return ANSI(f"{files}{self.view.glyphs.prompt} ")

    def _on_signals(self) -> None:
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.leave)

    async def _read_plainly(self, worker: asyncio.Task[None]) -> None:
        """Line after line; the next is read when the last one is done."""
        assert isinstance(self.screen, PlainScreen)
        await self._ready.wait()
        mark = f"{self.view.glyphs.prompt} " if sys.stdin.isatty() else ""
        while not self._leaving:
            try:
                line = await read_line(mark, self.screen)
            except EOFError:
                break
            if line.strip():
                await self._handle(line)

    async def _close(self, worker: asyncio.Task[None]) -> None:
        self._leaving = True
        await self.background.aclose()
        tasks = [t for t in (worker, self._task, *self._side) if t and not t.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.app.close()


def _encoding(ascii_setting: str) -> str | None:
    return "utf-8" if ascii_setting == "no" else sys.stdout.encoding


def run(app: App, *, resume: int | None = None) -> int:
    """Chats until the user leaves. Returns the exit code.

    Args:
        resume: number of the session to go on with; 0 = the last one; None = a new one.
    """
    plain = not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") in ("dumb", "unknown")

    async def main() -> int:
        return await Repl(app, plain=plain).run(resume)

    return asyncio.run(main())


__all__ = ["Conversation", "Repl", "__version__", "run"]
