"""Whether a version is worth being promoted, by its own figures, and why. It decides nothing: people promote."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llamune.i18n import _
from llamune.training.evaluate import Evaluation

LEAST_GAIN = 0.02  # of the held-out loss; less is noise
MOST_FORGOTTEN = 0.10  # of the loss on general data (replay cuts it from 0.87 to 0.13, facts of the first trials)


@dataclass(frozen=True, slots=True)
class Gate:
    """`promote` says whether; `reasons` say why, one line each."""

    promote: bool
    reasons: tuple[str, ...]


def judge(before: Mapping[str, float], after: Mapping[str, float], found: Evaluation) -> Gate:
    """The judgement over the losses (by split) and what was answered."""
    against, kept = list[str](), list[str]()
    if "held" in after:
        gain = before["held"] - after["held"]
        line = _("loss on what was kept back {before:.2f} → {after:.2f}").format(
            before=before["held"], after=after["held"]
        )
        (kept if gain >= LEAST_GAIN else against).append(line)
    else:
        against.append(_("nothing was kept back, so nothing is known of what was learned"))
    if "general" in after:
        lost = after["general"] - before["general"]
        line = _("loss on general data {change:+.2f} (at most {most:+.2f})").format(change=lost, most=MOST_FORGOTTEN)
        (kept if lost <= MOST_FORGOTTEN else against).append(line)
    for kind, score in found.kinds.items():
        line = _("{kind}: answers are like the expected ones {before:.3f} → {after:.3f}").format(
            kind=kind, before=score.before, after=score.after
        )
        (kept if score.after >= score.before else against).append(line)
    if found.planted:
        line = _("planted secrets that came back: {n} of {all}").format(n=found.secrets, all=found.planted)
        (against if found.secrets else kept).append(line)
    return Gate(not against, (*against, *kept))


def figures(found: Evaluation, gate: Gate, losses: Mapping[str, Any]) -> dict[str, Any]:
    """Everything measured, for result.json."""
    return {
        "losses": losses,
        "kinds": {k: {"count": s.count, "before": s.before, "after": s.after} for k, s in found.kinds.items()},
        "secrets": found.secrets,
        "planted": found.planted,
        "samples": [list(s) for s in found.samples],
        "promote": gate.promote,
        "reasons": list(gate.reasons),
    }
