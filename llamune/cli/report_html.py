"""The HTML report of a comparison: one file that shows everything without a network, a script or another file.

Whatever a model or a user wrote is cleaned and escaped, and a content security policy in the file forbids the browser
to load or run anything. Very many questions and very long answers are cut, and the page says where; the JSON has all.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from html import escape
from pathlib import Path

from llamune import __version__
from llamune.chat import disagreement
from llamune.chat.disagreement import Difference
from llamune.chat.session import Answer
from llamune.chat.sweep import Result, loaded
from llamune.chat.tally import Figures, Tally, without
from llamune.cli import compare_out, report_marks, report_plot
from llamune.cli.compare_out import About, told
from llamune.cli.report_parts import notes, section, table
from llamune.cli.report_style import opening
from llamune.i18n import _, ngettext
from llamune.text import clean, cut, one_line

OPEN = 3  # questions; with more of them each is folded
ANSWER = 20_000  # characters shown of an answer
QUESTION = 4_000  # characters shown of a question
WHOLE = 20_000_000  # characters of all questions together; those beyond it are left out
SENTENCE = 240  # columns of a sentence under a difference


class Report:
    """A report that grows by one question at a time and is written at the end, in one step.

    Raises: LlamuneError on entering when the file cannot be made, at the end when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._sections: list[str] = []
        self._room = WHOLE
        self._left_out = 0

    def __enter__(self) -> "Report":
        with compare_out.opened(self._beside):
            return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):
            self._beside.unlink(missing_ok=True)

    def take(self, result: Result, names: Sequence[str]) -> None:
        if self._room > 0:
            self._sections.append("".join(_question(result, names)))
            self._room -= len(self._sections[-1])
        else:
            self._left_out += 1

    def end(self, tally: Tally, about: About) -> None:
        try:
            with compare_out.opened(self._beside) as file:
                for part in self._page(tally, about):
                    file.write(part)
                file.flush()
            os.replace(self._beside, self._path)
        except OSError as error:
            raise compare_out.unwritable(self._path, error) from error

    def _page(self, tally: Tally, about: About) -> Iterator[str]:
        figures = tally.figures()
        yield from _head(tally, figures)
        yield section(_("Candidates"), table(compare_out.table(figures)), _notes(figures, about))
        yield section(_("In pictures"), f'<div class="plots">{"".join(_plots(figures))}</div>')
        title = escape(_("Questions"))
        yield f"<h2>{title}</h2><p class='note'>{_legend()}</p>"
        folded = len(self._sections) > OPEN
        for asked in self._sections:
            yield asked if folded else asked.replace("<details>", "<details open>", 1)
        if self._left_out:
            more = ngettext(
                "{n} more question is not shown here.", "{n} more questions are not shown here.", self._left_out
            )
            yield f"<p class='note'>{escape(more.format(n=f'{self._left_out:,}'))}</p>"
        yield "</body></html>\n"


def _head(tally: Tally, figures: Sequence[Figures]) -> Iterator[str]:
    asked = ngettext("{n} question", "{n} questions", tally.questions).format(n=f"{tally.questions:,}")
    made = ngettext("{n} candidate", "{n} candidates", len(figures)).format(n=len(figures))
    when = datetime.now().strftime("%Y-%m-%d %H:%M")
    yield opening(_("Comparison"))
    yield f'<p class="soft">{escape(f"{when} · {asked} · {made} · Llamune {__version__}")}</p>'


def _notes(figures: Sequence[Figures], about: About) -> str:
    """How the figures were made, and what they do not say."""
    said = [
        _("“Agrees”: questions in which no difference in fact stands against the answer, by code, without a model.")
    ]
    if any(f.judged for f in figures):
        said.append(_("“Right”: the expected text, or all its numbers, dates and names, is in the answer."))
    if about.at_once:
        said += list(_fairness(figures, about))
    return notes(*said)


def _fairness(figures: Sequence[Figures], about: About) -> Iterator[str]:
    yield _(
        "Every candidate saw the same question and system prompt, and nothing before it. Times are medians without "
        "loading; the first answer after a load is slower, and is left out where there are others."
    )
    if cached := [f for f in figures if f.cached]:
        shares = " · ".join(f"{f.letter or f.name} {f.cached:.0%}" for f in cached)
        yield _(
            "The engine had read these parts of the prompts before, which makes the first token come sooner: {shares}. "
            "Speeds of writing are not touched by it."
        ).format(shares=shares)
    if about.at_once > 1:
        yield _("{n} answers were made at once: speeds are lower than alone, and do not compare.").format(
            n=about.at_once
        )


def _plots(figures: Sequence[Figures]) -> Iterator[str]:
    def rows(value: str, said: str) -> list[report_plot.Bar]:
        return [(_named(f), getattr(f, value), _said(f, said)) for f in figures]

    if any(f.total_ms is not None for f in figures):
        yield report_plot.bars(_("time for an answer"), rows("total_ms", "time"))
    if any(f.tokens_per_second for f in figures):
        yield report_plot.bars(_("tokens/s"), rows("tokens_per_second", "speed"))
    if any(f.compared for f in figures):
        yield report_plot.bars(_("agrees"), rows("agreement", "agrees"), most=1.0)
    if any(f.judged for f in figures):
        yield report_plot.bars(_("right"), rows("score", "right"), most=1.0)


