"""Discovery on an account's page: how far it is, Trigger, Stop, the runs there were."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.csp.discovery import states
from tests.databases import Restorer
from tests.makers.csp_runs import Stage, discovery
from tests.page import Page
from tests.people import People, everybody, fill, sign_in

HX = {"HX-Request": "true"}


@pytest.fixture
def people(app: Flask, restore_database: Restorer) -> People:
    return everybody(app, restore_database)


@pytest.fixture
def stage(app: Flask, people: People) -> Iterator[Stage]:
    with app.app_context(), discovery(people.viewer("ada")) as stage:
        yield stage


def client(app: Flask, people: People, who: str | None) -> FlaskClient:
    asking = app.test_client()
    if who:
        sign_in(asking, people.members[who].email)
    return asking


def here(stage: Stage) -> str:
    return f"/csp/accounts/{stage.account_id}/discovery"


@pytest.mark.parametrize(("who", "status"), [("ada", 200), ("ben", 403), ("cy", 404), ("dot", 404), (None, 302)])
@pytest.mark.parametrize("path", ["", "/trigger", ".csv"])
def test_who_sees_it(app: Flask, people: People, stage: Stage, who: str | None, status: int, path: str) -> None:
    answer = client(app, people, who).get(here(stage) + path)
    assert answer.status_code in ({302, 303, 401} if who is None else {403, 404} if who == "dot" else {status})


def test_an_account_without_runs(app: Flask, people: People, stage: Stage) -> None:
    text = page(client(app, people, "ada"), here(stage))
    assert "Not Started" in text
    assert "Discovery Completed" in text, "the key names all five"


def test_trigger_progress_stop(app: Flask, people: People, stage: Stage) -> None:
    ada = client(app, people, "ada")
    assert fill(ada, f"{here(stage)}/trigger").status_code == 303
    text = page(ada, here(stage))
    assert "Discovery run 1, In Progress" in text
    fragment = ada.get(f"{here(stage)}?watched=1", headers=HX)
    assert 'hx-trigger="load delay:2s"' in fragment.get_data(as_text=True)
    assert "<html" not in fragment.get_data(as_text=True)
    again = fill(ada, f"{here(stage)}/trigger")
    assert again.status_code == 303
    assert stage.last().number == 1
    assert fill(ada, f"{here(stage)}/stop").status_code == 303
    assert stage.last().state == states.STOPPED
    ended = ada.get(f"{here(stage)}?watched=1", headers=HX)
    assert ended.headers["HX-Redirect"] == f"/csp/accounts/{stage.account_id}"
    assert "hx-trigger" not in page(ada, here(stage))
    assert ada.get(f"{here(stage)}/stop").status_code == 409


def test_what_a_run_came_to(app: Flask, people: People, stage: Stage) -> None:
    stage.discover()
    ada = client(app, people, "ada")
    text = page(ada, f"/csp/accounts/{stage.account_id}")
    assert "Discovery run 1, Discovery Completed" in text
    assert "was refused by Microsoft; the rest was read" in text
    assert "under 1 s" in text or " s</span>" in text
    assert "Partial: 1 refused; First run" in text
    assert "Discovery Completed" in page(ada, "/csp/accounts") or "Completed" in page(ada, "/csp/accounts")
    assert "Not Started" not in page(ada, "/csp/accounts")
    rows = ada.get(f"{here(stage)}.csv").get_data(as_text=True).splitlines()
    assert rows[0].lstrip("\ufeff").startswith("Run,State,Started (UTC)")
    assert rows[1].startswith("1,Discovery Completed,")
    assert ada.get(f"{here(stage)}.xlsx").status_code == 200


def test_why_there_is_no_run(app: Flask, people: People, stage: Stage) -> None:
    from app.csp.accounts import actions
    from app.foundation.tenancy import viewing

    with viewing(stage.by):
        actions.disable(stage.account_id, by=stage.by)
    ada = client(app, people, "ada")
    assert "The account is disabled" in page(ada, here(stage))
    assert fill(ada, f"{here(stage)}/trigger").status_code == 422


def test_after_login_with_microsoft_it_asks_whether_to_start(app: Flask, people: People, stage: Stage) -> None:
    ada, account = client(app, people, "ada"), f"/csp/accounts/{stage.account_id}"
    text = page(ada, f"{account}?connected=1")
    arrived = Page(ada.get(f"{account}?connected=1"))
    asked = arrived.soup.select_one("#start-discovery")
    assert asked is not None and "Start discovery now?" in asked.text
    assert asked.select_one("button[type=submit]").has_attr("autofocus") and asked.select_one("a")["href"] == account
    assert "Start discovery now?" not in page(ada, account), "only on arrival"
    assert text.count("Trigger Discovery") == 0, "one primary button"
    answer = ada.post(f"{account}/discovery/trigger", data=arrived.form(f"{account}/discovery/trigger"))
    assert answer.status_code == 303
    assert stage.last().number == 1
    assert "Start discovery now?" not in page(ada, f"{account}?connected=1"), "it runs"


def page(asking: Any, path: str) -> str:
    answer = asking.get(path)
    assert answer.status_code == 200
    Page(answer).check()
    return str(answer.get_data(as_text=True))
