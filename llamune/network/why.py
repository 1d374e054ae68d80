"""Why a system refuses to seal a program, in words for people. It looks at what the kernel says of itself."""

import errno
import sys
from pathlib import Path
from typing import Final

from llamune.i18n import N_
from llamune.network.sealed import Sealed

APPARMOR: Final = N_("AppArmor keeps ordinary programs from making namespaces")
SWITCHED_OFF: Final = N_("user namespaces are switched off on this system")
CONTAINER: Final = N_("a container forbids it")
KERNEL: Final = N_("this kernel cannot do it")
SYSTEM: Final = N_("only Linux can do it")
REFUSED: Final = N_("the system refuses it")
KNOBS: Final = Path("/proc/sys/kernel")


def why(sealed: Sealed) -> str:
    """Why this program is not sealed by a namespace (English, marked for translation), "" = it is, or nobody tried."""
    if sys.platform != "linux":
        return SYSTEM
    if sealed.way == "namespace" or not sealed.tried:
        return ""
    if sealed.problem == errno.ENOSPC or _says(KNOBS / "unprivileged_userns_clone", "0"):
        return SWITCHED_OFF
    if sealed.problem in (errno.ENOSYS, errno.EINVAL):
        return KERNEL
    if _says(KNOBS / "apparmor_restrict_unprivileged_userns", "1"):
        return APPARMOR
    return CONTAINER if _filters() > (sealed.way == "seccomp") else REFUSED


def _says(knob: Path, value: str) -> bool:
    try:
        return knob.read_text().strip() == value
    except OSError:
        return False


def _filters() -> int:
    """How many seccomp filters this process is under, its own included."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Seccomp_filters:"))
    except (OSError, StopIteration, ValueError):
        return 0
