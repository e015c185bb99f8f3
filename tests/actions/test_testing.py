"""End-to-end tests of an unpublished product: started by who holds all three roles, taken along like real engagements."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.billing import actions as billing
from app.billing import rating, review
from app.billing import states as entry_states
from app.billing.explanations import explanation
from app.billing.model import BillingEntry, RatingGroup
from app.billing.testing import entries_by_state, proven
from app.catalog import plans
from app.catalog.model import Metric, MetricPrice, PriceVersion, Product
from app.catalog.queries import programme_of
from app.charges.model import ChargeLine
from app.commands.check import every_check
from app.engagements import actions, states, testing
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.outbox import OutboxRow
from app.foundation.refusals import MissingRole, NotVisible, Refused
from app.foundation.tenancy import Viewer, acting_for_all, as_tester, one, viewing
from app.jobs import rate_billing_entries
from app.jobs.work import never
from app.members.roles import INSTANCE_EDITOR, PRICING_SUBMITTER, PRICING_VIEWER
from app.notices.bodies import render
from app.parties.model import Organisation, PartnerCustomer
from tests.makers import as_customer, as_operator, as_partner, make_engagement, make_organisation, make_product
from tests.makers.billing import make_entry, rate
from tests.makers.catalog import make_programme
from tests.makers.testing import draft_product, make_test, make_test_entry, put_in


@pytest.fixture
def northbridge() -> Organisation:
    return make_organisation("Northbridge", partner=True)


@pytest.fixture
def ada(northbridge: Organisation) -> Viewer:
    return as_partner(northbridge)


@pytest.fixture
def draft(northbridge: Organisation) -> Product:
    return draft_product(northbridge)


def wrong() -> list[str]:
    with acting_for_all("a test audits"):
        return [f"{check.claim}: {verdict}" for check in every_check() for verdict in check.verdicts() if verdict]


def test_a_test_runs_from_request_to_completion(draft: Product, northbridge: Organisation, ada: Viewer) -> None:
    test = make_test(draft, ada, state=states.PENDING)
    assert (test.is_test, test.state, test.partner_id, test.customer_id) == (
        True,
        states.PENDING,
        northbridge.id,
        northbridge.id,
    )
    assert test.number == "TEST-ENG-1001"
    with viewing(as_tester(ada)):
        actions.approve(test, by=ada)
    entry = make_test_entry(test, "2", ada)
    assert (entry.number, entry.is_test, entry.state) == ("TEST-BE-1001", True, entry_states.SUBMITTED)
    assert rate(entry) == entry_states.RATED
    assert str(entry.amount) == "300.00 USD"
    with viewing(as_tester(ada)):
        actions.mark_as_complete(test, by=ada)
        assert test.state == states.COMPLETE
    with acting_for_all("a test reads every row"):
        assert db.session.scalars(select(ChargeLine.is_test)).all() == [True]
        assert db.session.scalars(select(RatingGroup.is_test)).all() == [True]
        told = db.session.scalars(
            select(History.event).where(History.subject_id == test.id).order_by(History.sequence)
        ).all()
        assert db.session.scalar(select(func.count(PartnerCustomer.id))) == 0  # nobody became anybody's client
    assert told == ["engagement_created", "request_approved", "billing_submitted", "billing_rated", "marked_complete"]
    assert wrong() == []


def test_the_job_rates_tests_like_everything_else(draft: Product, ada: Viewer) -> None:
    entry = make_test_entry(make_test(draft, ada), "2", ada)
    real = make_entry(make_engagement(make_product(partner=_organisation(ada))), "1")
    with acting_for_all("a test's job") as job:
        done = rate_billing_entries.run(by=job, stopped=never)
        again = rate_billing_entries.run(by=job, stopped=never)
        assert (done.rows, done.failed, again.rows) == (2, 0, 0)
        db.session.expire_all()
        states_now = db.session.scalars(select(BillingEntry.state).where(BillingEntry.id.in_([entry.id, real.id])))
        assert states_now.all() == [entry_states.RATED] * 2


def test_real_numbers_follow_each_other_as_if_no_test_had_been(draft: Product, ada: Viewer) -> None:
    product = make_product(partner=_organisation(ada))
    first = make_engagement(product)
    make_test(draft, ada)
    second = make_engagement(product, _customer_of(first))
    assert (first.number, second.number) == ("ENG-1001", "ENG-1002")


def _customer_of(engagement: Engagement) -> Organisation:
    with acting_for_all("a test's customer"):
        return db.session.scalars(select(Organisation).where(Organisation.id == engagement.customer_id)).one()


@pytest.mark.parametrize("model", [Engagement, BillingEntry, RatingGroup, ChargeLine])
def test_nobody_meets_a_test_who_does_not_ask_for_it(draft: Product, ada: Viewer, model: Any) -> None:
    """Not the partner, not the operator, and not the partner's own people when they act as somebody's customer."""
    _rated(make_test(draft, ada), "1", ada)
    northbridge = _organisation(ada)
    for viewer in (ada, as_operator(), as_customer(northbridge)):
        with viewing(viewer):
            assert db.session.scalar(select(func.count()).select_from(model)) == 0
            assert db.session.scalars(select(model)).all() == []
    with viewing(as_tester(ada)):
        assert db.session.scalar(select(func.count()).select_from(model)) == 1
    for stranger in (as_partner(make_organisation("Contrail", partner=True)), as_customer(make_organisation("Acme"))):
        with viewing(as_tester(stranger)):
            assert db.session.scalars(select(model)).all() == []


def test_it_takes_all_three_roles_and_ones_own_unpublished_product(
    draft: Product, northbridge: Organisation, ada: Viewer
) -> None:
    plan = draft.plans[0].id
    every = (PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR)
    for missing in every:
        some = as_partner(northbridge, *(role for role in every if role != missing))
        with viewing(some), pytest.raises(MissingRole):
            testing.start_test(draft, plan_id=plan, name="Test", given={}, by=some)
    tester = as_partner(northbridge, *every)
    with viewing(tester):
        assert testing.start_test(draft, plan_id=plan, name="Test", given={}, by=tester).is_test
    cy = as_partner(make_organisation("Contrail", partner=True))
    with viewing(cy), pytest.raises(NotVisible):
        testing.start_test(draft, plan_id=plan, name="Test", given={}, by=cy)
    for other in (as_customer(make_organisation("Acme", customer=True)), as_operator()):
        with viewing(other), pytest.raises(MissingRole):
            testing.start_test(draft, plan_id=plan, name="Test", given={}, by=other)


@pytest.mark.parametrize("state", ["published", "withdrawn"])
def test_what_is_or_was_published_is_not_tested(draft: Product, ada: Viewer, state: str) -> None:
    test = make_test(draft, ada)
    put_in(draft, state)
    with viewing(ada), pytest.raises(Refused) as refused:
        testing.start_test(draft, plan_id=draft.plans[0].id, name="Late", given={}, by=ada)
    assert refused.value.field == "plan"
    with pytest.raises(Refused) as late:
        make_test_entry(test, "1", ada)
    assert late.value.field == "month"


@pytest.mark.parametrize("state", ["draft", "pricing_requested", "evidence_approved", "publication_requested"])
def test_everything_before_publication_is_tested(draft: Product, ada: Viewer, state: str) -> None:
    put_in(draft, state)
    assert make_test(draft, ada).state == states.ACTIVE


def test_another_products_plan_a_plan_without_price_and_no_name_are_refused(draft: Product, ada: Viewer) -> None:
    other = make_product(name="Another", partner=make_organisation("Contrail", partner=True))
    bare = draft_product(_organisation(ada), name="Bare", bands=())
    refusals: Sequence[tuple[Any, Any, str, str]] = (
        (draft, other.plans[0].id, "Test", "plan"),
        (draft, uuid4(), "Test", "plan"),
        (bare, bare.plans[0].id, "Test", "plan"),
        (draft, draft.plans[0].id, "  ", "name"),
    )
    for product, plan_id, name, field in refusals:
        with viewing(ada), pytest.raises(Refused) as refused:
            testing.start_test(product, plan_id=plan_id, name=name, given={}, by=ada)
        assert refused.value.field == field


def _organisation(viewer: Viewer) -> Organisation:
    with acting_for_all("a test's organisation"):
        return db.session.scalars(select(Organisation).where(Organisation.id == viewer.organisation_id)).one()


def test_a_real_engagement_is_never_rated_with_a_draft(northbridge: Organisation, ada: Viewer) -> None:
    """The plan has an approved version at 150 and, from this month on, an unapproved one at 999: 150 counts, and only it."""
    product = make_product(partner=northbridge)
    engagement = make_engagement(product)
    _add_draft(product, "999.00", BillingMonth.at(clock.now()))
    entry = make_entry(engagement, "2", rated=True)
    assert str(entry.amount) == "300.00 USD"
    waiting = make_entry(engagement, "1")
    with viewing(as_operator()):
        assert str(review.amounts_now([waiting.id])[waiting.id]) == "150.00 USD"
    assert wrong() == []


def test_a_real_engagement_is_never_rated_on_an_unapproved_metric(northbridge: Organisation, ada: Viewer) -> None:
    product = make_product(partner=northbridge)
    engagement = make_engagement(product)
    entry = make_entry(engagement, "2")
    with acting_for_all("a metric's approval is taken back"), transaction() as session:
        session.scalars(select(Metric)).one().approved = False
    assert rate(entry) == entry_states.REJECTED
    with viewing(ada), pytest.raises(Refused):
        billing.submit(engagement, billing.Draft(entry.metric_id, entry.service_month, Decimal(1)), by=ada)


def test_a_test_is_rated_with_the_newest_draft_that_counts(draft: Product, ada: Viewer) -> None:
    test = make_test(draft, ada)
    assert str(_rated(test, "1", ada).amount) == "150.00 USD"
    this_month = BillingMonth.at(clock.now())
    _approve_draft(draft)
    _add_draft(draft, "200.00", this_month)
    entry = make_test_entry(test, "1", ada)
    with viewing(as_tester(as_operator())):
        assert (
            str(review.amounts_now([entry.id])[entry.id]) == "200.00 USD"
        )  # the difference it makes to the month, at this version
    rate(entry)
    assert str(entry.amount) == "200.00 USD"
    assert wrong() == []


def test_a_draft_that_counts_later_is_tested_now(northbridge: Organisation, ada: Viewer) -> None:
    draft = draft_product(northbridge, effective_from=BillingMonth.at(clock.now()).next.next)
    assert str(_rated(make_test(draft, ada), "1", ada).amount) == "150.00 USD"


def _rated(test: Engagement, quantity: str, ada: Viewer) -> BillingEntry:
    entry = make_test_entry(test, quantity, ada)
    rate(entry)
    return entry


def _approve_draft(product: Product) -> None:
    """The one open version is approved: a plan has one draft at a time."""
    with acting_for_all("a draft's approval"), transaction() as session:
        version = session.scalars(select(PriceVersion).where(PriceVersion.plan_id == product.plans[0].id)).one()
        version.approved_at, version.state = clock.now(), "approved"


def _add_draft(product: Product, price: str, month: BillingMonth) -> None:
    with acting_for_all("a draft price"), transaction() as session:
        metric = session.scalars(select(Metric).where(Metric.plan_id == product.plans[0].id)).one()
        number = session.scalars(select(func.max(PriceVersion.number)).where(PriceVersion.plan_id == metric.plan_id))
        session.add(
            PriceVersion(
                plan_id=metric.plan_id,
                number=number.one() + 1,
                effective_from=month,
                currency="USD",
                approved_at=None,
                state="draft",
                prices=[
                    MetricPrice(
                        metric_id=metric.id,
                        model="per_unit",
                        charge_unit=Decimal(1),
                        bands=[{"up_to": None, "price": price}],
                    )
                ],
            )
        )


def test_a_draft_changed_after_its_test_breaks_neither_explain_nor_the_audit(draft: Product, ada: Viewer) -> None:
    test = make_test(draft, ada)
    entry = _rated(test, "2", ada)
    programme = _programme_of(test)
    with viewing(as_tester(ada)):
        told = explanation(entry, test, programme)
        assert told is not None
        assert str(told.rated.amount) == "300.00 USD"
    for change in ({"bands": [{"up_to": None, "price": "75.00"}]}, {"bands": [{"up_to": "1", "price": "75.00"}]}, None):
        with acting_for_all("a draft is changed"), transaction() as session:
            price = session.scalars(select(MetricPrice)).one()
            session.delete(price) if change is None else setattr(price, "bands", change["bands"])
        with viewing(as_tester(ada)):
            assert explanation(entry, test, programme) is None
        assert wrong() == []


def _programme_of(engagement: Engagement) -> Any:
    return programme_of(engagement.product_id)


def test_above_the_threshold_the_operator_reviews_a_test_like_a_real_entry(
    northbridge: Organisation, ada: Viewer
) -> None:
    draft = draft_product(northbridge, make_programme(review_threshold_minor=100_000))
    test = make_test(draft, ada)
    yes, no = make_test_entry(test, "10", ada), make_test_entry(test, "11", ada)
    assert rate(yes) == rate(no) == entry_states.IN_REVIEW
    olga = as_operator()
    with viewing(as_tester(olga)):
        rating.approve(yes, shown="1500.00 USD", by=olga)
        rating.reject(no, reason="Try it with fewer hours.", by=olga)
    assert (yes.state, no.state) == (entry_states.RATED, entry_states.REJECTED)
    assert wrong() == []


def test_tests_obey_the_deadlines(draft: Product, ada: Viewer) -> None:
    test = make_test(draft, ada)
    now = clock.now()
    closes = _programme_of(test).policy.closes_at(BillingMonth.at(now))
    for month in (BillingMonth.at(now).next, BillingMonth.at(now).previous):
        with pytest.raises(Refused) as refused:
            make_test_entry(test, "1", ada, month=month)
        assert refused.value.field == "month"
    with clock.pinned(closes - timedelta(microseconds=1)):
        make_test_entry(test, "1", ada, month=BillingMonth.at(now))
    with clock.pinned(closes), pytest.raises(Refused):
        make_test_entry(test, "2", ada, month=BillingMonth.at(now))


def test_mails_of_a_test_say_so_and_lead_to_its_page(draft: Product, ada: Viewer) -> None:
    test = make_test(draft, ada)
    with viewing(as_tester(ada)):
        actions.mark_as_complete(test, by=ada)
    with acting_for_all("a test reads what is told"):
        rows = db.session.scalars(select(OutboxRow).where(OutboxRow.subject_id == test.id)).all()
    assert {row.template for row in rows} == {"engagement_requested", "request_approved", "marked_complete"}
    for row in rows:
        body = render(row.template, row.facts, portal_name="Portal", portal_url="http://portal")
        assert "TEST-ENG-1001" in body.subject
        assert f"http://portal/engagements/{test.id}" in body.text


def test_what_was_proven_is_told_step_by_step(draft: Product, ada: Viewer) -> None:
    def steps(by: Viewer) -> list[bool]:
        with viewing(by):
            return list(vars(proven(draft.id)).values())

    assert steps(ada) == [False] * 5
    test = make_test(draft, ada, state=states.PENDING)
    assert steps(ada) == [True, False, False, False, False]
    with viewing(as_tester(ada)):
        actions.approve(test, by=ada)
    entry = make_test_entry(test, "1", ada)
    assert steps(ada) == [True, True, True, False, False]
    with viewing(ada):
        assert entries_by_state([test.id]) == {test.id: [(entry_states.SUBMITTED, 1)]}
    rate(entry)
    with viewing(as_tester(ada)):
        actions.mark_as_complete(test, by=ada)
    assert steps(ada) == steps(as_operator()) == [True] * 5
    with viewing(ada):
        assert proven(draft.id).everything
        assert [row.number for row in testing.tests_of(draft.id, by=ada)] == ["TEST-ENG-1001"]
    cy = as_partner(make_organisation("Contrail", partner=True))
    assert steps(cy) == [False] * 5
    with viewing(cy):
        assert testing.tests_of(draft.id, by=cy) == []


def test_a_real_engagement_of_the_product_proves_nothing(northbridge: Organisation, ada: Viewer) -> None:
    product = make_product(partner=northbridge)
    make_entry(make_engagement(product), "1", rated=True)
    with viewing(ada):
        assert not any(vars(proven(product.id)).values())


def test_what_a_test_stands_on_is_not_removed(draft: Product, ada: Viewer) -> None:
    _rated(make_test(draft, ada), "1", ada)
    plan = draft.plans[0]
    with acting_for_all("the draft as it stands"):
        version, metric_id = one(Product, draft.id).version, plan.metrics[0].id
    with viewing(ada):
        for remove in (
            partial(plans.remove_plan, draft, version=version, plan_id=plan.id, by=ada),
            partial(plans.remove_metric, draft, version=version, plan_id=plan.id, metric_id=metric_id, by=ada),
        ):
            with pytest.raises(Refused, match="End-to-end tests"):
                remove()
    assert wrong() == []
