"""The front of the chat: what takes lines and shows what comes, before and while the rest is loaded.

On a terminal it is the open prompt (prompt.py), without one standard input and output (plain.py). What is heavy
(settings, engines, the store, and all that dispatches and shows) is loaded in a thread behind the first paint and then
works through the front.
"""

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from llamune.shell.prompt import PromptFront
from llamune.shell.thread import in_thread

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer

    from llamune.app import App
    from llamune.shell.screen import Screen
    from llamune.shell.style import Style

Prompt = str | Callable[[str], str]  # a text, or what makes one from what is typed
Moved = Callable[[str, int], str]  # another reply, from what is typed and a number of steps


class Worker(Protocol):
    """What is loaded behind the front: it dispatches lines and shows what comes."""

    def take(self, line: str) -> bool:
        """Does a line at once, if it may be done while another one is being done."""
        ...

    def stop(self, answer_id: int | None = None) -> bool:
        """Stops what is being done for the user. Returns whether there was anything."""
        ...

    @property
    def completer(self) -> "Completer": ...
    def toolbar(self) -> str: ...
    def message(self) -> str: ...
    async def work(self, resume: int | None) -> int:
        """Takes line after line until the user leaves. Returns the exit code."""
        ...


class Front(Protocol):
    """What the worker works through. Where `screen` is not live there is no input line: nothing to edit or redraw.

    `lines` were typed ahead; `left` is done as soon as the user leaves.
    """

    worker: Worker | None
    screen: "Screen"
    style: "Style"
    left: "asyncio.Future[None]"

    @property
    def lines(self) -> Collection[str]: ...
    @property
    def asking(self) -> bool:
        """Whether a question waits for its reply."""
        ...

    async def run(self, work: "Callable[[], asyncio.Task[int]]") -> int:
        """Takes lines until the user leaves; `work` is started as soon as something can be seen. Returns the exit code.

        Raises: what `work` raised. What else goes wrong on the loop is logged.
        """
        ...

    async def next(self) -> str | None:
        """The next line that says something; None when the user left."""
        ...

    async def ask(self, prompt: Prompt, default: str = "", moved: Moved | None = None) -> str:
        """Asks for a line; "" where none comes. `moved` lets the arrow keys change the reply."""
        ...

    def put(self, text: str, *, over: bool = True) -> None:
        """Puts a text into the input; with `over` False only when nothing is there."""
        ...

    def copy(self, text: str) -> bool:
        """To the terminal's clipboard (OSC 52); whether it obeys cannot be known. False: there is none."""
        ...

    def forget(self, texts: Collection[str]) -> None:
        """Takes entries out of what the input remembers in memory."""
        ...

    def redraw(self) -> None: ...
    def leave(self) -> None:
        """Ends the chat after what is being done."""
        ...


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

        front: Front = PlainFront()
    else:
        front = PromptFront(history)
    return await front.run(lambda: asyncio.create_task(_work(build, front, resume), name="worker"))


async def _work(build: "Callable[[], App]", front: Front, resume: int | None) -> int:
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
