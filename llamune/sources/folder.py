"""Reads files and folders: one event per document, refusal or omission, as they come. Holds one document at a time."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from os import stat_result
from os.path import basename, splitext
from pathlib import Path
from typing import Any

from llamune.sources.document import Document, Kept, Read, Refused, Section, Skipped, Stamp
from llamune.sources.part import SKIPPED, said
from llamune.sources.walk import Entry, entries
from llamune.sources.worker import Limits, Sealed, Worker
from llamune.text import one_line


def read(
    paths: Sequence[Path],
    *,
    department: str = "",
    tags: Sequence[str] = (),
    known: Mapping[str, Stamp] | None = None,
    sealed: Sealed = list,
    limits: Limits | None = None,
) -> Generator[Read, None, None]:
    """Everything in these files and folders, one file at a time, in the order of their names.

    Blocks while a file is read: call it from a thread. Close the iterator to stop; the process that reads ends with it.

    Args:
        paths: files and folders; folders with all that is below.
        department, tags: for documents that state none themselves; tags are added to theirs.
        known: absolute path → stamp of the last time; such a file is read only when it has changed. What is known
            and not mentioned by any event is no longer there.
        sealed: makes of a command line one without network: `lambda argv: network.sealed.child(argv).argv`.

    Raises: KnowledgeError as `walk.entries`. What is wrong with a file is never an error, but an event.
    """
    known, seen = known or {}, set[str]()
    with Worker(limits or Limits(), sealed) as worker:
        for root in paths:
            for entry in entries(root):
                if entry.file not in seen:
                    seen.add(entry.file)
                    yield from _events(worker, entry, known.get(entry.file), department, tuple(tags))


def total(paths: Sequence[Path]) -> int:
    """How many files `read` will look at, for a progress bar."""
    return sum(entry.status is not None for root in paths for entry in entries(root))


def _events(
    worker: Worker, entry: Entry, before: Stamp | None, department: str, tags: tuple[str, ...]
) -> Iterator[Read]:
    status = entry.status
    if status is None:
        yield _omitted(entry, "", entry.reason)
    elif status.st_size == 0:
        yield _omitted(entry, "", "empty")
    elif before and (before.size, before.modified) == (status.st_size, status.st_mtime_ns):
        yield Kept(entry.file, entry.path, before)
    else:
        digest = ""
        for answer in worker.read(entry.file, before.digest if before else ""):
            digest = str(answer.get("digest", digest))
            if answer.get("same"):
                yield Kept(entry.file, entry.path, _stamp(status, digest))
            elif failure := answer.get("failure"):
                yield _omitted(entry, str(failure["name"]), str(failure["reason"]))
            elif part := answer.get("part"):
                yield _document(entry, _stamp(status, digest), part, department, tags)


def _stamp(status: stat_result, digest: str) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns, digest)


def _omitted(entry: Entry, inner: str, reason: str) -> Refused | Skipped:
    kind = Skipped if reason in SKIPPED else Refused
    return kind(entry.file, _path(entry, inner), said(reason))


def _document(entry: Entry, stamp: Stamp, part: Mapping[str, Any], department: str, tags: tuple[str, ...]) -> Document:
    sections = (Section(**{**section, "path": tuple(section["path"])}) for section in part["sections"])
    path = _path(entry, part["name"])
    return Document(
        file=entry.file,
        path=path,
        title=one_line(part["title"]) or splitext(basename(path))[0],
        sections=tuple(sections),
        date=part["date"],
        author=one_line(part["author"]),
        department=part["department"].strip() or department,
        tags=tuple(dict.fromkeys((*part["tags"], *tags))),
        digest=part["digest"] or stamp.digest,
        stamp=stamp,
    )


def _path(entry: Entry, inner: str) -> str:
    return f"{entry.path}/{inner}" if inner else entry.path
