"""Pricing and issuing on both databases: refunds, repricing, versions, races, tenancy, what nobody may change."""

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.exc import DBAPIError

from app.csp.customers.model import CspCustomer, CspMarkUp
from app.csp.invoices import actions as invoices
from app.csp.invoices import pricing, refunds, rules
from app.csp.invoices.bundles import bundle_of
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspRefund
from app.csp.statements import actions, queries, repricing
from app.csp.statements.model import (
    CspStatement,
    CspStatementCost,
    CspStatementLine,
    CspStatementLineCost,
    CspStatementShare,
)
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, viewing
from tests.makers.csp_documents import (
    LONG_AGO,
    line,
    make_account,
    make_csp_customer,
    make_document,
    read_again,
    set_mark_up,
)
from tests.people import everybody

D = Decimal
SEATS = [("100.80", "2026-09-01", "10"), ("-94.08", "2026-09-03", "-10"), ("112.89", "2026-09-03", "12")]


@pytest.fixture
def people(app, restore_database):
    return everybody(app, restore_database)


@pytest.fixture
def account(people):
    return make_account(people.northbridge, tax="20")


def seats(customer):
    return [line(customer, cost, start=start, quantity=quantity) for cost, start, quantity in SEATS]


def total_of(document, customer):
    with acting_for_all("a test looks"):
        version = db.session.scalars(select(CspDocument.version_id).where(CspDocument.id == document.id)).one()
        return db.session.scalars(
            select(CspDocumentTotal)
            .where(CspDocumentTotal.version_id == version, CspDocumentTotal.customer_id == customer.id)
            .execution_options(populate_existing=True)
        ).one()


def issue(people, document, customer, person="ada", **more):
    with viewing(people.viewer(person)) as by:
        return actions.issue(document.id, customer.id, by=by, **more)


def changed(account, *customers):
    with acting_for_all("a test's change of terms"), transaction():
        repricing.reprice_open(account.id, [one.id for one in customers])


# Pricing.


def test_the_worked_example_is_kept_as_a_total(account):
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, lines=seats(customer))
    total = total_of(document, customer)
    assert (total.cost, total.sell, total.least_mark_up, total.most_mark_up) == (D("119.61"), D("137.55"), 15, 15)
    assert total.unpriced == 0 and total.unmatched == 0


def test_a_refund_keeps_its_originals_mark_up_when_the_rate_changed_in_between(account):
    customer = make_csp_customer(account, mark_up="15")
    set_mark_up(customer, "50", date(2026, 9, 3))
    document = make_document(account, lines=seats(customer))
    # 115.92 at 15 %, its refund -108.19 at 15 %, the new charge 169.34 at 50 %
    total = total_of(document, customer)
    assert total.sell == D("115.92") - D("108.19") + D("169.34")
    assert (total.least_mark_up, total.most_mark_up) == (15, 50)


def test_a_credit_notes_refund_finds_its_charge_in_the_invoice_whichever_comes_first(account):
    customer = make_csp_customer(account, mark_up="15")
    set_mark_up(customer, "50", date(2026, 9, 10))
    refund = [line(customer, "-50.00", start="2026-09-10")]
    credit = make_document(account, "G2", refund, amends="G1")
    assert (total_of(credit, customer).sell, total_of(credit, customer).unmatched) == (D("-75.00"), 1)
    make_document(account, "G1", [line(customer, "100.00")])
    assert (total_of(credit, customer).sell, total_of(credit, customer).unmatched) == (D("-57.50"), 0)


def test_a_refund_of_another_subscription_or_customer_is_not_the_original(account):
    customer, other = make_csp_customer(account, mark_up="15"), make_csp_customer(account, "Other", mark_up="15")
    set_mark_up(customer, "50", date(2026, 9, 3))
    lines = [
        line(customer, "100.00", subscription="sub-2"),
        line(other, "100.00"),
        line(customer, "-10.00", start="2026-09-03"),
    ]
    assert total_of(make_document(account, lines=lines), customer).sell == D("150.00") - D("15.00") - D("35.00")


