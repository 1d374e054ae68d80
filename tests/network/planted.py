"""Attempts to leave this machine, planted on purpose. Only to be run inside `outside.py`.

Prints one line of JSON: attempt → "refused", or what happened instead. With `off` as first word the guard is not
installed, which shows that the attempts are real.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

THERE = "203.0.113.9"
os.environ["RES_OPTIONS"] = "timeout:1 attempts:1"  # nobody answers names there
GUARDED = sys.argv[1:2] != ["off"]
os.environ["http_proxy"] = os.environ["HTTPS_PROXY"] = f"http://{THERE}:80"
if GUARDED:
    from llamune.network import guard

    installed = guard.install(sys.argv[1])

CHILD = f"import socket; socket.create_connection(('{THERE}', 80), 2).recv(9); print('connected')"


def connect(family: int, address: tuple) -> None:
    with socket.socket(family) as sock:
        sock.settimeout(1)
        sock.connect(address)


def datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (THERE, 53))


def message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b"x"], [], 0, (THERE, 53))


def listen() -> None:
    with socket.socket() as sock:
        sock.bind(("", 0))


def child(*flags: str, code: str = CHILD) -> None:
    done = subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=30)
    if "connected" not in done.stdout:
        raise ConnectionRefusedError(done.stderr[-300:])


def spawned() -> None:
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    process = context.Process(target=connect, args=(socket.AF_INET, (THERE, 80)))
    process.start()
    process.join()
    if process.exitcode:
        raise ConnectionRefusedError("the child failed")


def forked() -> None:
    pid = os.fork()
    if pid == 0:
        try:
            connect(socket.AF_INET, (THERE, 80))
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise ConnectionRefusedError("the child failed")


class Redirecting(BaseHTTPRequestHandler):
    """A server on this machine that sends its clients away."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://{THERE}:80/")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def redirected() -> None:
    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", timeout=2).read()


def through_httpx() -> None:
    import httpx

    httpx.get("http://example.invalid/", timeout=1)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "connect": lambda: connect(socket.AF_INET, (THERE, 80)),
    "connect_ex": lambda: socket.socket().connect_ex((THERE, 80)),
    "mapped IPv6": lambda: connect(socket.AF_INET6, (f"::ffff:{THERE}", 80)),
    "IPv6": lambda: connect(socket.AF_INET6, ("2001:db8::9", 80)),
    "IPv6 with a zone": lambda: connect(socket.AF_INET6, ("fe80::1%lo", 80, 0, 1)),
    "number": lambda: connect(socket.AF_INET, ("3405803785", 80)),
    "name": lambda: connect(socket.AF_INET, ("example.invalid", 80)),
    "datagram to a name": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("a.invalid", 53)),
    "bytes": lambda: connect(socket.AF_INET, (b"203.0.113.9", 80)),
    "look-up": lambda: socket.getaddrinfo("example.invalid", 80),
    "look-up of bytes": lambda: socket.getaddrinfo(b"example.invalid", 80),
    "old look-up": lambda: socket.gethostbyname("example.invalid"),
    "reverse look-up": lambda: socket.gethostbyaddr(THERE),
    "name of an address": lambda: socket.getnameinfo((THERE, 80), 0),
    "datagram": datagram,
    "message": message,
    "listen": listen,
    "asyncio": lambda: asyncio.run(asyncio.open_connection(THERE, 80)),
    "asyncio name": lambda: asyncio.run(asyncio.open_connection("example.invalid", 80)),
    "urllib": lambda: urllib.request.urlopen("http://example.invalid/", timeout=1),
    "httpx": through_httpx,
    "redirect": redirected,
    "child": child,
    "child -P": lambda: child("-P"),
    "child of a child": lambda: child(
        code=f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    ),
    "spawned": spawned,
    "forked": forked,
}


def main() -> None:
    results = {}
    for name, attempt in ATTEMPTS.items():
        try:
            results[name] = f"done: {attempt()!r}"
        except Exception as error:
            own = "network policy" in str(error) or name in ("spawned", "forked")
            results[name] = "refused" if own else f"{type(error).__name__}: {error}"
    with socket.create_server(("127.0.0.1", 0)) as server:  # what is ours goes on
        socket.create_connection(("localhost", server.getsockname()[1])).close()
    a, b = socket.socketpair()
    a.sendall(b"x")
    told = [[r.who, r.what, r.where, r.pid == os.getpid()] for r in installed.records()] if GUARDED else []
    dropped = list(installed.dropped) if GUARDED else []
    print(json.dumps({"results": results, "told": told, "dropped": dropped, "through": b.recv(1).decode()}))


if __name__ == "__main__":
    main()
