"""/traffic: what was measured, what was refused, and whether the engine itself would call anybody."""

import asyncio
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llamune.commands import cloud
from llamune.commands.registry import Arguments, command
from llamune.commands.session import Shell
from llamune.commands.values import Column, Fields, Listing, Note
from llamune.i18n import N_, _, ngettext
from llamune.network import sealed
from llamune.network.counts import Contact, Count, Group, Snapshot
from llamune.network.figure import figure
from llamune.network.guard import Refusal, current
from llamune.network.remote import relays
from llamune.network.why import why
from llamune.text import one_line, size

if TYPE_CHECKING:
    from llamune.network.relay import Entry

TITLE = N_("Network")
SHOWN = 12  # refusals and contacts that are listed; the log has all


@command("traffic", N_("what went over the network, measured, and what was refused"), now=True)
async def traffic(shell: Shell, args: Arguments) -> None:
    snapshot = await asyncio.to_thread(shell.app.measured)
    shell.show(_table(snapshot, await _engine_name(shell)))
    said = figure(snapshot)
    shell.show(Note(said.words, "plain" if said.tone == "dim" else said.tone))
    for line in _doubts(snapshot):
        shell.show(Note(line, "warn"))
    for entry in await asyncio.to_thread(relays):
        shell.show(Note(_relay(entry), "dim"))
    if snapshot.contacts:
        shell.show(_contacts(snapshot.contacts))
    for note in _refused(shell):
        shell.show(note)
    shell.show(Fields(await cloud.told(shell)))
    shell.show(Note("\n".join(_limits(snapshot)), "dim"))


def _relay(entry: "Entry") -> str:
    """What one relay out of the seal carried."""
    n = entry.connections
    told = ngettext("relay to {place}: {n} connection, {size}", "relay to {place}: {n} connections, {size}", n)
    place = f"[{entry.host}]:{entry.port}" if ":" in entry.host else f"{entry.host}:{entry.port}"
    return told.format(place=place, n=f"{n:,}", size=size(entry.sent + entry.received))


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))


def _table(snapshot: Snapshot, engine: str) -> Listing:
    title = _("measured since {time}").format(time=_clock(snapshot.since))
    if snapshot.sealed:
        title += ", " + _("sealed")
    columns = [
        Column(title, least=16),
        Column(_("this machine"), right=True),
        Column(_("listed LAN"), right=True),
        Column(_("outside"), right=True),
    ]
    return Listing(columns, [_row(snapshot, group, engine) for group in snapshot.groups])


def _row(snapshot: Snapshot, group: Group, engine: str) -> tuple[str, str, str, str]:
    name = _own_name(group) if group.owner == "llamune" else f"{engine} {_told_by(group)}".rstrip()
    if snapshot.problem or group.problem:
        return name, "–", "–", _("not measured")
    return name, _bytes(group.count("machine")), _bytes(group.count("lan")), _outside(group.count("outside"))


def _own_name(group: Group) -> str:
    children = len(group.pids) - 1
    told = ngettext("{n} child", "{n} children", children).format(n=children) if children else ""
    return "llamune (pid " + ", ".join(p for p in (str(group.pids[0]), told) if p) + ")"


def _told_by(group: Group) -> str:
    """How the engine's sockets were told, in brackets; nothing where they were not, since the reason is said below."""
    if group.pids:
        return f"(pid {group.pids[0]})"
    if group.problem:
        return ""
    return "(" + {"cgroup": _("by its control group"), "uid": _("by its user")}.get(group.by, _("not running")) + ")"


def _bytes(count: Count) -> str:
    return size(count.payload) if count.tries else "–"


def _outside(count: Count) -> str:
    if not count.tries:
        return "0 B"
    tries = ngettext("{n} attempt", "{n} attempts", count.tries).format(n=count.tries)
    return f"{size(count.payload)}, {tries}"


async def _engine_name(shell: Shell) -> str:
    version = await shell.app.catalog.server_version()
    return f"Ollama {version}" if version else "Ollama"


