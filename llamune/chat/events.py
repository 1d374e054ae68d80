"""What happens while answers are made: a closed union, the only thing that travels from engine to screen."""

from dataclasses import dataclass
from typing import Literal

from llamune.chat.session import Reason, Usage


@dataclass(frozen=True, slots=True)
class AnswerQueued:
    """The answer has a row and a letter, and waits for its turn (`why`: for what, in the user's words)."""

    answer_id: int
    letter: str
    model: str
    preset: str
    why: str = ""
    kind: Literal["queued"] = "queued"


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """The engine is loading the model into memory."""

    answer_id: int
    kind: Literal["loading"] = "loading"


@dataclass(frozen=True, slots=True)
class PromptReading:
    """The model reads the prompt; `tokens` of it, where that is known or estimated."""

    answer_id: int
    tokens: int
    kind: Literal["reading"] = "reading"


@dataclass(frozen=True, slots=True)
class ThinkingArrived:
    answer_id: int
    text: str
    kind: Literal["thinking"] = "thinking"


@dataclass(frozen=True, slots=True)
class TextArrived:
    answer_id: int
    text: str
    kind: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The answer is complete. `model` and `digest` are what the engine reports, not what was asked for."""

    answer_id: int
    usage: Usage
    reason: Reason = "stop"
    model: str = ""
    digest: str = ""
    kind: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True)
class AnswerFailed:
    """The answer failed or was cut; what had come is kept. `exit_code` is that of the error tree."""

    answer_id: int
    message: str
    hint: str = ""
    exit_code: int = 3
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class AnswerCancelled:
    """The user stopped it; what had come is kept and marked."""

    answer_id: int
    kind: Literal["cancelled"] = "cancelled"


Event = (
    AnswerQueued
    | ModelLoading
    | PromptReading
    | ThinkingArrived
    | TextArrived
    | AnswerFinished
    | AnswerFailed
    | AnswerCancelled
)
ENDS = (AnswerFinished, AnswerFailed, AnswerCancelled)
