"""The real chat in a pseudo-terminal, for tests of what a user sees: types keys, waits for texts, reads the database.

Every chat has the scripted engine beside the built-in one; no test meets an Ollama that happens to run here.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyte
from terminal.term import Term, rows_of, scrolled_rows

from llamune import text

PROGRAM = (sys.executable, "-m", "llamune", "chat", "--scripted")
NOWHERE = "127.0.0.1:9"  # the discard port: nobody answers there
CLEAR, ENTER, CTRL_C, CTRL_D = "\x0c", "\r", "\x03", "\x04"
ERASED = b"\x1b[2J"  # what prompt_toolkit writes for CLEAR
WIDE = 240  # columns of the screen on which rows show their real length
ENDED = "first token"  # of the line under a complete answer


class Row(NamedTuple):
    """One stored answer with its question."""

    question: str
    letter: str
    model: str
    status: str
    text: str
    error: str
    adopted: int


def prepare(home: Path, migrated: Path | None = None, settings: str = "") -> Path:
    """A home in which no Ollama is started and no title is asked for; with a ready database where one is given."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "settings.toml").write_text(f"start_ollama = false\nsuggest_titles = false\n{settings}", encoding="utf-8")
    if migrated:
        shutil.copy(migrated, home / "llamune.db")
    return home


def environment(home: Path, **more: str | None) -> dict[str, str | None]:
    """Variables of a chat on that home; None removes one."""
    plain = {"NO_COLOR": None, "LC_ALL": None, "LC_MESSAGES": None, "LANG": "C.UTF-8", "PYTHONFAULTHANDLER": "1"}
    return {**plain, "LLAMUNE_HOME": str(home), "OLLAMA_HOST": NOWHERE, "EDITOR": "false", **more}


def answers(home: Path) -> list[Row]:
    """Every answer in the database, oldest first."""
    with sqlite3.connect(f"file:{home}/llamune.db?mode=ro", uri=True) as base:
        found = base.execute(
            "SELECT question, letter, model, status, text, error, adopted"
            " FROM answer JOIN turn ON turn.id = turn_id ORDER BY answer.id"
        )
        rows = [Row(*row) for row in found]
    base.close()
    return rows


def piped(home: Path, typed: str, *args: str, **env: str | None) -> subprocess.CompletedProcess[bytes]:
    """The chat with standard input from a pipe."""
    variables = {k: v for k, v in ({**os.environ, **environment(home, **env)}).items() if v is not None}
    command = [*PROGRAM, *args]
    return subprocess.run(command, input=typed.encode(), capture_output=True, env=variables, timeout=60)


class Chat(Term):
    """The chat on a home folder.

    Args:
        model: who answers.
        ready: a text that is there when questions are taken; "" does not wait.
    """

    def __init__(
        self,
        home: Path,
        model: str = "scripted:echo",
        *args: str,
        columns: int = 80,
        rows: int = 24,
        ready: str = "traffic",
        env: Mapping[str, str | None] | None = None,
    ) -> None:
        self.home = home
        command: Sequence[str] = [*PROGRAM, *(["-m", model] if model else []), *args]
        super().__init__(command, columns, rows, environment(home, **(env or {})))
        if ready:
            self.sees(ready)

    def sees(self, *texts: str, gone: str = "", seconds: float = 20) -> None:
        """Waits until all texts are on the screen, and `gone` is not."""
        assert self.wait_for(*texts, gone=gone, seconds=seconds), f"{texts} gone={gone!r}\n{self.text()}"

    def cleared(self) -> "Chat":
        """Clears the screen and waits for the prompt at its top, so that all that is seen from now on is new."""
        for _try in range(50):  # what was still being printed comes behind the first clearing
            before = len(self.raw)
            self.send(CLEAR)
            for _wait in range(400):
                if ERASED in self.raw[before:] or not self.pump(0.01):
                    break
            if self.pump(0.01) and self.text().startswith(("❯", ">", "@")):
                return self
        raise AssertionError(self.text())

    def types(self, line: str) -> None:
        """Types a line on a cleared screen, and Enter."""
        self.cleared().send(line + ENTER)

    def command(self, line: str, *texts: str, gone: str = "") -> str:
        """Types a command on a cleared screen and waits for what it shows. Returns the screen."""
        self.types(line)
        self.sees(*texts, gone=gone)
        return self.text()

    def ask(self, question: str, *texts: str, ended: str = ENDED) -> str:
        """Asks and waits for the end of the answer. Returns the screen."""
        return self.command(question, *texts, ended)

    def leave(self) -> None:
        self.send(CTRL_D)
        assert self.wait_end() == 0, f"{self.status}\n{self.text()}"

    @property
    def input(self) -> str:
        """What stands in the input line: the text behind the last prompt sign."""
        line = next((row for row in reversed(rows_of(self.screen)) if row.startswith(("❯", "> "))), "")
        return line[2:]

    def holds(self, text: str) -> None:
        """Waits until the input line holds that text."""
        for _try in range(400):
            if self.input == text:
                return
            self.pump(0.05)
        raise AssertionError(f"{text!r} is not in the input\n{self.text()}")

    def last(self) -> Row:
        """The newest stored answer."""
        return answers(self.home)[-1]

    def widest(self) -> tuple[int, str]:
        """The longest row that was ever written, as the program meant it: on a screen on which none is broken."""
        screen = pyte.HistoryScreen(WIDE, self.screen.lines, history=20_000, ratio=0.5)
        pyte.ByteStream(screen).feed(self.raw)
        return max((text.width(row), row) for row in [*scrolled_rows(screen), *rows_of(screen)])
