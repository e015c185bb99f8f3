"""Submitting a billing entry: the deadline at the millisecond, whatever the zone, the freeze that races it, and who may."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from app.billing import actions, queries, rating, states
from app.billing.actions import Draft
from app.billing.model import BillingEntry
from app.catalog.model import Metric, PriceVersion
from app.engagements import actions as engagement_actions
from app.engagements import states as engagement_states
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members.roles import INSTANCE_EDITOR, PRICING_SUBMITTER, PRICING_VIEWER
from app.months import actions as months
from tests.actions.submitting import active_since, ada_of, draft_for, entries, freeze, refusal, submit, utc
from tests.makers import (
    as_operator,
    as_partner,
    make_engagement,
    make_entry,
    make_organisation,
    make_product,
    make_programme,
    rate,
)

D = Decimal
LOS_ANGELES, TOKYO = ZoneInfo("America/Los_Angeles"), ZoneInfo("Asia/Tokyo")


DEADLINES = [
    ("ordinary", utc("2026-03-15T10:00:00"), "2026-03", True),
    ("grace, last instant", utc("2026-03-02T23:59:59.999"), "2026-02", True),
    ("one tick later", utc("2026-03-03T00:00:00.000"), "2026-02", False),
    ("grace does not reach back two months", utc("2026-03-01T09:00:00"), "2026-01", False),
    ("year turn", utc("2027-01-02T12:00:00"), "2026-12", True),
    ("leap year", utc("2028-03-02T23:59:59.999"), "2028-02", True),
    ("leap year, a tick later", utc("2028-03-03T00:00:00.000"), "2028-02", False),
    ("a Sunday", utc("2026-08-02T23:59:59.999"), "2026-07", True),
    ("none after the weekend", utc("2026-08-03T00:00:00.000"), "2026-07", False),
    ("Los Angeles, still the 2nd there", datetime(2027, 1, 2, 16, 0, tzinfo=LOS_ANGELES), "2026-12", False),
    (
        "Los Angeles, a millisecond before",
        datetime(2027, 1, 2, 15, 59, 59, 999000, tzinfo=LOS_ANGELES),
        "2026-12",
        True,
    ),
    ("Tokyo, already March there", datetime(2026, 3, 1, 8, 0, tzinfo=TOKYO), "2026-03", False),
    ("Tokyo, February is what is open", datetime(2026, 3, 1, 8, 0, tzinfo=TOKYO), "2026-02", True),
    ("Tokyo, an hour later", datetime(2026, 3, 1, 9, 0, tzinfo=TOKYO), "2026-03", True),
    ("a future month", utc("2026-03-31T23:59:59.999"), "2026-04", False),
    ("daylight saving ends that night", datetime(2026, 11, 1, 1, 30, fold=1, tzinfo=LOS_ANGELES), "2026-10", True),
]


@pytest.mark.parametrize(("case", "at", "month", "open_"), DEADLINES, ids=[case for case, *_ in DEADLINES])
def test_the_deadline(case: str, at: datetime, month: str, open_: bool) -> None:
    engagement = active_since("2025-11-15T12:00:00")
    ada = ada_of(engagement, zone=str(at.tzinfo))
    with time_machine.travel(at, tick=False):
        if open_:
            entry = submit(engagement, month, by=ada)
            assert (entry.state, entry.submitted_at, str(entry.service_month)) == (
                states.SUBMITTED,
                at.astimezone(UTC),
                month,
            )
        else:
            no = refusal(lambda: submit(engagement, month, by=ada))
            assert no.field == "month"
            assert ("closed on" in str(no)) or ("has not begun" in str(no))
    assert entries() == (1 if open_ else 0)


def test_a_form_opened_at_2350_and_sent_at_0005() -> None:
    """What counts is the sending, by the server's clock; the draft made before midnight helps nobody."""
    engagement = active_since("2026-01-10T00:00:00")
    with time_machine.travel(utc("2026-03-02T23:50:00"), tick=False) as machine:
        draft = draft_for(engagement, "2026-02")
        with viewing(ada_of(engagement)) as ada:
            assert actions.checked(engagement, _programme(engagement), draft, clock.now())
            machine.move_to(utc("2026-03-03T00:05:00"))
            no = refusal(lambda: actions.submit(engagement, draft, by=ada))
    assert str(no) == "February 2026 closed on 3 Mar 2026 00:00 UTC."


