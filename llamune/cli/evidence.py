"""`llamune evidence`: the report of what happened on the network, and the check that nobody has changed it.

The report carries the log itself, word for word, with its signed head: whoever gets it can check it, on any machine.
Nothing is sent anywhere.
"""

import argparse
import json
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llamune import paths
from llamune.cli.parser import Parser, Verbs, json_flag
from llamune.errors import LlamuneError, UsageError
from llamune.i18n import N_, _

if TYPE_CHECKING:
    from llamune.network.proof import Finding, Log

FORMAT = "llamune evidence 1"
LARGEST = 500_000_000  # bytes of a file that is checked
EMBEDDED = re.compile(r'<script type="application/json" id="evidence">(.*?)</script>', re.DOTALL)
NOTED = re.compile(r"(\d{1,12}):([0-9a-fA-F]{8,64})")


def declare(parser: Parser) -> None:
    """Adds the arguments."""
    verify: Verbs = {"verify": (N_("look for anything changed, taken out, moved or cut"), _verify, json_flag)}
    parser.words("action", verify, required=False)
    parser.add_argument("--since", metavar=_("DATE"), type=_moment, help=_("only from this day on: 2026-11-01"))
    parser.add_argument("--html", metavar=_("FILE"), type=Path, help=_("write the report as one HTML file"))
    json_flag(parser)


def _verify(parser: Parser) -> None:
    parser.add_argument("file", metavar=_("FILE"), type=Path, help=_("a report (HTML or JSON), or the log itself"))
    parser.add_argument(
        "--noted", metavar="N:HASH", type=_noted, help=_("what a chat printed when it ended, or somebody wrote down")
    )


def _moment(word: str) -> float:
    """An argument type: a day, or a day and a time, of this machine's clock."""
    try:
        return datetime.fromisoformat(word).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            _("“{word}” is no date.").format(word=word), _("Example: {example}").format(example="--since 2026-11-01")
        ) from None


def _noted(word: str) -> tuple[int, str]:
    """An argument type: number and hash of an entry, at least 8 digits of it."""
    if found := NOTED.fullmatch(word.strip()):
        return int(found[1]), found[2]
    raise UsageError(
        _("“{word}” is no noted head.").format(word=word),
        _("Example: {example}").format(example="--noted 412:3f9a77c102bd5e10"),
    )


def run(args: argparse.Namespace) -> int:
    """Reports or checks. Returns 0 when the log is whole, else 1."""
    from llamune.network.proof import faults

    checking = getattr(args, "action", None) == "verify"
    log = read(args.file) if checking else _own(args.since)
    found = faults(log, args.noted if checking else None)
    if args.json:
        _print_json(log, found, whole=not checking)
    elif getattr(args, "html", None):
        _write_html(args.html, log, found)
    else:
        _print(log, found, checking=checking)
    return 1 if found else 0


def _own(since: float | None) -> "Log":
    """This home's log, signed as far as it goes now, from the first entry of `since` on."""
    from llamune.network.chain import Place, split
    from llamune.network.proof import Log
    from llamune.network.signing import Signed

    signed = Signed(paths.find().evidence)
    if not signed.chain.path.exists():
        raise LlamuneError(
            _("There is no evidence yet."), _("It is written by every chat: {path}").format(path=signed.chain.path)
        )
    try:
        signed.sign()
        log = _whole(signed.chain.path)
    except (OSError, ImportError) as error:
        raise _unreadable(signed.chain.path, getattr(error, "strerror", None) or str(error)) from error
    at = next(
        (i for i, line in enumerate(log.lines) if (e := split(line)) and e[1]["t"] >= (since or 0)), len(log.lines)
    )
    before = split(log.lines[at - 1]) if at else None
    return Log(log.lines[at:], log.head, Place(before[1]["n"], before[0]) if before else log.before, log.torn)


def _whole(path: Path) -> "Log":
    """A log file with the head beside it. Raises OSError."""
    from llamune.network.proof import Log
    from llamune.network.signing import Signed

    whole, _newline, torn = _text(path).rpartition("\n")
    return Log(whole.split("\n") if whole else [], Signed(path.parent).head(), torn=len(torn))


def read(path: Path) -> "Log":
    """The log in a file: a report as JSON or HTML, or the log itself. Raises LlamuneError."""
    from llamune.network.chain import Place
    from llamune.network.proof import Log
    from llamune.network.signing import Head

    try:
        text = _text(path)
        if text.lstrip()[:1] not in ("{", "<"):
            return _whole(path)
        embedded = EMBEDDED.search(text) if text.lstrip().startswith("<") else None
        data = json.loads(embedded[1] if embedded else text)
        lines, before = data["lines"], Place(int(data["before"]["n"]), str(data["before"]["hash"]))
        if data["format"] != FORMAT or not all(isinstance(line, str) for line in lines):
            raise ValueError
        return Log(lines, Head.read(data["head"]), before, int(data["torn"]))
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UsageError(
            _("{path} is no evidence of Llamune.").format(path=path),
            _("It takes what llamune evidence --html or --json made, or the file network.log."),
        ) from None


def _text(path: Path) -> str:
    """A file as it is. Raises OSError."""
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read(LARGEST)


def _unreadable(path: Path, reason: str) -> LlamuneError:
    return LlamuneError(_("{path} cannot be read: {reason}").format(path=path, reason=reason))


def document(log: "Log") -> dict[str, Any]:
    """What a report carries: everything that is needed to check it."""
    return {
        "format": FORMAT,
        "made": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": platform.node(),
        "before": {"n": log.before.n, "hash": log.before.hash},
        "head": asdict(log.head) if log.head else None,
        "torn": log.torn,
        "lines": list(log.lines),
    }


def _print_json(log: "Log", found: "Sequence[Finding]", *, whole: bool) -> None:
    from llamune.cli.evidence_told import as_data, fault
    from llamune.cli.output import show_json

    faults = [{**asdict(f), "told": fault(f)} for f in found]
    show_json({"ok": not found, "faults": faults, "summary": as_data(log), **(document(log) if whole else {})})


def _write_html(path: Path, log: "Log", found: "Sequence[Finding]") -> None:
    from llamune import files
    from llamune.cli.evidence_html import page

    try:
        files.replace(path, page(log, found, document(log)))
    except OSError as error:
        reason = error.strerror or str(error)
        raise LlamuneError(_("{path} cannot be written: {reason}").format(path=path, reason=reason)) from error
    print(_("written: {path}").format(path=path), file=sys.stderr)


def _print(log: "Log", found: "Sequence[Finding]", *, checking: bool) -> None:
    from llamune.cli.evidence_told import sections, state
    from llamune.cli.output import show

    for section in () if checking else sections(log):
        show(f"\n{section.title}", *section.values)
    show(*([""] if not checking else []), *state(log, found))
