"""Finds the files below what was added, in the order of their names, without following anything out of it.

Links, pipes, hidden entries and what .gitignore names in a repository are passed over, each with its reason.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from llamune.errors import KnowledgeError
from llamune.sources.part import said
from llamune.text import clean

MAX_DEPTH = 50
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


class Entry(NamedTuple):
    """Something found.

    Args:
        file: absolute path.
        path: relative to what was added.
        reason: why it is not to be read, a key of `part.REASONS`; "" = it is a file to read.
        status: of a file to read.
    """

    file: str
    path: str
    reason: str = ""
    status: os.stat_result | None = None


def entries(root: Path) -> Iterator[Entry]:
    """The file itself, or all below a folder. A link given here is followed: the user named it.

    Raises: KnowledgeError where a .gitignore needs a package that is not there.
    """
    try:
        top = root.resolve(strict=True)
        status = top.stat()
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        yield Entry(str(root.absolute()), root.name, "missing")
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _folder(str(top), "", 1, _Ignored.above(top))
    else:
        regular = stat.S_ISREG(status.st_mode)
        yield Entry(str(top), root.name, "" if regular else "special", status if regular else None)


def _folder(folder: str, path: str, depth: int, ignored: "_Ignored") -> Iterator[Entry]:
    try:
        with os.scandir(folder) as scanned:
            found = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        yield Entry(folder, path or os.path.basename(folder), "permission" if _denied(error) else "missing")
        return
    ignored = ignored.within(folder, {entry.name for entry in found})
    for entry in found:
        inner = f"{path}/{entry.name}" if path else entry.name
        reason = _reason(entry, depth, ignored)
        if reason:
            yield Entry(_visible(entry.path), _visible(inner), reason)
        elif entry.is_dir(follow_symlinks=False):
            yield from _folder(entry.path, inner, depth + 1, ignored)
        else:
            yield _file(entry, inner)


def _reason(entry: "os.DirEntry[str]", depth: int, ignored: "_Ignored") -> str:
    """Why an entry is passed over, "" = it is not."""
    if clean(entry.name) != entry.name or _BREAKS.search(entry.name):
        return "name"
    if entry.is_symlink() or getattr(entry, "is_junction", bool)():
        return "link"
    folder = entry.is_dir(follow_symlinks=False)
    if entry.name.startswith((".", "~$")):
        return "hidden"
    if ignored.names(entry.path, folder=folder):
        return "ignored"
    if folder:
        return "deep" if depth >= MAX_DEPTH else ""
    return "" if entry.is_file(follow_symlinks=False) else "special"


def _visible(path: str) -> str:
    """Whatever cannot be shown or stored as an escape."""
    return "".join(c if c.isprintable() or c == "\u3000" else ascii(c)[1:-1] for c in path)


def _file(entry: "os.DirEntry[str]", path: str) -> Entry:
    try:
        return Entry(entry.path, path, "", entry.stat(follow_symlinks=False))
    except OSError as error:
        return Entry(entry.path, path, "permission" if _denied(error) else "missing")


def _denied(error: OSError) -> bool:
    return isinstance(error, PermissionError)


class _Ignored(NamedTuple):
    """The rules of the .gitignore files from a repository's top down to a folder."""

    repository: bool
    rules: Sequence[tuple[str, Any]] = ()  # folder, its rules; the innermost last

    @classmethod
    def above(cls, folder: Path) -> "_Ignored":
        """What holds in `folder` because of the folders above it; nothing where it is ignored itself: it was named."""
        above = [folder, *folder.parents]
        top = next((index for index, parent in enumerate(above) if (parent / ".git").exists()), 0)
        found = cls(False)
        for inner, parent in reversed([*pairwise(above[: top + 1])]):
            found = found.within(str(parent), {name for name in (".git", ".gitignore") if (parent / name).exists()})
            if found.names(str(inner), folder=True):
                return cls(True)
        return found

    def within(self, folder: str, names: set[str]) -> "_Ignored":
        """What holds in a folder that holds `names`. A repository within another begins anew."""
        found = _Ignored(True) if ".git" in names else self
        if not found.repository or ".gitignore" not in names:
            return found
        try:
            from pathspec import GitIgnoreSpec
        except ImportError as error:
            raise KnowledgeError(f".gitignore: {said('package')}") from error
        try:
            with open(os.path.join(folder, ".gitignore"), encoding="utf-8", errors="replace") as file:
                rules = GitIgnoreSpec.from_lines(file.read(1_000_000).splitlines())
        except (OSError, ValueError):
            return found
        return _Ignored(True, (*found.rules, (folder, rules)))

    def names(self, path: str, *, folder: bool) -> bool:
        """Is this entry ignored? The innermost rule that speaks of it decides."""
        for base, rules in reversed(self.rules):
            inner = os.path.relpath(path, base).replace(os.sep, "/") + ("/" if folder else "")
            decided: bool | None = rules.check_file(inner).include
            if decided is not None:
                return decided
        return False
