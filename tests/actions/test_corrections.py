"""Correction after close: by two people, both lines by the same delta as every rating, booked in the open month."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import corrections, queries, states
from app.billing.corrections_outlook import outlook
from app.billing.model import BillingEntry, Correction, RatingGroup
from app.charges.model import ChargeLine
from app.charges.queries import own_totals_by_month
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.members.roles import INSTANCE_EDITOR, OPERATOR_CLOSER, PRICING_SUBMITTER, PRICING_VIEWER
from app.parties.model import Organisation
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
    make_member,
    make_product,
    make_programme,
)

D = Decimal
OCTOBER = BillingMonth(2026, 10)
WORK = datetime(2026, 10, 12, 9, tzinfo=UTC)
#: a working day on which October is long frozen
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
TIERED = [("1000", "1"), (None, "0.90")]


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def tiered(**settings: Any) -> Engagement:
    with clock.pinned(datetime(2026, 9, 1, tzinfo=UTC)):
        product = make_product(make_programme(**settings), model="graduated", bands=TIERED)
    return make_engagement(product, at=datetime(2026, 9, 2, tzinfo=UTC))


def of_october(engagement: Engagement, *quantities: str, freeze: bool = True) -> list[BillingEntry]:
    entries = [make_entry(engagement, quantity, month=OCTOBER, at=WORK, rated=True) for quantity in quantities]
    if freeze:
        freeze_month(OCTOBER)
    return entries


def partner_of(engagement: Engagement) -> Organisation:
    with acting_for_all("a test's partner"):
        return one(Organisation, engagement.partner_id)


def abe_of(engagement: Engagement) -> Viewer:
    """A second person of the same partner."""
    partner = partner_of(engagement)
    with acting_for_all("a test's second member"):
        number = len(db.session.scalars(select(Correction.id)).all())
    return as_partner(partner, member=make_member(partner, f"abe{number}@northbridge.example"))


def rows(kind: str) -> list[BillingEntry]:
    with acting_for_all("a test looks"):
        return list(
            db.session.scalars(select(BillingEntry).where(BillingEntry.kind == kind).order_by(BillingEntry.number))
        )


def line(entry: BillingEntry) -> tuple[int, int, int]:
    with acting_for_all("a test looks"):
        found = db.session.scalars(select(ChargeLine).where(ChargeLine.source_id == entry.id)).one()
    return found.gross_minor, found.due_minor, found.tax_minor


def refused(do: Any) -> Refused:
    with pytest.raises(Refused) as no:
        do()
    return no.value


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


def test_never_the_requester_and_only_with_all_three_roles() -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    asked = ask_correction(entry, "500")
    with viewing(as_partner(partner_of(engagement))) as ada:
        mine = one(Correction, asked.id)
        for decide in (
            lambda: corrections.approve(mine, by=ada),
            lambda: corrections.reject(mine, reason="No", by=ada),
        ):
            assert "somebody else has to decide it" in str(refused(decide))
    every = {PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR}
    for missing in every:
        with viewing(as_partner(partner_of(engagement), *(every - {missing}))) as ben, pytest.raises(MissingRole):
            corrections.approve(one(Correction, asked.id), by=ben)
    with viewing(as_operator(None, OPERATOR_CLOSER)) as otto, pytest.raises(MissingRole):
        corrections.approve(one(Correction, asked.id), by=otto)
    with viewing(abe_of(engagement)) as abe:
        corrections.approve(one(Correction, asked.id), by=abe)
    assert len(rows(states.REBILL)) == 1


@pytest.mark.parametrize(
    ("right", "operator_only"), [("500", False), ("499.99", True), ("700", False), ("700.01", True)]
)
def test_beyond_the_threshold_the_operator_decides(right: str, operator_only: bool) -> None:
    """Exactly at it, either way, a second person of the partner is enough."""
    engagement = tiered(review_threshold_minor=10_000)
    with clock.pinned(WORK):
        make_entry(engagement, "50", month=OCTOBER, rated=True)
    entry = make_entry(engagement, "600", month=OCTOBER, at=WORK)
    from app.billing import rating
    from tests.makers import rate

    rate(entry)
    with clock.pinned(WORK), viewing(as_operator()) as olga:
        rating.approve(one(BillingEntry, entry.id), by=olga)
    freeze_month(OCTOBER)
    asked = ask_correction(entry, right)
    with viewing(abe_of(engagement)) as abe:
        if operator_only:
            no = refused(lambda: corrections.approve(one(Correction, asked.id), by=abe))
            assert "the operator decides it" in str(no)
        else:
            corrections.approve(one(Correction, asked.id), by=abe)
            return
    with viewing(as_operator()) as olga:
        corrections.approve(one(Correction, asked.id), by=olga)


def test_a_yes_is_to_what_was_shown() -> None:
    """Another correction of the month was booked meanwhile: the amounts are others, so the question is asked again."""
    first, second = of_october(tiered(), "600", "600")
    one_asked, other = ask_correction(first, "500"), ask_correction(second, "550")
    with viewing(as_operator()) as olga:
        corrections.approve(one(Correction, one_asked.id), by=olga)
        no = refused(lambda: corrections.approve(one(Correction, other.id), by=olga))
        assert "It has changed meanwhile" in str(no)
        found = outlook(one(BillingEntry, second.id), D(550), waiting=one(Correction, other.id))
        assert found.shown == "-590.00 USD 545.00 USD 2026-11"
        corrections.approve(one(Correction, other.id), shown=found.shown, by=olga)
    with acting_for_all("a test adds up"):
        group = db.session.scalars(select(RatingGroup)).one()
    assert (group.quantity, group.amount_minor) == (D(1050), 104500)


def test_at_the_last_millisecond_of_grace_two_months_are_open_and_the_later_one_is_booked() -> None:
    (entry,) = of_october(tiered(), "600")
    grace = datetime(2026, 12, 2, 23, 59, 59, 999000, tzinfo=UTC)
    asked = ask_correction(entry, "500", at=grace)
    assert asked.booked_month == BillingMonth(2026, 12)


def test_when_the_month_closes_in_between_it_is_asked_again() -> None:
    """Asked for in November, approved in December: while November is open it is November's, then the yes is asked for again."""
    (entry,) = of_october(tiered(), "600")
    last = datetime(2026, 11, 30, 23, 59, 59, 999000, tzinfo=UTC)
    asked = ask_correction(entry, "500", at=last)
    assert asked.booked_month == BillingMonth(2026, 11)
    with clock.pinned(datetime(2026, 12, 2, 23, 59, 59, 999000, tzinfo=UTC)), viewing(as_operator()):
        still = outlook(one(BillingEntry, entry.id), D(500), waiting=one(Correction, asked.id))
        assert still.booked_month == BillingMonth(2026, 11)
    with clock.pinned(datetime(2026, 12, 3, tzinfo=UTC)), viewing(as_operator()) as olga:
        no = refused(lambda: corrections.approve(one(Correction, asked.id), by=olga))
        assert "in December 2026" in str(no)
        shown = "-600.00 USD 500.00 USD 2026-12"
        done = corrections.approve(one(Correction, asked.id), shown=shown, by=olga)
    assert done.booked_month == BillingMonth(2026, 12)
    assert {row.booked_month for row in rows(states.REBILL)} == {BillingMonth(2026, 12)}


