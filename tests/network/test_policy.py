"""Who may be called, and how each address is classed."""

import socket

import pytest

from llamune.errors import NetworkPolicyError
from llamune.listed import at_home
from llamune.network.counts import Contact, Group, Snapshot
from llamune.network.figure import figure
from llamune.network.interfaces import Passed
from llamune.network.policy import Destination, Policy, listing, packed
from llamune.paths import Paths
from llamune.settings import load, set_value
from llamune.text import width

LAN = Policy((Destination("ollama", "gpu.invalid", 11434, ("203.0.113.7", "2001:db8::7")),))


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("127.0.0.1", "machine"), ("127.9.9.9", "machine"), ("::1", "machine"), ("::ffff:127.0.0.1", "machine"),
        ("0.0.0.0", "machine"), ("203.0.113.7", "lan"), ("2001:db8::7", "lan"), ("::ffff:203.0.113.7", "lan"),
        ("203.0.113.8", "outside"), ("192.168.1.1", "outside"), ("fe80::1%eth0", "outside"), ("::2", "outside"),
    ],
)  # fmt: skip
def test_addresses_are_classed_by_what_they_are(address: str, reach: str) -> None:
    number = packed(address)
    assert number
    assert LAN.reach(number, 11434) == reach
    assert LAN.reach(number, 80) == ("machine" if reach == "machine" else "outside")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "gpu.invalid", "GPU.invalid", "203.0.113.7"])
def test_listed_servers_may_be_called(host: str) -> None:
    LAN.check(host, 11434)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("gpu.invalid", 80),
        ("other.invalid", 11434),
        ("203.0.113.8", 11434),
        ("127.0.0.1.invalid", 11434),
        ("2130706433", 1),
    ],
)
def test_everything_else_is_refused_with_a_hint(host: str, port: int) -> None:
    with pytest.raises(NetworkPolicyError) as caught:
        LAN.check(host, port)
    assert "ollama_host" in caught.value.hint


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["203.0.113.7", "203.0.113.66"])

    def resolve(host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    pinned = listing("ollama", "http://gpu.invalid:11434").pin()
    assert pinned.pin() == pinned
    assert pinned.destinations[0].pinned == ("203.0.113.7",)
    assert pinned.reach(b"\xcb\x00\x71\x42", 11434) == "outside"  # 203.0.113.66


@pytest.mark.parametrize(
    ("url", "port"), [("http://127.0.0.1:1", 1), ("https://gpu.invalid", 443), ("http://[::1]:5", 5)]
)
def test_the_server_of_the_settings_is_listed(url: str, port: int) -> None:
    assert listing("ollama", url).destinations[0].port == port


def test_a_variable_is_not_followed_out_of_this_machine(paths: Paths) -> None:
    chosen = load(paths, environment={"OLLAMA_HOST": "203.0.113.7:11434"})
    used, told = at_home(chosen, paths)
    assert used.ollama_host == "http://127.0.0.1:11434"
    assert "203.0.113.7" in told[0].message
    set_value(paths, "ollama_host", "203.0.113.7:11434")  # the hint's way
    assert at_home(load(paths, environment={"OLLAMA_HOST": "203.0.113.7:11434"}), paths)[1] == ()
    assert at_home(load(paths, environment={}), paths)[0].ollama_host == "http://203.0.113.7:11434"


OUT = (
    Contact("engine", "203.0.113.9:443", "outside", 1, 0, 0),
    Contact("llamune", "[2001:db8::9]:443", "outside", 1, 0, 0),
)
MINE = (Group("llamune", {}),)
AWAY = (Group("engine", {}, problem="x"),)
MOVED = Passed(500, 500)


@pytest.mark.parametrize(
    ("snapshot", "tone", "words"),
    [
        (Snapshot(0, 1, MINE, interfaces=MOVED, samples=1), "good", "outside 0 B ✓"),
        (Snapshot(0, 1, MINE, interfaces=None, samples=1), "good", "outside 0 B ✓"),
        (Snapshot(0, 1, MINE, problem="x", interfaces=Passed(0, 9), samples=1), "good", "outside 0 B ✓"),
        (Snapshot(0, 1, MINE, problem="x", interfaces=MOVED, samples=1), "warn", "outside not measured"),
        (Snapshot(0, 1, AWAY, interfaces=MOVED, samples=1), "warn", "outside not measured"),
        (Snapshot(0, 0, MINE, interfaces=Passed(0, 0)), "dim", "outside not measured"),
        (Snapshot(0, 1, MINE, unknown=1200, samples=1), "warn", "outside, owner unknown: 1,200"),
        (Snapshot(0, 1, MINE, loose=1, interfaces=MOVED, samples=1), "warn", "outside, owner unknown: 1"),
        (Snapshot(0, 1, MINE, contacts=OUT, interfaces=Passed(0, 0), samples=1), "bad", "OUTSIDE [2001:db8::9]:443 +1"),
    ],
)  # fmt: skip
def test_the_figure_says_zero_only_where_it_is_known(snapshot: Snapshot, tone: str, words: str) -> None:
    assert figure(snapshot) == (words, tone)
    assert width(words) <= 30
