"""A programme's months close in one book: its cut-off policy is fixed by its first entry, and nothing is booked beside what a
close has stored, however a programme came into another book."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from app.billing import actions, corrections, rating, states
from app.billing.closed_months_checks import checks
from app.billing.model import BillingEntry, Correction
from app.billing.queries import has_entries
from app.catalog.actions import change_programme, is_cut_off_fixed
from app.catalog.model import Programme
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.jobs import rate_billing_entries
from app.jobs.work import never
from app.parties.model import Organisation
from tests.makers import (
    as_operator,
    as_partner,
    ask_correction,
    close_month,
    make_engagement,
    make_entry,
    make_product,
    make_programme,
)  # fmt: skip

SEP, OCT, NOV = BillingMonth(2026, 9), BillingMonth(2026, 10), BillingMonth(2026, 11)
AUGUST = datetime(2026, 8, 3, 9, tzinfo=UTC)


def change(programme: Programme, **settings: object) -> None:
    olga = as_operator()
    with viewing(olga):
        kept = one(Programme, programme.id)
        change_programme(kept, version=kept.version, by=olga, **settings)


def moved_to_book(programme: Programme, book: str) -> None:
    """What an older portal allowed."""
    with acting_for_all("a test's past"), transaction():
        one(Programme, programme.id).cut_off = book


def member_of(partner_id: uuid.UUID) -> Viewer:
    with acting_for_all("a test's partner"):
        return as_partner(one(Organisation, partner_id))


def nothing_is_wrong() -> bool:
    with acting_for_all("a test asks the self-check"):
        return not [verdict for check in checks() for verdict in check.verdicts() if verdict]


def test_the_policy_may_be_changed_until_the_first_entry_and_not_after_it() -> None:
    with clock.pinned(AUGUST):
        programme = make_programme(cut_off="roll-forward")
        engagement = make_engagement(make_product(programme), at=AUGUST)
    programme_id = programme.id
    assert not has_entries(programme_id)
    change(programme, cut_off="reject-after-grace")
    make_entry(engagement, "10", month=OCT, at=datetime(2026, 10, 12, 9, tzinfo=UTC))
    with pytest.raises(Refused) as no:
        change(programme, cut_off="roll-forward", review_threshold_minor=5)
    assert no.value.field == "cut_off" and is_cut_off_fixed(programme_id)
    change(programme, cut_off="reject-after-grace", review_threshold_minor=5)
    with acting_for_all("a test looks"):
        kept = one(Programme, programme_id)
        assert (kept.cut_off, kept.review_threshold_minor) == ("reject-after-grace", 5)


def test_a_withdrawn_entry_fixes_it_too_and_another_programmes_does_not() -> None:
    with clock.pinned(AUGUST):
        one_, other = make_programme("One"), make_programme("Other")
        engagement = make_engagement(make_product(one_), at=AUGUST)
    at = datetime(2026, 10, 12, 9, tzinfo=UTC)
    entry = make_entry(engagement, "10", month=OCT, at=at)
    with clock.pinned(at), viewing(member_of(entry.partner_id)) as ada:
        actions.withdraw(one(BillingEntry, entry.id), by=ada)
    assert is_cut_off_fixed(one_.id)
    change(other, cut_off="roll-forward")


def test_a_submit_and_a_change_of_the_policy_do_not_both_succeed(app: Flask) -> None:
    """Whoever comes first counts: the change waits for the submit, or the submit goes by the changed policy."""
    with clock.pinned(AUGUST):
        programme = make_programme()
        product = make_product(programme)
        engagement = make_engagement(product, at=AUGUST)
    partner, metric = member_of(product.partner_id), product.plans[0].metrics[0].id
    programme_id, changed = programme.id, []

    def change_meanwhile() -> None:
        with app.app_context():
            try:
                change(programme, cut_off="roll-forward")
                changed.append("changed")
            except Refused as no:
                changed.append(no.field)
            db.session.remove()

    other = threading.Thread(target=change_meanwhile)
    with viewing(partner), transaction():
        actions.submit(engagement, actions.Draft(metric, BillingMonth.at(clock.now()), Decimal(1)), by=partner)
        other.start()
        other.join(timeout=0.5)
        assert not changed, "it did not wait"
    other.join()
    db.session.expire_all()
    with acting_for_all("a test looks"):
        assert changed == ["cut_off"] and one(Programme, programme_id).cut_off == "reject-after-grace"


def test_an_entry_is_not_booked_beside_what_another_book_has_stored() -> None:
    """Roll-forward closed October at its end; under the grace policy it is open until 3 November."""
    with clock.pinned(AUGUST):
        programme = make_programme(cut_off="roll-forward")
        engagement = make_engagement(make_product(programme), at=AUGUST)
    make_entry(engagement, "10", month=OCT, at=datetime(2026, 10, 12, 9, tzinfo=UTC), rated=True)
    close_month(OCT, book="roll-forward")
    moved_to_book(programme, "reject-after-grace")
    at = datetime(2026, 11, 1, 9, tzinfo=UTC)
    late = make_entry(engagement, "7", month=OCT, at=at).id
    with clock.pinned(at + timedelta(minutes=5)), acting_for_all("a test's job") as job:
        done = rate_billing_entries.run(by=job, stopped=never)
        assert (done.rows, done.failed) == (0, 1) and "October 2026 is closed" in done.message
        kept = one(BillingEntry, late)
        assert kept.state == states.SUBMITTED and "reopen it first" in (kept.failure or "")
    assert nothing_is_wrong()


def test_an_entry_in_review_is_not_booked_in_a_closed_month_of_the_book_its_programme_moved_to() -> None:
    with clock.pinned(AUGUST):
        programme = make_programme(review_threshold_minor=100_000)
        engagement = make_engagement(make_product(programme), at=AUGUST)
    entry = make_entry(engagement, "20", month=OCT, at=datetime(2026, 10, 12, 9, tzinfo=UTC), rated=True)
    assert entry.state == states.IN_REVIEW
    close_month(OCT, book="roll-forward")
    moved_to_book(programme, "roll-forward")
    with viewing(as_operator()) as olga:
        with pytest.raises(Refused, match="October 2026 is closed"):
            rating.approve(one(BillingEntry, entry.id), by=olga)
        assert one(BillingEntry, entry.id).state == states.IN_REVIEW
    assert nothing_is_wrong()


def test_a_correction_is_not_booked_beside_what_another_book_has_stored() -> None:
    with clock.pinned(AUGUST):
        programme = make_programme(cut_off="roll-forward")
        engagement = make_engagement(make_product(programme), at=AUGUST)
    entry = make_entry(engagement, "10", month=SEP, at=datetime(2026, 9, 12, 9, tzinfo=UTC), rated=True)
    make_entry(engagement, "1", month=OCT, at=datetime(2026, 10, 12, 9, tzinfo=UTC), rated=True)
    close_month(SEP, book="roll-forward")
    close_month(SEP)
    close_month(OCT, book="roll-forward")
    moved_to_book(programme, "reject-after-grace")
    at = datetime(2026, 11, 1, 9, tzinfo=UTC)
    asked = ask_correction(entry, "9", at=at)
    assert asked.booked_month in (OCT, NOV)
    with acting_for_all("a test's past"), transaction():
        one(Correction, asked.id).booked_month = OCT
    with clock.pinned(at), viewing(as_operator()) as olga, pytest.raises(Refused, match="October 2026 is closed"):
        corrections.approve(one(Correction, asked.id), shown=f"{asked.reversal} {asked.rebill} {OCT}", by=olga)
    assert nothing_is_wrong()
