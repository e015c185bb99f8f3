"""Rating many at once writes what rating one by one writes, row for row; two at once never rate anything twice."""

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import OperationalError

from app.billing import actions, rating, rules, states
from app.billing.model import BillingEntry, RatingGroup
from app.billing.queries import many_due_for_rating
from app.billing.rating_in_bulk import rate_many
from app.catalog.model import Metric
from app.charges.model import ChargeLine, ChargeMonth
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.announcements import Announcement
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.history import History, HistoryHead
from app.foundation.refusals import AlreadyDone
from app.foundation.self_check import every_check, examine
from app.foundation.tenancy import acting_for_all, one, viewing
from app.jobs import rate_billing_entries
from app.jobs.work import never
from app.parties.model import Organisation
from tests.makers import as_operator, as_partner, make_engagement, make_entry, make_product, make_programme

D = Decimal
WRITTEN = (BillingEntry, RatingGroup, ChargeLine, ChargeMonth, History, HistoryHead, Announcement)
TARIFFS: tuple[tuple[str, list[tuple[str | None, str]]], ...] = (
    ("per_unit", [(None, "160.005")]),
    ("graduated", [("100", "1"), ("1000", "0.955"), (None, "0.90")]),
    ("simple", [("1000", "1"), (None, "0.90")]),
)
QUANTITIES = st.integers(1, 120_000).map(lambda hundredths: D(hundredths) / 100)


def everything() -> dict[str, list[Any]]:
    """All that rating may write, without the ids that are drawn anew each time."""
    found = {}
    model: Any
    for model in WRITTEN:
        drawn = {"id"} if model is not BillingEntry else set()
        columns = [column for column in inspect(model).columns if column.key not in drawn]
        found[model.__tablename__] = sorted(map(repr, db.session.execute(select(*columns)).all()))
    return found


class Undone(Exception):
    pass


def written_by(do: Callable[[], None]) -> dict[str, list[Any]]:
    """What stands in the tables after it; then everything is as before."""
    found: dict[str, list[Any]] = {}
    with suppress(Undone), transaction():
        do()
        found = everything()
        raise Undone
    db.session.remove()
    return found


def one_by_one(entries: list[uuid.UUID]) -> None:
    with acting_for_all("a test's rating job") as job:
        for entry_id in entries:
            rating.rate_entry(entry_id, by=job)


def in_bulk(size: int) -> None:
    with acting_for_all("a test's rating job") as job:
        while due := many_due_for_rating(size):
            left = rate_many(due, by=job)
            for entry_id in left:
                rating.rate_entry(entry_id, by=job)


def engagements(**programme: Any) -> list[Engagement]:
    """One of each tariff, all of one partner and one customer."""
    of, made = make_programme(**programme), []
    partner = customer = None
    for model, bands in TARIFFS:
        product = make_product(of, partner, name=model, model=model, bands=bands)  # type: ignore[arg-type]
        made.append(make_engagement(product, customer))
        with acting_for_all("a test's parties"):
            partner, customer = one(Organisation, product.partner_id), one(Organisation, made[0].customer_id)
    return made


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(st.tuples(st.integers(0, 2), QUANTITIES), min_size=1, max_size=14),
    size=st.integers(1, 9),
    policy=st.sampled_from(["revenue_share", "net_plus_mark_up"]),
)
def test_many_at_once_are_as_one_by_one(
    restore_database: Callable[[], None], plan: list[tuple[int, Decimal]], size: int, policy: str
) -> None:
    db.session.remove()
    restore_database()
    at = engagements(remuneration=policy, tax_percent=D("7.7"))
    this = BillingMonth.at(clock.now())
    entries = [make_entry(at[of], quantity, month=this).id for of, quantity in plan]
    with clock.pinned(clock.now()), acting_for_all("a test compares"):
        assert written_by(lambda: in_bulk(size)) == written_by(lambda: one_by_one(entries))
        in_bulk(size)
        audit()


def audit() -> None:
    """Every room's own checks hold: chains, sums, groups against their tariffs."""
    with acting_for_all("a test audits"):
        wrong = [verdict for check in every_check() if not (verdict := examine(check)).holds]
    assert wrong == []


def test_what_somebody_has_to_hear_of_is_left_over_and_blocks_nobody() -> None:
    engagement = make_engagement(make_product(make_programme(review_threshold_minor=50_000)))
    fine, above, late = (make_entry(engagement, quantity).id for quantity in ("1", "4", "2"))
    no_price = make_engagement(make_product(make_programme("Other"), partner_of(engagement), name="Priceless"))
    refused = make_entry(no_price)
    with acting_for_all("a test's plan without an approved metric"), transaction():
        db.session.scalars(select(Metric).where(Metric.id == refused.metric_id)).one().approved = False
    with acting_for_all("a test's rating job") as job:
        assert rate_many(many_due_for_rating(10), by=job) == [above, refused.id]
    assert [state_of(one) for one in (fine, above, late, refused.id)] == [
        states.RATED,
        states.SUBMITTED,
        states.RATED,
        states.SUBMITTED,
    ]


