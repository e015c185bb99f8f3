"""Saved views on the screens: every list has them, loaded when asked for; save, open, rename, delete, without script too."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.page import Fragment, Page
from tests.people import People, fill
from tests.screens.engagement_stage import HTMX, Stage, set_stage, statements

As = Callable[[str], FlaskClient]
LISTS = {
    "ada": ("/engagements", "/members", "/notices"),
    "dot": ("/my/engagements", "/my/charges", "/catalog"),
    "olga": (
        "/engagements",
        "/organisations",
        "/months",
        "/operations/outbox",
        "/reviews/rating",
        "/reviews/pricing",
        "/reviews/evidence",
        "/reviews/publication",
    ),
}


@pytest.fixture
def stage(app: Flask, people: People) -> Stage:
    return set_stage(app, people, "active")


def save_link(page: Page) -> str:
    return str(page.soup.select_one('a[href^="/views/new"]')["href"])


def save(client: FlaskClient, list_path: str, name: str) -> str:
    """Through the list's own menu; the address it leads back to."""
    answer = fill(client, save_link(Page(client.get(list_path))), action="/views/new", name=name)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


@pytest.mark.parametrize(("person", "path"), [(who, path) for who, paths in LISTS.items() for path in paths])
def test_every_list_keeps_views_without_any_work(as_: As, stage: Stage, person: str, path: str) -> None:
    client = as_(person)
    page = Page(client.get(path))
    page.check()
    back = save(client, path, "As it is")
    assert back == path
    lines = Fragment(client.get(page.soup.select_one('[hx-get^="/views/menu"]')["hx-get"], headers=HTMX))
    lines.check()
    assert [(a["href"], a.text) for a in lines.soup.select("a")] == [(path, "As it is")]


def test_a_view_keeps_filters_but_not_the_page(as_: As, stage: Stage) -> None:
    ada = as_("ada")
    link = save_link(Page(ada.get("/engagements?status=active&search=Archive")))
    assert (
        save(ada, "/engagements?status=active&search=Archive", "Archives")
        == "/engagements?status=active&search=Archive"
    )
    assert "after" not in link
    menu = Fragment(ada.get("/views/menu?list=/engagements&view=status%3Dactive%26search%3DArchive", headers=HTMX))
    assert menu.soup.select_one("a[aria-current]").text == "Archives"
    assert "Archive, active" in ada.get(menu.soup.select_one("a")["href"]).text


def test_lists_stay_as_cheap_as_they_were(app: Flask, as_: As, stage: Stage) -> None:
    ada = as_("ada")
    save(ada, "/engagements", "Mine")
    with statements(app) as seen:
        ada.get("/engagements")
    assert not [one for one in seen if "saved_view" in one]
    with statements(app) as seen:
        ada.get("/views/menu?list=/engagements", headers=HTMX)
    assert len([one for one in seen if "saved_view" in one]) == 1


def test_rename_and_delete_on_the_page_of_all(as_: As, stage: Stage) -> None:
    ada = as_("ada")
    empty = Page(ada.get("/views"))
    empty.check()
    assert "Your saved views appear here" in empty.text
    save(ada, "/engagements?status=active", "Old name")
    page = Page(ada.get("/views"))
    page.check()
    assert page.soup.select_one("main h2").text == "Engagements"
    rename, delete = (str(a["href"]) for a in page.soup.select("td.num a"))
    assert fill(ada, rename, name="").status_code == 422
    assert fill(ada, rename, name="New name").status_code == 303
    assert "New name" in Page(ada.get("/views")).text
    form = Page(ada.get(delete))
    form.check()
    body = form.form(delete)
    assert ada.post(delete, data=body).status_code == 303
    assert ada.post(delete, data=body).status_code == 303, "a second click finds it done"
    assert "New name" not in Page(ada.get("/views")).text


def test_others_views_are_not_there(as_: As, stage: Stage) -> None:
    ada = as_("ada")
    save(ada, "/engagements", "Mine")
    links = [str(a["href"]) for a in Page(ada.get("/views")).soup.select("td.num a")]
    for other in ("ben", "abe", "cy", "olga"):
        assert "Mine" not in as_(other).get("/views").text
        assert [as_(other).get(link).status_code for link in links] == [404, 404]
    assert as_("nobody").get("/views").status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.example/x",
        "https://evil.example/",
        "/no-such-page",
        "/organisations",
        "/engagements\\x",
        "javascript:x",
    ],
)
def test_a_view_never_leads_elsewhere(as_: As, stage: Stage, path: str) -> None:
    ada = as_("ada")
    assert ada.get("/views/new", query_string={"list": path}).status_code == 302
    page = Page(ada.get("/views/new?list=/engagements"))
    body = page.form("/views/new") | {"name": "Elsewhere", "list": path}
    assert ada.post("/views/new", data=body).status_code == 404
    assert "Elsewhere" not in ada.get("/views").text


def test_a_refused_name_stays_typed(as_: As, stage: Stage) -> None:
    ada = as_("ada")
    save(ada, "/engagements", "Mine")
    answer = fill(ada, "/views/new?list=/engagements", action="/views/new", name="Mine")
    page = Page(answer)
    page.check()
    assert answer.status_code == 422
    assert "view of that name already" in page.text
    assert page.soup.select_one("#name")["value"] == "Mine"


def test_a_double_click_saves_one(as_: As, stage: Stage) -> None:
    ada = as_("ada")
    body = Page(ada.get("/views/new?list=/engagements")).form("/views/new") | {"name": "Mine"}
    assert [ada.post("/views/new", data=body).status_code for _ in range(2)] == [303, 303]
    assert len(re.findall(r">Mine<", ada.get("/views").text)) == 1
