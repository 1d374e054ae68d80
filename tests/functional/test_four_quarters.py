"""Four quarters on three machines of a closed network: sets travel as signed files, statistics travel back.

`a` follows every set, `b` keeps what it has, `c` has a line-up of its own. All of it through the chat (its standard
input is a pipe) and the command line. Slow: every chat is a process of its own.
"""

import tomllib
from pathlib import Path

import pytest
from program import Ended, Program

from llamune.paths import Paths
from llamune.state import State
from tests.functional.chatting import NOWHERE, Chat, piped, prepare
from tests.functional.test_cli_recommend import quarter

CLASSES = {"a": "8 GB", "b": "16 GB", "c": "GPU 24 GB"}


class Network:
    """An operator and three machines; files are carried by hand."""

    def __init__(self, folder: Path, migrated: Path, program: Program) -> None:
        self.folder, self._program = folder, program
        self.homes = {name: prepare(folder / f"home-{name}", migrated) for name in CLASSES}
        self.homes["operator"] = prepare(folder / "home-operator")
        self.key = self.operator("key", str(folder / "secret")).out.strip()
        for name in self.homes:
            assert self.run(name, "recommend", "trust", self.key).code == 0

    def run(self, machine: str, *words: str) -> Ended:
        self._program.monkeypatch.setenv("LLAMUNE_HOME", str(self.homes[machine]))
        return self._program(*words, "--scripted")

    def operator(self, *words: str) -> Ended:
        return self.run("operator", "recommend", *words)

    def publish(self, path: Path) -> Path:
        """Checks and signs a file."""
        for words in (("check", str(path)), ("sign", str(path), "--key", str(self.folder / "secret"))):
            assert self.operator(*words).code == 0
        assert self.operator("verify", str(path)).code == 0
        return path

    def deliver(self, path: Path) -> None:
        for name in self.homes:
            assert self.run(name, "recommend", "import", str(path)).code == 0

    def chat(self, machine: str, *lines: str) -> str:
        """What a chat says when these lines are typed."""
        done = piped(self.homes[machine], "".join(f"{line}\n" for line in lines), "-m", "scripted:echo")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def vote(self, machine: str, votes: str, first: str = "") -> str:
        """Asks as many questions as there are votes, each of two models: y prefers guide:1m, n scripted:echo."""
        asked = [line for v in votes for line in ("/new", "Translate tree into English", "/retry guide:1m/fast", v)]
        return self.chat(machine, *([first] if first else []), *asked)

    def collect(self, name: str) -> list[str]:
        """The statistics of all machines, as if each were of another class."""
        files = []
        for machine, size in CLASSES.items():
            path = self.folder / f"{name}-{machine}.json"
            assert self.run(machine, "stats", "export", "--anonymous", str(path)).code == 0
            text = path.read_text()
            path.write_text("\n".join(f'"machine": "{size}",' if '"machine":' in x else x for x in text.splitlines()))
            files.append(str(path))
        return files

    def propose(self, version: str) -> tuple[Path, str]:
        """The proposal's file, and the report."""
        path = self.folder / f"{version}.toml"
        done = self.operator("propose", "--quarter", version, "--stats", *self.collect(version), "-o", str(path))
        assert done.code == 0, done.err
        return path, done.out

    def state(self, machine: str) -> State:
        return State.load(Paths(self.homes[machine]).state)


