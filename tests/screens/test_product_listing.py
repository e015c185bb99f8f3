"""Product listing as a Product Editor fills it in: create, catalog entry, parameters, support, and who may not."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.catalog import states
from app.catalog.model import Product
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.makers import make_programme
from tests.makers.listing import as_it_stands, make_listing
from tests.page import Page
from tests.people import fill, hidden_fields
from tests.screens.engagement_stage import HTMX

ENTRY: dict[str, Any] = {
    "name": "Log watch", "summary": "Eyes on your logs.", "category": "Security", "description": "We read them.\n\nYou sleep.",
    "request_email": "requests@northbridge.example",
}  # fmt: skip
HOSTILE = ("\0", "\N{PILE OF POO}" * 3000, "x" * 1_000_000, "\u202e", "1e400")


@pytest.fixture
def draft(app: Any, people: Any) -> Product:
    with app.app_context():
        return make_listing(people.northbridge)


def stands(app: Any, product: Product) -> Product:
    with app.app_context():
        return as_it_stands(product)


@pytest.mark.parametrize("section", ["catalog-entry", "pricing", "support", "publish"])
def test_who_may_open_it(draft, as_, section):
    path = f"/products/{draft.id}/{section}"
    page = Page(as_("ada").get(path))
    page.check()
    assert page.soup.select_one(".tabs a[aria-current]")["href"] == path
    for who, status in (("ben", 403), ("cy", 404), ("dot", 403), ("olga", 403), ("nobody", 302)):
        assert as_(who).get(path).status_code == status
    assert as_("ada").get(f"/products/{UUID(int=7)}/{section}").status_code == 404


def test_a_published_product_of_somebody_else_is_not_there_to_edit(app, people, as_):
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLISHED)
    for section in ("catalog-entry", "pricing", "support", "publish"):
        assert as_("cy").get(f"/products/{product.id}/{section}").status_code == 404


def test_create_a_product(app, people, as_):
    with app.app_context():
        programme = make_programme("Professional services")
        db.session.remove()
    ada = as_("ada")
    form = Page(ada.get("/products/new"))
    form.check()
    assert "Professional services" in form.text and "80 %" in form.text
    answer = fill(ada, "/products/new", name="Log watch", slug="log-watch", programme=str(programme.id))
    assert answer.status_code == 303 and answer.headers["Location"].endswith("/catalog-entry")
    with app.app_context(), acting_for_all("a test looks"):
        product = db.session.scalars(select(Product)).one()
        assert (product.slug, product.state, product.partner_id) == ("log-watch", "draft", people.northbridge.id)
    page = Page(ada.get("/products"))
    page.check()
    assert page.soup.select_one(".page-actions a")["href"] == "/products/new"
    assert page.soup.select_one("td.k-name a")["href"] == f"/products/{product.id}/publish"
    assert not Page(as_("ben").get("/products")).soup.select_one(".page-actions a")


def test_a_form_sent_twice_creates_once(app, people, as_):
    with app.app_context():
        programme = make_programme("Professional services")
        db.session.remove()
    ada = as_("ada")
    typed = hidden_fields(ada.get("/products/new").text, "/products/new") | {
        "name": "Log watch", "slug": "log-watch", "programme": str(programme.id)
    }  # fmt: skip
    first, second = (ada.post("/products/new", data=typed).headers["Location"] for _ in range(2))
    assert first == second and first.endswith("/catalog-entry")
    with app.app_context(), acting_for_all("a test counts"):
        assert len(db.session.scalars(select(Product)).all()) == 1


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"slug": "Log Watch"}, "slug"),
        ({"slug": ".."}, "slug"),
        ({"slug": "taken"}, "slug"),
        ({"name": ""}, "name"),
        ({"programme": ""}, "programme"),
        ({"programme": "not-a-programme"}, "programme"),
        *(({"name": text}, "name") for text in HOSTILE[:4]),
    ],
)
def test_a_bad_product_is_refused_on_its_field(app, people, as_, typed, field):
    with app.app_context():
        product = make_listing(people.contrail, name="Taken")
        programme_id = product.programme_id
    given: dict[str, Any] = {"name": "Log watch", "slug": "log-watch", "programme": str(programme_id), **typed}
    answer = fill(as_("ada"), "/products/new", **given)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error")


def test_what_a_new_product_lacks_is_said_at_once(app, people, as_):
    with app.app_context():
        make_programme("Professional services")
        make_programme("Marketplace services")
        db.session.remove()
    answer = fill(as_("ada"), "/products/new", name="", slug="Not One", programme="")
    page = Page(answer)
    page.check()
    assert answer.status_code == 422
    assert all(page.soup.select_one(f"#{field}-error") for field in ("name", "slug", "programme"))


def test_the_entry_is_written_and_read_again(app, draft, as_):
    ada, path = as_("ada"), f"/products/{draft.id}/catalog-entry"
    answer = fill(ada, path, **ENTRY | {"summary": "Eyes on every log."})
    assert answer.status_code == 303
    assert stands(app, draft).summary == "Eyes on every log."
    form = Page(ada.get(path)).form(path)
    assert form["summary"] == "Eyes on every log." and form["description"] == "We read them.\n\nYou sleep."


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"request_email": "nobody"}, "request_email"),
        ({"request_email": "a@b\nBcc: c@d.example"}, "request_email"),
        ({"summary": "x" * 201}, "summary"),
        ({"category": ""}, "category"),
        *(({"description": text}, "description") for text in (HOSTILE[0], HOSTILE[2], HOSTILE[3])),
    ],
)
def test_a_bad_entry_is_refused_and_nothing_typed_is_lost(app, draft, as_, typed, field):
    path = f"/products/{draft.id}/catalog-entry"
    answer = fill(as_("ada"), path, **ENTRY | {"name": "Typed and kept"} | typed)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error")
    assert page.form(path)["name"] == "Typed and kept"
    assert stands(app, draft).name == "Log watch"


def test_a_stale_tab_is_told_and_keeps_what_was_typed(app, draft, as_):
    ada, path = as_("ada"), f"/products/{draft.id}/catalog-entry"
    old = hidden_fields(ada.get(path).text, path)
    assert fill(as_("abe"), path, **ENTRY | {"summary": "Abe was faster."}).status_code == 303
    answer = ada.post(path, data=old | ENTRY | {"summary": "Ada was slower."})
    page = Page(answer)
    page.check()
    assert answer.status_code == 409 and "Somebody changed this product" in page.text
    again = page.form(path)
    assert again["summary"] == "Ada was slower."
    assert ada.post(path, data=again).status_code == 303  # and it can be sent again
    assert stands(app, draft).summary == "Ada was slower."


def test_parameters_are_added_ordered_shown_and_removed(app, draft, as_):
    ada, here = as_("ada"), f"/products/{draft.id}/catalog-entry"
    new = f"{here}/parameters/new"
    Page(ada.get(new)).check()
    parameters: tuple[dict[str, Any], ...] = (
        {"label": "Region", "kind": "selection", "options": "Prague\nFrankfurt", "required": "y"},
        {"label": "Systems", "kind": "paragraph"},
        {"label": "Keys held by us", "kind": "checkbox"},
    )
    for typed in parameters:
        assert fill(ada, new, **typed).status_code == 303
    page = Page(ada.get(here))
    page.check()
    shown = page.soup.select_one('fieldset[aria-label="The request form, to look at"]')
    assert shown.has_attr("disabled") and [o.text for o in shown.select("select option")] == [
        "Choose",
        "Prague",
        "Frankfurt",
    ]
    last = stands(app, draft).parameters[2]
    move = f"{here}/parameters/{last.id}/move"
    assert fill(ada, here, action=move, direction="up").status_code == 303
    assert [p.label for p in stands(app, draft).parameters] == ["Region", "Keys held by us", "Systems"]
    one = f"{here}/parameters/{last.id}"
    assert Page(ada.get(one)).form(one)["label"] == "Keys held by us"
    assert fill(ada, one, label="Keys", kind="checkbox").status_code == 303
    assert fill(ada, f"{one}/remove").status_code == 303
    assert [p.label for p in stands(app, draft).parameters] == ["Region", "Systems"]
    assert ada.get(one).status_code == 404


def test_bad_parameters_are_refused_on_their_field(draft, as_):
    new = f"/products/{draft.id}/catalog-entry/parameters/new"
    bad: tuple[tuple[dict[str, Any], str], ...] = (
        ({"label": "", "kind": "checkbox"}, "label"),
        ({"label": "Region", "kind": "selection", "options": "one"}, "options"),
        ({"label": "Region", "kind": "json"}, "kind"),
        ({"label": "\0", "kind": "checkbox"}, "label"),
    )
    for typed, field in bad:
        answer = fill(as_("ada"), new, **typed)
        page = Page(answer)
        page.check()
        assert answer.status_code == 422 and page.soup.select_one(f"#{field}-error"), typed


def test_a_required_parameter_reaches_the_request_form(app, people, as_):
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLISHED)
    new = f"/products/{product.id}/catalog-entry/parameters/new"
    fill(as_("ada"), new, label="Region", kind="selection", options="Prague\nFrankfurt", required="y")
    assert stands(app, product).edition == 2
    request = "/catalog/log-watch/request"
    page = Page(as_("dot").get(request))
    page.check()
    assert page.soup.select_one("#parameter-region")
    answer = fill(as_("dot"), request, plan=str(product.plans[0].id), name="Ours", contact_number="+1 555 010 2030")
    assert answer.status_code == 422 and "Region is required" in answer.text


def test_support_is_written_and_read_by_clients(app, people, as_):
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLISHED)
    path = f"/products/{product.id}/support"
    assert fill(as_("ada"), path, support="Around the clock.\nDuty manager: +44 20 7946 0399").status_code == 303
    assert "Duty manager: +44 20 7946 0399" in Page(as_("dot").get("/catalog/log-watch")).text
    assert fill(as_("ada"), path, support=" ").status_code == 422


def test_what_is_being_read_for_publication_is_not_edited(app, people, as_):
    with app.app_context():
        product = make_listing(people.northbridge, states.PUBLICATION_REQUESTED)
    path = f"/products/{product.id}/catalog-entry"
    page = Page(as_("ada").get(path))
    page.check()
    assert "The operator reads this entry" in page.text
    hidden = hidden_fields(as_("ada").get("/products/new").text, "/products/new")
    answer = as_("ada").post(path, data=hidden | ENTRY | {"version": str(product.version)})
    assert answer.status_code == 422 and "until that is decided it stays as it is" in answer.text


def test_decisions_come_as_fragments_too(draft, as_):
    """The dialog that htmx fetches is the same form."""
    answer = as_("ada").get(f"/products/{draft.id}/publish/request-pricing", headers=HTMX)
    assert answer.status_code == 200 and "decision-title" in answer.text and "<html" not in answer.text
