"""A proposal as a file that the operator edits: every line with its reason and how many votes it rests on.

What is not recommended for want of votes stands there as a comment. It is a valid set: `recommend check` says so.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from llamune.chat import task
from llamune.chat.ranking import Rank
from llamune.chat.usage import Line
from llamune.i18n import LANGUAGES, N_, _, translated
from llamune.recommend.proposal import VOTES, Candidate, Proposal, Table
from llamune.recommend.reading import FORMAT
from llamune.text import one_line, seconds


def written(proposal: Proposal, today: date) -> str:
    """The file's text."""
    return "\n".join(_lines(proposal, today)) + "\n"


def _lines(proposal: Proposal, today: date) -> Iterator[str]:
    base, sources = proposal.base, proposal.sources
    as_before = _("as in {version}").format(version=base.version)
    answers, games = sum(line.answers for s in sources for line in s.lines), sum(s.comparisons for s in sources)
    yield "# " + _("Proposed from {n} statistics: {answers} answers, {games} comparisons.").format(
        n=len(sources), answers=f"{answers:,}", games=f"{games:,}"
    )
    told = _("Edit it, then: llamune recommend check · sign. Nothing rests on fewer than {n} comparisons.")
    yield f"# {told.format(n=VOTES)}"
    yield f"\nformat = {FORMAT}\nversion = {_text(proposal.version)}\nquarter = {_text(proposal.version[:7])}"
    yield f"updated = {today}\nmeasured = {str(base.measured).lower()}  # {as_before}"
    yield f"concurrent_limit = {base.limit}  # {as_before}"
    medians = " · ".join(time(c.line) for c in proposal.order)
    yield "# " + _("order: by the median time of an answer: {times}").format(times=medians)
    yield f"execution_order = {_texts([c.name for c in proposal.order])}\n"
    yield from ("[changelog]", *_languages("", _changes(proposal)))
    yield f"\n[parameters]  # {as_before}"
    for purpose, options in base.parameters.items():
        given = ", ".join(f"{name} = {value}" for name, value in options.given().items())
        yield f"{_text(purpose)} = {{ {given} }}"
    for candidate in proposal.candidates:
        yield from _model(proposal, candidate)


def _model(proposal: Proposal, candidate: Candidate) -> Iterator[str]:
    yield ""
    yield from (f"# {one_line(line)}" for line in reasons(proposal, candidate))
    entry = candidate.entry
    if entry is None:
        return
    yield f"[[models]]\nname = {_text(entry.name)}\ntags = {_texts(entry.tags)}\npriority = {entry.priority}"
    yield f"preset = {_text(entry.preset)}  # {_preset(proposal, candidate)}"
    yield f"size = {entry.size:g}\nmemory = {entry.memory:g}\nmachine = {_text(entry.machine)}"
    yield f"licence = {_text(entry.licence)}" + ("  # " + _("look it up") if entry.licence == "?" else "")
    yield from (f"digest = {_text(entry.digest)}",) if entry.digest else ()
    yield from ("deprecated = true",) if entry.deprecated else ()
    yield from _languages("purpose.", entry.purpose or _purpose(proposal, candidate))


def reasons(proposal: Proposal, candidate: Candidate) -> list[str]:
    """Why a model is recommended or not: the figures that it rests on, and its place for each task."""
    told = [_("{model}: {figures}").format(model=candidate.name, figures=figures(candidate))]
    for table, found in _places(proposal, candidate.name):
        at = _("place {n}").format(n=table.place(candidate.name))
        told.append(f"{place(table)}: {at} · {votes(found)}")
    if candidate.reason:
        told.append(_("not recommended: {reason}").format(reason=candidate.reason))
    return told


def _places(proposal: Proposal, name: str) -> list[tuple[Table, Rank]]:
    return [(t, r) for t in proposal.tables for r in t.ranks if r.model == name and t.place(name)]


def place(table: Table) -> str:
    """What a table is about."""
    machine = table.machine or _("a machine not known")
    return _("{task}, {machine}").format(task=task.said(table.task), machine=machine)


def figures(candidate: Candidate) -> str:
    """Votes, answers, errors and speed on one line."""
    line = candidate.line
    told = [votes(candidate.rank)] if candidate.rank else []
    told.append(_("{n} answers, {failed} failed").format(n=f"{line.answers:,}", failed=f"{line.failed:,}"))
    if speed := line.speed.at(0.5):
        told.append(_("{n} tokens/s").format(n=f"{speed:,.0f}"))
    if line.total.n:
        told.append(_("median {time}").format(time=time(line)))
    return " · ".join(told)


def votes(found: Rank) -> str:
    """How often something is preferred, with its interval and its number of votes."""
    return _("preferred {share} ({low} to {high}) in {n} comparisons").format(
        share=f"{found.strength:.0%}", low=f"{found.low:.0%}", high=f"{found.high:.0%}", n=f"{found.n:,}"
    )


def time(line: Line) -> str:
    """The median time of an answer, "–" when not known."""
    middle = line.total.at(0.5)
    return "–" if middle is None else seconds(middle)


def _preset(proposal: Proposal, candidate: Candidate) -> str:
    if candidate.preset:
        return votes(candidate.preset)
    known = candidate.name in {m.name for m in proposal.base.models}
    where = _("as in {version}").format(version=proposal.base.version) if known else _("the usual one")
    return _("{where}: no preset has {n} comparisons").format(where=where, n=VOTES)


def _changes(proposal: Proposal) -> dict[str, str]:
    """The changelog in every language."""
    before = {m.name for m in proposal.base.models if not m.deprecated}
    after = {c.name for c in proposal.recommended}
    games, machines = sum(s.comparisons for s in proposal.sources), len(proposal.sources)
    said = [(N_("From {n} comparisons on {machines} machines."), "")]
    said += [(N_("New: {names}."), ", ".join(names)) for names in [sorted(after - before)] if names]
    said += [(N_("No longer recommended: {names}."), ", ".join(names)) for names in [sorted(before - after)] if names]
    return {
        language: " ".join(
            translated(part, language).format(n=f"{games:,}", machines=machines, names=names) for part, names in said
        )
        for language in LANGUAGES
    }


def _purpose(proposal: Proposal, candidate: Candidate) -> dict[str, str]:
    """What a new model is for, in every language: the tasks at which it is first."""
    best = list(dict.fromkeys(t.task for t in proposal.best_at(candidate.name)))
    said = [task.TASKS[name] for name in best] or [N_("everyday questions")]
    return {language: ", ".join(translated(s, language) for s in said) for language in LANGUAGES}


def _languages(prefix: str, texts: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{prefix}{language} = {_text(texts[language])}" for language in LANGUAGES)


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _text(value: str) -> str:
    """A TOML string: JSON's are such, apart from one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
