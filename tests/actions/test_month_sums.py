"""What a month comes to, kept with each line: equal to the lines, whoever looks, whoever books meanwhile."""

import threading
import uuid
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.charges import month_sums
from app.charges.actions import book_line
from app.charges.checks import checks
from app.charges.model import ChargeLine, ChargeMonth
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.money import Money
from app.foundation.tenancy import acting_for_all, viewing
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    make_engagement,
    make_entry,
    make_organisation,
    make_product,
    make_programme,
)

OCTOBER = BillingMonth(2026, 10)


class Source:
    """Stands for a row of any wing that books a line: its parties and an id of its own."""

    is_test = False

    def __init__(self, engagement: Any, *, is_test: bool = False) -> None:
        self.id = uuid.uuid4()
        self.seller_id, self.partner_id = engagement.seller_id, engagement.partner_id
        self.customer_id, self.is_test = engagement.customer_id, is_test


def book(
    engagement: Any, gross: int, *, month: BillingMonth = OCTOBER, currency: str = "USD", test: bool = False
) -> None:
    with acting_for_all("a test books a line"):
        book_line(
            Source(engagement, is_test=test),  # type: ignore[arg-type]
            kind="billing-entry",
            description="Work",
            service_month=month,
            booked_month=month,
            gross=Money.of_minor(gross, currency),
            due=Money.of_minor(gross // 2, currency),
            tax=Money.of_minor(gross // 10, currency),
        )


def verdicts() -> list[str]:
    with acting_for_all("self-check"):
        check = next(one for one in checks() if one.claim.startswith("month sums"))
        return [wrong for wrong in check.verdicts() if wrong]


@pytest.fixture
def engagements() -> list[Any]:
    programme = make_programme()
    north = make_product(programme, make_organisation("Northbridge", partner=True), name="Rescue")
    south = make_product(programme, make_organisation("Contrail", partner=True), name="Watch")
    acme, globex = make_organisation("Acme", customer=True), make_organisation("Globex", customer=True)
    return [make_engagement(north, acme), make_engagement(north, globex), make_engagement(south, acme)]


def by_month(viewer: Any, read: Any = month_sums.gross_by_month) -> list[tuple[str, str, int]]:
    with viewing(viewer):
        return [
            (str(row.booked_month), row.currency, int(row.minor)) for row in read(OCTOBER.shifted(-11), OCTOBER.next)
        ]


def test_each_sees_what_its_own_lines_come_to(engagements: list[Any]) -> None:
    acme_north, globex_north, acme_south = engagements
    for engagement, gross in ((acme_north, 1000), (acme_north, 250), (globex_north, 400), (acme_south, 70)):
        book(engagement, gross)
    book(acme_north, 5, month=OCTOBER.next)
    book(acme_north, 9, currency="EUR")
    book(acme_north, 77_777, test=True)
    from app.parties.model import Organisation

    with acting_for_all("a test's parties"):
        parties = {o.id: o for o in db.session.scalars(select(Organisation))}
    north, acme = parties[acme_north.partner_id], parties[acme_north.customer_id]
    assert by_month(as_partner(north), month_sums.due_by_month) == [
        ("2026-10", "EUR", 4),
        ("2026-10", "USD", 825),
        ("2026-11", "USD", 2),
    ]
    assert by_month(as_customer(acme)) == [("2026-10", "EUR", 9), ("2026-10", "USD", 1320), ("2026-11", "USD", 5)]
    assert by_month(as_operator())[1] == ("2026-10", "USD", 1720)
    assert by_month(as_partner(make_organisation("Third", partner=True))) == []
    assert verdicts() == []


def test_a_rated_entry_counts(engagements: list[Any]) -> None:
    entry = make_entry(engagements[0], "2", rated=True)
    with acting_for_all("a test looks"):
        row = db.session.scalars(select(ChargeMonth)).one()
    assert (row.booked_month, row.gross_minor, row.due_minor, row.lines) == (entry.booked_month, 30_000, 24_000, 1)


@pytest.mark.parametrize("change", ["gross_minor = gross_minor + 1", "lines = lines + 1"])
def test_the_check_finds_a_sum_that_is_not_its_lines(engagements: list[Any], change: str) -> None:
    from sqlalchemy import text

    book(engagements[0], 1000)
    book(engagements[2], 10)
    assert verdicts() == []
    with transaction() as session, acting_for_all("somebody tampers"):
        session.execute(text(f"UPDATE charge_month SET {change} WHERE gross_minor = 1000"))
    assert len(verdicts()) == 1
    with transaction() as session, acting_for_all("somebody tampers"):
        session.execute(text("DELETE FROM charge_month WHERE gross_minor = 10"))
    assert verdicts()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-5000, 5000), st.integers(0, 3), st.booleans()), max_size=12))
def test_sums_are_their_lines(engagements: list[Any], lines: list[tuple[int, int, int, bool]]) -> None:
    for place, gross, back, test in lines:
        book(engagements[place], gross, month=OCTOBER.shifted(-back), test=test)
    assert verdicts() == []
    with acting_for_all("a test looks"):
        assert db.session.scalar(select(func.sum(ChargeLine.gross_minor))) == db.session.scalar(
            select(func.sum(ChargeMonth.gross_minor))
        )


def test_lines_booked_at_once_all_count(app: Flask, engagements: list[Any]) -> None:
    engagement = engagements[0]
    db.session.expunge_all()

    def work() -> None:
        with app.app_context():
            for _ in range(5):
                book(engagement, 100)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.session.remove()
    with acting_for_all("a test looks"):
        row = db.session.scalars(select(ChargeMonth)).one()
    assert (row.gross_minor, row.lines) == (2000, 20)
    assert verdicts() == []
