"""From a repository of 200 files to an own model that chats: seconds of each step; and whether it was worth it.

Takes 200 files of the running Python's own library as the repository, guide:5m as the base, and the program as a user
calls it, with its defaults. `--seeds N` makes a model of N seeds from documents instead (benchmarks/rag-ja) and prints
what the held-out questions of each kind say before and after. Needs the extra finetune; sealed, nothing is fetched.
"""

import argparse
import json
import os
import shutil
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


def events(home: Path, *words: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """What `llamune finetune` reports, each with the seconds since it began."""
    environment = {**os.environ, "LLAMUNE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "llamune", "finetune", "--json", "--to", "embedded", *words]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
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
    name, before, last = "read, clean, split", 0.0, 0.0
    for at, event in events(home, "--repo", str(repository), "--base", "guide:5m", "--name", "code", *more):
        last = at
        if event["event"] in ("stage", "done"):
            print(f"{name:20} {at - before:7.1f} s", flush=True)
            name, before = event.get("stage", ""), at
        if event["event"] == "rows":
            print(f"  {event['rows']}, {event['tokens']:,} tokens", flush=True)
        if event["event"] == "judged":
            print("  " + "\n  ".join(event["reasons"]), flush=True)
    print(f"{'in all':20} {last:7.1f} s (wanted ≤ 300 on two quiet cores)")


def worth(home: Path, seeds: int, *more: str) -> None:
    """Prints likeness to the expected answers by kind, before and after, for each seed."""
    for seed in range(seeds):
        words = ("--docs", str(RULES), "--base", "guide:5m", "--name", f"rules{seed}", "--seed", str(seed), *more)
        for _at, event in events(home, *words):
            if event["event"] == "judged":
                print(
                    f"seed {seed}: {'worth it' if event['promote'] else 'not worth it'}; {'; '.join(event['reasons'])}"
                )
        result = json.loads((home / "own" / f"rules{seed}" / "1" / "result.json").read_text())
        for kind, score in sorted(result["kinds"].items()):
            print(f"  {kind:12} {score['count']:3}  {score['before']:.2f} → {score['after']:.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0)
    args, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as home:
        worth(Path(home), args.seeds, *more) if args.seeds else steps(Path(home), *more)


if __name__ == "__main__":
    main()
