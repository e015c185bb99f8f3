"""What may be billed and what it comes to: the rules alone, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.billing import rules
from app.billing.rules import Terms
from app.catalog.tariff import Band, Model, Tariff
from app.foundation.billing_month import BillingMonth, RejectAfterGrace
from app.foundation.money import Money
from app.foundation.refusals import Refused

D = Decimal
FEBRUARY, MARCH = BillingMonth(2026, 2), BillingMonth(2026, 3)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(model: Model = "graduated", *bands: tuple[str | None, str], **changed: Any) -> Terms:
    tariff = Tariff(
        model,
        tuple(
            Band(None if up_to is None else D(up_to), D(price))
            for up_to, price in bands or (("100", "160"), (None, "148.125"))
        ),
    )
    return Terms(**{"tariff": tariff, "currency": "USD", "metric_approved": True, "month_limit": None, **changed})


def refused(do: Any, *arguments: Any) -> Refused:
    with pytest.raises(Refused) as no:
        do(*arguments)
    return no.value


def test_a_closed_month_says_since_when() -> None:
    no = refused(rules.check_month, FEBRUARY, utc("2026-03-03T00:00:00"), RejectAfterGrace())
    assert (no.field, str(no)) == ("month", "February 2026 closed on 3 Mar 2026 00:00 UTC.")
    rules.check_month(FEBRUARY, utc("2026-03-02T23:59:59.999"), RejectAfterGrace())


def test_a_future_month_has_not_begun() -> None:
    no = refused(rules.check_month, MARCH, utc("2026-02-28T23:59:59.999"), RejectAfterGrace())
    assert (no.field, str(no)) == ("month", "March 2026 has not begun yet.")


def test_work_before_approval_was_not_agreed() -> None:
    no = refused(rules.check_active, FEBRUARY, utc("2026-03-01T00:00:00"), None)
    assert (no.field, "became active on 1 Mar 2026 00:00 UTC, after February 2026" in str(no)) == ("month", True)
    rules.check_active(FEBRUARY, utc("2026-02-28T23:59:59.999999"), None)
    assert "has not been approved" in str(refused(rules.check_active, FEBRUARY, None, None))


def test_work_after_completion_is_over() -> None:
    since = utc("2026-01-10T00:00:00")
    rules.check_active(MARCH, since, utc("2026-03-01T00:00:00.000001"))
    assert "ended on 1 Mar 2026" in str(refused(rules.check_active, MARCH, since, utc("2026-03-01T00:00:00")))


@pytest.mark.parametrize("quantity", ["0", "-1", "-0.000001", "NaN", "-Infinity", "Infinity", "1E+400", "100000000000"])
def test_a_quantity_is_more_than_nothing_and_less_than_the_storage_holds(quantity: str) -> None:
    assert refused(rules.check_quantity, D(quantity), D("0.25")).field == "quantity"


@pytest.mark.parametrize(
    ("quantity", "step", "fine"),
    [
        ("12.25", "0.25", True),
        ("12.2", "0.25", False),
        ("0.000001", "0.000001", True),
        ("3", "1", True),
        ("3.5", "1", False),
        ("99999999999.999999", "0.000001", True),
    ],
)
def test_a_quantity_goes_in_steps(quantity: str, step: str, fine: bool) -> None:
    if fine:
        rules.check_quantity(D(quantity), D(step))
    else:
        assert f"in steps of {step}" in str(refused(rules.check_quantity, D(quantity), D(step)))


@pytest.mark.parametrize(
    ("notes", "fine"),
    [("", True), ("x" * 500, True), ("🙂\n", True), ("x" * 501, False), ("a\0", False), ("\ud83d", False)],
)
def test_notes_are_short_and_can_be_kept(notes: str, fine: bool) -> None:
    if fine:
        rules.check_notes(notes)
    else:
        assert refused(rules.check_notes, notes).field == "notes"


def test_the_pictures_figures() -> None:
    """84.50 h, then 38.25 h: 15.50 at 160 and 22.75 at 148.125, rounded once."""
    rated = rules.rate(terms(), D("84.5"), D("38.25"))
    assert rated.amount == Money(D("5849.84"), "USD")
    assert [(s.quantity, s.amount) for s in rated.steps] == [(D("15.5"), D("2480")), (D("22.75"), D("3369.84375"))]
    assert (rated.unrounded, rated.cost_before, rated.cost_after) == (D("5849.84375"), D("13520.00"), D("19369.84"))


def test_entries_sum_to_the_months_rounded_cost_however_it_is_split() -> None:
    """Three times a third of a cent: the first entry rounds to nothing, the second gets what it left."""
    cheap = terms("per_unit", (None, "0.004"))
    amounts = [rules.rate(cheap, D(before), D(1)).amount.amount for before in range(3)]
    assert amounts == [D("0.00"), D("0.01"), D("0.00")]
    assert sum(amounts) == rules.rate(cheap, D(0), D(3)).amount.amount


def test_a_cheaper_tier_may_make_an_entry_negative() -> None:
    rated = rules.rate(terms("simple", ("1000", "1"), (None, "0.90")), D(1000), D(1))
    assert rated.amount == Money(D("-99.10"), "USD")
    assert [s.quantity for s in rated.steps] == [D(-1000), D(1001)]


@pytest.mark.parametrize(("currency", "amount"), [("USD", "0.13"), ("JPY", "0"), ("KWD", "0.125")])
def test_amounts_round_to_the_currencys_own_minor_unit(currency: str, amount: str) -> None:
    assert rules.rate(terms("per_unit", (None, "0.125"), currency=currency), D(0), D(1)).amount.amount == D(amount)


@pytest.mark.parametrize(
    ("changed", "before", "quantity", "field", "words"),
    [
        ({"metric_approved": False}, "0", "1", "metric", "not approved"),
        ({"tariff": None}, "0", "1", "month", "no price in force"),
        (
            {"month_limit": D(100)},
            "90",
            "10.01",
            "quantity",
            "The plan allows 100 a month; 90 are billed already, so 10 are left.",
        ),
        ({}, "99999999999", "1", "quantity", "too large"),
    ],
)
def test_what_cannot_be_rated_says_why(
    changed: dict[str, Any], before: str, quantity: str, field: str, words: str
) -> None:
    no = refused(rules.rate, terms(**changed), D(before), D(quantity))
    assert (no.field, words in str(no)) == (field, True), str(no)


def test_the_last_bands_end_is_a_limit_too() -> None:
    ending = terms("graduated", ("100", "1"), ("200", "0.5"))
    assert rules.rate(ending, D(0), D(200)).amount.amount == D("150.00")
    assert "The plan allows 200 a month" in str(refused(rules.rate, ending, D(150), D("50.01")))
    lower = terms("graduated", ("100", "1"), ("200", "0.5"), month_limit=D(120))
    assert "The plan allows 120 a month" in str(refused(rules.rate, lower, D(0), D(121)))


def test_an_amount_beyond_reason_is_a_slip_of_the_finger() -> None:
    assert "too large" in str(refused(rules.rate, terms("per_unit", (None, "1000")), D(0), D(10) ** 10))


@pytest.mark.parametrize(("amount", "waits"), [("100.00", False), ("100.01", True), ("-100.01", True), ("0", False)])
def test_review_begins_above_the_threshold_either_way(amount: str, waits: bool) -> None:
    assert rules.needs_review(Money(D(amount), "USD"), Money(D(100), "USD")) is waits
    assert rules.needs_review(Money(D(amount), "USD"), None) is False


def test_what_cannot_be_compared_with_the_threshold_waits() -> None:
    """150 yen are no hundred dollars, and nobody knows that here: a person looks."""
    assert rules.needs_review(Money(D(15), "JPY"), Money(D(100), "USD"))


def test_twenty_four_hours_are_typical_not_a_promise() -> None:
    sent = utc("2026-03-01T12:00:00")
    assert not rules.is_overdue(sent, sent + timedelta(hours=24))
    assert rules.is_overdue(sent, sent + timedelta(hours=24, microseconds=1))
