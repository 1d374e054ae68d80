"""The versions of own models: a folder each, with everything that made them, and which one stands.

HOME/own/NAME/3/ holds job.json, dataset.jsonl, model.gguf, result.json and the log of events. A version that is being
made holds a lock, so a process that died is never "running".
"""

import fcntl
import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from llamune import files
from llamune.errors import TrainingError, UsageError, near
from llamune.i18n import _

State = Literal["running", "stopped", "done"]
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of one own model.

    Args:
        job: what was asked for: base, recipe, sources, data hash.
        result: figures, files with their SHA-256; empty while it is not done.
    """

    name: str
    number: int
    folder: Path
    state: State
    job: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def tag(self) -> str:
        return f"{self.name}:{self.number}"


class Versions:
    """All own models of one home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Version]:
        """Every version, newest of each name first."""
        found = [self._read(p) for n in _folders(self.folder) for p in _folders(n) if p.name.isdecimal()]
        return sorted(found, key=lambda v: (v.name, -v.number))

    def find(self, wanted: str) -> Version:
        """The version NAME:N, or the newest of NAME. Raises UsageError with near matches."""
        name, _colon, number = wanted.partition(":")
        versions = self.all()
        own = [v for v in versions if v.name == name and number in ("", str(v.number))]
        if own:
            return own[0]
        close = near(wanted, (v.tag for v in versions))
        hint = _("Did you mean {names}?").format(names=", ".join(close)) if close else ""
        raise UsageError(_("There is no own model called {name}.").format(name=wanted), hint)

    def finished(self, wanted: str) -> Version:
        """As `find`. Raises UsageError when it is not finished, too."""
        version = self.find(wanted)
        if version.state != "done":
            raise UsageError(
                _("{name} is not finished.").format(name=version.tag),
                _("To go on: {command}").format(command=f"llamune finetune resume {version.tag}"),
            )
        return version

    def new(self, name: str, job: Mapping[str, Any], dataset: Path) -> Version:
        """A new version of a name, which will learn from a copy of `dataset`. Raises UsageError, TrainingError."""
        if not NAME.fullmatch(name):
            raise _bad_name(name)
        number = 1 + max((v.number for v in self.all() if v.name == name), default=0)
        folder = self.folder / name / str(number)
        try:
            folder.mkdir(mode=0o700, parents=True)
            shutil.copyfile(dataset, folder / "dataset.jsonl")
            whole = {**job, "name": f"{name}:{number}", "data": digest(dataset)}
            files.replace(folder / "job.json", json.dumps(whole, ensure_ascii=False))
        except OSError as error:
            raise TrainingError(
                _("{path} cannot be written: {reason}").format(path=folder, reason=error.strerror or error)
            ) from error
        return self._read(folder)

    def data(self, name: str) -> Path:
        """Where the data set of a name lies. Raises UsageError."""
        if not NAME.fullmatch(name):
            raise _bad_name(name)
        return self.folder / name / "data"

    def current(self, name: str) -> int:
        """The promoted version, 0 = none."""
        with suppress(OSError, ValueError):
            return int((self.folder / name / "current").read_text())
        return 0

    def promote(self, version: Version) -> None:
        """Remembers which version stands, and which stood before. Raises OSError."""
        before = self.current(version.name)
        files.replace(self.folder / version.name / "current", str(version.number))
        if before and before != version.number:
            files.replace(self.folder / version.name / "before", str(before))

    def before(self, name: str) -> int:
        """The version that stood before the current one, 0 = none."""
        with suppress(OSError, ValueError):
            return int((self.folder / name / "before").read_text())
        return 0

    def delete(self, version: Version) -> None:
        """Removes a version's folder, and what points to it: its number may come again. Raises OSError."""
        for mark in ("current", "before"):
            if getattr(self, mark)(version.name) == version.number:
                (self.folder / version.name / mark).unlink()
        shutil.rmtree(version.folder)

    @contextmanager
    def turn(self, waiting: Callable[[], None]) -> Iterator[None]:
        """One job at a time: waits until no other process makes a model; tells once that it waits."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def working(self, version: Version) -> Iterator[None]:
        """Holds the version's lock. Raises TrainingError when another process makes it already."""
        handle = os.open(version.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(handle, f"{os.getpid():<12}".encode(), 0)
            yield
        except BlockingIOError as error:
            raise TrainingError(_("{name} is being made by another process.").format(name=version.tag)) from error
        finally:
            os.close(handle)

    def stop(self, version: Version) -> None:
        """Ends the process that makes a version; nothing of it is lost. Raises UsageError when none does."""
        if version.state != "running":
            raise UsageError(_("{name} is not being made.").format(name=version.tag))
        os.kill(int((version.folder / "lock").read_text()), signal.SIGTERM)

    def _read(self, folder: Path) -> Version:
        job, result = _json(folder / "job.json"), _json(folder / "result.json")
        state: State = "done" if result else "running" if _locked(folder / "lock") else "stopped"
        return Version(folder.parent.name, int(folder.name), folder, state, job, result)


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises OSError."""
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _bad_name(name: str) -> UsageError:
    return UsageError(
        _("{name} cannot be the name of a model.").format(name=name),
        _("Small letters, digits, dots and hyphens: {example}").format(example="kitei"),
    )


def _folders(path: Path) -> list[Path]:
    with suppress(OSError):
        return [p for p in path.iterdir() if p.is_dir()]
    return []


def _json(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _locked(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
