"""add listing reviews, metering evidence and the states of price versions."""

import sqlalchemy as sa
from alembic import op

revision = "61040caa6874"
down_revision = "15260d621bea"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.String(length=20), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("content_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by_name", sa.String(length=200), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seller_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["partner_id"], ["organisation.id"], name=op.f("fk_evidence_partner_id_organisation")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_evidence_product_id_product")),
        sa.ForeignKeyConstraint(["seller_id"], ["organisation.id"], name=op.f("fk_evidence_seller_id_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(
            "uq_evidence_current",
            ["product_id", "slot"],
            unique=True,
            sqlite_where=sa.text("replaced_at IS NULL"),
            postgresql_where=sa.text("replaced_at IS NULL"),
        )

    op.create_table(
        "listing_review",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("price_version_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_by_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_by_name", sa.String(length=200), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("decided_by_name", sa.String(length=200), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seller_id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_listing_review_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["price_version_id"], ["price_version.id"], name=op.f("fk_listing_review_price_version_id_price_version")
        ),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_listing_review_product_id_product")),
        sa.ForeignKeyConstraint(
            ["seller_id"], ["organisation.id"], name=op.f("fk_listing_review_seller_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_review")),
    )
    with op.batch_alter_table("listing_review", schema=None) as batch_op:
        batch_op.create_index("ix_listing_review_product", ["product_id", "submitted_at"], unique=False)
        batch_op.create_index(
            "ix_listing_review_waiting",
            ["seller_id", "kind", "submitted_at", "id"],
            unique=False,
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        )
        batch_op.create_index(
            "uq_listing_review_open",
            ["product_id", "kind"],
            unique=True,
            sqlite_where=sa.text("outcome IS NULL AND price_version_id IS NULL"),
            postgresql_where=sa.text("outcome IS NULL AND price_version_id IS NULL"),
        )
        batch_op.create_index(
            "uq_listing_review_open_version",
            ["price_version_id"],
            unique=True,
            sqlite_where=sa.text("outcome IS NULL AND price_version_id IS NOT NULL"),
            postgresql_where=sa.text("outcome IS NULL AND price_version_id IS NOT NULL"),
        )

    with op.batch_alter_table("price_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("state", sa.String(length=20), nullable=False, server_default="draft"))
        batch_op.add_column(sa.Column("announced_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.execute("UPDATE price_version SET state = 'approved' WHERE approved_at IS NOT NULL")
    with op.batch_alter_table("price_version", schema=None) as batch_op:
        batch_op.alter_column("state", server_default=None)
        batch_op.alter_column("version", server_default=None)
        batch_op.create_index(
            "uq_price_version_open",
            ["plan_id"],
            unique=True,
            sqlite_where=sa.text("state != 'approved'"),
            postgresql_where=sa.text("state != 'approved'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("price_version", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_price_version_open",
            sqlite_where=sa.text("state != 'approved'"),
            postgresql_where=sa.text("state != 'approved'"),
        )
        batch_op.drop_column("version")
        batch_op.drop_column("announced_at")
        batch_op.drop_column("state")

    with op.batch_alter_table("listing_review", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_listing_review_open_version",
            sqlite_where=sa.text("outcome IS NULL AND price_version_id IS NOT NULL"),
            postgresql_where=sa.text("outcome IS NULL AND price_version_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_listing_review_open",
            sqlite_where=sa.text("outcome IS NULL AND price_version_id IS NULL"),
            postgresql_where=sa.text("outcome IS NULL AND price_version_id IS NULL"),
        )
        batch_op.drop_index(
            "ix_listing_review_waiting",
            sqlite_where=sa.text("outcome IS NULL"),
            postgresql_where=sa.text("outcome IS NULL"),
        )
        batch_op.drop_index("ix_listing_review_product")

    op.drop_table("listing_review")
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_evidence_current",
            sqlite_where=sa.text("replaced_at IS NULL"),
            postgresql_where=sa.text("replaced_at IS NULL"),
        )

    op.drop_table("evidence")
