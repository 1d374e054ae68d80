"""What passed the machine's network interfaces, loopback left out: the upper bound over everything that can be sent.

It counts all programs and all protocols, with headers. Linux reads /proc; elsewhere psutil is asked.
"""

import sys
from pathlib import Path
from typing import NamedTuple

DEVICES = Path("/proc/self/net/dev")
LOOPBACK = ("lo", "Loopback")  # Linux lo, macOS lo0, Windows "Loopback Pseudo-Interface 1"


class Passed(NamedTuple):
    """Bytes since the interfaces came up."""

    sent: int
    received: int


def passed() -> Passed:
    """The counters now. Raises OSError where the system has none."""
    if sys.platform == "linux":
        rows = [line.partition(":") for line in DEVICES.read_text(encoding="ascii").splitlines()[2:]]
        counted = [(int(f[8]), int(f[0])) for name, _, rest in rows if (f := rest.split()) and name.strip() != "lo"]
    else:
        import psutil

        by_name = psutil.net_io_counters(pernic=True).items()
        counted = [(c.bytes_sent, c.bytes_recv) for name, c in by_name if not name.startswith(LOOPBACK)]
    return Passed(sum(sent for sent, _ in counted), sum(received for _, received in counted))
