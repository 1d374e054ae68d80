"""The program for the tests of the command line: inside this process, which is quick, and as a child of its own."""

import asyncio
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from llamune.cli import main

TIMEOUT_S = 60


@dataclass(frozen=True)
class Ended:
    """What a run of the program left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    """The program called inside this process: what is typed, what is piped in, what comes out."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str, stdin: bytes = b"") -> Ended:
        with self.monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
            code = main(words)
        return Ended(code, *self.capsys.readouterr())

    def ask(self, model: str, *words: str, stdin: bytes = b"") -> Ended:
        """`llamune ask` with a scripted model."""
        return self("ask", "--scripted", "-m", f"scripted:{model}", *words, stdin=stdin)


def started(*words: str) -> "subprocess.Popen[bytes]":
    """The program, running, with its output in pipes."""
    command = [sys.executable, "-m", "llamune", *words]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


async def beside(*words: str) -> Ended:
    """Runs the program to its end while this loop goes on (a server in it answers)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llamune", *words),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(TIMEOUT_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