def test_usage_lines_and_other_currencies_are_never_added(account):
    customer = make_csp_customer(account, mark_up="10")
    lines = [line(customer, "1.00"), line(customer, "7.00", line_type="usage"), line(customer, "100", currency="JPY")]
    document = make_document(account, lines=lines, total="101")
    with acting_for_all("a test looks"):
        found = db.session.execute(
            select(CspDocumentTotal.currency, CspDocumentTotal.cost, CspDocumentTotal.sell).order_by(
                CspDocumentTotal.currency
            )
        ).all()
    assert [tuple(row) for row in found] == [("EUR", D("1.00"), D("1.10")), ("JPY", D(100), D(110))]
    assert document.currency == "EUR"


def test_not_set_is_counted_and_zero_is_a_choice(account):
    none, zero = make_csp_customer(account), make_csp_customer(account, "Zero", mark_up="0")
    document = make_document(
        account, lines=[line(none, "5.00"), line(none, "-1.00", charge_type="customerCredit"), line(zero, "5.00")]
    )
    assert (total_of(document, none).sell, total_of(document, none).unpriced) == (None, 1)
    assert (total_of(document, zero).sell, total_of(document, zero).most_mark_up) == (D("5.00"), 0)


def test_repricing_again_writes_nothing(app, account):
    customer = make_csp_customer(account, mark_up="15")
    set_mark_up(customer, "50", date(2026, 9, 3))
    document = make_document(account, lines=seats(customer))
    before = total_of(document, customer).priced_at
    written = []

    def note(_connection, _cursor, statement, *_rest):
        if not statement.lstrip().upper().startswith(("SELECT", "WITH", "PRAGMA", "BEGIN")):
            written.append(statement)

    with acting_for_all("a test looks"):
        version = version_of(document)
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with acting_for_all("a test reprices"):
            pricing.reprice(version)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert written == [] and total_of(document, customer).priced_at == before


def test_a_customer_that_comes_in_after_its_lines_is_adopted(account):
    customer = make_csp_customer(account, mark_up="15")
    tenant = customer.tenant_id.replace(customer.tenant_id[:8], "00000000")
    document = make_document(account, lines=[line(tenant, "10.00", name="Late Ltd")])
    late = make_csp_customer(account, "Late Ltd", tenant_id=tenant, mark_up="10")
    with acting_for_all("discovery has read customers"):
        assert bundle_of(document.id).unassigned
        pricing.adopt(account.id)
        assert not bundle_of(document.id).unassigned
    assert total_of(document, late).sell == D("11.00")


LINES = st.lists(
    st.tuples(
        st.decimals(min_value=-500, max_value=500, places=3),
        st.integers(1, 28),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["cycleCharge", "customerCredit"]),
    ),
    max_size=14,
)


@given(LINES, st.integers(0, 99), st.integers(0, 99))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_a_statement_foots_and_repricing_comes_to_what_pricing_did(app, people, account, drawn, first, later):
    """Laws over random lines: sum of frozen lines = page's total = statement; new terms, then the old again: the same as at first."""
    customer = make_csp_customer(account, f"C{first}{later}{len(drawn)}{id(drawn)}", mark_up=str(first))
    lines = [
        line(customer, f"{cost:f}", start=f"2026-09-{day:02}", subscription=subscription, charge_type=kind)
        for cost, day, subscription, kind in drawn
    ] or [line(customer, "0")]
    document = make_document(account, f"G{id(drawn)}{first}{later}", lines)
    at_first = total_of(document, customer).sell
    set_mark_up(customer, str(later), date(2026, 9, 15))
    changed(account, customer)
    with acting_for_all("a test's terms"), transaction():
        db.session.execute(
            delete(CspMarkUp).where(CspMarkUp.customer_id == customer.id, CspMarkUp.valid_from != LONG_AGO)
        )
    changed(account, customer)
    assert total_of(document, customer).sell == at_first
    statement = issue(people, document, customer)
    with viewing(people.viewer("ada")):
        frozen = db.session.scalars(
            select(CspStatementLine.sell_minor).where(CspStatementLine.statement_id == statement.id)
        ).all()
        shares = queries.shares_of(statement.id)
    assert sum(frozen) == statement.subtotal_minor == sum(one.sell_minor for one in shares)
    assert D(statement.subtotal_minor) / 100 == at_first
    assert statement.total_minor == statement.subtotal_minor + statement.tax_minor


# Issuing.


