"""What every test gets: a home of its own, English, and a guard that fails a test which dials out."""

import ipaddress
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamune import i18n
from llamune.paths import Paths

RESOLVES = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


class NetworkGuard:
    """Refuses every connection and look-up that leaves this machine, and remembers it.

    An audit hook can never be taken out again, so one guard serves the whole run.
    """

    def __init__(self) -> None:
        self.refused: list[str] = []

    def __call__(self, event: str, args: tuple) -> None:
        if event in RESOLVES:
            self.check(event, args[0])
        elif event in SENDS and isinstance(args[1], tuple) and len(args[1]) >= 2:  # a local socket has a path instead
            self.check(event, args[1][0])

    def check(self, event: str, host: object) -> None:
        if not stays_here(host):
            self.refused.append(f"{event} {host!r}")
            raise PermissionError(f"a test tried to leave this machine: {event} {host!r}")


def stays_here(host: object) -> bool:
    """Is `host` this machine? Numbers that only servers use ("every address") count as that."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else host
    if name is None or not isinstance(name, str) or name in ("", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background: programs under test inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    guard = NetworkGuard()
    config.stash[GUARD] = guard
    sys.addaudithook(guard)


GUARD: pytest.StashKey[NetworkGuard] = pytest.StashKey()


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What was refused during this test; a test that expects a refusal clears the list."""
    refused = request.config.stash[GUARD].refused
    refused.clear()
    yield refused
    assert not refused, f"dialled out: {refused}"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder of this test, also for child processes; no variable of the user's reaches the test."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LLAMUNE_HOME", str(folder))
    for name in ("OLLAMA_HOST", "NO_COLOR", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    return folder


@pytest.fixture
def paths(home: Path) -> Paths:
    """The paths in this test's home, which exists."""
    found = Paths(home)
    found.make()
    return found


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    i18n.install("en")
    yield
    i18n.install("en")
