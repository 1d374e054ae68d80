"""The evidence from the outside: what a chat writes down, the report, its check, and a disk that is full."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from chatting import Chat, environment, piped, prepare
from hypothesis import given, settings
from hypothesis import strategies as st

from llamune.cli import main
from llamune.cli.evidence import document
from llamune.cli.evidence_html import page
from llamune.cli.evidence_told import as_data
from llamune.network.counts import Snapshot
from llamune.network.evidence import Recorder
from llamune.network.guard import Guard
from llamune.network.policy import listing
from llamune.network.proof import Log, faults
from llamune.network.signing import Signed
from llamune.paths import Paths

HERE = listing("ollama", "127.0.0.1:11434")


def kinds(home: Path) -> list[str]:
    return [e["kind"] for e in Log((home / "evidence" / "network.log").read_text().splitlines()).entries()]


def test_a_chat_leaves_evidence_and_its_head_at_the_end(migrated: Path, home: Path) -> None:
    with Chat(prepare(home, migrated)) as chat:
        chat.ask("hello")
        chat.leave()
        log = Log((home / "evidence" / "network.log").read_text().splitlines(), Signed(home / "evidence").head())
        assert log.head
        assert f"evidence {log.head.place.short}" in chat.text()
    assert [e["kind"] for e in log.entries()] == ["start", "model", "end", "key"]
    start, model, end, _key = log.entries()
    assert start["allowed"] == [{"host": "127.0.0.1", "port": 9, "reach": "machine", "pinned": []}]
    assert (model["name"], end["verdict"]) == ("scripted:echo", end["verdict"])
    assert "hello" not in "".join(log.lines)
    assert faults(log) == []


def test_a_pipe_gets_no_head_and_a_killed_chat_no_end(migrated: Path, home: Path) -> None:
    done = piped(prepare(home, migrated), "hello\n")
    assert b"evidence" not in done.stdout
    with Chat(home) as chat:
        chat.ask("hello")
        os.kill(chat.pid, signal.SIGKILL)
        chat.wait_end()
    assert kinds(home).count("start") == kinds(home).count("end") + 1 == 2


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*words: str) -> tuple[int, str, str]:
        code = main(words)
        return code, *capsys.readouterr()

    return call


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def written(home: Path) -> Path:
    """A home with one run of which everything is known."""
    judge = Guard(os.getpid())
    recorder = Recorder(Paths(home).evidence, judge)
    recorder.start("chat", HERE, lambda: Snapshot(0, 0))
    recorder.note("engine", version="0.34.4", cloud="on", remote=["big:cloud"])
    recorder.note("engine", version="0.34.4", cloud="on", remote=["big:cloud"])
    recorder.note("model", "a", name="a\x1b[2J", digest="ab12")
    with pytest.raises(ConnectionRefusedError):
        judge("socket.getaddrinfo", ("telemetry.example", 443))
    Recorder(Paths(home).evidence, None).once("ask", listing("ollama", "10.0.0.7:11434"))
    assert recorder.stop(Snapshot(100, 160, samples=3, problem="x"))
    return home


def test_the_report_says_what_was_measured_refused_and_allowed(written: Path, program: Call) -> None:
    code, out, _err = program("evidence")
    assert code == 0
    for said in ("telemetry.example", "10.0.0.7:11434 (listed LAN)", "cloud: ON", "big:cloud", "not measured",
                 "Not observed",
                 "nothing was changed", "0:01:00"):  # fmt: skip
        assert said in out
    assert "\x1b[2J" not in out
    assert "0 B" not in out
    assert out.count("Ollama 0.34.4") == 1


def test_reports_carry_the_log_and_are_checked_anywhere(written: Path, tmp_path: Path, program: Call) -> None:
    page, data = tmp_path / "report.html", tmp_path / "report.json"
    assert program("evidence", "--html", str(page))[0] == 0
    data.write_text(program("evidence", "--json")[1])
    for file in (page, data, written / "evidence" / "network.log"):
        code, out, _err = program("evidence", "verify", str(file), "--json")
        assert (code, json.loads(out)["ok"]) == (0, True)
        text = file.read_text().replace("telemetry.example", "nothing.example")
        other = tmp_path / "other" / "network.log"
        other.parent.mkdir(exist_ok=True)
        other.write_text(text)
        (other.parent / "network.head").write_bytes((written / "evidence" / "network.head").read_bytes())
        code, out, _err = program("evidence", "verify", str(other))
        assert (code, "was changed" in out) == (1, True)
    told = page.read_text()
    assert "<script>" not in told
    assert "default-src 'none'" in told
    assert "src=" not in told


def test_a_report_since_a_day_can_be_checked_too(written: Path, tmp_path: Path, program: Call) -> None:
    data = tmp_path / "report.json"
    data.write_text(program("evidence", "--json", "--since", "2999-01-01")[1])
    assert json.loads(data.read_text())["lines"] == []
    assert program("evidence", "verify", str(data))[0] == 0
    lines = json.loads(program("evidence", "--json")[1])["lines"]
    some = {**json.loads(data.read_text()), "lines": lines[3:], "before": {"n": 3, "hash": lines[2].split()[0]}}
    data.write_text(json.dumps(some))
    assert program("evidence", "verify", str(data))[0] == 0
    data.write_text(json.dumps({**some, "lines": lines[4:]}))
    assert "Missing: entries 4 to 4" in program("evidence", "verify", str(data))[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evidence",), "no evidence yet"),
        (("evidence", "--since", "yesterday"), "no date"),
        (("evidence", "verify", "nowhere"), "cannot be read"),
        (("evidence", "verify", "{file}"), "no evidence of Llamune"),
        (("evidence", "verify", "{file}", "--noted", "12"), "no noted head"),
    ],
)
def test_what_cannot_be_reported_is_said(words: tuple[str, ...], said: str, tmp_path: Path, program: Call) -> None:
    file = tmp_path / "some.json"
    file.write_text('{"lines": [1]}')
    code, _out, err = program(*(word.format(file=file) for word in words))
    assert (code != 0, said in err) == (True, True)


FULL = """
mount -t tmpfs -o size=12k tmpfs "$1/evidence" && head -c 12288 /dev/zero > "$1/evidence/fill"
exec {python} -m llamune chat --scripted -m scripted:echo
"""


def test_a_full_disk_stops_no_chat_and_is_said(migrated: Path, home: Path) -> None:
    command = ["unshare", "-rm", "sh", "-c", FULL.format(python=sys.executable), "sh", str(home)]
    prepare(home, migrated)
    (home / "evidence").mkdir()
    variables = {k: v for k, v in {**os.environ, **environment(home)}.items() if v is not None}
    done = subprocess.run(command, input=b"hello\n", capture_output=True, env=variables, timeout=60)
    if b"unshare" in done.stderr or b"mount:" in done.stderr:
        pytest.skip(done.stderr.decode())
    assert done.returncode == 0
    assert b"hello" in done.stdout
    assert "No space left" in (home / "logs" / "llamune.log").read_text()


def test_the_chat_says_that_nothing_is_written_and_when_it_is_again(migrated: Path, home: Path) -> None:
    prepare(home, migrated)
    (home / "evidence").write_text("in the way")
    with Chat(home) as chat:
        chat.sees("evidence is not being written: File exists")
        chat.ask("hello")
        (home / "evidence").unlink()
        chat.sees("evidence is being written again")
        chat.leave()
        assert f"evidence {len(kinds(home))}:" in chat.text()
    assert kinds(home)[:2] == ["gap", "start"]


def test_when_the_disk_has_room_again_the_gap_is_told_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Paths(home).evidence
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    recorder = Recorder(folder, None)
    recorder.start("chat", HERE, lambda: Snapshot(0, 0))
    assert recorder.problem
    folder.unlink()
    assert recorder.stop(Snapshot(0, 0))
    assert not recorder.problem
    assert kinds(home) == ["gap", "start", "end", "key"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)
ENTRIES: list[dict[str, object]] = [
    {"kind": "start", "run": "1", "version": "0", "guard": True, "allowed": [{"host": "h", "port": 1, "reach": "lan"}]},
    {"kind": "refused", "who": "w", "what": "connect", "where": "h", "times": 1},
    {"kind": "engine", "version": "1", "cloud": "on", "remote": ["r"]},
    {"kind": "model", "name": "m", "digest": "d"},
    {"kind": "gap", "since": 1, "reason": "r"},
    {"kind": "end", "run": "1", "verdict": "out", "reason": "", "since": 1, "until": 2, "sealed": "", "unknown": 0,
     "counts": {"llamune": {"outside": [1, 2, 3, 4]}}, "contacts": [["llamune", "h:1", "outside", 1]]},
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(ENTRIES), st.integers(0, 9), json_values), max_size=6))
@settings(max_examples=300, deadline=None)
def test_no_entry_that_somebody_bent_breaks_the_report(bent: list[tuple[dict[str, object], int, object]]) -> None:
    lines = []
    for n, (entry, which, value) in enumerate(bent, 1):
        keys = list(entry)
        facts = {"n": n, "t": n, **entry, keys[which % len(keys)]: value}
        lines.append(f"{'0' * 64} {json.dumps(facts)}")
    log = Log(lines)
    assert page(log, faults(log), document(log))
    assert as_data(log)
