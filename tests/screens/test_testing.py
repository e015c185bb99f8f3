"""Testing: the product's page of end-to-end tests, starting one, and the engagement's own screens for it."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.billing.model import BillingEntry
from app.catalog.entries import add_parameter, create_product
from app.catalog.listing_rules import ParameterDraft
from app.catalog.model import Product
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all, one, viewing
from tests.makers import make_engagement, make_product, make_programme, rate
from tests.makers.listing import as_it_stands, make_listing, open_review
from tests.makers.testing import draft_product, make_test, make_test_entry, put_in
from tests.page import Fragment, Page
from tests.people import People, fill, hidden_fields
from tests.screens.engagement_stage import HTMX, statements


@pytest.fixture
def draft(app: Flask, people: People) -> Product:
    with app.app_context():
        product = draft_product(people.northbridge, make_programme(review_threshold_minor=100_000))
        db.session.remove()
    return product


@pytest.fixture
def drill(app: Flask, people: People, draft: Product) -> Engagement:
    """An active test."""
    with app.app_context():
        drill = make_test(draft, people.viewer("ada"))
        db.session.remove()
    return drill


@pytest.fixture
def entries(app: Flask, people: People, drill: Engagement) -> list[BillingEntry]:
    """2 h rated, 10 h in review, 1 h submitted."""
    with app.app_context():
        found = [make_test_entry(drill, hours, people.viewer("ada")) for hours in ("2", "10", "1")]
        assert [rate(entry) for entry in found[:2]] == ["rated", "in_review"]
        db.session.remove()
    return found


def path(product, more=""):
    return f"/products/{product.id}/testing{more}"


def count(app):
    with app.app_context(), acting_for_all("a test counts"):
        found = db.session.scalar(select(func.count(Engagement.id)))
        db.session.remove()
    return found


def test_the_page_shows_what_is_there_and_what_is_not_yet(draft, as_):
    page = Page(as_("ada").get(path(draft)))
    page.check()
    assert "No test yet" in page.text and page.text.count("Not yet") == 5
    part = Fragment(as_("ada").get(path(draft), headers=HTMX))
    part.check()
    assert not part.soup.select("main")


def test_a_test_is_started_once_and_opens(app, draft, as_):
    ada = as_("ada")
    form = ada.get(path(draft, "/new"))
    page = Page(form)
    page.check()
    plan = page.soup.select_one("input[name=plan]")
    assert plan.has_attr("checked"), "the only plan is chosen already"
    body = {**hidden_fields(form.text, path(draft, "/new")), "plan": plan["value"], "name": "Two tiers"}
    done = ada.post(path(draft, "/new"), data=body)
    assert done.status_code == 303 and done.headers["Location"].startswith("/engagements/")
    again = ada.post(path(draft, "/new"), data=body)
    assert again.headers["Location"] == done.headers["Location"] and count(app) == 1
    opened = Page(ada.get(done.headers["Location"]))
    opened.check()
    assert "TEST-ENG-1001" in opened.text and "Two tiers" in opened.text
    assert opened.soup.select_one("h1 ~ .tag:-soup-contains('Test')")
    assert [link["href"] for link in opened.soup.select(".crumbs a")][-1] == path(draft)
    listed = Page(ada.get(path(draft)))
    listed.check()
    assert "Two tiers" in listed.text and listed.text.count("Not yet") == 4


def test_what_was_entered_wrongly_stays(draft, as_):
    ada = as_("ada")
    wrongly: tuple[tuple[dict[str, Any], str], ...] = (
        ({"name": "", "plan": "x"}, "This is missing."),
        ({"name": "A" * 121, "plan": str(uuid4())}, "121 characters"),
        ({"name": "Kept", "plan": str(uuid4())}, "Choose one of the product"),
    )
    for typed, wrong in wrongly:
        answer = fill(ada, path(draft, "/new"), **typed)
        page = Page(answer)
        page.check()
        assert answer.status_code == 422 and wrong in page.text
        assert page.soup.select_one("input[name=name]")["value"] == typed["name"]


def test_what_tests_have_shown_is_told_to_who_asks_for_publication_and_to_who_decides_it(
    app, people, entries, draft, as_
):
    told = "1 test; 4 of 5 steps proven; billing entries: 1 Submitted, 1 In review, 1 Rated"
    page = Page(as_("ada").get(f"/products/{draft.id}/publish"))
    page.check()
    line = next(line for line in page.soup.select(".checks li") if "End-to-end test" in line.text)
    assert told in line.text and "for information" in line.text and "of 7 done" in page.text
    with app.app_context():
        asked = make_listing(people.northbridge, "publication_requested")
        make_test(as_it_stands(asked), people.viewer("ada"))
        review = open_review(asked)
        db.session.remove()
    decides = Page(as_("olga").get(f"/reviews/publication/{review.id}"))
    decides.check()
    assert "1 test; 2 of 5 steps proven" in decides.text and "Publication does not ask for one" in decides.text


def test_nobody_is_promised_a_mail_to_a_client_of_a_test(app, people, draft, as_):
    with app.app_context():
        test = make_test(draft, people.viewer("ada"), state=states.PENDING)
        db.session.remove()
    ada, here = as_("ada"), f"/engagements/{test.id}"
    seen = [Page(ada.get(f"{here}{more}")) for more in ("", "/approve", "/reject")]
    assert fill(ada, f"{here}/approve").status_code == 303
    seen += [Page(ada.get(f"{here}{more}")) for more in ("", "/mark-complete")]
    assert fill(ada, f"{here}/mark-complete", note="").status_code == 303
    for page in (*seen, Page(ada.get(here))):
        page.check()
        assert "told by e-mail" not in page.text and "The client reads it" not in page.text


def test_without_a_plan_no_test_is_offered_and_the_way_to_one_is(app, people, as_):
    ada = people.viewer("ada")
    with app.app_context(), viewing(ada):
        product = create_product(name="Bare", slug="bare", programme_id=make_programme().id, by=ada)
        db.session.remove()
    page = Page(as_("ada").get(path(product)))
    page.check()
    assert page.soup.select_one(".page-actions button[disabled][aria-describedby=no-plan]")
    assert page.soup.select_one(f'#no-plan a[href="/products/{product.id}/pricing"]')
    assert as_("ada").get(path(product, "/new")).status_code == 303


@pytest.fixture
def asking(app, people, draft):
    """The draft asks for a region, a size and an agreement."""
    ada = people.viewer("ada")
    with app.app_context(), viewing(ada):
        for parameter in (
            ParameterDraft("Region", "selection", ("Prague", "Brno"), True),
            ParameterDraft("Size", "short_text", (), False),
            ParameterDraft("Story", "paragraph", (), False),
            ParameterDraft("Terms read", "checkbox", (), True),
        ):
            add_parameter(draft, version=one(Product, draft.id).version, draft=parameter, by=ada)
        db.session.remove()
    return draft


def test_a_test_asks_what_the_request_form_asks(app, asking, as_):
    ada = as_("ada")
    form = Page(ada.get(path(asking, "/new")))
    form.check()
    assert [option["value"] for option in form.soup.select("select[name=parameter-region] option")] == [
        "",
        "Prague",
        "Brno",
    ]
    assert form.soup.select_one("input[name=parameter-size]")
    assert form.soup.select_one("textarea[name=parameter-story]")
    assert form.soup.select_one("input[type=checkbox][name='parameter-terms-read']")
    whole: dict[str, Any] = {
        "name": "Whole form", "plan": str(asking.plans[0].id), "parameter-region": "Brno", "parameter-size": "2 TB",
        "parameter-story": "Water in the cellar", "parameter-terms-read": "y",
    }  # fmt: skip
    for left_out, wrong in (
        ("parameter-region", "Region is required."),
        ("parameter-terms-read", "Terms read is required."),
    ):
        answer = fill(ada, path(asking, "/new"), **{name: value for name, value in whole.items() if name != left_out})
        page = Page(answer)
        page.check()
        assert answer.status_code == 422 and wrong in page.text and count(app) == 0
        assert page.soup.select_one("textarea[name=parameter-story]").text.strip() == "Water in the cellar"
    foreign = fill(ada, path(asking, "/new"), **{**whole, "parameter-region": "Atlantis"})
    assert foreign.status_code == 422 and "Choose one of the options for Region." in Page(foreign).text
    done = fill(ada, path(asking, "/new"), **whole)
    assert done.status_code == 303
    opened = Page(ada.get(done.headers["Location"]))
    opened.check()
    for words in ("Custom parameters", "Region", "Brno", "2 TB", "Water in the cellar", "Terms read"):
        assert words in opened.text


def test_who_may_test(draft, drill, as_):
    engagement = f"/engagements/{drill.id}"
    expected = {"ada": 200, "abe": 200, "ben": 403, "cy": 404, "dot": 403, "olga": 403, "nobody": 302}
    for person, status in expected.items():
        for address in (path(draft), path(draft, "/new")):
            assert as_(person).get(address).status_code == status, (person, address)
            assert as_(person).get(address, headers=HTMX).status_code == (401 if status == 302 else status)
        if status != 200:
            posted = as_(person).post(path(draft, "/new"), data={"name": "x"})
            assert posted.status_code in (400, 401, 403, 404), person
    for person, status in {"ada": 200, "abe": 200, "ben": 404, "cy": 404, "olga": 200, "nobody": 302}.items():
        assert as_(person).get(engagement).status_code == status, person
        assert as_(person).get(f"{engagement}/history").status_code == status, person
    for person in ("dot", "eve"):
        assert as_(person).get(f"/my/engagements/{drill.id}").status_code == 404


def test_another_partners_published_product_is_not_there_to_be_tested(app, people, as_):
    with app.app_context():
        product = make_product(partner=people.contrail, name="Cloud watch")
        db.session.remove()
    assert as_("ada").get(path(product)).status_code == 404
    assert as_("ada").get(path(product, "/new")).status_code == 404


def test_every_tab_says_that_it_is_a_test(drill, entries, as_):
    here = f"/engagements/{drill.id}"
    rated = entries[0]
    for person in ("ada", "olga"):
        for more in ("", "/history", "/billing-entries", f"/billing-entries/{rated.id}"):
            page = Page(as_(person).get(here + more))
            page.check()
            assert page.soup.select_one("h1 ~ .tag:-soup-contains('Test')"), (person, more)
    entries = Page(as_("ada").get(f"{here}/billing-entries"))
    assert len(entries.soup.select(".k-tag .tag:-soup-contains('Test')")) == 3
    assert (
        "TEST-BE-1001" in entries.text
        and "USD 300.00" in Page(as_("ada").get(f"{here}/billing-entries/{rated.id}")).text
    )
    new = Page(as_("ada").get(f"{here}/billing-entries/new"))
    new.check()
    assert new.soup.select_one("h1 ~ .tag:-soup-contains('Test')")


def test_the_rating_queue_says_that_tests_wait_here_alone(drill, entries, as_):
    olga, said = as_("olga"), "Entries of end-to-end tests wait here alone"
    page = Page(olga.get("/reviews/rating"))
    page.check()
    assert said in page.text and said not in olga.get("/reviews/rating?tests=none").text


def test_the_operators_page_of_an_entry_says_so_and_leads_to_the_engagement(drill, entries, as_):
    page = Page(as_("olga").get(f"/reviews/rating/{entries[1].id}"))
    page.check()
    assert page.soup.select_one("h1 ~ .tag:-soup-contains('Test')")
    link = page.soup.select_one(f"a[href='/engagements/{drill.id}']")["href"]
    opened = Page(as_("olga").get(link))
    assert [crumb["href"] for crumb in opened.soup.select(".crumbs a")] == ["/reviews/rating"]


def test_it_is_taken_along_by_the_engagements_own_screens(app, people, draft, as_):
    with app.app_context():
        drill = make_test(draft, people.viewer("ada"), state=states.PENDING)
        db.session.remove()
    ada, here = as_("ada"), f"/engagements/{drill.id}"
    assert fill(ada, f"{here}/approve").status_code == 303
    form = ada.get(f"{here}/billing-entries/new")
    fields = Page(form).form(f"{here}/billing-entries/new")
    sent = ada.post(f"{here}/billing-entries/new", data={**fields, "quantity": "2.5"})
    assert sent.status_code == 303
    entry = Page(ada.get(f"{here}/billing-entries")).soup.select_one("tbody tr[id]")["id"].removeprefix("entry-")
    asks = ada.get(f"{here}/billing-entries/{entry}/still-submitted", headers=HTMX)
    assert asks.status_code == 200 and "hx-get" in asks.text
    assert fill(ada, f"{here}/billing-entries/{entry}/withdraw").status_code == 303
    assert fill(ada, f"{here}/mark-complete", note="It works.").status_code == 303
    done = Page(ada.get(path(draft)))
    assert done.text.count("Passed") == 4 and "1 Withdrawn" in done.text  # all but Rated
    late = ada.get(f"{here}/billing-entries/new")
    assert late.status_code == 409


def test_the_list_of_tests_tells_where_their_entries_stand(draft, entries, as_):
    page = Page(as_("ada").get(path(draft)))
    page.check()
    assert "1 Submitted" in page.text and "1 In review" in page.text and "1 Rated" in page.text


def test_a_test_leaves_in_no_file(drill, entries, as_):
    here = f"/engagements/{drill.id}/billing-entries"
    for kind in ("csv", "xlsx"):
        assert as_("ada").get(f"{here}.{kind}").status_code == 404
    assert not Page(as_("ada").get(here)).soup.select("a[href*='.csv']")


def test_after_publication_tests_are_read_and_no_more_are_started(app, draft, drill, as_):
    with app.app_context():
        put_in(draft, "published")
        db.session.remove()
    ada = as_("ada")
    page = Page(ada.get(path(draft)))
    page.check()
    assert "The product is published" in page.text and "End to end" in page.text
    assert not page.soup.select(f"a[href='{path(draft, '/new')}']")
    assert ada.get(path(draft, "/new")).status_code == 303
    here = f"/engagements/{drill.id}/billing-entries/new"
    fields = Page(ada.get(here)).form(here)
    late = ada.post(here, data={**fields, "quantity": "1"})
    assert late.status_code == 422 and "before publication" in late.text


def test_a_form_opened_before_publication_is_refused_with_what_was_entered(app, draft, as_):
    ada = as_("ada")
    form = ada.get(path(draft, "/new"))
    with app.app_context():
        put_in(draft, "published")
        db.session.remove()
    plan = Page(form).soup.select_one("input[name=plan]")["value"]
    body = {**hidden_fields(form.text, path(draft, "/new")), "plan": plan, "name": "Too late"}
    late = ada.post(path(draft, "/new"), data=body)
    assert late.status_code == 422 and "before publication" in late.text and "Too late" in late.text
    assert count(app) == 0


def test_my_products_leads_to_testing_before_publication_only(app, people, draft, as_):
    with app.app_context():
        published = make_product(partner=people.northbridge, name="Data rescue")
        db.session.remove()
    page = Page(as_("ada").get("/products"))
    page.check()
    assert page.soup.select(f"a[href='{path(draft)}']") and not page.soup.select(f"a[href='{path(published)}']")
    assert not Page(as_("ben").get("/products")).soup.select(f"a[href='{path(draft)}']")


def test_real_engagements_are_asked_no_more_than_before(app, people, as_):
    """Only what is not there is looked for among tests: a real engagement's page costs what it did."""
    with app.app_context():
        engagement = make_engagement(make_product(partner=people.northbridge), people.acme)
        db.session.remove()
    ada = as_("ada")
    with statements(app) as seen:
        assert ada.get(f"/engagements/{engagement.id}").status_code == 200
    assert sum("is_test" in statement and "FROM engagement JOIN" in statement for statement in seen) == 1


def test_the_page_costs_the_same_however_many_tests(app, people, draft, drill, as_):
    ada = as_("ada")
    with statements(app) as one:
        ada.get(path(draft))
    with app.app_context():
        for number in range(5):
            make_test(draft, people.viewer("ada"), name=f"Another {number}")
        db.session.remove()
    with statements(app) as many:
        ada.get(path(draft))
    assert len(many) == len(one)
