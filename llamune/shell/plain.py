"""The chat without an input line, for pipes and dumb terminals: lines of standard input in, text out, nothing redrawn.

The next line is read when the last one is done. Ctrl-C stops an answer; where none is being made it leaves, and so do
SIGTERM and SIGHUP: an answer that they cut is marked.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, TextIO

from llamune.shell.screen import Screen, spelled
from llamune.shell.style import Style, colors
from llamune.shell.thread import in_thread

if TYPE_CHECKING:
    from llamune.shell.front import Moved, Prompt, Worker

AT_ONCE = 65536  # bytes read at most


class PlainScreen:
    """Text to a stream."""

    live = False
    room = 0

    def __init__(self, output: TextIO | None = None, columns: int = 80) -> None:
        self._output = output or sys.stdout
        self.columns = columns

    def above(self, text: str, *, within: float = 0.0) -> None:
        self._output.write(spelled(text if text.endswith("\n") else text + "\n", self._output.encoding))
        self._output.flush()

    def preview(self, rows: Sequence[str]) -> None:
        """Nothing: what may still change is not shown here."""


class Lines:
    """Lines of a text stream, read without holding the loop or, at the program's end, the stream's lock."""

    def __init__(self, source: TextIO) -> None:
        self._encoding = source.encoding or "utf-8"
        buffer = source.buffer
        self._raw: IO[bytes] = getattr(buffer, "raw", buffer)
        self._rest = b""

    async def next(self) -> str:
        """The next line without its end. Raises EOFError where there is none."""
        while b"\n" not in self._rest:
            if not (data := await in_thread(lambda: self._raw.read(AT_ONCE))):
                if not self._rest:
                    raise EOFError
                self._rest += b"\n"
            self._rest += data
        line, _end, self._rest = self._rest.partition(b"\n")
        return line.decode(self._encoding, "replace").rstrip("\r")


class PlainFront:
    """Standard input and output as the front of the chat."""

    lines: Collection[str] = ()
    asking = False

    def __init__(self) -> None:
        self.left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.worker: Worker | None = None
        self.screen: Screen = PlainScreen()
        self.style = Style(colors(terminal=sys.stdout.isatty()))
        self._lines = Lines(sys.stdin)
        self._signal = 0

    async def run(self, work: "Callable[[], asyncio.Task[int]]") -> int:
        task = work()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if number := getattr(signal, name, 0):
                with suppress(NotImplementedError):  # Windows
                    asyncio.get_running_loop().add_signal_handler(number, self._signalled, number, task)
        try:
            return await task
        except asyncio.CancelledError:
            if self._signal:
                return 128 + self._signal
            raise

    def _signalled(self, number: int, task: "asyncio.Task[int]") -> None:
        if number == signal.SIGINT and self.worker and self.worker.stop():
            return
        self._signal = number
        task.cancel()

    async def ask(self, prompt: "Prompt", default: str = "", moved: "Moved | None" = None) -> str:
        try:
            return await self._read(prompt if isinstance(prompt, str) else prompt(default))
        except EOFError:
            return ""

    async def next(self) -> str | None:
        while not self.left.done():
            try:
                line = await self._read(self.worker.message() if self.worker else "")
            except EOFError:
                return None
            if line.strip():
                return line
        return None

    async def _read(self, prompt: str) -> str:
        if sys.stdin.isatty():
            sys.stdout.write(spelled(prompt, sys.stdout.encoding))
            sys.stdout.flush()
        return await self._lines.next()

    def put(self, text: str, *, over: bool = True) -> None:
        """Nothing: there is no input line to edit."""

    def copy(self, text: str) -> bool:
        return False

    def forget(self, texts: Collection[str]) -> None:
        """Nothing: nothing is remembered."""

    def redraw(self) -> None:
        """Nothing: there is nothing to redraw."""

    def leave(self) -> None:
        if not self.left.done():
            self.left.set_result(None)
