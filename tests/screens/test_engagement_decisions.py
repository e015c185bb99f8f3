"""Approve, reject, mark as complete, reject completion request: from the page, from a dialog, from a stale tab, twice."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.engagements.model import CompletionRequest, Engagement
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.tenancy import acting_for_all
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX, set_stage

#: decision -> the state it is offered in
DECISIONS = {
    "approve": "pending",
    "reject": "pending",
    "mark-complete": "active",
    "reject-completion": "completion_requested",
}
REASON: dict[str, Any] = {"reason": "We are booked out until March."}


@pytest.fixture
def stage(app, people):
    return set_stage(app, people, "pending", "active", "completion_requested", "complete")


def kept(app, engagement):
    """The engagement as the database has it, and the events after the first."""
    with app.app_context(), acting_for_all("a test looks"):
        row = db.session.scalars(select(Engagement).where(Engagement.id == engagement.id)).one()
        events = db.session.scalars(
            select(History.event).where(History.subject_id == engagement.id).order_by(History.sequence)
        ).all()
        return row, list(events)


@pytest.mark.parametrize(("verb", "state"), DECISIONS.items())
def test_each_decision_is_a_page_and_a_dialog(stage, as_, verb, state):
    path = f"{stage.path(state)}/{verb}"
    page = Page(as_("ada").get(path))
    page.check()
    form = page.soup.select_one("form.decision")
    assert form["action"] == path and form["hx-post"] == path
    assert form.select_one(".halves a")["href"] == stage.path(state)
    part = Fragment(as_("ada").get(path, headers=HTMX))
    part.check()
    assert part.soup.select_one("form.decision .decision-title") and not part.soup.select("main")


def test_approve(app, stage, as_):
    path = stage.path("pending")
    answer = fill(as_("ada"), f"{path}/approve")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    row, events = kept(app, stage.engagements["pending"])
    assert row.state == "active" and row.active_from and events == ["engagement_created", "request_approved"]


def test_the_details_tell_what_the_last_events_led_to(stage, as_):
    ada = as_("ada")
    path = stage.path("pending")
    fill(ada, f"{path}/approve")
    assert "now Active" in Page(ada.get(path)).text


def test_approve_from_a_dialog_goes_to_the_details_with_a_toast(stage, as_):
    ada = as_("ada")
    path = stage.path("pending")
    answer = fill(ada, f"{path}/approve", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, path)
    page = Page(ada.get(path))
    page.check()
    assert "Approved. The engagement is active" in page.soup.select_one(".flash").text


def test_reject_takes_a_reason_and_keeps_what_was_typed(app, stage, as_):
    path = f"{stage.path('pending')}/reject"
    ada = as_("ada")
    for typed in ({"reason": ""}, {"reason": "x" * 1001}, {"reason": "with a bell \a"}):
        for headers in (None, HTMX):
            answer = fill(ada, path, headers=headers, **typed)
            assert answer.status_code == 422
            assert typed["reason"] in (Fragment if headers else Page)(answer).form(path)["reason"]
    assert kept(app, stage.engagements["pending"])[0].state == "pending"
    assert fill(ada, path, **REASON).status_code == 303
    row, events = kept(app, stage.engagements["pending"])
    assert (row.state, row.reason, events[-1]) == ("rejected", REASON["reason"], "request_rejected")


def test_mark_as_complete_warns_of_months_it_cuts_off(app, stage, as_):
    path = f"{stage.path('active')}/mark-complete"
    page = Page(as_("ada").get(path))
    assert "is still open and has no entry" in page.text
    assert re.fullmatch(
        r"/engagements/[0-9a-f-]+/billing-entries/new\?month=20\d\d-\d\d",
        str(page.soup.select_one(".notice--risk a")["href"]),
    )
    assert fill(as_("ada"), path, note="All handed over.").status_code == 303
    row, events = kept(app, stage.engagements["active"])
    assert (row.state, events[-1]) == ("complete", "marked_complete") and row.ended_at
    assert "All handed over." in as_("ada").get(f"{stage.path('active')}/history").text


def test_mark_as_complete_answers_a_request(app, stage, as_):
    assert fill(as_("abe"), f"{stage.path('completion_requested')}/mark-complete").status_code == 303
    row, _events = kept(app, stage.engagements["completion_requested"])
    with app.app_context(), acting_for_all("a test looks"):
        asked = db.session.scalars(select(CompletionRequest).where(CompletionRequest.engagement_id == row.id)).one()
    assert (row.state, asked.state, asked.outcome, asked.decided_by_name) == (
        "complete",
        "accepted",
        "complete",
        "Abe Adeyemi",
    )


def chosen(page):
    return page.soup.select_one("input[name=outcome][checked]")["value"]


def test_the_programmes_outcome_is_preselected(app, people, as_):
    stage = set_stage(app, people, "completion_requested")
    path = f"{stage.path('completion_requested')}/reject-completion"
    ada = as_("ada")
    assert chosen(Page(ada.get(path))) == "delete"
    assert chosen(Page(ada.get(f"{path}?outcome=keep-active"))) == "keep-active"
    assert chosen(Page(ada.get(f"{path}?outcome=nonsense"))) == "delete"


def test_the_programme_may_prefer_to_keep_active(app, people, as_):
    stage = set_stage(app, people, "completion_requested", completion_outcome="keep-active")
    path = f"{stage.path('completion_requested')}/reject-completion"
    assert chosen(Page(as_("ada").get(path))) == "keep-active"
    assert chosen(Page(as_("ada").get(f"{path}?outcome=delete"))) == "delete"


def test_deleting_takes_the_second_confirmation(app, stage, as_):
    path = f"{stage.path('completion_requested')}/reject-completion"
    ada = as_("ada")
    page = Page(fill(ada, path, outcome="delete", **REASON))
    page.check()
    assert "Tick this to delete the engagement" in page.text
    assert page.form(path)["reason"] == REASON["reason"] and chosen(page) == "delete"
    for typed in (
        {"outcome": "keep-active"},
        {**REASON},
        {"outcome": "nonsense", **REASON},
        {"outcome": "delete", "understood": "y"},
    ):
        assert fill(ada, path, **typed).status_code == 422, typed
    assert kept(app, stage.engagements["completion_requested"])[0].state == "completion_requested"
    assert fill(ada, path, outcome="delete", understood="y", **REASON).status_code == 303
    row, events = kept(app, stage.engagements["completion_requested"])
    assert (row.state, events[-1]) == ("deleted", "completion_rejected")
    assert "Archive, completion_requested" in ada.get(f"/products/{stage.product.id}/past-engagements").text


def test_declining_keeps_it_active(app, stage, as_):
    path = f"{stage.path('completion_requested')}/reject-completion"
    assert fill(as_("ada"), path, outcome="keep-active", **REASON).status_code == 303
    row, events = kept(app, stage.engagements["completion_requested"])
    assert (row.state, events[-1]) == ("active", "completion_declined")


def test_two_tabs_approving_make_one_event_and_the_second_sees_who_was_faster(app, stage, as_):
    path = f"{stage.path('pending')}/approve"
    ada, abe = as_("ada"), as_("abe")
    first, second = (hidden_fields(browser.get(path).text, path) for browser in (ada, abe))
    assert ada.post(path, data=first).status_code == 303
    answer = abe.post(path, data=second)
    assert answer.status_code == 409
    page = Page(answer)
    page.check()
    assert "This engagement was already approved" in page.text and "Ada Marsh, Northbridge" in page.text
    assert page.soup.select_one(".heading .tag").text.strip() == "Active"
    assert kept(app, stage.engagements["pending"])[1].count("request_approved") == 1


def test_a_lost_race_in_a_dialog_gets_the_fresh_panel(stage, as_):
    path = f"{stage.path('pending')}/reject"
    ada, abe = as_("ada"), as_("abe")
    stale = hidden_fields(abe.get(path).text, path)
    fill(ada, f"{stage.path('pending')}/approve")
    answer = abe.post(path, data={**stale, **REASON}, headers=HTMX)
    assert answer.status_code == 409
    assert (answer.headers["HX-Retarget"], answer.headers["HX-Push-Url"]) == ("#content", stage.path("pending"))
    assert "dialog-close" in answer.headers["HX-Trigger"]
    assert "already approved" in Page(answer).soup.select_one("#content #faster").text


def test_the_same_form_twice_decides_once(app, stage, as_):
    path = f"{stage.path('pending')}/approve"
    ada = as_("ada")
    form = hidden_fields(ada.get(path).text, path)
    assert [ada.post(path, data=form).status_code for _ in range(2)] == [303, 303]
    assert kept(app, stage.engagements["pending"])[1].count("request_approved") == 1


def test_a_stale_tab_is_refused_even_where_the_state_would_allow_it(app, stage, as_):
    path = f"{stage.path('active')}/mark-complete"
    ada = as_("ada")
    stale = hidden_fields(ada.get(path).text, path)
    with app.app_context(), acting_for_all("a test's other tab"):
        from app.foundation.database import transaction

        with transaction() as session:
            row = session.scalars(select(Engagement).where(Engagement.id == stage.engagements["active"].id)).one()
            row.version += 1
    assert ada.post(path, data=stale).status_code == 409
    assert kept(app, stage.engagements["active"])[0].state == "active"


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("approve", "active"),
        ("reject", "complete"),
        ("mark-complete", "complete"),
        ("reject-completion", "active"),
        ("mark-complete", "pending"),
    ],
)
def test_what_is_not_offered_in_a_state_is_409(app, stage, as_, verb, state):
    ada = as_("ada")
    path = f"{stage.path(state)}/{verb}"
    assert ada.get(path).status_code == 409
    form = hidden_fields(ada.get("/account").text, "/account")
    answer = ada.post(
        path,
        data={
            **form,
            **REASON,
            "outcome": "delete",
            "understood": "y",
            "submission_key": "k" * 32,
            "rendered_for": f"{stage.product.partner_id}:partner",
            "version": "",
        },
    )
    assert answer.status_code == 409
    Page(answer).check()
    assert kept(app, stage.engagements[state])[0].state == state


@pytest.mark.parametrize(("verb", "state"), DECISIONS.items())
def test_who_may_decide(app, stage, as_, verb, state):
    path = f"{stage.path(state)}/{verb}"
    form = hidden_fields(as_("ada").get(path).text, path)
    for who, status in {"ben": 403, "olga": 403, "dot": 403, "cy": 404}.items():
        browser = as_(who)
        token = hidden_fields(browser.get("/account").text, "/account")["csrf_token"]
        for headers in (None, HTMX):
            assert browser.get(path, headers=headers).status_code == status, who
            assert (
                browser.post(path, data={**form, **REASON, "csrf_token": token}, headers=headers).status_code == status
            ), who
    nobody = as_("nobody")
    assert nobody.get(path).status_code == 302
    assert nobody.post(path, data=REASON).status_code in (302, 303, 400, 401)
    assert kept(app, stage.engagements[state])[0].state == state


def test_a_form_of_another_organisation_is_refused(app, stage, people, as_):
    path = f"{stage.path('pending')}/approve"
    ada = as_("ada")
    form = hidden_fields(ada.get(path).text, path)
    assert ada.post(path, data={**form, "rendered_for": f"{people.contrail.id}:partner"}).status_code == 409
    assert kept(app, stage.engagements["pending"])[0].state == "pending"