def test_a_post_that_waits_for_the_month_across_midnight_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came in at 23:59:59.999 but got hold of the month at midnight: the instant is read while holding."""
    engagement = active_since("2026-01-10T00:00:00")
    hold = months.hold
    with time_machine.travel(utc("2026-03-02T23:59:59.999"), tick=False) as machine:

        def slow(*arguments: Any) -> Any:
            held = hold(*arguments)
            machine.move_to(utc("2026-03-03T00:00:00"))
            return held

        monkeypatch.setattr(months, "hold", slow)
        assert refusal(lambda: submit(engagement, "2026-02")).field == "month"


def test_a_post_that_crosses_midnight_after_its_instant_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its instant was taken at 23:59:59.999; what remains of the work may end after midnight."""
    engagement = active_since("2026-01-10T00:00:00")
    checked = actions.checked
    with time_machine.travel(utc("2026-03-02T23:59:59.999"), tick=False) as machine:

        def slow(*arguments: Any) -> Any:
            found = checked(*arguments)
            machine.move_to(utc("2026-03-03T00:00:01"))
            return found

        monkeypatch.setattr(actions, "checked", slow)
        entry = submit(engagement, "2026-02")
    assert entry.submitted_at == utc("2026-03-02T23:59:59.999")


def test_submitted_on_the_2nd_and_rated_on_the_3rd() -> None:
    engagement = active_since("2026-01-10T00:00:00")
    with time_machine.travel(utc("2026-03-02T23:59:59.999"), tick=False) as machine:
        entry = submit(engagement, "2026-02")
        machine.move_to(utc("2026-03-03T23:00:00"))
        freeze("2026-02")
        assert rate(entry) == states.RATED


def test_submitted_on_the_2nd_and_rejected_on_the_3rd_cannot_be_sent_again() -> None:
    with clock.pinned(utc("2026-01-10T00:00:00")):
        product = make_product(make_programme(review_threshold_minor=0))
    engagement = make_engagement(product, at=utc("2026-01-10T00:00:00"))
    with time_machine.travel(utc("2026-03-02T12:00:00"), tick=False) as machine:
        entry = submit(engagement, "2026-02")
        rate(entry)
        machine.move_to(utc("2026-03-03T09:00:00"))
        with viewing(as_operator()) as olga:
            rating.reject(one(BillingEntry, entry.id), reason="Looks like minutes.", by=olga)
        assert "closed on" in str(refusal(lambda: submit(engagement, "2026-02")))


def test_created_in_february_and_approved_on_1_march() -> None:
    engagement = _pending_since("2026-02-10T00:00:00")
    with time_machine.travel(utc("2026-03-01T00:00:00"), tick=False) as machine:
        with viewing(ada_of(engagement)) as ada:
            engagement_actions.approve(one(Engagement, engagement.id), by=ada)
        machine.move_to(utc("2026-03-01T10:00:00"))
        no = refusal(lambda: submit(engagement, "2026-02"))
        assert "became active on 1 Mar 2026 00:00 UTC, after February 2026" in str(no)
        assert submit(engagement, "2026-03").state == states.SUBMITTED


def test_approved_in_the_last_instant_of_february() -> None:
    engagement = _pending_since("2026-02-10T00:00:00")
    with time_machine.travel(utc("2026-02-28T23:59:59.999"), tick=False) as machine:
        with viewing(ada_of(engagement)) as ada:
            engagement_actions.approve(one(Engagement, engagement.id), by=ada)
        machine.move_to(utc("2026-03-02T23:59:59.999"))
        assert submit(engagement, "2026-02").state == states.SUBMITTED


