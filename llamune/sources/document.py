"""What comes out of reading a file: a document in sections, or why there is none.

Values only. Texts are as they stand in the file; nothing here is safe to print without `text.clean`.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "table", "code"]


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document below one heading.

    Args:
        text: without the headings in `path`, and without `header`.
        path: headings from the outermost to the innermost; of source code: class and function.
        kind: a table has one row per line.
        header: of a table: the line that names its columns; belongs to every piece of the table.
        page: counted from 1, in documents that have pages or slides.
        line: where the text begins in the file, from 1, in files that have lines.
        row: of a sheet: the number of the first row of `text` as a spreadsheet counts; the others follow one by one.
    """

    text: str
    path: tuple[str, ...] = ()
    kind: Kind = "text"
    header: str = ""
    page: int | None = None
    line: int | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells an unchanged file: bytes, time of the last change (ns), SHA-256 of the bytes."""

    size: int
    modified: int
    digest: str


@dataclass(frozen=True, slots=True)
class Document:
    """One text. A file holds one; a mail with attachments or a mailbox holds several.

    Args:
        file: the file's absolute path.
        path: as the user knows it, relative to what was added; "mail.eml/plan.docx" for an attachment.
        title: never empty; the file's name where the text has none.
        date: ISO date that the document itself states, "" = none.
        author, department, tags: stated by the document, or by whoever added it.
        digest: SHA-256 of this document's own bytes, in hex.
        stamp: of the file.
    """

    file: str
    path: str
    title: str
    sections: tuple[Section, ...]
    date: str
    author: str
    department: str
    tags: tuple[str, ...]
    digest: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that has not changed since `known`; its stamp may be new."""

    file: str
    path: str
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that should be here and could not be read. `reason`: one sentence for the user, translated."""

    file: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something passed over on purpose: a link, an ignored folder, a picture. `reason` as in `Refused`."""

    file: str
    path: str
    reason: str


Read = Document | Kept | Refused | Skipped
