"""A notice may be several letters in the demo mailbox, one a zone; runs of jobs that a person asked for; failed mail counted;
what one of a metric's unit is called, filled in for words that need no partner to tell."""

import sqlalchemy as sa
from alembic import op

revision = "5d0c1f7a42be"
down_revision = "5e0c7f1d2a44"
branch_labels = None
depends_on = None

_PLURALS = ("servers", "instances", "users", "seats", "reports", "days", "tickets", "devices", "units")
_ASKED_ONLY = sa.text("state = 'asked'")
_IN_VAIN = sa.text("sent_at IS NULL AND (tries > 0 OR failed_at IS NOT NULL)")


def upgrade() -> None:
    with op.batch_alter_table("demo_mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("letter", sa.String(length=64), server_default="", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_demo_mail_outbox_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_demo_mail_outbox_id_letter"), ["outbox_id", "letter"])
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unit_one", sa.String(length=20), server_default="", nullable=False))
    metric = sa.table("metric", sa.column("unit", sa.String), sa.column("unit_one", sa.String))
    for plural in _PLURALS:
        op.execute(metric.update().where(metric.c.unit == plural).values(unit_one=plural[:-1]))
    op.create_table(
        "asked_run",
        sa.Column("job", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_name", sa.String(length=200), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asked_run")),
    )
    op.create_index(
        "uq_asked_run_waiting", "asked_run", ["job"], unique=True,
        sqlite_where=_ASKED_ONLY, postgresql_where=_ASKED_ONLY,
    )  # fmt: skip
    op.create_index("ix_asked_run_job_asked_at", "asked_run", ["job", "asked_at"])
    op.create_index("ix_outbox_in_vain", "outbox", ["tries"], sqlite_where=_IN_VAIN, postgresql_where=_IN_VAIN)


def downgrade() -> None:
    op.drop_index("ix_outbox_in_vain", "outbox", sqlite_where=_IN_VAIN, postgresql_where=_IN_VAIN)
    op.drop_table("asked_run")
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.drop_column("unit_one")
    # the older portal knows one letter a notice: the first stays, the others were the same words at another clock
    op.execute(
        """DELETE FROM demo_mail WHERE id IN (
               SELECT later.id FROM demo_mail AS later
               JOIN demo_mail AS first ON first.outbox_id = later.outbox_id AND first.letter < later.letter)"""
    )
    with op.batch_alter_table("demo_mail", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_demo_mail_outbox_id_letter"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_demo_mail_outbox_id"), ["outbox_id"])
        batch_op.drop_column("letter")
