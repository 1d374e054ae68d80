"""What `llamune compare` writes: JSON for programs, answers side by side for people, and a table of the candidates.

Each result is written when its question is done, in the order of the questions. Standard output carries data only.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from llamune.chat.sweep import Result
from llamune.chat.tally import Figures, Tally
from llamune.cli.output import as_json, show
from llamune.cli.printers import answer_json
from llamune.commands.values import Column, Disagreement, Listing, Note
from llamune.errors import LlamuneError
from llamune.i18n import _
from llamune.text import one_line, seconds


@dataclass(frozen=True, slots=True)
class About:
    """What a report says of how it was made.

    Args:
        at_once: answers made at the same time; 0 = nobody was asked, the answers existed.
    """

    at_once: int = 1


class Sink(Protocol):
    """A place that results go to."""

    def take(self, result: Result, names: Sequence[str]) -> None:
        """One more result; `names` are the candidates' in the order of its answers. Raises LlamuneError."""
        ...

    def end(self, tally: Tally, about: About) -> None:
        """All questions are done. Raises LlamuneError."""
        ...


def result_json(result: Result) -> dict[str, Any]:
    """A result as --json and --jsonl write it."""
    question = result.question
    said: dict[str, Any] = {"id": question.id} if question.id is not None else {}
    said |= {
        "question": question.text,
        "answers": [answer_json(a) for a in result.answers],
        "disagreements": disagreements(result),
        "loads": result.loads,
        "seconds": round(result.seconds, 3),
    }
    if question.expect:
        said |= {"expect": list(question.expect), "right": {k: bool(how) for k, how in result.right.items()}}
    return said


def existing_json(result: Result) -> dict[str, Any]:
    """A result of answers that existed: they are not written again."""
    return {"id": result.question.id, "disagreements": disagreements(result)}


def disagreements(result: Result) -> list[Mapping[str, Any]]:
    """Where the answers differ in fact, by letter: A is the first of the answers."""
    return [{"kind": d.kind, "values": dict(d.values)} for d in result.report.differences]


class JsonPrinter:
    """JSON on standard output.

    Args:
        existing: write differences only.
        indent: of the one object; None = an object a line.
    """

    def __init__(self, existing: bool, indent: int | None) -> None:
        self._json, self._indent = existing_json if existing else result_json, indent

    def take(self, result: Result, names: Sequence[str]) -> None:
        print(as_json(self._json(result), self._indent), flush=True)

    def end(self, tally: Tally, about: About) -> None:
        """All was said before."""


class JsonFile:
    """One JSON object a line, in a file."""

    def __init__(self, file: TextIO, existing: bool) -> None:
        self._json, self._file = existing_json if existing else result_json, file

    def take(self, result: Result, names: Sequence[str]) -> None:
        try:
            self._file.write(json.dumps(self._json(result), ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise unwritable(Path(self._file.name), error) from error

    def end(self, tally: Tally, about: About) -> None:
        """All was written before."""


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """A private, empty file to write to. Raises LlamuneError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        file = open(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n")  # noqa: SIM115
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield file
    finally:
        with suppress(OSError):  # told when it was written
            file.close()


def unwritable(path: Path, error: OSError, hint: str | None = None) -> LlamuneError:
    """The error for a file that cannot be written; without a hint, compare's."""
    kept = _("Choose another place; what was answered is kept, and the same command goes on.")
    told = _("{path} cannot be written: {reason}").format(path=one_line(str(path)), reason=error.strerror or error)
    return LlamuneError(told, kept if hint is None else hint)


class Printer:
    """Answers and differences for people.

    Args:
        whole: show every answer; False = only the table at the end.
        single: there is one question, so that it needs no number.
    """

    def __init__(self, *, whole: bool, single: bool) -> None:
        self._whole, self._single = whole, single

    def take(self, result: Result, names: Sequence[str]) -> None:
        if not self._whole:
            return
        mark = "" if self._single else f"{result.number} "
        if sys.stdout.isatty():
            _beside(result, mark)
        else:
            show(Note(f"{mark}{one_line(result.question.text)}"), "", *result.answers)
        if sum(a.status == "complete" for a in result.answers) > 1:
            show("", Disagreement(result.report))
        if result.question.expect:
            show(Note(_expected(result), "dim"))
        show("")

    def end(self, tally: Tally, about: About) -> None:
        figures = tally.figures()
        if not self._whole or tally.questions > 1 or any(f.judged for f in figures):
            show(table(figures))
        loads = " · ".join(f"{f.letter or f.name} {f.loads}" for f in figures if f.loads)
        if loads and about.at_once:
            show(Note(_("models loaded: {loads}").format(loads=loads), "dim"))


def _beside(result: Result, mark: str) -> None:
    """Question and answers on a terminal, in columns where it is wide enough."""
    from llamune.shell.style import Style, colors
    from llamune.shell.view import View
    from llamune.text import glyphs

    signs, columns = glyphs(sys.stdout.encoding), shutil.get_terminal_size().columns
    view = View(Style(colors()), signs, commands=False)
    print(view.question(result.question.text, f"{mark}{signs.prompt} "))
    print(view.side_by_side(result.answers, columns))


def _expected(result: Result) -> str:
    right = ", ".join(letter for letter, how in result.right.items() if how) or _("nobody")
    return _("expected: {text}   right: {letters}").format(
        text=one_line(" / ".join(result.question.expect)), letters=right
    )


def table(figures: Sequence[Figures]) -> Listing:
    """The candidates with their figures; what nobody has gets no column."""
    shown = [(title, spare, [value(f) for f in figures]) for title, spare, value in _figures()]
    shown = [column for column in shown if any(column[2])]
    columns = [Column(""), Column(_("candidate"), least=12)]
    columns += [Column(title, right=True, spare=spare) for title, spare, _cells in shown]
    rows = [(f.letter, f.name, *(cells[n] for _t, _s, cells in shown)) for n, f in enumerate(figures)]
    timed = any(f.total_ms is not None for f in figures)
    medians = _("Medians; loading is left out, and answers that followed it where others are.")
    return Listing(columns, rows, after=medians if timed else "")


def _figures() -> list[tuple[str, int, Callable[[Figures], str]]]:
    """Title, when to leave it out on a narrow screen (see `Column`), and what stands there; "" = nothing to say."""
    return [
        (_("time"), 0, lambda f: told(f.total_ms)),
        (_("first token"), 4, lambda f: told(f.first_token_ms)),
        (_("tokens/s"), 3, lambda f: number(f.tokens_per_second)),
        (_("tokens"), 6, lambda f: number(f.tokens)),
        (_("loads"), 5, lambda f: number(f.loads)),
        (_("agrees"), 2, lambda f: share(f.agrees, f.compared)),
        (_("right"), 0, lambda f: share(f.right, f.judged)),
        (_("failed"), 1, lambda f: number(f.asked - f.complete)),
    ]


def number(value: float | None) -> str:
    """A number for people, "" for none."""
    return f"{value:,.0f}" if value else ""


def share(part: int, whole: int) -> str:
    """How many of how many; "" of none."""
    return f"{part}/{whole}" if whole else ""


def told(milliseconds: float | None) -> str:
    """A time for people, "" when it is not known."""
    return "" if milliseconds is None else seconds(milliseconds)
