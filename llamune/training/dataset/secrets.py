"""Finds what must not be learned: keys, tokens, passwords, private keys, and personal data, Japanese and English.

By rules over single lines, after NFKC, so that full-width digits are found too. Numbers with a check digit are checked.
It calls nobody to find out whether a key is valid. What is written for examples (example.com, `your_password`) is no
secret.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llamune.training.dataset.rules import ALONE, ASKED_FOR, RULES

LONGEST = 20_000  # characters of a line that are looked at; beyond it a file is no text that people wrote
_KEY = re.compile(  # to its end, or as far as lines look like it: a document may have been cut
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:.{0,20000}?-----END [A-Z0-9 ]+-----|(?:\n\W{0,8}[A-Za-z0-9+/=]{16,}\W{0,8}$)*)"
    r"|^Private-Lines: \d+(?:\n[A-Za-z0-9+/=]+$)*",
    re.DOTALL | re.MULTILINE,
)
SHOWN = 3  # characters of a finding that are shown


@dataclass(frozen=True, slots=True)
class Found:
    """One finding in a line: what it is, where (in the normalised line), and what may be shown of it."""

    kind: str
    start: int
    end: int
    masked: str


def line_findings(line: str, before: str = "") -> Iterator[Found]:
    """What is found in one line, in order; where two rules find the same place, the earlier rule's finding.

    Args:
        before: the last line with text above it. When it speaks of a password, the password may stand alone below.
    """
    text = normalised(line)
    taken: list[Found] = []
    for rule in (*RULES, ALONE) if ASKED_FOR.search(normalised(before)) else RULES:
        for match in rule.pattern.finditer(text):
            group = next((g for g in ("v", "w") if g in match.groupdict() and match[g]), 0)
            start, end = match.span(group)
            free = all(end <= other.start or start >= other.end for other in taken)
            if free and rule.valid(match[group]):
                taken.append(Found(rule.kind, start, end, masked(match[group])))
    return iter(sorted(taken, key=lambda f: f.start))


def normalised(line: str) -> str:
    """The line as the rules see it: NFKC, every kind of dash between digits plain. As long as what it came from."""
    text = unicodedata.normalize("NFKC", line[:LONGEST])
    return re.sub(r"(?<=\d)\s?[‐‑‒–—―−ー]\s?(?=\d)", "-", text)


def _without(line: str, findings: Sequence[Found]) -> str:
    text = normalised(line)
    for found in reversed(findings):
        text = f"{text[: found.start]}[{found.kind}]{text[found.end :]}"
    return text


def cleaned(text: str, counted: Counter[str]) -> str:
    """The text with each finding replaced by its kind, whole private keys too; `counted` gets what was found."""
    bare, keys = _KEY.subn("[private key]", text)
    counted.update({"private key": keys} if keys else {})
    lines, before = bare.split("\n"), ""
    for number, line in enumerate(lines):
        if found := list(line_findings(line, before)):
            counted.update(f.kind for f in found)
            lines[number] = _without(line, found)
        before = line if line.strip() else before
    return "\n".join(lines)


def masked(secret: str) -> str:
    """What may be shown of a secret: its beginning and its length."""
    bare = secret.strip("\"'「『")
    shown = bare[: min(SHOWN, len(bare) // 4)]
    return shown + "•" * min(12, len(bare) - len(shown))
