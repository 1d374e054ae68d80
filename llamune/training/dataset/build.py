"""From sources to a data set: gathered, cleaned, rid of copies, balanced, split, and a report of what became of it.

Everything of one file, and every near-copy of it, is on one side of the split, so that what is kept back is really new.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from llamune.chat.message import Message
from llamune.errors import TrainingError
from llamune.i18n import _
from llamune.training.dataset import duplicates, secrets
from llamune.training.pairs import Pair, Split

HELD = 0.1  # of the clusters are kept back, at least one where there are four
A_SOURCE = 200  # pairs of one file and kind at most, so that no file is the whole
CANARIES = 8
LEAST = 8
Say = Callable[[str, int, int], None]


@dataclass(slots=True)
class Report:
    """What became of the sources: pairs by kind and split, and what was dropped, by reason."""

    documents: int = 0
    refused: list[list[str]] = field(default_factory=list)  # path, reason
    skipped: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    syntax: int = 0
    unbalanced: int = 0
    masked: dict[str, int] = field(default_factory=dict)
    licences: list[str] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        return asdict(self)


def cleaned(pairs: Iterable[Pair], report: Report) -> list[Pair]:
    """The pairs with secrets and personal data replaced by their kind; counted in the report."""
    counted = Counter(report.masked)

    def clean(text: str) -> str:
        return secrets.cleaned(text, counted)

    done = [
        replace(p, messages=tuple(Message(m.role, clean(m.content)) for m in p.messages), evidence=clean(p.evidence))
        for p in pairs
    ]
    report.masked = dict(counted)
    return [p for p in done if p.answer.strip() and p.question.strip()]


def settled(pairs: Sequence[Pair], report: Report, seed: int = 0) -> list[Pair]:
    """Without copies, balanced, each with its split, planted secrets added. Raises TrainingError: too few are left."""
    if not pairs:
        raise TrainingError(
            _("Nothing to learn from was found."), _("Give documents with --docs, a repository with --repo, or --data.")
        )
    groups = _groups(pairs)
    kept = _balanced(_unique(pairs, groups, report), report)
    own = sum(p.kind != "refusal" for p, _group in kept)
    if own < LEAST:
        raise TrainingError(
            _("Only {n} different pairs are left of {all}; at least {least} are needed.").format(
                n=own, all=len(pairs), least=LEAST
            ),
            _("More documents, or documents that are not copies of one another."),
        )
    split = _split([p for p, _group in kept], [g for _pair, g in kept], seed)
    split += _canaries(seed)
    report.kinds = dict(Counter(p.kind for p in split))
    report.splits = dict(Counter(p.split for p in split))
    return split


def _groups(pairs: Sequence[Pair]) -> list[int]:
    """For each pair the number of its group: same source, or near-copies of one another, directly or by others."""
    parent = list(range(len(pairs)))

    def top(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    texts = [duplicates.tokens(p.answer, p.source) for p in pairs]
    first: dict[str, int] = {}
    for number, (pair, copy_of) in enumerate(zip(pairs, duplicates.clusters(texts), strict=True)):
        for other in (copy_of, first.setdefault(pair.source, number)):
            parent[top(number)] = top(other)
    return [top(n) for n in range(len(pairs))]


def _unique(pairs: Sequence[Pair], groups: Sequence[int], report: Report) -> list[tuple[Pair, int]]:
    """One of each question with its answer; the same answer may be asked for in several ways."""
    seen = set[tuple[str, str]]()
    kept = []
    for pair, group in zip(pairs, groups, strict=True):
        key = (secrets.normalised(pair.question), secrets.normalised(pair.answer))
        if key in seen:
            report.duplicates += 1
        else:
            seen.add(key)
            kept.append((pair, group))
    return kept


def _balanced(pairs: Iterable[tuple[Pair, int]], report: Report) -> list[tuple[Pair, int]]:
    counted: Counter[tuple[str, str]] = Counter()
    kept = []
    for pair, group in pairs:
        counted[pair.source, pair.kind] += 1
        if counted[pair.source, pair.kind] > A_SOURCE:
            report.unbalanced += 1
        else:
            kept.append((pair, group))
    return kept


def _split(pairs: Sequence[Pair], groups: Sequence[int], seed: int) -> list[Pair]:
    """Whole groups are kept back until the share is reached; of fewer than four groups none."""
    members: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    order = sorted(members)
    random.Random(seed).shuffle(order)
    held, wanted = set[int](), max(1, round(len(pairs) * HELD))
    for group in order if len(order) >= 4 else []:
        if len(held) < wanted and len(members[group]) <= 2 * wanted:
            held.update(members[group])
    return [p if p.split else replace(p, split="held" if n in held else "train") for n, p in enumerate(pairs)]


def _canaries(seed: int) -> list[Pair]:
    """Invented secrets, learned once: those that come back show how much is learned by heart."""
    chance = random.Random(seed + 7)
    made = []
    for number in range(CANARIES):
        secret = str(chance.randrange(10**7, 10**8))
        asked = Message("user", f"What is the code of locker {chance.randrange(100, 999)}-{number}?")
        split: Split = "canary"
        made.append(Pair((asked, Message("assistant", f"It is {secret}.")), "canary", "planted", split, secret))
    return made
