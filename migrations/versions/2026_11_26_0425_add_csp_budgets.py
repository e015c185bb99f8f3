"""Budgets of CSP customers, and what was told of them; the name of whoever is invited, where it is known."""

import sqlalchemy as sa
from alembic import op

revision = "a3d7e0c4b518"
down_revision = "d15c0be7a440"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "csp_budget",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("recipients", sa.JSON(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by_name", sa.String(length=200), nullable=False),
        sa.Column("measured_until", sa.Date(), nullable=True),
        sa.Column("used_percent", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("is_trending_over", sa.Boolean(), nullable=False),
        sa.Column("measured_usage", sa.DateTime(timezone=True), nullable=True),
        sa.Column("measured_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["csp_account.id"], name=op.f("fk_csp_budget_account_id_csp_account")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_budget_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_budget_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_budget")),
        sa.UniqueConstraint("customer_id", name=op.f("uq_csp_budget_customer_id")),
    )
    with op.batch_alter_table("csp_budget", schema=None) as batch_op:
        batch_op.create_index("ix_csp_budget_level", ["partner_id", "level", "used_percent"], unique=False)
        batch_op.create_index(
            "ix_csp_budget_trending", ["partner_id", "is_trending_over", "used_percent"], unique=False
        )

    op.create_table(
        "csp_budget_alert",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("cost", sa.String(length=60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("was_told", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_budget_alert_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_budget_alert_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_budget_alert")),
        sa.UniqueConstraint("customer_id", "month", "level", name=op.f("uq_csp_budget_alert_customer_id_month_level")),
    )

    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", sa.String(length=200), server_default="", nullable=False))

    # of indexes that fit alike SQLite takes the newest: the one that says more is made last
    for table, index, columns in (
        ("csp_customer", "ix_csp_customer_account", ["account_id", "search_name", "id"]),
        ("csp_subscription", "ix_csp_subscription_customer", ["customer_id", "search_name", "id"]),
    ):
        op.drop_index(index, table_name=table)
        op.create_index(index, table, columns, unique=False)


def downgrade() -> None:
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_column("name")
    op.drop_table("csp_budget_alert")
    with op.batch_alter_table("csp_budget", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_budget_trending")
        batch_op.drop_index("ix_csp_budget_level")
    op.drop_table("csp_budget")
