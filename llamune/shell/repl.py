"""The chat behind the prompt: takes line after line, dispatches it, shows what comes. Nothing else.

What is typed while an answer streams waits in line, visibly. Commands that say so are done at once.
"""

import asyncio
import logging
import sys
import time
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

from llamune import text
from llamune.app import App
from llamune.chat.board import Background, Lane
from llamune.chat.events import AnswerFailed, AnswerFinished
from llamune.chat.fanout import Running
from llamune.chat.model import ModelInfo
from llamune.chat.session import Answer, Attachment, Turn
from llamune.commands import files, lineup, recommending, registry, traffic, wording
from llamune.commands.slider import Slider
from llamune.commands.values import Shown
from llamune.errors import EngineUnreachable, LlamuneError, ModelNotFound
from llamune.i18n import _
from llamune.network.figure import figure
from llamune.shell import banner, console, toolbar
from llamune.shell.completion import LlamuneCompleter
from llamune.shell.front import Front
from llamune.shell.history import InputHistory
from llamune.shell.plain import PlainFront
from llamune.shell.view import View
from llamune.shell.watch import Watch, above, brief, typed_ahead

log = logging.getLogger(__name__)

SEND_FIRST = 0.01  # seconds that a question may take to its server before it is drawn: drawing is slower than sending
FULL = 0.8  # of the context: from here on the gauge warns


