"""Two people who decide one thing in the same moment: one decides it, the other is told; nothing is done twice or by halves.

On SQLite they queue for the one write lock, on PostgreSQL for the rows that the action holds; both had read them before.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.billing import corrections
from app.billing import states as billing_states
from app.billing.model import BillingEntry, Correction
from app.catalog import reviews, states
from app.catalog.model import ListingReview, Product
from app.engagements import farewells
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer, acting_for_all, one, system, viewing
from app.months import reopening
from app.months import states as month_states
from app.months.model import MonthReopening
from app.parties import actions as parties
from app.parties.holding import held
from app.parties.model import Organisation
from tests.actions.closed_months import NOW, OCTOBER, D, abe_of, of_october, olga_and_otto, row_of, rows, tiered
from tests.actions.racing import LATE, REFUSED, Runner, race
from tests.actions.submitting import ada_of
from tests.makers import as_operator, ask_correction, close_month, make_organisation
from tests.makers.listing import as_it_stands, make_listing, open_review


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def told(kind: str, subject_id: Any) -> list[str]:
    with acting_for_all("a test reads history"):
        return [event.event for event in history.events_of(kind, subject_id, newest_first=False)]


# Publishing a product, and its partner's farewell


def northbridge_publishes() -> tuple[Organisation, Product, ListingReview]:
    partner = make_organisation("Northbridge", partner=True)
    product = make_listing(partner, states.PUBLICATION_REQUESTED)
    return partner, product, open_review(product)


def without_partner(organisation: Organisation, by: Viewer) -> None:
    """Northbridge goes on as a customer only."""
    farewells.change_organisation(
        organisation.id, version=organisation.version, name=organisation.name, partner=False, customer=True,
        zone="UTC", by=by,
    )  # fmt: skip


def deactivated(organisation: Organisation, by: Viewer) -> None:
    farewells.deactivate(organisation.id, reason="Contract ended.", by=by)


@pytest.mark.parametrize("farewell", [deactivated, without_partner])
def test_publishing_and_the_partners_farewell_at_once(
    app: Flask, farewell: Callable[[Organisation, Viewer], None]
) -> None:
    """No service is published whose partner is gone: one of the two is refused, whichever comes second."""
    partner, product, review = northbridge_publishes()
    olga, otto = olga_and_otto()
    outcomes = race(
        app,
        Runner(
            "published", olga, lambda seen: reviews.approve(seen.id, by=olga), lambda: one(ListingReview, review.id)
        ),
        Runner("gone", otto, lambda seen: farewell(seen, otto), lambda: one(Organisation, partner.id)),
    )
    assert sorted(outcomes) in (["published", REFUSED], ["gone", REFUSED]), outcomes
    with acting_for_all("a test looks"):
        gone = not one(Organisation, partner.id).acts_as("partner")
    assert gone != (as_it_stands(product).state == states.PUBLISHED)


@pytest.mark.parametrize("farewell", [deactivated, without_partner])
def test_the_farewell_waits_for_the_publication_that_holds_the_partner(
    app: Flask, monkeypatch: pytest.MonkeyPatch, farewell: Callable[[Organisation, Viewer], None]
) -> None:
    """The same without luck: the farewell begins while the publication is under way, waits for it, and finds the service."""
    partner, product, review = northbridge_publishes()
    olga, otto = olga_and_otto()
    order: list[str] = []
    under_way, change_state = threading.Event(), reviews.change_state

    def slow(*arguments: Any, **facts: Any) -> None:
        change_state(*arguments, **facts)
        under_way.set()
        goodbye.join(0.5)  # it tries meanwhile, and must not get through
        order.append("published")

    def say_goodbye() -> None:
        with app.app_context(), clock.pinned(NOW), viewing(otto):
            under_way.wait(10)
            try:
                farewell(one(Organisation, partner.id), otto)
                order.append("gone")
            except Refused:
                order.append("refused")
            finally:
                db.session.remove()

    goodbye = threading.Thread(target=say_goodbye)
    monkeypatch.setattr(reviews, "change_state", slow)
    db.session.remove()
    goodbye.start()
    with viewing(olga):
        reviews.approve(review.id, by=olga)
    goodbye.join(30)
    assert order == ["published", "refused"]
    assert as_it_stands(product).state == states.PUBLISHED


def test_the_publication_waits_for_the_farewell_that_holds_the_partner(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, product, review = northbridge_publishes()
    olga, otto = olga_and_otto()
    order: list[str] = []
    leaving, deactivate = threading.Event(), parties.deactivate

    def slow(*arguments: Any, **facts: Any) -> Organisation:
        gone = deactivate(*arguments, **facts)
        leaving.set()
        publisher.join(0.5)
        order.append("gone")
        return gone

    def publish() -> None:
        with app.app_context(), clock.pinned(NOW), viewing(olga):
            leaving.wait(10)
            try:
                reviews.approve(review.id, by=olga)
                order.append("published")
            except Refused as no:
                order.append(f"{no.field}: {no}")
            finally:
                db.session.remove()

    publisher = threading.Thread(target=publish)
    monkeypatch.setattr(farewells.parties, "deactivate", slow)
    db.session.remove()
    publisher.start()
    with viewing(otto):
        deactivated(partner, otto)
    publisher.join(30)
    assert order == ["gone", "decision: Northbridge does no business here any more."]
    assert as_it_stands(product).state == states.PUBLICATION_REQUESTED


def test_who_is_gone_publishes_nothing_until_it_is_back() -> None:
    """Its request still waits and can be returned; active again it can be published, one by one and in bulk."""
    partner, product, review = northbridge_publishes()
    olga, _ = olga_and_otto()
    with viewing(olga):
        deactivated(partner, olga)
        assert reviews.decide_all([review.id], reason=None, by=olga) == reviews.Bulk(0, 1)
        parties.reactivate(partner.id, by=olga)
        assert reviews.decide_all([review.id], reason=None, by=olga) == reviews.Bulk(1, 0)
    assert as_it_stands(product).state == states.PUBLISHED


def test_held_refuses_on_the_field_that_asked() -> None:
    acme = make_organisation("Acme", customer=True)
    with acting_for_all("a test asks"), transaction():
        assert held(acme.id, acting="customer").id == acme.id
        with pytest.raises(Refused) as no:
            held(acme.id, acting="partner", field="decision")
    assert (no.value.field, str(no.value)) == ("decision", "Acme does not act in this capacity.")


# One listing review


@pytest.mark.parametrize(
    ("state", "asked", "approved", "returned"),
    [
        (states.PRICING_REQUESTED, "pricing", "pricing_approved", "pricing_returned"),
        (states.EVIDENCE_SUBMITTED, "evidence", "evidence_approved", "evidence_returned"),
        (states.PUBLICATION_REQUESTED, "publication", "product_published", "publication_returned"),
    ],
)
@pytest.mark.parametrize("other", ["approve", "reject"])
def test_two_people_decide_one_listing_review(
    app: Flask, state: str, asked: str, approved: str, returned: str, other: str
) -> None:
    product = make_listing(make_organisation("Northbridge", partner=True), state)
    review = open_review(product)
    assert review.kind == asked
    olga, otto = olga_and_otto()

    def look() -> ListingReview:
        one(Product, product.id)
        return one(ListingReview, review.id)

    def yes(by: Viewer) -> Runner:
        return Runner("approve", by, lambda seen: reviews.approve(seen.id, by=by), look)

    def no(by: Viewer) -> Runner:
        return Runner("reject", by, lambda seen: reviews.reject(seen.id, reason="Say more.", by=by), look)

    outcomes = race(app, yes(olga), yes(otto) if other == "approve" else no(otto))
    assert outcomes.count(LATE) == 1, outcomes
    (decided,) = [outcome for outcome in outcomes if outcome != LATE]
    story = told("product", product.id)
    assert (story.count(approved), story.count(returned)) == ((1, 0) if decided == "approve" else (0, 1))
    with acting_for_all("a test looks"):
        found = db.session.scalars(select(ListingReview).where(ListingReview.id == review.id)).one()
        assert found.outcome == (reviews.APPROVED if decided == "approve" else reviews.RETURNED)
        assert found.decided_by_name == (olga, otto)[outcomes.index(decided)].member_name


def test_one_by_one_and_in_bulk_at_once(app: Flask) -> None:
    """The bulk leaves what somebody decides meanwhile, and says so; it decides the others."""
    partner = make_organisation("Northbridge", partner=True)
    asked = [
        open_review(make_listing(partner, states.EVIDENCE_SUBMITTED, name=f"Service {n}")).id for n in range(3)
    ]  # fmt: skip
    olga, otto = olga_and_otto()
    bulk: list[reviews.Bulk] = []
    outcomes = race(
        app,
        Runner("bulk", olga, lambda _: bulk.append(reviews.decide_all(asked, reason=None, by=olga))),
        Runner("single", otto, lambda _: reviews.reject(asked[1], reason="Blurred.", by=otto)),
    )
    assert bulk == [reviews.Bulk(2, 1) if outcomes[1] == "single" else reviews.Bulk(3, 0)]
    assert outcomes[1] in ("single", LATE)


# One correction


@pytest.mark.parametrize("other", ["approve", "reject"])
def test_two_people_decide_one_correction(app: Flask, other: str) -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    asked = ask_correction(entry, "500")
    olga, abe = as_operator(), abe_of(engagement)

    def look() -> Correction:
        return one(Correction, asked.id)

    def second(seen: Correction) -> None:
        if other == "approve":
            corrections.approve(seen, by=abe)
        else:
            corrections.reject(seen, reason="The hours are right.", by=abe)

    outcomes = race(
        app,
        Runner("approve", olga, lambda seen: corrections.approve(seen, by=olga), look),
        Runner(other, abe, second, look),
    )
    assert outcomes.count(LATE) == 1, outcomes
    (decided,) = [outcome for outcome in outcomes if outcome != LATE]
    booked = 1 if decided == "approve" else 0
    assert (len(rows(billing_states.REVERSAL)), len(rows(billing_states.REBILL))) == (booked, booked)
    story = told("engagement", engagement.id)
    assert (story.count("correction_approved"), story.count("correction_rejected")) == (booked, 1 - booked)


def test_taken_back_and_approved_at_once(app: Flask) -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    abe = abe_of(engagement)
    asked = ask_correction(entry, "500", by=abe)
    olga = as_operator()

    def look() -> Correction:
        return one(Correction, asked.id)

    outcomes = race(
        app,
        Runner("approve", olga, lambda seen: corrections.approve(seen, by=olga), look),
        Runner("withdraw", abe, lambda seen: corrections.withdraw(seen, by=abe), look),
    )
    assert outcomes.count(LATE) == 1, outcomes
    assert len(rows(billing_states.REVERSAL)) == (1 if "approve" in outcomes else 0)


def test_two_people_ask_for_one_correction(app: Flask) -> None:
    engagement = tiered()
    (entry,) = of_october(engagement, "600")
    ada, abe = ada_of(engagement), abe_of(engagement)

    def asking(by: Viewer) -> Runner:
        wish = corrections.Wish(D("500"), "Minutes, not hours.")
        return Runner("asked", by, lambda seen: corrections.ask(seen, wish, by=by), lambda: one(BillingEntry, entry.id))

    outcomes = race(app, asking(ada), asking(abe))
    assert sorted(outcomes) == ["asked", REFUSED]


# One wish to reopen a month


@pytest.mark.parametrize("other", ["confirm", "decline"])
def test_two_people_decide_one_reopening(app: Flask, other: str) -> None:
    close_month(OCTOBER)
    olga, otto = olga_and_otto()
    with acting_for_all("a third person asks") as owner:
        wish = reopening.ask_to_reopen(row_of(OCTOBER), reason="Two entries were lost", by=owner)

    def look() -> MonthReopening:
        return one(MonthReopening, wish.id)

    second = reopening.confirm if other == "confirm" else reopening.decline
    outcomes = race(
        app,
        Runner("confirm", olga, lambda seen: reopening.confirm(seen, by=olga), look),
        Runner(other, otto, lambda seen: second(seen, by=otto), look),
    )
    assert outcomes.count(LATE) == 1, outcomes
    (decided,) = [outcome for outcome in outcomes if outcome != LATE]
    row = row_of(OCTOBER)
    assert row.state == (month_states.REOPENED if decided == "confirm" else month_states.CLOSED)
    story = told("month", row.id)
    assert story.count("month_reopened") == (1 if decided == "confirm" else 0)
    assert story.count(f"month_reopening_{'confirmed' if decided == 'confirm' else 'declined'}") == 1


def test_two_people_ask_to_reopen_one_month(app: Flask) -> None:
    close_month(OCTOBER)
    olga, otto = olga_and_otto()

    def asking(by: Viewer) -> Runner:
        return Runner(
            "asked", by, lambda seen: reopening.ask_to_reopen(seen, reason="Lost", by=by), lambda: row_of(OCTOBER)
        )

    outcomes = race(app, asking(olga), asking(otto))
    assert sorted(outcomes) == ["asked", REFUSED]


def test_confirmed_by_the_second_person_and_reopened_by_the_owner_at_once(app: Flask) -> None:
    close_month(OCTOBER)
    olga, otto = olga_and_otto()
    with viewing(olga):
        wish = reopening.ask_to_reopen(row_of(OCTOBER), reason="Two entries were lost", by=olga)
    owner = system("the machine's owner")
    outcomes = race(
        app,
        Runner("confirmed", otto, lambda seen: reopening.confirm(seen, by=otto), lambda: one(MonthReopening, wish.id)),
        Runner(
            "at once",
            owner,
            lambda seen: reopening.reopen_at_once(seen, reason="Now", by=owner),
            lambda: row_of(OCTOBER),
        ),
    )
    assert outcomes.count(LATE) == 1, outcomes
    row = row_of(OCTOBER)
    assert row.state == month_states.REOPENED
    assert told("month", row.id).count("month_reopened") == 1
