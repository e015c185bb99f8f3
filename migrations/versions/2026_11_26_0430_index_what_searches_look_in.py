"""Engagements are found by any three letters in a row of their number or name, along an index and in one's own book."""

import sqlalchemy as sa
from alembic import context, op

from app.engagements import search_index

revision = "a3d90c57e182"
down_revision = "a41c86e2b9d0"
branch_labels = None
depends_on = None

#: of one product and one client, in the order of the list; a search of a client's own by a product's name reads it too
BOTH = ("ix_engagement_product_customer", ["product_id", "customer_id", "requested_at", "id"])


def upgrade() -> None:
    op.create_index(BOTH[0], "engagement", BOTH[1])
    if context.is_offline_mode():
        _write(search_index.made(op.get_context().dialect.name))
    else:
        search_index.make(op.get_bind())


def downgrade() -> None:
    if context.is_offline_mode():
        _write(search_index.removed(op.get_context().dialect.name))
    else:
        search_index.remove(op.get_bind())
    op.drop_index(BOTH[0], "engagement")


def _write(statements: list[str]) -> None:
    for statement in statements:
        op.execute(sa.text(statement))
