"""Writes files, reads them the way the program does, and gives what came out by path."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llamune.sources.document import Document, Read, Refused, Skipped
from llamune.sources.folder import read

FILES = Path(__file__).parent / "files"


def seen(*paths: Path, **options: Any) -> dict[str, Read]:
    """Path → event, in order."""
    return {event.path: event for event in read(paths, **options)}


def document(folder: Path, name: str, content: bytes | str) -> Document:
    """The document that a file with this content becomes."""
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    (event,) = read([file])
    assert isinstance(event, Document), event
    return event


def reasons(events: Mapping[str, Read]) -> dict[str, tuple[str, str]]:
    """Path → "refused" or "skipped", and why."""
    return {
        path: (type(event).__name__.lower(), event.reason)
        for path, event in events.items()
        if isinstance(event, Refused | Skipped)
    }


def outline(document: Document) -> list[tuple[tuple[str, ...], str]]:
    """Headings and text of each section."""
    return [(section.path, section.text) for section in document.sections]


def packed(members: Mapping[str, bytes | str]) -> bytes:
    """A ZIP file with these members."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return held.getvalue()
