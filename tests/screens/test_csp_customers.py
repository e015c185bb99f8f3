"""CSP customers: the list as discovered, one customer's page, its terms, budget, monitoring and link."""

from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import select

from app.csp.customers.model import CspBudget, CspMarkUp, CspSubscription, CspTaxRate
from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.makers.csp_customers import make_account, make_customer
from tests.page import Fragment, Page
from tests.people import fill
from tests.screens.csp_stage import FAR, set_stage
from tests.screens.engagement_stage import HTMX, statements

LIST = "/csp/customers"


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def found(app: Any, model: Any, *where: Any) -> list[Any]:
    with app.app_context(), acting_for_all("a test looks"):
        return list(db.session.scalars(select(model).where(*where)))


def row_of(page: Fragment, name: str) -> Any:
    return next(row for row in page.soup.select("tbody tr") if name in row.text)


def test_the_list_says_how_each_customer_stands(stage, as_):
    page = Page(as_("ada").get(LIST))
    page.check()
    assert [link.text for link in page.soup.select("td.k-name a")] == ["Fabrikam", "Tailspin Toys", "Wingtip"]
    whole, bare, gone = (row_of(page, name) for name in ("Fabrikam", "Tailspin", "Wingtip"))
    assert "18\xa0%" in whole.text and "90\xa0%" in whole.text and "EUR\xa0500.00, estimate" in whole.text
    assert "complete" in whole.text and "linked to Acme" in whole.text
    assert "Not linked · No mark-up · Nothing monitored" in bare.text
    assert "Relationship ended" in gone.text and "Microsoft refuses" in gone.text
    assert "Secret" not in page.text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("search=FABRI", ["Fabrikam"]),
        ("search=tailspintoys.example", ["Tailspin Toys"]),
        ("relationship=former", ["Wingtip"]),
        ("relationship=reseller", ["Fabrikam", "Tailspin Toys"]),
        ("incomplete=yes", ["Tailspin Toys", "Wingtip"]),
        ("incomplete=no", ["Fabrikam"]),
        ("incomplete=refused", ["Wingtip"]),
        ("incomplete=no_subscription", ["Wingtip"]),
        ("incomplete=none_monitored", ["Tailspin Toys"]),
        ("budget=near", ["Fabrikam"]),
        ("budget=over", []),
        ("budget=none", ["Tailspin Toys", "Wingtip"]),
        ("search=%25&incomplete=drop", []),
    ],
)
def test_the_list_is_filtered(stage, as_, query, names):
    part = Fragment(as_("ada").get(f"{LIST}?{query}", headers=HTMX))
    part.check()
    assert [link.text for link in part.soup.select("td.k-name a")] == names
    assert names or "No CSP customer fits" in part.text


def test_by_microsofts_id_and_by_account(stage, as_):
    for query in (f"search={stage.gone.tenant_id.upper()}", f"account={stage.account.id}&search=wing"):
        page = Page(as_("ada").get(f"{LIST}?{query}"))
        page.check()
        assert [link.text for link in page.soup.select("td.k-name a")] == ["Wingtip"]
    assert "No CSP customer fits" in as_("ada").get(f"{LIST}?account={stage.foreign.account_id}").text


def test_the_list_takes_few_statements_and_pages_by_name(app, people, as_):
    with app.app_context():
        account = make_account(people.northbridge)
        for number in range(60):
            make_customer(account, f"Customer {number:02}")
        db.session.remove()
    ada, path, names = as_("ada"), LIST, []
    while path:
        with statements(app) as asked:
            page = Page(ada.get(path))
        assert len([one for one in asked if "csp_" in one]) <= 3, asked
        page.check()
        names += [link.text for link in page.soup.select("td.k-name a")]
        following = page.soup.select_one('a[rel="next"]')
        path = str(following["href"]) if following else ""
    assert names == [f"Customer {number:02}" for number in range(60)]


