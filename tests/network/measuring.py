"""What the meter says of known traffic into the invented outside. Only to be run inside `outside.py`.

python measuring.py WHAT          prints the snapshot's gist as one line of JSON
"""

import json
import socket
import subprocess
import sys
import threading
import time

from llamune.network.counts import Snapshot
from llamune.network.figure import figure
from llamune.network.meter import Meter
from llamune.network.policy import Destination, Policy

THERE = ("203.0.113.9", 80)
ENGINE = 11500
MEGABYTE = bytes(1_000_000)
SEND = f"""
import socket, sys, time
time.sleep(float(sys.argv[1]))
sock = socket.create_connection({THERE!r})
sock.sendall(bytes(1_000_000))
time.sleep(float(sys.argv[2]))
sock.close()
"""
SERVE = f"""
import socket, sys, time
server = socket.create_server(("127.0.0.1", {ENGINE}))
print("ready", flush=True)
sys.stdin.readline()
{SEND}
"""


def nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


def megabyte() -> None:
    with socket.create_connection(THERE) as sock:
        sock.sendall(MEGABYTE)
        time.sleep(1.5)


def hundred() -> None:
    """100 MB over the cable, and as much over loopback."""
    with socket.create_connection(THERE) as sock:
        for _n in range(100):
            sock.sendall(MEGABYTE)
        time.sleep(0.6)
    server = socket.create_server(("127.0.0.1", 0))
    taken = threading.Thread(target=lambda: take(server))
    taken.start()
    with socket.create_connection(server.getsockname()) as sock:
        for _n in range(100):
            sock.sendall(MEGABYTE)
        time.sleep(0.6)
    taken.join()


def take(server: socket.socket) -> None:
    sock = server.accept()[0]
    while sock.recv(1 << 20):
        pass
    sock.close()


def child() -> None:
    subprocess.run([sys.executable, "-c", SEND, "0.1", "1.5"], check=True)


def other() -> None:
    """A program that is not ours: its parent is gone before the meter looks."""
    time.sleep(4)


def short() -> None:
    for _n in range(1000):
        socket.create_connection(THERE).close()
    time.sleep(0.3)


def refused() -> None:
    with socket.socket() as sock:
        sock.connect_ex((THERE[0], 81))


def unanswered() -> None:
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.connect_ex(("203.0.113.77", 80))
        time.sleep(1.5)


def datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((THERE[0], 53))
        sock.send(b"x")
        time.sleep(1.3)


def loose() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (THERE[0], 53))
        time.sleep(1.3)


def engine() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "0.1", "1.5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(1.2)
        process.communicate("go\n")


def main(what: str) -> None:
    if what == "other":  # an orphan: not in our tree
        subprocess.run(["sh", "-c", '"$0" -c "$1" 1 2.5 &', sys.executable, SEND], check=True)
    listed = (Destination("ollama", THERE[0], THERE[1]),) if what == "listed" else ()
    meter = Meter(Policy(listed), ENGINE)
    meter.start()
    meter.busy = True  # looks often: what is planted lives for a second
    meter.fresh()
    {"listed": megabyte}.get(what, globals().get(what, nothing))()
    snapshot = meter.fresh()
    meter.stop()
    print(gist(snapshot))


def gist(snapshot: Snapshot) -> str:
    """What a test looks at, as JSON."""
    counts = {g.owner: {r: [c.connections, c.attempts, c.sent, c.received] for r, c in g.counts.items()} for g in
              snapshot.groups}  # fmt: skip
    told = {
        "verdict": snapshot.verdict, "words": figure(snapshot)[0], "counts": counts, "unknown": snapshot.unknown,
        "loose": snapshot.loose, "others": snapshot.others.tries, "silent": snapshot.silent, "reason": snapshot.reason,
    }  # fmt: skip
    told["engine_by"] = next((g.by for g in snapshot.groups if g.owner == "engine"), "")
    return json.dumps(told)


if __name__ == "__main__":
    main(sys.argv[1])
