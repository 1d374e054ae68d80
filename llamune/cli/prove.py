"""`llamune doctor --prove-offline`: what was tried, what stopped it, PASS or FAIL.

First the scripted session runs as it is, under strace, with nothing planted: the record must hold no address but this
machine's and those listed. Then everything that wants out is tried in an invented outside (prove_inside.py). A check
that could not run is not proven.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from llamune.cli.prove_inside import Check
from llamune.cli.prove_session import Session, Step
from llamune.i18n import N_, _, ngettext
from llamune.network import strace

if TYPE_CHECKING:
    from llamune.network.policy import Policy
    from llamune.paths import Paths

INSIDE_S: Final = 1200.0
SHOWN: Final = 3  # calls that are quoted
RECORD: Final = "record of system calls"


def run(policy: "Policy", home: "Paths", *, as_json: bool) -> int:
    """Proves, and prints it. Returns 0 only when every check holds."""
    from llamune.cli.output import show_json

    checks = []
    for check in _checks(policy, home):
        checks.append(check)
        if not as_json:
            _show(check)
    ok = all(c.ok for c in checks)
    if as_json:
        show_json({"ok": ok, "checks": [c._asdict() for c in checks]})
    else:
        _end(checks)
    return 0 if ok else 1


def _checks(policy: "Policy", home: "Paths") -> Iterator[Check]:
    yield from _traced(policy, home)
    yield from _inside()


def _traced(policy: "Policy", home: "Paths") -> Iterator[Check]:
    """The session as it is, under strace where that works."""
    with tempfile.TemporaryDirectory(prefix="llamune-") as folder:
        record, traces = Path(folder) / "calls", _traces()
        before = (*strace.COMMAND, str(record)) if traces else ()
        for step in Session(Path(folder) / "home", home.settings, before).run():
            yield _as_it_is(step)
        yield _record(record, policy) if traces else Check(RECORD, N_("there is no strace here"), "", False)


def _traces() -> bool:
    """Whether strace is here and may be used."""
    if shutil.which("strace") is None:
        return False
    return not subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode


def _as_it_is(step: Step) -> Check:
    return Check(
        f"as it is: {step.name}", N_("a session without anything planted") if step.ok else step.said, "", step.ok
    )


def _record(record: Path, policy: "Policy") -> Check:
    lines = record.read_text(encoding="utf-8", errors="replace").splitlines()
    found = strace.leaving(lines, policy)
    if found or not lines:
        return Check(RECORD, "\n".join(found[:SHOWN]) or N_("the record is empty"), "", False)
    return Check(RECORD, N_("every network call of that session"), N_("none left this machine"), True)


def _inside() -> Iterator[Check]:
    command = [sys.executable, "-m", "llamune.cli.prove_inside"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSIDE_S, check=False)
        yield from (Check(*each) for each in json.loads(done.stdout))
    except (OSError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
        yield Check("invented outside", str(error), "", False)


def _show(check: Check) -> None:
    from llamune.cli.output import show
    from llamune.commands.values import Note

    told = " → ".join(_(part) for part in (check.tried, check.stopped_by) if part)
    word = _("ok") if check.ok else _("NOT PROVEN")
    show(Note(f"{word}  {check.name}: {told}", "plain" if check.ok else "bad"))


def _end(checks: list[Check]) -> None:
    from llamune.cli.output import show
    from llamune.commands.values import Note

    failed = [c.name for c in checks if not c.ok]
    if failed:
        show(Note(_("FAIL: not proven: {names}").format(names=", ".join(failed)), "bad"))
    else:
        count = ngettext("PASS: {n} check holds.", "PASS: all {n} checks hold.", len(checks))
        show(Note(count.format(n=len(checks)), "good"))
