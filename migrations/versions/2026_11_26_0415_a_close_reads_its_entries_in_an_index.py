"""A month's close adds its rated entries up along an index that holds all it asks of them, in the order of its groups."""

import sqlalchemy as sa
from alembic import op

revision = "a41c86e2b9d0"
down_revision = "c3a85f17d2e9"
branch_labels = None
depends_on = None

BOOKED = ("ix_billing_entry_booked", "billing_entry")


def upgrade() -> None:
    op.drop_index(*BOOKED)
    op.create_index(
        *BOOKED,
        ["booked_month", "programme_id", "service_month", "currency", "kind", "amount_minor"],
        sqlite_where=sa.text("state = 'rated' AND is_test IS 0"),
        postgresql_where=sa.text("state = 'rated' AND is_test IS false"),
    )


def downgrade() -> None:
    op.drop_index(*BOOKED)
    op.create_index(*BOOKED, ["booked_month", "programme_id"])
