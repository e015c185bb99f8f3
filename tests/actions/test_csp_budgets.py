"""Budgets of CSP customers: measured by the newest estimate, told once a level and month, whoever looks and however often."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.commands.demo.csp_terms import sell
from app.csp.customers import budgets, queries
from app.csp.customers.model import CspBudget, CspBudgetAlert, CspCustomer
from app.foundation import clock
from app.foundation.database import db
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import Refused
from app.foundation.tenancy import acting_for_all, system, viewing
from app.jobs import alert_budgets
from app.jobs.work import never
from app.notices.bodies import render
from app.parties.model import Organisation
from app.parties.relations import relate
from tests.makers import as_partner, make_member, make_organisation
from tests.makers.csp_customers import make_account, make_customer, make_subscription, make_usage

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TONIGHT = date(2026, 11, 20)


@pytest.fixture
def northbridge() -> Organisation:
    return make_organisation("Northbridge")


@pytest.fixture
def customer(northbridge: Organisation) -> CspCustomer:
    return make_customer(make_account(northbridge))


def run() -> Any:
    by = system("a test's job")
    with viewing(by):
        return alert_budgets.run(by=by, stopped=never)


def budget(northbridge: Organisation, customer: CspCustomer, amount: str = "100", **facts: Any) -> None:
    by = as_partner(northbridge)
    with viewing(by):
        kept: dict[str, Any] = {"currency": "EUR", "recipients": [], **facts}
        budgets.set_budget(customer.id, amount=Decimal(amount), by=by, **kept)


def letters() -> list[OutboxRow]:
    with acting_for_all("a test reads"):
        return list(
            db.session.scalars(select(OutboxRow).where(OutboxRow.template == "budget_reached").order_by(OutboxRow.id))
        )


def alerts() -> list[tuple[str, str, bool]]:
    with acting_for_all("a test reads"):
        rows = db.session.scalars(
            select(CspBudgetAlert).order_by(CspBudgetAlert.month, CspBudgetAlert.at, CspBudgetAlert.id)
        )
        return [(str(row.month), row.level, row.was_told) for row in rows]


def standing(customer: CspCustomer) -> CspBudget:
    with acting_for_all("a test reads"):
        return db.session.scalars(select(CspBudget).where(CspBudget.customer_id == customer.id)).one()


def test_each_level_is_told_once_a_month(northbridge: Organisation, customer: CspCustomer) -> None:
    with clock.pinned(NOW):
        budget(northbridge, customer)
        for minute, (cost, told) in enumerate(
            [
                ("79.99", 0),
                ("80.00", 1),
                ("99.99", 1),
                ("75.00", 1),
                ("100.00", 2),
                ("100.01", 3),
                ("500.00", 3),
                ("10.00", 3),
            ]
        ):
            make_usage(customer, cost, read_at=NOW + timedelta(minutes=minute))
            run()
            assert len(letters()) == told, cost
    assert [level for _month, level, _told in alerts()] == ["80", "100", "over"]
    with clock.pinned(NOW + timedelta(days=15)):
        make_usage(customer, "85.00", begins=date(2026, 12, 1), read_at=NOW + timedelta(days=15))
        run()
    assert len(letters()) == 4 and alerts()[-1] == ("2026-12", "80", True)


def test_of_several_levels_at_once_the_highest_is_told(northbridge: Organisation, customer: CspCustomer) -> None:
    with clock.pinned(NOW):
        make_usage(customer, "250.00")
        budget(northbridge, customer)
    assert sorted(alerts()) == [("2026-11", "100", False), ("2026-11", "80", False), ("2026-11", "over", True)]
    (letter,) = letters()
    assert (letter.audience, letter.permission) == ("organisation", "csp-customer:manage")
    said = render("budget_reached", letter.facts, portal_name="Portal", portal_url="https://portal.example")
    assert said.subject == "Fabrikam is over its budget: 250.0 % used"
    assert "Estimate, as of 20 Nov 2026 12:00 UTC: EUR 250.00" in said.text
    assert f"https://portal.example/csp/customers/{customer.id}/budget" in said.text


def test_the_job_may_run_twice_and_writes_nothing_the_second_time(
    northbridge: Organisation, customer: CspCustomer
) -> None:
    with clock.pinned(NOW):
        budget(northbridge, customer)
        make_usage(customer, "90", read_at=NOW + timedelta(minutes=1))
        assert run().rows == 1
        assert run().rows == 0
    assert len(letters()) == 1


def test_another_day_changes_the_pace(northbridge: Organisation, customer: CspCustomer) -> None:
    with clock.pinned(NOW):
        make_usage(customer, "60")
        budget(northbridge, customer, "85")
        assert standing(customer).is_trending_over, "60 in 20 of 30 days come to 90"
        db.session.remove()
    with clock.pinned(NOW + timedelta(days=5)):
        assert run().rows == 1
        assert not standing(customer).is_trending_over
        assert run().rows == 0
        db.session.remove()
    with clock.pinned(NOW + timedelta(days=30)):
        assert run().rows == 0, "the period has passed"
        with viewing(as_partner(northbridge)):
            assert [row.level for row in db.session.execute(queries.customers(budget="over"))] == []


def test_currencies_are_not_compared(northbridge: Organisation, customer: CspCustomer) -> None:
    with clock.pinned(NOW):
        make_usage(customer, "9999", currency="USD")
        budget(northbridge, customer)
        run()
        assert standing(customer).used_percent is None and letters() == []
        assert run().rows == 0


def test_the_newest_period_that_has_begun_counts(northbridge: Organisation, customer: CspCustomer) -> None:
    with clock.pinned(NOW):
        make_usage(customer, "500", begins=date(2026, 10, 1), read_at=NOW + timedelta(hours=2))
        make_usage(customer, "10", begins=date(2026, 11, 1))
        make_usage(customer, "700", begins=date(2026, 12, 1))
        budget(northbridge, customer)
        assert standing(customer).used_percent == 10 and standing(customer).measured_until == date(2026, 11, 30)
        db.session.remove()
        assert run().rows == 0, "a period that has passed was read later: looked at once, not for ever"


def test_chosen_people_are_told_and_nobody_else(northbridge: Organisation, customer: CspCustomer) -> None:
    member = make_member(northbridge, "zoe@northbridge.example")
    with clock.pinned(NOW):
        make_usage(customer, "90")
        budget(northbridge, customer, recipients=[str(member.id)])
    (letter,) = letters()
    assert (letter.audience, letter.address, letter.organisation_id) == ("member", str(member.id), northbridge.id)


def test_a_budget_taken_away_is_nobodys_alarm(northbridge: Organisation, customer: CspCustomer) -> None:
    by = as_partner(northbridge)
    with clock.pinned(NOW), viewing(by):
        budget(northbridge, customer)
        budgets.remove_budget(customer.id, by=by)
        budgets.remove_budget(customer.id, by=by)
        make_usage(customer, "900")
    assert run().rows == 0 and letters() == []


@pytest.mark.parametrize(
    ("amount", "currency", "field"),
    [
        ("0", "EUR", "amount"),
        ("0.001", "EUR", "amount"),
        ("1.5", "JPY", "amount"),
        ("5", "XQZ", "currency"),
        ("5", "", "currency"),
    ],
)
def test_budgets_that_make_no_sense(
    northbridge: Organisation, customer: CspCustomer, amount: str, currency: str, field: str
) -> None:
    with pytest.raises(Refused) as no:
        budget(northbridge, customer, amount, currency=currency)
    assert no.value.field == field


def test_one_bad_budget_never_stops_the_others(
    northbridge: Organisation, customer: CspCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_customer(make_account(northbridge, "Another"), "Tailspin")
    with clock.pinned(NOW):
        for one in (customer, other):
            budget(northbridge, one)
            make_usage(one, "90", read_at=NOW + timedelta(minutes=1))
        first = min(customer.id, other.id)
        honest = alert_budgets.measure_budget

        def measure(customer_id: Any, *, by: Any) -> bool:
            if customer_id == first:
                raise RuntimeError("a fault")
            return honest(customer_id, by=by)

        monkeypatch.setattr(alert_budgets, "measure_budget", measure)
        done = run()
    assert (done.rows, done.failed) == (1, 1) and len(letters()) == 1


def test_the_demos_partner_sells_to_whom_it_finds(northbridge: Organisation) -> None:
    account, by = make_account(northbridge), as_partner(northbridge)
    acme = make_organisation("Acme", customer=True)
    with clock.pinned(NOW):
        for name, cost in (("Adatum", "620"), ("Bellows", "1080"), ("Contoso", "850"), ("Datum", "5")):
            made = make_customer(account, name)
            make_subscription(made)
            make_usage(made, cost)
        with viewing(by):
            relate(northbridge.id, acme.id, by=by)
        assert sell(account.id, by=by) == 3 == sell(account.id, by=by)
        with viewing(by):
            rows = db.session.execute(queries.customers().order_by(*queries.KEYS)).all()
    assert [(row.linked_name, row.mark_up, row.level) for row in rows] == [
        ("Acme", Decimal(18), ""),
        (None, Decimal("22.5"), "over"),
        (None, Decimal(0), "80"),
        (None, None, None),
    ]
