"""Statements of the partner and the customer's own cloud: versions, files, spending, and that no cost reaches a customer."""

import csv
import io
import json
import re
import zipfile
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from app.csp.customers.model import CspCustomer, CspMarkUp, CspSubscription
from app.csp.statements.model import CspStatement
from app.documents import statement_pdf
from app.foundation.database import db, transaction
from app.foundation.outbox import OutboxRow
from app.foundation.tenancy import acting_for_all
from tests.makers.csp_documents import line, make_csp_customer, make_document
from tests.page import Page
from tests.screens import billing_stage
from tests.screens import csp_billing_stage as csp_stage
from tests.screens.test_no_net_for_customers import walked

CLOUD = "/my/cloud"
FILES = ("statement.pdf", "lines.csv", "lines.xlsx", "focus.csv")
MANDATORY = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
    "ServiceCategory", "ServiceName",
}  # fmt: skip


@pytest.fixture
def stage(app, people):
    stage = csp_stage.set_stage(app, people)
    for customer in (stage.aldgate, stage.vela, stage.marlow):
        csp_stage.issue(app, people, stage.invoice, customer)
    csp_stage.issue(app, people, stage.foreign, stage.globex, "cy")
    with billing_stage.at():
        yield stage


def statement_of(app, customer):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(
            select(CspStatement)
            .where(CspStatement.csp_customer_id == customer.id)
            .order_by(CspStatement.version.desc())
        ).first()


def test_the_partners_list(stage, as_):
    page = Page(as_("ada").get("/csp/statements"))
    page.check()
    assert "Aldgate Insurance" in page.text and "165.06" in page.text and "Globex" not in page.text
    rows = list(csv.DictReader(io.StringIO(as_("ada").get("/csp/statements.csv").text)))
    assert {row["Customer"]: row["Total"] for row in rows} == {
        "Aldgate Insurance": "165.06",
        "Vela Pharma": "1618.92",
        "Marlow & Finch Retail": "3485.28",
    }
    empty = Page(as_("ada").get("/csp/statements?status=superseded"))
    empty.check()
    assert "No statement fits" in empty.text
    for other, status in (("ben", 403), ("dot", 403), ("olga", 403), ("nobody", 302)):
        assert as_(other).get("/csp/statements").status_code == status


def test_one_statement_for_its_partner(app, stage, as_):
    statement = statement_of(app, stage.aldgate)
    path = f"/csp/statements/{statement.id}"
    page = Page(as_("ada").get(path))
    page.check()
    assert "137.55" in page.text and "27.51" in page.text and "165.06" in page.text
    assert "−94.08" in page.text and "−108.19" in page.text
    assert as_("cy").get(path).status_code == 404 and as_("ben").get(path).status_code == 403
    for file in (*FILES, "cost.csv", "cost.xlsx"):
        assert as_("ada").get(f"{path}/{file}").status_code == 200, file
        assert as_("cy").get(f"{path}/{file}").status_code == 404, file
    rows = list(csv.DictReader(io.StringIO(as_("ada").get(f"{path}/cost.csv").text)))
    assert [row["Cost"] for row in rows] == ["100.80", "-94.08", "112.89"]


def test_the_customer_sees_its_own(app, stage, as_):
    page = Page(as_("dot").get(CLOUD))
    page.check()
    assert "Spending by month" in page.text and "137.55" in page.text and "165.06" in page.text
    assert "Microsoft 365 E3" in page.text and "Vela" not in page.text and "Globex" not in page.text
    statement = statement_of(app, stage.aldgate)
    own = Page(as_("dot").get(f"{CLOUD}/statements/{statement.id}"))
    own.check()
    assert "115.92" in own.text and "−108.19" in own.text and "129.82" in own.text
    for other in (stage.vela, stage.globex):
        foreign = statement_of(app, other)
        for rest in ("", *(f"/{file}" for file in FILES)):
            assert as_("dot").get(f"{CLOUD}/statements/{foreign.id}{rest}").status_code == 404
    assert as_("eve").get(f"{CLOUD}/statements/{statement.id}").status_code == 404
    for other in ("ada", "ben", "cy", "olga"):
        assert as_(other).get(CLOUD).status_code == 403
    assert as_("nobody").get(CLOUD).status_code == 302


