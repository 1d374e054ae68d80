"""A running llama.cpp child process, seen from the parent: started, watched, killed.

One process per model: a native crash never takes the shell down, and memory surely comes back. What it says goes to an
unnamed file, of which only the reason of a failure is read. What is asked of it is `embedded`'s part.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any, Final

from llamune.address import Address
from llamune.engine.faults import short
from llamune.engine.http import Check, Http
from llamune.engine.registry import Registered
from llamune.errors import EngineError, OutOfMemory
from llamune.i18n import _

PROGRAM: Final = Path(__file__).with_name("embedded_child.py")
UNIX: Final = "unix://"
LOG_TAIL: Final = 16 * 1024  # bytes
PROMPT_CACHE_MIB: Final = 1024  # old prompts kept in memory, so that going back to one costs nothing
TINY: Final = 64 * 1024 * 1024  # bytes; below it a second thread costs more than it gives
_REASON: Final = re.compile(r"^[\d.]+ E (?:srv|cmn)?\s*(?:\S+: )?(?:error loading model: )?(.+)$", re.MULTILINE)


class Child:
    """One llama.cpp with one model in it. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, http: Http, num_ctx: int, files: ExitStack) -> None:
        self.http, self.num_ctx = http, num_ctx
        self._process, self._files = process, files

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    async def end(self, wait_s: float) -> str:
        """How the process ended, in words; "" when it lives on after `wait_s` seconds."""
        try:
            async with asyncio.timeout(wait_s):
                return _ending(await self._process.wait())
        except TimeoutError:
            return ""

    async def stop(self) -> None:
        """Kills it and gives everything back."""
        await _stop(self._process, self._files)


async def start(entry: Registered, num_ctx: int, threads: int, check: Check, adapters: Sequence[Path] = ()) -> Child:
    """Starts llama.cpp and waits until the model is loaded; cancelling kills it.

    Args:
        num_ctx: tokens; threads: 0 = as many as are sensible here.
        adapters: LoRA files beside the model, each without effect until a request gives it a strength.

    Raises: OutOfMemory, EngineError with the reason that llama.cpp gave.
    """
    import secrets  # with tempfile a tenth of what an answer by Ollama needs to import
    import tempfile

    files = ExitStack()  # the Child closes it
    key, log = secrets.token_hex(16), files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - likewise
    config = {
        "model": entry.path, "num_ctx": num_ctx, "threads": threads or sensible_threads(entry.size), "key": key,
        "embedding": entry.embeds, "cache_mib": PROMPT_CACHE_MIB, "socket": "" if _tcp() else _place(files),
        "adapters": [str(a) for a in adapters],
    }  # fmt: skip
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(PROGRAM)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, **_apart(),
        )  # fmt: skip
    except BaseException:  # asyncio ends the process of a start that was cancelled
        files.close()
        raise
    try:
        url = await _ready(process, config, entry, log)
        address = _held(url.removeprefix(UNIX), files) if url.startswith(UNIX) else Address.parse(url)
    except BaseException:
        await _stop(process, files)
        raise
    return Child(process, Http(address, check, {"Authorization": f"Bearer {key}"}), num_ctx, files)


def _tcp() -> bool:
    """Whether sockets of a network can be opened here: not where a seal leaves only Unix sockets."""
    try:
        socket.socket().close()
    except PermissionError:
        return False
    return True


def _place(files: ExitStack) -> str:
    """A path for a Unix socket, in a folder that goes with `files`."""
    import tempfile

    return f"{files.enter_context(tempfile.TemporaryDirectory(prefix='llamune-'))}/llama.sock"


def _held(path: str, files: ExitStack) -> Address:
    """A Unix socket, held open so that its folder can go now: then nothing is left behind, however we end."""
    import shutil

    number = os.open(path, os.O_PATH)
    files.callback(os.close, number)
    shutil.rmtree(os.path.dirname(path))
    return Address(f"/proc/self/fd/{number}", 0)


async def _ready(process: asyncio.subprocess.Process, config: dict[str, Any], entry: Registered, log: IO[bytes]) -> str:
    assert process.stdin is not None  # asked for above
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(config).encode() + b"\n")
        await process.stdin.drain()
        answer = json.loads(await process.stdout.readline() or b"{}")
    except (OSError, ValueError):
        answer = {}
    if isinstance(answer, dict) and isinstance(answer.get("url"), str):
        return str(answer["url"])
    code = await process.wait()
    raise _not_loaded(entry, code, _reason(log))


def _not_loaded(entry: Registered, code: int, said: str) -> EngineError:
    if code == -9:  # SIGKILL: on Linux the kernel's answer to too little memory
        return OutOfMemory(
            _("{model} does not fit into memory: its process was killed while loading.").format(model=entry.name),
            _("Make the context smaller with /context size, or take a smaller model."),
        )
    return EngineError(
        _("{model} cannot be loaded: {reason}").format(model=entry.name, reason=short(said) or _ending(code)),
        _("File: {path}").format(path=entry.path),
    )


def _reason(log: IO[bytes]) -> str:
    """The first error in the log: what follows it are its consequences."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - LOG_TAIL))
    text = log.read().decode("utf-8", "replace")
    found = _REASON.search(text)
    return found[1] if found else (text.strip().splitlines() or [""])[-1]


def _ending(code: int) -> str:
    if code < 0:
        return _("its process was ended by signal {number}").format(number=-code)
    return _("its process ended with code {number}").format(number=code)


async def _stop(process: asyncio.subprocess.Process, files: ExitStack) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            process.kill()
    try:
        await process.wait()
    finally:
        files.close()


def _apart() -> dict[str, Any]:
    """Ctrl-C in the terminal is ours, not the child's."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def sensible_threads(size: int) -> int:
    """Threads for a model of `size` bytes: one core stays free, because one that llama.cpp waits for at its barriers
    while another program holds it costs 8 to 90 times, not half."""
    if size < TINY:
        return 1
    import psutil  # type: ignore[import-untyped]

    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(psutil.cpu_count(logical=False) or usable, usable) - 1)
