"""What was put in front of an answer beside the conversation: extra prompts and passages. Values, and their port.

Kept with each answer, so that it can be explained later. How it is put into words for a model is grounding.py's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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