def test_a_statement_is_frozen_with_cost_apart(people, account):
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, lines=seats(customer))
    statement = issue(people, document, customer)
    assert (statement.subtotal_minor, statement.tax_minor, statement.total_minor) == (13755, 2751, 16506)
    assert (statement.version, statement.lines, statement.tax_rate) == (1, 3, 20)
    assert statement.last_charge_on == date(2026, 9, 3) and str(statement.month) == "2026-09"
    with viewing(people.viewer("ada")):
        assert db.session.scalars(select(CspStatementLineCost.cost).order_by(CspStatementLineCost.sequence)).all() == [
            D("100.80"),
            D("-94.08"),
            D("112.89"),
        ]


def test_a_version_is_made_only_when_it_says_something_new(people, account):
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, "G1", seats(customer))
    for row in (account, customer, document):
        db.session.expunge(row)  # else a refused action, which rolls back, would make them forget who they are
    first = issue(people, document, customer).number
    with pytest.raises(AlreadyDone):
        issue(people, document, customer, "abe")
    read_again(document, seats(customer))  # other lines of the same content: nothing to say
    with pytest.raises(AlreadyDone):
        issue(people, document, customer)
    make_document(account, "G3", [line(customer, "-119.61", start="2026-09-01", quantity="-9")], amends="G1")
    second = issue(people, document, customer)
    assert (second.version, second.number, first) == (2, first, "ST-1001")
    assert second.subtotal_minor == 13755 - 13755 and second.lines == 4
    make_document(account, "G4", [line(customer, "-100.00", charge_type="customerCredit")], amends="G3")
    third = issue(people, document, customer)
    assert third.subtotal_minor == -10000 and third.tax_minor == -2000 and third.version == 3


def test_new_terms_leave_what_is_issued_and_may_not_begin_before_its_end(people, account):
    customer = make_csp_customer(account, mark_up="15")
    issued_one, waiting = (
        make_document(account, "G1", seats(customer)),
        make_document(account, "G2", [line(customer, "100.00", start="2026-10-01", end="2026-10-31")]),
    )
    issue(people, issued_one, customer)
    with viewing(people.viewer("ada")):
        assert "ST-1001" in (repricing.refusal(customer.id, date(2026, 9, 3)) or "")
        assert repricing.refusal(customer.id, date(2026, 9, 4)) is None
    set_mark_up(customer, "30", date(2026, 9, 4))
    changed(account, customer)
    assert total_of(issued_one, customer).sell == D("137.55")
    assert total_of(waiting, customer).sell == D("130.00")


def test_who_may_issue_and_override(people, account):
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, lines=[line(customer, "10.00"), line(None, "1.00")])
    with pytest.raises(MissingRole):
        issue(people, document, customer, "ben")
    with pytest.raises(NotVisible):
        issue(people, document, customer, "cy")
    with pytest.raises(Refused) as no:
        issue(people, document, customer)
    assert no.value.field == "statement"
    with viewing(people.viewer("ben")) as ben, pytest.raises(MissingRole):
        invoices.override(document.id, reason="Because", by=ben)
    with viewing(people.viewer("cy")) as cy, pytest.raises(NotVisible):
        invoices.override(document.id, reason="Because", by=cy)
    with viewing(people.viewer("ada")) as ada:
        with pytest.raises(Refused):
            invoices.override(document.id, reason="  ", by=ada)
        invoices.override(document.id, reason="Credit promised", by=ada)
        with pytest.raises(AlreadyDone):
            invoices.override(document.id, reason="Again", by=ada)
    issue(people, document, customer)
    with viewing(people.viewer("ada")):
        assert db.session.scalars(select(CspStatementCost.override_reason)).all() == ["Credit promised"]
    read_again(document, [line(customer, "11.00"), line(None, "0.00")])  # read anew: the override was of other lines
    with pytest.raises(Refused):
        issue(people, document, customer)


def test_an_amendment_has_no_statements_of_its_own(people, account):
    customer = make_csp_customer(account, mark_up="15")
    make_document(account, "G1", [line(customer, "10.00")])
    credit = make_document(account, "G2", [line(customer, "-1.00")], amends="G1")
    with pytest.raises(Refused):
        issue(people, credit, customer)


