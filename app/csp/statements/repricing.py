"""Terms and statements: what is not issued yet follows new terms; what is issued stands, and terms may not begin before its end."""

import uuid
from collections.abc import Collection
from datetime import date

from sqlalchemy import exists, select

from app.csp.customers import terms
from app.csp.invoices import pricing
from app.csp.invoices.model import CspDocument, CspDocumentTotal
from app.csp.statements.model import CspStatement, CspStatementCost
from app.foundation.database import db
from app.foundation.text import N_, filled

REFUSAL = N_(
    "Statement %(number)s bills charges up to %(day)s on the terms that stood then. Choose a later day, or correct it by a credit."
)
#: customers asked for by one statement
_TOGETHER = 400


_connected: list[bool] = []


def connect() -> None:
    """Once a process, however many portals it makes."""
    if not _connected:
        terms.when_changed(reprice_open)
        terms.refuse_when(refusal)
        _connected.append(True)


def reprice_open(account_id: uuid.UUID, customer_ids: Collection[uuid.UUID]) -> None:
    """Every version in force with lines of these customers that no statement was drawn from, inside the transaction of the change."""
    waiting: dict[int, set[uuid.UUID]] = {}
    wanted = list(customer_ids)
    for begin in range(0, len(wanted), _TOGETHER):
        found = (
            select(CspDocumentTotal.version_id, CspDocumentTotal.customer_id)
            .join(CspDocument, CspDocument.version_id == CspDocumentTotal.version_id)
            .where(
                CspDocument.account_id == account_id,
                CspDocumentTotal.customer_id.in_(wanted[begin : begin + _TOGETHER]),
                ~exists(
                    select(CspStatementCost.version_id)
                    .where(
                        CspStatementCost.version_id == CspDocumentTotal.version_id,
                        CspStatementCost.csp_customer_id == CspDocumentTotal.customer_id,
                    )
                    .correlate(CspDocumentTotal)
                ),
            )
        )
        for version_id, customer_id in db.session.execute(found):
            if customer_id is not None:
                waiting.setdefault(version_id, set()).add(customer_id)
    for version_id in sorted(waiting):
        pricing.reprice_customers(version_id, waiting[version_id])


def refusal(customer_id: uuid.UUID, valid_from: date) -> str | None:
    """Why terms may not begin on this day, in words; None: no issued statement has a charge of that day or later."""
    found = (
        select(CspStatement.number, CspStatement.last_charge_on)
        .where(CspStatement.csp_customer_id == customer_id, CspStatement.last_charge_on >= valid_from)
        .order_by(CspStatement.last_charge_on.desc())
        .limit(1)
    )
    last = db.session.execute(found).one_or_none()
    if last is None:
        return None
    return filled(REFUSAL, {"number": last.number, "day": f"{last.last_charge_on:%-d %b %Y}"})
