"""What the user named as sources, as documents and pairs: folders, repositories, data files, own conversations."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Any

from llamune.chat.message import Message
from llamune.chat.ports import Store
from llamune.network import sealed
from llamune.sources import folder
from llamune.sources.document import Document, Refused, Skipped
from llamune.sources.part import Unreadable
from llamune.sources.plain import decode
from llamune.training import pairs as files
from llamune.training.dataset import code, commits, prose, secrets, syntax
from llamune.training.dataset.build import Report
from llamune.training.dataset.general import questions
from llamune.training.pairs import Pair

PAGE = 200  # sessions read at once
Say = Callable[[str, int, int], None]  # what, done, in all


@dataclass(frozen=True, slots=True)
class Sources:
    """What is to be learned from.

    Args:
        docs: folders and files; repos: repositories, as folders or addresses; ref: their branch or tag.
        include, exclude: patterns of paths in `docs` and `repos`; nothing included = everything.
        data: JSONL files of pairs; conversations: the own history's adopted and well rated answers.
        corpora: collections of documents, by name; whoever calls `gathered` adds their folders to `docs`.
    """

    docs: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    ref: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    conversations: bool = False
    corpora: tuple[str, ...] = ()

    def json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> "Sources":
        read: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**read)

    def takes(self, path: str) -> bool:
        """Whether the patterns let a path in."""
        wanted = not self.include or any(fnmatch(path, p) for p in self.include)
        return wanted and not any(fnmatch(path, p) for p in self.exclude)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The readable documents that are prose, and the pairs that came of everything but them."""

    documents: list[Document]
    pairs: list[Pair]


def gathered(
    sources: Sources, store: Store | None, check: Callable[[str, int], object], report: Report, say: Say
) -> Gathered:
    """Reads everything; blocks, so to be called in a thread. Raises TrainingError, NetworkPolicyError, UsageError."""
    found = Gathered([], [])
    with tempfile.TemporaryDirectory(prefix="llamune-") as aside:
        places = [Path(d).expanduser() for d in sources.docs]
        for number, place in enumerate(sources.repos):
            tree = commits.brought(place, Path(aside, str(number)), sources.ref, check)
            report.licences += [said for said in [code.licence(tree)] if said]
            found.pairs.extend(commits.pairs(tree))
            places.append(tree)
        _read(places, sources, found, report, say)
    found.pairs.extend(chain.from_iterable(files.read(Path(p).expanduser()) for p in sources.data))
    if sources.conversations and store is not None:
        found.pairs.extend(conversations(store))
    return found


def by_rule(documents: Sequence[Document]) -> Iterator[Pair]:
    """The pairs that need no model: a question for each section, and refusals in the documents' languages."""
    yield from prose.pairs(documents)
    if documents:
        spoken = {prose.language(s.text) for d in documents for s in d.sections}
        yield from prose.refusals(documents, (q for q in questions("unanswered") if prose.language(q) in spoken))


def conversations(store: Store) -> Iterator[Pair]:
    """Answers that the user chose or rated well, with what was said before them; answers rated badly never."""
    at = 0
    while sessions := store.sessions(limit=PAGE, offset=at):
        at += PAGE
        for session in sessions:
            before: list[Message] = [Message("system", session.system)] if session.system else []
            for turn in store.turns(session.id):
                answer = turn.adopted
                if answer is None or answer.status != "complete" or not answer.text.strip():
                    continue
                asked = Message("user", turn.question)
                rated = {r.answer_id: r for r in store.ratings(turn.id)}.get(answer.id)
                good = rated and (rated.vote == "good" or (rated.vote != "bad" and rated.chosen_at))
                if good:
                    said = (*before, asked, Message("assistant", answer.text))
                    yield Pair(said, "conversation", f"session {session.id}")
                before += [asked, Message("assistant", answer.text)]


def _read(places: Sequence[Path], sources: Sources, found: Gathered, report: Report, say: Say) -> None:
    total = folder.total(places)
    for done, read in enumerate(folder.read(places, sealed=lambda argv: sealed.child(argv).argv), 1):
        say("reading", min(done, total), total)
        if isinstance(read, Refused):
            report.refused.append([read.path, read.reason])
        elif isinstance(read, Skipped) or not isinstance(read, Document) or not sources.takes(read.path):
            report.skipped += 1
        elif Path(read.file).suffix.lower() in syntax.GRAMMARS:
            report.documents += 1
            found.pairs.extend(_code(read, report))
        else:
            report.documents += 1
            found.documents.append(read)


def _code(read: Document, report: Report) -> Iterator[Pair]:
    try:
        text = decode(Path(read.file).read_bytes())
    except (OSError, Unreadable):
        return
    counted = Counter(report.masked)
    text = secrets.cleaned(text, counted)  # before it is cut into pairs, which could cut a secret
    report.masked = dict(counted)
    tree = syntax.parsed(text, read.path)
    if tree is not None and not syntax.whole(tree):
        report.syntax += 1
    yield from code.pairs(text, read.path)
