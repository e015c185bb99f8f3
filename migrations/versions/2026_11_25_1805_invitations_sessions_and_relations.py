"""Invitations, members' sessions, sign-ups; an organisation's second factor and end; relations that end."""

import sqlalchemy as sa
from alembic import op

revision = "7c41d0a9be35"
down_revision = "77766b81f50e"
branch_labels = None
depends_on = None

_OPEN_ONLY, _STANDING_ONLY = sa.text("state = 'open'"), sa.text("ended_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "invitation",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("capacity", sa.String(length=10), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("invited_by_id", sa.Uuid(), nullable=True),
        sa.Column("invited_by_label", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_invitation_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(["invited_by_id"], ["member.id"], name=op.f("fk_invitation_invited_by_id_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
    )
    op.create_index(
        "uq_invitation_open", "invitation", ["organisation_id", "capacity", "email"], unique=True,
        sqlite_where=_OPEN_ONLY, postgresql_where=_OPEN_ONLY,
    )  # fmt: skip
    op.create_table(
        "member_session",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.String(length=60), nullable=False),
        sa.Column("source", sa.String(length=45), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_member_session_member_id_member")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_member_session_digest")),
    )
    op.create_index(
        "ix_member_session_member_id_last_seen_at_id", "member_session", ["member_id", "last_seen_at", "id"]
    )
    op.create_index("ix_member_session_last_seen_at", "member_session", ["last_seen_at"])
    op.create_table(
        "sign_up",
        sa.Column("organisation_name", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_up")),
    )
    op.create_index("ix_sign_up_at", "sign_up", ["at"])
    # Added as they are, not by rebuilding: other tables point to this one.
    op.add_column("organisation", sa.Column("second_factor_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("organisation", sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("uq_organisation_name", "organisation", ["name"], unique=True)
    with op.batch_alter_table("partner_customer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint("uq_partner_customer_partner_id_customer_id", type_="unique")
    op.create_index("ix_partner_customer_partner_id", "partner_customer", ["partner_id"])
    op.create_index(
        "uq_partner_customer_standing", "partner_customer", ["partner_id", "customer_id"], unique=True,
        sqlite_where=_STANDING_ONLY, postgresql_where=_STANDING_ONLY,
    )  # fmt: skip


def downgrade() -> None:
    # Before, a pair had one row for ever: the latest of each is kept.
    op.execute(
        """DELETE FROM partner_customer WHERE EXISTS (
               SELECT 1 FROM partner_customer AS later
               WHERE later.partner_id = partner_customer.partner_id
                 AND later.customer_id = partner_customer.customer_id
                 AND (later.since > partner_customer.since
                      OR (later.since = partner_customer.since AND later.id > partner_customer.id)))"""
    )
    op.drop_index("uq_partner_customer_standing", table_name="partner_customer")
    op.drop_index("ix_partner_customer_partner_id", table_name="partner_customer")
    with op.batch_alter_table("partner_customer", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_partner_customer_partner_id_customer_id", ["partner_id", "customer_id"])
        batch_op.drop_column("ended_at")
    op.drop_index("uq_organisation_name", table_name="organisation")
    op.drop_column("organisation", "deactivated_at")
    op.drop_column("organisation", "second_factor_since")
    op.drop_table("sign_up")
    op.drop_table("member_session")
    op.drop_table("invitation")
