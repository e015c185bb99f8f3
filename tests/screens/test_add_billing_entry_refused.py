"""Add billing entry where something is in the way: another state, no approved metric, no price, a rejected entry."""

import uuid
from decimal import Decimal

import pytest

from app.catalog.model import Metric, PriceVersion
from app.engagements import actions as engagement_actions
from app.engagements.model import Engagement
from app.foundation.billing_month import BillingMonth
from app.foundation.clock import pinned
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one, viewing
from tests.makers import make_engagement, make_product
from tests.page import Page
from tests.screens.billing_stage import HTMX, at, entries, filled, set_stage, utc

D = Decimal


@pytest.fixture(autouse=True)
def _present():
    with at():
        yield


@pytest.fixture
def stage(app, people):
    return set_stage(app, people, threshold=500_000)


def test_completed_meanwhile_answers_409_with_what_was_typed(app, people, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/new"
    form = filled(ada, path, quantity="12.5", notes="The last hours")
    before = len(entries(app, stage.engagement))
    with app.app_context(), viewing(people.viewer("abe")) as abe:
        engagement_actions.mark_as_complete(one(Engagement, stage.engagement.id), by=abe)
        db.session.remove()
    for answer in (ada.post(path, data=form), ada.post(path, data=form | {"preview": "1"}), ada.get(path)):
        assert answer.status_code == 409
        page = Page(answer)
        page.check()
        assert (
            "is Complete. Entries are added while it is Active or Completion requested; nothing was submitted."
            in page.text
        )
    assert "The last hours" in Page(ada.post(path, data=form)).text
    part = ada.post(path, data=form | {"preview": "1"}, headers=HTMX)
    assert (part.status_code, "takes no billing entries any more" in part.text) == (409, True)
    assert len(entries(app, stage.engagement)) == before


def test_pending_engagements_take_no_entries(app, people, as_):
    with app.app_context():
        engagement = make_engagement(
            make_product(partner=people.northbridge), people.acme, state="pending", at=utc(2026, 10, 20)
        )
        db.session.remove()
    assert as_("ada").get(f"/engagements/{engagement.id}/billing-entries/new").status_code == 409


def test_a_month_before_approval_is_not_offered(app, people, as_):
    with app.app_context():
        engagement = make_engagement(make_product(partner=people.northbridge), people.acme, at=utc(2026, 11, 1, 3))
        db.session.remove()
    ada, path = as_("ada"), f"/engagements/{engagement.id}/billing-entries/new"
    page = Page(ada.get(path))
    page.check()
    assert [name.get_text() for name in page.soup.select(".card-choice .name")] == ["November 2026"]
    refused = ada.post(path, data=filled(ada, path, quantity="1", month="2026-10"))
    assert (refused.status_code, "became active on 1 Nov 2026 03:00 UTC, after October 2026" in Page(refused).text) == (
        422,
        True,
    )


def test_a_plan_without_approved_metrics_says_so(app, people, as_):
    with app.app_context(), pinned(utc(2026, 6, 1)):
        product = make_product(partner=people.northbridge)
    with app.app_context():
        engagement = make_engagement(product, people.acme, at=utc(2026, 10, 1))
        with acting_for_all("a test takes the approval back"), transaction():
            one(Metric, product.plans[0].metrics[0].id).approved = False
        db.session.remove()
    page = Page(as_("ada").get(f"/engagements/{engagement.id}/billing-entries/new"))
    page.check()
    assert "No metric of this plan can be billed yet" in page.text


def test_a_plan_without_a_price_refuses_and_does_not_break(app, people, as_):
    with app.app_context(), pinned(utc(2026, 6, 1)):
        product = make_product(partner=people.northbridge)
    with app.app_context():
        engagement = make_engagement(product, people.acme, at=utc(2026, 10, 1))
        with acting_for_all("a test moves the price out of reach"), transaction():
            one(PriceVersion, product.plans[0].price_versions[0].id).effective_from = BillingMonth(2027, 1)
        db.session.remove()
    ada, path = as_("ada"), f"/engagements/{engagement.id}/billing-entries/new"
    answer = ada.post(path, data=filled(ada, path, quantity="1"))
    assert (answer.status_code, "The plan has no price in force for this month." in Page(answer).text) == (422, True)


def test_a_rejected_entry_is_corrected_from_its_own_values(as_, stage):
    ada = as_("ada")
    link = Page(ada.get(stage.path)).soup.select_one("a[href*='new?like=']")
    assert link.get_text(strip=True) == "Correct and submit again"
    page = Page(ada.get(link["href"]))
    page.check()
    form = page.form(f"{stage.path}/new")
    assert (form["quantity"], form["notes"], form["month"]) == ("2400", "Incident 5498", "2026-10")
    assert ada.get(f"{stage.path}/new?like=nonsense").status_code == 200
    assert ada.get(f"{stage.path}/new?like={uuid.uuid4()}").status_code == 404
