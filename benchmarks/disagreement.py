"""How well the disagreement report finds planted differences, and how often it cries wolf.

Reads disagreement/cases.toml and prints, for the cases tuned on and for those held out: precision, recall and F1 over
the expected differences, and the share of cases without any in which something is reported. `--misses` names what
went wrong among the tuned cases; `--held` among the held-out ones as well, which ends their being held out. Then the
time for six answers of 50,000 characters. Asks no model.
"""

import argparse
import sys
import time
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # runs from a checkout as well as installed

from llamune.chat.disagreement import Difference, Report, compare

CASES = Path(__file__).parent / "disagreement" / "cases.toml"
LETTERS = "ABCDEF"


@dataclass
class Score:
    """Counts over cases. `alarms` are reports in the `quiet` cases, those without any difference."""

    found: int = 0
    extra: int = 0
    lost: int = 0
    quiet: int = 0
    alarms: int = 0
    cases: int = 0

    def line(self) -> str:
        """The figures as one line."""
        precision = self.found / max(1, self.found + self.extra)
        recall = self.found / max(1, self.found + self.lost)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        return (
            f"{self.cases} cases: precision {precision:.2f} recall {recall:.2f} F1 {f1:.2f} "
            f"({self.found} found, {self.lost} lost, {self.extra} too many); "
            f"false alarms in {self.alarms} of {self.quiet} without any ({self.alarms / max(1, self.quiet):.0%})"
        )


def plain(text: str) -> str:
    """For comparing what was written: NFKC without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def meets(expected: Mapping[str, Any], got: Difference) -> bool:
    """Whether a reported difference is the expected one."""
    if expected["kind"] == "missing":
        said = "".join((*got.values.values(), *got.sentences.values()))
        return (
            got.kind == "missing"
            and got.missing_in == tuple(expected["not_in"])
            and plain(expected["text"]) in plain(said)
        )
    texts = {letter: value for letter, value in expected.items() if letter in LETTERS}
    return got.kind in expected["kind"].split("|") and all(
        letter in got.values and plain(value) in plain(got.values[letter]) for letter, value in texts.items()
    )


def judge(expected: Sequence[Mapping[str, Any]], report: Report) -> tuple[list[Difference], list[Mapping[str, Any]]]:
    """(reported but not expected, expected but not reported)."""
    left, lost = list(report.differences), []
    for one in expected:
        hit = next((d for d in left if meets(one, d)), None)
        if hit is None:
            lost.append(one)
        else:
            left.remove(hit)
    return left, lost


def run(cases: Sequence[Mapping[str, Any]], names_misses: bool) -> Score:
    """Compares every case and counts."""
    score = Score()
    for case in cases:
        expected = case.get("expect", [])
        report = compare([(letter, case[letter].strip()) for letter in LETTERS if letter in case])
        extra, lost = judge(expected, report)
        score.cases += 1
        score.found += len(expected) - len(lost)
        score.lost += len(lost)
        score.extra += len(extra)
        score.quiet += not expected
        score.alarms += bool(extra) and not expected
        for miss in (*extra, *lost) if names_misses else ():
            print(f"  {case['id']}: {miss}")
    return score


def long_answers(cases: Sequence[Mapping[str, Any]], characters: int = 50_000) -> list[tuple[str, str]]:
    """Six answers of that length, made of all the cases in six orders, with a number of their own in each line."""
    texts = [case[letter] for case in cases for letter in "AB"]
    answers = []
    for n, letter in enumerate(LETTERS):
        lines: list[str] = []
        while sum(map(len, lines)) < characters:
            k = len(lines)
            lines.append(
                f"{texts[(k * (n + 3) + n) % len(texts)].strip()}\n品番は{k + n}で、価格は{k * 7 + n}円です。\n\n"
            )
        answers.append((letter, "".join(lines)[:characters]))
    return answers


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="name what went wrong among the tuned cases")
    parser.add_argument("--held", action="store_true", help="and among those held out")
    options = parser.parse_args()
    cases = tomllib.loads(CASES.read_text(encoding="utf-8"))["case"]
    tuned, held = [c for c in cases if not c.get("held")], [c for c in cases if c.get("held")]
    print("tuned on ", run(tuned, options.misses or options.held).line())
    print("held out ", run(held, options.held).line())
    answers = long_answers(cases)
    times = []
    for pair in combinations(answers, 2):
        start = time.process_time()
        compare(pair)
        times.append(time.process_time() - start)
    start = time.process_time()
    compare(answers)
    six = time.process_time() - start
    print(f"two answers of 50,000 characters: {max(times):.2f} s of processor at most; six: {six:.2f} s")


if __name__ == "__main__":
    main()
