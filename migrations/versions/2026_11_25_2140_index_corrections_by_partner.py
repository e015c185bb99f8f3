"""A partner's corrections, newest first: an index for the list that programs read."""

from alembic import op

revision = "5e0c7f1d2a44"
down_revision = "039a89578ae2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_correction_partner", "correction", ["partner_id", "asked_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_correction_partner", table_name="correction")
