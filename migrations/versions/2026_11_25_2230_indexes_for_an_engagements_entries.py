"""An engagement's undecided entries and its corrections are found among ten thousand without reading these."""

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


def upgrade() -> None:
    for name, (columns, which) in FEW.items():
        op.create_index(name, "billing_entry", columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))


def downgrade() -> None:
    for name in FEW:
        op.drop_index(name, "billing_entry")
