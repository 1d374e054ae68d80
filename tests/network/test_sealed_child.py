"""Children that have no network at all: training and ingestion."""

import signal
import socket
import subprocess
import sys

import pytest

from llamune.network import sealed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and seccomp are Linux's")

TRIES = """
import asyncio, os, socket, sys
def tried(action):
    try:
        action()
        return "done"
    except OSError as error:
        return type(error).__name__
print(os.environ.get("LLAMUNE_SEALED"), os.getpid(),
    tried(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)),
    tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))))
socket.socketpair()
asyncio.run(asyncio.sleep(0))
"""


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Only this way exists, as on a system that refuses the stronger ones."""
    monkeypatch.setattr(sealed, "WAYS", (request.param,))
    return str(request.param)


@pytest.mark.parametrize("ways", ["namespace", "seccomp"], indirect=True)
def test_a_child_reaches_nobody_not_even_this_machine(ways: str) -> None:
    made = sealed.child([sys.executable, "-c", TRIES])
    if made.way == "guard":
        pytest.skip(f"no {ways} here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with subprocess.Popen([*made.argv, port], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            way, pid, tcp, udp = process.stdout.readline().split()
        assert process.returncode == 0
        assert (way, int(pid)) == (ways, process.pid)
        refused = {"namespace": ("ConnectionRefusedError", "OSError"), "seccomp": ("PermissionError",) * 2}
        assert (tcp, udp) == refused[ways]
        unsealed = subprocess.run(
            [sys.executable, "-c", TRIES.replace("192.0.2.1", "127.0.0.1"), port], stdout=subprocess.PIPE
        )
        assert unsealed.stdout.split()[2:] == [b"done", b"done"]


@pytest.mark.parametrize("ways", ["namespace", "seccomp"], indirect=True)
def test_exit_codes_and_signals_are_the_program_s_own(ways: str) -> None:
    made = sealed.child(["/bin/sh", "-c", "exit 7"])
    assert subprocess.run(made.argv).returncode == 7
    made = sealed.child(["/bin/sh", "-c", "kill -9 $$"])
    assert subprocess.run(made.argv).returncode == -signal.SIGKILL


@pytest.mark.parametrize("ways", ["namespace", "seccomp"], indirect=True)
def test_what_a_child_starts_is_sealed_too_and_cannot_undo_it(ways: str) -> None:
    made = sealed.child(["/bin/sh", "-c", 'unshare -rn true; "$0" -c "$1" 9', sys.executable, TRIES])
    if made.way == "guard":
        pytest.skip(f"no {ways} here")
    out = subprocess.run(made.argv, capture_output=True, text=True).stdout.split()
    assert out[0] == ways
    assert "done" not in out


def test_a_system_without_either_way_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "WAYS", ())
    assert sealed.child(["true"]) == sealed.Child(["true"], "guard")


def test_a_seal_that_was_promised_and_cannot_be_made_runs_nothing() -> None:
    made = sealed.child(["echo", "ran"])
    if made.way != "namespace":
        pytest.skip("no namespaces here")
    limited = ["unshare", "-r", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"', *made.argv]
    done = subprocess.run(limited, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (125, "")
    assert "could not be sealed" in done.stderr


def test_resolvers_and_buses_are_covered() -> None:
    looks = ["/bin/sh", "-c", "for d in /run/systemd /run/dbus /run/nscd; do ls -A $d; done 2>/dev/null"]
    made = sealed.child(looks)
    if made.way != "namespace" or not subprocess.run(looks, capture_output=True).stdout:
        pytest.skip("no namespaces here, or nothing to cover")
    assert subprocess.run(made.argv, capture_output=True).stdout == b""