@pytest.fixture
def network(
    tmp_path: Path, migrated: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Network:
    monkeypatch.setenv("OLLAMA_HOST", NOWHERE)
    return Network(tmp_path, migrated, Program(capsys, monkeypatch))


def test_four_quarters(network: Network, tmp_path: Path) -> None:
    first_quarter(network, tmp_path)
    second_quarter(network)
    third_quarter(network)
    fourth_quarter(network, tmp_path)


def first_quarter(network: Network, folder: Path) -> None:
    """A set written by hand; everybody decides about it."""
    by_hand = quarter(folder, "2027-Q1", ("gemma4:e2b-it-qat", "scripted:echo"), ("guide:1m", "scripted:markdown"))
    network.deliver(network.publish(by_hand))
    decisions = {
        "a": (("/recommend apply",), "2027-Q1 is applied"),
        "b": (("/recommend keep",), "All stays as it is"),
        "c": (("/lineup add scripted:think", "/lineup off", "/recommend apply"), "Your own line-up stays"),
    }
    for machine, (typed, told) in decisions.items():
        said = network.chat(machine, *typed)
        assert "New recommended models: 2027-Q1" in said
        assert "new: scripted:markdown, scripted:echo" in said
        assert told in said
    assert network.state("a").lineup == ["scripted:markdown/fast", "scripted:echo/balanced"]
    assert network.state("b").lineup == []
    assert network.state("c").lineup == ["scripted:think/balanced"]


def second_quarter(network: Network) -> None:
    """guide:1m was preferred everywhere, so that it comes in; scripted:markdown was never compared."""
    for machine, votes in (("a", "yyyyynyy"), ("b", "yyyyyyny"), ("c", "nyyyyyyn")):
        assert "New recommended" not in network.vote(machine, votes, "/lineup off"), "it was answered"
    shown = network.run("a", "stats", "--json").json
    assert {(m["model"], m["chosen"], m["compared"]) for m in shown["models"]} == {
        ("guide:1m", 7, 8), ("scripted:echo", 1, 8),
    }  # fmt: skip
    path, report = network.propose("2027-Q2")
    assert "| guide:1m | fast |" in report
    assert "0 comparisons, 20 are needed" in report
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    assert [m["name"] for m in found["models"]] == ["guide:1m", "scripted:echo"]
    assert found["models"][1]["deprecated"], "24 comparisons say so"
    assert "guide:1m: preferred" in path.read_text(encoding="utf-8")
    network.deliver(network.publish(path))
    with Chat(network.homes["a"]) as chat:
        chat.sees("New recommended models: 2027-Q2", "new: guide:1m", "no longer recommended:", "scripted:markdown")
        chat.command("/recommend apply", "2027-Q2 is applied")
        chat.leave()
    assert network.state("a").lineup == ["guide:1m/fast"]
    assert "All stays as it is" in network.chat("b", "/recommend keep")
    assert "All stays as it is" in network.chat("c", "/recommend keep")
    assert (network.state("b").recommended, network.state("c").recommended) == ("", "2027-Q1")
    assert network.state("c").lineup == ["scripted:think/balanced"]


def third_quarter(network: Network) -> None:
    """Now scripted:echo is preferred: all votes together are not sure of either."""
    for machine in CLASSES:
        network.vote(machine, "nnnnnnn", "/lineup off")
    path, _report = network.propose("2027-Q3")
    found = tomllib.loads(path.read_text(encoding="utf-8"))
    assert {m["name"]: m.get("deprecated", False) for m in found["models"]} == {
        "guide:1m": False, "scripted:echo": False,
    }  # fmt: skip
    edited = path.read_text(encoding="utf-8").replace('licence = "?"', 'licence = "MIT"')
    path.write_text(edited, encoding="utf-8")
    network.deliver(network.publish(path))
    assert "new: scripted:echo" in network.chat("a", "/recommend apply")
    assert sorted(network.state("a").lineup) == ["guide:1m/fast", "scripted:echo/balanced"]
    assert network.run("a", "recommend", "apply", "2027-Q2").code == 0  # going back
    assert network.state("a").lineup == ["guide:1m/fast"]
    assert "New recommended" not in network.chat("a"), "going back is an answer, too"


def fourth_quarter(network: Network, folder: Path) -> None:
    """Files that must not come in change nothing; the right one does; nothing was ever lost."""
    good = network.publish(network.propose("2027-Q4")[0])
    data = good.read_bytes()
    spoilt = {
        "changed": data.replace(b"concurrent_limit = 2", b"concurrent_limit = 3"),
        "cut": data[: len(data) // 2],
        "large": data + b"#" * 1_000_000,
        "newer": data.replace(b"format = 1", b"format = 2"),
        "older": (folder / "2027-Q2.toml").read_bytes(),
    }
    before = network.state("a")
    for name, content in spoilt.items():
        (folder / name).write_bytes(content)
        refused = network.run("a", "recommend", "import", str(folder / name), "--trust-once")
        assert (refused.code, bool(refused.err)) == (2, True), name
    stranger = network.run("a", "recommend", "key", str(folder / "stranger")).out
    assert stranger.strip() != network.key
    (folder / "foreign.toml").write_bytes(data)
    network.operator("sign", str(folder / "foreign.toml"), "--key", str(folder / "stranger"))
    assert "not trusted" in network.run("a", "recommend", "import", str(folder / "foreign.toml")).err
    assert network.state("a") == before
    network.deliver(good)
    assert "2027-Q4 is applied" in network.chat("b", "/recommend apply")
    assert network.state("b").recommended == "2027-Q4"
    for machine in CLASSES:
        listed = network.run(machine, "recommend", "list").out
        assert all(version in listed for version in ("2026-Q4", "2027-Q1", "2027-Q2", "2027-Q3", "2027-Q4"))
    assert network.run("b", "recommend", "apply", "none").code == 0
    assert network.state("b").lineup == []
