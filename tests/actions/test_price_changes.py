"""A price change: written, sent, approved for a month to come, told a month before; what is closed is never rated again."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from app.catalog import price_changes, requests, reviews, states
from app.catalog.model import Product
from app.catalog.price_list import coming_prices
from app.catalog.queries import priced_metrics, product_with_plans
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import PUBLIC, Viewer, acting_for_all, viewing
from app.jobs import engine
from app.parties.model import Organisation
from tests.makers import as_operator, as_partner, make_engagement, make_entry, make_organisation, make_programme
from tests.makers.listing import as_it_stands, make_listing, open_review, price_draft

MARCH_10 = datetime(2027, 3, 10, 9, tzinfo=UTC)
MAY = BillingMonth(2027, 5)


@pytest.fixture
def northbridge() -> Organisation:
    partner = make_organisation("Northbridge", partner=True)
    db.session.expunge(partner)
    return partner


@pytest.fixture
def product(northbridge: Organisation) -> Iterator[Product]:
    """Published in January 2027; the clock stands on 10 March."""
    with clock.pinned(datetime(2027, 1, 5, tzinfo=UTC)):
        product = make_listing(northbridge, states.PUBLISHED)
    with clock.pinned(MARCH_10):
        yield product


@pytest.fixture
def ada(northbridge: Organisation) -> Viewer:
    return as_partner(northbridge)


def version_of(product: Product) -> int:
    return as_it_stands(product).version


def change_to(product: Product, price: str, ada: Viewer, *, asked: BillingMonth | None = None) -> None:
    plan = product.plans[0]
    with viewing(ada):
        price_changes.start_price_change(product, version=version_of(product), plan_id=plan.id, by=ada)
        price_changes.change_prices(
            product, version=version_of(product), plan_id=plan.id, metric_id=plan.metrics[0].id,
            prices=price_draft((None, price)), by=ada,
        )  # fmt: skip
        requests.request_price_change(
            product, version=version_of(product), plan_id=plan.id, effective_from=asked, by=ada
        )


def approve(product: Product) -> None:
    olga = as_operator()
    with viewing(olga):
        reviews.approve(open_review(product).id, by=olga)


def price_in(product: Product, month: BillingMonth) -> str:
    priced = priced_metrics(product.plans[0].id, month)[0]
    return str(priced.price.bands[0]["price"]) if priced.price else ""


def test_a_case_of_10_march_is_told_on_1_april_and_counts_from_1_may(product: Product, ada: Viewer) -> None:
    change_to(product, "175", ada)
    assert price_in(product, MAY) == "150"  # asked is not approved
    approve(product)
    assert [price_in(product, month) for month in (BillingMonth(2027, 4), MAY)] == ["150", "175"]
    with viewing(PUBLIC):
        coming = coming_prices(product_with_plans(product.id), BillingMonth(2027, 3))
    assert [(str(change.month), change.plan_name) for change in coming] == [("2027-05", "Standard")]


def test_an_approval_that_comes_late_moves_the_month(product: Product, ada: Viewer) -> None:
    """Sent on 10 March, approved on 2 April: the notice of 1 April has gone out without it, so it counts from 1 June."""
    change_to(product, "175", ada)
    with clock.pinned(datetime(2027, 4, 2, tzinfo=UTC)):
        approve(product)
    assert [price_in(product, BillingMonth(2027, month)) for month in (5, 6)] == ["150", "175"]


def test_a_later_month_may_be_asked_for_never_an_earlier_one(product: Product, ada: Viewer) -> None:
    with pytest.raises(Refused) as no:
        change_to(product, "175", ada, asked=BillingMonth(2027, 4))
    assert no.value.field == "effective_from" and "May 2027" in str(no.value)
    with viewing(ada):
        with pytest.raises(Refused):
            requests.request_price_change(
                product, version=version_of(product), plan_id=product.plans[0].id,
                effective_from=BillingMonth(2040, 1), by=ada,
            )  # fmt: skip
        requests.request_price_change(
            product,
            version=version_of(product),
            plan_id=product.plans[0].id,
            effective_from=BillingMonth(2027, 9),
            by=ada,
        )
    approve(product)
    assert [price_in(product, BillingMonth(2027, month)) for month in (8, 9)] == ["150", "175"]


def test_nobody_is_told_of_a_product_that_was_never_published(northbridge: Organisation, ada: Viewer) -> None:
    with clock.pinned(MARCH_10):
        product = make_listing(northbridge, states.EVIDENCE_APPROVED)
        change_to(product, "175", ada)
        approve(product)
        assert [price_in(product, BillingMonth(2027, month)) for month in (3, 4)] == ["150", "175"]


def test_one_change_at_a_time_and_it_can_come_back_or_be_dropped(product: Product, ada: Viewer) -> None:
    change_to(product, "175", ada)
    plan_id, olga = product.plans[0].id, as_operator()
    with viewing(ada):
        with pytest.raises(AlreadyDone):
            price_changes.start_price_change(product, version=version_of(product), plan_id=plan_id, by=ada)
        with pytest.raises(Refused):
            price_changes.discard_price_change(product, version=version_of(product), plan_id=plan_id, by=ada)
    with viewing(olga):
        reviews.reject(open_review(product).id, reason="Too steep.", by=olga)
    with acting_for_all("a test reads the outbox"):
        mail = db.session.scalars(select(OutboxRow).order_by(OutboxRow.created_at.desc(), OutboxRow.id.desc())).first()
    assert mail is not None and mail.facts["what"] == "prices of plan Standard" and mail.facts["reason"] == "Too steep."
    with viewing(ada):
        price_changes.discard_price_change(product, version=version_of(product), plan_id=plan_id, by=ada)
        assert [version.number for version in as_it_stands(product).plans[0].price_versions] == [1]
        with pytest.raises(AlreadyDone):
            requests.request_price_change(
                product, version=version_of(product), plan_id=plan_id, effective_from=None, by=ada
            )
    change_to(product, "160", ada)  # and begun anew


def test_closed_months_keep_their_prices(product: Product, ada: Viewer) -> None:
    """What was billed before the change is rated at what held then, even when it is rated after the approval."""
    with clock.pinned(datetime(2027, 2, 1, tzinfo=UTC)):
        engagement = make_engagement(product, at=datetime(2027, 2, 1, tzinfo=UTC))
        rated = make_entry(
            engagement, "10", month=BillingMonth(2027, 2), at=datetime(2027, 2, 20, tzinfo=UTC), rated=True
        )
    late = make_entry(engagement, "1", month=BillingMonth(2027, 3), at=MARCH_10)
    change_to(product, "175", ada)
    approve(product)
    with clock.pinned(datetime(2027, 5, 4, tzinfo=UTC)):
        new = make_entry(engagement, "1", month=MAY, at=datetime(2027, 5, 4, tzinfo=UTC))
    amounts = _rated(rated, late, new)
    assert amounts == [150_000, 15_000, 17_500]


def _rated(*entries: Any) -> list[int | None]:
    from app.billing.model import BillingEntry
    from app.billing.rating import rate_entry

    ids = [entry.id for entry in entries]
    found = []
    for entry_id in ids:
        db.session.remove()
        with clock.pinned(datetime(2027, 5, 5, tzinfo=UTC)), acting_for_all("a test rates") as system:
            rate_entry(entry_id, by=system)
            found.append(db.session.scalars(select(BillingEntry.amount_minor).where(BillingEntry.id == entry_id)).one())
    return found


def test_customers_are_told_once_and_gross(app: Flask, northbridge: Organisation, ada: Viewer) -> None:
    """On 1 April, 00:00 UTC; each customer with a current engagement once, in gross, however often the job runs."""
    net = make_programme("Net", remuneration="net_plus_mark_up", remuneration_percent=Decimal(25))
    with clock.pinned(datetime(2027, 1, 5, tzinfo=UTC)):
        product = make_listing(northbridge, states.PUBLISHED, programme=net)
        acme, globex = (make_organisation(name, customer=True) for name in ("Acme", "Globex"))
        for name in ("One", "Two"):
            make_engagement(product, acme, name=name, at=datetime(2027, 1, 6, tzinfo=UTC))
        make_engagement(product, globex, state="rejected", at=datetime(2027, 1, 6, tzinfo=UTC))
    with clock.pinned(MARCH_10):
        change_to(product, "175", ada)
        approve(product)
        assert engine.run_once(app, "announce_prices").rows == 0
    with clock.pinned(datetime(2027, 3, 31, 23, 59, 59, tzinfo=UTC)):
        assert engine.run_once(app, "announce_prices").rows == 0
    with clock.pinned(datetime(2027, 4, 1, tzinfo=UTC)):
        assert [engine.run_once(app, "announce_prices").rows for _ in range(3)] == [1, 0, 0]
    with acting_for_all("a test reads the outbox"):
        told = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "prices_change")).all()
    assert [row.address for row in told] == [str(acme.id)]
    assert told[0].facts["lines"] == ["Hours: USD 218.75 per h"] and told[0].facts["month"] == "May 2027"
    assert "175" not in str(told[0].facts)


def test_a_change_that_was_overtaken_is_not_told(app: Flask, product: Product, ada: Viewer) -> None:
    make_engagement(product, at=MARCH_10)
    for price in ("175", "170"):
        change_to(product, price, ada)
        approve(product)
    with clock.pinned(datetime(2027, 4, 1, 8, tzinfo=UTC)):
        assert engine.run_once(app, "announce_prices").rows == 1
    with acting_for_all("a test reads the outbox"):
        told = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "prices_change")).one()
    assert told.facts["lines"] == ["Hours: USD 170 per h"]


def test_a_change_approved_while_nobody_saw_the_product_keeps_the_notice_of_its_first_customers(
    northbridge: Organisation, ada: Viewer
) -> None:
    """Approved before the publication it would count from the next month: a customer of 20 March would pay more on 1 April."""
    with clock.pinned(datetime(2027, 1, 5, tzinfo=UTC)):
        product = make_listing(northbridge, states.EVIDENCE_APPROVED)
    at = datetime(2027, 3, 20, 9, tzinfo=UTC)
    with clock.pinned(at):
        change_to(product, "999", ada)
        approve(product)
        assert [price_in(product, BillingMonth(2027, month)) for month in (3, 4)] == ["150", "999"], (
            "nobody has seen it yet"
        )
        with viewing(ada):
            requests.request_publication(product, version=version_of(product), by=ada)
        approve(product)
        make_engagement(as_it_stands(product), make_organisation("Acme", customer=True), at=at)
        assert [price_in(product, BillingMonth(2027, month)) for month in (3, 4, 5)] == ["150", "150", "999"]
        assert due_for_notice() == []
    with clock.pinned(datetime(2027, 4, 1, 0, 0, tzinfo=UTC)):
        assert len(due_for_notice()) == 1
    with acting_for_all("a test reads History"):
        told = [row.facts for row in history.events_of("product", product.id) if "counts from May 2027" in row.facts]
        assert len(told) == 1


def test_prices_that_count_already_and_those_of_a_product_shown_before_are_left_as_they_are(
    northbridge: Organisation, ada: Viewer
) -> None:
    with clock.pinned(datetime(2027, 1, 5, tzinfo=UTC)):
        product = make_listing(northbridge, states.WITHDRAWN)
    with clock.pinned(MARCH_10):
        change_to(product, "175", ada)
        approve(product)
    with clock.pinned(datetime(2027, 4, 20, 9, tzinfo=UTC)):
        with viewing(ada):
            requests.request_publication(product, version=version_of(product), by=ada)
        approve(product)
        assert [price_in(product, BillingMonth(2027, month)) for month in (4, 5)] == ["150", "175"]


def due_for_notice() -> list[UUID]:
    with acting_for_all("a test's job"):
        return list(price_changes.changes_to_announce())


def told_of_prices(customer: Organisation) -> list[str]:
    with acting_for_all("a test reads the outbox"):
        rows = db.session.scalars(
            select(OutboxRow).where(OutboxRow.template == "prices_change", OutboxRow.address == str(customer.id))
        )
        return [row.facts["month"] for row in rows]


def test_who_comes_after_the_notice_is_told_with_the_first_request_and_once(
    app: Flask, product: Product, ada: Viewer
) -> None:
    acme, globex, initech = (make_organisation(name, customer=True) for name in ("Acme", "Globex", "Initech"))
    make_engagement(product, acme, at=MARCH_10)
    change_to(product, "175", ada)
    approve(product)
    make_engagement(product, globex, name="Early", at=datetime(2027, 3, 31, 23, 59, tzinfo=UTC))
    assert told_of_prices(globex) == [], "the notice will reach them with the others"
    with clock.pinned(datetime(2027, 4, 1, tzinfo=UTC)):
        assert engine.run_once(app, "announce_prices").rows == 1
    late = datetime(2027, 4, 20, 9, tzinfo=UTC)
    for name in ("One", "Two"):
        make_engagement(product, initech, state="pending", name=name, at=late)
    make_engagement(product, acme, state="pending", name="More", at=late)
    assert [told_of_prices(customer) for customer in (acme, globex, initech)] == [["May 2027"]] * 3
    hooli = make_organisation("Hooli", customer=True)
    make_engagement(product, hooli, state="pending", at=datetime(2027, 5, 1, tzinfo=UTC))
    assert told_of_prices(hooli) == [], "it is the price by now"
