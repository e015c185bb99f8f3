"""Programmes: their rules in words, and the form that changes some of them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from app.catalog.model import Programme
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.members.roles import OPERATOR_RATER
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX

AT = datetime(2026, 11, 1, 20, tzinfo=UTC)
RULES: dict[str, Any] = {
    "cut_off": "roll-forward",
    "completion_outcome": "keep-active",
    "review_threshold": "2500.50",
    "viewing_takes_all_three": "y",
}


@pytest.fixture
def programme(app, people):
    with app.app_context():
        make_programme(
            "Marketplace",
            cut_off="roll-forward",
            remuneration="net_plus_mark_up",
            remuneration_percent=Decimal("12.5"),
            tax_percent=Decimal(19),
        )
        found = make_programme("Professional services", review_threshold_minor=100_000)
        db.session.remove()
    with time_machine.travel(AT, tick=False):
        yield found


def kept(app, programme):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(select(Programme).where(Programme.id == programme.id)).one()


def test_every_programme_in_words(programme, as_):
    page = Page(as_("olga").get("/programmes"))
    page.check()
    assert "closes 3 Nov 2026 00:00 UTC, in 1 d 4 h" in page.text and "closes 30 Nov 2026 21:45 UTC" in page.text
    assert (
        "80 % of it" in page.text and "12.5 % more" in page.text and "19 %" in page.text and "USD 1,000.00" in page.text
    )
    assert "Delete the engagement" in page.text and "America/Chicago" in page.text


def test_one_programme(programme, as_):
    page = Page(as_("olga").get(f"/programmes/{programme.id}"))
    page.check()
    assert (
        "in 1 d 4 h" in page.text
        and "takes Partner Pricing Viewer" in page.text
        and "No rule has been changed yet" in page.text
    )
    assert page.soup.select_one(".page-actions a")["href"] == f"/programmes/{programme.id}/edit"


def test_change_the_rules(app, programme, as_):
    olga, path = as_("olga"), f"/programmes/{programme.id}/edit"
    form = Page(olga.get(path))
    form.check()
    assert form.form(path)["review_threshold"] == "1000.00" and form.form(path)["cut_off"] == "reject-after-grace"
    Fragment(olga.get(path, headers=HTMX)).check()
    assert fill(olga, path, **RULES).status_code == 303
    row = kept(app, programme)
    assert (row.cut_off, row.completion_outcome, row.review_threshold_minor, row.viewing_takes_all_three) == (
        "roll-forward",
        "keep-active",
        250_050,
        True,
    )
    page = Page(olga.get(f"/programmes/{programme.id}"))
    page.check()
    assert "Review threshold changed from USD 1,000.00 to USD 2,500.50" in page.text
    assert "Cut-off policy changed from Reject after grace to Roll forward" in page.text
    assert "Viewing takes all three roles changed from no to yes" in page.text and "Olga Reyes, Operator" in page.text


def test_a_policy_that_is_fixed_is_told_not_offered(app, programme, people, as_):
    with app.app_context():
        make_entry(make_engagement(make_product(programme, people.northbridge)))
        db.session.remove()
    olga, path = as_("olga"), f"/programmes/{programme.id}/edit"
    page = Page(olga.get(path))
    page.check()
    assert "Fixed since something was billed" in page.text and not page.soup.select("input[name=cut_off]")
    kept_rules = {name: value for name, value in RULES.items() if name != "cut_off"}
    assert fill(olga, path, **kept_rules).status_code == 303
    row = kept(app, programme)
    assert (row.cut_off, row.review_threshold_minor) == ("reject-after-grace", 250_050)
    answer = fill(olga, path, **RULES)  # opened before the first entry
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and "stand in its book" in page.soup.select_one("#cut_off-error").text
    assert kept(app, programme).version == row.version


def test_an_empty_threshold_is_none_and_zero_is_zero(app, programme, as_):
    olga, path = as_("olga"), f"/programmes/{programme.id}/edit"
    rules: dict[str, Any] = {"cut_off": "reject-after-grace", "completion_outcome": "delete"}
    assert (
        fill(olga, path, **rules, review_threshold="").status_code == 303
        and kept(app, programme).review_threshold_minor is None
    )
    assert (
        fill(olga, path, **rules, review_threshold="0").status_code == 303
        and kept(app, programme).review_threshold_minor == 0
    )
    assert kept(app, programme).viewing_takes_all_three is False


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"review_threshold": "1e400"}, "review_threshold"),
        ({"review_threshold": "-1"}, "review_threshold"),
        ({"review_threshold": "NaN"}, "review_threshold"),
        ({"review_threshold": "1,000.00"}, "review_threshold"),
        ({"review_threshold": "10.005"}, "review_threshold"),
        ({"review_threshold": "9" * 40}, "review_threshold"),
        ({"review_threshold": "\uff11\uff10"}, "review_threshold"),
        ({"review_threshold": "\N{PILE OF POO}"}, "review_threshold"),
        ({"cut_off": "whenever"}, "cut_off"),
        ({"cut_off": ""}, "cut_off"),
        ({"completion_outcome": "explode"}, "completion_outcome"),
    ],
)
def test_bad_rules_are_refused_on_their_field(app, programme, as_, typed, field):
    answer = fill(as_("olga"), f"/programmes/{programme.id}/edit", **{**RULES, **typed})
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error")
    if field == "review_threshold":
        assert page.soup.select_one("input[name=review_threshold]")["value"] == typed[field]
    assert kept(app, programme).version == 1


def test_a_stale_form_is_answered_with_what_is_in_force_and_can_be_sent_again(app, programme, as_):
    path = f"/programmes/{programme.id}/edit"
    otto = as_("otto")
    stale = hidden_fields(otto.get(path).text, path)
    assert fill(as_("olga"), path, **{**RULES, "review_threshold": "77"}).status_code == 303
    answer = otto.post(path, data={**stale, **RULES, "review_threshold": "88"})
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "Somebody changed these rules" in page.text and "USD 77.00" in page.text
    assert page.soup.select_one("input[name=review_threshold]")["value"] == "88"
    assert kept(app, programme).review_threshold_minor == 7_700
    assert otto.post(path, data={**page.form(path), "review_threshold": "88"}).status_code == 303
    assert kept(app, programme).review_threshold_minor == 8_800


NEW: dict[str, Any] = {
    "name": "Managed services",
    "cut_off": "roll-forward",
    "currency": "JPY",
    "remuneration": "net_plus_mark_up",
    "remuneration_percent": "12.5",
    "tax_percent": "10",
    "completion_outcome": "keep-active",
    "review_threshold": "250000",
    "allows_block": "y",
}


def test_create_a_programme(app, programme, as_):
    olga, path = as_("olga"), "/programmes/new"
    form = Page(olga.get(path))
    form.check()
    offered = form.form(path)
    assert (offered["currency"], offered["remuneration"], offered["remuneration_percent"]) == (
        "USD",
        "revenue_share",
        "80",
    )
    Fragment(olga.get(path, headers=HTMX)).check()
    body = {**hidden_fields(form.html, path), **NEW}
    first, again = olga.post(path, data=body), olga.post(path, data=body)
    assert first.status_code == 303 and again.headers["Location"] == first.headers["Location"]
    page = Page(olga.get(first.headers["Location"]))
    page.check()
    assert "Managed services" in page.text and "JPY 250,000" in page.text and "12.5 % more" in page.text
    assert "Set up as Managed services, in JPY" in page.text and "available for new plans" in page.text
    taken = fill(olga, path, **NEW)
    assert taken.status_code == 422 and "There is a programme of this name already" in taken.text
    assert Page(taken).form(path)["remuneration_percent"] == "12.5"


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 1_000_000}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"currency": "DEM"}, "currency"),
        ({"currency": "\N{PILE OF POO}"}, "currency"),
        ({"remuneration": ""}, "remuneration"),
        ({"remuneration_percent": "1e400"}, "remuneration_percent"),
        ({"remuneration_percent": "-1"}, "remuneration_percent"),
        ({"remuneration_percent": "5000"}, "remuneration_percent"),
        ({"remuneration_percent": "１２"}, "remuneration_percent"),
        ({"remuneration": "revenue_share", "remuneration_percent": "101"}, "remuneration_percent"),
        ({"tax_percent": "NaN"}, "tax_percent"),
        ({"tax_percent": ""}, "tax_percent"),
        ({"review_threshold": "0.5"}, "review_threshold"),  # a yen has no parts
        ({"cut_off": "whenever"}, "cut_off"),
        ({"completion_outcome": "explode"}, "completion_outcome"),
    ],
)
def test_bad_terms_are_refused_on_their_field(app, programme, as_, typed, field):
    answer = fill(as_("olga"), "/programmes/new", **{**NEW, **typed})
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error"), page.text
    assert "Managed services" not in as_("olga").get("/programmes").text


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_list_as_a_file(programme, as_, kind):
    answer = as_("olga").get(f"/programmes.{kind}")
    assert answer.status_code == 200 and f".{kind}" in answer.headers["Content-Disposition"]
    if kind == "csv":
        assert (
            "Professional services,Reject after grace,Delete the engagement,1000.00,USD,Revenue share,80.00"
            in answer.text
        )
        assert "Marketplace,Roll forward" in answer.text and "Net plus mark-up,12.50,19.00" in answer.text


def test_block_tariffs_may_be_allowed_later(app, programme, as_):
    path = f"/programmes/{programme.id}/edit"
    assert fill(as_("olga"), path, **RULES, allows_block="y").status_code == 303
    assert kept(app, programme).allows_block
    assert (
        "Block tariffs for new plans changed from no to yes"
        in Page(as_("olga").get(f"/programmes/{programme.id}")).text
    )


def test_who_gets_in(app, programme, people, as_):
    here = f"/programmes/{programme.id}"
    for path in ("/programmes", "/programmes.csv", "/programmes/new", here, f"{here}/edit"):
        assert as_("otto").get(path).status_code == 200
        for other in ("ada", "dot"):
            assert as_(other).get(path).status_code == 403
        assert as_("nobody").get(path).status_code == 302
    assert as_("olga").get(f"/programmes/{people.acme.id}").status_code == 404
    with app.app_context(), acting_for_all("a test takes a role away"), transaction() as session:
        people.memberships["otto"].roles = [OPERATOR_RATER]
        session.merge(people.memberships["otto"])
    otto = as_("otto")
    assert otto.get("/programmes/new").status_code == 403 and "/programmes/new" not in otto.get("/programmes").text
    assert otto.get(f"{here}/edit").status_code == 403 and not Page(otto.get(here)).soup.select(".page-actions a")
