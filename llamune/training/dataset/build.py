"""From sources to a data set: gathered, cleaned, rid of copies, balanced, split, and a report of what became of it.

Everything of one file, and every near-copy of it, is on one side of the split, so that what is kept back is really new.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from llamune.chat.message import Message
from llamune.errors import TrainingError
from llamune.i18n import _
from llamune.training.dataset import duplicates, secrets
from llamune.training.pairs import Pair, Split

HELD = 0.1  # of the clusters are kept back, at least one where there are four
A_SOURCE = 200  # pairs of one file and kind at most, so that no file is the whole
OF_CODE = 500  # pairs made from code by rule at most: a repository of 200 files is learned in five minutes by 5 M
BY_RULE = ("completion ", "code to doc", "doc to code")
CANARIES = 8
LEAST = 8
PHRASE = 50  # tokens; shorter answers are no copies of one another
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


def prepared(pairs: Iterable[Pair], report: Report) -> list[Pair]:
    """The data set made of the pairs: bounded first, because cleaning takes longest. Raises as `settled`."""
    return settled(cleaned(bounded(pairs, report), report), report)


def bounded(pairs: Iterable[Pair], report: Report, seed: int = 0) -> list[Pair]:
    """Without repetitions, not too many of one file, and a sample of what code gives by rule. Twice changes nothing."""
    kept = _balanced(_unique(pairs, report), report)
    made = [n for n, p in enumerate(kept) if p.kind.startswith(BY_RULE)]
    left = set(random.Random(seed).sample(made, max(0, len(made) - OF_CODE)))
    report.unbalanced += len(left)
    return [p for n, p in enumerate(kept) if n not in left]


def settled(pairs: Sequence[Pair], report: Report, seed: int = 0) -> list[Pair]:
    """Without copies, balanced, each with its split, planted secrets added. Raises TrainingError: too few are left."""
    if not pairs:
        raise TrainingError(
            _("Nothing to learn from was found."), _("Give documents with --docs, a repository with --repo, or --data.")
        )
    kept = bounded(pairs, report, seed)
    own = sum(p.kind != "refusal" for p in kept)
    if own < LEAST:
        raise TrainingError(
            _("Only {n} different pairs are left of {all}; at least {least} are needed.").format(
                n=own, all=len(pairs), least=LEAST
            ),
            _("More documents, or documents that are not copies of one another."),
        )
    copies = _copies(kept)
    split = _without_copies(_split(kept, _groups(kept, copies), seed), copies, report) + _canaries(seed)
    report.kinds = dict(Counter(p.kind for p in split))
    report.splits = dict(Counter(p.split for p in split))
    return split


def _unique(pairs: Iterable[Pair], report: Report) -> Iterator[Pair]:
    """One of each question with its answer; the same answer may be asked for in several ways."""
    seen = set[tuple[str, str]]()
    for pair in pairs:
        key = (secrets.normalised(pair.question), secrets.normalised(pair.answer))
        report.duplicates += key in seen
        if key not in seen:
            seen.add(key)
            yield pair


def _balanced(pairs: Iterable[Pair], report: Report) -> list[Pair]:
    counted: Counter[tuple[str, str]] = Counter()
    kept = []
    for pair in pairs:
        counted[pair.source, pair.kind] += 1
        if counted[pair.source, pair.kind] > A_SOURCE:
            report.unbalanced += 1
        else:
            kept.append(pair)
    return kept


def _copies(pairs: Sequence[Pair]) -> list[int]:
    """For each pair the number of the first whose answer is nearly the same. Short answers are nobody's copies: what
    many say (a refusal, the arguments of a call) would make one of everything."""
    texts = [duplicates.tokens(p.answer, p.source) for p in pairs]
    long = [n for n, text in enumerate(texts) if len(text) >= PHRASE]
    found = list(range(len(pairs)))
    for number, first in zip(long, duplicates.clusters([texts[n] for n in long]), strict=True):
        found[number] = long[first]
    return found


def _groups(pairs: Sequence[Pair], copies: Sequence[int]) -> list[str]:
    """For each pair the group of its source: sources of which half or more stands in another one are together."""
    sources = dict[int, dict[str, int]]()
    for pair, copy_of in zip(pairs, copies, strict=True):
        sources.setdefault(copy_of, Counter())[pair.source] += 1
    shared, all_of = Counter[tuple[str, str]](), Counter(p.source for p in pairs)
    for members in sources.values():
        first, *others = members
        for other in others:
            shared[other, first] += members[other]
            shared[first, other] += members[first]
    parent = {source: source for source in all_of}

    def top(source: str) -> str:
        while parent[source] != source:
            parent[source] = source = parent[parent[source]]
        return source

    for (source, other), count in shared.items():
        if count * 2 >= all_of[source]:
            parent[top(source)] = top(other)
    return [top(p.source) for p in pairs]


def _split(pairs: Sequence[Pair], groups: Sequence[str], seed: int) -> list[Pair]:
    """Whole groups are kept back until the share is reached; of fewer than four groups none."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    order = sorted(members)
    random.Random(seed).shuffle(order)
    held, wanted = set[int](), max(1, round(len(pairs) * HELD))
    for group in order if len(order) >= 4 else []:
        if len(held) < wanted and len(members[group]) <= 2 * wanted:
            held.update(members[group])
    return [p if p.split else replace(p, split="held" if n in held else "train") for n, p in enumerate(pairs)]


def _without_copies(pairs: Sequence[Pair], copies: Sequence[int], report: Report) -> list[Pair]:
    """Without what is kept back and stands in the other part as well, in a source that is no copy as a whole."""
    learned = {n for p, n in zip(pairs, copies, strict=True) if p.split == "train"}
    kept = [p for p, n in zip(pairs, copies, strict=True) if p.split != "held" or n not in learned]
    report.duplicates += len(pairs) - len(kept)
    return kept


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
