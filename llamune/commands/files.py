"""Text files that go with a question: `/attach FILE`, and `@FILE` inside the question.

Reads whole small files in the encodings that Japanese offices have; anything else is refused with the numbers. What a
file says is handed on as it is.
"""

import codecs
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llamune.chat.session import Attachment
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.text import one_line, size

LONGEST = 300  # characters of an @word that are tried as a path
LARGEST = 1_000_000  # bytes; more is no question any more, and beyond most contexts
AT_WORD = re.compile(r'(?<![A-Za-z0-9._%+@/-])@(?:"(?P<quoted>[^"\n]+)"|(?P<plain>[^\s@"]+))')
PATH_LIKE = re.compile(r"[^\s@]*(?:[/\\]|\.[A-Za-z0-9]{1,5}\Z)")
BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\uf8f0-\uf8f3]")  # the last four: bytes that Shift_JIS has no use for
ODD = re.compile(r"[｡-ﾟ\ufffd\ue000-\uf8ff]")  # what a wrong guess is full of


def path_of(typed: str) -> Path:
    """The path a user typed, quotes or not, ~ understood. Raises UsageError."""
    try:
        return Path(typed.strip().strip("\"'")).expanduser()
    except RuntimeError as error:
        raise UsageError(_("There is no file {path}.").format(path=one_line(typed))) from error


def read_text(path: Path) -> Attachment:
    """The file as text. Raises UsageError when there is none, it is too large, or it is no text."""
    name = one_line(str(path))
    try:
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise UsageError(_("{path} is no file.").format(path=name), _("Only text files can go with a question."))
        if (found := path.stat().st_size) > LARGEST:
            raise UsageError(
                _("{path} has {size}; {limit} is the limit.").format(path=name, size=size(found), limit=size(LARGEST)),
                _("Take the part that matters into a file of its own."),
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            _("There is no file {path}.").format(path=name), _("You are in {folder}.").format(folder=Path.cwd())
        ) from None
    except OSError as error:
        raise UsageError(
            _("{path} cannot be read: {reason}").format(path=name, reason=error.strerror or error)
        ) from error
    return Attachment(one_line(path.name), decode(data, name))


def decode(data: bytes, name: str) -> str:
    """The text in `data`: UTF-8, UTF-16 with its mark, ISO-2022-JP, EUC-JP or Windows Japanese. Raises UsageError."""
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        texts = _readings(data, ("utf-16",))
    else:
        first = "iso2022_jp" if b"\x1b$" in data else "utf-8-sig"
        texts = _readings(data, (first,)) or _readings(data, ("euc_jp", "cp932"))
    if not texts:
        raise UsageError(
            _("{path} is no text file that can be read.").format(path=name),
            _("UTF-8, Shift_JIS (Windows) and EUC-JP are understood; save the text of other formats as UTF-8."),
        )
    return min(texts, key=_odd).replace("\r\n", "\n")


def _readings(data: bytes, encodings: Sequence[str]) -> list[str]:
    """What `data` says in those of the encodings in which it is a text."""
    found = []
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            found.append(data.decode(encoding))
    return [text for text in found if not BINARY.search(text)]


def _odd(text: str) -> int:
    """How much of `text` a wrong guess would explain."""
    return len(ODD.findall(text))


def attachments(question: str) -> tuple[str, tuple[Attachment, ...]]:
    """The question as typed, and the files that its @words name, each once.

    A word that names no file stays text. Japanese has no blanks: in `@議事録.mdを要約` the longest beginning that is a
    file counts.

    Raises: UsageError when a named file cannot be taken.
    """
    paths = dict.fromkeys(p for word in _words(question) if (p := _file(*word)))
    return question, tuple(read_text(p) for p in paths)


def missing(question: str) -> tuple[str, ...]:
    """@words that look like a path and name no file, so that the user can be told."""
    words = [(w, quoted) for w, quoted in _words(question) if not _file(w, quoted)]
    return tuple(one_line(w) for w, quoted in words if quoted or PATH_LIKE.match(w))


def named_in(question: str) -> frozenset[str]:
    """Names of the files that the question's @words would bring along again."""
    return frozenset(one_line(p.name) for word in _words(question) if (p := _file(*word)))


def _words(question: str) -> list[tuple[str, bool]]:
    return [(m["quoted"] or m["plain"], bool(m["quoted"])) for m in AT_WORD.finditer(question)]


def _file(word: str, quoted: bool) -> Path | None:
    """The file a word names, whole or (unless quoted) with text behind it."""
    for end in range(min(len(word), LONGEST), 0, -1) if not quoted else (len(word),):
        try:
            path = Path(word[:end]).expanduser()
            if path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):  # too long a name, a NUL byte, no such user
            continue
    return None
