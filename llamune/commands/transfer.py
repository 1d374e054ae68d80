"""Taking sessions along: complete as JSONL, readable as Markdown; and what is left of a session outside the database.

Shared by the slash commands and `llamune sessions export|import|purge`. Files are private (0600) and replaced in one
step, so that a crash leaves the old file or the new one.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from llamune import files
from llamune.chat.grounding import title
from llamune.chat.ports import Store
from llamune.chat.session import Answer, ChatSession, Imported, Purged, Turn
from llamune.commands import wording
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import _
from llamune.paths import Paths
from llamune.text import one_line

Form = Literal["jsonl", "markdown"]
FORMS: Mapping[str, Form] = {".jsonl": "jsonl", ".md": "markdown"}
QUOTING = ("/sea", "/ti", "/sy", "/ra")  # beginnings of /search, /title, /system and /rate in the input history
PAGE = 200  # sessions or turns read at once


def form_of(path: Path) -> Form:
    """The form that a file's name asks for. Raises UsageError."""
    if form := FORMS.get(path.suffix.lower()):
        return form
    raise UsageError(
        _("{path} says not which form it should have.").format(path=one_line(str(path))),
        _("Names end in .md (to be read) or .jsonl (complete, can be imported again)."),
    )


def all_sessions(store: Store, *, deleted: bool = False) -> Iterator[ChatSession]:
    """Every session, newest use first; or every one in the trash."""
    offset = 0
    while page := store.sessions(deleted=deleted, limit=PAGE, offset=offset):
        yield from page
        offset += len(page)


def lines(store: Store, session_ids: Sequence[int], form: Form) -> Iterator[str]:
    """The sessions as text, line by line without line ends."""
    if form == "jsonl":
        for each in store.export(session_ids):
            yield json.dumps(each, ensure_ascii=False)
        return
    for number, session_id in enumerate(session_ids):
        if number:
            yield from ("", "---", "")
        yield from _markdown(store, store.session(session_id))


def export(store: Store, session_ids: Sequence[int], path: Path) -> None:
    """Writes sessions to `path`, in the form its name asks for. Raises UsageError, LlamuneError."""
    form = form_of(path)
    try:
        with files.replaced(path) as file:
            file.writelines(_writable(line) + "\n" for line in lines(store, session_ids, form))
    except OSError as error:
        raise LlamuneError(
            _("{path} cannot be written: {reason}").format(path=one_line(str(path)), reason=error.strerror or error),
            _("Choose another place: /export FILE"),
        ) from error


def import_(store: Store, path: Path, told: Callable[[int, int], None] = lambda done, total: None) -> Imported:
    """Adds the sessions of a JSONL file; `told` hears how many turns of how many are there.

    Raises: UsageError with the line that is not understood, LlamuneError.
    """
    name = one_line(str(path))
    try:
        if path.exists() and not path.is_file():
            raise UsageError(_("{path} is no ordinary file.").format(path=name), _("Import reads a .jsonl file."))
        with path.open("rb") as file:
            return store.import_(_objects(file, name), told)
    except FileNotFoundError as error:
        raise UsageError(
            _("There is no file {path}.").format(path=name), _("You are in {folder}.").format(folder=Path.cwd())
        ) from error
    except OSError as error:
        raise LlamuneError(
            _("{path} cannot be read: {reason}").format(path=name, reason=error.strerror or error)
        ) from error


