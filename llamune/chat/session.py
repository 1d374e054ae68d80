"""A conversation as values: sessions hold turns, a turn holds one question and its answers.

Values only: they are made by the store and by `conversation.py`, and never change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from llamune.chat.preset import SamplingOptions

if TYPE_CHECKING:  # a chat without knowledge never loads it
    from llamune.chat.lineup import Level
    from llamune.chat.seen import Checked, Seen

AnswerStatus = Literal["waiting", "streaming", "complete", "cancelled", "failed"]
# Why an answer ended. prompt_cut: an old server cut the prompt; program_gone: our own process ended before it did;
# not_found: nobody was asked, because the documents hold nothing on the question.
Reason = Literal["", "stop", "length", "prompt_cut", "program_gone", "not_found"]
TitledBy = Literal["auto", "model", "user"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost. Times in milliseconds, by our clock where the server has none; None = not known."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_ms: float | None = None
    load_ms: float | None = None
    prompt_ms: float | None = None
    generate_ms: float | None = None
    total_ms: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Generation speed: completion tokens over generation time, loading and prompt left out."""
        if not self.completion_tokens or not self.generate_ms:
            return None
        return self.completion_tokens / self.generate_ms * 1000


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text file put into one question."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One candidate's reply to a turn. `letter` is A, B … in the order asked and never changes.

    `knowledge` is the level it was asked for, "" = as the session had it; `seen` what was put in front of it, None =
    nothing; `checked` what became of its citations; `checksum` that of the prompt as it was sent, 0 = not known.
    """

    id: int
    turn_id: int
    letter: str
    model: str
    preset: str
    options: SamplingOptions
    status: AnswerStatus
    text: str = ""
    thinking: str = ""
    digest: str = ""
    engine: str = ""
    reason: Reason = ""
    error: str = ""
    hint: str = ""
    usage: Usage = Usage()
    adopted: bool = False
    discarded: bool = False
    created_at: datetime | None = None
    knowledge: "Level" = ""
    seen: "Seen | None" = None
    checksum: int = 0
    checked: "Checked | None" = None

    @property
    def how(self) -> str:
        """How the model was asked: preset, and level of knowledge where one was named."""
        return f"{self.preset}/{self.knowledge}" if self.knowledge else self.preset

    @property
    def running(self) -> bool:
        return self.status in ("waiting", "streaming")


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answers, one of them adopted at most; `number` counts the live turns from 1."""

    id: int
    session_id: int
    number: int
    question: str
    attachments: tuple[Attachment, ...] = ()
    answers: tuple[Answer, ...] = ()
    created_at: datetime | None = None

    @property
    def adopted(self) -> Answer | None:
        return next((a for a in self.answers if a.adopted), None)


@dataclass(frozen=True, slots=True)
class ChatSession:
    """A titled sequence of turns with a current model and preset.

    `overrides` are options set by hand with /params; they lie over the preset. `summary` stands for all turns up to and
    including number `summarised` when the model is asked (/compact); 0 = none. `corpora` are the collections of
    documents that are searched for each question. `mode` is the domain mode in force, "" = none; `before_mode` is what
    it took the place of.
    """

    id: int
    title: str
    titled_by: TitledBy
    model: str
    preset: str
    system: str = ""
    overrides: SamplingOptions = SamplingOptions()
    summary: str = ""
    summarised: int = 0
    turn_count: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    corpora: tuple[str, ...] = ()
    mode: str = ""
    before_mode: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a soft delete or rewind took away, and so what /undo brings back."""

    kind: Literal["delete", "rewind", "discard"]
    session: ChatSession
    turns: int
    answers: int
    rejected: int = 0  # of the answers, those not adopted


@dataclass(frozen=True, slots=True)
class Undone:
    """What /undo brought back. `copy` is set when rewound turns came back as a session of their own."""

    kind: Literal["delete", "rewind", "adopt", "discard", "compact"]
    session: ChatSession
    turns: int = 0
    copy: ChatSession | None = None


@dataclass(frozen=True, slots=True)
class Purged:
    """What was erased for ever."""

    sessions: int
    turns: int
    answers: int
    backups: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result. `excerpt` is a piece of the text around the first match; `marks` are (start, end) in it."""

    session: ChatSession
    turn_number: int
    where: Literal["question", "answer"]
    letter: str
    excerpt: str
    marks: tuple[tuple[int, int], ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import added."""

    sessions: int
    turns: int
    answers: int
    skipped: Mapping[str, int] = field(default_factory=dict)  # reason → count


def letter(place: int) -> str:
    """The letter of the answer at `place` from 0: A … Z, AA, AB …"""
    text = ""
    while place >= 0:
        text = chr(ord("A") + place % 26) + text
        place = place // 26 - 1
    return text