def test_the_job_rates_many_and_few(monkeypatch: pytest.MonkeyPatch) -> None:
    engagement = make_engagement(make_product(make_programme(review_threshold_minor=50_000)))
    entries = [make_entry(engagement, quantity).id for quantity in ("1", "4", "2", "9")]
    monkeypatch.setattr(rate_billing_entries, "FEW", 3)
    run_job()
    assert [state_of(entry) for entry in entries] == [states.RATED, states.IN_REVIEW, states.RATED, states.IN_REVIEW]
    last = make_entry(engagement).id
    run_job()
    assert state_of(last) == states.RATED
    audit()


def test_who_is_overtaken_writes_nothing() -> None:
    engagement = make_engagement(make_product())
    first, second = make_entry(engagement).id, make_entry(engagement, "2").id
    with acting_for_all("a test's rating job") as job:
        due = many_due_for_rating(10)
        with viewing(as_partner(partner_of(engagement))) as ada:
            actions.withdraw(one(BillingEntry, first), by=ada)
        with pytest.raises(AlreadyDone):
            rate_many(due, by=job)
        db.session.remove()
        assert state_of(second) == states.SUBMITTED
        assert db.session.scalar(select(func.count(ChargeLine.id))) == 0
    run_job()
    assert state_of(second) == states.RATED
    audit()


def test_an_entry_at_fault_is_rated_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What many at once stumble over does not hold up the others: one by one, it alone waits for its next try."""
    engagement = make_engagement(make_product())
    entries = [make_entry(engagement, str(quantity)).id for quantity in (1, 2, 3)]
    monkeypatch.setattr(rate_billing_entries, "FEW", 2)
    rate = rules.rate

    def stumbling(terms: rules.Terms, before: Decimal, quantity: Decimal, **known: Any) -> rules.Rated:
        if quantity == 2:
            raise ZeroDivisionError("a fault of ours")
        return rate(terms, before, quantity, **known)

    monkeypatch.setattr(rules, "rate", stumbling)
    run_job()
    assert [state_of(entry) for entry in entries] == [states.RATED, states.SUBMITTED, states.RATED]
    with acting_for_all("a test looks"):
        assert one(BillingEntry, entries[1]).failure == "ZeroDivisionError: a fault of ours"


def test_raters_submitters_and_reviewers_at_once(app: Flask) -> None:
    """Two that rate many, one by one beside them, somebody who withdraws and a reviewer: every entry once, to the tariff."""
    at = engagements(review_threshold_minor=90_000)
    partner = partner_of(at[0])
    entries = [make_entry(at[n % 3], D(n * 17 % 900 + 1)).id for n in range(60)]
    db.session.remove()
    failures: list[Exception] = []
    gate = threading.Barrier(5)

    def beside(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            with app.app_context():
                gate.wait()
                try:
                    work()
                except Exception as failure:
                    failures.append(failure)
                finally:
                    db.session.remove()

        return run

    def rate_all() -> None:
        with acting_for_all("a test's rater") as job:
            for _ in range(12):
                with suppress(AlreadyDone, OperationalError):
                    rate_many(many_due_for_rating(25), by=job)
                db.session.remove()

    def rate_singly() -> None:
        with acting_for_all("a test's rater") as job:
            for entry_id in entries[::3]:
                rating.rate_entry(entry_id, by=job)

    def withdraw() -> None:
        with viewing(as_partner(partner)) as ada:
            for entry_id in entries[::7]:
                with suppress(AlreadyDone):
                    actions.withdraw(one(BillingEntry, entry_id), by=ada)

    def review() -> None:
        with viewing(as_operator()) as olga:
            for entry_id in entries[::-1]:
                with suppress(AlreadyDone):
                    rating.approve(one(BillingEntry, entry_id), by=olga)

    threads = [threading.Thread(target=beside(work)) for work in (rate_all, rate_all, rate_singly, withdraw, review)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with acting_for_all("a test's rating job") as job:
        for entry_id in rate_many(many_due_for_rating(100), by=job):
            rating.rate_entry(entry_id, by=job)
    with acting_for_all("a test looks"):
        left = db.session.scalars(select(BillingEntry.state).distinct()).all()
        booked = db.session.execute(
            select(ChargeLine.source_id, func.count(ChargeLine.id)).group_by(ChargeLine.source_id)
        ).all()
        rated = db.session.scalar(select(func.count(BillingEntry.id)).where(BillingEntry.state == states.RATED))
    assert set(left) <= {states.RATED, states.WITHDRAWN, states.IN_REVIEW}
    assert {count for _, count in booked} == {1} and len(booked) == rated
    audit()


def run_job() -> None:
    with acting_for_all("a test's rating job") as job:
        rate_billing_entries.run(by=job, stopped=never)
    db.session.remove()


def state_of(entry_id: uuid.UUID) -> str:
    with acting_for_all("a test looks"):
        return db.session.scalars(select(BillingEntry.state).where(BillingEntry.id == entry_id)).one()


def partner_of(engagement: Engagement) -> Organisation:
    with acting_for_all("a test's partner"):
        return one(Organisation, engagement.partner_id)
