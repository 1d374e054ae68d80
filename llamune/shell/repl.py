"""The chat behind the prompt: takes line after line, dispatches it, shows what comes. Nothing else.

What is typed while an answer streams waits in line, visibly. Commands that say so are done at once.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from llamune import text
from llamune.app import App
from llamune.chat.board import Background, Lane
from llamune.chat.fanout import Running
from llamune.chat.model import ModelInfo
from llamune.chat.session import Answer, Attachment, Turn
from llamune.commands import cloud, registry, wording
from llamune.commands.slider import Slider
from llamune.commands.values import Shown
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.knowledge.renewals import Renewals
from llamune.network.figure import figure
from llamune.shell import asking, banner, console, toolbar
from llamune.shell.aside import Aside
from llamune.shell.completion import LlamuneCompleter
from llamune.shell.front import Front
from llamune.shell.lanes import behind
from llamune.shell.notices import Notices
from llamune.shell.screen import above
from llamune.shell.view import View
from llamune.shell.watch import Watch

log = logging.getLogger(__name__)

SEND_FIRST = 0.01  # seconds that a question may take to its server before it is drawn: drawing is slower than sending


class Repl:
    """One chat in a terminal; the Shell that commands see, and the Worker of the front."""

    def __init__(self, app: App, front: Front) -> None:
        self.app = app
        self.front = front
        self.screen = front.screen
        self.put, self.copy, self.forget, self.leave = front.put, front.copy, front.forget, front.leave
        self.registry = registry()
        self.completer = LlamuneCompleter(self)
        self.known: tuple[ModelInfo, ...] = ()
        self.conversation = app.conversation()
        self.attachments: list[Attachment] = []
        self.status = toolbar.Status()
        console.use_ambiguous_width(2 if app.settings.ambiguous_width == 2 else 1)
        encoding = {"yes": "ascii", "no": "utf-8"}.get(app.settings.ascii, sys.stdout.encoding)
        self.view = View(front.style, text.glyphs(encoding), markdown=sys.stdout.isatty())
        self.notices = Notices(self)
        self.background = Background(self.notices.arrived, self.refresh)
        self.renewals = Renewals(app.library.shelf, self.notices.renewed, self.refresh)
        self.aside = Aside(self.fail)
        self.title: asyncio.Task[None] | None = None  # makes a better one
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun: float | None = None  # when the command that is at work was given

    # the port of commands

    def show(self, value: Shown | str) -> None:
        self.screen.above(self.view.show(value, self.screen.columns))

    async def show_long(self, value: Shown) -> None:
        await above(self.screen, lambda: self.view.show(value, self.screen.columns))

    async def ask(self, prompt: str, default: str = "") -> str:
        asked = text.clean(prompt)
        self.screen.preview([])
        reply = await self.front.ask(asked, default)
        self._begun = self._begun and time.monotonic()  # the user's time is not the command's
        if self.screen.live:
            self.screen.above(text.clean(asked + reply))
        return reply

    async def move(self, slider: Slider, value: str) -> str:
        if not self._alone:
            return ""
        if not self.screen.live:
            return await self.front.ask(f"{slider.name} {value} {self.view.glyphs.prompt} ")
        keys = _("← → ↑ ↓ move it · or type a number · Enter takes it · Ctrl-C leaves it")
        self.screen.above(self.view.style(text.folded(keys, self.screen.columns), "dim"))
        line = lambda typed: slider.line(typed, self.screen.columns, self.view.glyphs)  # noqa: E731 - as it is typed
        return await self.front.ask(line, value, slider.moved)

    async def offer(self, question: str) -> bool:
        return self._alone and await self.confirm(question)

    @property
    def _alone(self) -> bool:
        """Whether a question has a reader: another one may come meanwhile; the next line of a pipe is no reply."""
        return sys.stdin.isatty() and (not self._busy or asyncio.current_task() is self._task)

    async def confirm(self, question: str) -> bool:
        reply = await self.ask(f"{question} [y/N] ")
        if wording.something_else(reply):
            self.put(reply)
        return wording.yes(reply)

    async def watch(self, running: Running, turn: Turn) -> None:
        after = str if self.screen.live else self._traffic
        settings, blind = self.app.settings, self.app.blind
        self._watch = Watch(self.screen, self.view, settings.thinking, self.front.lines, blind, self._stored, after)
        try:
            self._count(await self._watch.show(running, turn.adopted))
        finally:
            self._watch = None

    def _stored(self, answer_id: int) -> Answer:
        return self.app.blind.masked(self.app.store.answer(answer_id))

    def running(self) -> list[Lane]:
        return [*self.background.open, *(self._watch.open if self._watch else [])]

    def stop_answers(self, answer_id: int | None) -> int:
        return self.background.stop(answer_id) + (self._watch.stop(answer_id) if self._watch else 0)

    def attach(self, attachment: Attachment) -> None:
        self.attachments.append(attachment)

    def fail(self, error: Exception) -> None:
        """Shows an error; one that is none of ours goes to the log file, too."""
        if not isinstance(error, LlamuneError):
            log.error("unexpected", exc_info=error)
            told = _("The details are in {path}. You can go on.").format(path=self.app.paths.log)
            error = LlamuneError(_("Something unexpected went wrong."), told)
        self.screen.above(self.view.error(error, self.screen.columns))

    # the worker of the front

    @property
    def _busy(self) -> bool:
        return self._task is not None and not self._task.done()

    def take(self, line: str) -> bool:
        if not self._busy or not _is_command(line):
            return False
        try:
            now = self.registry.parse(line)[0].now
        except LlamuneError:
            return False
        if now:
            self.aside.start(self._handle(line))
        return now

    def stop(self, answer_id: int | None = None) -> bool:
        if self._watch:
            self._watch.stop()
            return True
        return self._task is not None and self._task.cancel()

    def toolbar(self) -> str:
        return toolbar.line(self.status, self.screen.columns, self.view.glyphs, self.view.style)

    def message(self) -> str:
        named = "".join(f"@{text.one_line(Path(a.name).name)} " for a in self.attachments)
        return f"{named}{self.view.glyphs.prompt} "

    async def work(self, resume: int | None) -> int:
        """Opens the chat, then takes lines until the user leaves."""
        await banner.start(self, resume)
        self.aside.start(cloud.warn(self))
        self.refresh()
        try:
            self.front.worker = self
            if self.screen.live:
                self.aside.start(self._tick())
            while (line := await self.front.next()) is not None:
                self._begun = time.monotonic() if _is_command(line) else None
                self._task = self.aside.start(self._handle(line))
                await asyncio.wait({self._task, self.front.left}, return_when=asyncio.FIRST_COMPLETED)
                self._begun = None
                self.screen.preview([])
        finally:
            await self.background.aclose()
            await self.renewals.aclose()
            await self.aside.aclose()
        return 0

    async def _tick(self) -> None:
        """Lets the seconds of background answers and the traffic figure pass in the toolbar; redraws what changed."""
        while True:
            await asyncio.sleep(1)
            self.notices.evidence()
            if self._measured() or self.background.open or self.renewals.open:
                self.refresh()
            if self._begun is not None and not self._watch and not self.front.asking:
                self.notices.at_work(self._begun)

    async def _handle(self, line: str) -> None:
        """One line, to its end; whatever goes wrong is shown, and the chat lives."""
        if self.screen.live:
            asked = "\n" + self.view.question(line, f"{self.view.glyphs.prompt} ")
            self.screen.above(asked, within=SEND_FIRST)
        try:
            if _is_command(line):
                command, arguments = self.registry.parse(line)
                await command.handler(self, arguments)
            else:
                await asking.ask(self, line[1:] if line.startswith("//") else line)
        except asyncio.CancelledError:
            self.screen.above(self.view.style(_("(stopped)"), "warn"))
        except Exception as error:
            self.fail(error)
            self.front.put(line, over=False)  # what was typed is in the input again when that is empty
        self.refresh()

    # what is known of it

    def refresh(self) -> None:
        """Brings the toolbar up to date with the session."""
        self._measured()
        session = self.conversation.session
        self.status.follow(session, self.app.state.sizes.get(session.model, 0))
        self.status.background = behind(self.background.open, self.renewals.open.values(), self.view.glyphs)
        self.front.redraw()

    def _measured(self) -> bool:
        """Brings the traffic figure up to date. Returns whether it changed."""
        busy = self._watch is not None or bool(self.background.open)
        said = figure(self.app.traffic(busy=busy), self.view.glyphs.check)
        before, self.status.traffic, self.status.traffic_tone = self.status.traffic, said.words, said.tone
        return before != said.words

    def _traffic(self) -> str:
        """The traffic figure, for terminals without a toolbar."""
        self._measured()
        return self.status.traffic

    def _count(self, lanes: Iterable[Lane]) -> None:
        """Fills the gauge from what the engine counted."""
        for end in self.notices.written_down(lanes):
            self.status.used = (end.usage.prompt_tokens or 0) + (end.usage.completion_tokens or 0)
        self.refresh()
        self.notices.context(self.status.fill)


def _is_command(line: str) -> bool:
    """Two slashes begin a text that begins with one."""
    return line.startswith("/") and not line.startswith("//")
