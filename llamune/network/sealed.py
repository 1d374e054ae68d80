"""Sealing: which ways this system has to cut a program off from the network, and children that have none at all.

Ways, the strongest first: a namespace without a route; a filter that lets only Unix sockets be opened (seccomp); and
where the system has neither, the guard alone, which native code passes. Which one it is, is always told.
"""

import subprocess
import sys
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

Way = Literal["namespace", "seccomp", "guard"]
WAYS: Final[tuple[Way, ...]] = ("namespace", "seccomp")
PROBE_S: Final = 20.0


class Child(NamedTuple):
    """How to start a program without any network, and by which way it will have none."""

    argv: list[str]
    way: Way


def child(argv: Sequence[str]) -> Child:
    """The command line that runs `argv` without any network: no route, no relay, no other program's sockets.

    The started process is the program itself: pid, streams, signals and exit code are its own; 125 means that it could
    not be sealed and was not run. For workers that read files and compute (training, ingestion); Unix sockets and pipes
    work. Asks the system by starting a process: to be called in a thread.
    """
    launcher = [sys.executable, "-m", "llamune.network.sealed_child"]
    for way in WAYS:
        if sys.platform == "linux" and _works([*launcher, way]):
            return Child([*launcher, way, *argv], way)
    return Child(list(argv), "guard")


def _works(command: Sequence[str]) -> bool:
    try:
        return not subprocess.run(command, capture_output=True, timeout=PROBE_S).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False
