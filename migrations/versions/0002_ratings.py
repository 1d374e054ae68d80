"""Ratings: what the user said about an answer, and whether it stands because the user chose it.

Which model is best for which task can only be counted from what somebody said on purpose. `answer.adopted` does not
tell that: the first answer to a question stands by itself, often without having been compared with anything. So a
choice has a time of its own, beside votes and scores. One row per answer at most; most answers have none.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "rating",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("answer_id", sa.Integer, sa.ForeignKey("answer.id", ondelete="CASCADE"), nullable=False, unique=True),
        sa.Column("vote", sa.Text, nullable=False),
        *(sa.Column(name, sa.Integer) for name in ("accuracy", "natural", "useful")),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("chosen_at", sa.Integer),
        sa.Column("created_at", sa.Integer, nullable=False),
    )
