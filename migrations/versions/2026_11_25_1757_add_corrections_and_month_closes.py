"""Corrections after close, closes of months with their totals and root hash, reopening, reminders.

The way back is refused by the database once a correction is booked: a reversal has no place in the tables before.
"""

import sqlalchemy as sa
from alembic import op

revision = "ab13c72e1b1c"
down_revision = "61040caa6874"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("billing_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(length=10), server_default="entry", nullable=False))
        batch_op.add_column(sa.Column("corrects_id", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("rated_sequence", sa.Integer(), nullable=True))
        batch_op.create_index("ix_billing_entry_booked", ["booked_month", "programme_id"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_billing_entry_corrects_id_kind"), ["corrects_id", "kind"])
        batch_op.create_unique_constraint(
            "uq_billing_entry_rated_in_order",
            ["engagement_id", "metric_id", "service_month", "rated_sequence"],
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_billing_entry_corrects_id_billing_entry"), "billing_entry", ["corrects_id"], ["id"]
        )
        batch_op.drop_constraint(batch_op.f("ck_billing_entry_quantity_above_zero"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_billing_entry_quantity_has_its_sign"),
            "(kind = 'reversal') = (quantity < 0) AND quantity <> 0",
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_billing_entry_corrections_name_what_they_correct"),
            "(kind = 'entry') = (corrects_id IS NULL)",
        )

    # until now each rating took its group further, so the quantity reached tells the order
    op.execute(
        """UPDATE billing_entry SET rated_sequence = (
             SELECT count(*) FROM billing_entry AS earlier
             WHERE earlier.engagement_id = billing_entry.engagement_id AND earlier.metric_id = billing_entry.metric_id
               AND earlier.service_month = billing_entry.service_month AND earlier.state = 'rated'
               AND earlier.quantity_after <= billing_entry.quantity_after)
           WHERE state = 'rated'"""
    )

    with op.batch_alter_table("month", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_month_month", ["month", "book"], unique=False)

    op.create_table(
        "chain_mark",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("close_sequence", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "subject_kind", "close_sequence", name=op.f("pk_chain_mark")),
    )
    op.create_table(
        "month_close",
        sa.Column("month_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(length=300), nullable=False),
        sa.Column("root_hash", sa.String(length=64), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["month_id"], ["month.id"], name=op.f("fk_month_close_month_id_month")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_close")),
        sa.UniqueConstraint("sequence", name=op.f("uq_month_close_sequence")),
    )
    with op.batch_alter_table("month_close", schema=None) as batch_op:
        batch_op.create_index("ix_month_close_month", ["month_id", "sequence"], unique=False)

    op.create_table(
        "month_reminder",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("book", sa.String(length=40), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_month_reminder_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_reminder")),
        sa.UniqueConstraint(
            "partner_id", "book", "month", "day", name=op.f("uq_month_reminder_partner_id_book_month_day")
        ),
    )
    op.create_table(
        "month_reopening",
        sa.Column("month_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_name", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_name", sa.String(length=200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["month_id"], ["month.id"], name=op.f("fk_month_reopening_month_id_month")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_reopening")),
    )
    with op.batch_alter_table("month_reopening", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_month_reopening_month_id"), ["month_id"], unique=False)
        batch_op.create_index(
            "uq_month_reopening_waiting",
            ["month_id"],
            unique=True,
            sqlite_where=sa.text("state = 'requested'"),
            postgresql_where=sa.text("state = 'requested'"),
        )

    op.create_table(
        "month_close_total",
        sa.Column("close_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["close_id"], ["month_close.id"], name=op.f("fk_month_close_total_close_id_month_close")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_month_close_total")),
        sa.UniqueConstraint(
            "close_id", "programme_id", "currency", name=op.f("uq_month_close_total_close_id_programme_id_currency")
        ),
    )
    op.create_table(
        "correction",
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("engagement_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reversal_minor", sa.BigInteger(), nullable=False),
        sa.Column("rebill_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("service_month", sa.Integer(), nullable=False),
        sa.Column("booked_month", sa.Integer(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_name", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_name", sa.String(length=200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seller_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_correction_quantity_not_below_zero")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["organisation.id"], name=op.f("fk_correction_customer_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["engagement_id"], ["engagement.id"], name=op.f("fk_correction_engagement_id_engagement")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["billing_entry.id"], name=op.f("fk_correction_entry_id_billing_entry")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_correction_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(["programme_id"], ["programme.id"], name=op.f("fk_correction_programme_id_programme")),
        sa.ForeignKeyConstraint(["seller_id"], ["organisation.id"], name=op.f("fk_correction_seller_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.UniqueConstraint("number", name=op.f("uq_correction_number")),
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index("ix_correction_engagement", ["engagement_id", "asked_at"], unique=False)
        batch_op.create_index(
            "ix_correction_waiting",
            ["asked_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'requested'"),
            postgresql_where=sa.text("state = 'requested'"),
        )
        batch_op.create_index(
            "uq_correction_waiting",
            ["entry_id"],
            unique=True,
            sqlite_where=sa.text("state = 'requested'"),
            postgresql_where=sa.text("state = 'requested'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_correction_waiting",
            sqlite_where=sa.text("state = 'requested'"),
            postgresql_where=sa.text("state = 'requested'"),
        )
        batch_op.drop_index(
            "ix_correction_waiting",
            sqlite_where=sa.text("state = 'requested'"),
            postgresql_where=sa.text("state = 'requested'"),
        )
        batch_op.drop_index("ix_correction_engagement")

    op.drop_table("correction")
    op.drop_table("month_close_total")
    with op.batch_alter_table("month_reopening", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_month_reopening_waiting",
            sqlite_where=sa.text("state = 'requested'"),
            postgresql_where=sa.text("state = 'requested'"),
        )
        batch_op.drop_index(batch_op.f("ix_month_reopening_month_id"))

    op.drop_table("month_reopening")
    op.drop_table("month_reminder")
    with op.batch_alter_table("month_close", schema=None) as batch_op:
        batch_op.drop_index("ix_month_close_month")

    op.drop_table("month_close")
    op.drop_table("chain_mark")

    with op.batch_alter_table("month", schema=None) as batch_op:
        batch_op.drop_index("ix_month_month")
        batch_op.drop_column("closed_at")

    with op.batch_alter_table("billing_entry", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_billing_entry_corrections_name_what_they_correct"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_billing_entry_quantity_has_its_sign"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_billing_entry_quantity_above_zero"), "quantity > 0")
        batch_op.drop_constraint(batch_op.f("fk_billing_entry_corrects_id_billing_entry"), type_="foreignkey")
        batch_op.drop_constraint("uq_billing_entry_rated_in_order", type_="unique")
        batch_op.drop_constraint(batch_op.f("uq_billing_entry_corrects_id_kind"), type_="unique")
        batch_op.drop_index("ix_billing_entry_booked")
        batch_op.drop_column("rated_sequence")
        batch_op.drop_column("corrects_id")
        batch_op.drop_column("kind")
