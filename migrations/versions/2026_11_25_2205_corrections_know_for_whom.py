"""Corrections know for which organisation they were asked: who has left it is told nothing of them any more."""

import sqlalchemy as sa
from alembic import op

revision = "c9a4f0d21e77"
down_revision = "5d0c1f7a42be"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("correction", sa.Column("asked_for_id", sa.Uuid(), nullable=True))
    correction = sa.table(
        "correction", *(sa.column(name) for name in ("asked_for_id", "asked_by_id", "seller_id", "partner_id"))
    )
    membership = sa.table("membership", sa.column("member_id"), sa.column("organisation_id"))

    def belongs(organisation_id: sa.ColumnElement) -> sa.ColumnElement:
        here = sa.select(membership.c.member_id).where(
            membership.c.member_id == correction.c.asked_by_id, membership.c.organisation_id == organisation_id
        )
        return here.correlate(correction).exists()

    sellers_own = belongs(correction.c.seller_id) & ~belongs(correction.c.partner_id)
    for_whom = sa.case((sellers_own, correction.c.seller_id), else_=correction.c.partner_id)
    op.execute(sa.update(correction).where(correction.c.asked_by_id.is_not(None)).values(asked_for_id=for_whom))


def downgrade() -> None:
    op.drop_column("correction", "asked_for_id")
