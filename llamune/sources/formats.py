"""Which reader reads which file, and what to do with files within files.

Readers are loaded when the first file of their kind comes: their libraries are large.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from os.path import splitext

from llamune.sources.code import SUFFIXES as CODE
from llamune.sources.dates import stated_date
from llamune.sources.part import MAX_NESTING, Attachment, Failure, Part, Reader, Unreadable

READERS = {
    ".md": "markdown", ".markdown": "markdown", ".rst": "rst", ".adoc": "asciidoc", ".asciidoc": "asciidoc",
    ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".docx": "word", ".docm": "word", ".doc": "word",
    ".pptx": "slides", ".pptm": "slides", ".ppt": "slides", ".csv": "sheets", ".tsv": "sheets", ".xlsx": "sheets",
    ".xlsm": "sheets", ".xlsb": "sheets", ".xls": "sheets", ".ods": "sheets", ".eml": "mail", ".mbox": "mail",
    **dict.fromkeys(CODE, "code"),
}  # fmt: skip
BINARY = frozenset((
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ico", ".heic", ".mp3", ".wav", ".mp4",
    ".mov", ".avi", ".zip", ".gz", ".xz", ".bz2", ".7z", ".rar", ".tar", ".lzh", ".exe", ".dll", ".so", ".dylib",
    ".o", ".a", ".class", ".jar", ".pyc", ".whl", ".gguf", ".safetensors", ".bin", ".db", ".sqlite", ".iso", ".ttf",
    ".otf", ".woff", ".woff2", ".odt", ".odp", ".one", ".vsd", ".vsdx", ".mdb", ".accdb", ".msg", ".pst", ".jtd",
    ".p7m", ".key", ".pages", ".numbers",
))  # fmt: skip


def parts(content: bytes, name: str, within: str = "", depth: int = 0) -> Iterator[Part | Failure]:
    """Everything readable in a file, attachments too.

    Args:
        name: the file's name, for its suffix.
        within: how the file is called within the file that holds it, "" = it is that file.
    """
    try:
        if depth > MAX_NESTING:
            raise Unreadable("nested")
        for found in _reader(name)(content, name):
            inner = "/".join(filter(None, (within, found.name)))
            if isinstance(found, Attachment):
                yield from parts(found.content, found.name, inner, depth + 1)
            elif found.sections:
                yield _named(found, inner, content if within else b"")
            else:
                yield Failure(inner, "empty")
    except Unreadable as error:
        known = splitext(name)[1].lower() in READERS  # and so should have been text
        yield Failure(within, "disguised" if known and error.reason == "format" else error.reason)
    except MemoryError:
        raise
    except Exception:  # whatever a library throws over a broken file: that costs one file, not the whole folder
        yield Failure(within, "damaged")


def _named(part: Part, name: str, content: bytes) -> Part:
    date = part.date or stated_date(part.sections) or part.saved
    return replace(part, name=name, date=date, digest=part.digest or (sha256(content).hexdigest() if content else ""))


def _reader(name: str) -> Reader:
    suffix = splitext(name)[1].lower()
    if suffix in BINARY:
        raise Unreadable("format")
    reader: Reader = import_module(f"llamune.sources.{READERS.get(suffix, 'plain')}").read
    return reader
