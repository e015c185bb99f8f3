"""CSP statements, append-only; what refunds give back; which version an override was said of."""

import sqlalchemy as sa
from alembic import op

revision = "c54f9c8596b4"
down_revision = "a3d7e0c4b518"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "csp_refund",
        sa.Column(
            "version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("customer_tenant_id", sa.String(length=36), nullable=False),
        sa.Column("charge_start", sa.String(length=33), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_refund_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("version_id", "sequence", name=op.f("pk_csp_refund")),
    )
    with op.batch_alter_table("csp_refund", schema=None) as batch_op:
        batch_op.create_index("ix_csp_refund_customer", ["version_id", "customer_tenant_id"], unique=False)

    op.create_table(
        "csp_statement",
        sa.Column("customer_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("document_number", sa.String(length=80), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("partner_name", sa.String(length=200), nullable=False),
        sa.Column("customer_name", sa.String(length=300), nullable=False),
        sa.Column("customer_tenant_id", sa.String(length=36), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invoice_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("month", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tax_rate", sa.BigInteger(), nullable=True),
        sa.Column("subtotal_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("last_charge_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("csp_customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["csp_account.id"], name=op.f("fk_csp_statement_account_id_csp_account")
        ),
        sa.ForeignKeyConstraint(
            ["csp_customer_id"], ["csp_customer.id"], name=op.f("fk_csp_statement_csp_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["customer_organisation_id"],
            ["organisation.id"],
            name=op.f("fk_csp_statement_customer_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["csp_document.id"], name=op.f("fk_csp_statement_document_id_csp_document")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_statement_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_statement")),
        sa.UniqueConstraint(
            "document_id",
            "csp_customer_id",
            "currency",
            "version",
            name=op.f("uq_csp_statement_document_id_csp_customer_id_currency_version"),
        ),
    )
    with op.batch_alter_table("csp_statement", schema=None) as batch_op:
        batch_op.create_index("ix_csp_statement_charged", ["csp_customer_id", "last_charge_on"], unique=False)
        batch_op.create_index("ix_csp_statement_customer", ["csp_customer_id", "issued_at", "id"], unique=False)
        batch_op.create_index("ix_csp_statement_partner", ["partner_id", "issued_at", "id"], unique=False)

    op.create_table(
        "csp_statement_cost",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("csp_customer_id", sa.Uuid(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("cost", sa.String(length=60), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["csp_customer_id"], ["csp_customer.id"], name=op.f("fk_csp_statement_cost_csp_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["csp_document.id"], name=op.f("fk_csp_statement_cost_document_id_csp_document")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_statement_cost_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["csp_statement.id"], name=op.f("fk_csp_statement_cost_statement_id_csp_statement")
        ),
        sa.PrimaryKeyConstraint("statement_id", "version_id", name=op.f("pk_csp_statement_cost")),
    )
    with op.batch_alter_table("csp_statement_cost", schema=None) as batch_op:
        batch_op.create_index("ix_csp_statement_cost_version", ["version_id", "csp_customer_id"], unique=False)

    op.create_table(
        "csp_statement_line",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_number", sa.String(length=80), nullable=False),
        sa.Column("subscription_id", sa.String(length=80), nullable=False),
        sa.Column("product_name", sa.String(length=400), nullable=False),
        sa.Column("sku_name", sa.String(length=400), nullable=False),
        sa.Column("product_id", sa.String(length=200), nullable=False),
        sa.Column("sku_id", sa.String(length=200), nullable=False),
        sa.Column("publisher", sa.String(length=300), nullable=False),
        sa.Column("charge_type", sa.String(length=60), nullable=False),
        sa.Column("charge_start", sa.String(length=33), nullable=False),
        sa.Column("charge_end", sa.String(length=33), nullable=False),
        sa.Column("quantity", sa.String(length=60), nullable=False),
        sa.Column("unit_type", sa.String(length=80), nullable=False),
        sa.Column("sell_minor", sa.BigInteger(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("csp_customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["csp_customer_id"], ["csp_customer.id"], name=op.f("fk_csp_statement_line_csp_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_statement_line_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["csp_statement.id"], name=op.f("fk_csp_statement_line_statement_id_csp_statement")
        ),
        sa.PrimaryKeyConstraint("statement_id", "sequence", name=op.f("pk_csp_statement_line")),
    )
    op.create_table(
        "csp_statement_line_cost",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cost", sa.String(length=60), nullable=False),
        sa.Column("mark_up", sa.String(length=60), nullable=False),
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line_sequence", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_statement_line_cost_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["csp_statement.id"], name=op.f("fk_csp_statement_line_cost_statement_id_csp_statement")
        ),
        sa.PrimaryKeyConstraint("statement_id", "sequence", name=op.f("pk_csp_statement_line_cost")),
    )
    op.create_table(
        "csp_statement_share",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.String(length=80), nullable=False),
        sa.Column("product_name", sa.String(length=400), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("sell_minor", sa.BigInteger(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("csp_customer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["csp_customer_id"], ["csp_customer.id"], name=op.f("fk_csp_statement_share_csp_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_statement_share_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["csp_statement.id"], name=op.f("fk_csp_statement_share_statement_id_csp_statement")
        ),
        sa.PrimaryKeyConstraint("statement_id", "subscription_id", name=op.f("pk_csp_statement_share")),
    )
    with op.batch_alter_table("csp_document", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("override_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )

    with op.batch_alter_table("csp_document_total", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unmatched", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("csp_document_total", schema=None) as batch_op:
        batch_op.drop_column("unmatched")

    with op.batch_alter_table("csp_document", schema=None) as batch_op:
        batch_op.drop_column("override_version_id")

    op.drop_table("csp_statement_share")
    op.drop_table("csp_statement_line_cost")
    op.drop_table("csp_statement_line")
    with op.batch_alter_table("csp_statement_cost", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_statement_cost_version")

    op.drop_table("csp_statement_cost")
    with op.batch_alter_table("csp_statement", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_statement_partner")
        batch_op.drop_index("ix_csp_statement_customer")
        batch_op.drop_index("ix_csp_statement_charged")

    op.drop_table("csp_statement")
    with op.batch_alter_table("csp_refund", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_refund_customer")

    op.drop_table("csp_refund")
