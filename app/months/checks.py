"""What must hold of months: frozen ones stay frozen, and history says when."""

from sqlalchemy import select

from app.foundation.billing_month import CUT_OFF_POLICIES
from app.foundation.database import streamed
from app.foundation.history import History
from app.foundation.self_check import Check, Verdicts
from app.months import states
from app.months.model import Month


def checks() -> list[Check]:
    return [Check("months are as their history says, and none was frozen before its cut-off", _states)]


def _states() -> Verdicts:
    said = select(History.to_state).where(
        History.subject_kind == "month", History.subject_id == Month.id, History.to_state.is_not(None)
    )
    last = said.order_by(History.sequence.desc()).limit(1).scalar_subquery()
    rows = select(Month.book, Month.month, Month.state, Month.frozen_at, last.label("said"))
    for row in streamed(rows):
        closes_at = CUT_OFF_POLICIES[row.book].closes_at(row.month)
        if row.state != (row.said or states.OPEN):
            yield f"month {row.month} of {row.book} is {row.state}, history says {row.said or states.OPEN}"
        elif (row.state == states.FROZEN) != (row.frozen_at is not None):
            yield f"month {row.month} of {row.book} is {row.state}, frozen at {row.frozen_at}"
        elif row.frozen_at is not None and row.frozen_at < closes_at:
            yield f"month {row.month} of {row.book} was frozen at {row.frozen_at}, before its cut-off {closes_at}"
        else:
            yield ""
