"""What a correction would book at this moment: both lines, their amounts, and the open month they fall in. Writes nothing."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from app.billing import rules, states
from app.billing.model import BillingEntry, Correction, RatingGroup
from app.billing.rules import Corrected, Rated, Terms
from app.catalog.model import Metric, MetricPrice, PriceVersion, Programme
from app.catalog.tariff import Tariff
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all, one
from app.foundation.text import N_
from app.months import actions as months
from app.months.queries import rows_of, taking_entries


@dataclass(frozen=True)
class Outlook:
    """`corrected` holds how each amount comes about; amounts are in the programme's own terms."""

    corrected: Corrected
    metric: Metric
    version: PriceVersion
    tariff: Tariff
    booked_month: BillingMonth

    @property
    def reversal(self) -> Money:
        return self.corrected.reversal.amount

    @property
    def rebill(self) -> Money:
        """Zero where nothing is billed anew."""
        again: Rated | None = self.corrected.rebill
        return again.amount if again else Money.zero(self.reversal.currency)

    @property
    def difference(self) -> Money:
        return self.corrected.difference

    @property
    def shown(self) -> str:
        """What a person has seen of it, to compare with what it is when they say yes."""
        return f"{self.reversal} {self.rebill} {self.booked_month}"


def outlook(entry: BillingEntry, quantity: Decimal, *, waiting: Correction | None = None) -> Outlook:
    """The entry with `quantity` in its place, as things stand. `waiting`: the correction that is being decided.

    Refused where the entry cannot be corrected, the quantity is not one of the metric's, or no month is open.
    """
    with acting_for_all("terms and groups decide for every party"):
        programme = one(Programme, entry.programme_id)
        check_correctable(entry, programme, waiting=waiting)
        metric = one(Metric, entry.metric_id)
        if quantity:
            rules.check_quantity(quantity, metric.step)
        assert entry.price_version_id is not None  # check_correctable: it is rated
        version = one(PriceVersion, entry.price_version_id)
        tariff = _tariff(version, metric)
        group = group_of(entry)
    terms = Terms(tariff, version.currency, True, metric.month_limit)
    corrected = rules.correct(terms, group.quantity, entry.quantity, quantity)
    wanted = waiting.booked_month if waiting else None
    return Outlook(
        corrected, metric, version, tariff, booking_month(programme, entry.service_month, clock.now(), wanted)
    )


def check_correctable(entry: BillingEntry, programme: Programme, *, waiting: Correction | None = None) -> None:
    """Rated, its month takes no entries any more, not taken back already, and nothing else waits for it."""
    if entry.state != states.RATED:
        raise Refused("entry", N_("Only what is rated can be corrected."))
    if entry.kind == states.REVERSAL:
        raise Refused("entry", N_("A reversal is not corrected; correct what was billed anew."))
    month = rows_of(programme.cut_off, [entry.service_month]).get(entry.service_month)
    if month is None or not months.is_frozen(month):
        raise Refused(
            "entry",
            N_("%(month)s is not closed yet: a correction is for months that take no entries any more."),
            month=entry.service_month,
        )
    taken_back = select(BillingEntry.number).where(
        BillingEntry.corrects_id == entry.id, BillingEntry.kind == states.REVERSAL
    )
    number = db.session.scalar(taken_back)
    if number is not None:
        raise Refused("entry", N_("%(number)s has taken it back already."), number=number)
    other = db.session.scalar(
        select(Correction.number).where(Correction.entry_id == entry.id, Correction.state == states.REQUESTED)
    )
    if other is not None and (waiting is None or other != waiting.number):
        raise Refused("entry", N_("Correction %(number)s waits for a decision already."), number=other)


def why_not_correctable(entry: BillingEntry) -> Refused | None:
    """Why the entry cannot be corrected at all, whatever the quantity; None: it can."""
    with acting_for_all("a programme's cut-off decides for every party"):
        programme = one(Programme, entry.programme_id)
    try:
        check_correctable(entry, programme)
    except Refused as no:
        return no
    return None


def is_correctable(entry: BillingEntry) -> bool:
    return why_not_correctable(entry) is None


def booking_month(
    programme: Programme, service_month: BillingMonth, now: datetime, wanted: BillingMonth | None = None
) -> BillingMonth:
    """The open month that a correction is booked in: the `wanted` one while it is open, else the one that stays open longest.

    In the days of grace two are open; the later one leaves the second person time, and the earlier month's totals alone. It is
    always after the month of the work.
    """
    offered = [one for one in taking_entries(now)[programme.cut_off] if one.month > service_month]
    if wanted is not None and any(one.month == wanted for one in offered):
        return wanted
    by_clock = [one.month for one in offered if one.closes_at is not None]
    if not offered:
        raise Refused("correction", N_("No month is open to book it in."))
    return by_clock[-1] if by_clock else offered[-1].month


def group_of(entry: BillingEntry) -> RatingGroup:
    """What the entry's group holds now, read afresh."""
    return db.session.scalars(
        select(RatingGroup)
        .where(
            RatingGroup.engagement_id == entry.engagement_id,
            RatingGroup.metric_id == entry.metric_id,
            RatingGroup.service_month == entry.service_month,
        )
        .execution_options(populate_existing=True)
    ).one()


def _tariff(version: PriceVersion, metric: Metric) -> Tariff:
    price = select(MetricPrice).where(MetricPrice.price_version_id == version.id, MetricPrice.metric_id == metric.id)
    return db.session.scalars(price).one().tariff
