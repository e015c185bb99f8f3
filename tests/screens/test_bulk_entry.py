"""Bulk entry, the grid: who may, what a row shows and refuses, what stays, and that a second click makes nothing twice."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.engagements import states
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.page import Fragment, Page
from tests.people import People
from tests.screens.billing_stage import add_set_up_metric, at, entries, set_stage, utc
from tests.screens.engagement_stage import HTMX, statements

PATH = "/engagements/bulk-entry"
As = Callable[[str], FlaskClient]


@pytest.fixture(autouse=True)
def on_the_second() -> Any:
    with at():
        yield


@pytest.fixture
def fleet(app: Flask, people: People) -> list[Any]:
    """Twelve active engagements of Acme and Globex on one service at 100.00 an hour, and one that is still pending."""
    with app.app_context():
        product = make_product(
            make_programme(review_threshold_minor=500_000), people.northbridge, bands=[(None, "100")], step="0.25"
        )
        made = [make_engagement(product, (people.acme, people.globex)[n % 2], name=f"Watch {n:02d}") for n in range(12)]
        make_engagement(product, people.acme, name="Not yet", state=states.PENDING)
        db.session.remove()
    return made


def place(engagement: Any) -> str:
    return f"e{engagement.id.hex}"


def sent(client: FlaskClient, do: str, typed: dict[str, Any], page: Page | None = None) -> Any:
    """The grid as the browser would send it, with these things typed."""
    return client.post(PATH, data=grid_of(page or Page(client.get(PATH))) | typed | {"do": do})


def grid_of(page: Page) -> dict[str, Any]:
    form = page.soup.select_one("form#grid")
    body: dict[str, Any] = {"row": [str(one["value"]) for one in form.select("input[name=row]")]}
    for one in form.select("input[name], select[name], textarea[name]"):
        name = str(one["name"])
        if name == "row" or (one.get("type") == "checkbox" and not one.has_attr("checked")):
            continue
        if one.name == "select":
            chosen = one.select_one("option[selected]") or one.select_one("option")
            body[name] = chosen["value"]
        else:
            body[name] = one.text.removeprefix("\n") if one.name == "textarea" else str(one.get("value", ""))
    return body


def test_who_may(app: Flask, people: People, fleet: list[Any], as_: As) -> None:
    page = Page(as_("ada").get(PATH))
    page.check()
    assert len(page.soup.select("tbody tr")) == 12
    assert "Not yet" not in page.text
    for person, status in (("ben", 403), ("dot", 403), ("olga", 403), ("nobody", 302)):
        assert as_(person).get(PATH).status_code == status, person
    assert Page(as_("cy").get(PATH)).soup.select("tbody tr") == []
    token = Page(as_("ben").get("/engagements")).soup.select_one("input[name=csrf_token]")["value"]
    assert as_("ben").post(PATH, data={"csrf_token": token}).status_code == 403


def test_the_lists_lead_to_it_with_their_filters(people: People, fleet: list[Any], as_: As) -> None:
    ada, ben = as_("ada"), as_("ben")
    here = Page(ada.get(f"/engagements?client={people.acme.id}&search=Watch&month=2026-10"))
    link = here.soup.select_one(f'a[href^="{PATH}"]')
    assert str(people.acme.id) in link["href"] and "search=Watch" in link["href"]
    assert len(Page(ada.get(link["href"])).soup.select("tbody tr")) == 6
    product = f"/products/{fleet[0].product_id}/current-engagements"
    assert f"product={fleet[0].product_id}" in str(Page(ada.get(product)).soup.select_one(".page-actions"))
    assert PATH not in ben.get("/engagements").text
    assert PATH not in ada.get("/engagements?status=past").text


def test_preview_then_submit_what_is_ticked(app: Flask, fleet: list[Any], as_: As) -> None:
    ada = as_("ada")
    typed = {f"{place(fleet[n])}-quantity": f"{n + 1}.5" for n in range(3)}
    previewed = Page(sent(ada, "preview", typed))
    previewed.check()
    assert "3 rows are ready, USD 750.00" in previewed.text
    assert "October 2026 then holds 1.50 h, USD 150.00" in previewed.text
    assert all(len(entries(app, e)) == 0 for e in fleet)
    body = grid_of(previewed)
    del body[f"{place(fleet[1])}-pick"]
    answer = ada.post(PATH, data=body | {"do": "submit"})
    result = Page(answer)
    result.check()
    assert answer.status_code == 200
    assert [len(entries(app, e)) for e in fleet[:4]] == [1, 0, 1, 0]
    left = result.soup.select_one(f"#{place(fleet[1])}-quantity")
    assert left["value"] == "2.5", "what was not ticked stays"
    assert not result.soup.select(f"#{place(fleet[0])}"), "what was submitted is gone from the grid"
    assert str(entries(app, fleet[0])[0].number) in result.soup.select_one("#done").text


def test_what_was_not_previewed_is_shown_first_and_the_page_says_so(app: Flask, fleet: list[Any], as_: As) -> None:
    """A browser without script that sends the submit verb at once, as an old page may."""
    ada = as_("ada")
    answer = sent(ada, "submit", {f"{place(fleet[0])}-quantity": "2"})
    page = Page(answer)
    page.check()
    assert answer.status_code == 422 and entries(app, fleet[0]) == []
    assert "look at what the rows come to, then submit" in page.text and "no row is ticked" not in page.text
    assert ada.post(PATH, data=grid_of(page) | {"do": "submit"}).status_code == 200
    assert len(entries(app, fleet[0])) == 1
    nothing_ticked = grid_of(Page(sent(ada, "preview", {f"{place(fleet[1])}-quantity": "2"})))
    del nothing_ticked[f"{place(fleet[1])}-pick"]
    assert "no row is ticked" in Page(ada.post(PATH, data=nothing_ticked | {"do": "submit"})).text


def test_a_double_click_a_reload_and_an_old_page_make_nothing_twice(app: Flask, fleet: list[Any], as_: As) -> None:
    ada, name = as_("ada"), f"{place(fleet[0])}-quantity"
    body = grid_of(Page(sent(ada, "preview", {name: "2"}))) | {"do": "submit"}
    assert ada.post(PATH, data=body).status_code == 200
    again = ada.post(PATH, data=body)
    assert again.status_code == 200
    assert "was submitted already" in Page(again).text
    changed = ada.post(PATH, data=body | {name: "3"})
    assert changed.status_code == 422
    assert "sent before and said something else" in Page(changed).text
    assert len(entries(app, fleet[0])) == 1


def test_bad_rows_stay_as_typed_and_the_others_go_in(app: Flask, fleet: list[Any], as_: As) -> None:
    ada = as_("ada")
    typed = {
        f"{place(fleet[0])}-quantity": "8",
        f"{place(fleet[1])}-quantity": "1,5",
        f"{place(fleet[2])}-quantity": "1.1",
        f"{place(fleet[3])}-notes": "I forgot the hours",
    }
    body = grid_of(Page(sent(ada, "preview", typed))) | {"do": "submit"}
    answer = ada.post(PATH, data=body)
    page = Page(answer)
    page.check()
    assert answer.status_code == 422
    assert len(entries(app, fleet[0])) == 1
    assert "3 rows need correcting before they can be submitted" in page.text
    notice, done = page.soup.select_one(".notice.errors"), page.soup.select_one("#done")
    assert "1 entry is submitted" in notice.text and (notice.sourceline or 0) < (done.sourceline or 0)
    for n, words in ((1, "without a comma"), (2, "steps of 0.25"), (3, "This is missing.")):
        assert words in page.soup.select_one(f"#{place(fleet[n])}-quantity-error").text
    assert page.soup.select_one(f"#{place(fleet[1])}-quantity")["value"] == "1,5"
    assert "I forgot the hours" in page.soup.select_one(f"#{place(fleet[3])}-notes").text
    fixed = ada.post(
        PATH, data=grid_of(page) | {f"{place(fleet[1])}-quantity": "1.5", f"{place(fleet[1])}-asked": "1",
                                    f"{place(fleet[1])}-pick": "y", "do": "submit"}
    )  # fmt: skip
    assert len(entries(app, fleet[1])) == 1, fixed.text


def test_what_looks_like_an_earlier_entry_waits_for_a_tick(app: Flask, fleet: list[Any], as_: As) -> None:
    with app.app_context():
        make_entry(fleet[0], "4")
        make_entry(fleet[1], "4", month=None)
    ada, name = as_("ada"), f"{place(fleet[0])}-quantity"
    body = {name: "4", f"{place(fleet[0])}-month": "2026-11"}
    page = Page(sent(ada, "preview", body))
    number = entries(app, fleet[0])[0].number
    assert f"Looks like {number}" in page.text
    assert not page.soup.select_one(f'input[name="{place(fleet[0])}-pick"]').has_attr("checked")
    plain = ada.post(PATH, data=grid_of(page) | {f"{place(fleet[0])}-pick": "y", "do": "submit"})
    assert plain.status_code == 422 and len(entries(app, fleet[0])) == 1, "a yes is to the entry it looks like"
    assert "no row is ticked" in Page(plain).text
    tick = page.soup.select_one(f'input[name="{place(fleet[0])}-pick"]')["value"]
    assert ada.post(PATH, data=grid_of(page) | {f"{place(fleet[0])}-pick": tick, "do": "submit"}).status_code == 200
    assert len(entries(app, fleet[0])) == 2


def test_a_second_set_up_is_asked_about(app: Flask, people: People, as_: As) -> None:
    stage = set_stage(app, people)
    metric = add_set_up_metric(app, stage)
    with app.app_context():
        make_entry(stage.engagement, "1", metric=metric)
    ada, where = as_("ada"), place(stage.engagement)
    page = Page(sent(ada, "preview", {f"{where}-metric": str(metric.id), f"{where}-quantity": "2"}))
    page.check()
    assert "A set-up was billed as" in page.text


def test_a_row_offers_what_may_be_billed_in_the_plans_order(app: Flask, people: People, as_: As) -> None:
    stage = set_stage(app, people)
    metric = add_set_up_metric(app, stage)
    ada, select = as_("ada"), f"#{place(stage.engagement)}-metric option"

    def offered() -> list[str]:
        return [
            f"{option.text}{'*' if option.has_attr('selected') else ''}"
            for option in Page(ada.get(PATH)).soup.select(select)
        ]

    assert offered() == ["Hours*", "Set-up"]
    with app.app_context(), acting_for_all("a test changes the metric"), transaction() as session:
        session.merge(metric).position = 0
    assert offered() == ["Set-up*", "Hours"]
    with app.app_context(), acting_for_all("a test changes the metric"), transaction() as session:
        session.merge(metric).approved = False
    assert offered() == [], "the only one left is not chosen from"


def test_an_entry_above_the_threshold_says_that_it_waits(fleet: list[Any], as_: As) -> None:
    page = Page(sent(as_("ada"), "preview", {f"{place(fleet[0])}-quantity": "51"}))
    assert "waits for an operator's review" in page.text


def test_typing_asks_for_one_rows_amount(fleet: list[Any], as_: As) -> None:
    ada, where = as_("ada"), place(fleet[0])
    body = {
        "row": [str(e.id) for e in fleet[:3]],
        "only": str(fleet[0].id),
        f"{where}-month": "2026-10",
        f"{where}-quantity": "1.25",
        f"{where}-notes": "",
    }
    answer = ada.post(PATH, data={**body, "csrf_token": _token(ada), "do": "row"}, headers=HTMX)
    fragment = Fragment(answer)
    fragment.check()
    assert "125.00" in fragment.text and len(answer.data) < 1200
    wrong = ada.post(
        PATH, data={**body, f"{where}-quantity": "x", "csrf_token": _token(ada), "do": "row"}, headers=HTMX
    )
    assert "Write a plain number" in Fragment(wrong).text


def _token(client: FlaskClient) -> str:
    return str(Page(client.get(PATH)).soup.select_one("input[name=csrf_token]")["value"])


def test_another_partners_row_is_not_there(app: Flask, people: People, fleet: list[Any], as_: As) -> None:
    cy, where = as_("cy"), place(fleet[0])
    with app.app_context():
        make_engagement(make_product(make_programme("Other"), people.contrail, name="Cloud watch"), people.globex)
    page = Page(cy.get(PATH))
    body = grid_of(page) | {
        "row": [str(fleet[0].id)],
        f"{where}-quantity": "5",
        f"{where}-month": "2026-10",
        "do": "submit",
    }
    answer = cy.post(PATH, data=body)
    assert answer.status_code == 422
    assert "There is no such engagement." in answer.text
    assert "Watch" not in answer.text.replace("Cloud watch", "")
    untouched = body | {f"{where}-quantity": ""}
    for do in ("preview", "submit", "row"):
        assert cy.post(PATH, data=untouched | {"do": do, "only": str(fleet[0].id)}, headers=HTMX).status_code == 422
    assert entries(app, fleet[0]) == []


@pytest.mark.parametrize("quantity", ["1e400", "NaN", "１２", "x" * 100_000, "-5", "99999999999", "\x00", "🙂", "0"])
def test_hostile_cells(app: Flask, fleet: list[Any], as_: As, quantity: str) -> None:
    ada, where = as_("ada"), place(fleet[0])
    answer = sent(ada, "submit", {f"{where}-quantity": quantity, f"{where}-metric": quantity, f"{where}-month": quantity,
                                    f"{where}-notes": quantity, "row": [quantity, str(fleet[0].id)]})  # fmt: skip
    assert answer.status_code == 422
    assert entries(app, fleet[0]) == []


def test_a_month_that_closed_meanwhile_stays_chosen_and_is_refused(app: Flask, fleet: list[Any], as_: As) -> None:
    where = place(fleet[0])
    with at(utc(2026, 11, 2, 20)) as machine:
        ada = as_("ada")
        page = Page(ada.get(PATH))
        machine.move_to(utc(2026, 11, 3))
        shown = Page(sent(ada, "preview", {f"{where}-quantity": "1"}, page))
    assert "October 2026 closed on" in shown.text
    assert shown.soup.select_one(f"#{where}-month option[selected]")["value"] == "2026-10"


def test_a_form_of_another_organisation_is_refused(fleet: list[Any], people: People, as_: As) -> None:
    ada = as_("ada")
    body = grid_of(Page(ada.get(PATH))) | {"rendered_for": f"{people.acme.id}:customer", "do": "submit"}
    assert ada.post(PATH, data=body | {f"{place(fleet[0])}-quantity": "1"}).status_code == 409


def test_forty_rows_cost_few_statements(app: Flask, people: People, as_: As) -> None:
    with app.app_context():
        product = make_product(make_programme(), people.northbridge)
        made = [make_engagement(product, people.acme, name=f"Watch {n}") for n in range(55)]
    ada = as_("ada")
    ada.get(PATH)
    with statements(app) as seen:
        page = Page(ada.get(PATH))
    assert len(page.soup.select("tbody tr")) == 50
    assert len(seen) <= 3, "\n".join(seen)
    typed = {f"{one['id']}-quantity": "2" for one in page.soup.select("#grid tbody tr")[:40]}
    body = grid_of(Page(sent(ada, "preview", typed, page))) | {"do": "submit"}
    with statements(app) as seen:
        answer = ada.post(PATH, data=body)
    assert answer.status_code == 200
    assert len(seen) <= 60, len(seen)
    assert sum(len(entries(app, e)) for e in made) == 40
    following = page.soup.select_one("nav[aria-label] a[href*=after]")
    assert len(Page(ada.get(following["href"])).soup.select("tbody tr")) == 5
