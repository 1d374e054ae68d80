"""Finds what is wrong in a chain: entries that were changed, taken out, moved, cut off the end, or a clock set back.

Pure: lines and a head in, findings out. It cannot find what leaves no trace: a log and its head rolled back together,
or both written anew by whoever holds the key. Against these helps a head noted elsewhere (`seen`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from llamune.network.chain import START, Facts, Place, digest, split
from llamune.network.signing import Head

Fault = Literal[
    "changed",
    "unreadable",
    "missing",
    "moved",
    "cut",
    "clock",
    "rewritten",
    "forged",
    "unsigned",
    "other key",
    "unseen",
]
SLACK_S = 2.0  # clocks are corrected by that much every day, and several programs write


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `first` to `last` are entries (for "unreadable": lines); `seconds`: how far a clock went back."""

    fault: Fault
    first: int = 0
    last: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Log:
    """A chain as it was read.

    Args:
        lines: without their ends, in the order of the file.
        head: the signed one, None = there is none.
        before: where the chain stood before the first line; the beginning for a whole log.
        torn: bytes of a half line at the end.
    """

    lines: Sequence[str]
    head: Head | None = None
    before: Place = START
    torn: int = 0

    def entries(self) -> Iterator[dict[str, Any]]:
        """The facts of all lines that can be read."""
        return (found[1] for line in self.lines if (found := split(line)))

    @property
    def end(self) -> Place:
        """The last entry."""
        found = next((f for line in reversed(self.lines) if (f := split(line))), None)
        return Place(found[1]["n"], found[0]) if found else self.before


def faults(log: Log, seen: tuple[int, str] | None = None) -> list[Finding]:
    """Everything that is wrong, in the order of the log.

    Args:
        seen: number and first digits of a head that was noted earlier; it must be in this log.
    """
    read = [(number, line, split(line)) for number, line in enumerate(log.lines, 1)]
    hashes = {log.before.n: log.before.hash}
    for _n, _line, entry in read:
        if entry:
            hashes.setdefault(entry[1]["n"], entry[0])
    found = [Finding("unreadable", number, number) for number, _line, entry in read if entry is None]
    found += _walk([(entry[0], line, entry[1]) for _n, line, entry in read if entry], hashes, log.before.n)
    found += _missing(sorted(hashes))
    keys = [entry[1].get("public") for _n, _line, entry in read if entry and entry[1].get("kind") == "key"]
    return [*sorted(found, key=lambda f: f.first), *_of_head(log, hashes, keys), *_of_seen(seen, hashes)]


def _walk(entries: Sequence[tuple[str, str, Facts]], hashes: Mapping[int, str], start: int) -> Iterator[Finding]:
    """Compares every entry with the one before it."""
    highest, last = start, None
    for stated, line, facts in entries:
        n = facts["n"]
        if n - 1 in hashes and stated != digest(hashes[n - 1], line.partition(" ")[2]):
            yield Finding("changed", n, n)
        elif n <= highest:
            yield Finding("moved", n, n)
        elif last and (back := _back(last, facts)):
            yield Finding("clock", n, n, back)
        highest, last = max(n, highest), facts


def _back(last: Facts, facts: Facts) -> float:
    """By how many seconds the clock was set back between two entries, 0 = it was not."""
    passed, up = facts["t"] - last["t"], 0.0
    if facts.get("boot") and facts.get("boot") == last.get("boot"):
        up = _number(facts.get("up")) - _number(last.get("up"))
    return max(0.0, up - passed) if up - passed > SLACK_S else 0.0


def _missing(present: Sequence[int]) -> Iterator[Finding]:
    """Runs of numbers that are nowhere."""
    for a, b in pairwise(present):
        if b > a + 1:
            yield Finding("missing", a + 1, b - 1)


def _of_head(log: Log, hashes: Mapping[int, str], keys: Sequence[object]) -> Iterator[Finding]:
    head, end = log.head, max(hashes)
    if head is None:
        if keys:
            yield Finding("unsigned")
        return
    if not head.genuine():
        yield Finding("forged", head.n, head.n)
    elif head.n > end:
        yield Finding("cut", end + 1, head.n)
    elif head.n > log.before.n and hashes.get(head.n) not in (None, head.hash):
        yield Finding("rewritten", head.n, head.n)
    if keys and keys[-1] != head.key:
        yield Finding("other key", head.n, head.n)


def _of_seen(seen: tuple[int, str] | None, hashes: Mapping[int, str]) -> Iterator[Finding]:
    if seen and not hashes.get(seen[0], "").startswith(seen[1].lower()):
        yield Finding("unseen", seen[0], seen[0])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
