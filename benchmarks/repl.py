"""The whole chat while a long answer streams: CPU, pauses of the loop, and whether the screen is right at the end.

A stand-in engine gives the 8,000-character Japanese Markdown answer of `streaming.py` in 4,000 pieces, 200 a second;
the prompt stays open on a pyte screen in the same process. A 2 ms heartbeat on the loop measures its pauses; CPU is
that of the process, the screen emulator's and the heartbeat's share included.

    python benchmarks/repl.py [WIDTH …]
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from streaming import PIECES, answer
from terminal.term import Screen, screen

from llamune import settings
from llamune.app import App
from llamune.chat.events import AnswerFinished, Event, TextArrived
from llamune.chat.ports import ChatRequest
from llamune.chat.session import Usage
from llamune.engine.catalog import Catalog
from llamune.engine.scripted import ScriptedEngine
from llamune.paths import Paths
from llamune.shell.front import Front
from llamune.shell.repl import Repl
from llamune.shell.stream import render

RATE = 200  # pieces a second
BEAT = 0.002


class Long(ScriptedEngine):
    """Gives the long answer, piece by piece on the clock."""

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event]:
        text = answer()
        size = len(text) / PIECES
        begun = time.perf_counter()
        for n in range(PIECES):
            await asyncio.sleep(max(0.0, begun + n / RATE - time.perf_counter()))
            yield TextArrived(request.answer_id, text[round(n * size) : round((n + 1) * size)])
        yield AnswerFinished(request.answer_id, Usage(completion_tokens=PIECES), model=request.model)


async def heart(pauses: list[float]) -> None:
    """Notes how late each beat comes, in milliseconds."""
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(BEAT)
        pauses.append((time.perf_counter() - begun - BEAT) * 1000)


async def run(width: int, home: Path) -> None:
    paths = Paths(home)
    app = App(settings.load(paths, environment={"OLLAMA_HOST": "127.0.0.1:9"}), paths)
    app._catalog = Catalog([Long()])
    app.load()
    app.state.remember(model="scripted:echo", preset="balanced")
    with screen(width, 24) as (keys, shown):
        front = Front(paths.history)
        working = asyncio.create_task(front.run(lambda: asyncio.create_task(Repl(app, front).work(None))))
        await shown.wait_for("traffic")
        await ask(shown, keys, "warm", seconds=60)
        pauses: list[float] = []
        beating = asyncio.create_task(heart(pauses))
        cpu = time.process_time()
        await ask(shown, keys, "again", seconds=60)
        cpu = time.process_time() - cpu
        beating.cancel()
        front.leave()
        await working
    pauses.sort()
    p99 = pauses[int(len(pauses) * 0.99)]
    expected = [row for row in render(answer(), width, color=False).splitlines() if row.strip()]
    seen = [row for row in shown.everything().splitlines() if row.strip()]
    right = contains(seen, [row.rstrip() for row in expected])
    late = f"pauses p99 {p99:.1f} ms, worst {pauses[-1]:.0f} ms"
    screen_is = "equals" if right else "DIFFERS FROM"
    print(f"width {width:3}  CPU {cpu:.1f} s with the emulator  {late}  screen {screen_is} the one-shot rendering")


async def ask(shown: Screen, keys: object, question: str, seconds: float) -> None:
    keys.send_text(f"{question}\r")  # type: ignore[attr-defined]
    before = shown.everything().count("4,000 tokens")
    end = time.monotonic() + seconds
    while shown.everything().count("4,000 tokens") <= before and time.monotonic() < end:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.25)


def contains(rows: list[str], wanted: list[str]) -> bool:
    """Whether `wanted` stands in `rows`, in order and without a gap."""
    starts = [i for i, row in enumerate(rows) if row == wanted[0]]
    return any(rows[i : i + len(wanted)] == wanted for i in starts)


if __name__ == "__main__":
    logging.disable()
    for columns in [int(w) for w in sys.argv[1:]] or [40, 80, 120]:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run(columns, Path(folder)))
