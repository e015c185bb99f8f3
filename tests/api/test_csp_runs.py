"""Discovery by program: trigger it, what the account says of it, stop it."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.csp.discovery import states
from tests.api.conftest import Ask
from tests.makers.csp_runs import Stage, discovery
from tests.people import People


@pytest.fixture
def stage(app: Flask, people: People) -> Iterator[Stage]:
    with app.app_context(), discovery(people.viewer("ada")) as stage:
        yield stage


def test_trigger_and_what_came_of_it(ask: Ask, stage: Stage) -> None:
    account = f"/csp/accounts/{stage.account_id}"
    ada = ask("ada")
    before = ada.get(account).json["last_run"]
    assert (before["state"], before["id"], before["counts"]) == ("not_started", None, None)
    begun = ada.post(f"{account}/discovery", {})
    assert begun.status_code == 202
    assert ada.post(f"{account}/discovery").json == begun.json, "one that is live is answered again"
    live = ada.get(account).json["last_run"]
    assert (live["id"], live["state"]) == (begun.json["id"], "in_progress")
    stage.work()
    ended = ada.get(account).json["last_run"]
    assert (ended["state"], ended["error"], ended["partial"]) == ("completed", None, True)
    assert ended["counts"]["customers"]["done"] == len(stage.world.listed())
    assert ended["counts"]["lines"]["new"] == sum(stage.world.counts().values())
    (refused,) = {(one["subject"], one["status"], one["code"]) for one in ended["refused"]}
    assert refused == (next(one.id for one in stage.world.customers if one.refused), 403, "2032")


def test_every_list_takes_an_account(ask: Ask, stage: Stage) -> None:
    ada, nobodys = ask("ada"), "00000000-0000-4000-8000-000000000000"
    stage.discover()
    for listed in ("accounts", "customers", "subscriptions", "invoices", "statements"):
        assert ada.get(f"/csp/{listed}?account={nobodys}").json["items"] == []
        assert bool(ada.get(f"/csp/{listed}?account={stage.account_id}").json["items"]) == (listed != "statements")


def test_stop(ask: Ask, stage: Stage) -> None:
    path = f"/csp/accounts/{stage.account_id}/discovery"
    ada = ask("ada")
    headers = {"Authorization": f"Bearer {ada.key}"}
    assert ada.client.delete(f"/api/v1{path}", headers=headers).status_code == 409
    begun = ada.post(path, {})
    stopped = ada.client.delete(f"/api/v1{path}", headers=headers)
    assert (stopped.status_code, stopped.json) == (202, begun.json)
    assert stage.last().state == states.STOPPED


@pytest.mark.parametrize(("who", "status"), [("ben", 403), ("cy", 404), ("dot", 403), ("nobody", 401)])
def test_who_may_not(ask: Ask, stage: Stage, who: str, status: int) -> None:
    assert ask(who).post(f"/csp/accounts/{stage.account_id}/discovery", {}).status_code == status