def test_a_frozen_month_is_never_booked_in_whatever_the_clock_says() -> None:
    """The clock ran ahead, November froze, the clock came back."""
    (entry,) = of_october(tiered(), "600")
    freeze_month(BillingMonth(2026, 11))
    assert "No month is open to book it in" in str(refused(lambda: ask_correction(entry, "500")))


def test_it_is_decided_once() -> None:
    (entry,) = of_october(tiered(), "600")
    asked = ask_correction(entry, "500")
    with viewing(as_operator()) as olga:
        corrections.reject(one(Correction, asked.id), reason="The log says 600.", by=olga)
        with pytest.raises(AlreadyDone):
            corrections.approve(one(Correction, asked.id), by=olga)
        with pytest.raises(AlreadyDone):
            corrections.reject(one(Correction, asked.id), reason="Again", by=olga)
    assert rows(states.REVERSAL) == []
    ask_correction(entry, "400")  # what was rejected may be asked for anew


def test_only_the_requester_takes_it_back() -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    asked = ask_correction(entry, "500")
    with viewing(abe_of(engagement)) as abe:
        assert "Only who asked" in str(refused(lambda: corrections.withdraw(one(Correction, asked.id), by=abe)))
    with viewing(as_partner(partner_of(engagement))) as ada:
        corrections.withdraw(one(Correction, asked.id), by=ada)
    assert one_state(asked) == states.WITHDRAWN


