"""A metric joins a plan whose prices are approved: by its next version, billed only once that counts; the others go on."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from app.billing import actions
from app.billing.actions import Draft
from app.billing.model import BillingEntry
from app.billing.rating import rate_entry
from app.catalog import plans, price_changes, requests, reviews, states
from app.catalog.model import ListingReview, Metric, MetricPrice, Product
from app.catalog.price_list import coming_prices, gross_prices
from app.catalog.queries import priced_metrics
from app.commands.check import every_check
from app.engagements.price_notices import announce_prices
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible
from app.foundation.tenancy import PUBLIC, Viewer, acting_for_all, viewing
from app.members.roles import PRICING_VIEWER
from app.parties.model import Organisation
from tests.actions.racing import LATE, Runner, race
from tests.actions.submitting import ada_of, draft_for, refusal
from tests.makers import as_operator, as_partner, make_engagement, make_entry, make_organisation
from tests.makers.listing import as_it_stands, make_listing, metric_draft, open_review, price_draft

JANUARY_5, MARCH_10 = datetime(2027, 1, 5, tzinfo=UTC), datetime(2027, 3, 10, 9, tzinfo=UTC)
MAY_5 = datetime(2027, 5, 5, tzinfo=UTC)
MARCH, APRIL, MAY = (BillingMonth(2027, month) for month in (3, 4, 5))


@pytest.fixture
def northbridge() -> Organisation:
    partner = make_organisation("Northbridge", partner=True)
    db.session.expunge(partner)
    return partner


@pytest.fixture
def product(northbridge: Organisation) -> Iterator[Product]:
    """Published in January 2027 with hours at 150; the clock stands on 10 March."""
    with clock.pinned(JANUARY_5):
        product = make_listing(northbridge, states.PUBLISHED)
    with clock.pinned(MARCH_10):
        yield product


@pytest.fixture
def ada(northbridge: Organisation) -> Viewer:
    return as_partner(northbridge)


def version_of(product: Product) -> int:
    return as_it_stands(product).version


def join(product: Product, ada: Viewer, name: str = "Servers", price: str = "40", *, version: int | None = None) -> Any:
    with viewing(ada):
        return plans.add_metric(
            product, version=version_of(product) if version is None else version, plan_id=product.plans[0].id,
            draft=metric_draft("Unit", name, "servers", "1", "server"), prices=price_draft((None, price)), by=ada,
        )  # fmt: skip


def send(product: Product, ada: Viewer) -> None:
    with viewing(ada):
        requests.request_price_change(
            product, version=version_of(product), plan_id=product.plans[0].id, effective_from=None, by=ada
        )


def approve(product: Product) -> None:
    olga = as_operator()
    with viewing(olga):
        reviews.approve(open_review(product).id, by=olga)


def metrics() -> list[tuple[str, bool]]:
    with acting_for_all("a test looks"):
        return [
            (metric.name, metric.approved) for metric in db.session.scalars(select(Metric).order_by(Metric.position))
        ]


def costs(product: Product, month: BillingMonth) -> dict[str, str]:
    """Metric -> price of those that may be billed in the month."""
    return {
        one.metric.name: one.price.bands[0]["price"]
        for one in priced_metrics(product.plans[0].id, month)
        if one.billable and one.price
    }


def wrong() -> list[str]:
    with acting_for_all("a test audits"):
        return [f"{check.claim}: {said}" for check in every_check() for said in check.verdicts() if said]


def test_it_is_billed_once_its_version_counts_and_the_others_go_on(product: Product, ada: Viewer) -> None:
    made = make_engagement(product, at=datetime(2027, 2, 1, tzinfo=UTC))
    before = make_entry(made, "10", month=MARCH, at=MARCH_10, rated=True)
    joined = join(product, ada)
    plan = as_it_stands(product).plans[0]
    assert [(version.number, version.state) for version in plan.price_versions] == [
        (1, states.APPROVED), (2, states.DRAFT),
    ]  # fmt: skip
    assert metrics() == [("Hours", True), ("Servers", False)]
    assert costs(product, MAY) == {"Hours": "150"}
    send(product, ada)
    approve(product)
    assert metrics() == [("Hours", True), ("Servers", True)]
    assert costs(product, APRIL) == {"Hours": "150"}
    assert costs(product, MAY) == {"Hours": "150", "Servers": "40"}
    by = ada_of(made)
    early = draft_for(made, "2027-03")
    with viewing(by):
        no = refusal(lambda: actions.submit(made, Draft(joined.id, MARCH, early.quantity, ""), by=by))
    assert (no.field, str(no)) == ("month", "The plan has no price in force for this month.")
    with clock.pinned(MAY_5), viewing(by):
        entry = actions.submit(made, Draft(joined.id, MAY, early.quantity, ""), by=by)
        old = actions.submit(made, draft_for(made, "2027-05"), by=by)
    for one, amount in ((entry, 4_000), (old, 15_000), (before, 150_000)):
        db.session.remove()
        with clock.pinned(MAY_5), acting_for_all("a test rates") as system:
            if one is not before:
                rate_entry(one.id, by=system)
            assert (
                db.session.scalars(select(BillingEntry.amount_minor).where(BillingEntry.id == one.id)).one() == amount
            )
    with clock.pinned(MAY_5):
        assert wrong() == []


def test_an_unapproved_metric_is_not_billed_even_by_a_hand_made_entry(product: Product, ada: Viewer) -> None:
    made = make_engagement(product, at=datetime(2027, 2, 1, tzinfo=UTC))
    joined = join(product, ada)
    by, draft = ada_of(made), draft_for(made, "2027-03")
    with viewing(by):
        no = refusal(lambda: actions.submit(made, Draft(joined.id, MARCH, draft.quantity, ""), by=by))
    assert str(no) == "This metric is not approved yet."


def test_clients_see_it_when_it_is_coming_and_are_told(product: Product, ada: Viewer) -> None:
    make_engagement(product, at=datetime(2027, 2, 1, tzinfo=UTC))
    join(product, ada)
    with viewing(PUBLIC):
        assert [price.metric_name for price in gross_prices(as_it_stands(product), MARCH)] == ["Hours"]
        assert coming_prices(as_it_stands(product), MARCH) == []
    send(product, ada)
    approve(product)
    with viewing(PUBLIC):
        shown = as_it_stands(product)
        assert [price.metric_name for price in gross_prices(shown, MARCH)] == ["Hours"]
        (change,) = coming_prices(shown, MARCH)
        assert (change.month, [price.metric_name for price in change.prices]) == (MAY, ["Hours", "Servers"])
    with clock.pinned(datetime(2027, 4, 1, 0, 0, 1, tzinfo=UTC)), acting_for_all("the job") as system:
        (due,) = price_changes.changes_to_announce()
        assert announce_prices(due, by=system) == 1
        mail = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "prices_change")).one()
    assert "Servers: USD 40 per server" in mail.facts["lines"]
    assert "Hours: USD 150 per h" in mail.facts["lines"]


def test_it_joins_the_version_that_is_being_written(product: Product, ada: Viewer) -> None:
    plan = product.plans[0]
    with viewing(ada):
        price_changes.start_price_change(product, version=version_of(product), plan_id=plan.id, by=ada)
        price_changes.change_prices(
            product, version=version_of(product), plan_id=plan.id, metric_id=plan.metrics[0].id,
            prices=price_draft((None, "175")), by=ada,
        )  # fmt: skip
    join(product, ada)
    join(product, ada, "Reports", "9")
    send(product, ada)
    approve(product)
    assert costs(product, APRIL) == {"Hours": "150"}
    assert costs(product, MAY) == {"Hours": "175", "Servers": "40", "Reports": "9"}


def test_until_it_is_approved_it_is_written_anew_or_removed(product: Product, ada: Viewer) -> None:
    plan, joined = product.plans[0], join(product, ada)
    common: dict[str, Any] = {"plan_id": plan.id, "metric_id": joined.id, "by": ada}
    with viewing(ada):
        plans.change_metric(
            product, version=version_of(product), draft=metric_draft("Unit", "Hosts", "hosts", "1"),
            prices=price_draft((None, "41")), **common,
        )  # fmt: skip
        assert metrics() == [("Hours", True), ("Hosts", False)]
        send(product, ada)
        for write in (
            lambda: plans.remove_metric(product, version=version_of(product), **common),
            lambda: join(product, ada, "More"),
        ):
            assert "operator reviews" in str(refusal(write))
    olga = as_operator()
    with viewing(olga):
        reviews.reject(open_review(product).id, reason="Call them servers.", by=olga)
    with viewing(ada):
        plans.remove_metric(product, version=version_of(product), **common)
        assert metrics() == [("Hours", True)]
        hours = {**common, "metric_id": plan.metrics[0].id}
        for write in (
            lambda: plans.remove_metric(product, version=version_of(product), **hours),
            lambda: plans.change_metric(
                product, version=version_of(product), draft=metric_draft(), prices=price_draft(), **hours
            ),
        ):
            assert "new price version only" in str(refusal(write))


def test_it_goes_with_the_version_that_is_discarded(product: Product, ada: Viewer) -> None:
    join(product, ada)
    with viewing(ada):
        price_changes.discard_price_change(product, version=version_of(product), plan_id=product.plans[0].id, by=ada)
    assert metrics() == [("Hours", True)]
    assert costs(product, MAY) == {"Hours": "150"}
    with acting_for_all("a test counts"):
        assert db.session.scalar(select(func.count(MetricPrice.id))) == 1
    join(product, ada)  # and joins anew
    assert wrong() == []


def test_what_was_approved_and_priced_is_not_thrown_away_with_a_later_version(product: Product, ada: Viewer) -> None:
    join(product, ada)
    send(product, ada)
    approve(product)
    with viewing(ada):
        price_changes.start_price_change(product, version=version_of(product), plan_id=product.plans[0].id, by=ada)
        price_changes.discard_price_change(product, version=version_of(product), plan_id=product.plans[0].id, by=ada)
    assert metrics() == [("Hours", True), ("Servers", True)]
    assert costs(product, MAY) == {"Hours": "150", "Servers": "40"}


@pytest.mark.parametrize("state", [states.PRICING_APPROVED, states.EVIDENCE_SUBMITTED, states.PUBLICATION_REQUESTED])
def test_before_publication_it_counts_from_the_next_month(northbridge: Organisation, ada: Viewer, state: str) -> None:
    with clock.pinned(MARCH_10):
        product = make_listing(northbridge, state)
        join(product, ada)
        send(product, ada)
        with acting_for_all("a test looks"):
            review = db.session.scalars(
                select(ListingReview.id).where(ListingReview.kind == "price-change", ListingReview.outcome.is_(None))
            ).one()
        olga = as_operator()
        with viewing(olga):
            reviews.approve(review, by=olga)
        assert costs(product, MARCH) == {"Hours": "150"}
        assert costs(product, APRIL) == {"Hours": "150", "Servers": "40"}
        assert as_it_stands(product).state == state


def test_who_may_and_what_is_refused(product: Product, ada: Viewer, northbridge: Organisation) -> None:
    with pytest.raises(MissingRole):
        join(product, as_partner(northbridge, PRICING_VIEWER))
    with pytest.raises(NotVisible):
        join(product, as_partner(make_organisation("Contrail", partner=True)))
    assert refusal(lambda: join(product, ada, "hours")).field == "name"
    with pytest.raises(AlreadyDone):
        join(product, ada, version=version_of(product) - 1)
    for number in range(9):
        join(product, ada, f"More {number}")
    assert "at most 10 metrics" in str(refusal(lambda: join(product, ada, "One too many")))


def test_two_editors_at_once_join_one(app: Any, product: Product, ada: Viewer) -> None:
    """Both had the same page before them: the second is told, and one version was begun."""
    version = version_of(product)

    def joining(name: str) -> Runner:
        return Runner(name, ada, lambda _: plans.add_metric(
            product, version=version, plan_id=product.plans[0].id, draft=metric_draft("Unit", name, "servers", "1"),
            prices=price_draft((None, "40")), by=ada,
        ))  # fmt: skip

    outcomes = race(app, joining("Servers"), joining("Hosts"), at=MARCH_10)
    assert outcomes.count(LATE) == 1, outcomes
    assert len(metrics()) == 2
    assert len(as_it_stands(product).plans[0].price_versions) == 2


def test_refused_leaves_no_version_begun(product: Product, ada: Viewer) -> None:
    with viewing(ada):
        no = refusal(lambda: plans.add_metric(
            product, version=version_of(product), plan_id=product.plans[0].id,
            draft=metric_draft("Unit", "Servers", "", "1"), prices=price_draft((None, "40")), by=ada,
        ))  # fmt: skip
    assert no.field == "unit"
    assert len(as_it_stands(product).plans[0].price_versions) == 1
