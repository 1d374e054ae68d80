"""The package that Word, Excel and PowerPoint files are: a ZIP of XML, opened with suspicion.

Sizes are checked before anything is unpacked, and again while unpacking; XML that declares a document type is refused,
so that no entity is ever expanded or fetched. Only what a reader asks for is parsed.
"""

import posixpath
import zipfile
import zlib
from io import BytesIO
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from llamune.sources.part import MAX_UNPACKED, Unreadable

MAX_XML = 60_000_000  # bytes of one part that is parsed into a tree
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of the formats before 2007, and of encrypted new ones
BLOCK = 1_000_000
RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Archive:
    """A ZIP file whose members are read whole and within limits.

    Raises: Unreadable from every method.
    """

    def __init__(self, content: bytes) -> None:
        if content.startswith(OLE):
            raise Unreadable("encrypted" if encrypted(content) else "old")
        if not content.startswith(b"PK"):
            raise Unreadable("disguised")
        try:
            self._zip = zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Unreadable("damaged") from error
        members = self._zip.infolist()
        if any(member.flag_bits & 1 for member in members):
            raise Unreadable("encrypted")
        if len(members) > 20_000 or sum(member.file_size for member in members) > MAX_UNPACKED:
            raise Unreadable("unpacked")
        self.names = frozenset(member.filename for member in members)

    def tree(self, name: str) -> Element | None:
        """A member's XML; None where there is no such member."""
        if name not in self.names:
            return None
        parser = XMLParser(target=_NoEntities())
        try:
            with self._zip.open(name) as member:
                size = 0
                while block := member.read(BLOCK):
                    size += len(block)
                    if size > MAX_XML:
                        raise Unreadable("wordy")
                    parser.feed(block)
            root: Element = parser.close()
        except (ParseError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
            raise Unreadable("damaged") from error
        return root

    def count(self, name: str, what: bytes, limit: int) -> int:
        """How often `what` occurs in a member; counts no further than a little over `limit`."""
        found, before = 0, b""
        try:
            with self._zip.open(name) as member:
                while found <= limit and (block := member.read(BLOCK)):
                    found += (before + block).count(what)
                    before = block[1 - len(what) :]
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise Unreadable("damaged") from error
        return found

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """The members that a member refers to: id → (kind, name). What lies outside the file is left out."""
        folder, file = posixpath.split(name)
        tree = self.tree(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for link in [] if tree is None else tree:
            if link.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, link.get("Target", "")))
                found[link.get("Id", "")] = (link.get("Type", "").rpartition("/")[2], target.lstrip("/"))
        return found


def encrypted(content: bytes) -> bool:
    """Is it a package that Office has put into an encrypted container?"""
    return content.startswith(OLE) and "EncryptedPackage".encode("utf-16-le") in content


class _NoEntities(TreeBuilder):
    def doctype(self, name: str, public: str, system: str) -> None:
        raise Unreadable("entities")


def about(archive: Archive) -> tuple[str, str, str]:
    """Title, author and the date of the last change, as the file's properties state them."""
    tree = archive.tree("docProps/core.xml")
    found = {} if tree is None else {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in tree}
    date = found.get("modified") or found.get("created") or ""
    return found.get("title", ""), found.get("creator", ""), date[:10]
