"""My products: counts by state, links to Current engagements; nobody else's products."""

import uuid

import pytest

from app.engagements.queries import MOST_WAITING
from tests.makers import make_engagement, make_product
from tests.page import Fragment, Page
from tests.screens.engagement_stage import HTMX, set_stage, statements


def test_products_with_their_counts(app, people, as_):
    stage = set_stage(app, people)
    page = Page(as_("ada").get("/products"))
    page.check()
    row = page.soup.select_one("tbody tr")
    assert row.select_one("a").text == "Data rescue"
    assert [
        row.select_one(f'td[data-label="{state}"]').text for state in ("Pending", "Active", "Completion requested")
    ] == ["1", "2", "1"]
    here = f"/products/{stage.product.id}/current-engagements"
    assert {a["href"] for a in row.select("a")} == {
        f"/products/{stage.product.id}/publish", here, f"{here}?status=pending", f"{here}?status=active", f"{here}?status=completion_requested", f"/products/{stage.product.id}/past-engagements",
    }  # fmt: skip
    assert "Cloud watch" not in page.text


def test_a_count_ends_at_its_bound_and_says_so(app, people, as_):
    product = set_stage(app, people, "pending").product
    with app.app_context():
        for number in range(MOST_WAITING - 1):
            make_engagement(product, people.acme, state="pending", name=f"Archive {number}")
    ada, cell = as_("ada"), 'td[data-label="Pending"]'
    assert Page(ada.get("/products")).soup.select_one(cell).text == "100"
    with app.app_context():
        make_engagement(product, people.acme, state="pending", name="One more")
    assert Page(ada.get("/products")).soup.select_one(cell).text == "100+"


def test_the_list_alone_for_htmx(app, people, as_):
    set_stage(app, people, "pending")
    part = Fragment(as_("ben").get("/products", headers=HTMX))
    part.check()
    assert part.soup.select_one("#results") and not part.soup.select("h1")


def test_a_product_without_engagements_counts_zero(app, people, as_):
    with app.app_context():
        make_product(partner=people.northbridge, name="Not asked for")
    page = Page(as_("ada").get("/products"))
    page.check()
    assert page.soup.select_one('td[data-label="Active"]').text == "0"


def test_without_products_it_says_what_would_be_here(people, as_):
    page = Page(as_("ada").get("/products"))
    page.check()
    assert "Products appear here" in page.text


def test_a_products_first_page_is_its_current_engagements(app, people, as_):
    product = set_stage(app, people, "pending").product
    for who in ("ada", "ben", "olga"):
        answer = as_(who).get(f"/products/{product.id}")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/products/{product.id}/current-engagements")
    assert as_("cy").get(f"/products/{product.id}").status_code == 404
    assert as_("ada").get(f"/products/{uuid.uuid4()}").status_code == 404
    assert as_("dot").get(f"/products/{product.id}").status_code == 403


@pytest.mark.parametrize(("who", "status"), [("nobody", 302), ("dot", 403), ("olga", 403), ("ben", 200)])
def test_who_may_open_it(people, as_, who, status):
    assert as_(who).get("/products").status_code == status


def test_three_statements(app, people, as_):
    set_stage(app, people)
    ada = as_("ada")
    with statements(app) as seen:
        ada.get("/products")
    assert len(seen) <= 3, seen
