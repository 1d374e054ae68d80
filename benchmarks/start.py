"""The first prompt against the barest prompt_toolkit program, in the same run; memory then, memory and CPU when idle.

Both run in a pseudo-terminal, in random order; the time is from the start of the process until its prompt stands on the
screen. The files of both are in the page cache. Prints medians and their ratio.

    python benchmarks/start.py [RUNS]
"""

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from terminal.term import Term

BARE = [sys.executable, "-c", "from prompt_toolkit import PromptSession; PromptSession().prompt('> ')"]
CHAT = [sys.executable, "-m", "llamune", "chat"]
SETTLE, IDLE = 6.0, 10.0  # seconds until everything is loaded, and of watching it do nothing


def first_paint(argv: list[str], mark: str, home: str) -> tuple[float, float, Term]:
    """Milliseconds to the first prompt, MB then, and the program, still running."""
    begun = time.perf_counter()
    term = Term(argv, env={"LLAMUNE_HOME": home, "OLLAMA_HOST": "127.0.0.1:9"})
    while mark not in term.text():
        term.pump(0.002)
    took = (time.perf_counter() - begun) * 1000
    return took, psutil.Process(term.pid).memory_info().rss / 1e6, term


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        times: dict[str, list[float]] = {"bare": [], "llamune": []}
        sizes: dict[str, list[float]] = {"bare": [], "llamune": []}
        for number in range(runs + 1):
            for name in random.sample(["bare", "llamune"], 2):
                argv, mark = (BARE, ">") if name == "bare" else (CHAT, "❯")
                took, size, term = first_paint(argv, mark, home)
                term.close()
                if number:  # the first round fills the caches
                    times[name].append(took)
                    sizes[name].append(size)
        bare, ours = statistics.median(times["bare"]), statistics.median(times["llamune"])
        print(f"first prompt   bare {bare:.0f} ms   llamune {ours:.0f} ms   ratio {ours / bare:.2f} (<= 1.25)")
        print(f"memory then    {statistics.median(sizes['llamune']):.1f} MB (wanted <= 45)")
        idle(home)


def idle(home: str) -> None:
    """Memory and CPU when the chat has loaded everything and nobody types."""
    _took, _size, term = first_paint(CHAT, "❯", home)
    with term:
        end = time.monotonic() + SETTLE
        while time.monotonic() < end:
            term.pump(0.1)
        process = psutil.Process(term.pid)
        before = process.cpu_times()
        time.sleep(IDLE)
        after = process.cpu_times()
        used = (after.user + after.system - before.user - before.system) / IDLE
        size = process.memory_info().rss / 1e6
        print(f"idle           {size:.1f} MB (wanted <= 100)   {100 * used:.2f} % of a core (wanted <= 1)")


if __name__ == "__main__":
    os.environ.setdefault("LANG", "C.UTF-8")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
