"""A shell without a terminal, for tests of commands: what is shown is remembered, replies are given beforehand."""

from collections import deque
from collections.abc import Collection

from llamune import text
from llamune.app import App
from llamune.chat.board import Background, Lane
from llamune.chat.events import Event
from llamune.chat.fanout import Running
from llamune.chat.model import ModelInfo
from llamune.chat.session import Attachment, Turn
from llamune.commands import registry
from llamune.commands.slider import Slider
from llamune.commands.values import Shown
from llamune.knowledge.renewals import Renewal, Renewals
from llamune.shell.style import Style
from llamune.shell.view import View

VIEW = View(Style(False), text.Glyphs(), markdown=False)


class RememberingShell:
    """The port of commands without a terminal: what is shown is text in `out`, replies are given beforehand."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.conversation = app.conversation()
        self.registry = registry()
        self.known: tuple[ModelInfo, ...] = ()
        self.values: list[Shown | str] = []
        self.out = ""
        self.replies: deque[str] = deque()
        self.asked: list[str] = []
        self.events: list[Event] = []
        self.input = ""
        self.attached: list[Attachment] = []
        self.clipboard: str | None = ""
        self.forgotten: set[str] = set()
        self.left = False
        self.background = Background(lambda turn, lanes: None, lambda: None)
        self.renewed: list[tuple[Renewal, Exception | None]] = []
        self.renewals = Renewals(app.library.shelf, lambda *ended: self.renewed.append(ended), lambda: None)

    def show(self, value: Shown | str) -> None:
        self.values.append(value)
        self.out += VIEW.show(value, 100) + "\n"

    async def show_long(self, value: Shown) -> None:
        self.show(value)

    async def ask(self, prompt: str, default: str = "") -> str:
        self.asked.append(prompt)
        return self.replies.popleft()

    async def move(self, slider: Slider, value: str) -> str:
        return await self.ask(slider.line(value, 80, text.Glyphs()), value) if self.replies else ""

    async def confirm(self, question: str) -> bool:
        return await self.ask(question) == "y"

    async def offer(self, question: str) -> bool:
        return bool(self.replies) and await self.confirm(question)

    async def watch(self, running: Running, turn: Turn) -> None:
        async with running:
            self.events += [event async for event in running]

    def put(self, text: str) -> None:
        self.input = text

    def attach(self, attachment: Attachment) -> None:
        self.attached.append(attachment)

    def copy(self, text: str) -> bool:
        if self.clipboard is None:
            return False
        self.clipboard = text
        return True

    def forget(self, texts: Collection[str]) -> None:
        self.forgotten |= set(texts)

    def leave(self) -> None:
        self.left = True

    def running(self) -> list[Lane]:
        return self.background.open

    def stop_answers(self, answer_id: int | None) -> int:
        return self.background.stop(answer_id)

    # what tests do

    async def run(self, line: str, *replies: str) -> str:
        """Types a command, and these replies to what it asks. Returns what was shown."""
        self.values, self.out, self.asked = [], "", []
        self.replies.extend(replies)
        command, arguments = self.registry.parse(line)
        await command.handler(self, arguments)
        assert not self.replies, f"never asked for: {list(self.replies)}"
        return self.out

    async def say(self, *questions: str) -> None:
        """Asks questions and waits for their answers."""
        for question in questions:
            await self.watch(await self.conversation.ask(question), self.conversation.last_turn())

    def texts(self) -> dict[str, str]:
        """Letter → text of the last turn's answers; the one that stands has a star."""
        return {a.letter + ("*" if a.adopted else ""): a.text for a in self.conversation.last_turn().answers}
