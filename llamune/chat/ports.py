"""What the conversation needs from outside, as Protocols: engines that answer, and a store that remembers.

Every implementation of a port passes the same contract tests (tests/contract).
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from llamune.chat.events import Event
from llamune.chat.message import Message
from llamune.chat.model import LoadedModel, ModelInfo
from llamune.chat.preset import SamplingOptions
from llamune.chat.rating import Contest, Rating
from llamune.chat.session import (
    Answer,
    AnswerStatus,
    Attachment,
    ChatSession,
    Deleted,
    Hit,
    Imported,
    Purged,
    Reason,
    Turn,
    Undone,
    Usage,
)
from llamune.chat.usage import Line

if TYPE_CHECKING:
    from llamune.chat.lineup import Level
    from llamune.chat.seen import Checked, Prompts, Seen

Progress = Callable[[str, int, int], None]  # what is being done, bytes done, bytes in all (0 = not known)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request to an engine.

    Args:
        answer_id: put into every event, untouched.
        model: the model's name.
        num_ctx: context length in tokens; the same for every request to a model (a difference reloads it).
        think: True or False for models that can think; None = say nothing about it.
        format: JSON schema that the answer must follow, where the engine can make it; None = free text. An answer that
            was cut (reason "length") is no complete JSON.
    """

    answer_id: int
    model: str
    messages: tuple[Message, ...]
    options: SamplingOptions = SamplingOptions()
    num_ctx: int = 4096
    think: bool | None = None
    format: Mapping[str, Any] | None = None