def _doubts(snapshot: Snapshot) -> Iterable[str]:
    """Why less is claimed than one would like."""
    reasons = dict.fromkeys((snapshot.problem, *(g.problem for g in snapshot.groups)))
    yield from (_("not measured: {reason}").format(reason=_(reason)) for reason in reasons if reason)
    if snapshot.silent:
        return
    if snapshot.unknown and snapshot.sealed:
        told = _("{n} connections to the outside by programs that could not be seen; Llamune itself has no network.")
        yield told.format(n=f"{snapshot.unknown:,}")
    elif snapshot.unknown:
        yield ngettext(
            "{n} connection to the outside ended before its owner could be seen; other programs make some, too.",
            "{n} connections to the outside ended before their owners could be seen; other programs make some, too.",
            snapshot.unknown,
        ).format(n=f"{snapshot.unknown:,}")
    if snapshot.loose:
        yield ngettext(
            "{n} open UDP socket could send anywhere without being seen.",
            "{n} open UDP sockets could send anywhere without being seen.",
            snapshot.loose,
        ).format(n=f"{snapshot.loose:,}")


def _contacts(contacts: tuple[Contact, ...]) -> Listing:
    who = {"llamune": "llamune", "engine": "Ollama", "unknown": _("owner unknown")}
    rank = {"llamune": 0, "engine": 0}
    shown = sorted(contacts, key=lambda c: (rank.get(c.owner, 1), -c.last))[:SHOWN]
    rows = [(c.where, who.get(c.owner, c.owner), _reach(c), f"{c.times:,}", _clock(c.last)) for c in shown]
    columns = [
        Column(_("address"), least=12),
        Column(_("who")),
        Column(_("where"), spare=1),
        Column(_("times"), right=True),
        Column(_("last"), spare=2),
    ]
    rest = len(contacts) - len(shown)
    return Listing(columns, rows, _("… and {n} more").format(n=rest) if rest else "")


def _reach(contact: Contact) -> str:
    return _("listed LAN") if contact.reach == "lan" else _("outside")


def _refused(shell: Shell) -> Iterable[Note | Listing]:
    guard = current()
    if guard is None:
        yield Note(_("nothing is refused here: the guard is not installed"), "warn")
        return
    found = guard.records()
    if not found:
        yield Note(_("refused: nothing"), "dim")
    else:
        columns = [
            Column(_("refused: {n}").format(n=f"{len(found):,}"), least=8),
            Column("", least=12),
            Column(_("before any packet"), spare=1),
        ]
        rows = [(one_line(r.who), _tried(r), _clock(r.time)) for r in found[-SHOWN:]]
        yield Listing(columns, rows, _("All of them, with their call stacks: {path}").format(path=guard.log))
    if sealed.current().way == "seccomp":
        yield Note(_("What the filter (seccomp) refuses is not listed: the kernel tells neither who nor where."), "dim")
    if guard.dropped:
        told = _("ignored: the proxies of {names}")
        yield Note(told.format(names=", ".join(guard.dropped)), "dim")


def _tried(refusal: Refusal) -> str:
    verbs = {
        "look-up": _("look-up of {where}"),
        "bind": _("to listen at {where}"),
        "redirect": _("redirect to {where}"),
    }
    verb = verbs.get(refusal.what, "→ {where}")
    return verb.format(where=one_line(refusal.where))


def sealing() -> str:
    """How this program is cut off from the network, or why it is not."""
    found = sealed.current()
    cause = why(found)
    reason = _(cause) if cause else ""
    if found.way == "namespace":
        return _("Sealed: Llamune has no network but the relays to the servers listed; the kernel knows no other way.")
    if found.way == "seccomp":
        told = _("Sealed by a filter (seccomp), because {reason}: Llamune can open no network socket; relays lead out.")
        return told.format(reason=reason)
    return _("Not sealed: {reason}.").format(reason=reason) if reason else _("Not sealed: the setting sealed is off.")


def _limits(snapshot: Snapshot) -> Iterable[str]:
    """How Llamune is cut off; what the figures are, and what they are not; and where they are written down."""
    yield sealing()
    yield _("Payload of TCP connections and connected UDP; not covered: other programs, and administrators.")
    passed = snapshot.interfaces
    if passed is not None:
        yield (
            _("Nothing at all left this machine in this time.")
            if passed.sent == 0
            else _("All programs of this machine together sent {size} over its network.").format(size=size(passed.sent))
        )
    yield _("llamune evidence makes the signed report.")
