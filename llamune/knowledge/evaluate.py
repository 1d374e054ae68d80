"""Measures a corpus with questions whose evidence is known: how often it is found, and how well refusing works.

A question counts as answered at k when every quote of its evidence stands in the first k passages; the reciprocal rank
is that of the first quote found. Quotes are looked for without regard to width and blanks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llamune.chat.passage import Passage
from llamune.errors import UsageError
from llamune.i18n import _
from llamune.knowledge.terms import fold

CUTS = (1, 3, 5, 20)
LIMIT = 5  # passages that a model gets


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a test set.

    Args:
        evidence: (document, quote) that the answer stands in; empty = no document has the answer.
        history: questions asked before it.
        answer: what is right, for people and for scoring.
    """

    text: str
    kind: str = ""
    answer: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    history: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """What was counted over questions."""

    asked: int = 0
    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CUTS, 0))
    reciprocal: float = 0.0
    cited: int = 0  # passages among the first LIMIT that hold evidence
    given: int = 0

    def add(self, question: Question, passages: Sequence[Passage]) -> None:
        places = [_place(passages, document, quote) for document, quote in question.evidence]
        self.asked += 1
        for cut in CUTS:
            self.found[cut] += all(place and place <= cut for place in places)
        self.reciprocal += 1 / min((place for place in places if place), default=float("inf"))
        self.given += min(LIMIT, len(passages))
        self.cited += sum(0 < place <= LIMIT for place in places)

    def figures(self) -> dict[str, float]:
        """recall@k, mrr, and the part of the first passages that hold evidence."""
        asked = max(1, self.asked)
        recall = {f"recall@{cut}": round(self.found[cut] / asked, 4) for cut in CUTS}
        precision = round(self.cited / max(1, self.given), 4)
        return {**recall, "mrr": round(self.reciprocal / asked, 4), "citation_precision": precision}


def read(path: Path) -> list[Question]:
    """The questions of a JSON Lines file. Raises UsageError that names the line."""
    found = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else _("it is not UTF-8")
        raise UsageError(_("{path} cannot be read: {reason}").format(path=path, reason=reason)) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(_question(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise UsageError(
                    _("{path}, line {n} is no question.").format(path=path, n=number),
                    'Example: {"question": "…", "evidence": [{"doc": "a.md", "quote": "…"}]}',
                ) from error
    if not found:
        raise UsageError(_("There is no question in {path}.").format(path=path))
    return found


def _question(row: Mapping[str, Any]) -> Question:
    evidence = tuple((str(e["doc"]), str(e["quote"])) for e in row.get("evidence", ()))
    history = tuple(map(str, row.get("history", ())))
    if not isinstance(row["question"], str) or not row["question"].strip():
        raise ValueError("no question")
    return Question(row["question"], str(row.get("kind", "")), str(row.get("answer", "")), evidence, history)


def _place(passages: Sequence[Passage], document: str, quote: str) -> int:
    """The place of the first passage with a quote, 0 = none has it."""
    wanted = _bare(quote)
    for place, passage in enumerate(passages, 1):
        if same(passage.path, document) and wanted in _bare(passage.text):
            return place
    return 0


def same(path: str, document: str) -> bool:
    """Whether a document of a collection is the one that a question names: by its name, or with its folders."""
    return path == document or path.endswith(f"/{document}")


def _bare(text: str) -> str:
    return "".join(fold(text).split())
