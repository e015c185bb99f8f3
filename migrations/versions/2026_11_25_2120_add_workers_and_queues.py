"""Who runs the jobs, whose turn it is, how often programs ask; on PostgreSQL, the queues that many machines share."""

import sqlalchemy as sa
from alembic import context, op

from app.jobs import claim_tables

revision = "c4a17b5e0d21"
down_revision = "c9a4f0d21e77"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("running", sa.JSON(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker")),
    )
    op.create_table(
        "request_count",
        sa.Column("caller", sa.Uuid(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_request_count")),
    )
    op.add_column("planned_job", sa.Column("turn_at", sa.DateTime(timezone=True), nullable=True))
    if op.get_context().dialect.name == "postgresql":
        if context.is_offline_mode():
            op.get_context().impl.static_output(claim_tables.schema())  # as it is: no parameter stands in it
        else:
            claim_tables.bring_up(op.get_bind())


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql" and not context.is_offline_mode():
        claim_tables.take_away(op.get_bind())
    with op.batch_alter_table("planned_job") as planned_job:
        planned_job.drop_column("turn_at")
    op.drop_table("request_count")
    op.drop_table("worker")
