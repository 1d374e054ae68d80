"""Files that `llamune compare` reads: questions (.txt, .jsonl, .csv) and answers that exist already (.jsonl).

A questions file is read whole before anything is asked, and what is wrong in it is said with its line number then. Of
an answers file, which may be long, one line is read at a time; a damaged one does not stop the others.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from llamune.chat.lineup import LEVELS
from llamune.chat.preset import SamplingOptions
from llamune.chat.seen import checked_of, of_json
from llamune.chat.session import Answer, Usage, letter
from llamune.chat.sweep import MOST, Question
from llamune.commands.files import decode
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import _
from llamune.text import one_line, size

LARGEST = 50_000_000  # bytes of a questions file, and of one line of answers
QUESTION = ("question", "prompt", "質問", "問い", "問題")
EXPECT = ("expect", "expected", "answer", "期待", "正解", "答え", "回答")
SYSTEM = ("system",)
ID = ("id", "番号")


def questions(path: Path, system: str = "") -> list[Question]:
    """The questions of a file. Raises UsageError with the line that is not understood.

    Args:
        system: the system prompt of those that name none.
    """
    readers = {".txt": _lines, ".jsonl": _objects, ".csv": _rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(
            _("{path} says not which form it has.").format(path=one_line(str(path))),
            _("Names end in .txt (a question a line), .jsonl or .csv."),
        )
    found = [_question(row, system) for row in reader(decode(_read(path), one_line(str(path))), path)]
    if not found:
        raise UsageError(_("{path} has no question.").format(path=one_line(str(path))))
    return found


def _question(row: Mapping[str, Any], system: str) -> Question:
    own = _text(_of(row, SYSTEM))
    return Question(str(_of(row, QUESTION)).strip(), _of(row, ID), _texts(_of(row, EXPECT)), own or system)


def _read(path: Path) -> bytes:
    name = one_line(str(path))
    try:
        if (there := path.stat().st_size) > LARGEST:
            raise UsageError(
                _("{path} has {size}; {limit} is the limit.").format(path=name, size=size(there), limit=size(LARGEST))
            )
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> UsageError:
    """The error for a file that cannot be opened or read."""
    name = one_line(str(path))
    if isinstance(error, FileNotFoundError):
        return UsageError(
            _("There is no file {path}.").format(path=name), _("You are in {folder}.").format(folder=Path.cwd())
        )
    return UsageError(_("{path} cannot be read: {reason}").format(path=name, reason=error.strerror or error))


def _lines(text: str, path: Path) -> Iterator[Mapping[str, Any]]:
    return ({"question": line} for line in text.splitlines() if line.strip())


def _objects(text: str, path: Path) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        row = {"question": row} if isinstance(row, str) else row
        if not isinstance(row, dict) or not isinstance(asked := _of(row, QUESTION), str) or not asked.strip():
            raise _no_question(number, path, _('Each line is {"question": "…", "expect": "…"}.'))
        yield row


def _rows(text: str, path: Path) -> Iterator[Mapping[str, Any]]:
    """The first row names the columns; where it does not, the first is the question and the next what is expected."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise UsageError(
            _("Line {n} of {path} is not understood: {reason}").format(
                n=reader.line_num, path=one_line(str(path)), reason=error
            )
        ) from error
    head = [cell.strip().casefold() for cell in rows[0][1]] if rows else []
    named = any(cell in QUESTION for cell in head)
    columns = head if named else ["question", "expect"]
    for number, row in rows[1:] if named else rows:
        found = dict(zip(columns, row, strict=False))
        if not str(_of(found, QUESTION) or "").strip():
            raise _no_question(number, path, _("The column “question” is empty there."))
        yield found


def _no_question(number: int, path: Path, hint: str) -> UsageError:
    return UsageError(_("Line {n} of {path} is no question.").format(n=number, path=one_line(str(path))), hint)


def _of(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _texts(value: Any) -> tuple[str, ...]:
    """One expected text, or a list of those that are as good."""
    return tuple(t for each in (value if isinstance(value, list) else [value]) if (t := _text(each)))


# answers that exist


class Damaged(LlamuneError):
    """One line of an answers file that cannot be used."""


def answers(path: Path) -> Iterator[tuple[int, Question, list[Answer]] | Damaged]:
    """The lines of an answers file: number, question, answers; or what is wrong with a line.

    Raises: UsageError when the file cannot be read.
    """
    try:
        with path.expanduser().open("rb") as file:
            number = 0
            while line := file.readline(LARGEST):
                number += 1
                if text := line.removeprefix(b"\xef\xbb\xbf").strip():
                    yield _one(number, text)
    except OSError as error:
        raise unreadable(path, error) from error


def _one(number: int, line: bytes) -> tuple[int, Question, list[Answer]] | Damaged:
    try:
        row = json.loads(line)
        found = row["answers"]
        if not found or len(found) > MOST:
            return _damaged(
                number, _("it has {n} answers; 1 to {limit} can be compared").format(n=len(found), limit=MOST)
            )
        question = Question(_text(row.get("question")), row.get("id"))
        return number, question, [answer(letter(n), a) for n, a in enumerate(found)]
    except (ValueError, RecursionError) as error:
        return _damaged(number, _("it is no JSON: {reason}").format(reason=one_line(str(error))[:80]))
    except (KeyError, TypeError, AttributeError):
        return _damaged(number, _('it is not {"id": …, "question": "…", "answers": [{"model": "…", "text": "…"}]}'))


def _damaged(number: int, why: str) -> Damaged:
    return Damaged(_("Line {n} was left out: {why}.").format(n=number, why=why))


def answer(letter: str, given: Mapping[str, Any]) -> Answer:
    """An answer as `--json` and the run file write it; all but its text may be missing.

    Raises: KeyError, TypeError, ValueError for what is none.
    """
    text, status, usage = given["text"], given.get("status", "complete"), given.get("usage") or {}
    if not isinstance(text, str) or status not in ("complete", "cancelled", "failed"):
        raise TypeError("text")
    options = {k: v for k, v in (given.get("options") or {}).items() if k in SamplingOptions.__dataclass_fields__}
    names = ("model", "preset", "digest", "engine", "thinking", "error", "hint", "reason")
    said: dict[str, Any] = {name: _text(given.get(name)) for name in names}
    said |= {"knowledge": given["knowledge"]} if given.get("knowledge") in LEVELS else {}
    said |= {"seen": of_json(given["seen"])} if given.get("seen") else {}
    said |= {"checked": checked_of(given["checked"])} if given.get("checked") else {}
    return Answer(
        0, 0, letter, status=status, text=text, options=SamplingOptions(**options), usage=_usage(usage), **said
    )


def _usage(given: Mapping[str, Any]) -> Usage:
    """What is known of an answer's cost. The speed alone, without the time behind it, makes that time."""
    known: dict[str, Any] = {name: given[name] for name in Usage.__dataclass_fields__ if _number(given.get(name))}
    known |= {name: int(known[name]) for name in known if name.endswith("_tokens")}
    tokens, speed = known.get("completion_tokens"), given.get("tokens_per_second")
    if tokens and speed and _number(speed) and "generate_ms" not in known:
        known["generate_ms"] = tokens / speed * 1000
    return Usage(**known)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
