"""What a listing named, and which versions of lines are over

A listing goes on in the middle after its worker was killed; lines of a version whose place another has taken go in small bites.

Revision ID: d15c0be7a440
Revises: f1c50a6e2b91
"""

import sqlalchemy as sa
from alembic import op

revision = "d15c0be7a440"
down_revision = "f1c50a6e2b91"
branch_labels = None
depends_on = None

_OVER = sa.text("over_at IS NOT NULL AND purged_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "csp_listed",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["organisation.id"], name=op.f("fk_csp_listed_partner_id_organisation")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["csp_run.id"], name=op.f("fk_csp_listed_run_id_csp_run")),
        sa.PrimaryKeyConstraint("run_id", "kind", "subject", name=op.f("pk_csp_listed")),
    )
    with op.batch_alter_table("csp_document_version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("over_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            "ix_csp_document_version_over", ["over_at"], unique=False, sqlite_where=_OVER, postgresql_where=_OVER
        )


def downgrade() -> None:
    with op.batch_alter_table("csp_document_version", schema=None) as batch_op:
        batch_op.drop_index("ix_csp_document_version_over", sqlite_where=_OVER, postgresql_where=_OVER)
        batch_op.drop_column("purged_at")
        batch_op.drop_column("over_at")
    op.drop_table("csp_listed")
