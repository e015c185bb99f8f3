"""Engagements by state are counted in the index alone: whether one is a test, which every count asks, stands in it too."""

from alembic import op

revision = "e7c41a90d3f6"
down_revision = "d5b20c81e4a7"
branch_labels = None
depends_on = None

BEGIN = {
    "partner": ["partner_id"],
    "product": ["product_id", "partner_id"],
    "seller": ["seller_id"],
    # last: of indexes that fit alike, SQLite takes the newest, and one client has fewer engagements than one seller
    "customer": ["customer_id"],
}


def upgrade() -> None:
    _by_state(["is_test"])


def downgrade() -> None:
    _by_state([])


def _by_state(end: list[str]) -> None:
    for whose, begin in BEGIN.items():
        op.drop_index(f"ix_engagement_{whose}_state", "engagement")
        op.create_index(f"ix_engagement_{whose}_state", "engagement", [*begin, "state", "requested_at", "id", *end])
