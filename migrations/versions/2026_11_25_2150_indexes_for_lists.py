"""An index in the list's order for every filter of the lists that had none; sums of charges need none."""

import sqlalchemy as sa
from alembic import op

revision = "c4a1e70f2b90"
down_revision = "c4a17b5e0d21"
branch_labels = None
depends_on = None

GROUPS = {
    "current": "state IN ('pending', 'active', 'completion_requested')",
    "past": "state IN ('complete', 'rejected', 'withdrawn', 'deleted')",
}
UNDECIDED = "state IN ('submitted', 'in_review')"
#: name -> (table, columns, where)
FEW = {
    "ix_billing_entry_in_review": ("billing_entry", ["submitted_at", "id"], "state = 'in_review'"),
    "ix_billing_entry_partner_undecided": ("billing_entry", ["partner_id", "submitted_at", "id"], UNDECIDED),
    "ix_completion_request_waiting": ("completion_request", ["partner_id", "asked_at"], "state = 'open'"),
}
OWNERS = ("seller", "partner", "product")


#: On SQLite without statistics the index made last wins where two serve a filter alike: so the most telling ones are made
#: last, a client's after a product's after an organisation's.
AGAIN = {
    "ix_engagement_product_state": ["product_id", "state", "requested_at", "id"],
    "ix_engagement_partner_customer": ["partner_id", "customer_id", "requested_at", "id"],
    "ix_engagement_customer": ["customer_id", "requested_at", "id"],
}


def upgrade() -> None:
    for whose in OWNERS:
        for name, one_of in GROUPS.items():
            op.create_index(
                f"ix_engagement_{whose}_{name}",
                "engagement",
                [f"{whose}_id", "requested_at", "id"],
                sqlite_where=sa.text(one_of),
                postgresql_where=sa.text(one_of),
            )
    for name, columns in AGAIN.items():
        op.drop_index(name, "engagement")
        op.create_index(name, "engagement", columns)
    op.create_index("ix_engagement_customer_state", "engagement", ["customer_id", "state", "requested_at", "id"])
    op.create_index("ix_partner_customer_partner_id_customer_id", "partner_customer", ["partner_id", "customer_id"])
    op.drop_index("ix_partner_customer_partner_id", "partner_customer")
    op.create_index("ix_billing_entry_listed", "billing_entry", ["engagement_id", "submitted_at", "id"])
    for name, (table, columns, which) in FEW.items():
        op.create_index(name, table, columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def downgrade() -> None:
    op.drop_index("ix_billing_entry_listed", "billing_entry")
    op.create_index("ix_partner_customer_partner_id", "partner_customer", ["partner_id"])
    op.drop_index("ix_partner_customer_partner_id_customer_id", "partner_customer")
    for name, (table, _columns, _which) in FEW.items():
        op.drop_index(name, table)
    for name in GROUPS:
        for whose in OWNERS:
            op.drop_index(f"ix_engagement_{whose}_{name}", "engagement")
    op.drop_index("ix_engagement_customer_state", "engagement")
