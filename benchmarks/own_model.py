"""From a repository of 200 files to an own model that chats: seconds of each step; and whether it was worth it.

Takes 200 files of the running Python's own library as the repository, guide:5m as the base, and the program as a user
calls it, with its defaults. The Ollama server that OLLAMA_HOST names gets the model (removed at the end), without one
the built-in engine. `--seeds N` makes a model of N seeds from documents instead (benchmarks/rag-ja) and prints what the
held-out questions of each kind say before and after. What else is given goes to `llamune finetune`. Needs the extra
finetune; sealed, nothing is fetched.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FILES = 200
RULES = ROOT / "benchmarks" / "rag-ja" / "docs"


def program(home: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "LLAMUNE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "llamune", *words], stdout=-1, text=True, env=environment)


def run(home: Path, *words: str) -> None:
    with program(home, *words) as process:
        process.communicate()
    if process.returncode:
        sys.exit(f"llamune {words[0]} ended with {process.returncode}")


def events(home: Path, *words: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """What `llamune finetune` reports, each with the seconds since it began."""
    engine = () if "OLLAMA_HOST" in os.environ else ("--to", "embedded")
    began = time.monotonic()
    with program(home, "finetune", "--json", *engine, *words) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield time.monotonic() - began, json.loads(line)
    if process.returncode:
        sys.exit(f"llamune finetune ended with {process.returncode}")


def steps(home: Path, *more: str) -> None:
    """Prints the seconds of each step of one model made from a repository."""
    repository = home / "repository"
    repository.mkdir()
    found = sorted(Path(sysconfig.get_path("stdlib")).glob("**/*.py"), key=lambda p: (len(p.parts), p.name))
    chosen = [p for p in found if "test" not in p.parts and "site-packages" not in p.parts][:FILES]
    for number, path in enumerate(chosen):
        shutil.copy(path, repository / f"{number:03}-{path.name}")
    name, before, began = "read, clean, split", 0.0, time.monotonic()
    for at, event in events(home, "--repo", str(repository), "--base", "guide:5m", "--name", "code", *more):
        if event["event"] in ("stage", "done"):
            print(f"{name:20} {at - before:7.1f} s", flush=True)
            name, before = event.get("stage", ""), at
        if event["event"] == "rows":
            print(f"  {event['rows']}, {event['tokens']:,} tokens", flush=True)
        if event["event"] == "judged":
            print("  " + "\n  ".join(event["reasons"]), flush=True)
        if event["event"] == "done":
            print(f"  {event['model']} in {event['engine']}", flush=True)
    asked = time.monotonic()
    run(home, "ask", "--model", "code:1", "What does this repository do?")
    print(f"{'first answer':20} {time.monotonic() - asked:7.1f} s")
    print(f"{'in all':20} {time.monotonic() - began:7.1f} s (wanted ≤ 300 on two quiet cores)")
    run(home, "finetune", "delete", "code", "--yes")


def worth(home: Path, seeds: int, *more: str) -> None:
    """Prints likeness to the expected answers by kind, before and after: for each seed, then mean and spread."""
    found: dict[str, list[tuple[float, float]]] = {}
    for seed in range(seeds):
        name = f"rules{seed}"
        words = ("--docs", str(RULES), "--base", "guide:5m", "--name", name, "--seed", str(seed), *more)
        for _at, event in events(home, *words):
            if event["event"] == "judged":
                print(f"seed {seed}: {'worth it' if event['promote'] else 'not worth it'}; {event['reasons']}")
        result = json.loads((home / "own" / name / "1" / "result.json").read_text())
        losses = {when: result["losses"][when]["held"] for when in ("before", "after")}
        for kind, score in sorted({**result["kinds"], "loss": {"count": "", **losses}}.items()):
            found.setdefault(kind, []).append((score["before"], score["after"]))
            print(f"  {kind:12} {score['count']:3}  {score['before']:.2f} → {score['after']:.2f}", flush=True)
        run(home, "finetune", "delete", name, "--yes")
    for kind, both in found.items():
        (low, low_spread), (high, high_spread) = (
            (statistics.mean(s), statistics.pstdev(s)) for s in zip(*both, strict=True)
        )
        print(f"{kind:14} {low:.2f} ± {low_spread:.2f} → {high:.2f} ± {high_spread:.2f} (mean and spread)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0)
    args, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as home:
        worth(Path(home), args.seeds, *more) if args.seeds else steps(Path(home), *more)


if __name__ == "__main__":
    main()
