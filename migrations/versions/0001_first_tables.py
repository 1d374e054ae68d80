"""The first tables: sessions, turns, answers, acts that can be undone, and the full-text index.

The index is contentless (the texts are in their own tables) and holds character bigrams that the program makes, because
no tokenizer of SQLite finds Japanese words of two characters. Written out, not derived from the models: the models will
move on, this step must not.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _session()
    _act()
    _turn()
    _answer()
    _search()


def _id() -> sa.Column:
    return sa.Column("id", sa.Integer, primary_key=True)


def _text(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _session() -> None:
    op.create_table(
        "session",
        _id(),
        sa.Column("uid", sa.Text, nullable=False, unique=True),
        *_text("title", "titled_by", "model", "preset", "system", "overrides", "summary"),
        sa.Column("summarised", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.Integer, nullable=False),
        sa.Column("deleted_at", sa.Integer),
        sqlite_autoincrement=True,
    )
    op.create_index("session_used", "session", ["updated_at"])


def _act() -> None:
    op.create_table(
        "act",
        _id(),
        *_text("kind"),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
        *_text("before"),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("undone_at", sa.Integer),
        sqlite_autoincrement=True,
    )
    op.create_index("act_session", "act", ["session_id"])
    op.create_index("act_undoable", "act", ["at", "id"], sqlite_where=sa.text("undone_at IS NULL"))


def _turn() -> None:
    op.create_table(
        "turn",
        _id(),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id", ondelete="CASCADE"), nullable=False),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("turn.id", ondelete="SET NULL")),
        sa.Column("number", sa.Integer, nullable=False),
        *_text("question", "attachments"),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("rewind_id", sa.Integer, sa.ForeignKey("act.id", ondelete="CASCADE")),
        sqlite_autoincrement=True,
    )
    live = sa.text("rewind_id IS NULL")
    op.create_index("turn_live", "turn", ["session_id", "number"], unique=True, sqlite_where=live)
    op.create_index("turn_session", "turn", ["session_id"])
    op.create_index("turn_parent", "turn", ["parent_id"])
    op.create_index("turn_rewind", "turn", ["rewind_id"], sqlite_where=sa.text("rewind_id IS NOT NULL"))


def _answer() -> None:
    counts = ("prompt_tokens", "cached_tokens", "completion_tokens")
    times = ("first_token_ms", "load_ms", "prompt_ms", "generate_ms", "total_ms")
    op.create_table(
        "answer",
        _id(),
        sa.Column("turn_id", sa.Integer, sa.ForeignKey("turn.id", ondelete="CASCADE"), nullable=False),
        *_text("letter", "model", "preset", "options", "status", "text", "thinking"),
        *_text("digest", "engine", "reason", "error", "hint"),
        *(sa.Column(name, sa.Integer) for name in counts),
        *(sa.Column(name, sa.Float) for name in times),
        sa.Column("adopted", sa.Boolean, nullable=False),
        sa.Column("discarded", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
        sa.Column("owner_pid", sa.Integer, nullable=False),
        *_text("owner_start"),
        sa.UniqueConstraint("turn_id", "letter"),
        sqlite_autoincrement=True,
    )
    op.create_index("answer_adopted", "answer", ["turn_id"], unique=True, sqlite_where=sa.text("adopted"))
    running = sa.text("status IN ('waiting', 'streaming')")
    op.create_index("answer_running", "answer", ["status"], sqlite_where=running)


def _search() -> None:
    op.create_table(
        "entry",
        _id(),
        sa.Column("turn_id", sa.Integer, sa.ForeignKey("turn.id", ondelete="CASCADE"), nullable=False),
        sa.Column("answer_id", sa.Integer, sa.ForeignKey("answer.id", ondelete="CASCADE")),
    )
    question = sa.text("answer_id IS NULL")
    op.create_index("entry_question", "entry", ["turn_id"], unique=True, sqlite_where=question)
    op.create_index("entry_answer", "entry", ["answer_id"], unique=True)
    op.execute("CREATE VIRTUAL TABLE search USING fts5(grams, content='', tokenize='ascii')")
