"""The run file of a comparison: every answer as it comes, so that the same command goes on after a stop or a crash.

One line of JSON an answer, in the user's data folder, readable by nobody else; a line that a crash cut is dropped when
the file is opened again. When everything was answered the file is removed: results are where the user wanted them.
Texts are read back from the file when they are needed; in memory are places only.
"""

import hashlib
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from llamune.chat.seen import as_json
from llamune.chat.session import Answer, letter
from llamune.chat.sweep import Job, Question
from llamune.cli.compare_files import answer as answer_of
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import _

VERSION = 1
KEPT = ("knowledge", "model", "digest", "engine", "preset", "status", "text", "thinking", "reason", "error", "hint")


def key(questions: Sequence[Question], candidates: Sequence[Mapping[str, Any]], **rest: Any) -> str:
    """What makes a run the same: questions, candidates with their options, and whatever else changes answers."""
    what = {"questions": [[q.text, q.system] for q in questions], "candidates": list(candidates), **rest}
    return hashlib.sha256(json.dumps([VERSION, what], sort_keys=True).encode()).hexdigest()


class Kept:
    """The answers of one run, by job.

    Args:
        folder: where run files lie; one that cannot be written to means that answers are kept in memory only.
        key: of the run.
        fresh: begin anew, whatever is there.
        digests: model → content hash now; an answer of another one with that name does not count.

    Raises: UsageError when another process makes the same comparison now.
    """

    def __init__(self, folder: Path, key: str, *, fresh: bool, digests: Mapping[str, str]) -> None:
        self._path: Path | None = folder / f"{key[:20]}.jsonl"
        self._places: dict[Job, tuple[int, int]] = {}
        self._seconds: dict[Job, float] = {}
        self._complete: set[Job] = set()
        self._file: BinaryIO | io.FileIO
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = io.FileIO(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
        except OSError:
            self._path, self._file = None, io.BytesIO()
        _lock(self._file)
        if fresh:
            self._file.truncate(0)
        self._end = self._read(digests)
        self.found = len(self._complete)

    @property
    def on_disk(self) -> bool:
        return self._path is not None

    @property
    def complete(self) -> int:
        """How many answers are here and complete."""
        return len(self._complete)

    def has(self, job: Job) -> bool:
        """Whether that answer is complete and need not be asked again."""
        return job in self._complete

    def add(self, job: Job, answer: Answer, seconds: float) -> None:
        """One more answer, written at once. Raises LlamuneError when there is no room for it."""
        kept = {name: getattr(answer, name) for name in KEPT}
        kept |= {"options": answer.options.given(), "usage": asdict(answer.usage)}
        kept |= {"seen": as_json(answer.seen)} if answer.seen else {}
        kept |= {"checked": asdict(answer.checked)} if answer.checked else {}
        record = {"question": job.question, "candidate": job.candidate, "seconds": round(seconds, 3), "answer": kept}
        line = json.dumps(record).encode() + b"\n"
        try:
            self._file.seek(self._end)
            _write(self._file, line)
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._end)
            raise LlamuneError(
                _("The answers cannot be kept: {reason}").format(reason=error.strerror or error),
                _("Make room and type the same command again: it goes on where it was."),
            ) from error
        self._remember(job, self._end, len(line), answer.status, seconds)
        self._end += len(line)

    def answers(self, question: int, candidates: int) -> tuple[list[Answer], float]:
        """All answers to one question in the candidates' order, and the seconds they took."""
        jobs = [Job(question, n) for n in range(candidates)]
        return [self._answer(job) for job in jobs], sum(self._seconds[job] for job in jobs)

    def close(self) -> None:
        """Ends; a run with every answer complete leaves nothing behind, see `finish`."""
        self._file.close()

    def finish(self) -> None:
        """Removes the file: everything was answered and written."""
        if self._path:
            self._file.close()  # Windows removes no open file
            self._path.unlink(missing_ok=True)

    def _answer(self, job: Job) -> Answer:
        start, length = self._places[job]
        self._file.seek(start)
        line = self._file.read(length)
        return answer_of(letter(job.candidate), json.loads(line or b"")["answer"])

    def _read(self, digests: Mapping[str, str]) -> int:
        """Takes in what is there. Returns where the next line goes: behind the last whole one."""
        self._file.seek(0)
        at = 0
        for line in io.BufferedReader(_Borrowed(self._file)):
            if not line.endswith(b"\n"):
                break
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                record = json.loads(line)
                job, answer = Job(record["question"], record["candidate"]), record["answer"]
                if digests.get(answer["model"], "") in ("", answer["digest"]) or not answer["digest"]:
                    self._remember(job, at, len(line), answer["status"], record["seconds"])
            at += len(line)
        self._file.truncate(at)
        return at

    def _remember(self, job: Job, start: int, length: int, status: str, seconds: float) -> None:
        self._places[job], self._seconds[job] = (start, length), seconds
        (self._complete.add if status == "complete" else self._complete.discard)(job)


class _Borrowed(io.RawIOBase):
    """A file read through a buffer that does not close it."""

    def __init__(self, file: BinaryIO | io.FileIO) -> None:
        self._borrowed = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._borrowed.read(len(buffer)) or b""
        buffer[: len(piece)] = piece
        return len(piece)


def _write(file: BinaryIO | io.FileIO, data: bytes) -> None:
    """All of it: an unbuffered file may take a part."""
    while data:
        data = data[file.write(data) or 0 :]


def _lock(file: BinaryIO | io.FileIO) -> None:
    """One process a run. The lock goes with the process, however that ends."""
    if sys.platform == "win32" or isinstance(file, io.BytesIO):
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UsageError(
            _("The same comparison is running already."), _("Wait for it, or stop it with Ctrl-C where it runs.")
        ) from error
    except OSError:  # a file system without locks
        return
