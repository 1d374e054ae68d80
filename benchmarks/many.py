"""The prompt while thirty candidates answer with 50,000 characters each, one of them nothing, one without end.

    python benchmarks/many.py [WIDTH …]

The chat is a process of its own in a pseudo-terminal; a stand-in server gives the answers. Printed for each width: the
steps of the chat's loop by their own processor time (what other programs take is not ours) until the last answer, the
report on where they differ and what follows are on the screen, and the chat's CPU seconds and memory.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

import psutil  # noqa: E402
from repl import MODEL, cpu, until  # noqa: E402
from terminal.term import Term  # noqa: E402

CHARACTERS = 50_000
STEP_MS, NOTED_MS = 20, 5
CANDIDATES = "m1/* m2/* m3/* m4/* empty endless m1/fast x4"  # thirty; the endless one is AA
SERVER = """
import asyncio, json, sys
NAMES = [sys.argv[1], *(n + ":latest" for n in ("m1", "m2", "m3", "m4", "empty", "endless"))]
LISTED = [{"name": n, "model": n, "digest": "0" * 64, "size": 1, "details": {"family": "qwen2"}} for n in NAMES]
SMALL = {
    "/api/version": {"version": "0.34.4"}, "/api/tags": {"models": LISTED}, "/api/ps": {"models": []},
    "/api/show": {"capabilities": ["completion"], "model_info": {}},
}
count = 0

def line(model, text, **more):
    return (json.dumps({"model": model, "message": {"role": "assistant", "content": text}, "done": False} | more)
            + "\\n").encode()

def paragraph(n, k):
    return (f"## 第{k}節\\n\\n品番{k}の価格は{k * 7 + n % 3}円で、納期は**{k % 30 + 1}日**です。"
            f"担当は`掛-{k}`が行います。\\n- 数量は{k + n}個まで\\n- 送料は{k % 9}割引き\\n\\n")

async def chat(writer, model):
    global count
    count += 1
    mine, said, k = count, 0, 0
    while model != "empty:latest" and (said < int(sys.argv[2]) or model == "endless:latest"):
        piece = paragraph(mine, k)
        writer.write(line(model, piece))
        await writer.drain()
        said, k = said + len(piece), k + 1
        await asyncio.sleep(0.002 if said < int(sys.argv[2]) else 0.02)
    writer.write(line(model, "", done=True, done_reason="stop", eval_count=k, eval_duration=10**9))

async def serve(reader, writer):
    try:
        head = (await reader.readuntil(b"\\r\\n\\r\\n")).decode()
        length = next((int(h.split(":")[1]) for h in head.splitlines() if h.lower().startswith("content-length")), 0)
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n")
        if (path := head.split()[1]) in SMALL:
            data = json.dumps(SMALL[path]).encode()
            writer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(data) + data)
        else:
            writer.write(b"\\r\\n")
            await chat(writer, json.loads(body)["model"])
        await writer.drain()
    except (OSError, EOFError, ValueError):
        pass
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def measure(port: int, width: int, folder: Path) -> None:
    """Prints the figures of one width."""
    steps, home = folder / "steps", folder / "home"
    home.mkdir()
    (home / "settings.toml").write_text("start_ollama = false\nsuggest_titles = false\n")
    (home / "state.json").write_text(json.dumps({"limit": 5}))
    environment = {"LLAMUNE_HOME": str(home), "OLLAMA_HOST": f"127.0.0.1:{port}", "LANG": "C.UTF-8"}
    command = [sys.executable, __file__, "--chat", str(steps)]
    with Term(command, columns=width, env=environment) as term:
        until(term, "traffic")
        term.send("hello\r")
        until(term, "tokens/s")
        process = psutil.Process(term.pid)
        before, begun = cpu(process), time.monotonic()
        first = len(steps.read_text().split())
        term.send(f"/retry {CANDIDATES}\r")
        wait_for_last(term)
        term.send("/stop AA\r")
        until(term, "/adopt B", seconds=120)
        taken, used = time.monotonic() - begun, cpu(process) - before
        term.pump(0.1)
        own = sorted(map(float, steps.read_text().split()[first:]))
        over = sum(ms > STEP_MS for ms in own)
        print(
            f"width {width:3}   steps over {NOTED_MS} ms: {len(own)}, over {STEP_MS}: {over}, longest {own[-1]:.0f} ms"
            f"   CPU {used:.1f} of {taken:.0f} s   memory {process.memory_info().rss / 1e6:.0f} MB",
            flush=True,
        )


def chat(steps: Path) -> int:
    """The chat; writes down the milliseconds of every step of its loop that takes a while."""
    from asyncio.events import Handle

    from llamune import cli

    run = Handle._run
    with steps.open("w", buffering=1) as file:

        def timed(handle: Handle) -> None:
            begun = time.thread_time()
            run(handle)
            if (taken := 1000 * (time.thread_time() - begun)) > NOTED_MS:
                file.write(f"{taken:.1f}\n")

        Handle._run = timed  # type: ignore[method-assign]
        return cli.main(["chat", "-m", MODEL])


def wait_for_last(term: Term) -> None:
    """Until only the endless answer is being made."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        term.pump(0.3)
        rows = term.text()
        busy = re.findall(r"^  (\w+)  .*(?:waiting for|loading|reads|is writing)", rows, re.MULTILINE)
        if busy == ["AA"] and not re.search(r"[1-9]\d* more waiting", rows):
            return
    raise SystemExit(f"the answers did not end:\n{term.text()}")


def main(widths: list[int]) -> None:
    command = [sys.executable, "-c", SERVER, MODEL, str(CHARACTERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            for width in widths:
                with tempfile.TemporaryDirectory() as folder:
                    measure(port, width, Path(folder))
        finally:
            server.kill()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--chat"]:
        sys.exit(chat(Path(sys.argv[2])))
    main([int(width) for width in sys.argv[1:]] or [80, 160])
