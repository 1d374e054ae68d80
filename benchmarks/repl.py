"""The whole chat while a long answer streams, and what it adds to the time to the first token.

A stand-in Ollama server gives the 8,000-character Japanese Markdown answer of `streaming.py` in 4,000 pieces, 200 a
second. The chat is a process of its own in a pseudo-terminal, its prompt open. Printed for each width: CPU seconds of
that process, pauses of its loop (how late a 5 ms heartbeat comes; the heartbeat's own CPU is included), and whether the
rows on the screen are those of the one-shot rendering. Then the time from Enter to the request's arrival at the server
plus that from its first token to the screen: medians over short questions, beside the same for curl.

    python benchmarks/repl.py [WIDTH …]
"""

import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

import psutil
import pyte
from streaming import PIECES, answer
from terminal.term import Term, rows_of, scrolled_rows

from llamune.shell.stream import render

ROOT = Path(__file__).parent.parent
RATE = 200  # pieces a second
BEAT_S = 0.005
SHORT = 20  # questions for the time to the first token
MODEL = "bench:latest"
SERVER = """
import asyncio, json, sys, time
sys.path.insert(0, sys.argv[1])
from streaming import PIECES, answer

RATE, MODEL = float(sys.argv[2]), sys.argv[3]
LISTED = {"name": MODEL, "model": MODEL, "digest": "0" * 64, "size": 1, "details": {"family": "qwen2"}}
SMALL = {
    "/api/version": {"version": "0.34.4"}, "/api/tags": {"models": [LISTED]}, "/api/ps": {"models": [LISTED]},
    "/api/show": {"capabilities": ["completion"], "model_info": {}},
}

def line(text, **more):
    return (json.dumps({"model": MODEL, "message": {"role": "assistant", "content": text}, "done": False} | more)
            + "\\n").encode()

async def chat(writer, question):
    print("arrived", time.monotonic(), flush=True)
    await asyncio.sleep(0.1)
    text = answer() if question == "long" else f"token-{question}"
    count = PIECES if question == "long" else 1
    size, begun = len(text) / count, time.monotonic()
    print("first", begun, flush=True)
    for n in range(count):
        await asyncio.sleep(max(0.0, begun + n / RATE - time.monotonic()))
        writer.write(line(text[round(n * size) : round((n + 1) * size)]))
        await writer.drain()
    writer.write(line("", done=True, done_reason="stop", eval_count=count, eval_duration=10**9, prompt_eval_count=9))

async def serve(reader, writer):
    head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
    length = next((int(h.split(":")[1]) for h in head.splitlines() if h.lower().startswith("content-length")), 0)
    body = await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n")
    if (path := head.split()[1]) in SMALL:
        data = json.dumps(SMALL[path]).encode()
        writer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(data) + data)
    else:
        writer.write(b"\\r\\n")
        await chat(writer, json.loads(body)["messages"][-1]["content"])
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class Server:
    """The stand-in; its output tells when requests arrived and when their first token left."""

    def __enter__(self) -> "Server":
        command = [sys.executable, "-c", SERVER, str(Path(__file__).parent), str(RATE), MODEL]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.port = int(self.line())
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def times(self) -> tuple[float, float]:
        """When the next request arrived, and when its first token left."""
        return float(self.line().split()[1]), float(self.line().split()[1])


def chat(beats: str) -> int:
    """The chat with a heartbeat on its loop. SIGUSR1 begins to note how late it comes, SIGUSR2 writes that down."""
    from llamune import cli
    from llamune.shell import front

    late: list[float] = []
    begin = front._main

    async def heart() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(BEAT_S)
            late.append((time.perf_counter() - begun - BEAT_S) * 1000)

    async def beating(*args: object) -> int:
        task = asyncio.create_task(heart())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, late.clear)
        loop.add_signal_handler(signal.SIGUSR2, lambda: Path(beats).write_text(" ".join(map(str, late))))
        try:
            return await begin(*args)  # type: ignore[arg-type]
        finally:
            task.cancel()

    front._main = beating  # type: ignore[assignment]
    return cli.main(["chat", "-m", MODEL])


def until(term: Term, *texts: str, seconds: float = 60) -> None:
    if not term.wait_for(*texts, seconds=seconds):
        raise SystemExit(f"{texts} did not come:\n{term.text()}")


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def measure(server: Server, width: int, folder: Path) -> list[float]:
    """Prints the figures of one width; returns the milliseconds that short questions lost on their way."""
    beats, home = folder / "beats", folder / "home"
    home.mkdir()
    (home / "settings.toml").write_text("start_ollama = false\nsuggest_titles = false\n")
    environment = {"LLAMUNE_HOME": str(home), "OLLAMA_HOST": f"127.0.0.1:{server.port}", "LANG": "C.UTF-8"}
    with Term([sys.executable, __file__, "--chat", str(beats)], columns=width, env=environment) as term:
        until(term, "traffic")
        added = [short(server, term, n) for n in range(SHORT)][1:]  # the first question loads what is loaded late
        process = psutil.Process(term.pid)
        before = cpu(process)
        term.kill(signal.SIGUSR1)
        term.send("\x0clong\r")
        until(term, f"{PIECES:,} tokens", seconds=120)
        used = cpu(process) - before
        server.times()
        term.kill(signal.SIGUSR2)
        while not beats.exists():
            term.pump(0.05)
        term.pump(0.1)
        late = sorted(map(float, beats.read_text().split()))
        same = "equals" if shows(term, width) else "DIFFERS FROM"
    p99 = late[int(len(late) * 0.99)]
    print(
        f"width {width:3}   CPU {used:.1f} s (<= 4)   pauses p99 {p99:.1f} ms (<= 20), worst {late[-1]:.0f} ms (<= 100)"
        f"   the screen {same} the one-shot rendering",
        flush=True,
    )
    return added


def short(server: Server, term: Term, n: int) -> float:
    """Milliseconds between Enter and the screen that are ours: neither the server's nor its answer's."""
    term.send(str(n))
    rest(term)
    begun = time.monotonic()
    term.send("\r")
    while f"token-{n}".encode() not in term.raw:
        term.pump(0.001)
    seen = time.monotonic()
    arrived, first = server.times()
    while "first token" not in term.text().split(f"token-{n}")[-1]:
        term.pump(0.01)
    return (arrived - begun + seen - first) * 1000


def rest(term: Term) -> None:
    """Waits until nothing has been drawn for a while: nobody presses Enter in the same moment as another key."""
    while True:
        before = len(term.raw)
        term.pump(0.2)
        if len(term.raw) == before:
            return


def curl(server: Server) -> float:
    """The same for curl, the start of its process included."""
    body = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "1"}]})
    begun = time.monotonic()
    command = ["curl", "-sN", f"http://127.0.0.1:{server.port}/api/chat", "-d", body]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        seen = time.monotonic()
    arrived, first = server.times()
    return (arrived - begun + seen - first) * 1000


def shows(term: Term, width: int) -> bool:
    """Whether the rows of the one-shot rendering stand on the screen, in order and without a gap."""
    screen = pyte.HistoryScreen(width, 24, history=20_000, ratio=0.5)
    pyte.Stream(screen).feed(render(answer(), width).rstrip("\n").replace("\n", "\r\n"))
    wanted = [*scrolled_rows(screen), *rows_of(screen)]
    rows = term.everything().split("\n")
    return any(rows[i : i + len(wanted)] == wanted for i in range(len(rows) - len(wanted) + 1))


def main(widths: list[int]) -> None:
    added: list[float] = []
    with Server() as server:
        for width in widths:
            with tempfile.TemporaryDirectory() as folder:
                added += measure(server, width, Path(folder))
        theirs = statistics.median(curl(server) for _ in range(SHORT)) if shutil.which("curl") else 0.0
    ours = statistics.median(added)
    print(
        f"from Enter to the screen, the server's time left out: {ours:.1f} ms (worst {max(added):.0f})"
        f"; curl {theirs:.1f} ms; added {ours - theirs:.1f} ms (<= 10)"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--chat"]:
        sys.exit(chat(sys.argv[2]))
    main([int(width) for width in sys.argv[1:]] or [40, 80, 120])
