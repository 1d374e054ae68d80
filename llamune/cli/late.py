"""A store that is not there yet: it takes what a one-shot writes, and passes it on once the real one has opened.

Opening the database costs more than the whole way to a first token, so `llamune ask` sends first. What is written
before `arrive` waits here; afterwards every call goes straight through. Without `arrive` nothing is ever stored, which
is `--no-save`. It knows one session with one turn: exactly what one question makes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llamune.chat.ports import Store
from llamune.chat.preset import SamplingOptions
from llamune.chat.session import Answer, AnswerStatus, Attachment, ChatSession, Turn

HERE = 1  # the id of everything until the real store gives one


class LateStore:
    """The part of the `Store` port that asking uses. `answer` is how it stands."""

    def __init__(self) -> None:
        self._store: Store | None = None
        self._waiting: list[Callable[[Store], None]] = []
        self._real: dict[str, int] = {}  # "session", "turn", "answer" → id in the real store
        self._session: ChatSession | None = None
        self._turn: Turn | None = None
        self._progress: tuple[str, str] | None = None
        self.answer: Answer | None = None

    def arrive(self, store: Store) -> None:
        """The real store is open: everything so far is written to it, now. Raises StoreError."""
        while self._waiting:
            self._waiting[0](store)
            del self._waiting[0]  # only now: what could not be written can be tried again
        self._store = store
        if self._progress and self.answer and self.answer.running:
            self.save_progress(self.answer.id, *self._progress)

    @property
    def session_id(self) -> int | None:
        """The stored session's number; None when nothing was stored."""
        return self._real.get("session")

    @property
    def turn_number(self) -> int | None:
        return self._turn.number if self._turn and "turn" in self._real else None

    def _write(self, write: Callable[[Store], None]) -> None:
        if self._store is None:
            self._waiting.append(write)
        else:
            write(self._store)

    # the port, as far as one question goes

    def create_session(self, *, model: str, preset: str, system: str = "", title: str = "") -> ChatSession:
        def write(store: Store) -> None:
            made = store.create_session(model=model, preset=preset, system=system, title=title)
            self._real["session"] = made.id

        self._write(write)
        self._session = ChatSession(HERE, title, "auto", model, preset, system)
        return self._session

    def session(self, session_id: int) -> ChatSession:
        assert self._session is not None, "create_session comes first"
        return self._session

    def update_session(self, session_id: int, **changes: Any) -> ChatSession:
        self._write(lambda store: _ignore(store.update_session(self._real["session"], **changes)))
        self._session = replace(self.session(session_id), **changes)
        return self._session

    def add_turn(self, session_id: int, question: str, attachments: Sequence[Attachment] = ()) -> Turn:
        def write(store: Store) -> None:
            self._real["turn"] = store.add_turn(self._real["session"], question, attachments).id

        self._write(write)
        self._session = replace(self.session(session_id), turn_count=1)
        self._turn = Turn(HERE, HERE, 1, question, tuple(attachments))
        return self._turn

    def add_answer(
        self,
        turn_id: int,
        *,
        model: str,
        preset: str,
        options: SamplingOptions,
        **rest: Any,
    ) -> Answer:
        def write(store: Store) -> None:
            made = store.add_answer(self._real["turn"], model=model, preset=preset, options=options, **rest)
            self._real["answer"] = made.id

        self._write(write)
        self.answer = Answer(HERE, HERE, "A", model, preset, options, status="waiting", **rest)
        return self.answer

    def save_progress(self, answer_id: int, text: str, thinking: str) -> None:
        self._progress = text, thinking
        if self._store is not None:
            self._store.save_progress(self._real["answer"], text, thinking)

    def finish(self, answer_id: int, status: AnswerStatus, **ended: Any) -> Answer:
        assert self.answer is not None, "add_answer comes first"
        given: Mapping[str, Any] = {k: v for k, v in ended.items() if v or k == "text"}
        self.answer = replace(self.answer, status=status, **given)
        self._write(lambda store: _ignore(store.finish(self._real["answer"], status, **ended)))
        return self.answer


def _ignore(value: object) -> None:
    """The store's answer is not needed."""
