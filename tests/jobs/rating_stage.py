"""Many submitted entries of several groups, and what must hold once they are rated, whoever rated them."""

import random
from decimal import Decimal
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app.billing import events, states
from app.billing.model import BillingEntry, RatingGroup
from app.catalog import tariff as tariffs
from app.charges.model import ChargeLine
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.identity import new_id
from app.foundation.money import round_half_up
from app.foundation.numbers import next_number
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_entry, make_organisation, make_product, make_programme

GROUPS = 6


def submit_many(app: Flask, entries: int) -> None:
    """Submitted entries, about so many, in six groups: three price models, a limit, a review threshold."""
    chance = random.Random(4711)
    with app.app_context():
        partner, customer = make_organisation("Northbridge", partner=True), make_organisation("Acme", customer=True)
        programme = make_programme(tax_percent=Decimal(19), review_threshold_minor=10_000)
        products = [
            make_product(programme, partner, name="Per unit", bands=[(None, "9.99")]),
            make_product(
                programme,
                partner,
                name="Graduated",
                model="graduated",
                bands=[("100", "1.003"), ("900", "0.9"), (None, "0.8")],
            ),
            make_product(
                programme,
                partner,
                name="Simple",
                model="simple",
                bands=[("400", "1"), (None, "0.9")],
                month_limit="600",
            ),
        ]
        for product in products:
            for _ in range(2):
                make_entry(make_engagement(product, customer))
        for _ in range(entries // 100):
            submit_like(some_entries(), chance, 100)


def some_entries() -> list[BillingEntry]:
    """One of each group."""
    with acting_for_all("a test looks"):
        found = db.session.scalars(select(BillingEntry).order_by(BillingEntry.id).limit(GROUPS)).all()
    return list(found)


#: what rating writes; a new entry has none of it, whatever has become of its pattern
UNRATED = dict.fromkeys(
    (
        "rated_at",
        "rated_by_name",
        "rated_sequence",
        "amount_minor",
        "price_version_id",
        "quantity_before",
        "quantity_after",
        "reason",
    )
)


def submit_like(patterns: list[BillingEntry], chance: random.Random, count: int) -> None:
    """More entries like these with other quantities, as submit() leaves them, without asking its rules each time."""
    with acting_for_all("a test's entries") as by, transaction() as session:
        for _ in range(count):
            pattern = chance.choice(patterns)
            columns = {column.key: getattr(pattern, column.key) for column in BillingEntry.__mapper__.column_attrs}
            quantity = Decimal(chance.randrange(1, 1200)) / 100
            columns |= {**UNRATED, "state": states.SUBMITTED, "version": 1, "submitted_at": clock.now()}
            columns |= {"id": new_id(), "number": next_number("BE"), "quantity": quantity}
            entry = BillingEntry(**columns)
            session.add(entry)
            month = str(entry.service_month)
            facts: dict[str, Any] = {"number": entry.number, "quantity": str(quantity), "unit": "h", "month": month}
            history.record(entry, events.SUBMITTED, by=by, to_state=states.SUBMITTED, **facts)
    db.session.remove()


def left(app: Flask) -> int:
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(
            select(func.count(BillingEntry.id)).where(BillingEntry.state == states.SUBMITTED)
        ).one()


def each_decided_once(*outcomes: str) -> None:
    """Every entry is decided, booked once and told once; each of the outcomes has happened, all three if none is named."""
    counts = select(BillingEntry.state, func.count(BillingEntry.id)).group_by(BillingEntry.state)
    by_state = {state: count for state, count in db.session.execute(counts)}  # noqa: C416  typed rows
    decided = {states.RATED, states.REJECTED, states.IN_REVIEW}
    assert set(outcomes or decided) <= set(by_state) <= decided
    lines = select(func.count(ChargeLine.id), func.count(ChargeLine.source_id.distinct()))
    assert db.session.execute(lines).one() == (by_state[states.RATED], by_state[states.RATED])
    events = select(func.count(History.id)).where(History.about_id.is_not(None)).group_by(History.about_id)
    assert set(db.session.scalars(events)) == {2}  # submitted, and decided


def sums_are_the_tariff() -> None:
    from app.catalog.model import Metric, MetricPrice

    groups = db.session.execute(
        select(RatingGroup, MetricPrice)
        .join(Metric, Metric.id == RatingGroup.metric_id)
        .join(MetricPrice, MetricPrice.metric_id == Metric.id)
    ).all()
    assert len(groups) == GROUPS
    for group, price in groups:
        entries = db.session.execute(
            select(func.sum(BillingEntry.amount_minor), func.sum(BillingEntry.quantity)).where(
                BillingEntry.engagement_id == group.engagement_id, BillingEntry.state == states.RATED
            )
        ).one()
        assert entries[0] == group.amount_minor
        assert round_half_up(tariffs.cost(price.tariff, group.quantity), 2) == Decimal(group.amount_minor) / 100
