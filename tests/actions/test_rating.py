"""Rating against a real database: exactly once, by delta, with its charge line, whoever runs it and however often."""

import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.billing import actions, queries, rating, states
from app.billing.model import BillingEntry, RatingGroup
from app.billing.review import amounts_now
from app.catalog.model import Metric
from app.charges.model import ChargeLine
from app.engagements import actions as engagement_actions
from app.engagements.model import Engagement
from app.foundation.billing_month import BillingMonth
from app.foundation.clock import now, pinned
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, MissingRole, Refused
from app.foundation.tenancy import acting_for_all, one, viewing
from app.members.roles import OPERATOR_PROGRAMMES
from app.parties.model import Organisation
from tests.makers import (
    as_customer,
    as_operator,
    as_partner,
    make_engagement,
    make_entry,
    make_product,
    make_programme,
    rate,
)  # fmt: skip
from tests.makers.catalog import add_price_version

D = Decimal
TIERED = [("1000", "1"), (None, "0.90")]


def lines() -> list[ChargeLine]:
    with acting_for_all("a test reads the charge book"):
        return list(db.session.scalars(select(ChargeLine).order_by(ChargeLine.id)))


def tiered(**settings: object) -> Engagement:
    return make_engagement(make_product(make_programme(**settings), model="graduated", bands=TIERED))  # type: ignore[arg-type]


def test_two_entries_of_a_month_come_to_1180() -> None:
    engagement = tiered()
    first, second = make_entry(engagement, "600", rated=True), make_entry(engagement, "600", rated=True)
    assert (first.amount_minor, second.amount_minor) == (60000, 58000)
    assert (second.quantity_before, second.quantity_after) == (D(600), D(1200))
    assert [(line.gross_minor, line.due_minor, line.tax_minor) for line in lines()] == [
        (60000, 48000, 0),
        (58000, 46400, 0),
    ]


def test_a_rejected_first_entry_leaves_the_whole_tier_to_the_second() -> None:
    engagement = tiered()
    first, second = make_entry(engagement, "600"), make_entry(engagement, "600")
    with viewing(as_partner(partner_of(engagement))) as ada:
        actions.withdraw(one(BillingEntry, first.id), by=ada)
    rate(first)
    rate(second)
    assert (first.state, second.amount_minor) == (states.WITHDRAWN, 60000)


def test_what_waits_for_review_blocks_nobody() -> None:
    """The first, above the threshold, is rated last: it then finds the month as it is by then."""
    engagement = tiered(review_threshold_minor=50_000)
    large, small = make_entry(engagement, "900", rated=True), make_entry(engagement, "400", rated=True)
    assert (large.state, small.state, small.amount_minor) == (states.IN_REVIEW, states.RATED, 40000)
    with viewing(as_operator()) as olga:
        large = rating.approve(one(BillingEntry, large.id), by=olga)
    assert large.amount_minor == 87000  # 600 at 1.00 and 300 at 0.90
    assert sum(line.gross_minor for line in lines()) == 127000


@pytest.mark.parametrize(("threshold", "state"), [(60_000, states.RATED), (59_999, states.IN_REVIEW)])
def test_exactly_at_the_threshold_nobody_has_to_look(threshold: int, state: str) -> None:
    assert make_entry(tiered(review_threshold_minor=threshold), "600", rated=True).state == state


def test_nobody_decides_what_they_submitted() -> None:
    engagement = tiered(review_threshold_minor=0)
    operator = as_operator()
    entry = make_entry(engagement, "5", rated=True)
    with acting_for_all("the same person submitted it"), transaction():
        one(BillingEntry, entry.id).submitted_by_id = operator.member_id
    with viewing(operator):
        mine = one(BillingEntry, entry.id)
        for decide in (
            lambda: rating.approve(mine, by=operator),
            lambda: rating.reject(mine, reason="No", by=operator),
        ):
            with pytest.raises(Refused, match="somebody else"):
                decide()
    with viewing(as_operator(None, OPERATOR_PROGRAMMES)) as otto, pytest.raises(MissingRole):
        rating.approve(one(BillingEntry, entry.id), by=otto)


def test_a_review_is_decided_once() -> None:
    entry = make_entry(tiered(review_threshold_minor=0), "5", rated=True)
    with viewing(as_operator()) as olga:
        rating.reject(one(BillingEntry, entry.id), reason="Looks like minutes, not hours.", by=olga)
        with pytest.raises(AlreadyDone):
            rating.approve(one(BillingEntry, entry.id), by=olga)
        entry = one(BillingEntry, entry.id)
    assert (entry.state, entry.reason, lines()) == (states.REJECTED, "Looks like minutes, not hours.", [])


def test_rating_again_changes_nothing() -> None:
    entry = make_entry(tiered(), "600", rated=True)
    before = entry.version
    assert rate(entry) == states.RATED
    assert (entry.version, len(lines())) == (before, 1)


def test_price_versions_count_from_their_month() -> None:
    """March's price does not reach into February, whenever the entry is rated."""
    this = BillingMonth.at(now())
    product = make_product(bands=[(None, "100")])
    plan = product.plans[0]
    with acting_for_all("a test's second version"):
        add_price_version(plan, plan.metrics[0], "per_unit", [(None, "110")], effective_from=this)
    engagement = make_engagement(product)
    old = make_entry(engagement, "1", month=this.previous, at=this.previous.starts_at.replace(day=5), rated=True)
    new = make_entry(engagement, "1", month=this, rated=True)
    assert (old.amount_minor, new.amount_minor) == (10000, 11000)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("metric", "not approved"),
        ("price", "no price in force"),
        ("limit", "The plan allows 3 a month"),
    ],
)
def test_rejections_say_why(spoil: str, words: str) -> None:
    """What changed after the entry was sent is found when it is rated, and the partner reads the reason."""
    engagement = make_engagement(make_product())
    entry = make_entry(engagement, "5")
    with acting_for_all("a test spoils the plan"), transaction() as session:
        metric = one(Metric, entry.metric_id)
        if spoil == "metric":
            metric.approved = False
        elif spoil == "limit":
            metric.month_limit = D(3)
        else:
            from app.catalog.model import PriceVersion

            for version in session.scalars(select(PriceVersion)):
                version.effective_from = BillingMonth.at(now()).next
    assert rate(entry) == states.REJECTED
    assert words in (entry.reason or "")
    assert lines() == []


