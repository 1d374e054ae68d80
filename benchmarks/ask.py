"""Time to the first token of `llamune ask`, against curl, on a server that takes 200 ms for it whoever asks.

    python benchmarks/ask.py [RUNS]

The stand-in speaks as much of Ollama's API as one question needs. The runs of all programs are interleaved, so that
whatever else the machine does hits all of them. Printed: medians from the start of a process to the first byte of its
answer, in milliseconds, and what each takes more than curl; `python -c pass` shows what any Python program pays. "The
first with its flags" is an ask that has no letter yet (llamune/engine/letter.py).
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
TTFT_S = 0.2
PIECES = 20
FIRST = "the first with its flags"
MODEL = "bench:latest"
SERVER = """
import asyncio, json, sys

TTFT_S, PIECES, MODEL = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
LISTED = {"name": MODEL, "model": MODEL, "digest": "0" * 64, "size": 1, "details": {"family": "qwen2"}}
SMALL = {
    "/api/version": {"version": "0.34.4"}, "/api/tags": {"models": [LISTED]}, "/api/ps": {"models": [LISTED]},
    "/api/show": {"capabilities": ["completion"], "model_info": {}},
}

def line(**more):
    message = {"role": "assistant", "content": "word "}
    return json.dumps({"model": MODEL, "message": message, "done": False} | more) + "\\n"

async def serve(reader, writer):
    head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
    length = next((int(h.split(":")[1]) for h in head.splitlines() if h.lower().startswith("content-length")), 0)
    await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n")
    path = head.split()[1]
    if path in SMALL:
        body = json.dumps(SMALL[path]).encode()
        writer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    else:
        await asyncio.sleep(TTFT_S)
        writer.write(b"\\r\\n")
        for _ in range(PIECES):
            writer.write(line().encode())
            await writer.drain()
            await asyncio.sleep(0.005)
        writer.write(line(done=True, eval_count=PIECES, prompt_eval_count=9).encode())
    await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def first_byte(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Milliseconds from starting `command` to the first byte it prints (or to its end)."""
    started = time.perf_counter()
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, cwd=ROOT, **pipes) as child:
        assert child.stdout is not None
        child.stdout.read(1)
        taken = (time.perf_counter() - started) * 1000
        child.stdout.read()
    if child.returncode:
        raise SystemExit(f"{command} ended with {child.returncode}")
    return taken


def programs(port: int) -> dict[str, list[str]]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    ask = [sys.executable, "-m", "llamune", "ask", "-m", MODEL]
    return {
        "curl": ["curl", "-sN", f"http://127.0.0.1:{port}/api/chat", "-d", json.dumps(body)],
        "llamune ask": [*ask, "hi"],
        "llamune ask --no-save": [*ask, "--no-save", "hi"],
        FIRST: [*ask, "hi"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }


def main(runs: int = 20) -> None:
    if not shutil.which("curl"):
        raise SystemExit("curl is not installed")
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(TTFT_S), str(PIECES), MODEL], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        with tempfile.TemporaryDirectory() as home:
            environment = {**os.environ, "LLAMUNE_HOME": home, "OLLAMA_HOST": f"127.0.0.1:{port}"}
            measured: dict[str, list[float]] = {name: [] for name in programs(port)}
            first_byte(programs(port)["llamune ask"], environment)  # makes the database and learns about the model
            for run in range(runs):
                for name, command in programs(port).items():
                    if name == FIRST:
                        command.insert(-1, f"--system={run}")  # never the same flags again
                    measured[name].append(first_byte(command, environment))
    finally:
        server.kill()
        server.wait()
    curl = statistics.median(measured["curl"])
    for name, times in measured.items():
        middle = statistics.median(times)
        spread = f"(best {min(times):.0f}, worst {max(times):.0f})"
        print(f"{name:24} {middle:6.0f} ms   {middle - curl:+5.0f} ms   {spread}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
