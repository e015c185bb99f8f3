"""The rating job: what is due is rated, one bad entry stops nobody, two processes rate once."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from app.billing import states
from app.billing.model import BillingEntry, RatingGroup
from app.billing.rules import wait_after
from app.charges.model import ChargeLine
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, one
from app.jobs import engine
from app.months.model import Month
from tests.makers import make_engagement, make_entry, make_product, make_programme


@pytest.fixture
def engagement(app: Flask) -> Iterator[Engagement]:
    with app.app_context():
        yield make_engagement(make_product(model="graduated", bands=[("1000", "1.00"), (None, "0.90")]))


def fresh(entry: BillingEntry) -> BillingEntry:
    db.session.remove()
    with acting_for_all("a test looks"):
        return one(BillingEntry, entry.id)


def test_entries_are_rated_in_order_of_submission(app: Flask, engagement: Engagement) -> None:
    first, second = make_entry(engagement, "600"), make_entry(engagement, "600")
    assert engine.run_once(app, "rate_billing_entries").rows == 2
    assert [fresh(entry).amount_minor for entry in (first, second)] == [60000, 58000]
    assert engine.run_once(app, "rate_billing_entries").rows == 0


def test_one_bad_entry_never_stops_the_night(app: Flask, engagement: Engagement) -> None:
    """An entry whose metric names another plan cannot be rated by any rule of ours; its price list was broken by hand."""
    broken = make_engagement(make_product(name="Broken"))
    bad, good = make_entry(broken, "1"), make_entry(engagement, "1")
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE metric_price SET model = 'nonsense' WHERE model = 'per_unit'"))
    before = clock.now()
    done = engine.run_once(app, "rate_billing_entries")
    assert (done.rows, done.failed) == (1, 1)
    assert fresh(good).state == states.RATED
    kept = fresh(bad)
    assert (kept.state, kept.tries) == (states.SUBMITTED, 1)
    assert "nonsense" in (kept.failure or "")
    assert kept.try_again_at is not None
    assert timedelta(seconds=29) < kept.try_again_at - before < timedelta(seconds=45)
    assert engine.run_once(app, "rate_billing_entries").failed == 0  # not due yet
    with clock.pinned(clock.now() + timedelta(seconds=60)):
        assert engine.run_once(app, "rate_billing_entries").failed == 1
    assert fresh(bad).tries == 2
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE metric_price SET model = 'per_unit' WHERE model = 'nonsense'"))
    with clock.pinned(clock.now() + timedelta(hours=2)):
        assert engine.run_once(app, "rate_billing_entries").rows == 1
    assert (fresh(bad).state, fresh(bad).failure) == (states.RATED, None)


def test_waits_double_up_to_an_hour() -> None:
    assert [wait_after(tries).total_seconds() for tries in (0, 1, 2, 6, 7, 900)] == [30, 60, 120, 1920, 3600, 3600]


def test_the_quiet_window_of_the_marketplace_is_waited_for(app: Flask, engagement: Engagement) -> None:
    """31 October 2026, 15:45 to 18:00 in Chicago is 20:45 to 23:00 UTC. The other programme's entries do not wait."""
    with clock.pinned(datetime(2026, 10, 31, 20, 50, tzinfo=UTC)):
        rolling = make_product(make_programme("Marketplace", cut_off="roll-forward"), name="Rolling")
        month = BillingMonth(2026, 11)  # after the cut-off usage falls on the next month's bill
        quiet = make_entry(make_engagement(rolling, at=datetime(2026, 10, 1, tzinfo=UTC)), "1", month=month)
        other = make_engagement(make_product(name="Other"), at=datetime(2026, 10, 1, tzinfo=UTC))
        loud = make_entry(other, "1", month=BillingMonth(2026, 10))
        assert engine.run_once(app, "rate_billing_entries").rows == 1
        assert (fresh(quiet).state, fresh(loud).state) == (states.SUBMITTED, states.RATED)
    with clock.pinned(datetime(2026, 10, 31, 22, 59, 59, 999999, tzinfo=UTC)):
        assert engine.run_once(app, "rate_billing_entries").rows == 0
    with clock.pinned(datetime(2026, 10, 31, 23, 0, tzinfo=UTC)):
        assert engine.run_once(app, "rate_billing_entries").rows == 1


def test_two_processes_rate_once(app: Flask, engagement: Engagement) -> None:
    entries = [make_entry(engagement, "100") for _ in range(15)]
    db.session.remove()
    workers = [threading.Thread(target=engine.run_once, args=(app, "rate_billing_entries")) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with acting_for_all("a test looks"):
        group = db.session.scalars(select(RatingGroup)).one()
        assert (group.quantity, group.amount_minor, group.entries) == (Decimal(1500), 145000, 15)
        assert db.session.scalar(select(func.count(ChargeLine.id))) == 15
    assert {fresh(entry).state for entry in entries} == {states.RATED}


def test_months_freeze_when_their_time_is_over(app: Flask) -> None:
    """November 2026: its grace ends on 3 December, 00:00:00 UTC; the rolling book froze it at its own cut-off."""
    with app.app_context():
        for instant, frozen in (
            (datetime(2026, 12, 2, 23, 59, 59, 999999, tzinfo=UTC), {("roll-forward", "2026-11")}),
            (datetime(2026, 12, 3, tzinfo=UTC), {("roll-forward", "2026-11"), ("reject-after-grace", "2026-11")}),
        ):
            with clock.pinned(instant):
                engine.run_once(app, "freeze_months")
                assert engine.run_once(app, "freeze_months").rows == 0
            db.session.remove()
            with acting_for_all("a test looks"):
                months = db.session.scalars(select(Month)).all()
            assert {(row.book, str(row.month)) for row in months if row.state == "frozen"} == frozen
            assert len(months) == 4