def test_completed_on_the_1st_with_the_previous_month_unbilled() -> None:
    """The warning names both open months before; afterwards nothing can be added."""
    engagement = active_since("2026-01-10T00:00:00")
    with time_machine.travel(utc("2026-03-01T09:00:00"), tick=False), viewing(ada_of(engagement)) as ada:
        open_now = [BillingMonth(2026, 2), BillingMonth(2026, 3)]
        assert queries.unbilled_open_months(one(Engagement, engagement.id), open_now) == open_now
        engagement_actions.mark_as_complete(one(Engagement, engagement.id), by=ada)
        with pytest.raises(AlreadyDone):
            submit(engagement, "2026-02")


def test_a_rated_entry_is_not_corrected_in_its_closed_month() -> None:
    engagement = active_since("2026-01-10T00:00:00")
    entry = make_entry(engagement, "10", month=BillingMonth(2026, 2), at=utc("2026-02-20T00:00:00"), rated=True)
    with time_machine.travel(utc("2026-03-03T00:00:00"), tick=False):
        assert refusal(lambda: submit(engagement, "2026-02")).field == "month"
        with viewing(ada_of(engagement)) as ada, pytest.raises(AlreadyDone):
            actions.withdraw(one(BillingEntry, entry.id), by=ada)


@pytest.mark.parametrize(
    "state",
    [
        engagement_states.PENDING,
        engagement_states.COMPLETE,
        engagement_states.REJECTED,
        engagement_states.WITHDRAWN,
        engagement_states.DELETED,
    ],
)
def test_only_an_approved_engagement_takes_entries(state: str) -> None:
    engagement = make_engagement(make_product(), state=state)
    with pytest.raises(AlreadyDone):
        submit(engagement, str(BillingMonth.at(clock.now())))
    assert entries() == 0


def test_the_last_hours_can_be_billed_while_completion_is_requested() -> None:
    engagement = make_engagement(make_product(), state=engagement_states.COMPLETION_REQUESTED)
    assert submit(engagement, str(BillingMonth.at(clock.now()))).state == states.SUBMITTED


@pytest.mark.parametrize(
    "roles",
    [(PRICING_VIEWER, INSTANCE_EDITOR), (PRICING_SUBMITTER, INSTANCE_EDITOR), (PRICING_VIEWER, PRICING_SUBMITTER)],
)
def test_each_of_the_three_roles_is_needed(roles: tuple[str, ...]) -> None:
    engagement = make_engagement(make_product())
    with pytest.raises(MissingRole):
        submit(engagement, str(BillingMonth.at(clock.now())), by=ada_of(engagement, *roles))


def test_another_partners_engagement_is_not_there() -> None:
    engagement = make_engagement(make_product())
    cy = as_partner(make_organisation("Contrail", partner=True))
    with viewing(cy), pytest.raises(NotVisible):
        actions.submit(engagement, draft_for(engagement, str(BillingMonth.at(clock.now()))), by=cy)


@pytest.mark.parametrize(
    ("product", "quantity", "words"),
    [
        ({"step": "0.25"}, "12.2", "in steps of 0.25"),
        ({}, "0", "greater than 0"),
        ({}, "-1", "greater than 0"),
        ({"month_limit": "100"}, "100.01", "The plan allows 100 a month; 0 are billed already, so 100 are left."),
        ({"bands": [(None, "100000")]}, "99999999999", "too large"),
        ({}, "99999999999.999999", "in steps of 0.01"),
    ],
)
def test_what_the_plan_does_not_allow(product: dict[str, Any], quantity: str, words: str) -> None:
    engagement = make_engagement(make_product(**product))
    assert words in str(refusal(lambda: submit(engagement, str(BillingMonth.at(clock.now())), quantity=quantity)))
    assert entries() == 0


