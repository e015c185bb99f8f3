"""Correction after close: both lines by the same delta as every rating, booked in the open month."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from app.billing import corrections, queries, states
from app.billing.model import BillingEntry, Correction, RatingGroup
from app.charges.model import ChargeLine
from app.charges.queries import own_totals_by_month
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone
from app.foundation.tenancy import acting_for_all, one, viewing
from app.months import actions as months
from app.months import reopening
from app.parties.model import Organisation
from tests.actions.closed_months import (
    NOW,
    OCTOBER,
    D,
    line,
    of_october,
    partner_of,
    refused,
    rows,
    tiered,
)
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    ask_correction,
    close_month,
    correct,
    freeze_month,
    make_engagement,
    make_entry,
    make_product,
)


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def test_two_lines_are_booked_in_the_open_month_by_the_service_months_tariff() -> None:
    """1200 units: 1180.00. The first 600 were 500: the month comes to 1100 units, 1090.00."""
    first, second = of_october(tiered(), "600", "600")
    asked = ask_correction(first, "500")
    assert (asked.reversal_minor, asked.rebill_minor, asked.booked_month) == (-58000, 49000, BillingMonth(2026, 11))
    assert rows(states.REVERSAL) == []
    with viewing(as_operator()) as olga:
        corrections.approve(one(Correction, asked.id), by=olga)
    (back,), (again,) = rows(states.REVERSAL), rows(states.REBILL)
    assert (back.quantity, back.amount_minor, back.quantity_before, back.quantity_after) == (-600, -58000, 1200, 600)
    assert (again.quantity, again.amount_minor, again.quantity_before, again.quantity_after) == (500, 49000, 600, 1100)
    assert {row.corrects_id for row in (back, again)} == {first.id}
    assert {(row.service_month, row.booked_month) for row in (back, again)} == {(OCTOBER, BillingMonth(2026, 11))}
    assert line(back) == (-58000, -46400, 0)
    assert line(again) == (49000, 39200, 0)
    with acting_for_all("a test adds up"):
        group = db.session.scalars(select(RatingGroup)).one()
        every = db.session.scalars(select(BillingEntry).where(BillingEntry.state == states.RATED)).all()
    assert (group.quantity, group.amount_minor, group.entries) == (D(1100), 109000, 4)
    assert sum(entry.amount_minor or 0 for entry in every) == 109000
    assert (first.amount_minor, second.amount_minor) == (60000, 58000)  # what stood stands


def test_totals_foot_by_service_month_and_by_booked_month() -> None:
    engagement = tiered()
    first, _second = of_october(engagement, "600", "600")
    correct(first, "500")
    with viewing(as_partner(partner_of(engagement))):
        (total,) = queries.month_totals(one(Engagement, engagement.id), "USD", {})
    assert (total.month, total.rated.minor, total.quantity) == (OCTOBER, 109000, D(1100))
    with acting_for_all("a test's customer"):
        customer = one(Organisation, engagement.customer_id)
    with viewing(as_customer(customer)):
        by_booked = {row.booked_month: row.gross_minor for row in own_totals_by_month()}
    assert by_booked == {OCTOBER: 118000, BillingMonth(2026, 11): -9000}


def test_zero_takes_the_entry_back_whole_and_leaves_nothing_of_due_and_tax() -> None:
    """Each line was rounded by itself; what is left of a month that is taken back whole is nothing at all."""
    engagement = tiered(remuneration_percent=D("33.333"), tax_percent=D("7.7"))
    entries = of_october(engagement, "0.15", "0.15", "0.15")
    for entry in entries:
        correct(entry, "0")
    assert rows(states.REBILL) == []
    with acting_for_all("a test adds up"):
        lines = db.session.scalars(select(ChargeLine)).all()
        group = db.session.scalars(select(RatingGroup)).one()
    assert [sum(getattr(one, name) for one in lines) for name in ("gross_minor", "due_minor", "tax_minor")] == [0, 0, 0]
    assert (group.quantity, group.amount_minor) == (0, 0)


def test_a_corrected_entry_is_corrected_again_through_its_rebill_only() -> None:
    (entry,) = of_october(tiered(), "600")
    correct(entry, "500")
    assert "has taken it back already" in str(refused(lambda: ask_correction(entry, "400")))
    (back,), (again,) = rows(states.REVERSAL), rows(states.REBILL)
    assert "A reversal is not corrected" in str(refused(lambda: ask_correction(back, "400")))
    correct(again, "450")
    assert [row.quantity for row in rows(states.REBILL)] == [D(500), D(450)]
    with acting_for_all("a test adds up"):
        assert db.session.scalars(select(RatingGroup)).one().amount_minor == 45000


def test_one_correction_waits_an_entry() -> None:
    (entry,) = of_october(tiered(), "600")
    ask_correction(entry, "500")
    assert "waits for a decision already" in str(refused(lambda: ask_correction(entry, "400")))


@pytest.mark.parametrize(
    ("quantity", "words"),
    [("600", "the quantity that was billed"), ("0.001", "in steps of 0.01"), ("100000000001", "too")],
)
def test_quantities_that_correct_nothing(quantity: str, words: str) -> None:
    (entry,) = of_october(tiered(), "600")
    assert words in str(refused(lambda: ask_correction(entry, quantity)))


def test_an_open_month_is_not_corrected() -> None:
    engagement = tiered()
    entry = make_entry(engagement, "5", rated=True)
    no = refused(lambda: ask_correction(entry, "4"))
    assert str(no) == "November 2026 is not closed yet: a correction is for months that take no entries any more."
    waiting = make_entry(engagement, "5")
    with pytest.raises(AlreadyDone):
        ask_correction(waiting, "4")


def test_the_monthly_limit_counts_for_more_never_for_less() -> None:
    with clock.pinned(datetime(2026, 9, 1, tzinfo=UTC)):
        product = make_product(month_limit="100")
    engagement = make_engagement(product, at=datetime(2026, 9, 2, tzinfo=UTC))
    (entry,) = of_october(engagement, "90")
    assert "The plan allows 100 a month" in str(refused(lambda: ask_correction(entry, "110")))
    correct(entry, "100")


def test_net_plus_mark_up_reverses_gross_and_due() -> None:
    engagement = tiered(remuneration="net_plus_mark_up", remuneration_percent=D(25), tax_percent=D(7))
    (entry,) = of_october(engagement, "72")
    correct(entry, "70")
    (back,), (again,) = rows(states.REVERSAL), rows(states.REBILL)
    assert (line(entry), line(back), line(again)) == ((9000, 7200, 630), (-9000, -7200, -630), (8750, 7000, 613))


def test_other_ratings_in_between_change_nothing_of_the_law() -> None:
    """October is reopened: an entry comes in between the wish and the yes, and the month still comes to its tariff."""

    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    asked = ask_correction(entry, "500")
    with acting_for_all("a test reopens") as owner:
        row = reopening.reopen_at_once(freeze_month(OCTOBER), reason="Forgotten work", by=owner)
        make_entry(engagement, "700", month=OCTOBER, rated=True)

        months.freeze(row, by=owner)
    with viewing(as_operator()) as olga:
        assert "It has changed meanwhile" in str(
            refused(lambda: corrections.approve(one(Correction, asked.id), by=olga))
        )
        corrections.approve(one(Correction, asked.id), shown="-570.00 USD 480.00 USD 2026-11", by=olga)
    with acting_for_all("a test adds up"):
        group = db.session.scalars(select(RatingGroup)).one()
    assert (group.quantity, group.amount_minor) == (D(1200), 118000)


def test_a_closed_month_is_corrected_in_the_open_one() -> None:
    (entry,) = of_october(tiered(), "600")
    close_month(OCTOBER)
    correct(entry, "500")
    assert len(rows(states.REBILL)) == 1
