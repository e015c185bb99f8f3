"""What each partner's lines under a programme come to in a month, kept with the lines."""

import sqlalchemy as sa
from alembic import op

revision = "b8c2f6147da9"
down_revision = "a3d90c57e182"
branch_labels = None
depends_on = None

KEY = ("booked_month", "programme_id", "partner_id", "seller_id", "currency", "is_test")

#: lines of no programme stand under it; either database reads it so
NONE = f"'{'0' * 32}'"


def upgrade() -> None:
    op.create_table(
        "programme_month",
        sa.Column("booked_month", sa.Integer(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("seller_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_programme_month")),
    )
    op.execute(
        f"""INSERT INTO programme_month (booked_month, programme_id, partner_id, seller_id, currency, is_test,
                                        gross_minor, due_minor, tax_minor, lines)
           SELECT booked_month, COALESCE(programme_id, {NONE}), partner_id, seller_id, currency, is_test,
                  SUM(gross_minor), SUM(due_minor), SUM(tax_minor), COUNT(*)
           FROM charge_line
           GROUP BY booked_month, COALESCE(programme_id, {NONE}), partner_id, seller_id, currency, is_test"""
    )


def downgrade() -> None:
    op.drop_table("programme_month")
