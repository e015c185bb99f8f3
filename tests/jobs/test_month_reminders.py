"""The reminder before a month closes: on its last day and the first after, once a day, only while something is unbilled."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from app.jobs import engine
from app.notices.bodies import render
from tests.makers import make_engagement, make_entry, make_organisation, make_product, make_programme

OCTOBER = BillingMonth(2026, 10)
LAST_DAY, FIRST_AFTER = datetime(2026, 10, 31, 9, tzinfo=UTC), datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.fixture
def app_in_october(app: Flask) -> Iterator[Flask]:
    """Northbridge has two engagements of October, one of them billed; Contrail's only one is billed."""
    with app.app_context(), clock.pinned(datetime(2026, 9, 20, 9, tzinfo=UTC)):
        programme = make_programme()
        north = make_product(programme, make_organisation("Northbridge", partner=True), name="Rescue")
        south = make_product(programme, make_organisation("Contrail", partner=True), name="Watch")
        acme = make_organisation("Acme", customer=True)
        made = [
            make_engagement(product, acme, name=name) for product, name in ((north, "A"), (north, "B"), (south, "C"))
        ]
        for engagement in (made[1], made[2]):
            make_entry(engagement, "2", month=OCTOBER, at=datetime(2026, 10, 12, 9, tzinfo=UTC))
        db.session.remove()
        yield app


def reminders() -> list[OutboxRow]:
    db.session.remove()
    with acting_for_all("a test looks"):
        return list(db.session.scalars(select(OutboxRow).where(OutboxRow.template == "month_reminder")))


def test_once_a_day_on_two_days(app_in_october: Flask) -> None:
    for at, all_told in (
        (datetime(2026, 10, 30, 23, 59, tzinfo=UTC), 0),
        (LAST_DAY, 1),
        (LAST_DAY, 1),
        (FIRST_AFTER, 2),
        (FIRST_AFTER, 2),
        (datetime(2026, 11, 2, 9, tzinfo=UTC), 2),
    ):
        with clock.pinned(at):
            engine.run_once(app_in_october, "remind_of_months")
        assert len(reminders()) == all_told, at


def test_it_names_what_is_unbilled(app_in_october: Flask) -> None:
    with clock.pinned(LAST_DAY):
        engine.run_once(app_in_october, "remind_of_months")
    (row,) = reminders()
    body = render(row.template, row.facts, portal_name="Portal", portal_url="https://portal.example")
    assert body.subject == "October 2026 closes 3 Nov 2026 00:00 UTC: 1 without a billing entry"
    assert "1 active engagement has no billing entry for October 2026 yet:" in body.text
    assert " A\n" in body.text
    assert " B\n" not in body.text
    assert "https://portal.example/engagements?status=active" in body.text
