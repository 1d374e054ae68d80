"""Headings of Japanese rules in plain lines: 第3章 総則, 第十二条（日当）, 附則, 別表第1.

Knows lines, not documents; a reference at the beginning of a wrapped line (第4条の規定により…) is not a heading.
"""

import re
from typing import NamedTuple

LEVELS = {"編": 1, "章": 2, "節": 3, "款": 4, "条": 5}
NUMBER = r"[0-9０-９〇一二三四五六七八九十百千]+"
_CLAUSE = re.compile(rf"[ \t\u3000]*(第[ \u3000]?{NUMBER}[ \u3000]?([編章節款条])(?:の{NUMBER})*)(.*)", re.DOTALL)
_CAPTION = re.compile(r"[ \t\u3000]*([（(【\[][^）)】\]]{1,40}[）)】\]])")
_ANNEX = re.compile(
    r"[ \t\u3000]*([附付][ \u3000]*則|別[表紙][ \u3000]*(?:第?[0-9０-９一二三四五六七八九十]+)?)(.{0,40})"
)
_BLANK = " \t\u3000:：.．"
_SENTENCE = re.compile(r"[。、，]")


class Clause(NamedTuple):
    """A heading found in a line.

    Args:
        level: 1 (編) to 5 (条); 附則 and 別表 count as 章.
        heading: as written, with its caption.
        rest: of the line, where the clause's text begins at once.
    """

    level: int
    heading: str
    rest: str


def clause(line: str) -> Clause | None:
    """The heading that a line begins with."""
    if match := _CLAUSE.match(line):
        return _numbered(match[1], LEVELS[match[2]], match[3])
    match = _ANNEX.match(line)
    if match is None or not (match[2] == "" or match[2][0] in _BLANK + "（("):
        return None
    if len(match[2]) <= 40 and not _SENTENCE.search(match[2]):
        return Clause(2, line.strip(), "")
    return Clause(2, match[1], match[2].strip(_BLANK)) if match[1].endswith("則") else None


def caption(line: str) -> str:
    """The line itself where it is nothing but （…）, which in statutes stands above the clause that it names."""
    match = _CAPTION.fullmatch(line.rstrip())
    return match[1] if match else ""


def _numbered(number: str, level: int, after: str) -> Clause | None:
    if match := _CAPTION.match(after):
        return Clause(level, number + match[1], after[match.end() :].strip(_BLANK))
    rest = after.strip(_BLANK)
    if not rest:
        return Clause(level, number, "")
    if after[0] not in _BLANK or re.match(rf"第{NUMBER}", rest):
        return None
    if len(rest) <= 25 and not _SENTENCE.search(rest):
        return Clause(level, f"{number} {rest}", "")
    return Clause(level, number, rest) if level == LEVELS["条"] else None
