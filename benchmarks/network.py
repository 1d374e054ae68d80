"""What measuring and refusing costs, and how true the figures are. Everything stays on this machine.

Prints: share of a core of the meter at rest and while answering (with the sockets that are open now), its error against
100 MB over loopback to another process, how many of 1,000 connections of about 2 ms it noticed, what the guard costs
per connect and what it adds to the start.

    python benchmarks/network.py [SECONDS]
"""

import socket
import subprocess
import sys
import time
from typing import NamedTuple

from llamune.network import netlink
from llamune.network.counts import Count
from llamune.network.meter import Meter
from llamune.network.policy import Policy

SIZE = 100_000_000
SERVER = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(server.getsockname()[1], flush=True)
def serve(connection):
    while connection.recv(1 << 20):
        pass
    connection.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
INSTALL = """
import json, socket, time, typing
t = time.perf_counter()
from llamune.network import guard
guard.install()
"""


class Shares(NamedTuple):
    """Percent of a core."""

    idle: float
    busy: float


def shares(meter: Meter, seconds: float) -> Shares:
    found = []
    for busy in (False, True):
        meter.busy = busy
        meter.fresh()
        began, cpu = time.monotonic(), time.process_time()
        time.sleep(seconds)
        found.append(100 * (time.process_time() - cpu) / (time.monotonic() - began))
    meter.busy = False
    return Shares(*found)


def engine(meter: Meter) -> Count:
    time.sleep(0.3)
    return next(g.count("machine") for g in meter.fresh().groups if g.owner == "engine")


def transfer(port: int) -> None:
    block = bytes(1_000_000)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        for _n in range(SIZE // len(block)):
            sock.sendall(block)


def short(port: int) -> None:
    for _n in range(1000):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"x" * 100)
            time.sleep(0.002)


def guard_cost() -> tuple[float, float]:
    """Milliseconds to install it, microseconds more per connect."""
    code = f"""{INSTALL}
print((time.perf_counter() - t) * 1000)  # the program has loaded json, socket and typing anyway
judge, sock = guard.current(), socket.socket()
t = time.perf_counter()
for n in range(100_000):
    judge("socket.connect", (sock, ("127.0.0.1", 80)))
print((time.perf_counter() - t) * 10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = map(float, done.stdout.split())
    return first, second


def main(seconds: float) -> None:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        port = int(server.stdout.readline())
        meter = Meter(Policy(), port)
        meter.start()
        before = engine(meter)
        transfer(port)
        after = engine(meter)
        print(f"100 MB over loopback: error {abs(after.received - before.received - SIZE) / SIZE:.4%} (limit 1 %)")
        short(port)
        print(f"connections of 2 ms noticed: {engine(meter).connections - after.connections} of 1000")
        found = shares(meter, seconds)
        count = sum(1 for p in (netlink.TCP, netlink.UDP) for _s in netlink.dump(p))
        print(
            f"meter with {count} sockets: idle {found.idle:.2f} % (limit 0.5), answering {found.busy:.2f} % (limit 2)"
        )
        meter.stop()
        server.kill()
    install, connect = guard_cost()
    print(f"guard: installed in {install:.1f} ms, {connect:.1f} µs per connect")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20)
