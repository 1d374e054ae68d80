"""Starts an installed Ollama when none answers on this machine, and ends what it started.

The server runs with its cloud functions off and without the user's proxy variables. It is only done for a loopback
address, and called behind the first paint, because it takes seconds. An Ollama that runs already is never touched.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

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


class OllamaServer:
    """The server at `address`, started by us or not.

    Args:
        log: where its output goes.
        environment: variables to start it with.
    """

    def __init__(self, address: Address, log: Path, environment: Mapping[str, str], check: Check = allow_all) -> None:
        self._address, self._log, self._http = address, log, Http(address, check)
        self._environment = {k: v for k, v in environment.items() if k.lower() not in _PROXIES}
        self._environment |= {"OLLAMA_HOST": address.netloc, "OLLAMA_NO_CLOUD": "1"}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def program(self) -> str | None:
        """The installed `ollama`, if there is one."""
        return shutil.which("ollama", path=self._environment.get("PATH"))

    @property
    def started_here(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def ensure_running(self) -> bool:
        """Whether a server answers, after starting one where that is possible.

        Raises: EngineError with the last lines of its log when it was started and died or did not answer in time.
        """
        if await self._answers():
            return True
        if not self._address.loopback or self._address.tls or self.program is None:
            return False
        await self._start(self.program)
        try:
            async with asyncio.timeout(START_S):
                await self._until_it_answers()
        except TimeoutError as error:
            await self.aclose()
            raise self._failed() from error
        return True

    async def aclose(self) -> None:
        """Ends the server, and the engines it started, if it is ours."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            await process.wait()

    async def _start(self, program: str) -> None:
        try:
            with _private(self._log) as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(program, "serve"), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment,
                    **_apart(),
                )  # fmt: skip
        except OSError as error:
            raise EngineError(
                _("Ollama could not be started: {reason}").format(reason=error.strerror or error),
                _("The built-in model answers without it: /models"),
            ) from error

    async def _until_it_answers(self) -> None:
        while not await self._answers():
            if not self.started_here:
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


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    try:
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
    except ProcessLookupError:
        return