def _objects(file: Any, name: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(file, 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            continue
        try:
            each = json.loads(text)
        except (ValueError, RecursionError):
            each = None
        if not isinstance(each, dict):
            raise UsageError(
                _("Line {n} of {path} is no session.").format(n=number, path=name),
                _("Only what /export FILE.jsonl wrote can be imported; nothing was added."),
            )
        yield each


# Markdown


def _markdown(store: Store, session: ChatSession) -> Iterator[str]:
    yield "# " + (one_line(session.title) or _("(no title)"))
    yield ""
    yield _("Session {number}, {start} to {end}").format(
        number=session.id, start=wording.when(session.created_at), end=wording.when(session.updated_at)
    )
    if session.system:
        yield from ("", _("System prompt:"), "", *(f"> {line}" for line in session.system.split("\n")))
    first = 1
    while page := store.turns(session.id, first=first, last=first + PAGE - 1):
        for turn in page:
            yield from _turn(turn)
        first += PAGE


def _turn(turn: Turn) -> Iterator[str]:
    yield ""
    yield f"## {turn.number}"
    yield ""
    yield from (f"> {line}".rstrip() for line in turn.question.split("\n"))
    for attachment in turn.attachments:
        yield f"> @{attachment.name}"
    if turn.adopted:
        yield from _answer(turn.adopted)
    others = [a for a in turn.answers if not a.adopted]
    if others:
        yield ""
        yield _("Other answers, not adopted: {who}").format(who=", ".join(map(wording.who, others)))


def _answer(answer: Answer) -> Iterator[str]:
    yield ""
    yield f"**{one_line(answer.model)}** · {answer.how}"
    yield ""
    yield from answer.text.strip().split("\n")
    if answer.seen and answer.checked and answer.checked.cited:
        yield ""
        yield from (f"- [{n}] {title(answer.seen.passages[n - 1])}" for n in answer.checked.cited)
    if answer.status in ("failed", "cancelled"):
        yield ""
        yield "*" + (one_line(answer.error) or _("(stopped)")) + "*"


# purging


def purge(store: Store, paths: Paths, session_ids: Sequence[int]) -> tuple[Purged, frozenset[str]]:
    """Erases sessions for ever, and what was typed in them from the input history and the log.

    Returns: what was erased, and the questions, for inputs that still remember them.
    """
    texts = frozenset(t for each in store.export(session_ids) for t in _questions(each))
    forget(paths, texts)  # first: when a file cannot be cleared, the sessions are still there to try again
    return store.purge(session_ids), texts


def _questions(session: Mapping[str, Any]) -> Iterator[str]:
    """Every question of an exported session, rewound ones included, wherever they stand in it."""
    for key, value in session.items():
        if key == "question" and isinstance(value, str):
            yield value
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, Mapping):
                yield from _questions(inner)


def forget(paths: Paths, questions: Collection[str]) -> None:
    """Takes questions out of the input history, and lines that quote them out of the log. Raises LlamuneError.

    What was searched for, and titles and system prompts, may quote them: those commands go, whatever they say.
    """
    wanted = {q.strip() for q in questions if q.strip()}

    def kept(entry: str) -> bool:
        return _typed(entry) not in wanted and not _typed(entry).startswith(QUOTING)

    try:
        if paths.history.exists():
            _rewrite(paths.history, lambda text: "".join(e for e in _entries(text) if kept(e)))
        pieces = {line.strip() for q in wanted for line in q.split("\n") if line.strip()}
        for log in sorted(paths.log.parent.glob(f"{paths.log.name}*")):
            _rewrite(log, lambda text: "".join(r for r in _rows(text) if not any(p in r for p in pieces)))
    except OSError as error:
        raise LlamuneError(
            _("{path} cannot be cleared: {reason}").format(path=error.filename, reason=error.strerror),
            _("No session was erased. Make it writable or remove it, then try again."),
        ) from error


def _rows(text: str) -> list[str]:
    """Lines with their ends; only LF ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _entries(text: str) -> list[str]:
    """The entries of a history file: a comment with the time, then the lines typed, each behind a plus."""
    entries: list[str] = []
    for line in _rows(text):
        if not entries or (not line.startswith("+") and _typed(entries[-1])):
            entries.append("")
        entries[-1] += line
    return entries


def _typed(entry: str) -> str:
    return "".join(line[1:] for line in _rows(entry) if line.startswith("+")).strip()


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    """In place, because the log is open for appending, and so may be the history of another Llamune."""
    with path.open("r+b") as file:
        old = file.read().decode("utf-8", "surrogateescape")
        if (new := change(old)) != old:
            file.seek(0)
            file.write(new.encode("utf-8", "surrogateescape"))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())


def _writable(line: str) -> str:
    """Half a surrogate pair cannot be written as UTF-8."""
    return line.encode("utf-8", "replace").decode()