def test_files_of_the_list_hold_what_is_filtered(stage, as_):
    answer = as_("ada").get(f"{LIST}.csv?search=fabrikam")
    assert answer.status_code == 200
    head, row = answer.get_data(as_text=True).splitlines()
    assert head.startswith("Customer,Domain,Microsoft ID,Account,Relationship")
    assert row.startswith(f"Fabrikam,fabrikam.example,{stage.fabrikam.tenant_id},")
    assert "jo@fabrikam.example" in row and "Acme" in row and "18.00" in row and "500.00" in row
    with ZipFile(BytesIO(as_("ada").get(f"{LIST}.xlsx").data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert all(name in sheet for name in ("Customer", "Fabrikam", "Tailspin Toys", "Wingtip")) and "Secret" not in sheet


def test_an_empty_list_says_what_makes_it_fill(app, people, as_):
    page = Page(as_("ada").get(LIST))
    page.check()
    assert "CSP customers appear here" in page.text


TABS = ("", "/budget", "/invoices", "/history")


@pytest.mark.parametrize("tab", TABS)
def test_who_sees_a_customer(stage, as_, tab):
    path = f"{LIST}/{stage.fabrikam.id}{tab}"
    page = Page(as_("ada").get(path))
    page.check()
    assert "Fabrikam" in page.soup.select_one("h1").text
    assert as_("ben").get(path).status_code == 403
    assert as_("cy").get(path).status_code == 404
    assert as_("dot").get(path).status_code == 403
    assert as_("olga").get(path).status_code == 403
    assert as_("nobody").get(path).status_code == 302


def test_why_a_customer_is_incomplete_and_what_to_do(stage, as_):
    page = Page(as_("ada").get(f"{LIST}/{stage.tailspin.id}"))
    page.check()
    assert "Why is this customer incomplete?" in page.text
    for words in ("Not linked.", "Link it", "No mark-up.", "0 % is a choice", "Nothing monitored."):
        assert words in page.text
    whole = Page(as_("ada").get(f"{LIST}/{stage.fabrikam.id}"))
    assert "incomplete" not in whole.text and "Jo Hale, jo@fabrikam.example" in whole.text


def test_a_former_customer_is_kept_and_a_refusal_shown(stage, as_):
    page = Page(as_("ada").get(f"{LIST}/{stage.gone.id}"))
    page.check()
    assert "Relationship ended" in page.text and "403 (2000): access denied" in page.text
    assert "Its invoices, statements and terms stay" in page.text


def test_subscriptions_with_their_switches(app, stage, as_):
    path = f"{LIST}/{stage.fabrikam.id}"
    page = Page(as_("ada").get(path))
    assert (
        "1 year, billed monthly" in page.text and "renews itself" in page.text and "CustomerCancellation" in page.text
    )
    action = f"{path}/subscriptions/{stage.subscription.id}/monitoring"
    answer = fill(as_("ada"), path, action=action)
    assert answer.status_code == 303
    assert not found(app, CspSubscription, CspSubscription.id == stage.subscription.id)[0].is_monitored
    assert fill(as_("ada"), path, action=action).status_code == 303
    assert found(app, CspSubscription, CspSubscription.id == stage.subscription.id)[0].is_monitored
    part = Fragment(as_("ada").get(f"{path}?search=azure", headers=HTMX))
    part.check()
    assert "Azure plan" in part.text and "Microsoft 365" not in part.text
    assert "Azure plan" in as_("ada").get(f"{path}.csv").text


def test_all_at_once(app, stage, as_):
    path = f"{LIST}/{stage.fabrikam.id}"
    ada = as_("ada")
    for switch, monitored in (("on", {True}), ("off", {False})):
        sent = Page(ada.get(path)).soup.select(f'form[action="{path}/monitoring"]')
        form = next(one for one in sent if one.select_one(f'input[name="switch"][value="{switch}"]'))
        body = {str(one["name"]): str(one["value"]) for one in form.select("input[name]")}
        assert ada.post(f"{path}/monitoring", data=body).status_code == 303
        rows = found(app, CspSubscription, CspSubscription.customer_id == stage.fabrikam.id)
        assert {row.is_monitored for row in rows} == monitored


def test_budget_settings(stage, as_):
    page = Page(as_("ada").get(f"{LIST}/{stage.fabrikam.id}/budget"))
    page.check()
    assert "Budget and mark-up" in page.text
    assert "20.5 %" in page.text and "in force" in page.text and "to come" in page.text
    assert "EUR 450.00, estimate, as of" in page.text and "90 % used in" in page.text
    bare = Page(as_("ada").get(f"{LIST}/{stage.tailspin.id}/budget"))
    bare.check()
    assert "Nothing can be billed before there is one" in bare.text
    assert "No tax rate of its own: the account's counts, 20 %." in bare.text


def test_a_mark_up_is_set_from_a_day(app, stage, as_):
    path = f"{LIST}/{stage.tailspin.id}/mark-up"
    page = Page(as_("ada").get(path))
    page.check()
    assert page.soup.select_one('input[name="valid_from"]')["value"] == clock.now().date().isoformat()
    answer = fill(as_("ada"), path, percent="0", valid_from="2026-11-01")
    assert answer.status_code == 303 and answer.location.endswith("/budget")
    rows = found(app, CspMarkUp, CspMarkUp.customer_id == stage.tailspin.id)
    assert [(row.percent, row.valid_from) for row in rows] == [(Decimal(0), date(2026, 11, 1))]
    after = Page(as_("ada").get(f"{LIST}/{stage.tailspin.id}/budget")).text
    assert "0 %" in after and "its own" in after


@pytest.mark.parametrize(
    ("percent", "day", "said"),
    [
        ("-1", "2026-11-01", "never negative"),
        ("1000", "2026-11-01", "below 1,000"),
        ("1.005", "2026-11-01", "at most 2 decimals"),
        ("1e400", "2026-11-01", "plain number"),
        ("", "2026-11-01", "missing"),
        ("5", "1999-01-01", "between 1 January 2010"),
        ("5", "2026-13-01", "Write a day"),
        ("5", "２０２６-11-01", "Write a day"),
    ],
)
def test_a_mark_up_that_makes_no_sense_is_refused_on_its_field(stage, as_, percent, day, said):
    answer = fill(as_("ada"), f"{LIST}/{stage.tailspin.id}/mark-up", percent=percent, valid_from=day)
    assert answer.status_code == 422
    page = Page(answer)
    page.check()
    assert said in page.text
    assert page.soup.select_one('input[name="percent"]')["value"] == percent


def test_a_row_is_removed_after_a_question(app, stage, as_):
    path = f"{LIST}/{stage.fabrikam.id}/mark-up/{FAR.isoformat()}/remove"
    page = Page(as_("ada").get(path))
    page.check()
    assert "20.5 % no longer counts from" in page.text
    assert fill(as_("ada"), path).status_code == 303
    assert len(found(app, CspMarkUp, CspMarkUp.customer_id == stage.fabrikam.id)) == 1
    assert as_("ada").get(path).status_code == 404
    assert as_("ada").get(path.replace("2030-01-01", "nonsense")).status_code == 404


def test_a_tax_rate_is_set(app, stage, as_):
    assert (
        fill(as_("ada"), f"{LIST}/{stage.tailspin.id}/tax-rate", percent="7.5", valid_from="2026-11-01").status_code
        == 303
    )
    assert found(app, CspTaxRate, CspTaxRate.customer_id == stage.tailspin.id)[0].percent == Decimal("7.5")


def test_a_budget_is_set_and_taken_away(app, people, stage, as_):
    path = f"{LIST}/{stage.tailspin.id}/budget/set"
    page = Page(as_("ada").get(path))
    page.check()
    assert "Abe Adeyemi" in page.text and "Ben Novak" not in page.text, "who may not see customers is not told of them"
    ada = str(people.ada.id)
    assert fill(as_("ada"), path, amount="750.00", currency="EUR", recipients=[ada]).status_code == 303
    budget = found(app, CspBudget, CspBudget.customer_id == stage.tailspin.id)[0]
    assert (budget.amount_minor, budget.currency, budget.recipients) == (75000, "EUR", [ada])
    for amount, currency, told, said in (
        ("0", "EUR", [], "more than zero"),
        ("1.005", "EUR", [], "at most 2 decimals"),
        ("5", "XQZ", [], "Choose a currency"),
        ("5", "EUR", [str(people.dot.id)], "Choose people from the list"),
    ):
        answer = fill(as_("ada"), path, amount=amount, currency=currency, recipients=told)
        assert answer.status_code == 422 and said in Page(answer).text
    assert fill(as_("ada"), path, amount="", currency="EUR").status_code == 303
    assert found(app, CspBudget, CspBudget.customer_id == stage.tailspin.id) == []


def test_history_and_the_spending_report(stage, as_):
    page = Page(as_("ada").get(f"{LIST}/{stage.fabrikam.id}/history"))
    page.check()
    for words in (
        "Linked to Acme",
        "Mark-up set to 18 % from 1 Jan 2026",
        "Monthly budget set to 500.00 EUR",
        "Told that 450.00 EUR",
    ):
        assert words in page.text
    report = as_("ada").get(f"{LIST}/{stage.fabrikam.id}/spending.xlsx")
    assert report.status_code == 200 and report.data.startswith(b"PK")
    assert as_("cy").get(f"{LIST}/{stage.fabrikam.id}/spending.xlsx").status_code == 404
    assert "Linked to Acme" in as_("ada").get(f"{LIST}/{stage.fabrikam.id}/history.csv").text


@pytest.mark.parametrize(
    "verb", ["mark-up", "tax-rate", "budget/set", "link", "unlink", f"tax-rate/{FAR.isoformat()}/remove"]
)
def test_who_may_change_a_customer(stage, as_, verb):
    """What is sent is walked by test_every_route."""
    path = f"{LIST}/{stage.fabrikam.id}/{verb}"
    Page(as_("ada").get(path)).check()
    assert as_("ben").get(path).status_code == 403
    assert as_("cy").get(path).status_code == 404
    assert as_("dot").get(path).status_code == 403
    assert as_("nobody").get(path).status_code == 302


def test_billing_people_look_and_do_not_change(app, people, stage, as_):
    from app.members.model import Membership
    from app.members.roles import CLOUD_BILLING

    with app.app_context(), acting_for_all("a test's roles"):
        from app.foundation.database import transaction

        with transaction() as session:
            membership = session.get(Membership, people.memberships["ben"].id)
            membership.roles = [CLOUD_BILLING]
        db.session.remove()
    ben = as_("ben")
    page = Page(ben.get(f"{LIST}/{stage.fabrikam.id}/budget"))
    page.check()
    assert "Set mark-up" not in page.text and "18 %" in page.text
    assert ben.get(f"{LIST}/{stage.fabrikam.id}/mark-up").status_code == 403
    assert ben.get(LIST).status_code == 200