@pytest.mark.parametrize(("spoilt", "words"), [("metric", "not approved"), ("price", "no price in force")])
def test_what_was_taken_back_since_the_request_is_refused(spoilt: str, words: str) -> None:
    """A plan must be priced to be requested; what happens to it later is found when work is billed."""
    product = make_product()
    engagement = make_engagement(product)
    with acting_for_all("the operator takes it back"), transaction():
        if spoilt == "metric":
            one(Metric, product.plans[0].metrics[0].id).approved = False
        else:
            one(PriceVersion, product.plans[0].price_versions[0].id).effective_from = BillingMonth(2999, 1)
    assert words in str(refusal(lambda: submit(engagement, str(BillingMonth.at(clock.now())), quantity="1")))
    assert entries() == 0


def test_what_waits_counts_against_the_limit_but_what_would_be_rejected_does_not() -> None:
    engagement = make_engagement(make_product(month_limit="100"))
    here = str(BillingMonth.at(clock.now()))
    submit(engagement, here, quantity="60")
    assert "60 are billed already, so 40 are left" in str(refusal(lambda: submit(engagement, here, quantity="40.01")))
    submit(engagement, here, quantity="40")
    with acting_for_all("the operator lowers the limit"), transaction():
        db.session.scalars(select(Metric)).one().month_limit = D(70)
    submit(engagement, here, quantity="10")  # the 40 will be rejected now, so 60 + 10 fits


def test_a_metric_of_another_plan_is_refused() -> None:
    engagement, other = make_engagement(make_product()), make_product(name="Other service")
    draft = Draft(other.plans[0].metrics[0].id, BillingMonth.at(clock.now()), D(1))
    with viewing(ada_of(engagement)) as ada:
        assert refusal(lambda: actions.submit(engagement, draft, by=ada)).field == "metric"


def test_notes_have_an_end() -> None:
    engagement = make_engagement(make_product())
    here = str(BillingMonth.at(clock.now()))
    assert refusal(lambda: submit(engagement, here, notes="x" * 501)).field == "notes"
    assert submit(engagement, here, notes=" x " + "y" * 490).notes.startswith("x")


def test_twins_are_found_until_they_are_gone() -> None:
    engagement = make_engagement(make_product())
    here = str(BillingMonth.at(clock.now()))
    first = submit(engagement, here, quantity="12", notes="Night shift")
    draft = draft_for(engagement, here, "12.00", " Night shift ")
    with viewing(ada_of(engagement)) as ada:
        twin = actions.twin_of(engagement.id, draft)
        assert twin is not None
        assert twin.id == first.id
        assert actions.twin_of(engagement.id, replace(draft, notes="Day shift")) is None
        assert actions.twin_of(engagement.id, replace(draft, quantity=D("12.01"))) is None
        actions.withdraw(one(BillingEntry, first.id), by=ada)
        assert actions.twin_of(engagement.id, draft) is None


def test_roll_forward_bills_late_usage_on_the_next_month() -> None:
    chicago = ZoneInfo("America/Chicago")
    with clock.pinned(utc("2026-01-10T00:00:00")):
        product = make_product(make_programme(cut_off="roll-forward"))
    engagement = make_engagement(product, at=utc("2026-01-10T00:00:00"))
    with time_machine.travel(datetime(2026, 3, 31, 15, 45, tzinfo=chicago), tick=False):
        assert refusal(lambda: submit(engagement, "2026-03")).field == "month"
        assert submit(engagement, "2026-04").state == states.SUBMITTED


def _programme(engagement: Engagement) -> Any:
    from app.catalog.queries import programme_of

    return programme_of(engagement.product_id)


def _pending_since(at: str) -> Engagement:
    with clock.pinned(utc(at)):
        product = make_product()
    return make_engagement(product, state=engagement_states.PENDING, at=utc(at))


def test_the_instant_is_kept_to_the_microsecond() -> None:
    engagement = active_since("2026-01-10T00:00:00")
    at = utc("2026-03-02T23:59:59.999") + timedelta(microseconds=999)
    with time_machine.travel(at, tick=False):
        entry = submit(engagement, "2026-02")
    with acting_for_all("a test reads"):
        assert db.session.scalar(select(BillingEntry.submitted_at).where(BillingEntry.id == entry.id)) == at
