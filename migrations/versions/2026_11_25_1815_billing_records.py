"""Billing entries remember the record they came from: sent again, it makes nothing twice."""

import sqlalchemy as sa
from alembic import op

revision = "b1770f0c5a11"
down_revision = "7c41d0a9be35"
branch_labels = None
depends_on = None

ONLY = sa.text("record_key IS NOT NULL")


def upgrade() -> None:
    op.add_column("billing_entry", sa.Column("record_key", sa.String(length=200), nullable=True))
    op.add_column("billing_entry", sa.Column("record_digest", sa.String(length=64), nullable=True))
    op.create_index(
        "uq_billing_entry_record",
        "billing_entry",
        ["partner_id", "record_key"],
        unique=True,
        sqlite_where=ONLY,
        postgresql_where=ONLY,
    )


def downgrade() -> None:
    op.drop_index("uq_billing_entry_record", table_name="billing_entry")
    op.drop_column("billing_entry", "record_digest")
    op.drop_column("billing_entry", "record_key")
