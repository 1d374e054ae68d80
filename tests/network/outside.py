"""An invented outside: two network namespaces joined by a cable (veth), 203.0.113.1 here and 203.0.113.9 there.

With `--far SCRIPT RECORD` a program of the test runs at the other end, too, which also has 203.0.113.10 to .12 and .66,
and answers names at .10. With `--users` (for root only) programs inside can run as other users.

Nothing that a test aims at it can reach a real network, whatever is broken. Run as a program it makes both namespaces,
listens at 203.0.113.9 (TCP and UDP, ports 80 and 53), runs the command, and prints how many packets and connections
arrived as the last line: `arrived {"tcp": 0, "udp": 0}`. Works for root and where user namespaces are allowed.

    python outside.py [--users] [--far SCRIPT RECORD] COMMAND …
"""

import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE, THERE = "203.0.113.1", "203.0.113.9"
INSIDE = "LLAMUNE_TEST_INSIDE"


def available() -> str:
    """Why there can be no invented outside, "" = there can."""
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("ip"):
        return "needs Linux with unshare and ip"
    done = subprocess.run([*command(), "true"], capture_output=True, text=True, timeout=30)
    return "" if done.returncode == 0 else f"no network namespace here: {done.stderr.strip()[-200:]}"


def command() -> list[str]:
    return [sys.executable, __file__]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def main(words: list[str]) -> int:
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        users = words[:1] == ["--users"]  # the real root keeps the other users
        os.execvp("unshare", ["unshare", "-nm" if users else "-rnm", sys.executable, __file__, *words[users:]])
    del os.environ[INSIDE]
    far, words = (words[1:3], words[3:]) if words[0] == "--far" else ([], words)
    if far:
        ask_names_at("203.0.113.10")
    ip("link", "set", "lo", "up")
    counts: dict[str, int] = {"tcp": 0, "udp": 0}
    ready, over = os.pipe(), os.pipe()
    results = os.pipe()
    child = os.fork()
    if child == 0:
        there(ready[1], over[0], results[1], counts, far)
        os._exit(0)
    os.read(ready[0], 1)
    ip("link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(child))
    ip("addr", "add", f"{HERE}/24", "dev", "near")
    ip("link", "set", "near", "up")
    ip("route", "add", "default", "via", THERE)
    os.write(over[1], b"1")
    os.read(ready[0], 1)
    done = subprocess.run(words)
    os.write(over[1], b"2")
    print("arrived", os.read(results[0], 1000).decode(), flush=True)
    os.waitpid(child, 0)
    return done.returncode


def ask_names_at(server: str) -> None:
    """Names are looked up at an address beyond the cable, for this mount namespace only."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
        file.write(f"nameserver {server}\noptions timeout:2 attempts:1\n")
    os.chmod(file.name, 0o644)
    subprocess.run(["mount", "--bind", file.name, os.path.realpath("/etc/resolv.conf")], check=True)


def there(ready: int, over: int, results: int, counts: dict[str, int], far: list[str]) -> None:
    """The other end of the cable: answers every TCP connection with one line, counts everything."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        os._exit(1)
    os.write(ready, b"1")
    os.read(over, 1)
    ip("link", "set", "lo", "up")
    ip("addr", "add", f"{THERE}/24", "dev", "far")
    ip("link", "set", "far", "up")
    if far:
        for last in (10, 11, 12, 66):
            ip("addr", "add", f"203.0.113.{last}/24", "dev", "far")
        server = subprocess.Popen([sys.executable, *far])
    for port in (80, 53):
        threading.Thread(target=take_connections, args=(port, counts), daemon=True).start()
        threading.Thread(target=take_datagrams, args=(port, counts), daemon=True).start()
    time.sleep(0.5 if far else 0.2)
    os.write(ready, b"2")
    os.read(over, 1)
    time.sleep(0.1)
    os.write(results, json.dumps(counts).encode())
    if far:
        server.kill()


def take_connections(port: int, counts: dict[str, int]) -> None:
    server = socket.create_server((THERE, port), backlog=1024)
    while True:
        connection, _ = server.accept()
        counts["tcp"] += 1
        connection.settimeout(2)
        try:
            connection.sendall(b"hello from outside\n")
            while connection.recv(1 << 16):
                pass
        except OSError:
            pass
        connection.close()


def take_datagrams(port: int, counts: dict[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((THERE, port))
        while True:
            sock.recv(2048)
            counts["udp"] += 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