class Engine(Protocol):
    """One outside world that answers. Methods raise EngineError and its children only, and CancelledError passes."""

    @property
    def name(self) -> str: ...

    def chat(self, request: ChatRequest) -> AsyncGenerator[Event]:
        """Streams one answer.

        Yields ModelLoading, PromptReading, ThinkingArrived and TextArrived as they come, and AnswerFinished exactly
        once, last. Consume it under `aclosing`: closing it stops the server's work and frees the connection.

        Raises: EngineUnreachable, ModelNotFound, ContextOverflow (with the numbers), OutOfMemory, EngineBusy,
            EngineRefused, AnswerCut (what came before it was yielded).
        """
        ...

    async def models(self) -> tuple[ModelInfo, ...]:
        """The installed models that can be used; remote and broken ones are left out."""
        ...

    async def loaded(self) -> tuple[LoadedModel, ...]:
        """What is in memory now."""
        ...

    async def unload(self, model: str) -> None:
        """Asks for the model to leave memory; a wish, look at `loaded`."""
        ...

    async def count_tokens(self, request: ChatRequest) -> int | None:
        """Tokens of the prompt as the model will see it, or None where the engine cannot say."""
        ...

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, never truncated. Raises EngineRefused where the model cannot embed."""
        ...

    async def install(self, gguf: Path, name: str, progress: Progress) -> ModelInfo:
        """Makes a GGUF file usable under `name`. Raises EngineRefused when the file is no usable model."""
        ...

    async def remove(self, model: str) -> None:
        """Removes an installed model. Raises ModelNotFound."""
        ...

    async def aclose(self) -> None:
        """Ends child processes and connections."""
        ...


class Store(Protocol):
    """Everything that is remembered. Synchronous; a call returns when it is safe on disk. Raises StoreError, NotFound.

    Deleting is soft everywhere but in `purge`. Sessions and answers keep their id for ever; a turn's `number` is its
    place among the live turns.
    """

    @property
    def prompts(self) -> "Prompts": ...

    # sessions
    def create_session(self, *, model: str, preset: str, system: str = "", title: str = "") -> ChatSession: ...
    def session(self, session_id: int) -> ChatSession: ...
    def sessions(self, *, deleted: bool = False, limit: int = 50, offset: int = 0) -> list[ChatSession]:
        """Newest use first; sessions without any turn are left out."""
        ...

    def last_session(self) -> ChatSession | None: ...
    def update_session(self, session_id: int, **changes: Any) -> ChatSession:
        """Changes title, titled_by, model, preset, system, overrides, corpora, mode or before_mode."""
        ...

    # turns and answers
    def add_turn(self, session_id: int, question: str, attachments: Sequence[Attachment] = ()) -> Turn: ...
    def turns(self, session_id: int, *, first: int = 1, last: int | None = None) -> list[Turn]:
        """Live turns by number, `first` to `last`; a negative `first` counts from the end (-20 = the last 20)."""
        ...

    def turn(self, turn_id: int) -> Turn: ...
    def messages(self, session_id: int, *, after: int = 0) -> Iterator[tuple[int, str, str]]:
        """(number, question with its attachments as the model sees it, adopted answer's text) of live turns after
        number `after`, oldest first; fast for 10,000 turns."""
        ...

    def add_answer(
        self,
        turn_id: int,
        *,
        model: str,
        preset: str,
        options: SamplingOptions,
        engine: str = "",
        adopted: bool = False,
        knowledge: "Level" = "",
        seen: "Seen | None" = None,
        checksum: int = 0,
    ) -> Answer:
        """A new answer with the next letter and status waiting, owned by this process."""
        ...

    def answer(self, answer_id: int) -> Answer: ...
    def save_progress(self, answer_id: int, text: str, thinking: str) -> None:
        """The text so far; the answer becomes `streaming`."""
        ...

    def finish(
        self,
        answer_id: int,
        status: AnswerStatus,
        *,
        text: str,
        thinking: str = "",
        usage: Usage = Usage(),
        reason: Reason = "",
        error: str = "",
        hint: str = "",
        model: str = "",
        digest: str = "",
        engine: str = "",
        checked: "Checked | None" = None,
    ) -> Answer:
        """The answer has ended; empty model, digest or engine leave what is there."""
        ...

    def edit_question(self, turn_id: int, question: str) -> Turn: ...
    def adopt(self, answer_id: int, *, blind: bool = False, task: str = "") -> Turn:
        """This answer stands for its turn from now on, chosen by the user; the other keeps its row. Undoable."""
        ...

    def keep(self, turn_id: int, *, blind: bool = False, task: str = "") -> Turn:
        """The user wants the answer that stands. Raises StoreError when none does."""
        ...

    def discard(self, answer_id: int) -> Deleted:
        """Hides an answer that does not stand. Raises StoreError for the adopted one. Undoable."""
        ...

    # what the user thinks of answers
    def rate(self, answer_id: int, *, blind: bool = False, task: str = "", **said: Any) -> Rating:
        """Says something about an answer that has ended: vote, accuracy, natural, useful (1–5), comment; what is not
        named stays as it was. Raises UsageError for a score out of range."""
        ...

    def ratings(self, turn_id: int) -> list[Rating]:
        """What was said about the answers of a turn, in the order asked."""
        ...

    def contests(self, since: datetime | None = None, until: datetime | None = None) -> Iterator[Contest]:
        """Every turn in which something was said or chosen (about an answer made at or after `since` and before
        `until`), oldest first, without any text; fast for 10,000 turns."""
        ...

    def task(self, turn_id: int) -> str:
        """What a turn is for, one of chat/task.py's: as the user said, else by its rule."""
        ...

    def set_task(self, turn_id: int, task: str) -> None:
        """Says what a turn is for, if it has answers."""
        ...

    def usage(self, since: datetime | None = None, until: datetime | None = None) -> list[Line]:
        """What there is to count of answers made at or after `since` and before `until`, by model, preset and task;
        two seconds for a million answers."""
        ...

    # the way back
    def count_after(self, session_id: int, number: int) -> Deleted:
        """What `rewind` to `number` would take away; changes nothing."""
        ...

    def rewind(self, session_id: int, number: int) -> Deleted: ...
    def delete_session(self, session_id: int) -> Deleted: ...
    def restore_session(self, session_id: int) -> ChatSession: ...
    def compact(self, session_id: int, through: int, summary: str) -> ChatSession:
        """From now on `summary` stands for the turns up to number `through` when the model is asked. Undoable."""
        ...

    def undo(self, session_id: int | None = None) -> Undone | None:
        """Takes back the newest undoable act (of one session, or of all); None when there is none."""
        ...

    def purge(self, session_ids: Sequence[int]) -> Purged:
        """Erases sessions for ever: rows, index, acts, free pages, backups that hold them."""
        ...

    # finding, taking along
    def search(
        self, query: str, *, limit: int = 20, offset: int = 0, order: Literal["newest", "rank"] = "newest"
    ) -> list[Hit]: ...
    def export(self, session_ids: Sequence[int]) -> Iterator[Mapping[str, Any]]:
        """One JSON-able object per session, complete (rewound turns and rejected answers included)."""
        ...

    def import_(
        self, objects: Iterable[Mapping[str, Any]], told: Callable[[int, int], None] = lambda done, total: None
    ) -> Imported:
        """Adds sessions that `export` gave, all or none; `told` hears how many turns of how many are there."""
        ...

    def close(self) -> None: ...