def test_two_admins_at_once_make_one_version(app, people, account):
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, lines=seats(customer))
    db.session.remove()
    begin, outcomes = threading.Barrier(2), []

    def press(person):
        with app.app_context():
            begin.wait()
            try:
                outcomes.append(issue(people, document, customer, person).version)
            except AlreadyDone:
                outcomes.append("already done")
            finally:
                db.session.remove()

    presses = [threading.Thread(target=press, args=(person,)) for person in ("ada", "abe")]
    for one in presses:
        one.start()
    for one in presses:
        one.join(60)
    assert sorted(map(str, outcomes)) == ["1", "already done"]
    with acting_for_all("a test counts"):
        assert db.session.scalar(select(func.count(CspStatement.id))) == 1


@pytest.mark.parametrize(
    "table",
    ["csp_statement", "csp_statement_line", "csp_statement_share", "csp_statement_cost", "csp_statement_line_cost"],
)
def test_nobody_changes_what_was_issued(people, account, table):
    customer = make_csp_customer(account, mark_up="15")
    issue(people, make_document(account, lines=seats(customer)), customer)
    for change in (f"UPDATE {table} SET partner_id = partner_id", f"DELETE FROM {table}"):
        with pytest.raises(DBAPIError, match="append-only"), acting_for_all("a test tries"), transaction() as session:
            session.execute(text(change))


def test_a_customer_reads_its_own_statements_and_never_a_cost(people, account):
    customer = make_csp_customer(account, mark_up="15", linked=people.acme)
    issue(people, make_document(account, lines=seats(customer)), customer)
    for person, sees in (("ada", 1), ("ben", 1), ("dot", 1), ("eve", 0), ("cy", 0), ("olga", 0)):
        with viewing(people.viewer(person)):
            assert db.session.scalar(select(func.count(CspStatement.id))) == sees, person
            assert bool(db.session.scalars(select(CspStatementLine.sequence)).all()) == bool(sees)
            assert bool(db.session.scalars(select(CspStatementShare.lines)).all()) == bool(sees)
            partner = person in ("ada", "ben")
            for model in (CspStatementCost, CspStatementLineCost):
                assert bool(db.session.scalars(select(model.cost)).all()) == partner, (person, model)
            for column in (CspDocument.number, CspDocumentTotal.version_id, CspRefund.charge_start):
                assert bool(db.session.execute(select(column)).all()) == partner, (person, column)
    with acting_for_all("a test unlinks"), transaction() as session:
        session.execute(update(CspCustomer).values(linked_organisation_id=None))
    with viewing(people.viewer("dot")):
        assert db.session.scalar(select(func.count(CspStatement.id))) == 0


def test_matching_again_changes_nothing_and_a_moved_original_moves_it(account):
    customer = make_csp_customer(account, mark_up="15")
    first = make_document(account, "G1", [line(customer, "10.00", start="2026-08-01", end="2026-09-30")])
    credit = make_document(account, "G2", [line(customer, "-1.00", start="2026-09-10")], amends="G1")
    with acting_for_all("a test looks"):
        assert list(refunds.originals_of(version_of(credit)).values()) == ["2026-08-01T00:00:00Z"]
        make_document(account, "G3", [line(customer, "10.00", start="2026-09-01", end="2026-09-30")])
        with transaction():
            pricing.reprice(version_of(credit))
        assert list(refunds.originals_of(version_of(credit)).values()) == ["2026-09-01T00:00:00Z"]
    assert first.number == "G1" and rules.NOTHING == 0


def version_of(document: Any) -> int:
    found = db.session.scalars(select(CspDocument.version_id).where(CspDocument.id == document.id)).one()
    assert found is not None
    return found


def test_what_no_database_holds_is_refused(account, people):
    customer = make_csp_customer(account, mark_up="15")
    document = make_document(account, "G1", [line(customer, "9" * 30)])
    with pytest.raises(Refused):
        issue(people, document, customer)


def test_the_wire_may_send_any_text(account, people):
    customer = make_csp_customer(account, "Łódź “quoted” 日本 😀", mark_up="15")
    document = make_document(
        account, "../G 1?", [line(customer, "1.00", product="日本 😀\u202e<b>", start="", end="9999-12-31")]
    )
    statement = issue(people, document, customer)
    assert statement.customer_name == customer.name
    assert datetime(1970, 1, 1, tzinfo=UTC).date() <= statement.last_charge_on
