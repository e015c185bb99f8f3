"""CSP customers by API: lists that page, terms as texts, every change once, and never another partner's."""

import uuid

import pytest

from app.csp.customers.model import CspSubscription
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from tests.makers.csp_customers import make_account, make_customer
from tests.screens.csp_stage import set_stage


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def test_customers_as_they_stand(stage, ask):
    answer = ask("ada").get(f"/csp/customers?account={stage.account.id}").json
    assert [one["name"] for one in answer["items"]] == ["Fabrikam", "Tailspin Toys", "Wingtip"]
    whole, bare, gone = answer["items"]
    assert whole["id"] == str(stage.fabrikam.id) and whole["tenant_id"] == stage.fabrikam.tenant_id
    assert (whole["mark_up"], whole["tax_rate"], whole["incomplete"]) == ("18", "20", [])
    assert whole["organisation"]["name"] == "Acme" and whole["managed"] is True
    assert whole["budget"] == {
        "amount": {"amount": "500.00", "currency": "EUR"}, "used_percent": "90", "over": False,
        "trending_over": whole["budget"]["trending_over"],
    }  # fmt: skip
    assert bare["mark_up"] is None and bare["incomplete"] == ["not_linked", "no_mark_up", "none_monitored"]
    assert (gone["relationship"], gone["refusal"]) == ("former", "Microsoft answers 403 (2000): access denied.")
    assert ask("ada").get("/csp/customers?incomplete=no").json["items"][0]["name"] == "Fabrikam"
    assert ask("cy").get(f"/csp/customers?account={stage.account.id}").json["items"] == []
    assert ask("ben").get("/csp/customers").status_code == 403
    assert ask("dot").get("/csp/customers").status_code == 403


def test_the_list_pages(app, people, ask):
    with app.app_context():
        account = make_account(people.northbridge)
        for number in range(7):
            make_customer(account, f"Customer {number}")
        db.session.remove()
    names, cursor = [], ""
    while cursor is not None:
        page = ask("ada").get(f"/csp/customers?limit=3{f'&cursor={cursor}' if cursor else ''}").json
        names += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert names == [f"Customer {number}" for number in range(7)]


@pytest.mark.parametrize(
    "query", ["account=nonsense", "relationship=drop", "incomplete=maybe", "limit=0", "cursor=xx", "no=such"]
)
def test_bad_queries(stage, ask, query):
    assert ask("ada").get(f"/csp/customers?{query}").status_code == 422


def test_subscriptions(app, stage, ask):
    every = ask("ada").get(f"/csp/subscriptions?account={stage.account.id}").json["items"]
    assert len(every) == 3
    mine = ask("ada").get(f"/csp/subscriptions?customer={stage.fabrikam.id}").json["items"]
    assert [one["name"] for one in mine] == ["Azure plan", "Microsoft 365 E3"]
    assert (mine[1]["quantity"], mine[1]["monitored"], mine[0]["status"]) == ("25", True, "suspended")
    assert {one["gone_at"] for one in every} == {None}
    with app.app_context(), transaction(), acting_for_all("a test's Microsoft lists it no more"):
        db.session.get(CspSubscription, uuid.UUID(mine[0]["id"])).gone_at = clock.now()
    left = ask("ada").get(f"/csp/subscriptions?customer={stage.fabrikam.id}").json["items"]
    assert [one["gone_at"] is None for one in left] == [False, True]
    assert ask("cy").get(f"/csp/subscriptions?customer={stage.fabrikam.id}").json["items"] == []


def test_a_mark_up_is_set_once_and_zero_is_not_none(stage, ask):
    path, body = f"/csp/customers/{stage.tailspin.id}", {"percent": "0", "valid_from": "2026-11-01"}
    first = ask("ada").post(f"{path}/mark-up", body, once="m-1")
    assert first.status_code == 200 and first.json["mark_up"] == "0"
    assert "no_mark_up" not in first.json["incomplete"]
    again = ask("ada").post(f"{path}/mark-up", body, once="m-1").json
    assert again["version"] == first.json["version"] and len(again["mark_ups"]) == 1
    assert ask("ada").post(f"{path}/mark-up", {**body, "percent": "1"}, once="m-1").status_code == 409
    removed = ask("ada").post(f"{path}/remove-mark-up", {"valid_from": "2026-11-01"}).json
    assert removed["mark_up"] is None
    assert ask("ada").post(f"{path}/remove-mark-up", {"valid_from": "2026-11-01"}).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"percent": "-1", "valid_from": "2026-11-01"},
        {"percent": "1000", "valid_from": "2026-11-01"},
        {"percent": "1.005", "valid_from": "2026-11-01"},
        {"percent": 5, "valid_from": "2026-11-01"},
        {"percent": "5", "valid_from": "1999-12-31"},
        {"percent": "5", "valid_from": "2026-02-30"},
        {"percent": "5", "valid_from": "20261101"},
        {"percent": "5", "valid_from": "２０２６-11-01"},
        {"percent": "5"},
        {"percent": "5", "valid_from": "2026-11-01", "customer": "x"},
    ],
)
def test_terms_that_make_no_sense(stage, ask, body):
    for rate in ("mark-up", "tax-rate"):
        assert ask("ada").post(f"/csp/customers/{stage.tailspin.id}/{rate}", body).status_code == 422


def test_tax_budget_and_monitoring(people, stage, ask):
    path = f"/csp/customers/{stage.tailspin.id}"
    assert ask("ada").post(f"{path}/tax-rate", {"percent": "7.5", "valid_from": "2026-11-01"}).json["tax_rate"] == "7.5"
    assert ask("ada").post(f"{path}/remove-tax-rate", {"valid_from": "2026-11-01"}).json["tax_rate"] == "20"
    budget = {"amount": "750", "currency": "EUR", "recipients": [str(people.abe.id)]}
    assert ask("ada").post(f"{path}/budget", budget).json["budget"]["amount"]["amount"] == "750.00"
    for wrong in ({"amount": "0"}, {"currency": "XQZ"}, {"currency": ""}, {"recipients": [str(people.eve.id)]}):
        assert ask("ada").post(f"{path}/budget", {**budget, **wrong}).status_code == 422
    assert ask("ada").post(f"{path}/budget", {"amount": None}).json["budget"] is None
    on = ask("ada").post(f"{path}/monitoring", {"monitored": True}).json
    assert "none_monitored" not in on["incomplete"]
    other = {"monitored": False, "subscription_id": str(stage.subscription.id)}
    assert ask("ada").post(f"{path}/monitoring", other).status_code == 404, "another customer's subscription"
    assert ask("cy").post(f"{path}/monitoring", {"monitored": True}).status_code == 404
