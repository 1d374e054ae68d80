"""The log of the evidence: nobody changes, cuts or turns it back unseen, and neither kill nor crowd breaks it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llamune.network.chain import START, Chain, Place, digest, split
from llamune.network.proof import Finding, Log, faults
from llamune.network.signing import Signed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    """A signed log of twelve entries; the twelfth names the key."""
    made = Signed(tmp_path / "evidence")
    for n in range(11):
        made.chain.append([{"kind": "traffic", "n_of_test": n}])
    assert made.sign().n == 12
    return made


def log_of(signed: Signed) -> Log:
    whole, _newline, torn = signed.chain.path.read_text().rpartition("\n")
    return Log(whole.split("\n"), signed.head(), torn=len(torn))


def told(log: Log, seen: tuple[int, str] | None = None) -> list[tuple[str, int, int]]:
    return [(f.fault, f.first, f.last) for f in faults(log, seen)]


def edited(signed: Signed, edit: Callable[[list[str]], object]) -> Log:
    lines = list(log_of(signed).lines)
    edit(lines)
    return Log(lines, signed.head())


def forged(lines: list[str], at: int) -> None:
    """Everything from line `at` on is written anew, with right hashes: the work of somebody who knows how."""
    before = split(lines[at - 1])[0] if at else START.hash  # type: ignore[index]
    for i in range(at, len(lines)):
        body = lines[i].partition(" ")[2].replace('"traffic"', '"nothing"')
        before = digest(before, body)
        lines[i] = f"{before} {body}"


def test_a_whole_log_is_whole(signed: Signed) -> None:
    assert told(log_of(signed)) == []
    end = log_of(signed).end
    assert told(log_of(signed), (end.n, end.hash[:16])) == []


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda lines: lines.__setitem__(4, lines[4].replace("test", "tesT")), [("changed", 5, 5)]),
        (lambda lines: lines.__setitem__(4, "x" + lines[4][1:]), [("changed", 5, 5), ("changed", 6, 6)]),
        (lambda lines: lines.__setitem__(4, "nonsense"), [("unreadable", 5, 5), ("missing", 5, 5)]),
        (lambda lines: lines.__delitem__(slice(4, 7)), [("missing", 5, 7)]),
        (lambda lines: lines.__delitem__(0), [("missing", 1, 1)]),
        (lambda lines: lines.insert(3, lines.pop(4)), [("moved", 4, 4)]),
        (lambda lines: lines.insert(9, lines[4]), [("moved", 5, 5)]),
        (lambda lines: lines.__delitem__(slice(9, None)), [("cut", 10, 12)]),
        (lambda lines: lines.clear(), [("cut", 1, 12)]),
        (lambda lines: forged(lines, 6), [("rewritten", 12, 12)]),
    ],
)  # fmt: skip
def test_what_was_done_to_a_log_is_found_and_where(
    signed: Signed, edit: Callable[[list[str]], object], expected: list[tuple[str, int, int]]
) -> None:
    assert told(edited(signed, edit)) == expected


def test_every_byte_counts(signed: Signed) -> None:
    text = signed.chain.path.read_bytes()
    for at in range(0, len(text) - 1, 7):
        changed = bytes([*text[:at], text[at] ^ 1, *text[at + 1 :]]).decode("utf-8", "replace")
        assert told(Log(changed.rstrip("\n").split("\n"), signed.head())), at


def test_a_head_that_was_noted_finds_what_was_rolled_back_with_its_head(tmp_path: Path) -> None:
    log = Signed(tmp_path)
    log.chain.append([{"kind": "traffic"}])
    old = log.sign()
    kept = (log.chain.path.read_bytes(), log.head_file.read_bytes())
    log.chain.append([{"kind": "traffic"}])
    noted = log.sign()
    log.chain.path.write_bytes(kept[0])
    log.head_file.write_bytes(kept[1])
    assert told(log_of(log)) == []  # nothing in the files can show it
    assert told(log_of(log), (old.n, old.hash[:16])) == []
    assert told(log_of(log), (noted.n, noted.hash[:16])) == [("unseen", 3, 3)]


def test_a_false_head_and_a_head_of_another_key_are_found(signed: Signed, tmp_path: Path) -> None:
    head = json.loads(signed.head_file.read_text())
    signed.head_file.write_text(json.dumps({**head, "n": 11, "hash": split(log_of(signed).lines[10])[0]}))  # type: ignore[index]
    assert told(log_of(signed)) == [("forged", 11, 11)]
    (tmp_path / "evidence" / "key").write_text("ab" * 32)
    signed.sign()
    assert told(log_of(signed)) == [("other key", 12, 12)]
    signed.head_file.unlink()
    assert told(log_of(signed)) == [("unsigned", 0, 0)]


def test_a_clock_that_was_set_back_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain, now = Chain(tmp_path / "log"), time.time()
    for shift in (0, 1, -3600, -3500, 10):  # seconds
        monkeypatch.setattr(time, "time", lambda shift=shift: now + shift)
        chain.append([{"kind": "traffic"}])
    found = faults(Log(chain.path.read_text().splitlines()))
    assert [(f.fault, f.first) for f in found] == [("clock", 3)]
    assert found[0].seconds == pytest.approx(3601, abs=2)


def test_a_half_line_is_dropped_and_told_by_the_next_one(signed: Signed) -> None:
    with signed.chain.path.open("ab") as file:
        file.write(b'3f9a {"n":13,"kind":"tra')
    assert log_of(signed).torn == 24
    signed.chain.append([{"kind": "traffic"}])
    log = log_of(signed)
    assert [e["kind"] for e in log.entries()][-2:] == ["torn", "traffic"]
    assert (told(log), log.torn) == ([], 0)


def test_a_log_that_somebody_wrote_into_goes_on_and_shows_it(signed: Signed) -> None:
    with signed.chain.path.open("ab") as file:
        file.write(b"hello\n")
    signed.chain.append([{"kind": "traffic"}])
    assert told(log_of(signed)) == [("unreadable", 13, 13), ("missing", 13, 13)]


def test_what_is_no_log_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(bytes(100_000))
    with pytest.raises(OSError, match="no log"):
        Chain(tmp_path / "log").append([{"kind": "traffic"}])
    assert (tmp_path / "log").read_bytes() == bytes(100_000)


APPEND = """
import sys
from pathlib import Path
from llamune.network.chain import Chain
for n in range(100):
    Chain(Path(sys.argv[1])).append([{"kind": "traffic", "who": sys.argv[2]}, {"kind": "refused"}])
