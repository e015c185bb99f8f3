"""How often each program has asked in its present window, counted in a table: for many processes that answer for one portal.

A count is worth less than what it counts: it is written beside the request's own work and not waited for on the disk.
"""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, Uuid, and_, case, false, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.database import Base, Instant, transaction
from app.foundation.tenancy import Capacity, Tenanted, acting_for_all


class RequestCount(Tenanted, Base):
    """One row a caller."""

    __tablename__ = "request_count"

    caller: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    #: when its present window began
    began_at: Mapped[datetime] = mapped_column(Instant)
    #: in that window
    requests: Mapped[int] = mapped_column(Integer)

    @classmethod
    def visible_to(cls, capacity: Capacity) -> ColumnElement[bool]:
        return false()


def count_one(caller: uuid.UUID, now: datetime, length: timedelta) -> tuple[datetime, int]:
    """(the window's beginning, requests in it with this one). PostgreSQL only.

    A window may begin a little later than now: the clocks of two machines differ. Much later: the demo's was moved back.
    """
    first = insert(RequestCount).values(caller=caller, began_at=now, requests=1)
    here, asked = RequestCount.began_at, RequestCount.requests
    goes_on = and_(here > now - length, here < now + length)
    counted = first.on_conflict_do_update(
        index_elements=[RequestCount.caller],
        set_={"began_at": case((goes_on, here), else_=now), "requests": case((goes_on, asked + 1), else_=1)},
    ).returning(here, asked)
    with transaction() as session, acting_for_all("count a program's requests"):
        session.execute(text("SET LOCAL synchronous_commit TO off"))
        began_at, requests = session.execute(counted).one()
    return began_at, requests
