"""Lines priced as they come in are priced as a second look at them would: refunds, terms that change meanwhile, who comes late."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.csp.customers import terms
from app.csp.digests import LinesDigest
from app.csp.invoices import line_arrivals, pricing
from app.csp.invoices.line_arrivals import Filling
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion
from app.csp.invoices.passing import Known, Prices
from app.csp.invoices.rules import otherwise_on
from app.csp.microsoft.records import Line
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from tests.makers.csp_documents import line, make_account, make_csp_customer, make_document, set_mark_up
from tests.people import everybody

D = Decimal
LATER = date(2026, 9, 10)


@pytest.fixture
def people(app: Any, restore_database: Any) -> Any:
    return everybody(app, restore_database)


@pytest.fixture
def account(people: Any) -> Any:
    return make_account(people.northbridge, mark_up="5")


def begun(document: CspDocument, known: Known, *pages: Sequence[Line]) -> Filling:
    with acting_for_all("a test reads lines"), transaction():
        prices = Prices(known, otherwise_on(document))
        filling = line_arrivals.begin(document.id, document.partner_id, "v1", {}, prices)
        for page in pages:
            filling.take(page, LinesDigest.of(page), {})
    return filling


def in_force(filling: Filling) -> int:
    with acting_for_all("a test reads lines") as by:
        line_arrivals.put_in_force(filling, by=by)
    return filling.version_id


def totals(version_id: int) -> dict[tuple[str, str], tuple[Any, ...]]:
    """All that pricing decides, and when."""
    names = (
        "customer_id",
        "lines",
        "cost",
        "sell",
        "least_mark_up",
        "most_mark_up",
        "unpriced",
        "unmatched",
        "priced_at",
    )
    with acting_for_all("a test looks"):
        rows = db.session.scalars(
            select(CspDocumentTotal)
            .where(CspDocumentTotal.version_id == version_id)
            .execution_options(populate_existing=True)
        )
        return {(row.customer_tenant_id, row.currency): tuple(getattr(row, name) for name in names) for row in rows}


def is_as_a_second_look_says(version_id: int) -> bool:
    before = totals(version_id)
    with acting_for_all("a test prices again"):
        pricing.reprice(version_id)
    return before == totals(version_id)


def a_page(customer: Any, other: Any) -> list[Line]:
    return [
        line(customer, "100.80"),
        line(customer, "-94.08", start="2026-09-12", quantity="-10"),
        line(customer, "-1.00", charge_type="customerCredit"),
        line(other, "0.03", start=""),
        line(other, "33.335", start="2026-09-11", subscription="sub-2"),
        line(other, "-4.00", subscription=""),
        line(other, "100", currency="JPY"),
        line(other, "7.00", currency="ZZZ"),
        line(other, "9.00", line_type="usage"),
        line("9" * 36, "3.00", name="Nobody"),
        line(None, "2.00"),
    ]


def test_every_kind_of_line_is_priced_as_a_second_look_prices_it(account: Any) -> None:
    customer, other = make_csp_customer(account, mark_up="15"), make_csp_customer(account, "Other")
    set_mark_up(customer, "50", LATER)
    document = make_document(account, read=False)
    version = in_force(begun(document, Known(account.id), a_page(customer, other), a_page(other, customer)))
    assert len(totals(version)) == 8 and is_as_a_second_look_says(version)
    # the refund of 12 September takes the mark-up of its charge, of the 1st
    first = totals(version)[customer.tenant_id, "EUR"]
    assert first[3] == D("115.92") - D("108.19") - D("1.00") + D("0.03") + D("50.00") - D("4.60")


def test_terms_that_change_while_lines_come_in_count(account: Any) -> None:
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, read=False)
    filling = begun(document, Known(account.id), [line(customer, "100.00")])
    set_mark_up(customer, "20", date(2026, 9, 1))
    version = in_force(filling)
    assert totals(version)[customer.tenant_id, "EUR"][3] == D("120.00") and is_as_a_second_look_says(version)


def test_who_becomes_a_customer_while_its_lines_come_in_is_priced(account: Any) -> None:
    tenant = "7" * 36
    document = make_document(account, read=False)
    filling = begun(document, Known(account.id), [line(tenant, "100.00", name="Late Ltd")])
    make_csp_customer(account, "Late Ltd", tenant_id=tenant, mark_up="10")
    version = in_force(filling)
    assert totals(version)[tenant, "EUR"][3] == D("110.00") and is_as_a_second_look_says(version)


def test_a_refund_waits_for_its_charge_within_one_run_and_over_a_new_version(account: Any) -> None:
    customer = make_csp_customer(account, mark_up="15")
    set_mark_up(customer, "50", LATER)
    credit, invoice = make_document(account, "G2", read=False), make_document(account, "G1", read=False)
    known = Known(account.id)
    refund = [line(customer, "-50.00", start="2026-09-10")]
    key = (customer.tenant_id, "EUR")
    waits = in_force(begun(credit, known, refund))
    assert (totals(waits)[key][3], totals(waits)[key][7]) == (D("-75.00"), 1)
    again = in_force(begun(credit, known, refund, [line(customer, "1.00", subscription="sub-9")]))
    assert totals(again)[key][7] == 1
    charge = in_force(begun(invoice, known, [line(customer, "100.00")]))
    assert (totals(again)[key][3], totals(again)[key][7]) == (D("-56.35"), 0)  # -57.50 and 1.15
    assert totals(waits)[key][7] == 1, "a version that is over is looked at no more"
    assert is_as_a_second_look_says(again) and is_as_a_second_look_says(charge)


def test_a_version_that_was_cut_short_comes_to_the_same(account: Any) -> None:
    customer, other = make_csp_customer(account, mark_up="15"), make_csp_customer(account, "Other")
    document, known = make_document(account, read=False), Known(account.id)
    cut = begun(document, known, a_page(customer, other))
    with acting_for_all("a test reads lines"):
        kept = db.session.get_one(CspDocumentVersion, cut.version_id, populate_existing=True)
        filling = line_arrivals.go_on(kept, Prices(known, otherwise_on(document)))
    assert filling.prices.refunding == cut.prices.refunding
    version = in_force(filling)
    assert len(totals(version)) == 6 and is_as_a_second_look_says(version)


def test_an_accounts_terms_are_those_of_each_of_its_customers(people: Any) -> None:
    account = make_account(people.northbridge, mark_up="5", tax="20")
    other = make_account(people.northbridge, "Another", mark_up="6")
    linked = {"linked": people.acme, "monitored": True}
    customers = [
        make_csp_customer(account),
        make_csp_customer(account, "Managed", **linked),
        make_csp_customer(account, "Both", mark_up="15", tax="7", **linked),
        make_csp_customer(account, "Linked", linked=people.acme, mark_up="15"),
    ]
    make_csp_customer(other, "Foreign", mark_up="9")
    with acting_for_all("a test looks"):
        each, of_all = terms.terms_of(account.id, [one.id for one in customers]), terms.terms_of_account(account.id)
        assert {one.id: of_all(one.id) for one in customers} == each
        assert [each[one.id].is_managed for one in customers] == [False, True, True, False]
