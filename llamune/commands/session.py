"""The port between commands and whatever screen runs them: what a handler may use and ask for."""

from collections.abc import Collection
from typing import Protocol

from llamune.app import App
from llamune.chat.board import Lane
from llamune.chat.conversation import Conversation
from llamune.chat.fanout import Running
from llamune.chat.model import ModelInfo
from llamune.chat.session import Attachment, Turn
from llamune.commands.registry import CommandRegistry
from llamune.commands.slider import Slider
from llamune.commands.values import Shown
from llamune.knowledge.renewals import Renewals


class Shell(Protocol):
    """What a command sees. The REPL implements it; so can a test or a browser.

    `app` has store, catalog, presets, settings, state, paths; `known` are the models of the last look at the engines,
    for completion and numbered lists; `renewals` are the indexes that are made behind the chat.
    """

    app: App
    conversation: Conversation
    registry: CommandRegistry
    known: tuple[ModelInfo, ...]
    renewals: Renewals

    def show(self, value: Shown | str) -> None:
        """Prints one value."""
        ...

    async def show_long(self, value: Shown) -> None:
        """Prints a value that may be long; the prompt goes on while it is drawn."""
        ...

    async def ask(self, prompt: str, default: str = "") -> str:
        """Asks for a line; only what is typed after the question appeared is taken."""
        ...

    async def move(self, slider: Slider, value: str) -> str:
        """Asks for a number that the arrow keys move, where the terminal can; "" leaves it as it is."""
        ...

    async def confirm(self, question: str) -> bool:
        """Asks yes or no; Enter alone is no. Whatever else was typed is no, and goes back into the input."""
        ...

    async def offer(self, question: str) -> bool:
        """Asks yes or no where somebody is there who has nothing else to answer; elsewhere it is no."""
        ...

    async def watch(self, running: Running, turn: Turn) -> None:
        """Shows answers while they are made, until all have ended or were stopped."""
        ...

    def put(self, text: str) -> None:
        """Puts a text into the input line, to be edited."""
        ...

    def attach(self, attachment: Attachment) -> None:
        """Puts a file into the next question."""
        ...

    def copy(self, text: str) -> bool:
        """Puts a text into the clipboard; False where the terminal cannot."""
        ...

    def forget(self, texts: Collection[str]) -> None:
        """Takes what was purged out of what the input still remembers (the file was seen to already)."""
        ...

    def running(self) -> list[Lane]:
        """Every answer that is being made, in the foreground and behind it."""
        ...

    def stop_answers(self, answer_id: int | None) -> int:
        """Stops one running answer, or all. Returns how many."""
        ...

    def leave(self) -> None:
        """Ends the program after this command."""
        ...
