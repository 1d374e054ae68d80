"""Sealed mode through the front door: what works in it, what is left of it, and what it says."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import outside
import pytest

from llamune.paths import Paths
from tests.contract.ollama_standin import StandIn
from tests.functional.program import Ended

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and seccomp are Linux's")
FAKE = """#!/bin/sh
exec {python} -c '
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = b"{{\\"version\\": \\"0.34.4\\"}}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
host, port = os.environ["OLLAMA_HOST"].split(":")
open(os.environ["FAKE_PID"], "w").write(str(os.getpid()))
http.server.HTTPServer((host, int(port)), Handler).serve_forever()'
"""


def start(ways: str, *words: str, **more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(HERE / "sealing.py"), ways, *words]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), **more}
    stdin = subprocess.PIPE if "chat" in words else subprocess.DEVNULL
    pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, **pipes)  # type: ignore[call-overload, no-any-return]


def run(ways: str, *words: str, typed: str = "", **more: str) -> Ended:
    with start(ways, *words, **more) as process:
        out, err = process.communicate(typed.encode() or None, timeout=120)
    return Ended(process.returncode, out.decode(), err.decode())


async def beside(ways: str, *words: str, **more: str) -> Ended:
    import asyncio

    return await asyncio.to_thread(run, ways, *words, **more)


def way_here(way: str) -> None:
    probe = [sys.executable, "-m", "llamune.network.sealed_child", way]
    if subprocess.run(probe, capture_output=True, cwd=HERE.parents[1]).returncode:
        pytest.skip(f"no {way} here")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def outside_of(pid: int) -> int:
    """The process outside that belongs to a program."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().strip() == "llamune-outside":
            return int(child)
    return 0


@pytest.mark.parametrize("way", ["namespace", "seccomp"])
async def test_an_engine_answers_through_the_relay(way: str) -> None:
    way_here(way)
    async with StandIn().serving() as server:
        done = await beside(way, "--sealed", "ask", "-m", "m", "hello", OLLAMA_HOST=server.address.netloc)
        again = await beside(way, "--sealed", "models", "list", OLLAMA_HOST=server.address.netloc)
    assert (done.code, "東京" in done.out) == (0, True), done.err
    assert "standin" in again.out or " m" in again.out


@pytest.mark.parametrize("way", ["namespace", "seccomp"])
def test_the_built_in_model_answers_inside_and_the_figure_says_sealed(way: str) -> None:
    way_here(way)
    done = run(way, "--sealed", "chat", "-m", "guide:1m", typed="Hello\n/traffic\n/quit\n", OLLAMA_HOST="127.0.0.1:9")
    assert done.code == 0, done.err
    assert "Llamune" in done.out
    assert "sealed · outside 0 B ✓" in done.out
    told = " ".join(done.out.split())
    assert ("relays lead out" if way == "seccomp" else "no other way") in told
    assert ("What the filter (seccomp) refuses is not listed" in told) == (way == "seccomp")


def test_where_nothing_works_on_does_not_start_and_auto_says_so() -> None:
    refused = run("", "--sealed", "ask", "-m", "guide:1m", "Hello")
    assert (refused.code, refused.out) == (7, "")
    assert "cannot be sealed here" in refused.err
    done = run("", "chat", "-m", "guide:1m", typed="Hello\n/traffic\n/quit\n", OLLAMA_HOST="127.0.0.1:9")
    assert done.code == 0
    assert "Not sealed: " in done.out
    assert "sealed · outside" not in done.out


async def test_no_letter_goes_out_before_the_seal() -> None:
    async with StandIn().serving() as server:
        words = ("ask", "--sealed", "-m", "m", "hello")
        first = await beside("namespace,seccomp", *words, OLLAMA_HOST=server.address.netloc)
        if first.code == 7:
            pytest.skip("nothing can be sealed here")
        assert (first.code, first.err) == (0, "")
        second = await beside("namespace,seccomp", *words, OLLAMA_HOST=server.address.netloc)
        assert (second.code, len(server.bodies("/api/chat"))) == (0, 2), second.err
        server.requests.clear()
        refused = await beside("", *words, OLLAMA_HOST=server.address.netloc)
        assert (refused.code, server.requests) == (7, [])


def test_off_is_off() -> None:
    done = run("namespace,seccomp", "settings", "set", "sealed", "off")
    assert done.code == 0
    done = run("namespace,seccomp", "chat", "-m", "guide:1m", typed="/traffic\n/quit\n", OLLAMA_HOST="127.0.0.1:9")
    assert "Not sealed: the setting sealed is off." in done.out


@pytest.fixture
def fake(tmp_path: Path) -> dict[str, str]:
    """Variables with which an `ollama` is installed that serves, and tells its pid."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ollama").write_text(FAKE.format(python=sys.executable))
    (folder / "ollama").chmod(0o755)
    from tests.live.ollama_live import free_port

    place = f"127.0.0.1:{free_port()}"
    return {"PATH": f"{folder}:{os.environ['PATH']}", "OLLAMA_HOST": place, "FAKE_PID": str(tmp_path / "pid")}


@pytest.mark.parametrize("way", ["namespace", "seccomp"])
@pytest.mark.parametrize("end", ["quit", "kill the program", "kill the outside"])
def test_an_engine_that_was_started_outside_ends_with_us_however_we_end(
    way: str, end: str, fake: dict[str, str]
) -> None:
    way_here(way)
    with start(way, "chat", "-m", "guide:1m", **fake) as process:
        until(lambda: Path(fake["FAKE_PID"]).exists() and Path(fake["FAKE_PID"]).read_text())
        engine, outside = int(Path(fake["FAKE_PID"]).read_text()), outside_of(process.pid)
        assert alive(engine)
        assert alive(outside)
        if end == "quit":
            process.communicate(b"/quit\n", timeout=60)
            assert process.returncode == 0
        elif end == "kill the program":
            process.kill()
        else:
            os.kill(outside, signal.SIGKILL)
            until(lambda: not alive(engine))
            out, err = process.communicate(b"/traffic\n/quit\n", timeout=60)
            assert "has ended; start" in " ".join(out.decode().split()), err.decode()
            assert "0 B ✓" not in out.decode()
        until(lambda: not alive(engine) and not alive(outside))


@pytest.mark.parametrize("way", ["namespace", "seccomp"])
def test_an_engine_elsewhere_is_reached_at_its_own_address_and_counted(way: str, paths: Paths) -> None:
    if reason := outside.available():
        pytest.skip(reason)
    way_here(way)
    paths.settings.write_text(f'ollama_host = "http://{outside.THERE}:80"\n')
    command = [*outside.command(), sys.executable, str(HERE / "sealing.py"), way, "--sealed", "chat", "-m", "guide:1m"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    environment.pop("OLLAMA_HOST", None)
    done = subprocess.run(
        command, input="/traffic\n/quit\n", capture_output=True, text=True, timeout=120, env=environment
    )
    assert "sealed · LAN " in done.stdout, done.stdout + done.stderr
    assert f"relay to {outside.THERE}:80: " in done.stdout
    assert '"tcp": 0' not in done.stdout.splitlines()[-1]


def test_an_interrupt_has_its_exit_code() -> None:
    with start("namespace,seccomp", "chat", "-m", "guide:1m", OLLAMA_HOST="127.0.0.1:9") as process:
        until(lambda: outside_of(process.pid))
        outside = outside_of(process.pid)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode in (0, 143, -15)
    until(lambda: not alive(outside))
