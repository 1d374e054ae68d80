"""The parent of the process that reads files: asks, waits no longer than allowed, kills, starts again.

One process serves many files; one that was killed or that ran out of memory costs the file it was reading.
"""

import json
import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

ANSWER = 200_000_000  # bytes of one answer; more is not an honest one
HOME = Path(__file__).parents[2]  # `python -m` looks for modules where it runs: not among the user's files
Sealed = Callable[[Sequence[str]], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the process that reads. Args: seconds: for one text; memory: bytes of address space."""

    seconds: int = 30
    memory: int = 2_000_000_000


class Worker(AbstractContextManager["Worker"]):
    """Reads one file at a time in a child.

    Args:
        sealed: makes of a command line one that has no network (`network.sealed.child`).
    """

    def __init__(self, limits: Limits, sealed: Sealed) -> None:
        arguments = (str(limits.memory), str(limits.seconds))
        self._command = list(sealed([sys.executable, "-B", "-m", "llamune.sources.child", *arguments]))
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0  # files by this child
        self._late = False
        self._due = math.inf  # when the answer at hand is late
        self._ended, self._watcher = threading.Event(), threading.Thread()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def read(self, file: str, digest: str) -> Iterator[Mapping[str, Any]]:
        """The child's answers about a file. A child that was in use before and fails at once gets a successor.

        Args:
            digest: the file's when it was read last; "" = never.
        """
        served = self._served
        for number, answer in enumerate(self._ask(file, digest)):
            if served and number <= 1 and _failed(answer):
                self._end()
                yield from self._ask(file, digest)
                return
            yield answer

    def _ask(self, file: str, digest: str) -> Iterator[Mapping[str, Any]]:
        child = self._running()
        self._served += 1
        with suppress(OSError):  # a child that died in the meantime is seen at the first answer
            child.stdin.write(json.dumps({"file": file, "digest": digest}).encode() + b"\n")  # type: ignore[union-attr]
            child.stdin.flush()  # type: ignore[union-attr]
        while (answer := self._answer(child)) is not None:
            if not answer:
                return
            yield answer
        aborted = self._end() == -signal.SIGABRT  # how libraries in Rust and C++ end where memory does
        yield {"failure": {"name": "", "reason": "slow" if self._late else "memory" if aborted else "crashed"}}

    def _answer(self, child: subprocess.Popen[bytes]) -> Mapping[str, Any] | None:
        """The next answer; None where none came in time or none can be understood."""
        self._late, self._due = False, time.monotonic() + self._limits.seconds
        try:
            line = child.stdout.readline(ANSWER)  # type: ignore[union-attr]
        finally:
            self._due = math.inf
        try:
            answer = json.loads(line)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def _watch(self, child: subprocess.Popen[bytes], ended: threading.Event) -> None:
        """Kills a child whose answer is late. One thread a child: one an answer would take longer than most files."""
        while not ended.wait(min(self._limits.seconds, max(0.0, self._due - time.monotonic()))):
            if time.monotonic() >= self._due:
                self._late = True
                child.kill()
                return

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HOME
            )
            self._served, self._ended = 0, threading.Event()
            self._watcher = threading.Thread(target=self._watch, args=(self._child, self._ended), daemon=True)
            self._watcher.start()
        return self._child

    def _end(self) -> int:
        """Ends the child, if there is one. Returns its exit code."""
        child, self._child, self._served = self._child, None, 0
        if child is None:
            return 0
        self._ended.set()
        self._watcher.join()
        child.kill()
        with suppress(OSError):
            child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
        return child.wait()


def _failed(answer: Mapping[str, Any]) -> bool:
    failure = answer.get("failure")
    return isinstance(failure, dict) and failure.get("reason") in ("memory", "crashed")
