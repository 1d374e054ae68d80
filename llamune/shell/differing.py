"""Where answers differ in fact, as text (ANSI). What differs was found by chat/disagreement.py."""

from llamune import text
from llamune.chat import disagreement
from llamune.commands.values import Disagreement
from llamune.i18n import _
from llamune.shell.style import Style


def told(value: Disagreement, columns: int, style: Style, glyphs: text.Glyphs) -> str:
    """Where answers differ in fact: the kind, each answer's value, who stands alone, and the sentences."""
    report = value.report
    lines = [style(_("differences in fact"), "title")] if report.differences else []
    for found in report.differences:
        values = " · ".join(f"{letter} {text.one_line(v)}" for letter, v in found.values.items())
        alone = found.minority if found.minority != found.missing_in else ()
        rest = [_("{letters} alone").format(letters=", ".join(alone))] if alone else []
        if found.missing_in:
            rest.append(_("not in {letters}").format(letters=", ".join(found.missing_in)))
        told = f"  {disagreement.name(found.kind)}  {values}"
        lines.append(text.folded(told + (f"   {glyphs.arrow} {', '.join(rest)}" if rest else ""), columns))
        said: dict[str, list[str]] = {}
        for letter, sentence in found.sentences.items() if value.sentences else ():
            said.setdefault(text.one_line(sentence), []).append(letter)
        for sentence, letters in said.items():
            lines.append(style(text.cut(f"      {', '.join(letters)}: {sentence}", columns - 1), "dim"))
    if not report.differences:
        lines.append(_("no difference in fact found"))
    if report.same:
        lines.append(text.folded(_("  the same  {values}").format(values=", ".join(report.same)), columns))
    lines += [style(text.folded(line, columns), "dim") for line in _checked(report)]
    return "\n".join(lines)


def _checked(report: disagreement.Report) -> list[str]:
    """What was looked at, and what was not."""
    kinds = ", ".join(disagreement.name(kind) for kind in report.checked)
    lines = [_("  (checked: {kinds}; not checked: meaning)").format(kinds=kinds)]
    for what, told in {
        "characters": _("  {letters}: the last {n} characters were not looked at"),
        "sentences": _("  {letters}: the last {n} sentences were not looked at"),
        "differences": _("  {n} more differences are not shown"),
    }.items():
        if left := [one for one in report.not_checked if one.what == what]:
            letters = ", ".join(one.letter for one in left)
            lines.append(told.format(letters=letters, n=f"{sum(one.count for one in left):,}"))
    return lines
