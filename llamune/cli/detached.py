"""A command that goes on without its terminal: everything until then is said in the terminal, the rest in a file.

The process is forked before it has threads. That neither Ctrl-C nor the end of the terminal reaches the copy is the
work of its own session; what keeps the seal open outside has one already.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from llamune.errors import UsageError
from llamune.i18n import _

GOES_ON = b"\0"  # ends what the copy says in the terminal, when it goes on


def detach() -> None:
    """Returns in the copy, which still speaks in the terminal. The original shows that and ends with its code."""
    if not hasattr(os, "fork"):
        raise UsageError(_("This system cannot do it in the background."), _("Leave the window open instead."))
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        _follow(child, reading)
    os.setsid()
    os.close(reading)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, source in enumerate((nothing, writing, writing)):
        os.dup2(source, number)
    os.close(writing)
    os.close(nothing)


def go_on(log: Path) -> None:
    """Leaves the terminal: from now on the copy speaks into a file. Raises OSError."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    with suppress(BrokenPipeError):
        os.write(1, GOES_ON)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)


def _follow(child: int, reading: int) -> NoReturn:
    """Shows what the copy says, until it leaves or ends."""
    code, going = 0, False
    with suppress(KeyboardInterrupt):
        while piece := os.read(reading, 1 << 16):
            going = piece.endswith(GOES_ON)
            os.write(1, piece.removesuffix(GOES_ON))
        code = 0 if going else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code)  # what this process has open is the copy's now