def test_submitted_before_completion_is_still_rated() -> None:
    engagement = tiered()
    entry = make_entry(engagement, "10")
    with viewing(as_partner(partner_of(engagement))) as ada:
        engagement_actions.mark_as_complete(one(Engagement, engagement.id), by=ada)
        with pytest.raises(AlreadyDone):
            make_entry(engagement, "1")
    assert rate(entry) == states.RATED


def test_completion_in_the_evening_of_a_rolling_cut_off_takes_nothing_back() -> None:
    """Sent at 21:00 UTC for the month that just opened, completed at 22:00, rated when the quiet window ends at 23:00."""
    evening = datetime(2026, 10, 31, 21, tzinfo=UTC)
    product = make_product(make_programme("Marketplace", cut_off="roll-forward"))
    engagement = make_engagement(product, at=evening.replace(day=1))
    entry = make_entry(engagement, "2", month=BillingMonth(2026, 11), at=evening)
    with pinned(evening.replace(hour=22)), viewing(as_partner(partner_of(engagement))) as ada:
        engagement_actions.mark_as_complete(one(Engagement, engagement.id), by=ada)
    with acting_for_all("a test looks"):
        foreseen = queries.provisional_amounts(one(Engagement, engagement.id))[entry.id]
        assert amounts_now([entry.id]) == {entry.id: foreseen}
    with pinned(evening.replace(hour=23)):
        assert rate(entry) == states.RATED
    assert entry.amount == foreseen is not None


def test_net_plus_mark_up_charges_gross_and_owes_net() -> None:
    engagement = tiered(remuneration="net_plus_mark_up", remuneration_percent=D(25), tax_percent=D(7))
    entry = make_entry(engagement, "72", rated=True)
    (line,) = lines()
    assert (entry.amount_minor, line.gross_minor, line.due_minor, line.tax_minor) == (7200, 9000, 7200, 630)


def test_the_customer_reads_gross_and_nothing_else() -> None:
    engagement = tiered(remuneration="net_plus_mark_up", remuneration_percent=D(25))
    make_entry(engagement, "72", rated=True)
    from app.charges.queries import own_charges

    with acting_for_all("a test's customer"):
        customer = one(Organisation, engagement.customer_id)
    with viewing(as_customer(customer)):
        (row,) = db.session.execute(own_charges())
    assert row.gross_minor == 9000
    assert not [name for name in row._mapping if "due" in name or "net" in name]


def test_provisional_amounts_are_what_rating_will_say() -> None:
    engagement = tiered()
    entries = [make_entry(engagement, quantity) for quantity in ("600", "300", "300")]
    with viewing(as_partner(partner_of(engagement))):
        foreseen = queries.provisional_amounts(one(Engagement, engagement.id))
    for entry in entries:
        rate(entry)
        assert foreseen[entry.id] == entry.amount


def test_workers_that_meet_rate_everything_once(app: Flask) -> None:
    """Four workers go over the same forty entries at the same time."""
    engagement = tiered()
    ids = [make_entry(engagement, "50").id for _ in range(40)]
    db.session.remove()
    failures: list[Exception] = []

    def work() -> None:
        with app.app_context(), acting_for_all("a test's worker") as worker:
            try:
                for entry_id in ids:
                    rating.rate_entry(entry_id, by=worker)
            except Exception as failure:
                failures.append(failure)
            finally:
                db.session.remove()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    with acting_for_all("a test adds up"):
        group = db.session.scalars(select(RatingGroup)).one()
        total = db.session.scalar(select(func.sum(BillingEntry.amount_minor)))
    assert (group.quantity, group.entries, group.amount_minor, int(total or 0)) == (D(2000), 40, 190000, 190000)
    assert sum(line.gross_minor for line in lines()) == 190000


def test_withdrawing_races_rating(app: Flask) -> None:
    """One of the two wins; never both."""
    engagement = tiered()
    entry = make_entry(engagement, "10")
    partner = partner_of(engagement)
    db.session.remove()
    gate, outcomes = threading.Barrier(2), []

    def run(do: object) -> None:
        with app.app_context():
            gate.wait()
            try:
                do()  # type: ignore[operator]
                outcomes.append("done")
            except AlreadyDone:
                outcomes.append("late")
            finally:
                db.session.remove()

    def withdraw() -> None:
        with viewing(as_partner(partner)) as ada:
            actions.withdraw(one(BillingEntry, entry.id), by=ada)

    def rate_it() -> None:
        with acting_for_all("a test's worker") as worker:
            rating.rate_entry(entry.id, by=worker)

    threads = [threading.Thread(target=run, args=(do,)) for do in (withdraw, rate_it)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with acting_for_all("a test looks"):
        state = db.session.scalars(select(BillingEntry.state)).one()
    assert state in (states.RATED, states.WITHDRAWN)
    assert len(lines()) == (1 if state == states.RATED else 0)
    assert ("late" in outcomes) <= (state == states.RATED)  # only a withdrawal can come late


def partner_of(engagement: Engagement) -> Organisation:
    with acting_for_all("a test's partner"):
        return one(Organisation, engagement.partner_id)
