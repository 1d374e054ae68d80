"""Which GGUF files the built-in llama.cpp may run: those that ship with the program, and those the user registered.

Registered files stay where they are; models.json remembers path, hash and what the header said. Shipped ones are found
by looking: `guide-1m.gguf` is `guide:1m`. A file that has changed is read and hashed again. Nothing is loaded here.
"""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from llamune import files
from llamune.chat.model import ModelInfo
from llamune.chat.ports import Progress
from llamune.engine.faults import model_not_found
from llamune.engine.files import check_name, checked, sha256
from llamune.errors import EngineError, EngineRefused, ModelNotFound
from llamune.i18n import _

ENGINE: Final = "embedded"
_THINKS: Final = ("enable_thinking", "<think>")


@dataclass(frozen=True, slots=True)
class Registered:
    """One file. The fields are those of models.json; sizes in bytes, times in nanoseconds."""

    name: str
    path: str
    sha256: str
    size: int
    modified: int
    parameters: str = ""
    quantisation: str = ""
    family: str = ""
    context_length: int = 0
    kv_bytes_per_token: int = 0
    kv_window_bytes: int = 0
    window: int = 0
    work_bytes: int = 0
    embeds: bool = False
    thinks: bool = False

    def info(self, note: str = "") -> ModelInfo:
        """The same as the rest of the program sees it; `note` is one line about it for lists."""
        does = {"embedding"} if self.embeds else {"completion", "thinking"} if self.thinks else {"completion"}
        return ModelInfo(
            name=self.name, engine=ENGINE, digest=self.sha256, size=self.size, parameters=self.parameters,
            quantisation=self.quantisation, family=self.family, context_length=self.context_length,
            kv_bytes_per_token=self.kv_bytes_per_token, kv_window_bytes=self.kv_window_bytes, window=self.window,
            work_bytes=self.work_bytes, capabilities=frozenset(does), note=note, path=self.path,
        )  # fmt: skip


class Registry:
    """The files of one home folder.

    Args:
        folder: where models.json is; made when something is registered.
        shipped: folder of the models that come with the program.
    """

    def __init__(self, folder: Path, shipped: Path) -> None:
        self._file, self._shipped_folder = folder / "models.json", shipped
        self._described: dict[tuple[str, str], Registered] = {}  # by name and path

    def names(self) -> tuple[str, ...]:
        """Every name, shipped ones first. Reads two small things from disk."""
        return tuple(dict.fromkeys((*self._shipped(), *self._registered())))

    async def get(self, name: str) -> Registered:
        """One file. Raises ModelNotFound, and EngineError when the file is gone or no model any more."""
        path = self._shipped().get(name)
        entry = self._registered().get(name)
        if path is None and entry is None:
            raise model_not_found(name, self.names())
        return await self._current(name, path or Path(entry.path), entry)  # type: ignore[union-attr]

    async def all(self) -> tuple[Registered, ...]:
        """Every file that is there and whole."""
        found: list[Registered] = []
        for name in self.names():
            try:
                found.append(await self.get(name))
            except EngineError:
                continue
        return tuple(found)

    def info(self, entry: Registered) -> ModelInfo:
        """What lists show of a file; the shipped ones are honest about themselves."""
        demo = Path(entry.path).parent == self._shipped_folder
        return entry.info(_("a tiny demonstration model that only knows Llamune") if demo else "")

    async def add(self, path: Path, name: str, progress: Progress) -> Registered:
        """Registers a file, or registers it anew. Raises EngineRefused, EngineError."""
        self._check(name)
        self._read()  # a list that cannot be read is told before the file is, which takes its time
        entry = await asyncio.to_thread(_describe, name, path, progress)
        self._write([*(e for e in self._read() if e.name != name), entry])
        return entry

    async def alias(self, model: str, name: str) -> None:
        """Gives a file another name. Raises ModelNotFound, EngineRefused, EngineError."""
        self._check(name)
        entry = replace(await self.get(model), name=name)
        self._write([*(e for e in self._read() if e.name != name), entry])

    def remove(self, name: str) -> None:
        """Forgets a file; the file itself stays. Raises ModelNotFound, EngineRefused for a shipped one."""
        if name in self._shipped():
            raise EngineRefused(_("{name} ships with Llamune and cannot be removed.").format(name=name))
        entries = self._read()
        if not any(e.name == name for e in entries):
            raise model_not_found(name, self.names())
        self._write([e for e in entries if e.name != name])

    def _check(self, name: str) -> None:
        check_name(name)
        if name in self._shipped():
            raise EngineRefused(
                _("{name} is a model that ships with Llamune.").format(name=name), _("Take another name.")
            )

    async def _current(self, name: str, path: Path, entry: Registered | None) -> Registered:
        try:
            status = await asyncio.to_thread(path.stat)
        except OSError as error:
            raise ModelNotFound(
                _("The file of {name} is gone: {path}").format(name=name, path=path),
                _("Put it back, register it again with llamune models import, or remove the model."),
            ) from error
        known = self._described.get((name, str(path)), entry)
        if known is None or (known.size, known.modified) != (status.st_size, status.st_mtime_ns):
            known = await asyncio.to_thread(_describe, name, path, lambda *_progress: None)
        self._described[name, str(path)] = known
        return known

    def _shipped(self) -> dict[str, Path]:
        files = sorted(self._shipped_folder.glob("*.gguf"), key=lambda p: (len(p.name), p.name))
        return {p.stem.replace("-", ":", 1): p for p in files}

    def _registered(self) -> dict[str, Registered]:
        """What models.json lists; a damaged one must not hide the shipped models, so it lists nothing."""
        try:
            return {e.name: e for e in self._read()}
        except EngineError:
            return {}

    def _read(self) -> list[Registered]:
        try:
            found = json.loads(files.read(self._file))
            return [Registered(**entry) for entry in found["models"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise EngineError(
                _("The list of models cannot be read: {path}").format(path=self._file),
                _("Mend or remove this file; the models themselves lie elsewhere."),
            ) from error

    def _write(self, entries: Iterable[Registered]) -> None:
        content: dict[str, Any] = {"models": [asdict(e) for e in entries]}
        try:
            files.replace(self._file, json.dumps(content, ensure_ascii=False, indent=1))
        except OSError as error:
            raise EngineError(
                _("{path} cannot be written: {reason}").format(path=self._file, reason=error.strerror or error)
            ) from error


def _describe(name: str, path: Path, progress: Progress) -> Registered:
    header = checked(path)
    digest, status = sha256(path, progress), path.stat()
    return Registered(
        name=name, path=str(path.absolute()), sha256=digest, size=status.st_size, modified=status.st_mtime_ns,
        parameters=header.parameters, quantisation=header.quantisation, family=header.architecture,
        context_length=header.context_length, embeds=header.pooling,
        thinks=any(mark in header.chat_template for mark in _THINKS), **asdict(header.memory),
    )  # fmt: skip
