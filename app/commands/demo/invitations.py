"""The demo's open invitations: one that waits for its answer, and one that has waited too long."""

from datetime import datetime, timedelta

from sqlalchemy import update

from app.commands.demo.people import Cast
from app.foundation import clock
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import viewing
from app.members.invitations import invite
from app.members.roles import CUSTOMER_MEMBER, INSTANCE_EDITOR, PRICING_VIEWER
from app.members.rules import INVITED_FOR

#: (who invites, the e-mail, roles, how many hours ago)
INVITED = (
    ("ada", "nia@northbridge.example", (PRICING_VIEWER, INSTANCE_EDITOR), 50),
    ("dot", "leo@acme.example", (CUSTOMER_MEMBER,), 12 * 24),
)


def invite_some(cast: Cast, now: datetime) -> None:
    for first_name, email, roles, hours_ago in INVITED:
        by = cast.viewers[first_name]
        with clock.pinned(now - timedelta(hours=hours_ago)), viewing(by):
            invite(email, roles, by=by)
    # what has expired was mailed long ago; what is open still lands in the demo's mailbox
    old = OutboxRow.created_at < now - INVITED_FOR
    db.session.execute(update(OutboxRow).where(old).values(sent_at=OutboxRow.created_at))
