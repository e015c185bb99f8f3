"""What must hold of corrections: decided as history says, and booked as they were approved, in both lines and in neither else."""

import json
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from app.billing import states
from app.billing.model import BillingEntry, Correction
from app.foundation.database import streamed
from app.foundation.history import History
from app.foundation.money import Money
from app.foundation.self_check import Check, Verdicts


def checks() -> list[Check]:
    return [
        Check("corrections are as history says, and what was approved is what was booked", _corrections),
        Check("each reversal and each rebill has its approved correction", _strays),
    ]


def _corrections() -> Verdicts:
    told, entry = aliased(History), aliased(BillingEntry)
    said = select(told.id).where(told.about_id == Correction.id)
    last = said.order_by(told.sequence.desc()).limit(1).scalar_subquery()
    back, again = aliased(BillingEntry), aliased(BillingEntry)
    rows = (
        select(
            Correction.number, Correction.state, Correction.quantity, Correction.reversal_minor, Correction.rebill_minor,
            Correction.currency, Correction.booked_month, entry.quantity.label("was"), History.to_state, History.facts,
            back.quantity.label("back_quantity"), back.amount_minor.label("back_minor"), back.booked_month.label("back_month"),
            again.quantity.label("again_quantity"), again.amount_minor.label("again_minor"), again.booked_month.label("again_month"),
        )
        .join(entry, entry.id == Correction.entry_id)
        .outerjoin(back, and_(back.corrects_id == entry.id, back.kind == states.REVERSAL))
        .outerjoin(again, and_(again.corrects_id == entry.id, again.kind == states.REBILL))
        .outerjoin(History, History.id == last)
    )  # fmt: skip
    for row in streamed(rows):
        if row.to_state != row.state:
            yield f"{row.number} is {row.state}, history says {row.to_state}"
        elif row.state == states.APPROVED:
            yield _of_an_approved(row)
        else:
            yield ""


def _of_an_approved(row: Any) -> str:
    difference = str(Money.of_minor(row.reversal_minor + row.rebill_minor, row.currency))
    if json.loads(row.facts)["amount"] != difference:
        return f"{row.number} comes to {difference}, history says {json.loads(row.facts)['amount']}"
    wanted = (-row.was, row.reversal_minor, row.booked_month)
    if (row.back_quantity, row.back_minor, row.back_month) != wanted:
        return f"{row.number}: its reversal is not the one that was approved"
    nothing = (None, None, None)
    wanted = (row.quantity, row.rebill_minor, row.booked_month) if row.quantity else nothing
    if (row.again_quantity, row.again_minor, row.again_month) != wanted:
        return f"{row.number}: what is billed anew is not what was approved"
    return ""


def _strays() -> Verdicts:
    """A row of a correction without one that was approved for the same entry, for the rebill one that bills something."""
    approved = and_(Correction.entry_id == BillingEntry.corrects_id, Correction.state == states.APPROVED)
    rows = (
        select(BillingEntry.number, BillingEntry.kind, func.count(Correction.id).label("approved"))
        .outerjoin(Correction, approved)
        .where(BillingEntry.kind != states.ENTRY)
        .group_by(BillingEntry.id, BillingEntry.number, BillingEntry.kind)
    )
    for row in streamed(rows):
        yield "" if row.approved == 1 else f"{row.number}, a {row.kind}, has {row.approved} approved corrections"
