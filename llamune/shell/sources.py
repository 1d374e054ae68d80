"""What is said around an answer that documents stand behind: what it cites, whether that is there, what was not found.

Makes text (ANSI) from a stored answer; the check itself was done when the answer ended (chat/citations.py).
"""

from llamune import text
from llamune.chat.grounding import title
from llamune.chat.seen import Checked, Seen
from llamune.chat.session import Answer
from llamune.i18n import _, ngettext
from llamune.shell.style import Style


def mark(answer: Answer) -> str:
    """Behind the name of who answers: the collections that were searched."""
    if answer.seen is None or answer.seen.found is None:
        return ""
    return text.one_line(f"[{', '.join(answer.seen.corpora)}]")


def above(answer: Answer, columns: int, style: Style) -> str:
    """What sets a general answer apart from one out of the documents; "" for any other."""
    if not answer.seen or not answer.seen.unfound or answer.reason == "not_found":
        return ""
    told = _("Not found in {corpora}. What follows is the model's own knowledge, without any document.")
    return style(text.folded(told.format(corpora=", ".join(answer.seen.corpora)), columns), "warn")


def below(answer: Answer, columns: int, style: Style, commands: bool) -> str:
    """Sources cited, what is wrong with citations, and how much was read; `commands`: and what to type for more."""
    seen = answer.seen
    if seen is None or seen.found is None:
        return ""
    lines = [style(text.folded(note, columns), "warn") for note in seen.found.notes]
    if seen.unfound:
        return "\n".join([*lines, style(text.folded(_unfound(answer, seen, commands), columns), "dim")])
    checked = answer.checked or Checked()
    lines += [_cited(number, seen, columns) for number in checked.cited]
    lines += [style(text.folded(line, columns), "warn") for line in _wrong(checked, seen)]
    counted = [*_counted(checked, seen), *(["/sources"] if commands else [])]
    return "\n".join([*lines, style(text.folded("  " + " · ".join(counted), columns), "dim")])


def _unfound(answer: Answer, seen: Seen, commands: bool) -> str:
    assert seen.found is not None
    best, limit = max((hit.score for hit in seen.found.hits), default=0.0), seen.found.thresholds[0]
    parts = [_("best match {score}, needed {limit}").format(score=f"{best:.2f}", limit=f"{limit:.2f}")]
    parts += ["/sources hits"] if commands else []
    parts += [_("without documents: /retry none")] if commands and answer.reason == "not_found" else []
    return " · ".join(parts)


def _cited(number: int, seen: Seen, columns: int) -> str:
    first, *rest = text.folded(f"[{number}] {title(seen.passages[number - 1])}", columns - 6).split("\n")
    return "\n".join([f"  {first}", *(f"      {line}" for line in rest)])


def _wrong(checked: Checked, seen: Seen) -> list[str]:
    lines = []
    if checked.nowhere:
        numbers = " ".join(f"[{n}]" for n in checked.nowhere)
        given = ngettext("{n} passage was given", "{n} passages were given", len(seen.passages))
        lines.append("  " + _("{numbers} points nowhere").format(numbers=numbers) + f" ({_n(given, seen)})")
    if checked.unsupported:
        figures = ", ".join(f"“{text.one_line(figure)}”" for figure in checked.unsupported[:8])
        lines.append("  " + _("in none of the passages: {figures}").format(figures=figures))
    return lines


def _counted(checked: Checked, seen: Seen) -> list[str]:
    assert seen.found is not None
    parts = [_n(ngettext("{n} passage read", "{n} passages read", len(seen.passages)), seen)]
    parts[0] += _(", {n} cited").format(n=len(checked.cited)) if checked.cited else _(", none cited")
    found = len(seen.found.passages)
    if missing := found - len(seen.passages):
        parts.append(_("no room for {n} of {all}").format(n=missing, all=found))
    if any(sent.text != whole.text for sent, whole in zip(seen.passages, seen.found.passages, strict=False)):
        parts.append(_("the last one shortened"))
    if seen.found.strength == "weak":
        best = max((p.score for p in seen.found.passages), default=0.0)
        told = _("weak matches (best {score}, sure from {limit})")
        parts.append(told.format(score=f"{best:.2f}", limit=f"{seen.found.thresholds[1]:.2f}"))
    return parts


def _n(told: str, seen: Seen) -> str:
    return told.format(n=len(seen.passages))