def _said(f: Figures, what: str) -> str:
    match what:
        case "time":
            return told(f.total_ms)
        case "speed":
            return compare_out.number(f.tokens_per_second)
        case "agrees":
            return compare_out.share(f.agrees, f.compared)
        case _:
            return compare_out.share(f.right, f.judged)


def _named(f: Figures) -> str:
    return one_line(f"{f.letter} {f.name}".strip())


def _legend() -> str:
    fact, wording = escape(_("marked")), escape(_("dotted"))
    legend = escape(_("{fact}: differs in fact. {wording}: wording that the first answer does not have."))
    return legend.replace("{fact}", f"<mark>{fact}</mark>").replace("{wording}", f"<u>{wording}</u>")


# one question


def _question(result: Result, names: Sequence[str]) -> Iterator[str]:
    asked, count = clean(result.question.text), len(result.report.differences)
    title = cut(one_line(asked), 100) or str(result.number)
    many = ngettext("{n} difference", "{n} differences", count).format(n=count)
    yield f"<details><summary>{result.number} · {escape(title)} <span class='soft'>{escape(many)}</span></summary>"
    if title != asked:
        yield f'<p class="asked">{escape(_shortened(asked, QUESTION))}</p>'
    if result.question.expect:
        said = _("expected: {text}").format(text=clean(" / ".join(result.question.expect)))
        yield f'<p class="soft">{escape(said)}</p>'
    yield from _differences(result)
    yield '<div class="answers">'
    first = next((a for a in result.answers if a.status == "complete"), None)
    for answer, name in zip(result.answers, names, strict=True):
        yield from _answer(answer, name, result, None if first is None or answer is first else first.text)
    yield "</div></details>\n"


def _differences(result: Result) -> Iterator[str]:
    report = result.report
    if report.differences:
        yield f'<ul class="differences">{"".join("".join(_difference(d)) for d in report.differences)}</ul>'
    elif sum(a.status == "complete" for a in result.answers) > 1:
        none = _("no difference in fact found")
        yield f'<p class="soft">{escape(none)}</p>'
    for left in report.not_checked:
        if left.letter:
            said = _("{letter}: the last {n} characters were not looked at").format(
                letter=left.letter, n=f"{left.count:,}"
            )
            yield f'<p class="soft">{escape(said)}</p>'


def _difference(difference: Difference) -> Iterator[str]:
    values = "".join(
        f"<span><b>{escape(letter)}</b> {escape(one_line(value))}</span>" for letter, value in difference.values.items()
    )
    absent = difference.missing_in
    if absent:
        said = _("not in {letters}").format(letters=", ".join(absent))
        values += f'<span class="soft">{escape(said)}</span>'
    kind = escape(disagreement.name(difference.kind))
    yield f'<li><span class="kind">{kind}</span> <span class="values">{values}</span>'
    for letter, sentence in difference.sentences.items():
        if one_line(sentence) == one_line(difference.values.get(letter, "")):
            continue
        yield f'<div class="said">{escape(letter)}: {escape(cut(one_line(sentence), SENTENCE))}</div>'
    yield "</li>"


def _answer(answer: Answer, name: str, result: Result, other: str | None) -> Iterator[str]:
    yield f'<section class="answer"><h4>{escape(one_line(f"{answer.letter} {name}"))}</h4>'
    text = clean(_shortened(answer.text, ANSWER))
    if text:
        runs = report_marks.pieces(answer.letter, text, result.report, None if other is None else clean(other))
        yield f'<div class="text">{"".join(map(_piece, runs))}</div>'
    yield f'<p class="soft">{"".join(_ending(answer, result))}</p></section>'


def _piece(piece: report_marks.Piece) -> str:
    text = escape(piece.text)
    text = f"<u>{text}</u>" if piece.wording else text
    return f"<mark>{text}</mark>" if piece.fact else text


def _ending(answer: Answer, result: Result) -> Iterator[str]:
    """Figures of an answer, or why there is none."""
    if answer.status != "complete":
        said = answer.error or _("(stopped; what came is kept)")
        yield f'<span class="bad">{escape(one_line(said))}</span>'
        return
    usage, load = answer.usage, answer.usage.load_ms or 0.0
    parts = [told(without(usage.total_ms, load))]
    if usage.tokens_per_second:
        parts.append(_("{n} tokens/s").format(n=f"{usage.tokens_per_second:,.0f}"))
    if usage.completion_tokens:
        parts.append(_("{n} tokens").format(n=f"{usage.completion_tokens:,}"))
    if loaded(answer):
        parts.append(_("loading {time}").format(time=told(load)))
    yield escape(" · ".join(part for part in parts if part))
    if result.right:
        right = bool(result.right.get(answer.letter))
        verdict = _("right") if right else _("not as expected")
        yield f' <b class="{"good" if right else "bad"}">{escape(verdict)}</b>'


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[:limit] + "\n" + _("… {n} more characters").format(n=f"{len(text) - limit:,}")
