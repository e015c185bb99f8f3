"""CSP invoices: the list, one invoice and what is in its way, a customer's lines explained, issuing and overriding."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest

from app.csp.invoices.model import CspDocument
from app.csp.statements.model import CspStatement
from app.csp.statements.repricing import reprice_open
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one
from tests.makers.csp_documents import line, make_account, make_csp_customer, make_document, set_mark_up
from tests.page import Fragment, Page
from tests.people import fill
from tests.screens import csp_billing_stage as csp_stage
from tests.screens.engagement_stage import HTMX, statements

PATH = "/csp/invoices"


@pytest.fixture
def stage(app, people):
    return csp_stage.set_stage(app, people)


def of(stage):
    return f"{PATH}/{stage.invoice.id}"


def test_the_list(stage, as_):
    page = Page(as_("ada").get(PATH))
    page.check()
    assert "G048201937" in page.text and "G048377102" in page.text and "Credit note" in page.text
    assert "5,711.87" not in page.text and "77.77" not in page.text and "Contrail" not in page.text
    part = Fragment(as_("ada").get(f"{PATH}?status=reconciled&currency=EUR&month=2026-10", headers=HTMX))
    part.check()
    assert "G048201937" in part.text
    for asked in ("status=different", "status=unread", "currency=USD", "month=2026-09", f"account={uuid4()}"):
        empty = Page(as_("ada").get(f"{PATH}?{asked}"))
        empty.check()
        assert "No document fits" in empty.text, asked


def test_the_list_of_one_customer(stage, as_):
    page = Page(as_("ada").get(f"{PATH}?customer={stage.vela.id}"))
    assert "G048377102" in page.text and "G048201937" in page.text and "Customer: Vela Pharma" in page.text
    assert "Globex" not in Page(as_("ada").get(f"{PATH}?customer={stage.globex.id}")).text
    page = Page(as_("ada").get(f"{PATH}?customer={stage.marlow.id}"))
    assert "G048377102" not in page.soup.select_one("#results").text


def test_files_of_the_list(stage, as_):
    rows = list(csv.DictReader(io.StringIO(as_("ada").get(f"{PATH}.csv").text)))
    assert [row["Document"] for row in rows] == ["G048377102", "G048201937"]
    assert rows[1]["Total from Microsoft"] == "5617.79" and rows[1]["Difference"] == "0.00"
    assert as_("ada").get(f"{PATH}.xlsx").data[:2] == b"PK"


def test_long_amounts_are_rounded_to_look_at_and_exact_to_read(app, stage, as_):
    with app.app_context():
        document = make_document(stage.account, "G7", [line(stage.marlow, "11123.62564199305591185335")])
        db.session.remove()
    listed = Page(as_("ada").get(PATH))
    listed.check()
    figure = listed.soup.find("a", string="G7").find_parent("tr").select_one("td.main-figure")
    assert figure.text == "11,123.63" and figure.span["title"] == "11,123.62564199305591185335"
    page = Page(as_("ada").get(f"{PATH}/{document.id}"))
    page.check()
    assert [one.text for one in page.soup.select(".strip .digits")] == ["11,123.62564199305591185335"] * 3
    assert page.soup.select_one(".strip .good").text.strip() == "0.00"
    assert "11123.62564199305591185335" in as_("ada").get(f"{PATH}/{document.id}/customers.csv").text


def test_an_indirect_reseller_is_told_why_there_are_none(app, people, as_):
    with app.app_context():
        make_account(people.northbridge, model="indirect_reseller")
        db.session.remove()
    page = Page(as_("ada").get(PATH))
    page.check()
    assert "indirect provider bills you" in page.text


@pytest.mark.parametrize("rest", ["", "/history", "/unassigned", "/customers.csv", "/focus.csv", "/issue", "/override"])
def test_who_gets_in(stage, as_, rest):
    path = f"{of(stage)}{rest}"
    for other in ("ben", "dot", "olga"):
        assert as_(other).get(path).status_code == 403
    assert as_("cy").get(path).status_code == 404
    assert as_("nobody").get(path).status_code == 302
    assert as_("ada").get(path).status_code in (200, 409)


def test_the_invoice_ties_and_each_customers_row_foots(stage, as_):
    page = Page(as_("ada").get(of(stage)))
    page.check()
    strip = page.soup.select_one(".strip").get_text(" ", strip=True)
    assert strip.count("5,583.22") == 3, strip
    assert page.soup.select_one(".strip .good").text.strip() == "0.00"
    rows = {
        row.select_one("a").text: [cell.get_text(" ", strip=True).replace("\xa0", " ") for cell in row.select("td.num")]
        for row in page.soup.select("#panel section tbody tr:not(.total)")
        if row.select_one("td.num")
    }
    assert rows["Aldgate Insurance"] == ["3", "119.61", "15 %", "17.94", "137.55", "27.51", "165.06"]
    # 1234.57 at 13.37 % is 1399.63, less 34.57 at the same 39.19; tax 19 % of 1360.44
    assert rows["Vela Pharma"] == ["2", "1,200.00", "13.37 %", "160.44", "1,360.44", "258.48", "1,618.92"]
    assert rows["Marlow & Finch Retail"] == ["1", "2,904.40", "0 %", "0.00", "2,904.40", "580.88", "3,485.28"]
    assert rows["Pinecrest Health"] == ["1", "1,349.22", "not set", "—", "—", "—", "—"]
    assert "version 1, with credit" in page.text and "version 1, 0 % chosen" in page.text
    assert "3 ready, 1 blocked" in page.text and "set its mark-up" in page.text
    assert "Issue 3 statements" in page.text and "with 1 amendment" in page.text
    assert "9.99 of it Microsoft's tax" in page.text.replace("’", "'")
    part = Fragment(as_("ada").get(of(stage), headers=HTMX))
    part.check()


def test_an_amendment_stands_alone_and_leads_to_its_invoice(stage, as_):
    page = Page(as_("ada").get(f"{PATH}/{stage.credit.id}"))
    page.check()
    assert "It amends G048201937" in page.text and "−34.57" in page.text and "Issue" not in page.soup.select_one(
        ".page-actions"
    ).text  # fmt: skip


def test_a_customers_lines_are_explained(stage, as_):
    path = f"{of(stage)}/customers/{stage.aldgate.id}"
    page = Page(as_("ada").get(path))
    page.check()
    figures = [cell.text for cell in page.soup.select("td.main-figure")]
    assert figures == ["115.92", "−108.19", "129.82"]
    explained = Page(as_("ada").get(f"{path}?explain=2"))
    explained.check()
    assert "the mark-up of the charge it gives back, which began on 1 Sep 2026" in explained.text
    assert "−108.192" in explained.text and "Rounded once" in explained.text
    for asked in ("explain=99999999999999999999", "explain=%00", "explain=-1", "document=nothing", "after=AAAA"):
        assert as_("ada").get(f"{path}?{asked}").status_code in (200, 400, 404), asked
    assert as_("cy").get(path).status_code == 404
    assert as_("ben").get(path).status_code == 403
    assert as_("ada").get(f"{of(stage)}/customers/{stage.globex.id}").status_code == 404


def test_a_customers_lines_in_another_document_and_as_files(stage, as_):
    path = f"{of(stage)}/customers/{stage.vela.id}"
    page = Page(as_("ada").get(f"{path}?document=G048377102"))
    page.check()
    assert "−39.19" in page.text and "1,399.63" not in page.soup.select_one("#results").text
    rows = list(csv.DictReader(io.StringIO(as_("ada").get(f"{path}/lines.csv?document=G048377102").text)))
    assert [(row["Cost"], row["Mark-up, %"], row["Sell, net"]) for row in rows] == [("-34.57", "13.37", "-39.19")]
    assert as_("ada").get(f"{path}/lines.xlsx").data[:2] == b"PK"


def test_issuing_all_that_are_ready(app, stage, people, as_):
    page = Page(as_("ada").get(f"{of(stage)}/issue"))
    page.check()
    assert (
        "Aldgate Insurance, Marlow & Finch Retail, Vela Pharma" in page.text
        and "2 customers are not linked" in page.text
    )
    answer = fill(as_("ada"), f"{of(stage)}/issue")
    assert answer.status_code == 303
    after = Page(as_("ada").get(of(stage)))
    after.check()
    assert "3 statements issued." in after.text and "3 issued, 1 blocked" in after.text
    assert as_("ada").get(f"{of(stage)}/issue").status_code == 409
    history = Page(as_("ada").get(f"{of(stage)}/history"))
    history.check()
    assert "issued to Aldgate Insurance: 165.06 EUR" in history.text and "chain verified" in history.text


def test_issuing_one_and_again_only_after_a_change(app, stage, as_):
    path = f"{of(stage)}/customers/{stage.vela.id}/issue"
    assert fill(as_("ada"), path).status_code == 303
    assert as_("ada").get(path).status_code == 409
    with app.app_context():
        make_document(
            stage.account, "G048399999", [line(stage.vela, "-10.00", charge_type="customerCredit", subscription="azure")],
            amends="G048201937", document_type="adjustment_note", at=datetime(2026, 10, 25, tzinfo=UTC),
        )  # fmt: skip
        db.session.remove()
    page = Page(as_("ada").get(of(stage)))
    assert "Changed since" in page.text and "version 2" in page.text
    assert fill(as_("ada"), path).status_code == 303
    listed = Page(as_("ada").get("/csp/statements"))
    listed.check()
    assert listed.text.count("ST-1001") == 2 and "Superseded" in listed.text and "version 2" in listed.text


def test_a_form_of_before_a_change_issues_nothing(app, stage, as_):
    ada, path = as_("ada"), f"{of(stage)}/customers/{stage.vela.id}/issue"
    sent = Page(ada.get(path)).form(path)
    with app.app_context():
        set_mark_up(stage.vela, "50", valid_from=datetime(2026, 9, 1).date())
        with acting_for_all("a test reprices"), transaction():
            reprice_open(stage.account.id, [stage.vela.id])
        db.session.remove()
    answer = ada.post(path, data=sent)
    assert answer.status_code == 422 and "comes to another amount by now" in answer.text


def test_the_same_form_twice_issues_once(app, stage, as_):
    ada, path = as_("ada"), f"{of(stage)}/issue"
    sent = Page(ada.get(path)).form(path)
    assert ada.post(path, data=sent).status_code == 303
    ada.post(path, data=sent)
    with app.app_context(), acting_for_all("a test counts"):
        assert db.session.query(CspStatement).count() == 3


def test_what_does_not_tie_is_held_back_until_overridden(app, stage, people, as_):
    with app.app_context():
        document = make_document(
            stage.account, "G1", [line(stage.marlow, "10.00"), line(None, "5.00"), line(str(uuid4()), "1.00", name="Ghost")],
            total="16.01",
        )  # fmt: skip
        db.session.remove()
    path = f"{PATH}/{document.id}"
    page = Page(as_("ada").get(path))
    page.check()
    assert "Does not reconcile" in page.text and "Statements are held back" in page.text and "0.01" in page.text
    assert "2 unassigned lines" in page.text and as_("ada").get(f"{path}/issue").status_code == 409
    loose = Page(as_("ada").get(f"{path}/unassigned"))
    loose.check()
    assert "Ghost" in loose.text and "nobody" in loose.text
    refused = as_("ada").post(
        f"{path}/override", data=Page(as_("ada").get(f"{path}/override")).form(f"{path}/override")
    )
    assert refused.status_code == 422
    answer = fill(as_("ada"), f"{path}/override", reason="Credit <b>note</b> promised for Friday")
    assert answer.status_code == 303
    page = Page(as_("ada").get(path))
    page.check()
    assert "Overridden" in page.text and "promised for Friday" in page.text and "<b>note" not in str(page.soup.main)
    assert "Issue 1 statement" in page.text
    assert as_("ada").get(f"{path}/override").status_code == 409
    assert fill(as_("ada"), f"{path}/issue").status_code == 303
    with app.app_context(), acting_for_all("a test looks"):
        assert one(CspDocument, document.id).override_by_name == "Ada Marsh, Northbridge"
    statement = re.search(r"/csp/statements/[0-9a-f-]{36}", as_("ada").get(path).text)[0]
    assert "Issued though the invoice was held back" in as_("ada").get(statement).text


def test_what_was_not_read_says_so(app, stage, as_):
    with app.app_context():
        document = make_document(stage.account, "G2", [], total="5", read=False)
        db.session.remove()
    page = Page(as_("ada").get(f"{PATH}/{document.id}"))
    page.check()
    assert "Lines not read yet" in page.text and "were not read yet" in page.text


def test_amounts_of_any_size_and_currency_are_shown(app, people, as_):
    with app.app_context():
        account = make_account(people.northbridge, mark_up="10")
        customer = make_csp_customer(account, "=cmd|' /C calc'!A0")
        big = make_document(account, "J1", [line(customer, "123456", currency="JPY")], currency="JPY", period=None)
        odd = make_document(account, "X1", [line(customer, "1.5", currency="XQQ")], currency="XQQ")
        long = make_document(account, "L1", [line(customer, "28.82860766744404945074" + "1" * 20)])
        mixed = make_document(
            account, "M1", [line(customer, "1.00"), line(customer, "2.00", currency="USD")], total="3"
        )
        db.session.remove()
    for document, figure in (
        (big, "135,802"),
        (odd, "1.50"),
        (long, "28.828607667444049450741111"),
        (mixed, "USD 2.00"),
    ):
        page = Page(as_("ada").get(f"{PATH}/{document.id}"))
        page.check()
        assert figure in page.text.replace("\xa0", " "), figure
        assert as_("ada").get(f"{PATH}/{document.id}/customers/{customer.id}").status_code == 200
    assert "never added across" in page.text
    text = as_("ada").get(f"{PATH}/{big.id}/customers.csv").text
    assert "'=cmd" in text and "\n=cmd" not in text


def test_few_statements(app, stage, as_):
    """However many lines and customers: the list in two, the invoice in a fixed number."""
    ada = as_("ada")
    with statements(app) as asked:
        ada.get(PATH, headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 3, asked
    with statements(app) as asked:
        ada.get(of(stage), headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 12, asked


def test_focus_at_cost_foots_with_the_invoice(stage, as_):
    rows = list(csv.DictReader(io.StringIO(as_("ada").get(f"{of(stage)}/focus.csv").text)))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("5583.22")
    assert {row["ChargeCategory"] for row in rows} == {"Purchase", "Tax"}
    assert [row["ChargeClass"] for row in rows].count("Correction") == 1
    assert rows[0]["InvoiceIssuerName"] == "Microsoft" and rows[0]["BillingPeriodStart"] == "2026-09-01T00:00:00Z"


def test_the_original_needs_a_connection(stage, as_):
    answer = as_("ada").get(f"{of(stage)}/original.pdf")
    assert answer.status_code == 303
    assert "not connected to Microsoft" in as_("ada").get(of(stage)).text
