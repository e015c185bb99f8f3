"""CSP reselling: accounts, tokens and sign-ins, customers and subscriptions, terms, documents and their lines, task-runs."""

import sqlalchemy as sa
from alembic import op

revision = "f1c50a6e2b91"
down_revision = "b8c2f6147da9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "csp_line",
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column(
            "version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_type", sa.String(length=10), nullable=False),
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("customer_tenant_id", sa.String(length=36), nullable=False),
        sa.Column("customer_name", sa.String(length=300), nullable=False),
        sa.Column("subscription_id", sa.String(length=80), nullable=False),
        sa.Column("product_name", sa.String(length=400), nullable=False),
        sa.Column("sku_name", sa.String(length=400), nullable=False),
        sa.Column("charge_type", sa.String(length=60), nullable=False),
        sa.Column("charge_start", sa.String(length=33), nullable=False),
        sa.Column("charge_end", sa.String(length=33), nullable=False),
        sa.Column("unit_type", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.String(length=60), nullable=False),
        sa.Column("unit_price", sa.String(length=60), nullable=False),
        sa.Column("effective_unit_price", sa.String(length=60), nullable=False),
        sa.Column("cost", sa.String(length=60), nullable=False),
        sa.Column("tax", sa.String(length=60), nullable=False),
        sa.Column("total", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("more", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "sequence", name=op.f("pk_csp_line")),
    )
    with op.batch_alter_table("csp_line", schema=None) as batch_op:
        batch_op.create_index("ix_csp_line_customer", ["version_id", "customer_tenant_id", "sequence"], unique=False)

    op.create_table(
        "csp_account",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=20), nullable=False),
        sa.Column("mpn_id", sa.String(length=20), nullable=True),
        sa.Column("microsoft_discount", sa.BigInteger(), nullable=True),
        sa.Column("managed_mark_up", sa.BigInteger(), nullable=True),
        sa.Column("not_managed_mark_up", sa.BigInteger(), nullable=True),
        sa.Column("tax_rate", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("company_name", sa.String(length=300), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("signed_in_as", sa.String(length=320), nullable=True),
        sa.Column("is_vetted", sa.Boolean(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consented_by_name", sa.String(length=200), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_account_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_account")),
    )
    with op.batch_alter_table("csp_account", schema=None) as batch_op:
        batch_op.create_index("ix_csp_account_partner", ["partner_id", "created_at", "id"], unique=False)
        batch_op.create_index(
            "uq_csp_account_standing",
            ["partner_id", "tenant_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'disconnected'"),
            postgresql_where=sa.text("state <> 'disconnected'"),
        )

    op.create_table(
        "csp_customer",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.String(length=36), nullable=False),
        sa.Column("commerce_id", sa.String(length=80), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("search_name", sa.String(length=600), nullable=False),
        sa.Column("domain", sa.String(length=300), nullable=False),
        sa.Column("relationship", sa.String(length=20), nullable=False),
        sa.Column("relationship_as_sent", sa.String(length=40), nullable=False),
        sa.Column("reseller_mpn", sa.String(length=40), nullable=True),
        sa.Column("contact", sa.JSON(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("linked_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["csp_account.id"], name=op.f("fk_csp_customer_account_id_csp_account")
        ),
        sa.ForeignKeyConstraint(
            ["linked_organisation_id"],
            ["organisation.id"],
            name=op.f("fk_csp_customer_linked_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_customer_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_customer")),
        sa.UniqueConstraint("account_id", "tenant_id", name=op.f("uq_csp_customer_account_id_tenant_id")),
    )
    with op.batch_alter_table("csp_customer", schema=None) as batch_op:
        batch_op.create_index("ix_csp_customer_account", ["account_id", "search_name", "id"], unique=False)
        batch_op.create_index("ix_csp_customer_linked", ["linked_organisation_id"], unique=False)
        batch_op.create_index("ix_csp_customer_partner", ["partner_id", "search_name", "id"], unique=False)

    op.create_table(
        "csp_document",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=80), nullable=False),
        sa.Column("document_type", sa.String(length=40), nullable=False),
        sa.Column("invoice_type", sa.String(length=40), nullable=False),
        sa.Column("amends", sa.String(length=80), nullable=True),
        sa.Column("invoice_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total", sa.String(length=60), nullable=False),
        sa.Column("paid", sa.String(length=60), nullable=True),
        sa.Column("line_sets", sa.JSON(), nullable=False),
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("lines_total", sa.String(length=60), nullable=True),
        sa.Column("difference", sa.String(length=60), nullable=True),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("override_by_name", sa.String(length=200), nullable=True),
        sa.Column("override_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["csp_account.id"], name=op.f("fk_csp_document_account_id_csp_account")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_document_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_document")),
        sa.UniqueConstraint("account_id", "number", name=op.f("uq_csp_document_account_id_number")),
    )
    with op.batch_alter_table("csp_document", schema=None) as batch_op:
        batch_op.create_index("ix_csp_document_account", ["account_id", "invoice_date", "id"], unique=False)
        batch_op.create_index("ix_csp_document_amends", ["account_id", "amends"], unique=False)
        batch_op.create_index("ix_csp_document_partner", ["partner_id", "invoice_date", "id"], unique=False)

    op.create_table(
        "csp_run",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("trigger", sa.String(length=10), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_name", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=100), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_asked_by_name", sa.String(length=200), nullable=True),
        sa.Column("is_partial", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["csp_account.id"], name=op.f("fk_csp_run_account_id_csp_account")),
        sa.ForeignKeyConstraint(["partner_id"], ["organisation.id"], name=op.f("fk_csp_run_partner_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_run")),
        sa.UniqueConstraint("account_id", "number", name=op.f("uq_csp_run_account_id_number")),
    )
    with op.batch_alter_table("csp_run", schema=None) as batch_op:
        batch_op.create_index(
            "ix_csp_run_live_state",
            ["state", "asked_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'in_progress')"),
            postgresql_where=sa.text("state IN ('queued', 'in_progress')"),
        )
        batch_op.create_index("ix_csp_run_partner", ["partner_id", "asked_at", "id"], unique=False)
        batch_op.create_index(
            "uq_csp_run_live",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('queued', 'in_progress')"),
            postgresql_where=sa.text("state IN ('queued', 'in_progress')"),
        )

    op.create_table(
        "csp_sign_in",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("state_fingerprint", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["csp_account.id"], name=op.f("fk_csp_sign_in_account_id_csp_account")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_sign_in_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_sign_in")),
    )
    with op.batch_alter_table("csp_sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_csp_sign_in_account_id"), ["account_id"], unique=False)
        batch_op.create_index("uq_csp_sign_in_state", ["state_fingerprint"], unique=True)

    op.create_table(
        "csp_token",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("api_token", sa.Text(), nullable=True),
        sa.Column("api_token_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("graph_token", sa.Text(), nullable=True),
        sa.Column("graph_token_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refreshing_by", sa.String(length=64), nullable=True),
        sa.Column("refreshing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["csp_account.id"], name=op.f("fk_csp_token_account_id_csp_account")),
        sa.ForeignKeyConstraint(["partner_id"], ["organisation.id"], name=op.f("fk_csp_token_partner_id_organisation")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_csp_token")),
    )
    op.create_table(
        "csp_document_total",
        sa.Column(
            "version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("customer_tenant_id", sa.String(length=36), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("customer_name", sa.String(length=300), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("cost", sa.String(length=60), nullable=False),
        sa.Column("microsoft_tax", sa.String(length=60), nullable=False),
        sa.Column("sell", sa.String(length=60), nullable=True),
        sa.Column("least_mark_up", sa.String(length=60), nullable=True),
        sa.Column("most_mark_up", sa.String(length=60), nullable=True),
        sa.Column("unpriced", sa.Integer(), nullable=False),
        sa.Column("priced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_document_total_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["csp_document.id"], name=op.f("fk_csp_document_total_document_id_csp_document")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_document_total_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("version_id", "customer_tenant_id", "currency", name=op.f("pk_csp_document_total")),
    )
    with op.batch_alter_table("csp_document_total", schema=None) as batch_op:
        batch_op.create_index("ix_csp_document_total_customer", ["customer_id", "version_id"], unique=False)
        batch_op.create_index("ix_csp_document_total_document", ["document_id", "version_id"], unique=False)

    op.create_table(
        "csp_document_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("complete_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["csp_document.id"], name=op.f("fk_csp_document_version_document_id_csp_document")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_document_version_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_document_version")),
    )
    with op.batch_alter_table("csp_document_version", schema=None) as batch_op:
        batch_op.create_index("ix_csp_document_version_document", ["document_id", "id"], unique=False)

    op.create_table(
        "csp_mark_up",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.String(length=80), nullable=True),
        sa.Column("percent", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by_name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_mark_up_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_mark_up_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_mark_up")),
        sa.UniqueConstraint("customer_id", "valid_from", name=op.f("uq_csp_mark_up_customer_id_valid_from")),
    )
    op.create_table(
        "csp_refusal",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_refusal_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["csp_run.id"], name=op.f("fk_csp_refusal_run_id_csp_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_refusal")),
    )
    with op.batch_alter_table("csp_refusal", schema=None) as batch_op:
        batch_op.create_index("ix_csp_refusal_run", ["run_id", "id"], unique=False)

    op.create_table(
        "csp_run_kind",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("progress", sa.String(length=10), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=True),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("throttled_seconds", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_run_kind_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["csp_run.id"], name=op.f("fk_csp_run_kind_run_id_csp_run")),
        sa.PrimaryKeyConstraint("run_id", "kind", name=op.f("pk_csp_run_kind")),
    )
    op.create_table(
        "csp_subscription",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("subscription_id", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=400), nullable=False),
        sa.Column("search_name", sa.String(length=800), nullable=False),
        sa.Column("offer_id", sa.String(length=200), nullable=False),
        sa.Column("offer_name", sa.String(length=400), nullable=False),
        sa.Column("quantity", sa.String(length=60), nullable=False),
        sa.Column("unit_type", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("auto_renew", sa.Boolean(), nullable=True),
        sa.Column("is_trial", sa.Boolean(), nullable=False),
        sa.Column("billing_type", sa.String(length=40), nullable=False),
        sa.Column("billing_cycle", sa.String(length=40), nullable=False),
        sa.Column("term", sa.String(length=20), nullable=False),
        sa.Column("created_on", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("order_id", sa.String(length=80), nullable=False),
        sa.Column("parent_id", sa.String(length=80), nullable=False),
        sa.Column("suspension_reasons", sa.JSON(), nullable=False),
        sa.Column("is_monitored", sa.Boolean(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["csp_account.id"], name=op.f("fk_csp_subscription_account_id_csp_account")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_subscription_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_subscription_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_subscription")),
        sa.UniqueConstraint(
            "customer_id", "subscription_id", name=op.f("uq_csp_subscription_customer_id_subscription_id")
        ),
    )
    with op.batch_alter_table("csp_subscription", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_csp_subscription_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_csp_subscription_customer", ["customer_id", "search_name", "id"], unique=False)
        batch_op.create_index("ix_csp_subscription_partner", ["partner_id", "search_name", "id"], unique=False)

    op.create_table(
        "csp_tax_rate",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("percent", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by_name", sa.String(length=200), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_tax_rate_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_tax_rate_partner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_tax_rate")),
        sa.UniqueConstraint("customer_id", "valid_from", name=op.f("uq_csp_tax_rate_customer_id_valid_from")),
    )
    op.create_table(
        "csp_usage",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=True),
        sa.Column("cost", sa.String(length=60), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("budget_at_microsoft", sa.String(length=60), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["csp_customer.id"], name=op.f("fk_csp_usage_customer_id_csp_customer")
        ),
        sa.ForeignKeyConstraint(["partner_id"], ["organisation.id"], name=op.f("fk_csp_usage_partner_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_csp_usage")),
        sa.UniqueConstraint("customer_id", "period_start", name=op.f("uq_csp_usage_customer_id_period_start")),
    )


def downgrade() -> None:
    op.drop_table("csp_usage")
    op.drop_table("csp_tax_rate")
    with op.batch_alter_table("csp_subscription", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_subscription_partner")
        batch_op.drop_index("ix_csp_subscription_customer")
        batch_op.drop_index(batch_op.f("ix_csp_subscription_account_id"))

    op.drop_table("csp_subscription")
    op.drop_table("csp_run_kind")
    with op.batch_alter_table("csp_refusal", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_refusal_run")

    op.drop_table("csp_refusal")
    op.drop_table("csp_mark_up")
    with op.batch_alter_table("csp_document_version", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_document_version_document")

    op.drop_table("csp_document_version")
    with op.batch_alter_table("csp_document_total", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_document_total_document")
        batch_op.drop_index("ix_csp_document_total_customer")

    op.drop_table("csp_document_total")
    op.drop_table("csp_token")
    with op.batch_alter_table("csp_sign_in", schema=None) as batch_op:
        batch_op.drop_index("uq_csp_sign_in_state")
        batch_op.drop_index(batch_op.f("ix_csp_sign_in_account_id"))

    op.drop_table("csp_sign_in")
    with op.batch_alter_table("csp_run", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_csp_run_live",
            sqlite_where=sa.text("state IN ('queued', 'in_progress')"),
            postgresql_where=sa.text("state IN ('queued', 'in_progress')"),
        )
        batch_op.drop_index("ix_csp_run_partner")
        batch_op.drop_index(
            "ix_csp_run_live_state",
            sqlite_where=sa.text("state IN ('queued', 'in_progress')"),
            postgresql_where=sa.text("state IN ('queued', 'in_progress')"),
        )

    op.drop_table("csp_run")
    with op.batch_alter_table("csp_document", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_document_partner")
        batch_op.drop_index("ix_csp_document_amends")
        batch_op.drop_index("ix_csp_document_account")

    op.drop_table("csp_document")
    with op.batch_alter_table("csp_customer", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_customer_partner")
        batch_op.drop_index("ix_csp_customer_linked")
        batch_op.drop_index("ix_csp_customer_account")

    op.drop_table("csp_customer")
    with op.batch_alter_table("csp_account", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_csp_account_standing",
            sqlite_where=sa.text("state <> 'disconnected'"),
            postgresql_where=sa.text("state <> 'disconnected'"),
        )
        batch_op.drop_index("ix_csp_account_partner")

    op.drop_table("csp_account")
    with op.batch_alter_table("csp_line", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_line_customer")

    op.drop_table("csp_line")
