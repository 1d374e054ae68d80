"""How many secrets and personal data the scanner of data sets finds, and how often it cries wolf.

Reads leaks.jsonl: lines with something to find (its kind, and what must not be left) and innocent look-alikes, Japanese
and English. Found is what no longer stands in the cleaned line, whatever it was called; a false alarm is an innocent
line in which something was found. `--misses` prints those. "¦" is taken out of the lines when they are read: with it,
other scanners leave the file alone. (Not called secrets.py: that would hide the standard library's module.)
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # runs from a checkout as well as installed

from llamune.training.dataset import secrets

LINES = Path(__file__).with_suffix(".jsonl")
ROUNDS = range(1, 8)  # each was written before the scanner first saw it; then the rules were mended
HOSTILE = (
    "a.",
    "a-",
    "12-",
    "password ",
    "a@b.",
    "http://a:",
    "パスワード",
    "住所 ",
    "login a password ",
    "eyJ",
    " ",
    "https://hooks/",
    "市1-",
)
REPEATS = 20  # of the whole set, for the speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="print what went wrong")
    misses = parser.parse_args().misses
    rows = [json.loads(line.replace("¦", "")) for line in LINES.read_text(encoding="utf-8").splitlines()]
    for number in ROUNDS:
        print(f"== round {number}")
        measure([r for r in rows if r.get("round", 1) == number], misses)
    text = [r["line"] for r in rows] * REPEATS
    began = time.process_time()
    for line in text:
        secrets.cleaned(line, Counter())
    print(f"{len(text) / (time.process_time() - began):,.0f} lines/s")
    print(f"slowest line of {secrets.LONGEST:,} hostile characters: {max(map(seconds, HOSTILE)):.2f} s")


def seconds(piece: str) -> float:
    """Processor time for the longest line that is looked at, made of one piece again and again."""
    began = time.process_time()
    secrets.cleaned(piece * secrets.LONGEST, Counter())
    return time.process_time() - began


def measure(rows: list[dict[str, str]], misses: bool) -> None:
    """Prints recall by kind and the share of innocent lines with a finding."""
    guilty, innocent = [r for r in rows if "kind" in r], [r for r in rows if "kind" not in r]
    lost = [r for r in guilty if secrets.normalised(r["secret"]) in secrets.cleaned(r["line"], Counter())]
    alarms = [r["line"] for r in innocent if secrets.cleaned(r["line"], Counter()) != r["line"]]
    wanted, missed = (Counter(r["kind"] for r in some) for some in (guilty, lost))
    for kind, count in wanted.items():
        print(f"{kind:24} {count - missed[kind]:3} of {count}")
    print(f"recall {1 - len(lost) / len(guilty):.3f} of {len(guilty)}")
    print(f"false alarms {len(alarms) / len(innocent):.1%} of {len(innocent)}")
    if misses:
        print(*(f"missed: {r['line']}" for r in lost), *(f"alarm: {a}" for a in alarms), sep="\n")


if __name__ == "__main__":
    main()
