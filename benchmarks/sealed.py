"""What sealing costs, and what it and the guard stop. Everything stays on this machine.

    python benchmarks/sealed.py [RUNS]

Prints: milliseconds that a sealed start takes more (a listing, sealed and not, in turns), what the relay adds to a
request over a new connection, and how many planted attempts were stopped and shown, by the protection put in alone
(llamune/cli/prove_inside.py): in the process itself and its Python children, sealed, and in sealed children.
"""

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from llamune.network.relay import Entry, Relay

ROOT = Path(__file__).parent.parent
REQUESTS = 500
SERVER = """
import socket, threading
server = socket.create_server(("127.0.0.1", 0), backlog=512)
print(server.getsockname()[1], flush=True)
def serve(connection):
    connection.sendall(connection.recv(4096))
    connection.close()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def start_ms(home: str, sealed: str) -> float:
    Path(home, "settings.toml").write_text(f'sealed = "{sealed}"\n')
    begun = time.perf_counter()
    words = ("-m", "llamune", "settings", "list")
    subprocess.run([sys.executable, *words], env={**os.environ, "LLAMUNE_HOME": home}, capture_output=True, check=True)
    return (time.perf_counter() - begun) * 1000


def starts(runs: int) -> None:
    times: dict[str, list[float]] = {"on": [], "off": []}
    with tempfile.TemporaryDirectory() as home:
        for number in range(runs + 1):
            for sealed in random.sample(["on", "off"], 2):
                took = start_ms(home, sealed)
                if number:  # the first round fills the caches
                    times[sealed].append(took)
    off, on = statistics.median(times["off"]), statistics.median(times["on"])
    print(f"start: {off:.0f} ms, sealed {on:.0f} ms: {on - off:+.0f} ms (limit +50)")


def request_ms(port: int) -> float:
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"x" * 500)
        sock.recv(4096)
    return (time.perf_counter() - begun) * 1000


def relayed() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        port, near = int(server.stdout.readline()), listener.getsockname()[1]
        pid = os.fork()
        if pid == 0:
            relay = Relay()
            relay.add(listener, Entry("127.0.0.1", port))
            relay.run()
        pairs = [(request_ms(port), request_ms(near)) for _n in range(REQUESTS)]
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        server.kill()
    direct, through = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"request: {direct:.3f} ms, through the relay {through:.3f} ms: {through - direct:+.3f} ms (limit +0.3)")


def planted() -> None:
    command = [sys.executable, "-m", "llamune.cli.prove_inside", "guard", "namespace", "seccomp", "child"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    found: dict[str, list[bool]] = {}
    for name, _tried, _stopped, ok in json.loads(done.stdout):
        found.setdefault(name.partition(":")[0], []).append(ok)
    for group, stopped in found.items():
        print(f"planted, {group}: {sum(stopped)} of {len(stopped)} stopped and shown")


if __name__ == "__main__":
    starts(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
    relayed()
    planted()