"""


def test_four_programs_write_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "log"
    command = [sys.executable, "-c", APPEND, str(path)]
    programs = [subprocess.Popen([*command, str(n)], env={**os.environ, "PYTHONPATH": str(ROOT)}) for n in range(4)]
    assert [p.wait(60) for p in programs] == [0] * 4
    log = Log(path.read_text().splitlines())
    assert (len(log.lines), told(log)) == (800, [])


def test_a_program_killed_while_it_writes_leaves_a_chain(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for n in range(1, 4):
        program = subprocess.Popen([sys.executable, "-c", APPEND.replace("100", "10**6"), str(path), "0"],
                                   env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
        while not path.exists() or path.stat().st_size < n * 200_000:
            time.sleep(0.01)
        program.kill()
        program.wait()
    Chain(path).append([{"kind": "traffic"}])
    assert told(Log(path.read_text().splitlines())) == []


def test_a_fact_that_is_too_long_leaves_its_kind(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "log")
    chain.append([{"kind": "engine", "remote": ["x" * 1000] * 1000}])
    assert chain.append([{"kind": "traffic"}]).n == 2
    assert [e["kind"] for e in Log(chain.path.read_text().splitlines()).entries()] == ["engine", "traffic"]


def test_hostile_lines_make_findings_and_no_exception(tmp_path: Path) -> None:
    bodies: list[Any] = [{"n": 10**30, "t": 1}, {"n": -5, "t": float("nan")}, {"n": True, "t": 1}, [], {"n": 2}, "x"]
    lines = [f"{'0' * 64} {json.dumps(b)}" for b in bodies] + ["\x00", "", "[" * 100_000]
    assert faults(Log(lines)) != []
    assert Finding("unreadable", 9, 9) in faults(Log(lines))
    assert Place(0, START.hash) == Log([]).end


@pytest.mark.skipif(sys.platform == "win32", reason="no locks of this kind")
def test_a_writer_that_does_not_let_go_is_not_waited_for(tmp_path: Path) -> None:
    import fcntl

    chain = Chain(tmp_path / "log")
    chain.append([{"kind": "traffic"}])
    with chain.path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            chain.append([{"kind": "traffic"}])
    assert chain.append([{"kind": "traffic"}]).n == 2


def test_what_is_no_file_is_an_error_and_nothing_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match=r"Illegal seek|directory"):
            Chain(tmp_path / name).append([{"kind": "traffic"}])
