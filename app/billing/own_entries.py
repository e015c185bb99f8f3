"""Billing entries as the customer reads them: what was done, what it is charged, never what the partner is due.

The amount of an entry is in the programme's own terms, net where the partner states net. So nothing here selects it: what a
customer is charged comes from the charge book, and what is not read cannot leak. Nor does anybody's reason for a refusal.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, Uuid, bindparam, or_, select
from sqlalchemy.orm import aliased

from app.billing import states
from app.billing.corrections_queries import Link, links_of
from app.billing.model import BillingEntry
from app.billing.rules import Rated, Terms, rate
from app.billing.standing import LINES_OF_ENTRIES, OF_ENTRY
from app.catalog.model import Metric, MetricPrice, PriceVersion, Programme
from app.catalog.price_list import is_derived
from app.catalog.queries import gross_tariff, remuneration_of
from app.catalog.tariff import Tariff
from app.charges.model import ChargeLine
from app.charges.queries import gross_of
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import acting_for_all, one

_corrected = aliased(BillingEntry, name="corrected")
#: ordered by (submitted_at, id); no amount, no reason, no failure
OWN_COLUMNS = (
    BillingEntry.id,
    BillingEntry.number,
    BillingEntry.submitted_at,
    BillingEntry.notes,
    BillingEntry.state,
    BillingEntry.quantity,
    BillingEntry.service_month,
    BillingEntry.currency,
    BillingEntry.kind,
    BillingEntry.booked_month,
    _corrected.number.label("corrects"),
    Metric.name.label("metric_name"),
    Metric.unit.label("unit"),
)
LIST_KEYS = (BillingEntry.submitted_at, BillingEntry.id)

#: what the list's status filter offers: two machine states are one to the customer
SHOWN_AS = {
    "rated": (states.RATED,),
    "being-rated": states.UNDECIDED,
    "rejected": (states.REJECTED,),
    "withdrawn": (states.WITHDRAWN,),
}


def own_entries_asked(
    engagement_id: uuid.UUID, *, month: BillingMonth | None = None, state: str | None = None, search: str | None = None
) -> tuple[Any, dict[str, Any] | None]:
    """The same list as own_entries(), each with what it is charged: built once for each choice of filters, and the parameters to
    ask it with; None for a search."""
    if search:
        return charged_rows(own_entries(engagement_id, month=month, state=state, search=search)), None
    values = {"engagement_id": engagement_id} | ({"month": month} if month else {})
    return _kept(state, month is not None), values


@lru_cache(maxsize=16)
def _kept(state: str | None, in_month: bool) -> Select[*tuple[Any, ...]]:
    month = bindparam("month", type_=BillingEntry.service_month.type) if in_month else None
    return charged_rows(own_entries(bindparam("engagement_id", type_=Uuid()), month=month, state=state))


def own_entries(
    engagement_id: Any, *, month: Any = None, state: str | None = None, search: str | None = None
) -> Select[*tuple[Any, ...]]:
    """The engagement's entries that are charged or will be; rejected and withdrawn ones only when asked for by `state`.

    `engagement_id`, `month`: values, or places for them.
    """
    wanted = SHOWN_AS[state] if state else (states.RATED, *states.UNDECIDED)
    found = (
        select(*OWN_COLUMNS)
        .join(Metric, Metric.id == BillingEntry.metric_id)
        .outerjoin(_corrected, _corrected.id == BillingEntry.corrects_id)
        .where(BillingEntry.engagement_id == engagement_id, BillingEntry.state.in_(wanted))
    )
    if month is not None:
        found = found.where(BillingEntry.service_month == month)
    if search:
        found = found.where(
            or_(
                BillingEntry.notes.icontains(search, autoescape=True),
                BillingEntry.number.icontains(search, autoescape=True),
            )
        )
    return found


def own_entry(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Row[*tuple[Any, ...]]:
    """One row as own_entries_asked() gives it, whatever its state, or NotVisible."""
    row = db.session.execute(
        charged_rows(
            select(*OWN_COLUMNS)
            .join(Metric, Metric.id == BillingEntry.metric_id)
            .outerjoin(_corrected, _corrected.id == BillingEntry.corrects_id)
            .where(BillingEntry.engagement_id == engagement_id, BillingEntry.id == entry_id)
        )
    ).one_or_none()
    if row is None:
        raise NotVisible
    return row


def charged_rows(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The entries with what they are charged beside them: None while they are not."""
    return found.outerjoin(ChargeLine, OF_ENTRY).add_columns(ChargeLine.gross_minor, ChargeLine.tax_minor)


@dataclass(frozen=True)
class GrossExplanation:
    """How a charged amount came about, at gross.

    `rated` is computed with `gross_tariff`. Where prices are `derived` only its quantities and unit prices are for showing:
    the amount charged is `gross`, rounded once on the way there, and may differ by the last digit.
    """

    gross: Money
    tax: Money
    rated: Rated
    gross_tariff: Tariff
    derived: bool
    price_from: BillingMonth
    rated_at: datetime
    #: the rows of one correction that it belongs with; quantities and months, no reason
    links: tuple[Link, ...] = ()
    #: it is one of the two rows that a correction booked
    is_correction: bool = False


def gross_explanation(entry_id: uuid.UUID) -> GrossExplanation | None:
    """Recomputed at gross from the price version the entry was rated with; None while nothing is charged for it."""
    entry = one(BillingEntry, entry_id)
    line = gross_of(LINES_OF_ENTRIES, [entry_id]).get(entry_id)
    if entry.state != states.RATED or line is None or entry.quantity_before is None:
        return None
    assert entry.price_version_id is not None
    assert entry.rated_at is not None
    with acting_for_all("a charge is explained from the version it was rated with"):
        version = one(PriceVersion, entry.price_version_id)
        price = db.session.scalars(
            select(MetricPrice).where(
                MetricPrice.price_version_id == version.id, MetricPrice.metric_id == entry.metric_id
            )
        ).one()
        remuneration = remuneration_of(one(Programme, entry.programme_id))
    tariff = gross_tariff(price.tariff, remuneration)
    rated = rate(Terms(tariff, version.currency, True, None), entry.quantity_before, entry.quantity)
    return GrossExplanation(
        gross=Money.of_minor(line.gross_minor, line.currency),
        tax=Money.of_minor(line.tax_minor, line.currency),
        rated=rated,
        gross_tariff=tariff,
        derived=is_derived(remuneration),
        price_from=version.effective_from,
        rated_at=entry.rated_at,
        links=tuple(links_of(entry)),
        is_correction=entry.corrects_id is not None,
    )
