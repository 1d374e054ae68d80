"""What a log says in all: entries in, sums out. Adds nothing of its own, and knows no words for people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from llamune.network.chain import Facts

RUN_BEGINS = ("start", "once")
LONGEST_S = 1e9  # of one run: thirty years
BENT = (LookupError, TypeError, ValueError, AttributeError, OverflowError)


@dataclass(slots=True)
class Summary:
    """The sums of a log.

    Args:
        began, until: epoch seconds of the first and the last entry.
        runs, ended, once: measured runs begun, runs that wrote their end, and single questions, which are not measured.
        seconds: measured, of all runs together.
        totals: (owner, reach) → [connections, attempts, sent bytes, received bytes].
        contacts: (owner, "address:port", reach) → times.
        refused: (who, what, where) → times.
        verdicts: what could be said of each measured run at its worst → runs; reasons: why less was said → runs.
        engines: (version, cloud, remote models) in the order in which they were found.
        policies: (time, (destination, reach) of all that was allowed), each time that it changed.
    """

    began: float = 0.0
    until: float = 0.0
    runs: int = 0
    ended: int = 0
    once: int = 0
    seconds: float = 0.0
    sealed: int = 0
    unguarded: int = 0
    torn: int = 0
    unknown: int = 0
    totals: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    contacts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    ignored: set[str] = field(default_factory=set)
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    versions: set[str] = field(default_factory=set)
    engines: dict[tuple[str, str, tuple[str, ...]], None] = field(default_factory=dict)
    models: dict[tuple[str, str], None] = field(default_factory=dict)
    policies: list[tuple[float, tuple[tuple[str, str], ...]]] = field(default_factory=list)
    gaps: list[tuple[float, float, str]] = field(default_factory=list)


WORST = ("out", "unknown", "unmeasured", "clean")


def summary(entries: Iterable[Facts]) -> Summary:
    """The sums of entries in the order of the log. What is no entry of ours, or was bent, counts as nothing."""
    made, seen = Summary(), dict[str, _Run]()
    for facts in entries:
        made.began = made.began or facts["t"]
        made.until = max(made.until, facts["t"])
        with suppress(*BENT):
            _take(made, seen, facts)
    for run in seen.values():
        with suppress(*BENT):
            _close(made, run)
    return made


@dataclass(slots=True)
class _Run:
    """One run: the worst that was said of it, and its last measurement, which contains all before."""

    verdict: str = "clean"
    reason: str = ""
    last: Mapping[str, Any] | None = None


def _take(made: Summary, seen: dict[str, _Run], facts: Facts) -> None:
    kind, run = facts["kind"], str(facts.get("run", ""))
    if kind in RUN_BEGINS:
        made.runs += kind == "start"
        made.once += kind == "once"
        made.unguarded += not facts["guard"]
        made.versions.add(str(facts["version"]))
        allowed = tuple(_destinations(facts["allowed"]))
        if not made.policies or made.policies[-1][1] != allowed:
            made.policies.append((facts["t"], allowed))
    elif kind in ("traffic", "end"):
        made.ended += kind == "end"
        one = seen.setdefault(run, _Run())
        one.last = facts
        if WORST.index(facts["verdict"]) < WORST.index(one.verdict):
            one.verdict, one.reason = facts["verdict"], str(facts["reason"])
    elif kind == "refused":
        made.refused[str(facts["who"]), str(facts["what"]), str(facts["where"])] += int(facts["times"])
    elif kind == "engine":
        made.engines[str(facts["version"]), str(facts["cloud"]), tuple(map(str, facts["remote"]))] = None
    elif kind == "model":
        made.models[str(facts["name"]), str(facts["digest"])] = None
    elif kind == "ignored":
        made.ignored.update(map(str, facts["variables"]))
    elif kind == "gap":
        made.gaps.append((float(facts["since"]), float(facts["t"]), str(facts["reason"])))
    elif kind == "torn":
        made.torn += 1


def _close(made: Summary, run: _Run) -> None:
    """Adds what a run measured in all."""
    if run.last is None:
        return
    made.verdicts[run.verdict] += 1
    if run.verdict == "unmeasured":
        made.reasons[run.reason] += 1
    made.seconds += min(max(0.0, float(run.last["until"]) - float(run.last["since"])), LONGEST_S)
    made.sealed += bool(run.last["sealed"])
    made.unknown += int(run.last["unknown"])
    for owner, by_reach in run.last["counts"].items():
        for reach, figures in by_reach.items():
            total = made.totals.setdefault((owner, reach), [0, 0, 0, 0])
            total[:] = [a + int(b) for a, b in zip(total, figures, strict=True)]
    for owner, where, reach, times in run.last["contacts"]:
        made.contacts[str(owner), str(where), str(reach)] += int(times)


def _destinations(allowed: Iterable[Facts]) -> Iterator[tuple[str, str]]:
    for one in allowed:
        host = f"[{one['host']}]" if ":" in one["host"] else one["host"]
        yield f"{host}:{one['port']}", str(one["reach"])
