"""What a rated row puts into the charge book, and what stands there for its group: one answer for booking, close and checks."""

import uuid
from typing import Any

from sqlalchemy import and_, func, select

from app.billing import rules, states
from app.billing.model import BillingEntry
from app.billing.rules import Amounts
from app.catalog.rules import Remuneration, tax_on
from app.charges.model import ChargeLine
from app.foundation.database import db
from app.foundation.money import Money

LINES_OF_ENTRIES = "billing-entry"
OF_ENTRY = and_(ChargeLine.source_kind == LINES_OF_ENTRIES, ChargeLine.source_id == BillingEntry.id)
_SUMS = (
    func.coalesce(func.sum(BillingEntry.amount_minor), 0),
    func.coalesce(func.sum(ChargeLine.gross_minor), 0),
    func.coalesce(func.sum(ChargeLine.due_minor), 0),
    func.coalesce(func.sum(ChargeLine.tax_minor), 0),
)


def line_of(row: Any, remuneration: Remuneration, tax_percent: Any) -> Amounts:
    """Gross, due and tax that follow from the row's amount; a reversal's from what it takes back.

    `row`: kind, corrects_id, engagement_id, metric_id, service_month, rated_sequence, amount_minor, currency of an entry.
    """
    if row.kind == states.REVERSAL:
        taken_back = rules.undone(row.amount_minor, _of(row.corrects_id), _before(row))
        if taken_back is not None:
            return taken_back
    amount = Money.of_minor(row.amount_minor, row.currency)
    gross = remuneration.gross(amount)
    return Amounts(amount.minor, gross.minor, remuneration.due(amount).minor, tax_on(gross, tax_percent).minor)


def _of(entry_id: uuid.UUID) -> Amounts:
    return _summed(BillingEntry.id == entry_id)


def _before(row: Any) -> Amounts:
    """What stood for the row's group when it was rated."""
    return _summed(
        BillingEntry.engagement_id == row.engagement_id,
        BillingEntry.metric_id == row.metric_id,
        BillingEntry.service_month == row.service_month,
        BillingEntry.rated_sequence < row.rated_sequence,
    )


def _summed(*where: Any) -> Amounts:
    sums = db.session.execute(
        select(*_SUMS).join(ChargeLine, OF_ENTRY).where(BillingEntry.state == states.RATED, *where)
    ).one()
    return Amounts(*(int(part) for part in sums))