def test_what_is_missing_is_said_in_the_customers_words(app, people, stage, as_):
    def change(model, **values):
        with app.app_context(), acting_for_all("a test's change"), transaction() as session:
            session.execute(update(model).values(**values))

    change(CspSubscription, is_monitored=False)
    page = Page(as_("dot").get(CLOUD))
    page.check()
    assert "shows none of your subscriptions yet" in page.text and "137.55" not in page.text
    with app.app_context(), acting_for_all("a test's change"), transaction() as session:
        session.query(CspMarkUp).delete()
    assert "Northbridge has not set your prices yet" in Page(as_("dot").get(CLOUD)).text
    change(CspCustomer, linked_organisation_id=None)
    page = Page(as_("dot").get(CLOUD))
    page.check()
    assert "No supplier has linked your organisation yet" in page.text
    statement = statement_of(app, stage.aldgate)
    assert as_("dot").get(f"{CLOUD}/statements/{statement.id}").status_code == 404


def test_the_linked_customers_people_are_told(app, people, stage):
    with app.app_context(), acting_for_all("a test reads the outbox"):
        rows = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "cloud_statement")).all()
        told = {row.address: row.facts for row in rows}
    assert set(told) == {str(people.acme.id), str(people.globex.id)}
    assert told[str(people.acme.id)]["total"] == "165.06 EUR"
    assert not set(csp_stage.PLANTED) & set(json.dumps(told).split('"'))


def test_no_cost_reaches_a_customer(app, people, stage, as_):
    """Every page, fragment and file that Dot can reach, with planted costs, margins and mark-ups."""
    with app.app_context():
        make_document(
            stage.account, "G9", [line(stage.aldgate, "4321.09", product="Azure plan", subscription="azure")],
        )  # fmt: skip
        statement_of(app, stage.aldgate)
        db.session.remove()
    with app.app_context():
        from app.csp.invoices.model import CspDocument

        with acting_for_all("a test looks"):
            document = db.session.scalars(select(CspDocument).where(CspDocument.number == "G9")).one()
    csp_stage.issue(app, people, document, stage.aldgate)
    dot = as_("dot")
    seen = _everything(dot)
    assert any(path.endswith("statement.pdf") for path in seen) and any(path.endswith("focus.csv") for path in seen)
    whole = "\n".join(seen.values()).replace(",", "")
    assert "4969.25" in whole and "137.55" in whole and "115.92" in whole
    leaks = {
        (path, figure)
        for path, text in seen.items()
        for figure in csp_stage.PLANTED
        if figure in text.replace(",", "").replace("−", "-").replace("\xa0", " ")
    }
    assert not leaks
    words = re.compile(r"mark-?up|margin|\bearned\b|wholesale", re.I)
    assert not [path for path, text in seen.items() if words.search(re.sub(r"<[^>]*>", " ", text))]
    assert "Vela" not in whole and "Pinecrest" not in whole and "Globex" not in whole


def _everything(client):
    """What the other walk finds, and the files behind a statement's menu."""
    seen = {}
    todo = ["/", CLOUD, f"{CLOUD}.csv", f"{CLOUD}.xlsx", f"{CLOUD}/subscriptions.csv", f"{CLOUD}/subscriptions.xlsx"]
    while todo:
        path = todo.pop().partition("#")[0]
        if path in seen or not (path == "/" or path.startswith(CLOUD)):
            continue
        answer = client.get(path)
        assert answer.status_code == 200, path
        name = path.partition("?")[0]
        if name.endswith(".xlsx"):
            book = zipfile.ZipFile(io.BytesIO(answer.data))
            seen[path] = "\n".join(book.read(one).decode() for one in book.namelist() if one.endswith(".xml"))
        elif name.endswith(".pdf"):
            assert answer.data[:5] == b"%PDF-"
            seen[path] = ""  # what it says is looked at by the next test
        else:
            seen[path] = answer.text
        if answer.mimetype == "text/html":
            todo += [str(link["href"]) for link in Page(answer).soup.select("main a[href^='/']")]
    return seen


