"""Tasks: what an answer was for, and an index that holds all that statistics read.

Which model is best depends on what it is used for. A million answers are counted by model, preset and task within two
seconds only if their texts are not read, so the index covers every column that is counted. What older answers were for
is not known, except that the preset "code" was made for code; until now a rating called the preset its task.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("answer", sa.Column("task", sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE answer SET task = 'coding' WHERE preset = 'code'")
    op.execute("UPDATE rating SET task = CASE task WHEN 'code' THEN 'coding' ELSE '' END")
    counted = ("model", "preset", "task", "created_at", "status")
    figures = ("total_ms", "first_token_ms", "load_ms", "generate_ms", "completion_tokens")
    ended = sa.text("status NOT IN ('waiting', 'streaming')")
    op.create_index("answer_usage", "answer", [*counted, *figures], sqlite_where=ended)
