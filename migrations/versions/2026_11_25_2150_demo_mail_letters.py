"""A notice may be several letters in the demo mailbox: one a zone, where it tells an instant."""

import sqlalchemy as sa
from alembic import op

revision = "5d0c1f7a42be"
down_revision = "039a89578ae2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("demo_mail", schema=None) as batch_op:
        batch_op.add_column(sa.Column("letter", sa.String(length=64), server_default="", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_demo_mail_outbox_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_demo_mail_outbox_id_letter"), ["outbox_id", "letter"])


def downgrade() -> None:
    # the older portal knows one letter a notice: the first stays, the others were the same words at another clock
    op.execute(
        """DELETE FROM demo_mail WHERE id IN (
               SELECT later.id FROM demo_mail AS later
               JOIN demo_mail AS first ON first.outbox_id = later.outbox_id AND first.letter < later.letter)"""
    )
    with op.batch_alter_table("demo_mail", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_demo_mail_outbox_id_letter"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_demo_mail_outbox_id"), ["outbox_id"])
        batch_op.drop_column("letter")
