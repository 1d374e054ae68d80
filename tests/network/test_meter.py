"""The meter against known traffic: into the invented outside, and over loopback to an engine of its own process."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from llamune.network import meter as meters
from llamune.network import netlink, processes
from llamune.network.counts import ENGINE_ELSEWHERE, Group, Snapshot
from llamune.network.meter import Meter
from llamune.network.policy import Destination, Policy

linux = pytest.mark.skipif(sys.platform != "linux", reason="sock_diag is Linux's")
HERE = Policy((Destination("ollama", "127.0.0.1", 11434),))


@pytest.mark.parametrize(
    ("what", "verdict", "words"),
    [
        ("nothing", "clean", "outside 0 B ✓"),
        ("other", "clean", "outside 0 B ✓"),
        ("listed", "clean", "LAN 1.0 MB · outside 0 B ✓"),
        ("megabyte", "out", "OUTSIDE 203.0.113.9:80"),
        ("child", "out", "OUTSIDE 203.0.113.9:80"),
        ("engine", "out", "OUTSIDE 203.0.113.9:80"),
        ("unanswered", "out", "OUTSIDE 203.0.113.77:80"),
        ("datagram", "out", "OUTSIDE 203.0.113.9:53"),
        ("refused", "unknown", "outside, owner unknown: 1"),
        ("loose", "unknown", "outside, owner unknown: 1"),
    ],
)
def test_what_goes_out_is_seen_and_told(in_namespace: Callable[..., Any], what: str, verdict: str, words: str) -> None:
    said, _arrived = in_namespace("measuring.py", what)
    assert (said["verdict"], said["words"], said["reason"]) == (verdict, words, "")
    owner = "engine" if what == "engine" else "llamune"
    counted = said["counts"][owner]
    if what in ("megabyte", "child", "engine"):
        assert counted["outside"] == [1, 0, pytest.approx(1_000_000, rel=0.01), pytest.approx(19, abs=2)]
    if what == "listed":
        assert counted["lan"] == [1, 0, pytest.approx(1_000_000, rel=0.01), pytest.approx(19, abs=2)]
    if what in ("unanswered", "datagram"):
        assert counted["outside"] == [0, 1, 0, 0]
    if what == "other":
        assert said["others"] == 1
        assert not said["silent"]


def test_a_hundred_megabytes_are_measured_within_one_percent(in_namespace: Callable[..., Any]) -> None:
    said, _arrived = in_namespace("measuring.py", "hundred")
    assert said["counts"]["llamune"]["outside"][2] == pytest.approx(100_000_000, rel=0.01)
    both = said["counts"]["llamune"]["machine"][2:]  # both ends are ours, and one of them counts
    assert sum(both) == pytest.approx(100_000_000, rel=0.01)


@pytest.mark.parametrize(("how", "by"), [("uid", "uid"), ("cgroup", "cgroup"), ("forwarded", "")])
def test_an_engine_of_another_user_and_its_runner_are_seen(in_namespace: Callable[..., Any], how: str, by: str) -> None:
    said, _arrived = in_namespace("other_users.py", how, users=True)
    assert said["engine_by"] == by
    assert said["counts"]["engine"]["outside"] == [1, 0, pytest.approx(1_000_000, rel=0.01), pytest.approx(19, abs=2)]
    assert said["words"] == "OUTSIDE 203.0.113.9:80"
    assert said["reason"] == (processes.FORWARDED if how == "forwarded" else "")  # also after it has ended


def test_a_thousand_connections_between_two_looks_are_noticed(in_namespace: Callable[..., Any]) -> None:
    said, arrived = in_namespace("measuring.py", "short")
    assert arrived["tcp"] == 1000
    assert said["unknown"] + sum(said["counts"]["llamune"]["outside"][:2]) == 1000
    assert said["verdict"] in ("unknown", "out")


ENGINE = """
import socket, sys, threading
server = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(server.getsockname()[1], flush=True)
def serve(connection):
    while data := connection.recv(1 << 16):
        connection.sendall(data[: len(data) // 2])
    connection.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


@pytest.fixture
def engine() -> Iterator[int]:
    """The port of an engine that runs as another process and sends back half of what it gets."""
    with subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield int(process.stdout.readline())
        process.kill()


def group(snapshot: Snapshot, owner: str) -> Group:
    return next(g for g in snapshot.groups if g.owner == owner)


def transfer(port: int, size: int) -> int:
    """Sends `size` bytes; returns how many came back."""
    came = 0

    def take(sock: socket.socket) -> None:
        nonlocal came
        while data := sock.recv(1 << 16):
            came += len(data)

    with socket.create_connection(("127.0.0.1", port)) as sock:
        taker = threading.Thread(target=take, args=(sock,))
        taker.start()
        sock.sendall(bytes(size))
        sock.shutdown(socket.SHUT_WR)
        taker.join()
    return came


@linux
def test_a_known_transfer_is_measured_within_one_percent_on_both_sides(engine: int) -> None:
    meter = Meter(HERE, engine)
    meter.start()
    first = meter.fresh()
    assert group(first, "engine").pids
    assert group(first, "engine").by == "pid"
    with socket.create_connection(("127.0.0.1", engine)) as sock:
        for _n in range(3):
            sock.sendall(b"x" * 2000)
            time.sleep(0.1)
        meter.fresh()  # it is known as ours from now on
        sock.sendall(bytes(4_000_000))
        sock.shutdown(socket.SHUT_WR)
        came = sum(iter(lambda: len(sock.recv(1 << 16)), 0))
        meter.fresh()
    time.sleep(0.2)  # the kernel tells of a death a moment later
    snapshot = meter.fresh()
    meter.stop()
    ours, theirs = group(snapshot, "llamune").count("machine"), group(snapshot, "engine").count("machine")
    assert ours.sent == pytest.approx(4_006_000, rel=0.01)
    assert ours.received == pytest.approx(came, rel=0.01)
    assert theirs.received == pytest.approx(4_006_000, rel=0.01)
    assert theirs.sent == pytest.approx(came, rel=0.01)
    assert group(snapshot, "llamune").count("outside").tries == 0


@linux
def test_the_engine_s_short_connections_are_counted(engine: int) -> None:
    meter = Meter(HERE, engine)
    meter.start()
    meter.fresh()
    came = sum(transfer(engine, 3000) for _n in range(20))
    time.sleep(0.2)
    snapshot = meter.fresh()
    meter.stop()
    counted = group(snapshot, "engine").count("machine")
    assert counted.connections == 20
    assert counted.received == pytest.approx(60_000, rel=0.01)
    assert counted.sent == pytest.approx(came, rel=0.01)


def test_before_the_start_nothing_is_claimed() -> None:
    assert Meter(HERE, 11434).snapshot().verdict == "unmeasured"


@linux
def test_an_engine_on_another_machine_is_not_measured_unless_nothing_left_this_one() -> None:
    meter = Meter(HERE, 0)
    meter.start()
    snapshot = meter.fresh()
    meter.stop()
    assert group(snapshot, "engine").problem == ENGINE_ELSEWHERE
    assert snapshot.reason == ENGINE_ELSEWHERE


@linux
def test_lost_events_void_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(self: netlink.Deaths) -> Iterator[netlink.Socket]:
        raise OSError(105, "No buffer space available")
        yield

    monkeypatch.setattr(netlink.Deaths, "read", lost)
    meter = Meter(HERE, 11434)
    meter.start()
    meter.fresh()
    snapshot = meter.fresh()
    meter.stop()
    assert snapshot.problem == meters.LOST


def test_a_system_that_tells_nothing_is_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_NETLINK", raising=False)
    monkeypatch.setattr(meters.interfaces, "passed", _no_counters)
    meter = Meter(HERE, 11434)
    meter.start()
    snapshot = meter.fresh()
    meter.stop()
    assert snapshot.verdict == "unmeasured"
    assert snapshot.reason == meters.NOT_HERE


def _no_counters() -> meters.interfaces.Passed:
    raise OSError("no counters")
