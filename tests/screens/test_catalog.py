"""The catalog: what is published, with prices at gross, for customers only."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.text import spell
from tests.makers import make_engagement, make_product, make_programme
from tests.makers.catalog import add_price_version
from tests.page import Fragment, Page
from tests.screens.engagement_stage import HTMX, statements


@pytest.fixture
def products(app, people):
    """Per unit at 150.00; net 80.00 in two tiers with 25 % mark-up; a block; a draft."""
    with app.app_context():
        share = make_programme("Professional services")
        net = make_programme("Marketplace", remuneration="net_plus_mark_up", remuneration_percent=Decimal(25))
        found = {
            "rescue": make_product(share, people.northbridge, name="Data rescue"),
            "watch": make_product(
                net, people.contrail, name="Cloud watch", model="graduated", bands=[("100", "80"), (None, "61.111")]
            ),
            "desk": make_product(
                share, people.northbridge, name="Help desk", model="block", bands=[("10", "500"), ("50", "2000")]
            ),
            "draft": make_product(share, people.northbridge, name="Secret plan", state="draft"),
        }
        db.session.remove()
    return found


def test_published_services_with_their_lowest_price_at_gross(products, as_):
    page = Page(as_("dot").get("/catalog"))
    page.check()
    assert "Data rescue" in page.text and "Cloud watch" in page.text and "Secret plan" not in page.text
    words = page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Hours from USD 150.00 / h" in words  # one price, to the cent
    assert (
        "Hours from USD 76.38875 / h" in words
    )  # the lowest of two tiers, 61.111 and a quarter, with the decimals it needs
    assert "Hours from USD 500.00 for up to 10 h" in words
    assert "80.00" not in page.html


def test_the_form_of_a_request_says_the_same_lowest_price_as_the_tile(products, as_):
    dot = as_("dot")
    tiles = Page(dot.get("/catalog")).soup.select("article.tile")
    for tile in tiles:
        words = tile.select_one(".tile-foot span").text
        form = Page(dot.get(tile.select_one(".tile-foot a")["href"]))
        form.check()
        assert words in form.soup.select_one("fieldset").text
    assert len(tiles) == 3


def test_search_and_category_narrow_it_and_a_fragment_is_the_list(products, as_):
    dot = as_("dot")
    part = Fragment(dot.get("/catalog?search=cloud", headers=HTMX))
    part.check()
    assert "Cloud watch" in part.text and "Data rescue" not in part.text and not part.soup.select("main")
    assert "Data rescue" in dot.get("/catalog?category=Services").text
    nothing = Page(dot.get("/catalog?search=nowhere"))
    nothing.check()
    assert "No service fits" in nothing.text and nothing.soup.select_one(".empty a")["href"] == "/catalog"


def test_an_empty_catalog_says_what_would_appear(people, as_):
    page = Page(as_("dot").get("/catalog"))
    page.check()
    assert "Services appear here" in page.text


def test_the_list_takes_three_statements_of_its_own(app, products, as_):
    dot = as_("dot")
    dot.get("/catalog")
    with statements(app) as asked:
        dot.get("/catalog", headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 3, asked


def test_coming_prices_stand_below_with_their_month(app, people, as_):
    """Gross, approved only, and only what is still to come."""
    with app.app_context():
        net = make_programme("Net", remuneration="net_plus_mark_up", remuneration_percent=Decimal(25))
        product = make_product(net, people.northbridge, name="Night desk", bands=[(None, "100")])
        plan, metric = product.plans[0], product.plans[0].metrics[0]
        this_month = BillingMonth.at(clock.now())
        add_price_version(plan, metric, "per_unit", [(None, "111")], effective_from=this_month.shifted(2))
        engagement = make_engagement(product, people.acme)
        db.session.remove()
    page = Page(as_("dot").get("/catalog/night-desk"))
    page.check()
    words = spell(this_month.shifted(2))
    assert f"Plan Standard from {words} on" in page.text and "138.7500" in page.text and "111" not in page.text
    details = Page(as_("dot").get(f"/my/engagements/{engagement.id}"))
    details.check()
    assert f"The prices of plan Standard change from {words} on" in details.text
    partners = Page(as_("ada").get(f"/engagements/{engagement.id}"))
    partners.check()
    assert f"The prices of plan Standard change from {words} on" in partners.text


def test_a_service_shows_every_tier_at_gross(products, as_):
    page = Page(as_("dot").get("/catalog/cloud-watch"))
    page.check()
    assert [row.get_text(" ", strip=True) for row in page.soup.select("tbody tr:not(.group) td.num")] == [
        "100.0000",
        "76.38875",
    ]
    assert (
        "0 to 100 h" in page.text
        and "over 100 h" in page.text
        and "derived" in page.text
        and "without tax" in page.text
    )
    assert "61.111" not in page.html and "80.00" not in page.html
    block = Page(as_("dot").get("/catalog/help-desk"))
    assert "a month, flat" in block.text and "2,000.0000" in block.text


def test_the_price_is_that_of_the_month(app, people, as_):
    with app.app_context():
        product = make_product(make_programme(), people.northbridge, name="Data rescue")
        add_price_version(
            product.plans[0],
            product.plans[0].metrics[0],
            "per_unit",
            [(None, "175")],
            effective_from=BillingMonth(2027, 1),
        )
        db.session.remove()
    with time_machine.travel(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)):
        assert "150.0000" in as_("dot").get("/catalog/data-rescue").text
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC)):
        dot = as_("dot")
        assert "175.0000" in dot.get("/catalog/data-rescue").text and "175.00 / h" in dot.get("/catalog").text


@pytest.mark.parametrize("path", ["/catalog", "/catalog/data-rescue", "/catalog/data-rescue/request"])
def test_who_gets_in(products, as_, path):
    assert as_("dot").get(path).status_code == 200
    for other in ("ada", "cy", "olga"):
        assert as_(other).get(path).status_code == 403
    answer = as_("nobody").get(path)
    assert answer.status_code == 302 and "/sign-in" in answer.headers["Location"]


@pytest.mark.parametrize("slug", ["secret-plan", "no-such-service", "%00"])
def test_what_is_not_published_is_not_there(products, as_, slug):
    assert as_("dot").get(f"/catalog/{slug}").status_code == 404
