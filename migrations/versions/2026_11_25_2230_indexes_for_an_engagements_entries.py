"""An engagement's few undecided entries and corrections are found among ten thousand; a product's lists by it and its partner."""

import sqlalchemy as sa
from alembic import op

revision = "d5b20c81e4a7"
down_revision = "c4a1e70f2b90"
branch_labels = None
depends_on = None

FEW = {
    "ix_billing_entry_undecided_of": (["engagement_id", "submitted_at", "id"], "state IN ('submitted', 'in_review')"),
    "ix_billing_entry_corrections_of": (["engagement_id", "service_month"], "corrects_id IS NOT NULL"),
}
GROUPS = {
    "current": "state IN ('pending', 'active', 'completion_requested')",
    "past": "state IN ('complete', 'rejected', 'withdrawn', 'deleted')",
}


def upgrade() -> None:
    _product_lists(["product_id", "partner_id"])
    for name, (columns, which) in FEW.items():
        op.create_index(name, "billing_entry", columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def downgrade() -> None:
    for name in FEW:
        op.drop_index(name, "billing_entry")
    _product_lists(["product_id"])


def _product_lists(begin: list[str]) -> None:
    op.drop_index("ix_engagement_product_state", "engagement")
    op.create_index("ix_engagement_product_state", "engagement", [*begin, "state", "requested_at", "id"])
    for name, which in GROUPS.items():
        op.drop_index(f"ix_engagement_product_{name}", "engagement")
        op.create_index(
            f"ix_engagement_product_{name}",
            "engagement",
            [*begin, "requested_at", "id"],
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )
