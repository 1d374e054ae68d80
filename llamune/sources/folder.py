"""Reads files and folders: one event per document, refusal or omission, as they come."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from llamune.sources.document import Document, Kept, Read, Section, Stamp


def read(
    paths: Sequence[Path], *, department: str = "", tags: Sequence[str] = (), known: Mapping[str, Stamp] | None = None
) -> Iterator[Read]:
    """Everything in these files and folders, one file at a time, in the order of their names.

    Blocks while a file is read: call it from a thread. Close the iterator to stop; the process that reads ends with it.

    Args:
        paths: files and folders; folders with all that is below.
        department, tags: for documents that state none themselves; tags are added to theirs.
        known: absolute path → stamp of the last time; such a file is read only when it has changed. What is known
            and not mentioned by any event is no longer there.
    """
    for root in paths:
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.suffix in (".md", ".txt"):
                yield _read(file, root, department, tuple(tags), known or {})


def total(paths: Sequence[Path]) -> int:
    """How many files `read` will look at, for a progress bar."""
    return sum(len(names) for root in paths for _, _, names in os.walk(root)) + sum(p.is_file() for p in paths)


def _read(file: Path, root: Path, department: str, tags: tuple[str, ...], known: Mapping[str, Stamp]) -> Read:
    content = file.read_bytes()
    status = file.stat()
    stamp = Stamp(status.st_size, status.st_mtime_ns, hashlib.sha256(content).hexdigest())
    path = str(file.relative_to(root)) if root.is_dir() else file.name
    if (before := known.get(str(file))) and before.digest == stamp.digest:
        return Kept(str(file), path, stamp)
    sections: list[Section] = []
    headings: tuple[str, ...] = ()
    lines: list[str] = []
    for line in [*content.decode("utf-8", "replace").splitlines(), "# "]:
        if match := re.match(r"(#+) (.*)", line):
            if "".join(lines).strip():
                sections.append(Section("\n".join(lines).strip(), headings))
            headings, lines = (*headings[: len(match[1]) - 1], match[2]), []
        else:
            lines.append(line)
    title = next((s.path[0] for s in sections if s.path), file.name)
    return Document(str(file), path, title, tuple(sections), "", "", department, tags, stamp.digest, stamp)
