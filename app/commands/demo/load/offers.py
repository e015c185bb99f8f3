"""What a load's partners sell, and at which price in which month: read once into plain values, made where there is nothing."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select

from app.billing.rating import terms_of
from app.billing.rules import Terms
from app.catalog.model import Plan, Product, Programme
from app.catalog.queries import PlanPrices, parameters_of, prices_of_plans, remuneration_of
from app.catalog.rules import Remuneration
from app.catalog.states import PUBLISHED
from app.commands.demo.catalog import Bands, Listed, Priced, Shelf, put_on, set_up_programmes
from app.commands.demo.people import OPERATOR, Cast
from app.commands.demo.year import answers_for
from app.engagements.rules import answers
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.parties.model import Organisation


@dataclass(frozen=True, eq=False)  # told apart by identity: each is a key of what is remembered about it
class Meter:
    """One metric of a plan. `terms`: (first month, price version, what it says), oldest first."""

    metric_id: uuid.UUID
    kind: str
    unit: str
    step: Decimal
    terms: tuple[tuple[BillingMonth, uuid.UUID, Terms], ...]

    def place_in(self, month: BillingMonth) -> int:
        """Which of the terms hold in the month; -1: none do yet."""
        return sum(first <= month for first, _, _ in self.terms) - 1


@dataclass(frozen=True, eq=False)
class Offer:
    """A published plan as a request meets it. `outcome`: what rejecting a completion does in its programme."""

    product_id: uuid.UUID
    product: str
    mailed_to: str
    edition: int
    plan_id: uuid.UUID
    plan: str
    given: list[dict[str, str]]
    programme_id: uuid.UUID
    cut_off: str
    threshold: Money | None
    remuneration: Remuneration
    tax_percent: Decimal
    outcome: str
    meters: tuple[Meter, ...]

    @property
    def since(self) -> BillingMonth:
        """The first month in which all of it has a price."""
        return max(meter.terms[0][0] for meter in self.meters)


def offers_of(partner_id: uuid.UUID, first: BillingMonth, last: BillingMonth) -> tuple[Offer, ...]:
    """The partner's published plans that have a price in some month from `first` to `last`, in the order of their names."""
    rows = db.session.execute(
        select(Product, Plan, Programme)
        .join(Plan, Plan.product_id == Product.id)
        .join(Programme, Programme.id == Product.programme_id)
        .where(Product.partner_id == partner_id, Product.state == "published")
        .order_by(Product.slug, Plan.position)
    ).all()
    prices = prices_of_plans(plan.id for _, plan, _ in rows)
    found = []
    for product, plan, programme in rows:
        asked = parameters_of(product.id)
        offer = Offer(
            product.id, product.name, product.request_email, product.edition, plan.id, plan.name,
            answers(asked, answers_for(product.id)), programme.id, programme.cut_off, programme.review_threshold,
            remuneration_of(programme), programme.tax_percent, programme.completion_outcome,
            _meters(prices[plan.id], first, last),
        )  # fmt: skip
        if offer.meters:
            found.append(offer)
    return tuple(found)


def _meters(prices: PlanPrices, first: BillingMonth, last: BillingMonth) -> tuple[Meter, ...]:
    """The metrics with a price at the end, with what held from `first` on: a version a change, as rating would find it."""
    held: dict[uuid.UUID, list[tuple[BillingMonth, uuid.UUID, Terms]]] = {}
    month = first
    while month <= last:
        for priced in prices.in_month(month):
            if priced.version is not None and priced.tariff is not None and priced.billable:
                terms = held.setdefault(priced.metric.id, [])
                if not terms or terms[-1][1] != priced.version.id:
                    terms.append((month, priced.version.id, terms_of(priced)))
        month = month.next
    return tuple(
        Meter(metric.id, metric.kind, metric.unit, metric.step, tuple(held[metric.id]))
        for metric in prices.metrics
        if metric.id in held
    )


def stock_up(partners: list[Organisation], seller: Organisation, here: BillingMonth, months: int) -> None:
    """Two products for each partner that has none: one priced per unit, one in bands that fall."""
    bare = [
        partner
        for partner in partners
        if db.session.scalar(select(Product.id).where(Product.partner_id == partner.id).limit(1)) is None
    ]
    known = {one.name: one for one in db.session.scalars(select(Programme).where(Programme.seller_id == seller.id))}
    shelf = Shelf(here, programmes=known)
    set_up_programmes(shelf, seller)
    cast = Cast({OPERATOR: seller} | {partner.name: partner for partner in partners})
    for place, partner in enumerate(bare):
        for listed in _products(partner.name, place, months + 1):
            put_on(shelf, listed, cast, state=PUBLISHED)  # nobody is there who could ask for it


def _products(partner: str, place: int, back: int) -> tuple[Listed, Listed]:
    """Prices differ a little from partner to partner; those of the bands fell once, on the way."""
    price = 90 + place * 3
    hours = Priced("Hours", "Hours", "h", "0.25", "per_unit", {back: ((None, f"{price}.50"),)})
    bands: dict[int, Bands] = {
        at: (("50", f"{price - cut}"), ("200", f"{price - cut - 9}.75"), (None, f"{price - cut - 20}.125"))
        for at, cut in ((back, 0), (max(back // 3, 1), 4))
    }
    devices = Priced("Unit", "Devices", "devices", "1", "graduated", bands)
    programme = "Marketplace services" if place % 3 == 2 else "Managed professional services"
    return (
        Listed(f"{partner} service desk", "Operations", "People who answer, day and night.", partner, {"Standard": (hours,)}),
        Listed(
            f"{partner} device care", "Operations", "Every device patched, watched and replaced in time.", partner,
            {"Standard": (devices,), "With people": (devices, hours)}, programme=programme,
        ),
    )  # fmt: skip
