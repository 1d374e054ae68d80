"""Statistics of a million answers: how long `llamune stats` counts, and how much memory that takes.

    python benchmarks/usage.py [ANSWERS]

Writes a home folder into a temporary directory, prints figures, removes it. The answers are made up with a fixed seed:
six models, five presets, all tasks, two years, texts of 300 characters, one turn in ten with a choice and a vote.
"""

import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from llamune.chat.task import TASKS
from llamune.chat.usage import by
from llamune.paths import Paths
from llamune.store import database

MODELS = ("qwen3:4b", "gemma3:4b", "qwen3:8b", "gemma3:12b", "gpt-oss:20b", "qwen3:32b")
PRESETS = ("balanced", "fast", "code", "creative", "technical")
FIRST = 1_700_000_000_000_000
STEP = 2 * 365 * 24 * 3600 * 1_000_000  # microseconds, over all answers
COLUMNS = (
    "id", "turn_id", "letter", "model", "preset", "options", "status", "text", "thinking", "digest", "engine", "reason",
    "error", "hint", "completion_tokens", "first_token_ms", "load_ms", "generate_ms", "total_ms", "adopted",
    "discarded", "created_at", "owner_pid", "owner_start", "task",
)  # fmt: skip


def answers(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of COLUMNS, two to a turn."""
    source = random.Random(1)
    names, tasks = [(m, p) for m in MODELS for p in PRESETS], list(TASKS)
    for n in range(count):
        first, writing = source.lognormvariate(5, 0.6), source.lognormvariate(8, 0.7)
        load = source.lognormvariate(7, 0.5) if n % 20 == 0 else 12.0
        status = "failed" if n % 33 == 0 else "complete"
        model, preset = names[n % len(names)]
        yield (
            n + 1, n // 2 + 1, "AB"[n % 2], model, preset, "{}", status, "x" * 300, *[""] * 6,
            source.randint(20, 800), first, load, writing, first + load + writing, n % 2 == 0,
            False, FIRST + n * STEP // count, 0, "", tasks[n // 2 % len(tasks)],
        )  # fmt: skip


def fill(path: Path, count: int) -> None:
    """Puts rows into a database, without the index of words: nobody searches here."""
    turns = ((n, 1, n, "?", "[]", FIRST) for n in range(1, count // 2 + 1))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO session (id, uid, title, titled_by, model, preset, system, overrides, summary, summarised,"
            " created_at, updated_at) VALUES (1, 'u', '', 'auto', '', '', '', '{}', '', 0, 1, 1)"
        )
        connection.executemany(
            "INSERT INTO turn (id, session_id, number, question, attachments, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            turns,
        )
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO answer ({', '.join(COLUMNS)}) VALUES ({marks})", answers(count))
        connection.execute(
            "INSERT INTO rating (answer_id, vote, accuracy, comment, blind, task, chosen_at, created_at)"
            " SELECT id, 'good', 4, '', 0, task, created_at + 3600000000, created_at FROM answer WHERE id % 20 = 1"
        )
        connection.commit()


def memory() -> float:
    """The most memory this process ever had, in MB (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "home")
        database.open(paths).close()
        begun = time.perf_counter()
        fill(paths.database, count)
        size = paths.database.stat().st_size / 1e6
        print(f"{count:,} answers: {size:,.0f} MB, written in {time.perf_counter() - begun:.1f} s")
        store, before, taken = database.open(paths), memory(), []
        for _try in range(3):
            start = (time.perf_counter(), time.process_time())
            lines = store.usage()
            taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
        store.close()
        [every] = by(lines)
        wall, own = map(min, zip(*taken, strict=True))
        print(f"counted into {len(lines)} lines: {wall:.2f} s, of processor time {own:.2f} s (the best of three)")
        print(
            f"complete {every.success:.1%}, median {every.total.at(0.5) or 0:,.0f} ms, chosen {every.adopted or 0:.0%}"
        )
        print(f"memory: {before:.0f} MB before, {memory():.0f} MB at most")


if __name__ == "__main__":
    main()
