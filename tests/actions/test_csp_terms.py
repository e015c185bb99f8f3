"""Terms of CSP customers: who is told of a change and who may refuse it, what follows from being managed, many read at once."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.csp.accounts.model import CspAccount
from app.csp.customers import queries, terms
from app.csp.customers.links import link_customer, unlink_customer
from app.csp.customers.mark_ups import remove_mark_up, set_mark_up, set_tax_rate
from app.csp.customers.model import CspCustomer, CspMarkUp
from app.csp.customers.monitoring import monitor, monitor_all
from app.csp.customers.rules import FromDay, Terms
from app.foundation import history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.foundation.text import N_
from app.members.roles import CLOUD_BILLING
from app.parties.relations import relate
from tests.makers import as_customer, as_partner, make_organisation
from tests.makers.csp_customers import make_account, make_customer, make_subscription

NOVEMBER, JANUARY = date(2026, 11, 1), date(2027, 1, 1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []
    monkeypatch.setattr(terms, "_told", [lambda account, customers: seen.append((account, list(customers)))])
    monkeypatch.setattr(terms, "_asked", [])
    return seen


@pytest.fixture
def account(told: list[Any]) -> CspAccount:
    return make_account(
        make_organisation("Northbridge"),
        managed_mark_up=Decimal(18),
        not_managed_mark_up=Decimal(12),
        tax_rate=Decimal(20),
    )


def ada(account: CspAccount, *roles: str) -> Any:
    from app.parties.model import Organisation

    with acting_for_all("a test's partner"):
        return as_partner(one(Organisation, account.partner_id), *roles)


def terms_for(customer: CspCustomer) -> Terms:
    with acting_for_all("a test reads"):
        return terms.terms_of(customer.account_id, [customer.id])[customer.id]


def test_a_change_is_told_inside_its_transaction(
    account: CspAccount, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, by = make_customer(account), ada(account)
    with viewing(by):
        set_mark_up(customer.id, percent=Decimal(15), valid_from=NOVEMBER, by=by)
        assert told == [(account.id, [customer.id])]
        set_mark_up(customer.id, percent=Decimal(15), valid_from=NOVEMBER, by=by)
        assert len(told) == 1, "what stands already changes nothing"
        set_tax_rate(customer.id, percent=Decimal(0), valid_from=NOVEMBER, by=by)
        assert len(told) == 2

        def fails(_account: uuid.UUID, _customers: Any) -> None:
            raise RuntimeError("pricing failed")

        monkeypatch.setattr(terms, "_told", [fails])
        with pytest.raises(RuntimeError):
            set_mark_up(customer.id, percent=Decimal(16), valid_from=NOVEMBER, by=by)
    assert terms_for(customer).mark_up_on(NOVEMBER) == 15, "nothing is changed that is not priced"


def test_a_day_inside_something_issued_is_refused(account: CspAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    customer, by = make_customer(account), ada(account)
    said = N_("Statement S-1 of December was issued: choose a day after it.")
    monkeypatch.setattr(terms, "_asked", [lambda _customer, day: said if day < JANUARY else None])
    with viewing(by):
        for action in (set_mark_up, set_tax_rate):
            with pytest.raises(Refused) as no:
                action(customer.id, percent=Decimal(5), valid_from=NOVEMBER, by=by)
            assert (no.value.field, str(no.value)) == ("valid_from", said)
            action(customer.id, percent=Decimal(5), valid_from=JANUARY, by=by)
        monkeypatch.setattr(terms, "_asked", [lambda _customer, day: said if day <= JANUARY else None])
        with pytest.raises(Refused):
            remove_mark_up(customer.id, valid_from=JANUARY, by=by)


def test_the_same_day_again_replaces_and_history_keeps_both(account: CspAccount) -> None:
    customer, by = make_customer(account), ada(account)
    with viewing(by):
        for percent in ("15", "0"):
            set_mark_up(customer.id, percent=Decimal(percent), valid_from=NOVEMBER, by=by)
        remove_mark_up(customer.id, valid_from=NOVEMBER, by=by)
        with pytest.raises(AlreadyDone):
            remove_mark_up(customer.id, valid_from=NOVEMBER, by=by)
        events = [row.event for row in history.events_of("csp_customer", customer.id, newest_first=False)]
    assert events == ["csp_mark_up_set", "csp_mark_up_set", "csp_mark_up_removed"]
    assert terms_for(customer).mark_ups == ()


def test_managed_customers_have_another_default(account: CspAccount, told: list[Any]) -> None:
    customer, by = make_customer(account), ada(account)
    subscription, other = make_subscription(customer), make_subscription(customer, "Azure plan")
    acme = make_organisation("Acme", customer=True)
    with viewing(by):
        relate(account.partner_id, acme.id, by=by)
        assert terms_for(customer).mark_up_on(NOVEMBER) == 12
        monitor(customer.id, subscription.id, on=True, by=by)
        assert told == [], "monitored, but linked to nobody: still not managed"
        link_customer(customer.id, acme.id, by=by)
        assert len(told) == 1 and terms_for(customer).mark_up_on(NOVEMBER) == 18
        monitor(customer.id, other.id, on=True, by=by)
        monitor(customer.id, subscription.id, on=False, by=by)
        assert len(told) == 1, "one is still monitored"
        monitor_all(customer.id, on=False, by=by)
        assert len(told) == 2 and terms_for(customer).mark_up_on(NOVEMBER) == 12
        monitor_all(customer.id, on=True, by=by)
        unlink_customer(customer.id, by=by)
        assert len(told) == 4 and terms_for(customer).mark_up_on(NOVEMBER) == 12
        with pytest.raises(AlreadyDone):
            unlink_customer(customer.id, by=by)


def test_an_accounts_own_change_is_told_of_all_its_customers(account: CspAccount, told: list[Any]) -> None:
    customers = {make_customer(account, name).id for name in ("Fabrikam", "Tailspin")}
    with acting_for_all("the account's own percentages"), transaction():
        terms.changed_for_account(account.id)
    assert told[0][0] == account.id and set(told[0][1]) == customers


def test_terms_of_many_and_of_no_others(account: CspAccount) -> None:
    mine = [make_customer(account, f"Customer {number}") for number in range(3)]
    elsewhere = make_customer(make_account(make_organisation("Contrail"), "Theirs"))
    by = ada(account)
    with viewing(by):
        set_mark_up(mine[0].id, percent=Decimal(7), valid_from=JANUARY, by=by)
        found = terms.terms_of(account.id, [*(one.id for one in mine), elsewhere.id, uuid.uuid4()])
        with pytest.raises(NotVisible):
            terms.terms_of(elsewhere.account_id, [elsewhere.id])
    assert set(found) == {one.id for one in mine}
    assert found[mine[0].id].mark_up_on(JANUARY) == 7 and found[mine[0].id].mark_up_on(NOVEMBER) == 12
    assert found[mine[1].id].tax_on(NOVEMBER) == 20


def test_who_may_not(account: CspAccount) -> None:
    customer = make_customer(account)
    subscription = make_subscription(customer)
    billing, cy = ada(account, CLOUD_BILLING), as_partner(make_organisation("Contrail"))
    dot = as_customer(make_organisation("Acme", customer=True))
    for by, no in ((billing, MissingRole), (cy, NotVisible), (dot, MissingRole)):
        with viewing(by):
            for action in (
                lambda by: set_mark_up(customer.id, percent=Decimal(1), valid_from=NOVEMBER, by=by),
                lambda by: set_tax_rate(customer.id, percent=Decimal(1), valid_from=NOVEMBER, by=by),
                lambda by: remove_mark_up(customer.id, valid_from=NOVEMBER, by=by),
                lambda by: monitor(customer.id, subscription.id, on=True, by=by),
                lambda by: monitor_all(customer.id, on=True, by=by),
                lambda by: link_customer(customer.id, uuid.uuid4(), by=by),
                lambda by: unlink_customer(customer.id, by=by),
            ):
                with pytest.raises(no):
                    action(by)


def test_nobody_learns_of_other_partners_customers(account: CspAccount) -> None:
    customer, by = make_customer(account), ada(account)
    globex = make_organisation("Globex", customer=True)
    with viewing(by), pytest.raises(Refused) as no:
        link_customer(customer.id, globex.id, by=by)
    assert str(no.value) == "Choose an organisation from the list."


def test_what_is_missing_is_said_alike_by_the_database_and_the_rule(account: CspAccount) -> None:
    """Every mixture of what can be missing, found by each filter exactly when the rule says so."""
    by, acme = ada(account), make_organisation("Acme", customer=True)
    bare = make_account(make_organisation("Barebones"), "No defaults")
    by_bare = ada(bare)
    for owner, who in ((account, by), (bare, by_bare)):
        with viewing(who):
            relate(owner.partner_id, acme.id, by=who)
        for number in range(16):
            refused, has, monitored, linked = (bool(number & bit) for bit in (1, 2, 4, 8))
            customer = make_customer(owner, f"Customer {number:02}", refusal="no" if refused else None)
            with viewing(who):
                if has:
                    subscription = make_subscription(customer)
                    monitor(customer.id, subscription.id, on=monitored, by=who)
                if linked:
                    link_customer(customer.id, acme.id, by=who)
                if number % 3 == 0:
                    set_mark_up(customer.id, percent=Decimal(0), valid_from=JANUARY if number % 2 else NOVEMBER, by=who)
        with viewing(who):
            said = {row.id: queries.missing_of(row) for row in db.session.execute(queries.customers())}
            assert len(said) == 16
            for reason in queries.rules.REASONS:
                found = {row.id for row in db.session.execute(queries.customers(incomplete=reason))}
                assert found == {one for one, missing in said.items() if reason in missing}, reason
            complete = {row.id for row in db.session.execute(queries.customers(incomplete="no"))}
            assert complete == {one for one, missing in said.items() if not missing}


def test_the_list_finds_the_mark_up_that_the_terms_say(account: CspAccount) -> None:
    by = ada(account)
    for number, percent in enumerate(("0", "999.99", None)):
        customer = make_customer(account, f"Customer {number}")
        if percent:
            with viewing(by):
                set_mark_up(customer.id, percent=Decimal(percent), valid_from=NOVEMBER, by=by)
                set_mark_up(customer.id, percent=Decimal(50), valid_from=date(2099, 1, 1), by=by)
    with viewing(by):
        rows = db.session.execute(queries.customers().order_by(CspCustomer.search_name)).all()
        known = terms.terms_of(account.id, [row.id for row in rows])
        assert [row.mark_up for row in rows] == [known[row.id].mark_up_on(queries.today()) for row in rows]
        assert [row.mark_up for row in rows] == [Decimal(0), Decimal("999.99"), Decimal(12)]


days = st.dates(date(2020, 1, 1), date(2030, 12, 31))
rows = st.dictionaries(days, st.decimals(0, Decimal("999.99"), places=2), max_size=6)


@given(rows, days, st.none() | st.decimals(0, 100, places=2))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_day_has_the_row_that_began_last(kept: dict[date, Decimal], day: date, default: Decimal | None) -> None:
    ordered = [FromDay(begins, kept[begins]) for begins in sorted(kept, reverse=True)]
    begun = [begins for begins in kept if begins <= day]
    expected = kept[max(begun)] if begun else default
    assert Terms(mark_ups=ordered, default_mark_up=default).mark_up_on(day) == expected


def test_rows_name_who_set_them(account: CspAccount) -> None:
    customer, by = make_customer(account), ada(account)
    with viewing(by):
        set_mark_up(customer.id, percent=Decimal(15), valid_from=NOVEMBER, by=by)
        row = db.session.query(CspMarkUp).one()
    assert row.set_by_name == by.label and row.partner_id == account.partner_id
