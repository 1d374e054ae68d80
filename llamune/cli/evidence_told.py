"""The evidence in words: what a log says, what is wrong in it, what was observed and what was not. For terminal, HTML
and JSON alike; draws nothing.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from llamune.commands.values import Column, Fields, Listing, Note, Shown
from llamune.i18n import N_, _, ngettext
from llamune.network.proof import Fault, Finding, Log
from llamune.network.summary import Summary, summary
from llamune.text import one_line, size

SHOWN = 50  # rows of a listing; the log has all
FAULTS: Mapping[Fault, str] = {
    "changed": N_("Entry {first} was changed."),
    "unreadable": N_("Line {first} cannot be read."),
    "missing": N_("Missing: entries {first} to {last}."),
    "moved": N_("Entry {first} stands in the wrong place."),
    "clock": N_("Before entry {first} the clock was set back by {seconds} s."),
    "cut": N_("The end is cut off: the signed head knows entries {first} to {last}, too."),
    "rewritten": N_("The log was written anew: entry {first} is not the one that was signed."),
    "forged": N_("The signature of the head is false."),
    "unsigned": N_("The signed head is gone: a cut end could not be seen."),
    "other key": N_("The head is signed with another key than this log names."),
    "unseen": N_("Entry {first} is not the one that was noted: rolled back, or written anew."),
}
OBSERVED = (
    N_("TCP connections and connected UDP of Llamune, its child processes and the Ollama server of this machine, "
       "as the kernel lists them, from start to end of each chat, comparison, reading of documents and training."),
    N_("Whatever Llamune refused before a packet left: in its own Python code and that of its Python children."),
)  # fmt: skip
NOT_OBSERVED = (
    N_("Other programs, and the time in which Llamune did not run."),
    N_("Name look-ups that the system does for a program, and UDP without a connection where other programs used "
       "the network, too."),
    N_("An engine on another machine, or in a container that cannot be seen: there it says “not measured”."),
    N_("What single questions (llamune ask) sent: only what was refused is known of them."),
    N_("An administrator or whoever has this user's key can write another log. Only a head noted elsewhere shows it."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report."""

    title: str
    values: Sequence[Shown]


def fault(found: Finding) -> str:
    """What is wrong, and where."""
    return _(FAULTS[found.fault]).format(first=found.first, last=found.last, seconds=f"{found.seconds:,.0f}")


def state(log: Log, found: Sequence[Finding]) -> list[Note]:
    """Whether the log is whole, how far it is signed, and what to note."""
    notes = [Note(fault(f), "bad") for f in found]
    if not found:
        told = ngettext("{n} entry: nothing was changed, taken out, moved or cut.",
                        "{n} entries: nothing was changed, taken out, moved or cut.", len(log.lines))  # fmt: skip
        notes.append(Note(told.format(n=f"{len(log.lines):,}"), "good"))
    if log.torn:
        notes.append(Note(_("The last line is half: a program was ended while it wrote."), "warn"))
    if log.head is None:
        return [*notes, Note(_("It is not signed."), "warn")]
    rest = max(0, log.end.n - log.head.n)
    signed = _("Signed up to entry {n}, {time}, with the key {key}.")
    when = moment(log.head.t)
    notes.append(Note(signed.format(n=f"{log.head.n:,}", time=when, key=one_line(log.head.key[:16])), "dim"))
    if rest:
        told = ngettext("{n} entry behind it is not signed yet.", "{n} entries behind it are not signed yet.", rest)
        notes.append(Note(told.format(n=f"{rest:,}"), "warn"))
    told = _("To note elsewhere: {head}").format(head=one_line(log.head.place.short))
    return [*notes, Note(told, "dim")]


def sections(log: Log) -> list[Section]:
    """The whole report."""
    found = summary(log.entries())
    made = [Section(_("Evidence of network traffic"), [Fields(list(_overview(found))), *_totals(found)])]
    if found.contacts:
        made.append(Section(_("Who was called"), [_contacts(found)]))
    made.append(Section(_("What may be called"), [_policies(found)]))
    made.append(Section(_("What was refused"), [_refused(found)]))
    if found.models:
        rows = [(one_line(name), one_line(digest)) for name, digest in found.models]
        columns = [Column(_("model"), least=12), Column(_("content"), least=12)]
        made.append(Section(_("Which weights answered"), [Listing(columns, rows)]))
    made.append(Section(_("Observed"), [_list(OBSERVED)]))
    made.append(Section(_("Not observed"), [_list(NOT_OBSERVED)]))
    return made


def _list(lines: Sequence[str]) -> Note:
    return Note("\n".join(f"- {_(line)}" for line in lines))


def _overview(found: Summary) -> Iterator[tuple[str, str]]:
    if not found.began:
        yield _("time"), _("nothing is written down for it")
        return
    yield _("time"), _("{began} to {until}").format(began=moment(found.began), until=moment(found.until))
    yield _("went outside"), _verdict(found)
    yield _("measured runs"), ", ".join(_runs(found))
    if found.once:
        yield _("single questions"), _("{n}, not measured").format(n=f"{found.once:,}")
    for reason, times in found.reasons.items():
        yield _("not measured"), f"{times:,} × {one_line(_(reason) if reason else '?')}"
    for version, cloud, remote in found.engines:
        yield f"Ollama {one_line(version)}", "; ".join(_engine(cloud, remote))
    yield "Llamune", ", ".join(sorted(map(one_line, found.versions)))
    if found.ignored:
        yield _("ignored"), _("proxies of {names}").format(names=one_line(", ".join(sorted(found.ignored))))
    if found.unguarded:
        yield _("guard"), _("not installed in {n} runs").format(n=found.unguarded)
    for since, until, reason in found.gaps:
        gap = _("{began} to {until}: {reason}")
        yield _("not written"), gap.format(began=moment(since), until=moment(until), reason=one_line(reason))
    if found.torn:
        yield _("half lines"), str(found.torn)


