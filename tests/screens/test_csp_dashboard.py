"""CSP dashboard: customers gained and lost, spend by account and month, top customers, budgets, runs; from kept totals."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.csp.customers.budgets import measure_budget, set_budget
from app.csp.discovery.model import CspRun
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, viewing
from tests.makers.csp_customers import make_account, make_customer, make_usage
from tests.page import Page
from tests.screens.engagement_stage import statements

PATH = "/csp/dashboard"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_run(
    account: Any,
    number: int,
    ended: datetime,
    *,
    state: str = "completed",
    partial: bool = False,
    error: str | None = None,
) -> None:
    with acting_for_all("a test's run"), transaction() as session:
        session.add(
            CspRun(
                partner_id=account.partner_id, account_id=account.id, number=number, state=state, trigger="schedule",
                asked_at=ended - timedelta(minutes=20), asked_by_name="system", started_at=ended - timedelta(minutes=20),
                ended_at=None if state == "in_progress" else ended, is_partial=partial, error=error,
            )
        )  # fmt: skip


def make_document(account: Any, number: str, at: datetime, costs: dict[Any, str], currency: str = "EUR") -> None:
    """One in force, with an older version of its lines beside it that must count nowhere."""
    with acting_for_all("a test's document"), transaction() as session:
        document = CspDocument(
            partner_id=account.partner_id, account_id=account.id, number=number, document_type="invoice", invoice_date=at,
            currency=currency, total=Decimal("999999"), first_seen_at=at,
        )  # fmt: skip
        session.add(document)
        session.flush()
        for superseded in (True, False):
            version = CspDocumentVersion(
                partner_id=account.partner_id, document_id=document.id, source="graph", begun_at=at, complete_at=at
            )
            session.add(version)
            session.flush()
            for customer, cost in costs.items():
                known = None if isinstance(customer, str) else customer
                session.add(
                    CspDocumentTotal(
                        partner_id=account.partner_id, version_id=version.id, document_id=document.id,
                        customer_tenant_id=known.tenant_id if known else customer, customer_id=known and known.id,
                        customer_name=known.name if known else "", currency=currency, lines=3,
                        cost=Decimal("77777") if superseded else Decimal(cost), microsoft_tax=Decimal(0),
                    )
                )  # fmt: skip
            document.version_id = version.id


@pytest.fixture
def stage(app, people):
    with app.app_context(), clock.pinned(NOW):
        eu, us = make_account(people.northbridge), make_account(people.northbridge, "Northbridge CSP (US)")
        began = datetime(2026, 9, 12, tzinfo=UTC)
        make_run(eu, 1, began - timedelta(days=1), state="stopped")
        make_run(eu, 2, began)
        make_run(eu, 3, NOW - timedelta(hours=3), partial=True)
        old = [
            make_customer(eu, name, first_seen_at=began - timedelta(hours=1))
            for name in ("Fabrikam", "Tailspin", "Wingtip")
        ]
        make_customer(eu, "Newcomer", first_seen_at=datetime(2026, 11, 5, tzinfo=UTC))
        make_customer(
            eu, "Leaver", first_seen_at=began - timedelta(hours=1), relationship="former",
            gone_at=datetime(2026, 10, 9, tzinfo=UTC),
        )  # fmt: skip
        fabrikam, tailspin, wingtip = old
        make_document(eu, "G1", datetime(2026, 10, 8, tzinfo=UTC), {fabrikam: "100.10", tailspin: "0.0000000001"})
        make_document(
            eu,
            "G2",
            datetime(2026, 11, 8, tzinfo=UTC),
            {fabrikam: "300.25", tailspin: "1200.50", wingtip: "-20", "": "5"},
        )
        make_document(us, "G3", datetime(2026, 11, 8, tzinfo=UTC), {"a" * 36: "50.00"}, currency="USD")
        by = people.viewer("ada")
        for customer, cost in ((fabrikam, "120.00"), (tailspin, "80.00"), (wingtip, "10.00")):
            make_usage(customer, cost)
            with viewing(by):
                set_budget(customer.id, amount=Decimal(100), currency="EUR", recipients=[], by=by)
                measure_budget(customer.id, by=by)
        foreign = make_account(people.contrail, "Secret of contrail")
        make_document(foreign, "S1", datetime(2026, 11, 8, tzinfo=UTC), {"b" * 36: "66666"})
        db.session.remove()
    return eu, us, fabrikam


def dashboard(client: Any, query: str = "") -> Page:
    with clock.pinned(NOW):
        page = Page(client.get(f"{PATH}{query}"))
    page.check()
    return page


def test_what_it_shows(stage, as_):
    page = dashboard(as_("ada"))
    customers = page.soup.select_one("#customers")
    assert "4 at the end of November 2026: 1 gained, 0 lost, +33.3 %" in " ".join(customers.get_text(" ").split())
    assert len(customers.select("svg.churn")) == 2
    spend = " ".join(page.soup.select_one("#spend").get_text(" ").split())
    assert "EUR 1,485.75" in spend, "what names no customer is spent as well; older versions count nowhere"
    assert "77,777" not in page.text and "66,666" not in page.text and "Secret" not in page.text
    assert "Tailspin 1,200.50 Fabrikam 300.25 Wingtip −20.00" in page.text
    assert "Northbridge CSP (EU) EUR 1,485.75" in page.text and "Northbridge CSP (US) USD 50.00" in page.text
    assert "1 over, 1 trending over" in page.text and "120 % of EUR 100.00" in page.text


def test_the_same_as_tables(stage, as_):
    page = dashboard(as_("ada"), "?view=table")
    rows = [[cell.text for cell in row.select("td")] for row in page.soup.select("#customers tbody tr")]
    assert rows[0] == ["November 2026", "4", "1", "0", "+33.3 %"]
    assert rows[1] == ["October 2026", "3", "0", "1", "−25 %"]
    assert rows[2] == ["September 2026", "4", "0", "0", "—"]
    assert rows[3] == ["August 2026", "—", "0", "0", "—"]
    spend = [[cell.text for cell in row.select("td")] for row in page.soup.select("#spend tbody tr")]
    assert spend == [
        ["November 2026", "Northbridge CSP (EU)", "EUR", "1,485.75"],
        ["November 2026", "Northbridge CSP (US)", "USD", "50.00"],
        ["October 2026", "Northbridge CSP (EU)", "EUR", "100.10"],
    ]


def test_one_account_one_currency_one_year(stage, as_):
    _eu, us, _fabrikam = stage
    page = dashboard(as_("ada"), f"?account={us.id}")
    assert "USD 50.00" in page.text and "EUR" not in page.text
    assert "0 customers" in page.text and "Nothing is known of these months." in page.text
    dollars = dashboard(as_("ada"), "?currency=usd")
    assert "USD 50.00 cost before tax" in dollars.text
    years = dashboard(as_("ada"), "?by=year&view=table")
    rows = [[cell.text for cell in row.select("td")] for row in years.soup.select("#customers tbody tr")]
    assert rows[:2] == [["2026", "4", "1", "1", "—"], ["2025", "—", "0", "0", "—"]] and len(rows) == 5
    earlier = dashboard(as_("ada"), "?until=2025-11")
    assert "Later" in earlier.text and "EUR" not in earlier.soup.select_one("#spend").text


def test_runs_and_what_is_partial(app, stage, as_):
    page = dashboard(as_("ada"))
    assert "something was refused" in page.text and "never started" in page.text
    assert "These figures are of part of what there is" in page.text and page.soup.select("h1 + .tag")
    with app.app_context():
        make_run(stage[0], 4, NOW - timedelta(hours=1))
        make_run(stage[1], 1, NOW, state="in_progress")
        db.session.remove()
    eu = dashboard(as_("ada"), f"?account={stage[0].id}")
    assert "These figures are of part" not in eu.text
    assert "running for 20 min" in dashboard(as_("ada"), f"?account={stage[1].id}").text


def test_a_partner_without_accounts_is_told_how_to_begin(people, as_):
    page = Page(as_("ada").get(PATH))
    page.check()
    assert "What you resell appears here" in page.text


def test_who_sees_it(stage, as_):
    assert as_("ben").get(PATH).status_code == 403
    assert as_("dot").get(PATH).status_code == 403
    assert as_("nobody").get(PATH).status_code == 302
    other = as_("cy").get(f"{PATH}?account={stage[0].id}")
    assert other.status_code == 200 and "Fabrikam" not in other.text and "1,485.75" not in other.text


@pytest.mark.parametrize(
    "query",
    [
        "account=nonsense",
        "until=9999-99",
        "until=9997-12",
        "by=drop",
        "currency=%00",
        "until=1971-01&by=year",
        "account=82b2331c-6c03-4ea8-929a-0b6e5b4928e4",
    ],
)
def test_hostile_addresses(stage, as_, query):
    dashboard(as_("ada"), f"?{query}")


def test_it_takes_few_statements_however_much_there_is(app, people, stage, as_):
    def asked() -> int:
        with statements(app) as seen:
            dashboard(as_("ada"))
        return len([one for one in seen if "csp_" in one])

    asked()
    few = asked()
    with app.app_context():
        for number in range(20):
            make_customer(stage[0], f"More {number}")
            make_document(stage[0], f"M{number}", NOW, {stage[2]: "1"})
        db.session.remove()
    assert asked() == few <= 12
