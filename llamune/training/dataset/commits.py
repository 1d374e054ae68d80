"""Git repositories: brought here where the policy allows it, and pairs of commit message ↔ change.

git itself is called; nothing of a repository is run (no hooks, no filters, no other programs).
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from llamune.chat.message import Message
from llamune.errors import TrainingError, UsageError
from llamune.i18n import _
from llamune.text import one_line
from llamune.training.pairs import Pair

MOST = 400  # commits
LONGEST = 3000  # characters of a change
SHORTEST_MESSAGE = 12
ENTRY = 1 << 16  # bytes of a commit with its message; what is longer is let go of as it comes
PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
MARK = b"\x1e"
SAFE = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "diff.external=", "protocol.ext.allow=never")
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git",
}


def brought(place: str, into: Path, ref: str, check: Callable[[str, int], object]) -> Path:
    """The repository's working tree on this disk: the folder itself, or a clone.

    Args:
        place: a folder or a URL; ref: a branch or tag, "" = as it is.
        check: raises NetworkPolicyError for a host that may not be called.

    Raises: NetworkPolicyError, TrainingError with what git said, UsageError for an address that is none.
    """
    if "://" not in place and not ref:
        return Path(place)
    if "://" in place:
        parts = urlsplit(place)
        if parts.scheme not in PORTS or not parts.hostname:
            raise UsageError(_("{path} is no address of a repository.").format(path=one_line(place)))
        check(parts.hostname, parts.port or PORTS[parts.scheme])
    chosen = ["--branch", ref] if ref else []
    list(_git(["clone", "--quiet", "--no-recurse-submodules", *chosen, "--", place, str(into)]))
    return into


def pairs(folder: Path) -> Iterator[Pair]:
    """Message from change and change from message, of small commits with a telling message."""
    if not (folder / ".git").exists():
        return
    said = _git(
        ["-C", str(folder), "log", f"-n{MOST}", "--no-merges", "--no-color", "--no-ext-diff", "--no-textconv", "-p",
         "--unified=2", "--format=%x1e%s%n%n%b%x1f"]
    )  # fmt: skip
    for entry in _entries(said):
        message, _sep, change = entry.decode("utf-8", "replace").partition("\x1f")
        message, change = message.strip(), change.strip()
        if len(message) >= SHORTEST_MESSAGE and 0 < len(change) <= LONGEST:
            source = f"commit: {message.splitlines()[0][:60]}"
            yield _pair(f"Write the commit message of this change.\n\n{change}", message, "diff to commit", source)
            yield _pair(f"Write the change for this commit message.\n\n{message}", change, "commit to diff", source)


def _entries(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The commits in what git writes; a change of any size takes no more memory than one that can be used."""
    held = b""
    for piece in pieces:
        *whole, held = (held + piece).split(MARK)
        yield from (entry for entry in whole if len(entry) <= ENTRY)
        held = held[: ENTRY + 1]
    if len(held) <= ENTRY:
        yield held


def _pair(question: str, answer: str, kind: str, source: str) -> Pair:
    return Pair((Message("user", question), Message("assistant", answer)), kind, source)


def _git(words: list[str]) -> Iterator[bytes]:
    """What git writes, piece by piece. Raises TrainingError with what it said."""
    safely = [word for setting in SAFE for word in ("-c", setting)]
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(["git", *safely, *words], stdout=subprocess.PIPE, stderr=errors, env=ENVIRONMENT)
        except FileNotFoundError as error:
            raise TrainingError(_("git is not installed."), _("Install it, or give the folder with --docs.")) from error
        with process:
            assert process.stdout is not None
            while piece := process.stdout.read(ENTRY):
                yield piece
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise TrainingError(_("git: {said}").format(said=one_line(said[-1] if said else "?")))