class Repl:
    """One chat in a terminal; the Shell that commands see, and the Worker of the front."""

    def __init__(self, app: App, front: Front | PlainFront) -> None:
        self.app = app
        self.front = front
        self.screen = front.screen
        self.registry = registry()
        self.known: tuple[ModelInfo, ...] = ()
        self.conversation = app.conversation()
        self.attachments: list[Attachment] = []
        self.status = toolbar.Status()
        console.use_ambiguous_width(2 if app.settings.ambiguous_width == 2 else 1)
        encoding = {"yes": "ascii", "no": "utf-8"}.get(app.settings.ascii, sys.stdout.encoding)
        self.view = View(front.style, text.glyphs(encoding), markdown=sys.stdout.isatty())
        self.background = Background(self._line_up_arrived, self.refresh)
        self._running: Running | None = None
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun: float | None = None  # when the command that is at work was given
        self._title: asyncio.Task[None] | None = None
        self._side: set[asyncio.Task[None]] = set()
        self._unwritten = ""  # why evidence is not being written, as it was told

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
        if isinstance(self.front, Front):
            self.screen.above(text.clean(asked + reply))
        return reply

    async def move(self, slider: Slider, value: str) -> str:
        busy = self._task is not None and not self._task.done() and asyncio.current_task() is not self._task
        if busy or not sys.stdin.isatty():  # another question may come; the next line of a pipe is no reply
            return ""
        if not isinstance(self.front, Front):
            return await self.front.ask(f"{slider.name} {value} {self.view.glyphs.prompt} ")
        keys = _("← → ↑ ↓ move it · or type a number · Enter takes it · Ctrl-C leaves it")
        self.screen.above(self.view.style(text.folded(keys, self.screen.columns), "dim"))
        line = lambda typed: slider.line(typed, self.screen.columns, self.view.glyphs)  # noqa: E731 - as it is typed
        return await self.front.ask(line, value, slider.moved)

    async def confirm(self, question: str) -> bool:
        return wording.yes(await self.ask(f"{question} [y/N] "))

    async def watch(self, running: Running, turn: Turn) -> None:
        waiting = self.front.lines if isinstance(self.front, Front) else ()
        after = str if isinstance(self.front, Front) else self._traffic
        self._watch = Watch(
            self.screen, self.view, self.app.settings.thinking, lambda: list(waiting), self.app.blind, after,
            self._stored,
        )  # fmt: skip
        self._running = running
        try:
            lanes = await self._watch.show(running)
            if len(lanes) > 1 and self._watch.wide:
                came = [self._stored(lane.answer_id) for lane in lanes]
                stands = [turn.adopted] if turn.adopted else []
                await above(self.screen, lambda: self.view.side_by_side([*stands, *came], self.screen.columns))
            self._count(lanes)
        finally:
            self._running = self._watch = None

    def _stored(self, answer_id: int) -> Answer:
        return self.app.blind.masked(self.app.store.answer(answer_id))

    def running(self) -> list[Lane]:
        return [*self.background.open, *(self._watch.open if self._watch else [])]

    def stop_answers(self, answer_id: int | None) -> int:
        if self._running and answer_id in self._running.ids:
            self._running.stop(answer_id)
            return 1
        count = self.background.stop(answer_id)
        if self._running and self._watch and answer_id is None:
            count += len(self._watch.open)
            self._running.stop()
        return count

    def put(self, text: str) -> None:
        self.front.put(text)

    def attach(self, attachment: Attachment) -> None:
        self.attachments.append(attachment)

    def forget(self, texts: Collection[str]) -> None:
        if self.front.session is not None and isinstance(history := self.front.session.history, InputHistory):
            history.forget(texts)
            self.front.session.default_buffer.reset()  # it holds a copy of the history

    def copy(self, text: str) -> bool:
        """To the terminal's clipboard (OSC 52); whether the terminal obeys cannot be known."""
        if self.front.session is None:
            return False
        import base64

        output = self.front.session.app.output
        output.write_raw(f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode()}\x07")
        output.flush()
        return True

    def leave(self) -> None:
        self.front.leave()

    def fail(self, error: LlamuneError) -> None:
        """Shows an error."""
        self.screen.above(self.view.error(error, self.screen.columns))

    # the worker of the front

    def take(self, line: str) -> bool:
        busy = self._task is not None and not self._task.done()
        if not busy or not line.startswith("/") or line.startswith("//"):
            return False
        try:
            now = self.registry.parse(line)[0].now
        except LlamuneError:
            return False
        if now:
            self._aside(self._handle(line))
        return now

    def stop(self, answer_id: int | None = None) -> bool:
        if self._running:
            self._running.stop()
            return True
        if self._task and not self._task.done():
            self._task.cancel()
            return True
        return False

    def toolbar(self) -> str:
        return toolbar.line(self.status, self.screen.columns, self.view.glyphs, self.view.style)

    def message(self) -> str:
        named = "".join(f"@{text.one_line(Path(a.name).name)} " for a in self.attachments)
        return f"{named}{self.view.glyphs.prompt} "

    async def work(self, resume: int | None) -> int:
        """Opens the chat, then takes lines until the user leaves."""
        await banner.start(self, resume)
        self._aside(traffic.warn(self))
        self.refresh()
        try:
            if isinstance(self.front, Front):
                self.front.worker, self.front.completer = self, LlamuneCompleter(self)
                self._aside(self._tick())
                await self._take_lines(self.front)
            else:
                self.front.worker = self
                while (line := await self.front.next(self.message())) is not None:
                    self._task = asyncio.create_task(self._handle(line), name="line")
                    await asyncio.wait({self._task})
        finally:
            await self._close()
        return 0

    async def _take_lines(self, front: Front) -> None:
        while not front.leaving:
            if not front.lines:
                front.arrived.clear()
                await front.arrived.wait()
                continue
            line = front.lines.popleft()
            self._begun = time.monotonic() if line.startswith("/") and not line.startswith("//") else None
            self._task = asyncio.create_task(self._handle(line), name="line")
            over = asyncio.create_task(front.left.wait())
            await asyncio.wait({self._task, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            self._begun = None
            self.screen.preview([])

    async def _tick(self) -> None:
        """Lets the seconds of background answers and the traffic figure pass in the toolbar; redraws what changed."""
        while True:
            await asyncio.sleep(1)
            self._check_evidence()
            if self._measured() or self.background.open:
                self.refresh()
            self._show_work()

    def _show_work(self) -> None:
        """Says how long a command has been at work, and what was typed meanwhile; answers do so themselves."""
        front = self.front
        if self._begun is None or self._running or not isinstance(front, Front) or front.asking:
            return
        now = time.monotonic()
        spinner = self.view.glyphs.spinner
        told = _("{time} · Ctrl-C stops it").format(time=text.seconds(1000 * (now - self._begun)))
        row = self.view.style(f"{spinner[int(now) % len(spinner)]} {told}", "dim")
        self.screen.preview([row, *typed_ahead(front.lines, self.view, self.screen.columns)])

    def _measured(self) -> bool:
        """Brings the traffic figure up to date. Returns whether it changed."""
        busy = self._running is not None or bool(self.background.open)
        said = figure(self.app.traffic(busy=busy), self.view.glyphs.check)
        before, self.status.traffic, self.status.traffic_tone = self.status.traffic, said.words, said.tone
        return before != said.words

    def _traffic(self) -> str:
        """The traffic figure, for terminals without a toolbar."""
        self._measured()
        return self.status.traffic

    async def _handle(self, line: str) -> None:
        """One line, to its end; whatever goes wrong is shown, and the chat lives."""
        if isinstance(self.front, Front):
            asked = "\n" + self.view.question(line, f"{self.view.glyphs.prompt} ")
            self.screen.above(asked, within=SEND_FIRST)
        try:
            if line.startswith("/") and not line.startswith("//"):
                command, arguments = self.registry.parse(line)
                await command.handler(self, arguments)
            else:
                await self._question(line[1:] if line.startswith("//") else line)
        except asyncio.CancelledError:
            self.screen.above(self.view.style(_("(stopped)"), "warn"))
        except Exception as error:
            self.fail(self._ours(error))
            self.front.put(line, over=False)  # what was typed is in the input again when that is empty
        self.refresh()

    def _ours(self, error: Exception) -> LlamuneError:
        """The error as it is shown; one that is none of ours goes to the log file."""
        if isinstance(error, LlamuneError):
            return error
        log.error("unexpected", exc_info=error)
        told = _("Something unexpected went wrong.")
        return LlamuneError(told, _("The details are in {path}. You can go on.").format(path=self.app.paths.log))

    async def _question(self, asked: str) -> None:
        if self._title:
            self._title.cancel()  # what the user waits for comes first
        question, named = files.attachments(asked)
        attachments = tuple(dict.fromkeys((*self.attachments, *named)))
        for attachment in attachments:
            told = _("with {name}, {n} characters").format(name=attachment.name, n=f"{len(attachment.text):,}")
            self.screen.above(self.view.style(f"  {text.one_line(told)}", "dim"))
        for name in files.missing(asked):
            told = _("@{name} is no file here; it stays a word of the question.").format(name=name)
            self.screen.above(self.view.style(f"  {told}", "warn"))
        await self._asked(question, attachments)
        if self.conversation.session.turn_count == 1:
            self._title = self._aside(banner.suggest_title(self))

    @contextmanager
    def _searching(self) -> Iterator[None]:
        """Says what is waited for while documents are searched."""
        if corpora := self.conversation.session.corpora:
            told = text.cut(_("searching {names} …").format(names=", ".join(corpora)), self.screen.columns - 1)
            self.screen.preview([self.view.style(text.one_line(told), "dim")])
        try:
            yield
        finally:
            self.screen.preview([])

    async def _asked(self, question: str, attachments: tuple[Attachment, ...]) -> None:
        """Asks and shows the answer; where the model turns out to be gone, the next best one answers instead."""
        with self._searching():
            try:
                running = await self.conversation.ask(question, attachments)
            except (ModelNotFound, EngineUnreachable):
                if not await recommending.stand_in(self):
                    raise
                running = await self.conversation.ask(question, attachments)
        self.attachments.clear()
        turn = self.conversation.last_turn()
        self._aside(self._line_up(turn))
        self.refresh()
        await self.watch(running, turn)
        stands = self.app.store.turn(turn.id).adopted
        if stands and stands.status == "failed" and not stands.text and await recommending.stand_in(self):
            self.conversation.rewind(turn.number - 1)
            await self._asked(question, attachments)

    # the line-up

    async def _line_up(self, turn: Turn) -> None:
        """Starts the other models' answers to a question, behind the main one."""
        others = lineup.candidates(self)
        if not others:
            return
        names = {c.model for c in others}
        await self.app.settle_limit([m for m in self.known if m.name in names])
        self.background.start(turn, await self.conversation.behind(turn, others))

    def _line_up_arrived(self, turn: Turn, lanes: list[Lane]) -> None:
        """One line when a turn's background answers are there, and one for each that failed."""
        if self.front.leaving:
            return
        came = [text.one_line(lane.model) for lane in lanes if isinstance(lane.end, AnswerFinished)]
        if came:
            asked = text.cut(text.one_line(turn.question), 24)
            told = _("answers from {models} have arrived for “{question}”   /answers · /ignore")
            self._notice(told.format(models=_(" and ").join(dict.fromkeys(came)), question=asked), "good")
        for lane in lanes:
            if isinstance(lane.end, AnswerFinished):
                self._write_down(lane.end)
            if isinstance(lane.end, AnswerFailed):
                self._notice(f"{lane.letter} {text.one_line(lane.model)}: {lane.end.message}", "warn")
        self.refresh()

    def _notice(self, said: str, tone: str) -> None:
        dot = self.view.style(self.view.glyphs.dot, tone)
        self.screen.above(f"{dot} {text.folded(said, self.screen.columns - 2)}")

    # around it

    def _write_down(self, end: AnswerFinished) -> None:
        """Which weights answered is part of the evidence."""
        self.app.evidence.note("model", end.model, name=end.model, digest=end.digest)

    def _check_evidence(self) -> None:
        """Says once that evidence is not being written, or is again."""
        if (problem := self.app.evidence.problem) != self._unwritten:
            self._unwritten = problem
            told = _("evidence is not being written: {reason}").format(reason=problem) if problem else ""
            self._notice(told or _("evidence is being written again"), "warn" if problem else "good")

    def refresh(self) -> None:
        """Brings the toolbar up to date with the session."""
        self._measured()
        session = self.conversation.session
        self.status.model, self.status.preset = session.model, session.preset
        searched = f"[{', '.join(session.corpora)}]" if session.corpora else ""
        self.status.mode = " ".join(part for part in (session.mode, searched) if part)
        self.status.limit = self.app.state.sizes.get(session.model, 0)
        now, wait = time.monotonic(), self.view.glyphs.wait
        waiting = [f"{text.one_line(lane.model)} {brief(lane, now)}" for lane in self.background.open]
        self.status.background = f"{wait} {' · '.join(waiting)}" if waiting else ""
        self.front.redraw()

    def _count(self, lanes: list[Lane]) -> None:
        """Fills the gauge from what the engine counted, and warns when little is left."""
        for lane in lanes:
            if isinstance(lane.end, AnswerFinished):
                self._write_down(lane.end)
                usage = lane.end.usage
                self.status.used = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
        self.refresh()
        if self.status.fill >= FULL:
            told = _("The context is {percent} % full: /compact shortens it, /context size N gives more room.")
            self.screen.above(self.view.style(told.format(percent=round(100 * self.status.fill)), "warn"))

    def _aside(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Lets `work` go on beside the line that is being done; what goes wrong in it is shown."""

        def ended(task: asyncio.Task[None]) -> None:
            self._side.discard(task)
            if not task.cancelled() and isinstance(error := task.exception(), Exception):
                self.fail(self._ours(error))

        task = asyncio.create_task(work)
        self._side.add(task)
        task.add_done_callback(ended)
        return task

    async def _close(self) -> None:
        await self.background.aclose()
        tasks = [t for t in (self._task, *self._side) if t and not t.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
