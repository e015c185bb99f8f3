"""Reminders before a month closes: on its last UTC day and on the first after it, once a partner and day."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.jobs import engine, remind_of_months
from app.jobs.work import never
from tests.makers import freeze_month, make_engagement, make_entry, make_product, make_programme


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def told() -> list[OutboxRow]:
    with acting_for_all("a test looks"):
        found = select(OutboxRow).where(OutboxRow.template == "month_reminder").order_by(OutboxRow.created_at)
        return list(db.session.scalars(found))


def look(at: str) -> int:
    """What the job tells at this instant."""
    with clock.pinned(utc(at)), acting_for_all("a test's job") as job:
        return remind_of_months.run(by=job, stopped=never).rows


@pytest.fixture
def silent(app: Flask) -> Engagement:
    """Active since September, with nothing billed for October."""
    with app.app_context(), clock.pinned(utc("2026-09-01T00:00:00")):
        product = make_product()
    with app.app_context():
        return make_engagement(product, at=utc("2026-09-02T00:00:00"))


@pytest.mark.parametrize(
    ("at", "mails"),
    [
        ("2026-10-30T23:59:59.999", 0),
        ("2026-10-31T00:00:00", 1),
        ("2026-10-31T23:59:59.999", 1),
        ("2026-11-01T00:00:00", 1),
        ("2026-11-01T23:59:59.999", 1),
        ("2026-11-02T00:00:00", 0),
        ("2028-02-28T23:59:59.999", 0),
        ("2028-02-29T00:00:00", 1),
    ],
)
def test_on_the_last_day_and_on_the_first(app: Flask, silent: Engagement, at: str, mails: int) -> None:
    with app.app_context():
        assert look(at) == mails == len(told())


def test_once_a_partner_and_day_however_often_it_looks(app: Flask, silent: Engagement) -> None:
    with app.app_context():
        assert [look(f"2026-10-31T{hour:02}:00:00") for hour in (0, 1, 23)] == [1, 0, 0]
        assert [look(f"2026-11-01T{hour:02}:00:00") for hour in (0, 23)] == [1, 0]
        first, second = told()
        assert first.facts["month"] == second.facts["month"] == "October 2026"
        assert first.facts["closes_at"] == "2026-11-03T00:00:00+00:00"
        assert first.permission == "billing-entry:submit"
        assert first.facts["engagements"] == [f"{silent.number} {silent.name}"]


def test_nobody_is_told_of_what_is_billed(app: Flask, silent: Engagement) -> None:
    with app.app_context():
        make_entry(silent, "1", at=utc("2026-10-20T00:00:00"))
        assert look("2026-10-31T12:00:00") == 0
        assert look("2026-11-30T12:00:00") == 1  # November has nothing yet


def test_a_rolling_cut_off_is_told_before_it_and_not_after(app: Flask) -> None:
    """The month closes on its last day at 15:45 in Chicago; on the first it is over."""
    with app.app_context():
        with clock.pinned(utc("2026-09-01T00:00:00")):
            product = make_product(make_programme("Marketplace", cut_off="roll-forward"))
        make_engagement(product, at=utc("2026-09-02T00:00:00"))
        assert look("2026-10-31T20:44:59") == 1
        assert look("2026-11-01T08:00:00") == 0


def test_a_frozen_month_is_nobodys_reminder(app: Flask, silent: Engagement) -> None:
    with app.app_context():
        freeze_month(BillingMonth(2026, 10))  # the clock ran ahead and came back
        assert look("2026-10-31T12:00:00") == 0


def test_it_is_on_the_timetable(app: Flask, silent: Engagement) -> None:
    with clock.pinned(utc("2026-10-31T12:00:00")):
        assert engine.run_once(app, "remind_of_months").rows == 1