def _verdict(found: Summary) -> str:
    """The one sentence that everybody looks for; never more than is known."""
    outside = sum(t[2] + t[3] for (_owner, reach), t in found.totals.items() if reach == "outside")
    tries = sum(t[0] + t[1] for (_owner, reach), t in found.totals.items() if reach == "outside")
    if found.verdicts["out"]:
        many = ngettext("{n} attempt", "{n} attempts", tries).format(n=f"{tries:,}")
        return _("YES: {size}, {attempts}").format(size=size(outside), attempts=many)
    if not found.verdicts:
        return _("not measured")
    clean, runs = found.verdicts["clean"], found.verdicts.total()
    if clean == runs == found.runs:
        return _("0 B, no attempt")
    known = _("0 B in {clean} of {runs} runs").format(clean=f"{clean:,}", runs=f"{found.runs:,}")
    known = known if clean else _("not known")
    return known + (
        "; " + _("{n} connections of unknown owner").format(n=f"{found.unknown:,}") if found.unknown else ""
    )


def _runs(found: Summary) -> Iterator[str]:
    yield _("{n}, together {time}").format(n=f"{found.runs:,}", time=timedelta(seconds=round(found.seconds)))
    if found.sealed:
        yield _("sealed: {n}").format(n=f"{found.sealed:,}")
    if still := found.runs - found.ended:
        yield _("without an end (running, or ended by force): {n}").format(n=f"{still:,}")


def _engine(cloud: str, remote: Sequence[str]) -> Iterator[str]:
    words = {"off": _("off"), "on": _("ON"), "unknown": _("this server cannot say")}
    yield _("cloud: {state}").format(state=words.get(cloud, "?"))
    if remote:
        yield _("cloud models, hidden: {names}").format(names=one_line(", ".join(remote)))


def _totals(found: Summary) -> Iterator[Shown]:
    rows = []
    for owner, name in (("llamune", "llamune"), ("engine", "Ollama")):
        figures = {reach: total for (who, reach), total in found.totals.items() if who == owner}
        if figures:
            nothing = "0 B" if set(found.verdicts) == {"clean"} else "–"
            outside = _figures(figures["outside"]) if "outside" in figures else nothing
            rows.append((name, _figures(figures.get("machine")), _figures(figures.get("lan")), outside))
    if rows:
        titles = (_("this machine"), _("listed LAN"), _("outside"))
        yield Listing([Column(_("payload, both ways"), least=12), *(Column(t, right=True) for t in titles)], rows)


def _figures(total: Sequence[int] | None) -> str:
    if not total:
        return "–"
    many = total[0] + total[1]
    return f"{size(total[2] + total[3])} ({many:,})"


def _contacts(found: Summary) -> Listing:
    who = {"llamune": "llamune", "engine": "Ollama", "unknown": _("owner unknown")}
    where = {"lan": _("listed LAN"), "outside": _("outside")}
    rows = [
        (one_line(address), who.get(owner, "?"), where.get(reach, "?"), f"{times:,}")
        for (owner, address, reach), times in found.contacts.most_common(SHOWN)
    ]
    columns = [Column(_("address"), least=12), Column(_("who")), Column(_("where"), spare=1)]
    return Listing([*columns, Column(_("times"), right=True)], rows, _more(len(found.contacts)))


def _policies(found: Summary) -> Listing:
    words = {"machine": _("this machine"), "lan": _("listed LAN")}
    rows = [
        (moment(when), one_line(", ".join(f"{where} ({words.get(reach, reach)})" for where, reach in allowed)))
        for when, allowed in found.policies[-SHOWN:]
    ]
    return Listing([Column(_("since")), Column(_("allowed"), least=20)], rows)


def _refused(found: Summary) -> Listing:
    rows = [
        (one_line(who), f"{what} {one_line(where)}", f"{times:,}")
        for (who, what, where), times in found.refused.most_common(SHOWN)
    ]
    columns = [Column(_("who"), least=8), Column(_("what"), least=12), Column(_("times"), right=True)]
    return Listing(columns, rows, _more(len(found.refused)), empty=_("nothing"))


def _more(n: int) -> str:
    return _("… and {n} more").format(n=n - SHOWN) if n > SHOWN else ""


def moment(seconds: float) -> str:
    """A time of this machine's clock; "?" for what is none."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return "?"


def as_data(log: Log) -> dict[str, Any]:
    """The sums, for programs."""
    found = summary(log.entries())
    return {
        "began": found.began,
        "until": found.until,
        "runs": found.runs,
        "ended": found.ended,
        "single_questions": found.once,
        "measured_seconds": round(found.seconds, 3),
        "sealed_runs": found.sealed,
        "verdicts": dict(found.verdicts),
        "not_measured": dict(found.reasons),
        "totals": [
            {"who": w, "where": r, "connections": t[0], "attempts": t[1], "sent": t[2], "received": t[3]}
            for (w, r), t in found.totals.items()
        ],
        "unknown": found.unknown,
        "contacts": [{"who": w, "address": a, "where": r, "times": n} for (w, a, r), n in found.contacts.items()],
        "refused": [{"who": w, "what": a, "where": r, "times": n} for (w, a, r), n in found.refused.items()],
        "engines": [{"version": v, "cloud": c, "remote": list(r)} for v, c, r in found.engines],
        "models": [{"name": n, "digest": d} for n, d in found.models],
        "allowed": [{"since": t, "destinations": [list(d) for d in allowed]} for t, allowed in found.policies],
        "gaps": [{"since": a, "until": b, "reason": r} for a, b, r in found.gaps],
        "torn_lines": found.torn,
    }
