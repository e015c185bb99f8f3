"""Explain: how an amount came about, and what an entry that is not sent yet would come to."""

from dataclasses import dataclass

from sqlalchemy import select

from app.billing import states
from app.billing.actions import Draft, checked
from app.billing.corrections_queries import Link, correction_behind, links_of
from app.billing.model import BillingEntry, Correction
from app.billing.provisional import provisional_ratings
from app.billing.queries import month_totals, provisional_amounts
from app.billing.rating import priced_metric, prices_for
from app.billing.rules import Rated, Terms, rate
from app.catalog.model import Metric, MetricPrice, PriceVersion, Programme
from app.catalog.queries import PlanPrices, PricedMetric, remuneration_of
from app.catalog.rules import Remuneration
from app.catalog.tariff import Tariff
from app.charges.model import ChargeLine
from app.engagements.model import Engagement
from app.engagements.shown import AnyEngagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all, one


@dataclass(frozen=True)
class Explanation:
    """How one amount came about. For partner and operator: `due` never leaves for a customer."""

    month: BillingMonth
    metric: Metric
    version: PriceVersion
    tariff: Tariff
    rated: Rated
    #: what the customer is charged, without tax
    gross: Money
    #: what the partner is due for it
    due: Money
    remuneration: Remuneration
    #: not decided yet: the amount depends on what is rated before it
    provisional: bool
    #: the rows of one correction that it belongs with
    links: tuple[Link, ...] = ()
    #: the correction that it was booked for
    correction: Correction | None = None


def explanation(entry: BillingEntry, engagement: AnyEngagement, programme: Programme) -> Explanation | None:
    """From the price version and the quantity it was rated with; undecided: as it would be rated now.

    None for what has no amount: rejected, withdrawn, or undecided and about to be rejected; and for a test whose draft price
    has changed since.
    """
    if entry.state in states.UNDECIDED:
        return _provisional(entry, engagement, programme)
    if entry.price_version_id is None or entry.quantity_before is None:
        return None
    metric = one(Metric, entry.metric_id)
    with acting_for_all("an amount is explained from the version it was rated with"):
        version = one(PriceVersion, entry.price_version_id)
        price = db.session.scalars(
            select(MetricPrice).where(MetricPrice.price_version_id == version.id, MetricPrice.metric_id == metric.id)
        ).one_or_none()  # fmt: skip
    if entry.is_test and not _still_explains(price, version, entry):
        return None
    assert price is not None  # an approved version never changes
    tariff = price.tariff
    rated = rate(Terms(tariff, version.currency, True, None), entry.quantity_before, entry.quantity)
    booked = db.session.scalars(
        select(ChargeLine).where(ChargeLine.source_kind == "billing-entry", ChargeLine.source_id == entry.id)
    ).one()  # fmt: skip
    remuneration = remuneration_of(programme)
    return Explanation(
        entry.service_month, metric, version, tariff, rated, booked.gross, booked.due, remuneration, False,
        tuple(links_of(entry)), correction_behind(entry) if entry.corrects_id else None,
    )  # fmt: skip


def _still_explains(price: MetricPrice | None, version: PriceVersion, entry: BillingEntry) -> bool:
    """Whether the draft a test was rated with still gives its amount: drafts may be changed after they were tested."""
    if price is None or entry.quantity_before is None:
        return False
    try:
        return (
            rate(Terms(price.tariff, version.currency, True, None), entry.quantity_before, entry.quantity).amount
            == entry.amount
        )
    except (Refused, ValueError):
        return False


def _provisional(entry: BillingEntry, engagement: AnyEngagement, programme: Programme) -> Explanation | None:
    prices = prices_for(engagement)
    waiting = provisional_ratings(engagement, prices).get(entry.id)
    if waiting is None or waiting.rated is None:
        return None
    return _explained(
        priced_metric(prices, entry.metric_id, entry.service_month), entry.service_month, waiting.rated, programme
    )


def _explained(priced: PricedMetric, month: BillingMonth, rated: Rated, programme: Programme) -> Explanation:
    assert priced.version is not None
    assert priced.tariff is not None
    remuneration = remuneration_of(programme)
    gross, due = remuneration.gross(rated.amount), remuneration.due(rated.amount)
    return Explanation(month, priced.metric, priced.version, priced.tariff, rated, gross, due, remuneration, True)


@dataclass(frozen=True)
class Preview:
    """What an entry would come to if it were sent now, and what its month holds without and with it, every metric."""

    explanation: Explanation
    so_far: Money

    @property
    def amount(self) -> Money:
        return self.explanation.rated.amount

    @property
    def then(self) -> Money:
        return self.so_far + self.amount


def preview(engagement: Engagement, programme: Programme, draft: Draft, prices: PlanPrices) -> Preview:
    """Refused as submit would refuse it at this instant. Writes nothing, holds nothing."""
    priced, rated = checked(engagement, programme, draft, clock.now(), prices)
    currency = rated.amount.currency
    totals = month_totals(engagement, currency, provisional_amounts(engagement, prices))
    here = next((total for total in totals if total.month == draft.month), None)
    so_far = here.rated + here.provisional if here else Money.zero(currency)
    return Preview(_explained(priced, draft.month, rated, programme), so_far)
