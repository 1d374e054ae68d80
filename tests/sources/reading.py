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


def pdf(*pages: list[str]) -> bytes:
    """A PDF whose Japanese font is not in it; each page has these lines."""
    count = len(pages)
    kids = b" ".join(b"%d 0 R" % (5 + 2 * n) for n in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count),
        b"<</Type/Font/Subtype/Type0/BaseFont/Ryumin-Light/Encoding/90ms-RKSJ-H/DescendantFonts[4 0 R]>>",
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/Ryumin-Light/CIDSystemInfo"
        b"<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>>>",
    ]
    for number, lines in enumerate(pages):
        shown = b" 0 -20 Td ".join(b"<%s> Tj" % line.encode("cp932").hex().encode() for line in lines)
        drawn = b"BT /F 12 Tf 20 700 Td %s ET" % shown
        box = b"/MediaBox[0 0 600 800]/Resources<</Font<</F 3 0 R>>>>"
        objects.append(b"<</Type/Page/Parent 2 0 R%s/Contents %d 0 R>>" % (box, 6 + 2 * number))
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn))
    numbered = b"".join(b"%d 0 obj%s endobj\n" % (n, o) for n, o in enumerate(objects, 1))
    return b"%PDF-1.4\n" + numbered + b"trailer<</Root 1 0 R>>"