def one_state(correction: Correction) -> str:
    with acting_for_all("a test looks"):
        return db.session.scalars(select(Correction.state).where(Correction.id == correction.id)).one()


def test_history_tells_it_and_the_requester_is_mailed() -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    correct(entry, "500")
    with acting_for_all("a test reads history"):
        told = db.session.scalars(
            select(History.event).where(History.subject_id == engagement.id).order_by(History.sequence)
        ).all()
        mails = db.session.scalars(select(OutboxRow).where(OutboxRow.template == "correction_approved")).all()
    assert told[-4:] == ["correction_requested", "billing_reversed", "billing_rebilled", "correction_approved"]
    assert [mail.address for mail in mails] == [str(as_partner(partner_of(engagement)).member_id)]


def test_net_plus_mark_up_reverses_gross_and_due() -> None:
    engagement = tiered(remuneration="net_plus_mark_up", remuneration_percent=D(25), tax_percent=D(7))
    (entry,) = of_october(engagement, "72")
    correct(entry, "70")
    (back,), (again,) = rows(states.REVERSAL), rows(states.REBILL)
    assert (line(entry), line(back), line(again)) == ((9000, 7200, 630), (-9000, -7200, -630), (8750, 7000, 613))


def test_other_ratings_in_between_change_nothing_of_the_law() -> None:
    """October is reopened: an entry comes in between the wish and the yes, and the month still comes to its tariff."""
    from app.months import reopening

    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    asked = ask_correction(entry, "500")
    with acting_for_all("a test reopens") as owner:
        row = reopening.reopen_at_once(freeze_month(OCTOBER), reason="Forgotten work", by=owner)
        make_entry(engagement, "700", month=OCTOBER, rated=True)
        from app.months import actions as months

        months.freeze(row, by=owner)
    with viewing(as_operator()) as olga:
        assert "It has changed meanwhile" in str(
            refused(lambda: corrections.approve(one(Correction, asked.id), by=olga))
        )
        corrections.approve(one(Correction, asked.id), shown="-570.00 USD 480.00 USD 2026-11", by=olga)
    with acting_for_all("a test adds up"):
        group = db.session.scalars(select(RatingGroup)).one()
    assert (group.quantity, group.amount_minor) == (D(1200), 118000)


def test_two_approvers_book_once(app: Flask) -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    asked = ask_correction(entry, "500")
    deciders = [as_operator(), abe_of(engagement)]
    db.session.remove()
    gate, outcomes = threading.Barrier(2), []

    def decide(by: Viewer) -> None:
        with app.app_context(), clock.pinned(NOW), viewing(by):
            gate.wait(10)
            try:
                corrections.approve(one(Correction, asked.id), by=by)
                outcomes.append("done")
            except (AlreadyDone, Refused) as late:
                outcomes.append(type(late).__name__)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=decide, args=(by,)) for by in deciders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["AlreadyDone", "done"]
    assert (len(rows(states.REVERSAL)), len(rows(states.REBILL))) == (1, 1)


def test_the_freeze_races_the_approval(app: Flask) -> None:
    """Either both lines stand in November before it froze, or nothing is booked and the yes is asked for again."""
    (entry,) = of_october(tiered(), "600")
    asked = ask_correction(entry, "500")
    olga = as_operator()
    db.session.remove()
    gate, outcomes = threading.Barrier(2), []

    def run(do: Any) -> None:
        with app.app_context(), clock.pinned(NOW):
            gate.wait(10)
            try:
                do()
            except Refused as no:
                outcomes.append(str(no))
            finally:
                db.session.remove()

    def approve() -> None:
        with viewing(olga):
            corrections.approve(one(Correction, asked.id), by=olga)
            outcomes.append("booked")

    threads = [
        threading.Thread(target=run, args=(do,)) for do in (approve, lambda: freeze_month(BillingMonth(2026, 11)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(outcomes) == 1
    with acting_for_all("a test reads history"):
        frozen = db.session.scalars(
            select(History.id).where(History.event == "month_frozen", History.facts.contains("2026-11"))
        ).one()
        booked = db.session.scalar(select(History.id).where(History.event == "correction_approved"))
    if outcomes == ["booked"]:
        assert booked is not None and booked < frozen
    else:
        assert booked is None and rows(states.REVERSAL) == []


def test_a_closed_month_is_corrected_in_the_open_one() -> None:
    (entry,) = of_october(tiered(), "600")
    close_month(OCTOBER)
    correct(entry, "500")
    assert len(rows(states.REBILL)) == 1
