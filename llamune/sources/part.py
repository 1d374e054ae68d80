"""What the readers of file formats give, and how they refuse: the words between them and whoever calls them.

A reader is a function `read(content, name)` that yields parts and attachments, or raises `Unreadable`. It runs in a
process that may be killed at any time, and need not care about time, memory or loops beyond the limits here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from llamune.i18n import N_, _
from llamune.sources.document import Section

MAX_FILE = 200_000_000  # bytes
MAX_TEXT = 20_000_000  # characters of one document
MAX_ROWS = 200_000  # of one table
MAX_UNPACKED = 400_000_000  # bytes of one archive
MAX_NESTING = 3  # a mail in a mail in a mail

REASONS = {
    "damaged": N_("it is damaged or cut off"),
    "encrypted": N_("it is encrypted: save it without a password"),
    "pictures": N_("it holds pictures of pages only, no text"),
    "unpacked": N_("it unpacks to more than 400 MB"),
    "entities": N_("its XML declares entities, which are never read"),
    "large": N_("it is larger than 200 MB"),
    "wordy": N_("it holds more than 20 million characters"),
    "rows": N_("a table has more than 200,000 rows"),
    "disguised": N_("its content is not what its name says"),
    "old": N_("an old format: save it in the present one (.docx, .pptx)"),
    "nested": N_("mails within mails more than three deep"),
    "package": N_("reading it needs more packages: pip install 'llamune[read]'"),
    "slow": N_("reading it took too long"),
    "memory": N_("reading it takes too much memory"),
    "crashed": N_("its reader broke down"),
    "permission": N_("no permission to read it"),
    "missing": N_("it does not exist, or no longer"),
    "name": N_("its name holds characters that cannot be shown"),
    # passed over on purpose
    "empty": N_("it holds no text"),
    "format": N_("files of this kind are not read"),
    "link": N_("a link; links are not followed"),
    "special": N_("not a file"),
    "hidden": N_("hidden or temporary"),
    "ignored": N_("named in .gitignore"),
    "deep": N_("more than 50 folders deep"),
}
SKIPPED = frozenset({"empty", "format", "link", "special", "hidden", "ignored", "deep"})


class Unreadable(Exception):
    """A file cannot be read, or should not be. `reason`: a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Part:
    """One text found in a file; what is not stated there is "".

    Args:
        date: that its author states; `saved`: when the file was written last, as it says itself.
        name: within its file ("" = the file itself; a mail in a mailbox: its number).
        digest: SHA-256 of its own bytes where that is not the file's.
    """

    sections: tuple[Section, ...]
    title: str = ""
    date: str = ""
    saved: str = ""
    author: str = ""
    department: str = ""
    tags: tuple[str, ...] = ()
    name: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a file."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, or the attachment `name` in it, that was not read; `reason` as in `Unreadable`."""

    name: str
    reason: str


Reader = Callable[[bytes, str], Iterator[Part | Attachment]]


def said(reason: str) -> str:
    """The sentence for a reason, in the user's language."""
    sentence = REASONS.get(reason, REASONS["crashed"])
    return _(sentence)
