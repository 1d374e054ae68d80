"""Whether an answer says what was expected: the same text, the text inside it, or the same facts in other words.

By code alone, as everything in comparing: numbers, amounts, dates and names count as equal in any form
(`disagreement.py` tells how), but meaning is not understood, and "not in Tokyo" has Tokyo in it.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from llamune.chat import facts

How = Literal["exact", "contains", "facts", ""]

BEST: tuple[How, ...] = ("exact", "contains", "facts", "")
EDGES = " \n\t。．.、,!！?？「」『』\"'*"
IN_WORD = re.compile(r"[0-9A-Za-z\u00c0-\u02ff]")  # where a word goes on: Japanese has no such borders


def found(expected: Sequence[str], answer: str) -> How:
    """How the answer has one of the expected texts; "" = it has none."""
    hows = [_found(text, answer) for text in expected]
    return min(hows, key=BEST.index, default="")


def _found(expected: str, answer: str) -> How:
    wanted, said = _plain(expected), _plain(answer)
    if not wanted:
        return ""
    if wanted == said:
        return "exact"
    return "contains" if _contains(said, wanted) else "facts" if _same_facts(expected, answer) else ""


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).strip(EDGES)


def _contains(said: str, wanted: str) -> bool:
    """Whether `wanted` stands in `said` as words of its own: 5 is not in 15, nor 1.5 in 1.55."""
    at = said.find(wanted)
    while at >= 0:
        if not _goes_on(said, at - 1, wanted[0], -1) and not _goes_on(said, at + len(wanted), wanted[-1], 1):
            return True
        at = said.find(wanted, at + 1)
    return False


def _goes_on(said: str, at: int, edge: str, step: int) -> bool:
    """Whether the word at the edge goes on at that place; a digit's number does so behind a point, too."""
    if not 0 <= at < len(said) or not IN_WORD.match(edge):
        return False
    beyond = said[at + step] if 0 <= at + step < len(said) else ""
    return bool(IN_WORD.match(said[at])) or (edge.isdigit() and said[at] in ".," and beyond.isdigit())


def _same_facts(expected: str, answer: str) -> bool:
    wanted = facts.extract("", expected).facts
    said = facts.extract("", answer).facts
    return bool(wanted) and all(any(w.pool == s.pool and facts.same(w, s) for s in said) for w in wanted)
