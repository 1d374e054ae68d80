"""The check for secrets and personal data alone, over files and folders: what was found, where, and never the secret.

Text files are read as they are, line by line, hidden ones too; other formats through the readers, where a page or
nothing stands for the line.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llamune.network import sealed
from llamune.sources import folder
from llamune.sources.document import Document
from llamune.sources.part import Unreadable
from llamune.sources.plain import decode
from llamune.training.dataset.secrets import line_findings

LARGEST = 32 * 2**20  # bytes of a text file that is read whole
LEFT_OUT = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `line` counts from 1; None in formats that have no lines."""

    path: str
    line: int | None
    kind: str
    masked: str


def scan(root: Path, unread: list[str]) -> Iterator[Finding]:
    """Everything found below a folder or in a file: text files by name, then other formats.

    Args:
        unread: gets the files that nobody could look into.
    """
    others: dict[str, str] = {}
    for path in _files(root):
        name = str(path.relative_to(root)) if path != root else path.name
        text = _text(path)
        if text is not None:
            yield from in_text(text, name)
        else:
            others[str(path.absolute())] = name
    if others:
        yield from _in_documents(others, unread)


def in_text(text: str, name: str, first: int = 1) -> Iterator[Finding]:
    """What is found in a text whose first line has the number `first`."""
    before = ""
    for number, line in enumerate(text.splitlines(), first):
        for found in line_findings(line, before):
            yield Finding(name, number, found.kind, found.masked)
        before = line if line.strip() else before


def _files(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        if root.is_file():
            yield root
        return
    for place, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in LEFT_OUT)
        yield from (p for n in sorted(names) if (p := Path(place, n)).is_file() and not p.is_symlink())


def _text(path: Path) -> str | None:
    """The text of a text file, None for another format, too large a one, and what cannot be read."""
    try:
        return decode(path.read_bytes()) if path.stat().st_size <= LARGEST else None
    except (OSError, Unreadable):
        return None


def _in_documents(names: Mapping[str, str], unread: list[str]) -> Iterator[Finding]:
    """`names`: absolute path → name in the findings."""
    for read in folder.read([Path(p) for p in names], sealed=lambda argv: sealed.child(argv).argv):
        name = names[str(Path(read.file).absolute())]
        if not isinstance(read, Document):
            unread.append(name)
            continue
        for section in read.sections:
            for found in in_text(f"{section.header}\n{section.text}" if section.header else section.text, name):
                yield Finding(name, section.line, found.kind, found.masked)
