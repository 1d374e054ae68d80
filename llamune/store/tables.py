"""The tables as they are now. How a file of an older version gets here is told by migrations/.

    session ─< turn ─< answer ─ rating     act: what /undo can take back     entry + search: the full-text index

`turn.number` is the depth of a turn in its conversation: live turns of a session are always 1, 2 … n, and a rewound
turn keeps its number and its `parent_id`, so that it can come back behind the turns it stood behind. Times are
microseconds since 1970 in UTC. No behaviour lives here.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

NO_REUSE = {"sqlite_autoincrement": True}  # a number once shown never means another session, also after a purge


ENDED = "status NOT IN ('waiting', 'streaming')"
COUNTED = (  # all that statistics read of an answer, so that they never touch its text
    "model", "preset", "task", "created_at", "status", "total_ms", "first_token_ms", "load_ms", "generate_ms",
    "completion_tokens",
)  # fmt: skip


class Row(SQLModel):
    """Base with a registry of its own, so that other users of SQLModel in the process do not mix with it."""

    metadata = MetaData()


def _key(target: str, on_delete: str = "CASCADE", *, optional: bool = False) -> Column[int]:
    return Column(Integer, ForeignKey(target, ondelete=on_delete), nullable=optional)


class SessionRow(Row, table=True):
    """A conversation. `uid` is the same in every copy of it, so that an import knows what is already here."""

    __tablename__ = "session"
    __table_args__ = (Index("session_used", "updated_at"), NO_REUSE)

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    title: str = Field(sa_type=Text)
    titled_by: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    preset: str = Field(sa_type=Text)
    system: str = Field(sa_type=Text)
    overrides: str = Field(sa_type=Text)  # JSON: the options set by hand
    summary: str = Field(sa_type=Text)
    summarised: int
    created_at: int
    updated_at: int
    deleted_at: int | None = None
    corpora: str = Field(sa_column=Column(Text, nullable=False, server_default="[]"))  # JSON: their names
    mode: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    before_mode: str = Field(sa_column=Column(Text, nullable=False, server_default="{}"))  # JSON


class ActRow(Row, table=True):
    """Something that can be taken back. `before` is JSON: what /undo needs to know of the state before."""

    __tablename__ = "act"
    __table_args__ = (
        Index("act_session", "session_id"),
        Index("act_undoable", "at", "id", sqlite_where=text("undone_at IS NULL")),
        NO_REUSE,
    )

    id: int | None = Field(default=None, primary_key=True)
    kind: str = Field(sa_type=Text)
    session_id: int = Field(sa_column=_key("session.id"))
    before: str = Field(sa_type=Text)
    at: int
    undone_at: int | None = None


class TurnRow(Row, table=True):
    """A question. `rewind_id` names the act that took the turn out of its session; NULL = live."""

    __tablename__ = "turn"
    __table_args__ = (
        Index("turn_live", "session_id", "number", unique=True, sqlite_where=text("rewind_id IS NULL")),
        Index("turn_session", "session_id"),
        Index("turn_parent", "parent_id"),
        Index("turn_rewind", "rewind_id", sqlite_where=text("rewind_id IS NOT NULL")),
        NO_REUSE,
    )

    id: int | None = Field(default=None, primary_key=True)
    session_id: int = Field(sa_column=_key("session.id"))
    parent_id: int | None = Field(default=None, sa_column=_key("turn.id", "SET NULL", optional=True))
    number: int
    question: str = Field(sa_type=Text)
    attachments: str = Field(sa_type=Text)  # JSON: [[name, text] …]
    created_at: int
    rewind_id: int | None = Field(default=None, sa_column=_key("act.id", optional=True))


class AnswerRow(Row, table=True):
    """One reply. While it runs, `owner_pid` and `owner_start` name the process that writes it."""

    __tablename__ = "answer"
    __table_args__ = (
        UniqueConstraint("turn_id", "letter"),
        Index("answer_adopted", "turn_id", unique=True, sqlite_where=text("adopted")),
        Index("answer_context", "context_id"),
        Index("answer_running", "status", sqlite_where=text("status IN ('waiting', 'streaming')")),
        Index("answer_usage", *COUNTED, sqlite_where=text(ENDED)),
        NO_REUSE,
    )

    id: int | None = Field(default=None, primary_key=True)
    turn_id: int = Field(sa_column=_key("turn.id"))
    letter: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    preset: str = Field(sa_type=Text)
    options: str = Field(sa_type=Text)  # JSON: what was sent
    status: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    thinking: str = Field(sa_type=Text)
    digest: str = Field(sa_type=Text)
    engine: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    error: str = Field(sa_type=Text)
    hint: str = Field(sa_type=Text)
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    first_token_ms: float | None = None
    load_ms: float | None = None
    prompt_ms: float | None = None
    generate_ms: float | None = None
    total_ms: float | None = None
    adopted: bool
    discarded: bool
    created_at: int
    owner_pid: int
    owner_start: str = Field(sa_type=Text)
    knowledge: str = Field(sa_column=Column(Text, nullable=False, server_default=""))
    checked: str = Field(sa_column=Column(Text, nullable=False, server_default=""))  # JSON: its citations
    checksum: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))  # of the prompt as it was sent
    context_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("context.id")))
    task: str = Field(sa_column=Column(Text, nullable=False, server_default=""))  # see chat/task.py; "" = not known


class ContextRow(Row, table=True):
    """What answers of a turn saw beside the conversation. `body` is JSON, see contexts.py."""

    __tablename__ = "context"
    __table_args__ = (Index("context_turn", "turn_id"),)

    id: int | None = Field(default=None, primary_key=True)
    turn_id: int = Field(sa_column=_key("turn.id"))
    body: str = Field(sa_type=Text)


class PromptRow(Row, table=True):
    """An extra prompt: of one session, of every session in a mode, or ("" and NULL) of all."""

    __tablename__ = "prompt"
    __table_args__ = (Index("prompt_session", "session_id"), NO_REUSE)

    id: int | None = Field(default=None, primary_key=True)
    session_id: int | None = Field(default=None, sa_column=_key("session.id", optional=True))
    mode: str = Field(sa_type=Text)
    active: bool
    removed: bool


class PromptVersionRow(Row, table=True):
    """One version of a prompt's text, from 1."""

    __tablename__ = "prompt_version"

    prompt_id: int = Field(sa_column=Column(Integer, ForeignKey("prompt.id", ondelete="CASCADE"), primary_key=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    text: str = Field(sa_type=Text)
    created_at: int


class RatingRow(Row, table=True):
    """What the user said about an answer; `chosen_at` is when it was knowingly let stand."""

    __tablename__ = "rating"

    id: int | None = Field(default=None, primary_key=True)
    answer_id: int = Field(
        sa_column=Column(Integer, ForeignKey("answer.id", ondelete="CASCADE"), nullable=False, unique=True)
    )
    vote: str = Field(sa_type=Text)
    accuracy: int | None = None
    natural: int | None = None
    useful: int | None = None
    comment: str = Field(sa_type=Text)
    blind: bool
    task: str = Field(sa_type=Text)
    chosen_at: int | None = None
    created_at: int


class EntryRow(Row, table=True):
    """One text in the full-text index: a question (`answer_id` NULL) or an answer; `id` is its rowid there.

    The id is the second in which the text was written, moved on to the next free one: the index gives its hits in
    the order of this id, so the newest come first without sorting.
    """

    __tablename__ = "entry"
    __table_args__ = (
        Index("entry_question", "turn_id", unique=True, sqlite_where=text("answer_id IS NULL")),
        Index("entry_answer", "answer_id", unique=True),
    )

    id: int | None = Field(default=None, primary_key=True)
    turn_id: int = Field(sa_column=_key("turn.id"))
    answer_id: int | None = Field(default=None, sa_column=_key("answer.id", optional=True))


SESSION: Table = Row.metadata.tables["session"]
ACT: Table = Row.metadata.tables["act"]
TURN: Table = Row.metadata.tables["turn"]
ANSWER: Table = Row.metadata.tables["answer"]
RATING: Table = Row.metadata.tables["rating"]
CONTEXT: Table = Row.metadata.tables["context"]
PROMPT: Table = Row.metadata.tables["prompt"]
PROMPT_VERSION: Table = Row.metadata.tables["prompt_version"]
ENTRY: Table = Row.metadata.tables["entry"]
