"""Terminals for tests: the real program in a pseudo-terminal (`Term`), or prompt_toolkit without one (`Screen`).

Both show what a user would see, through pyte, and both answer the cursor position request: without an answer
prompt_toolkit draws no toolbar. Tests wait for a text, never for a time. pyte knows neither reflow nor the width of
joined emoji; those are for tmux and for tests on strings.
Use: `from terminal.term import Term, screen` (tests/ is on the path).
"""

import asyncio
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import pyte
from prompt_toolkit.application import Application, create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

# A fork of our own would have the tests' threads in it; this becomes the program, with the terminal as its own.
LAUNCHER = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
ASKS_POSITION = "\x1b[6n"


def rows_of(screen: pyte.Screen) -> list[str]:
    """The rows of the screen without blanks at their ends. (`screen.display` fails once a resize has cut a wide
    character in two.)"""
    return ["".join(screen.buffer[y][x].data for x in range(screen.columns)).rstrip() for y in range(screen.lines)]


def scrolled_rows(screen: pyte.HistoryScreen) -> list[str]:
    """The rows that have left the screen at its top, oldest first."""
    return ["".join(row[x].data for x in range(screen.columns)).rstrip() for row in screen.history.top]


class Screen:
    """Standard output for prompt_toolkit, drawn by pyte. Answers go into `inp`."""

    encoding = "utf-8"

    def __init__(self, inp: PipeInput, columns: int = 80, rows: int = 24) -> None:
        self._input = inp
        self.pyte = pyte.HistoryScreen(columns, rows, history=20_000, ratio=0.5)
        self._stream = pyte.Stream(self.pyte)
        self.written = ""

    def write(self, data: str) -> None:
        self.written += data
        self._stream.feed(data)
        if ASKS_POSITION in data:
            self._input.send_text(f"\x1b[{self.pyte.cursor.y + 1};{self.pyte.cursor.x + 1}R")

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("no file")

    def size(self) -> Size:
        return Size(self.pyte.lines, self.pyte.columns)

    async def wait_for(self, *texts: str, seconds: float = 20) -> bool:
        """Lets the loop run until all `texts` are on the screen; False if that does not happen in time."""
        end = time.monotonic() + seconds
        while not (there := all(text in self.text() for text in texts)) and time.monotonic() < end:  # noqa: ASYNC110 - drawing is no event
            await asyncio.sleep(0.01)
        return there

    def resize(self, app: Application[Any], columns: int, rows: int) -> None:
        self.pyte.resize(rows, columns)
        app._on_resize()

    def text(self) -> str:
        return "\n".join(rows_of(self.pyte))

    def everything(self) -> str:
        """What has scrolled away, and the screen."""
        return "\n".join([*scrolled_rows(self.pyte), *rows_of(self.pyte)])


@contextmanager
def screen(columns: int = 80, rows: int = 24) -> Iterator[tuple[PipeInput, Screen]]:
    """An app session on a pipe and a pyte screen: what is typed goes through `send_text`, what is seen is `text()`."""
    with create_pipe_input() as inp:
        shown = Screen(inp, columns, rows)
        output = Vt100_Output(shown, shown.size, term="xterm-256color")  # type: ignore[arg-type]
        with create_app_session(input=inp, output=output):
            yield inp, shown


class Term:
    """A program in a pseudo-terminal.

    Args:
        argv: program and arguments.
        env: added to this process's environment; TERM is xterm-256color unless it is given. A value of None removes.
    """

    def __init__(
        self, argv: Sequence[str], columns: int = 80, rows: int = 24, env: Mapping[str, str | None] | None = None
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=20_000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.status: int | None = None  # exit code, or minus the number of the signal, once it has ended
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        kept = {name: value for name, value in environment.items() if value is not None}
        self._fd, side = pty.openpty()  # sized before the program starts, or it would see 0 × 0 first
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        launch = [sys.executable, "-ISc", LAUNCHER, *argv]
        self._process = subprocess.Popen(launch, stdin=side, stdout=side, stderr=side, env=kept)
        self.pid = self._process.pid
        os.close(side)
        os.set_blocking(self._fd, False)  # what select promised may have been taken back by a flush

    def __enter__(self) -> "Term":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # reading

    def pump(self, seconds: float = 0.1) -> bool:
        """Reads what comes within that time; False when the program has left."""
        end = time.monotonic() + seconds
        while self.status is None and (left := end - time.monotonic()) > 0:
            if not select.select([self._fd], [], [], left)[0]:
                self.status = self._process.poll()  # a child of the program may keep the terminal open
                break
            if not self._read():
                return False
        return self.status is None

    def wait_for(self, *texts: str, seconds: float = 20, gone: str = "") -> bool:
        """Reads until all `texts` are on the screen (and `gone` is not); False if that does not happen in time."""
        end = time.monotonic() + seconds
        while not self._shows(texts, gone):
            if time.monotonic() > end or not self.pump(0.05):
                return self._shows(texts, gone)
        return True

    def wait_end(self, seconds: float = 20) -> int | None:
        """Reads until the program has left; its exit status, or None if it has not in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.pump(0.1):
            pass
        return self.status

    def _shows(self, texts: Sequence[str], gone: str) -> bool:
        shown = self.text()
        return all(text in shown for text in texts) and not (gone and gone in shown)

    def _read(self) -> bool:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return True
        except OSError as error:  # Linux: EIO when the other side is closed
            if error.errno != errno.EIO:
                raise
            data = b""
        if not data:
            self.status = self._process.wait(10)
            return False
        self.raw += data
        head, *rest = data.split(ASKS_POSITION.encode())
        self._stream.feed(head)
        for part in rest:  # each is answered with the place at which it was asked
            with suppress(BlockingIOError):  # a program that does not read gets no answer
                os.write(self._fd, f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R".encode())
            self._stream.feed(part)
        return True

    def text(self) -> str:
        return "\n".join(rows_of(self.screen))

    def everything(self) -> str:
        """What has scrolled away, and the screen."""
        return "\n".join([*scrolled_rows(self.screen), *rows_of(self.screen)])

    # acting

    def send(self, keys: str) -> None:
        """Types; enter is "\\r", Ctrl-C "\\x03", Ctrl-D "\\x04"."""
        data = keys.encode()
        while data:
            if select.select([], [self._fd], [], 0.01)[1]:
                with suppress(BlockingIOError):
                    data = data[os.write(self._fd, data[:512]) :]
            while select.select([self._fd], [], [], 0)[0] and self._read():
                pass  # a program that answers while it reads would otherwise fill both buffers

    def paste(self, text: str) -> None:
        """Pastes in bracketed paste mode."""
        self.send(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def kill(self, number: int = signal.SIGTERM) -> None:
        os.kill(self.pid, number)

    @property
    def echoes(self) -> bool:
        """Whether the terminal echoes what is typed, as a shell leaves it."""
        return bool(termios.tcgetattr(self._fd)[3] & termios.ECHO)

    def close(self) -> None:
        """Ends the program, politely first."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self.status is None:
                self.kill(number)
                self.wait_end(3)
        self.status = self._process.wait()
        os.close(self._fd)
