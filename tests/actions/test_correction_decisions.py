"""Who decides a correction, on what amounts, into which month; and what happens to two who decide at once."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import corrections, rating, states
from app.billing.corrections_outlook import outlook
from app.billing.model import BillingEntry, Correction, RatingGroup
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import AlreadyDone, MissingRole, Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.members.roles import INSTANCE_EDITOR, OPERATOR_CLOSER, PRICING_SUBMITTER, PRICING_VIEWER
from tests.actions.closed_months import (
    NOW,
    OCTOBER,
    WORK,
    D,
    abe_of,
    of_october,
    partner_of,
    refused,
    rows,
    tiered,
)
from tests.makers import (
    as_operator,
    as_partner,
    ask_correction,
    correct,
    freeze_month,
    make_entry,
    rate,
)


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


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
