"""The figure of the toolbar: what a snapshot lets us say, in a few words of the interface language.

"0 B" with its check mark is said in one case only: the verdict is "clean". Knows no colours and no columns; the tone
says how it is meant.
"""

from typing import Literal, NamedTuple

from llamune import text
from llamune.i18n import _
from llamune.network.counts import ENGINE_ELSEWHERE, Snapshot


class Figure(NamedTuple):
    """A few words, and how they are meant."""

    words: str
    tone: Literal["good", "warn", "bad", "dim"]


def figure(snapshot: Snapshot, check: str = "✓") -> Figure:
    """The words for a snapshot. `check` is the sign of this terminal for what is proven."""
    verdict = snapshot.verdict
    if verdict == "out":
        places = list(dict.fromkeys(c.where for c in snapshot.out))
        more = f" +{len(places) - 1}" if len(places) > 1 else ""
        return Figure(_("OUTSIDE {place}").format(place=places[-1]) + more, "bad")
    lan = sum(group.count("lan").payload for group in snapshot.groups)
    listed = lan or any(group.problem == ENGINE_ELSEWHERE for group in snapshot.groups)
    before = (_("sealed") + " · " if snapshot.sealed else "") + (f"LAN {text.size(lan)} · " if listed else "")
    if verdict == "clean":
        return Figure(before + _("outside 0 B {check}").format(check=check), "good")
    if verdict == "unknown":
        return Figure(before + _("outside, owner unknown: {n}").format(n=f"{snapshot.doubts:,}"), "warn")
    return Figure(before + _("outside not measured"), "dim" if not snapshot.samples else "warn")
