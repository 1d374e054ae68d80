"""Whether what an answer cites is there: numbers of passages, and figures that must stand in them.

Found by code, not by a model: it sees numbers, amounts, dates and periods, not meaning. A figure counts as supported
where a passage or the question has the same value, or one that can be read as the same (20日 as a day or a period).
"""

import re
from collections.abc import Iterable

from llamune.chat import facts
from llamune.chat.facts import Fact
from llamune.chat.seen import Checked, Seen

MARK = re.compile(  # [1] · [1, 2] · 【1】 · ［１］; no link
    r"[\[［【]\s*(\d{1,3}(?:\s*[,、，]\s*\d{1,3})*)\s*[\]］】](?![(:])"
)
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
CHECKED = ("amount", "date", "duration", "percentage", "unit", "number")
READ = 20_000  # characters of an answer that are checked: 0.2 s


def check(text: str, seen: Seen) -> Checked:
    """Holds an answer against the passages that it saw; takes too long for the loop where there are many figures."""
    prose = CODE.sub(" ", text[:READ])
    numbers = list(dict.fromkeys(int(n) for m in MARK.finditer(prose) for n in re.findall(r"\d+", m[1])))
    there = tuple(n for n in numbers if 1 <= n <= len(seen.passages))
    figures = _figures(MARK.sub(" ", prose))
    asked = seen.found.question if seen.found else ""
    texts = [asked, *(part for p in seen.passages for part in (p.section, p.text, p.date))]
    known = _figures("\n".join(texts)) if figures else []
    missing = tuple(f.written for f in figures if not _supported(f, known))
    return Checked(there, tuple(n for n in numbers if n not in there), missing)


def _figures(text: str) -> list[Fact]:
    """The figures of a text, each value once."""
    found = (f for f in facts.extract("", text).facts if f.kind in CHECKED and not f.weak)
    return list({(f.pool, f.value, f.counter, f.bound): f for f in found}.values())


def _supported(figure: Fact, known: Iterable[Fact]) -> bool:
    bare = facts.bare(figure)
    return any(
        (figure.pool == other.pool and facts.same(figure, other)) or (bare is not None and bare == facts.bare(other))
        for other in known
    )
