"""What waits to be mailed: how much, since when, and why. Read as the system; told to the operator."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.notices.failed_rows import unsent

WATCHING = "the operator watches mail on its way"
#: more are said as "1,000 or more"
COUNTED = 1000
WAITING, PUT_OFF, GIVEN_UP = "waiting", "put-off", "given-up"
STATES = {
    WAITING: (OutboxRow.failed_at.is_(None), OutboxRow.tries == 0),
    PUT_OFF: (OutboxRow.failed_at.is_(None), OutboxRow.tries > 0),
    GIVEN_UP: (OutboxRow.failed_at.is_not(None),),
}
LIST_KEYS = (OutboxRow.created_at, OutboxRow.id)


@dataclass(frozen=True)
class OnItsWay:
    """Notices that are to be mailed, COUNTED at most; those among them that were tried in vain; what was given up."""

    waiting: int
    put_off: int
    oldest: datetime | None
    given_up: int


def mail_on_its_way() -> OnItsWay:
    """Two bounded counts."""
    few = select(OutboxRow.created_at, OutboxRow.tries).where(OutboxRow.sent_at.is_(None))
    alive = few.where(OutboxRow.failed_at.is_(None)).order_by(OutboxRow.created_at).limit(COUNTED).subquery()
    gone = few.where(OutboxRow.failed_at.is_not(None)).limit(COUNTED).subquery()
    with acting_for_all(WATCHING):
        row = db.session.execute(
            select(func.count(), func.count().filter(alive.c.tries > 0), func.min(alive.c.created_at)).select_from(
                alive
            )
        ).one()
        given_up = db.session.scalar(select(func.count()).select_from(gone)) or 0
    return OnItsWay(row[0], row[1], row[2], given_up)


def notices_on_their_way(state: str | None = None) -> Select[*tuple[Any, ...]]:
    """For page_of(LIST_KEYS), inside acting_for_all(WATCHING)."""
    return unsent().where(*STATES[state]) if state else unsent()


def state_of(row: Any) -> str:
    if row.failed_at is not None:
        return GIVEN_UP
    return PUT_OFF if row.tries else WAITING
