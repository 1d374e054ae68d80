"""Knowledge: which documents a session searches, extra prompts with their versions, and what each answer saw.

An answer that cites documents can only be explained later when its passages are kept as they were: the documents move
on. They are kept once for all answers of a turn that saw the same. Likewise prompts: a changed text is a new version.
The checksum tells whether the rest of the prompt, which is put together from the turns, is still what was sent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name, default in (("corpora", "[]"), ("mode", ""), ("before_mode", "{}")):
        op.add_column("session", sa.Column(name, sa.Text, nullable=False, server_default=default))
    _context()
    _prompt()


def _context() -> None:
    op.create_table(
        "context",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("turn_id", sa.Integer, sa.ForeignKey("turn.id", ondelete="CASCADE"), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("context_turn", "context", ["turn_id"])
    op.add_column("answer", sa.Column("knowledge", sa.Text, nullable=False, server_default=""))
    op.add_column("answer", sa.Column("checked", sa.Text, nullable=False, server_default=""))
    op.add_column("answer", sa.Column("checksum", sa.Integer, nullable=False, server_default="0"))
    op.execute("ALTER TABLE answer ADD COLUMN context_id INTEGER REFERENCES context (id)")
    op.create_index("answer_context", "answer", ["context_id"])


def _prompt() -> None:
    op.create_table(
        "prompt",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id", ondelete="CASCADE")),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("prompt_session", "prompt", ["session_id"])
    op.create_table(
        "prompt_version",
        sa.Column("prompt_id", sa.Integer, sa.ForeignKey("prompt.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.Integer, nullable=False),
    )
