"""History is verified stretch by stretch: what each held when it was sealed, and when it was last read."""

import sqlalchemy as sa
from alembic import op

revision = "c3a85f17d2e9"
down_revision = "e7c41a90d3f6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "history_stretch",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("after_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("key_mark", sa.String(length=16), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_history_stretch")),
    )
    op.create_index("ix_history_stretch_read_at", "history_stretch", ["read_at", "number"])
    wrong = sa.text("wrong > 0")
    op.create_index(
        "ix_history_stretch_wrong", "history_stretch", ["number"], sqlite_where=wrong, postgresql_where=wrong
    )


def downgrade() -> None:
    op.drop_table("history_stretch")
