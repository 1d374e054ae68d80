"""Builds and runs real Ollama servers for the tests in this folder.

They lie in LLAMUNE_LIVE_DIR, or in .live/ of the checkout, as `new/` (0.34.4, about a minute to build) and `old/`
(0.11.4, about five minutes; built only when LLAMUNE_LIVE_OLD=1). Every server gets a free port, a home and a store of
its own.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from llamune.address import Address

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("LLAMUNE_LIVE_DIR") or HERE.parents[1] / ".live")
BUILD_S = 1800
START_S = 30.0


def built(generation: str) -> Path:
    """The folder of a built server ("new" or "old"). Skips the test, with the reason, where there is none."""
    folder = FOLDER / generation
    if sys.platform == "win32":
        pytest.skip("the live servers are built by a POSIX shell script")
    if shutil.which("go") is None and not (folder / "ollama").exists():
        pytest.skip("no Go toolchain here to build a real Ollama server with")
    if generation == "old" and not old_is_wanted():
        pytest.skip("Ollama 0.11.4 is not built here; LLAMUNE_LIVE_OLD=1 builds it (five minutes)")
    command = [str(HERE / "ollama-live"), "build", str(folder), generation]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"Ollama could not be built: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return folder


def old_is_wanted() -> bool:
    return (FOLDER / "old" / "ollama").exists() or os.environ.get("LLAMUNE_LIVE_OLD") == "1"


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(folder: Path, store: Path) -> Iterator[Address]:
    """Runs a server until the block is left; then it and its engines are gone."""
    address = Address("127.0.0.1", free_port())
    store.mkdir(parents=True, exist_ok=True)
    with (store / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(HERE / "ollama-live"), "serve", str(folder), str(address.port), str(store)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(address, process, store / "log")
        yield address
    finally:
        _end(process)


def _wait(address: Address, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with closing(socket.create_connection((address.host, address.port), timeout=1)):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the live server did not start: {log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
    process.wait()