def test_the_pdf_says_the_sell_side_alone(app, people, stage, as_, monkeypatch):
    """What is set is JSON: looked at on its way, and the file is tagged."""
    told = []
    kept = statement_pdf._set

    def look(text):
        told.append(text)
        return kept(text)

    monkeypatch.setattr(statement_pdf, "_set", look)
    statement = statement_of(app, stage.aldgate)
    data = as_("dot").get(f"{CLOUD}/statements/{statement.id}/statement.pdf").data
    (content,) = told
    assert "137.55" in content and "165.06" in content and "Northbridge" in content and "115.92" in content
    assert not [figure for figure in csp_stage.PLANTED if figure in content.replace("\\u2212", "-")]
    for mark in (b"/StructTreeRoot", b"/MarkInfo", b"/Lang", b"/Table", b"/TH", b"/TD", b"/H1", b"pdfuaid:part"):
        assert mark in data, mark
    assert data == as_("ada").get(f"/csp/statements/{statement.id}/statement.pdf").data


def test_focus_holds_all_mandatory_columns_and_what_is_charged(app, stage, as_):
    statement = statement_of(app, stage.aldgate)
    rows = list(csv.DictReader(io.StringIO(as_("dot").get(f"{CLOUD}/statements/{statement.id}/focus.csv").text)))
    assert set(rows[0]) >= MANDATORY
    assert [row["BilledCost"] for row in rows] == ["115.92", "-108.19", "129.82", "27.51"]
    for row in rows:
        assert row["BilledCost"] == row["EffectiveCost"] == row["ListCost"] == row["ContractedCost"]
        assert row["InvoiceIssuerName"] == "Northbridge" and row["BillingCurrency"] == "EUR"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["ChargePeriodStart"])
    assert [row["ChargeCategory"] for row in rows] == ["Purchase", "Purchase", "Purchase", "Tax"]
    assert rows[0]["BillingPeriodEnd"] == "2026-10-01T00:00:00Z" and rows[0]["ServiceCategory"]
    assert sum(Decimal(row["BilledCost"]) for row in rows) == Decimal("165.06")


def test_cells_that_a_spreadsheet_would_run_are_neutralised(app, people, stage, as_):
    with app.app_context():
        customer = make_csp_customer(stage.account, "=1+1", mark_up="0")
        document = make_document(stage.account, "G7", [line(customer, "1", product='=HYPERLINK("http://x")')])
        db.session.remove()
    csp_stage.issue(app, people, document, customer)
    path = f"/csp/statements/{statement_of(app, customer).id}"
    for file in ("lines.csv", "focus.csv", "cost.csv"):
        text = as_("ada").get(f"{path}/{file}").text
        assert "'=HYPERLINK" in text and not re.search(r"(^|,|\")=HYPERLINK", text, re.M), file


def test_spending_counts_what_is_in_force_and_names_only_what_is_monitored(app, people, stage, as_):
    with app.app_context():
        document = make_document(
            stage.account, "G8", [line(stage.aldgate, "10.00", subscription="other", product="Hidden thing")], period=csp_stage.OCTOBER
        )  # fmt: skip
        db.session.remove()
    csp_stage.issue(app, people, document, stage.aldgate)
    page = Page(as_("dot").get(CLOUD))
    table = page.soup.find("section", string=None, class_="tile")
    assert table is not None and "Other charges" in page.text and "11.50" in page.text and "149.05" in page.text
    assert "Hidden thing" not in page.text


def test_a_walk_of_the_whole_customer_portal_names_no_cost(app, stage, as_):
    seen = walked(as_("dot"), ["/", "/catalog", "/my/engagements", "/my/charges"])
    assert not [(path, one) for path, text in seen.items() for one in csp_stage.PLANTED[:4] if one in text]
