"""What must hold of months: they are as their history says, and every close's root hash still follows from all history."""

import json

from sqlalchemy import select

from app.foundation.billing_month import CUT_OFF_POLICIES
from app.foundation.database import db, streamed
from app.foundation.history import History
from app.foundation.self_check import Check, Verdicts
from app.months import states
from app.months.model import Month, MonthClose
from app.months.root import misfits, roots


def checks() -> list[Check]:
    return [
        Check("months are as their history says, and none was frozen before its cut-off", _states),
        Check("each close's root hash follows from its marks, and is the one its history tells", _roots),
        Check("history still holds every event that a close has marked", misfits),
    ]


def _states() -> Verdicts:
    said = select(History.to_state).where(
        History.subject_kind == "month",
        History.subject_id == Month.id,
        History.about_id.is_(None),  # a wish to reopen has states of its own
        History.to_state.is_not(None),
    )
    last = said.order_by(History.sequence.desc()).limit(1).scalar_subquery()
    closes = select(MonthClose.id).where(MonthClose.month_id == Month.id).exists()
    rows = select(
        Month.book,
        Month.month,
        Month.state,
        Month.frozen_at,
        Month.closed_at,
        last.label("said"),
        closes.label("stored"),
    )
    for row in streamed(rows):
        closes_at = CUT_OFF_POLICIES[row.book].closes_at(row.month)
        if row.state != (row.said or states.OPEN):
            yield f"month {row.month} of {row.book} is {row.state}, history says {row.said or states.OPEN}"
        elif (row.state in states.SHUT) != (row.frozen_at is not None):
            yield f"month {row.month} of {row.book} is {row.state}, frozen at {row.frozen_at}"
        elif (row.state == states.CLOSED) != (row.closed_at is not None):
            yield f"month {row.month} of {row.book} is {row.state}, closed at {row.closed_at}"
        elif row.state == states.CLOSED and not row.stored:
            yield f"month {row.month} of {row.book} is closed, and nothing was stored"
        elif row.frozen_at is not None and row.frozen_at < closes_at:
            yield f"month {row.month} of {row.book} was frozen at {row.frozen_at}, before its cut-off {closes_at}"
        else:
            yield ""


def _roots() -> Verdicts:
    """A handful a year, so each is held; the marks behind them are read in one stream."""
    closes = db.session.execute(
        select(
            MonthClose.sequence, MonthClose.month_id, MonthClose.root_hash, MonthClose.chains, MonthClose.events
        ).order_by(MonthClose.sequence)
    ).all()
    told = {facts["root"] for facts in map(json.loads, db.session.scalars(_CLOSED))}
    found = roots([close.sequence for close in closes])
    for place, close in enumerate(closes, 1):
        root = found[close.sequence]
        if close.sequence != place:
            yield f"close {place} is missing"
        elif (root.hash, root.chains, root.events) != (close.root_hash, close.chains, close.events):
            yield f"close {close.sequence}: its marks give root {root.hash} over {root.chains} chains, stored is {close.root_hash} over {close.chains}"
        elif close.root_hash not in told:
            yield f"close {close.sequence}: no month's history tells its root {close.root_hash}"
        else:
            yield ""


_CLOSED = select(History.facts).where(History.subject_kind == "month", History.event == "month_closed")
