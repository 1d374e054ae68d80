"""What was put in front of an answer beside the conversation: extra prompts and passages. Values, and their port.

Kept with each answer, so that it can be explained later. How it is put into words for a model is grounding.py's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from llamune.chat.passage import Found, Passage


@dataclass(frozen=True, slots=True)
class ExtraPrompt:
    """A text that is put behind the system prompt.

    Args:
        number: as the user names it; 0 = it stands in the file of a mode.
        version: counts the changes of the text, from 1.
        session_id: it holds in this session only; 0 = everywhere, or in every session of `mode`.
        active: whether it is sent; `removed` ones are not listed either.
    """

    number: int
    version: int
    text: str
    session_id: int = 0
    mode: str = ""
    active: bool = True
    removed: bool = False
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one answer saw.

    Args:
        system: the system prompt of that moment.
        found: what the search gave; None = nothing was searched.
        passages: those that were sent, in the order of their numbers; shortened where there was little room.
        corpora: that were searched.
    """

    system: str = ""
    prompts: tuple[ExtraPrompt, ...] = ()
    corpora: tuple[str, ...] = ()
    found: Found | None = None
    passages: tuple[Passage, ...] = ()

    @property
    def unfound(self) -> bool:
        """Whether the documents were searched and hold nothing on the question."""
        return self.found is not None and self.found.strength == "none"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of an answer's citations.

    Args:
        cited: numbers of passages, in the order of their first mention.
        nowhere: numbers that no passage has.
        unsupported: figures, as written, that stand neither in a passage nor in the question.
    """

    cited: tuple[int, ...] = ()
    nowhere: tuple[int, ...] = ()
    unsupported: tuple[str, ...] = ()


# in files


def as_json(seen: Seen) -> dict[str, Any]:
    """The JSON-able form; passages that were sent as they were found are not written twice."""
    found = seen.found
    places = _places(found.passages) if found else {}
    sent = [_place(p, places) for p in seen.passages]
    prompts = [{"number": p.number, "version": p.version, "text": p.text, "mode": p.mode} for p in seen.prompts]
    whole = {"system": seen.system, "prompts": prompts, "corpora": seen.corpora, "sent": sent}
    return whole | ({"found": _found(found)} if found else {})


def of_json(data: Mapping[str, Any]) -> Seen:
    """What `as_json` wrote. Raises KeyError, TypeError, ValueError for anything else."""
    found = _found_of(data["found"]) if data.get("found") else None
    passages = [_passage(p) if isinstance(p, dict) else (found.passages[p] if found else None) for p in data["sent"]]
    prompts = tuple(ExtraPrompt(**p) for p in data["prompts"])
    return Seen(data["system"], prompts, tuple(data["corpora"]), found, tuple(p for p in passages if p))


def checked_of(data: Mapping[str, Any]) -> Checked:
    """From a JSON object with the same names. Raises KeyError, TypeError."""
    return Checked(*(tuple(data[name]) for name in ("cited", "nowhere", "unsupported")))


def _places(passages: tuple[Passage, ...]) -> dict[tuple[str, str], tuple[int, Passage]]:
    return {(p.corpus, p.chunk): (n, p) for n, p in enumerate(passages)}


def _place(passage: Passage, among: Mapping[tuple[str, str], tuple[int, Passage]]) -> int | dict[str, Any]:
    """The place of a passage among those, or all of it where it is none of them."""
    place, same = among.get((passage.corpus, passage.chunk), (0, None))
    return place if same == passage else asdict(passage)


def _found(found: Found) -> dict[str, Any]:
    """Hits that are passages are named by their place."""
    places = _places(found.passages)
    hits = [_place(hit, places) for hit in found.hits]
    return asdict(replace(found, hits=())) | {"hits": hits}


def _found_of(data: dict[str, Any]) -> Found:
    passages = tuple(map(_passage, data["passages"]))
    hits = tuple(_passage(h) if isinstance(h, dict) else passages[h] for h in data["hits"])
    low, high = data["thresholds"]
    return Found(data["question"], passages, data["strength"], (low, high), hits, tuple(data["notes"]))


def _passage(data: dict[str, Any]) -> Passage:
    return Passage(**{**data, "matched": tuple(data["matched"])})


class Prompts(Protocol):
    """The extra prompts that are remembered, with every version of their texts."""

    def held(self, session_id: int, mode: str) -> list[ExtraPrompt]:
        """Those of everywhere, of that mode, and of that session, in this order; also what is switched off."""
        ...

    def get(self, number: int) -> ExtraPrompt:
        """Raises NotFound."""
        ...

    def add(self, text: str, *, session_id: int = 0, mode: str = "") -> ExtraPrompt: ...
    def change(
        self, number: int, *, text: str | None = None, active: bool | None = None, removed: bool | None = None
    ) -> ExtraPrompt:
        """Another text is a new version; switching and removing are none. Raises NotFound."""
        ...

    def versions(self, number: int) -> Sequence[ExtraPrompt]:
        """Every version of a prompt, newest first. Raises NotFound."""
        ...
