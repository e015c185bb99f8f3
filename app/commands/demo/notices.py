"""The demo's notices: the last month's, most of them read, and one line of the inbox passed on."""

from datetime import datetime, timedelta

from sqlalchemy import update

from app.commands.demo.people import Cast
from app.foundation import clock
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import viewing
from app.foundation.waiting import KINDS
from app.notices import delegations, portal
from app.notices.model import PortalNotice

SHOWN_FOR, NEW_FOR = timedelta(days=30), timedelta(days=2)


def live(cast: Cast, now: datetime) -> None:
    """Put what the year told among its readers' notices, and let Ada pass a request to Abe."""
    db.session.execute(
        update(OutboxRow).where(OutboxRow.created_at < now - SHOWN_FOR).values(shown_at=OutboxRow.created_at)
    )
    portal.show_due()
    db.session.execute(update(PortalNotice).where(PortalNotice.at < now - NEW_FOR).values(read_at=PortalNotice.at))
    ada, abe = cast.viewers["ada"], cast.viewers["abe"]
    kind = KINDS["engagement-request"]
    with clock.pinned(now - timedelta(hours=2)), viewing(ada):
        waits = kind.waiting_for(ada, 10)
        if waits:
            line = waits[-1]
            delegations.pass_on(
                kind.name, line.id, abe.member_id, note="You know their site; can you take this one?", by=ada
            )
