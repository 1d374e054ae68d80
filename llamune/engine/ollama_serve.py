"""Starts an installed Ollama when none answers on this machine, and ends what it started.

The server runs with its cloud functions off and without the user's proxy variables. It is only done for a loopback
address, and called behind the first paint, because it takes seconds. An Ollama that runs already is never touched.
"""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, Protocol, cast

from llamune.address import Address
from llamune.engine.faults import short
from llamune.engine.http import Check, Http, HttpError, allow_all
from llamune.errors import EngineError
from llamune.i18n import _

START_S: Final = 20.0
LOOK_S: Final = 0.1
STOP_S: Final = 5.0
LOG_TAIL: Final = 4096  # bytes
LOG_LINES: Final = 3
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "ftp_proxy"})


class Program:
    """A running `ollama serve`, and the engines it starts. Made in the process that it shall end with.

    Args:
        log: where its output goes.
        environment: variables to start it with.
        before: done in the new process, before the program begins.

    Raises: OSError where there is none, or it cannot be run.
    """

    def __init__(
        self, address: Address, log: Path, environment: Mapping[str, str], before: Callable[[], None] | None = None
    ) -> None:
        variables = {k: v for k, v in environment.items() if k.lower() not in _PROXIES}
        variables |= {"OLLAMA_HOST": address.netloc, "OLLAMA_NO_CLOUD": "1"}
        program = installed(environment)
        if program is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "ollama")
        with _private(log) as output:
            self._process = subprocess.Popen(
                (program, "serve"), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=variables,
                preexec_fn=before, **_apart(),
            )  # fmt: skip

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends it, and the engines it started; blocks until that is done."""
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            if not self.running:
                return
            _signal(self._process, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)


def installed(environment: Mapping[str, str]) -> str | None:
    """The installed `ollama`, if there is one."""
    return shutil.which("ollama", path=environment.get("PATH"))


class Starter(Protocol):
    """Who starts and stops the server for us."""

    async def start(self) -> None:
        """Raises OSError."""
        ...

    async def running(self) -> bool:
        """Whether what was started runs."""
        ...

    async def stop(self) -> None: ...


class _Here:
    """Starts it as a child of this process."""

    def __init__(self, address: Address, log: Path, environment: Mapping[str, str]) -> None:
        self._how, self._program = (address, log, environment), cast(Program | None, None)

    async def start(self) -> None:
        self._program = await asyncio.to_thread(Program, *self._how)

    async def running(self) -> bool:
        return self._program is not None and self._program.running

    async def stop(self) -> None:
        if self._program is not None:
            await asyncio.to_thread(self._program.stop)


class OllamaServer:
    """The server at `address`, started by us or not.

    Args:
        log: where its output goes.
        environment: variables to start it with.
        starter: starts it, where that is not this process (a sealed program has it outside).
    """

    def __init__(
        self, address: Address, log: Path, environment: Mapping[str, str], check: Check = allow_all,
        starter: Starter | None = None,
    ) -> None:  # fmt: skip
        self._address, self._log, self._http = address, log, Http(address, check)
        self._environment = environment
        self._starter = starter or _Here(address, log, environment)

    async def started_here(self) -> bool:
        """Whether it runs because we started it."""
        return await self._starter.running()

    async def ensure_running(self) -> bool:
        """Whether a server answers, after starting one where that is possible.

        Raises: EngineError with the last lines of its log when it was started and died or did not answer in time.
        """
        if await self._answers():
            return True
        if not self._address.loopback or self._address.tls or installed(self._environment) is None:
            return False
        await self._start()
        try:
            async with asyncio.timeout(START_S):
                await self._until_it_answers()
        except TimeoutError as error:
            await self.aclose()
            raise self._failed() from error
        return True

    async def aclose(self) -> None:
        """Ends the server, and the engines it started, if it is ours."""
        await self._starter.stop()

    async def _start(self) -> None:
        try:
            await self._starter.start()
        except OSError as error:
            raise EngineError(
                _("Ollama could not be started: {reason}").format(reason=error.strerror or error),
                _("The built-in model answers without it: /models"),
            ) from error

    async def _until_it_answers(self) -> None:
        while not await self._answers():
            if not await self.started_here():
                raise self._failed()
            await asyncio.sleep(LOOK_S)

    async def _answers(self) -> bool:
        try:
            return (await self._http.fetch("GET", "/api/version", timeout_s=2.0))[0] == 200
        except HttpError:
            return False

    def _failed(self) -> EngineError:
        try:
            lines = self._log.read_bytes()[-LOG_TAIL:].decode("utf-8", "replace").splitlines()[-LOG_LINES:]
        except OSError:
            lines = []
        return EngineError(
            _("Ollama was started and ended again: {log}").format(log=short(" / ".join(lines))),
            _("Its log: {path}").format(path=self._log),
        )


def _private(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _apart() -> dict[str, Any]:
    """A group of its own: Ctrl-C in our terminal is not for it, and its engines end with it."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    try:
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
    except ProcessLookupError:
        return
