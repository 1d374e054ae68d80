"""What a record of system calls (strace) says about leaving this machine. It judges lines; it runs nothing.

Judged is what was tried, whatever came of it. Not in such a record: io_uring, and what other programs do when they are
asked over a Unix socket.
"""

import re
from collections.abc import Iterable
from typing import Final

from llamune.network.policy import Policy, packed

CALLS: Final = "connect,sendto,sendmsg,sendmmsg,bind"
COMMAND: Final = ("strace", "-f", "-qq", "-yy", "-e", f"trace={CALLS}", "-e", "signal=none", "-s", "64", "-A", "-o")
_CALL: Final = re.compile(r"^(?:\d+\s+)?(\w+)\((\d+)<([^>]*)>?")
_ADDRESS: Final = re.compile(
    r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")', re.DOTALL
)
_PEER: Final = re.compile(r"->(?:\[?([0-9a-fA-F.:]+?)\]?):(\d+)\]?>")


def leaving(lines: Iterable[str], policy: Policy) -> list[str]:
    """Calls that would leave this machine beyond the policy, as they stand in the record."""
    return [line.strip() for line in lines if _leaves(line, policy)]


def _leaves(line: str, policy: Policy) -> bool:
    match = _CALL.match(line)
    if not match:
        return False
    call, about = match[1], match[3]
    where = _ADDRESS.search(line) or (_swapped(line) if call != "bind" else None)
    if where is None:
        return False
    host, port = (where[2] or where[3], int(where[1])) if isinstance(where, re.Match) else where
    number = packed(host)
    if call == "bind" or number is None or policy.reach(number, port) != "outside":
        return False
    return not (call == "connect" and "UDP" in about)  # no packet leaves: this is how libraries sort addresses


def _swapped(line: str) -> tuple[str, int] | None:
    """The peer of a connected socket that is sent to without an address."""
    match = _PEER.search(line)
    return (match[1], int(match[2])) if match else None
