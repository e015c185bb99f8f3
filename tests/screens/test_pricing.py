"""Pricing as a Product Editor writes it: plans, metrics, price tables band by band, the preview, price changes."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from app.catalog import reviews, states
from app.catalog.model import Product
from app.foundation.tenancy import viewing
from tests.makers import as_operator, make_programme
from tests.makers.listing import as_it_stands, make_listing, open_review
from tests.page import Fragment, Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX

METRIC: dict[str, Any] = {
    "kind": "Unit", "name": "Servers", "unit": "servers", "unit_one": "server", "step": "1", "month_limit": "", "model": "graduated", "charge_unit": "1",
    "bands": "2", "up_to_1": "1000", "price_1": "1", "up_to_2": "", "price_2": "0.90", "sample": "1200",
}  # fmt: skip


@pytest.fixture
def draft(app: Any, people: Any) -> Product:
    with app.app_context():
        return make_listing(people.northbridge)


def stands(app: Any, product: Product) -> Product:
    with app.app_context():
        return as_it_stands(product)


def plan_path(product: Product, rest: str = "") -> str:
    return f"/products/{product.id}/pricing/plans/{product.plans[0].id}{rest}"


def test_a_plan_and_a_metric_are_added(app, draft, as_):
    ada, pricing = as_("ada"), f"/products/{draft.id}/pricing"
    new = f"{pricing}/plans/new"
    Page(ada.get(new)).check()
    answer = fill(ada, new, name="Around the clock", code="24x7", description="")
    metrics = answer.headers["Location"]
    assert answer.status_code == 303 and metrics.endswith("/metrics/new")
    Page(ada.get(metrics)).check()
    assert fill(ada, metrics, **METRIC).status_code == 303
    page = Page(ada.get(pricing))
    page.check()
    assert "USD 1.00 per server to 1,000 servers a month, then USD 0.90" in page.text
    plan = stands(app, draft).plans[1]
    assert plan.metrics[0].code == "servers" and plan.price_versions[0].prices[0].bands == [
        {"up_to": "1000", "price": "1"}, {"up_to": None, "price": "0.9"},
    ]  # fmt: skip
    assert fill(ada, f"{pricing}/plans/{plan.id}/metrics/{plan.metrics[0].id}/remove").status_code == 303
    assert fill(ada, f"{pricing}/plans/{plan.id}/remove").status_code == 303
    assert len(stands(app, draft).plans) == 1


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"up_to_1": "", "up_to_2": "2000"}, "up_to_1", "Band 1: only the last band"),
        ({"up_to_2": "900"}, "up_to_2", "Band 2: write up to where it reaches"),
        ({"month_limit": "5000", "up_to_2": "2000"}, "up_to_2", "Band 2: it ends at 2,000"),
        ({"model": "per_unit"}, "model", "one band"),
        ({"model": "block"}, "model", "charge models of this programme"),
        ({"price_2": "-1"}, "price_2", ""),
        ({"price_2": "1e400"}, "price_2", "plain number"),
        ({"price_2": "NaN"}, "price_2", "plain number"),
        ({"price_2": "9" * 40}, "price_2", "too large"),
        ({"price_2": "\uff11"}, "price_2", "plain number"),
        ({"price_2": "0.1234567"}, "price_2", "6 decimals"),
        ({"price_2": "\0"}, "price_2", "plain number"),
        ({"price_2": "x" * 1_000_000}, "price_2", "plain number"),
        ({"price_1": ""}, "price_1", "missing"),
        ({"up_to_1": "0"}, "up_to_1", "more than zero"),
        ({"charge_unit": "0"}, "charge_unit", "more than zero"),
        ({"step": "0.3", "month_limit": "1"}, "month_limit", "whole number of steps"),
        ({"kind": "Days"}, "kind", "Hours, Implementation or Unit"),
        ({"name": "Hours"}, "name", "called that already"),
        ({"unit": ""}, "unit", "missing"),
    ],
)
def test_a_bad_metric_names_the_band_and_the_field(app, draft, as_, typed, field, words):
    path = plan_path(draft, "/metrics/new")
    answer = fill(as_("ada"), path, **METRIC | typed)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422, typed
    error = page.soup.select_one(f"#{field}-error")
    assert error and words in error.text
    assert len(stands(app, draft).plans[0].metrics) == 1


@pytest.mark.parametrize("bands", ["", "0", "-1", "999", "x", "1e9", "\uff12"])
def test_a_hostile_number_of_bands_is_a_number_of_bands(draft, as_, bands):
    answer = fill(as_("ada"), plan_path(draft, "/metrics/new"), **METRIC | {"bands": bands})
    assert answer.status_code in (303, 422)


def test_bands_come_and_go_without_script_and_nothing_is_lost(draft, as_):
    ada, path = as_("ada"), plan_path(draft, "/metrics/new")
    more = Page(fill(ada, path, **METRIC | {"add_band": "1"}))
    more.check()
    form = more.form(path)
    assert (form["bands"], form["up_to_1"], form["price_2"], form["price_3"]) == ("3", "1000", "0.90", "")
    assert not more.soup.select(".error")
    less = Page(fill(ada, path, **METRIC | {"remove_band": "1"})).form(path)
    assert (less["bands"], less["up_to_1"], less["price_1"]) == ("1", "", "0.90") and "price_2" not in less
    graduated = Page(fill(ada, path, **METRIC | {"model": "per_unit", "bands": "1", "add_band": "1"}))
    assert graduated.form(path)["model"] == "graduated"


def test_the_preview_without_script_and_with(draft, as_):
    ada, path = as_("ada"), plan_path(draft, "/metrics/new")
    page = Page(fill(ada, path, **METRIC | {"preview": "1"}))
    page.check()
    assert "A month of 1,200.00 servers costs" in page.text and "1,180.00" in page.text and "View as table" in page.text
    assert page.soup.select_one('svg[role="img"]')["aria-label"].endswith("1,200.00 servers cost USD\u00a01,180.00")
    sent = hidden_fields(ada.get(path).text, path) | METRIC
    part = Fragment(ada.post(path, data=sent | {"preview": "1", "model": "simple"}, headers=HTMX))
    part.check()
    assert "1,080.00" in part.text and "<html" not in part.html
    wrong = ada.post(path, data=sent | {"preview": "1", "up_to_2": "10"}, headers=HTMX)
    assert wrong.status_code == 422 and "Band 2" in wrong.text


def test_block_is_offered_where_the_programme_allows_it(app, people, as_):
    with app.app_context():
        allowing = make_programme("With blocks", allows_block=True, remuneration="net_plus_mark_up")
        product = make_listing(people.northbridge, programme=allowing)
    ada, path = as_("ada"), plan_path(product, "/metrics/new")
    page = Page(ada.get(path))
    assert page.soup.select_one('input[name="model"][value="block"]') and "clients are charged 80 % more" in page.text
    assert fill(ada, path, **METRIC | {"model": "block"}).status_code == 303


def test_a_price_change_from_approved_to_sent(app, people, as_):
    with time_machine.travel(datetime(2027, 3, 10, 9, tzinfo=UTC), tick=False):
        with app.app_context():
            product = make_listing(people.northbridge, states.PUBLISHED)
        ada, pricing = as_("ada"), f"/products/{product.id}/pricing"
        asked = Page(ada.get(plan_path(product, "/change-prices")))
        asked.check()
        assert "it counts from May 2027 at the earliest" in asked.text
        assert fill(ada, plan_path(product, "/change-prices")).status_code == 303
        metric = plan_path(product, f"/metrics/{product.plans[0].metrics[0].id}")
        form = Page(ada.get(metric))
        form.check()
        assert form.form(metric)["price_1"] == "150" and "kind" not in form.form(metric)
        prices: dict[str, Any] = {
            "model": "per_unit",
            "charge_unit": "1",
            "bands": "1",
            "up_to_1": "",
            "price_1": "175",
        }
        assert fill(ada, metric, **prices).status_code == 303
        page = Page(ada.get(pricing))
        page.check()
        assert "Version 2" in page.text and "USD 175.00 per h" in page.text and "USD 150.00 per h" in page.text
        ask = Page(ada.get(plan_path(product, "/request")))
        ask.check()
        assert "1 Apr 2027" in ask.text and "May 2027" in ask.text
        early = fill(ada, plan_path(product, "/request"), effective_from="2027-04")
        assert early.status_code == 422 and "counts from May 2027" in early.text
        assert fill(ada, plan_path(product, "/request"), effective_from="2027-05").status_code == 303
        with app.app_context():
            olga = as_operator()
            with viewing(olga):
                reviews.approve(open_review(product).id, by=olga)
        page = Page(ada.get(pricing))
        page.check()
        assert "Coming" in page.text and "in force from May 2027" in page.text
        service = Page(as_("dot").get("/catalog/log-watch"))
        service.check()
        assert "Plan Standard from May 2027 on" in service.text and "175.0000" in service.text


def test_approved_prices_have_no_form(app, people, as_):
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLISHED)
    ada = as_("ada")
    metric = plan_path(product, f"/metrics/{product.plans[0].metrics[0].id}")
    for path in (metric, plan_path(product, "/request")):
        assert ada.get(path).status_code == 303
    page = Page(ada.get(f"/products/{product.id}/pricing"))
    page.check()
    assert "Change prices" in page.text and "Edit" not in page.soup.select_one("table.prices").text
    hidden = hidden_fields(
        ada.get(f"/products/{product.id}/pricing/plans/new").text, f"/products/{product.id}/pricing/plans/new"
    )
    answer = ada.post(metric, data=hidden | {"model": "per_unit", "charge_unit": "1", "bands": "1", "price_1": "1"})
    assert answer.status_code in (409, 422)
    assert stands(app, product).plans[0].price_versions[0].prices[0].bands[0]["price"] == "150"


def test_a_metric_joins_an_approved_plan(app, people, as_):
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLISHED)
    ada, pricing = as_("ada"), f"/products/{product.id}/pricing"
    new = plan_path(product, "/metrics/new")
    page = Page(ada.get(pricing))
    assert page.soup.select_one(f"a[href='{new}']")
    form = Page(ada.get(new))
    form.check()
    assert "It joins price version 2 of the plan" in form.text
    refused = Page(fill(ada, new, **{**METRIC, "name": "hours"}))
    refused.check()
    assert "called that already" in refused.text and len(stands(app, product).plans[0].price_versions) == 1
    assert fill(ada, new, **METRIC).status_code == 303
    page = Page(ada.get(pricing))
    page.check()
    tables = page.soup.select("table.prices")
    assert "Servers" not in tables[0].text and "Servers" in tables[1].text and "new in this version" in tables[1].text
    (joined,) = [metric for metric in stands(app, product).plans[0].metrics if metric.name == "Servers"]
    own, old = (
        plan_path(product, f"/metrics/{joined.id}"),
        plan_path(product, f"/metrics/{product.plans[0].metrics[0].id}"),
    )
    assert page.soup.select_one(f"a[href='{own}/remove']") and not page.soup.select_one(f"a[href='{old}/remove']")
    whole, prices = Page(ada.get(own)), Page(ada.get(old))
    whole.check()
    assert whole.form(own)["name"] == "Servers" and "name" not in prices.form(old)
    assert fill(ada, own, **{**METRIC, "name": "Hosts", "unit": "hosts"}).status_code == 303
    ask = Page(ada.get(plan_path(product, "/request")))
    ask.check()
    assert (
        fill(
            ada,
            plan_path(product, "/request"),
            effective_from=ask.soup.select_one("input[name=effective_from]")["value"],
        ).status_code
        == 303
    )
    olga = as_("olga")
    with app.app_context():
        review = open_review(product).id
    shown = Page(olga.get(f"/reviews/pricing/{review}"))
    shown.check()
    assert "New in this plan:" in shown.text and "Hosts" in shown.text and "Approved before:" in shown.text
    assert ada.get(new).status_code == 303, "while it is reviewed nothing joins"
    for person, status in {"ben": 403, "cy": 404, "nobody": 302}.items():
        assert as_(person).get(new).status_code == status
    with app.app_context(), viewing(as_operator()) as olga:
        reviews.approve(review, by=olga)
    Page(ada.get(pricing)).check()
    assert [metric.approved for metric in stands(app, product).plans[0].metrics] == [True, True]
