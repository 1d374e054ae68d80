"""Hints of the chat, said for the command line: `/models` there is `llamune models list` here."""

import re
from collections.abc import Mapping

from llamune.i18n import _

COMMANDS: Mapping[str, str] = {
    "sessions": "sessions list",
    "search": "sessions search",
    "trash": "sessions trash",
    "delete": "sessions delete",
    "restore": "sessions restore",
    "export": "sessions export",
    "import": "sessions import",
    "models": "models list",
    "settings": "settings",
}
REINDEX = re.compile(r"/knowledge reindex (\S+)(?: (builtin)\b)?")
SLASH = re.compile(r"(?<![\w/.~])/([a-z]+)\b(?!/)")
SENTENCE = re.compile(r"(?<=[.。!?])\s*")


def outside(hint: str) -> str:
    """The hint without slash commands where that is possible; what only the chat can do says so."""
    told = REINDEX.sub(lambda m: f"llamune knowledge update {m[1]}" + (f" --embedder {m[2]}" if m[2] else ""), hint)
    told = SLASH.sub(lambda m: f"llamune {COMMANDS[m[1]]}" if m[1] in COMMANDS else m[0], told)
    if not SLASH.search(told):
        return told
    left = " ".join(s for s in SENTENCE.split(told) if s and not SLASH.search(s))
    return left or _("In llamune chat: {hint}").format(hint=told)
