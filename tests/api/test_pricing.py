"""Plans, metrics and price tables by API, what they come to, and changes of prices that were approved."""

import pytest
import time_machine

from app.catalog import states
from tests.api.listing_stage import CHANGING, METRIC, PER_HOUR, TIERS, Listed


@pytest.fixture
def draft(app, people):
    return Listed.in_state(app, people, states.DRAFT)


def test_a_price_list_is_written_and_read(ask, draft):
    ada = ask("ada")
    plan = ada.post(draft.path("/plans"), {"name": "Night shift", "code": "night"}).json
    assert (plan["name"], plan["metrics"], plan["is_new"]) == ("Night shift", [], True)
    here = draft.path(f"/plans/{plan['id']}")
    priced = ada.post(f"{here}/metrics", {**METRIC, "month_limit": "5000", "unit_one": "server"})
    assert priced.status_code == 201
    (metric,) = priced.json["metrics"]
    assert (metric["code"], metric["unit"], metric["step"], metric["month_limit"]) == (
        "servers",
        "servers",
        "1",
        "5000",
    )
    assert not metric["approved"] and priced.json["in_force"] is None
    (price,) = priced.json["open"]["prices"]
    assert price == {
        "metric_id": metric["id"],
        "price": {
            "model": "graduated", "currency": "USD", "charge_unit": "1",
            "bands": [{"up_to": "1000", "price": "1"}, {"up_to": None, "price": "0.9"}],
        },
    }  # fmt: skip
    assert priced.json["open"]["status"] == "draft" and priced.json["open"]["effective_from"] is None
    changed = ada.post(f"{here}/metrics/{metric['id']}", {**METRIC, "name": "Hosts", "price": PER_HOUR}).json
    assert changed["metrics"][0]["name"] == "Hosts" and changed["metrics"][0]["month_limit"] is None
    assert (metric["unit_one"], changed["metrics"][0]["unit_one"]) == ("server", "")
    assert changed["open"]["prices"][0]["price"]["bands"] == [{"up_to": None, "price": "175"}]
    assert ada.get(here).json == changed
    whole = ada.get(draft.path("/pricing")).json
    assert [one["code"] for one in whole["plans"]] == ["standard", "night"]
    assert whole["currency"] == "USD" and whole["models"] == ["per_unit", "graduated", "simple"]
    assert whole["version"] == changed["product"]["version"]
    assert ada.post(f"{here}/metrics/{metric['id']}/remove").json["metrics"] == []
    assert [one["code"] for one in ada.post(f"{here}/remove").json["plans"]] == ["standard"]
    assert ada.get(here).status_code == 404


def test_what_is_read_can_be_sent_back(ask, draft):
    """A tariff goes round: as it is given, without its currency, it is taken."""
    given = ask("ada").get(draft.path("/plans/{plan_id}")).json["open"]["prices"][0]["price"]
    given.pop("currency")
    answer = ask("ada").post(draft.path("/pricing/preview"), {"price": given, "quantity": "2"})
    assert answer.json["amount"] == {"amount": "300.00", "currency": "USD"}


WRONG_PRICES = [
    ({"price": {"model": "graduated", "bands": [{"price": "1"}, {"price": "2"}]}}, "price.bands.0.up_to"),
    ({"price": {"model": "graduated", "bands": [{"up_to": "9", "price": "1"}, {"up_to": "9", "price": "2"}]}}, "price.bands.1.up_to"),
    ({"price": {"model": "per_unit", "bands": [{"up_to": "9", "price": "1"}, {"price": "2"}]}}, "price.model"),
    ({"price": {"model": "block", "bands": [{"price": "1"}]}}, "price.model"),
    ({"price": {"model": "per_unit", "charge_unit": "0", "bands": [{"price": "1"}]}}, "price.charge_unit"),
    ({"price": {"model": "per_unit", "bands": [{"price": "0"}]}}, "price.bands.0.price"),
    ({"price": {"model": "per_unit", "bands": [{"price": "1000000000"}]}}, "price.bands.0.price"),
    ({"price": {"model": "per_unit", "bands": [{"price": 1.5}]}}, "price.bands.0.price"),
    ({"price": {"model": "per_unit", "bands": [{"price": "-1"}]}}, "price.bands.0.price"),
    ({"price": {"model": "per_unit", "bands": [{"price": "1e400"}]}}, "price.bands.0.price"),
    ({"price": {"model": "per_unit", "bands": [{"price": "１"}]}}, "price.bands.0.price"),
    ({"price": {"model": "per_unit", "bands": []}}, "price.bands"),
    ({"price": {"model": "graduated", "bands": [{"up_to": str(n), "price": "1"} for n in range(1, 22)]}}, "price.bands"),
    ({"price": {"model": "free", "bands": [{"price": "1"}]}}, "price.model"),
]  # fmt: skip
WRONG_METRICS = [
    *WRONG_PRICES,
    ({"step": "0"}, "step"),
    ({"month_limit": "1.5"}, "month_limit"),
    ({"month_limit": "2000", "price": {"model": "graduated", "bands": [{"up_to": "1000", "price": "1"}]}}, "price.bands.0.up_to"),
    ({"name": "Hours"}, "name"),
    ({"kind": "Days"}, "kind"),
    ({"unit": ""}, "unit"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "field"), WRONG_METRICS)
def test_a_metric_that_cannot_be_priced(app, ask, draft, wrong, field):
    before = draft.events(app)
    answer = ask("ada").post(draft.path("/plans/{plan_id}/metrics"), {**METRIC, **wrong})
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    assert draft.events(app) == before


@pytest.mark.parametrize(
    ("wrong", "field"), [({"code": "Night"}, "code"), ({"code": "standard"}, "code"), ({"name": "Standard"}, "name"), ({"name": "Náčt"}, "name")]
)  # fmt: skip
def test_a_plan_that_cannot_be_added(ask, draft, wrong, field):
    answer = ask("ada").post(draft.path("/plans"), {"name": "Night", "code": "night", **wrong})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_block_only_where_the_programme_allows_it(app, people, ask):
    stage = Listed.in_state(app, people, states.DRAFT, allows_block=True)
    assert ask("ada").get(stage.path("/pricing")).json["models"][-1] == "block"
    blocks = {"model": "block", "bands": [{"up_to": "100", "price": "900"}, {"up_to": "200", "price": "1500"}]}
    assert ask("ada").post(stage.path("/plans/{plan_id}/metrics"), {**METRIC, "price": blocks}).status_code == 201


def test_what_so_many_units_would_cost(ask, draft):
    preview = draft.path("/pricing/preview")
    told = ask("ada").post(preview, {"price": TIERS, "quantity": "1200", "unit": "servers"}).json
    assert told["amount"] == {"amount": "1180.00", "currency": "USD"}
    assert told["tiers"] == [
        {"above": "0", "up_to": "1000", "quantity": "1000", "unit_price": "1", "amount": "1000"},
        {"above": "1000", "up_to": None, "quantity": "200", "unit_price": "0.9", "amount": "180"},
    ]
    simple = {**TIERS, "model": "simple"}
    assert ask("ada").post(preview, {"price": simple, "quantity": "1001"}).json["amount"]["amount"] == "900.90"
    ends = {"model": "graduated", "bands": [{"up_to": "10", "price": "1"}]}
    beyond = ask("ada").post(preview, {"price": ends, "quantity": "11", "unit": "h"})
    assert (beyond.status_code, beyond.json["errors"][0]["field"]) == (422, "quantity")
    assert "10.00 h" in beyond.json["detail"]
    for person, status in (("ben", 403), ("dot", 403), ("cy", 404), ("nobody", 401)):
        assert ask(person).post(preview, {"price": TIERS, "quantity": "1"}).status_code == status


@pytest.mark.parametrize(("wrong", "field"), WRONG_PRICES)
def test_a_preview_says_what_is_wrong_as_saving_would(ask, draft, wrong, field):
    answer = ask("ada").post(draft.path("/pricing/preview"), {"quantity": "1", **wrong})
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_what_a_saved_price_comes_to(app, people, ask, draft):
    cost = draft.path("/plans/{plan_id}/metrics/{metric_id}/cost")
    assert ask("ada").get(cost).json["amount"] == {"amount": "180000.00", "currency": "USD"}
    assert ask("ada").get(f"{cost}?quantity=0.5").json["amount"]["amount"] == "75.00"
    open_one = ask("ada").get(draft.path("/plans/{plan_id}")).json["open"]["id"]
    assert ask("ada").get(f"{cost}?quantity=2&price_version={open_one}").json["amount"]["amount"] == "300.00"
    assert ask("ada").get(f"{cost}?price_version={draft.ids['plan_id']}").status_code == 404
    assert ask("ada").get(f"{cost}?quantity=-1").status_code == 422
    empty = ask("ada").post(draft.path("/plans"), {"name": "Empty", "code": "empty"}).json["id"]
    assert ask("ada").get(draft.path(f"/plans/{empty}/metrics/{{metric_id}}/cost")).status_code == 404
    for person, status in (("ben", 403), ("dot", 403), ("cy", 404), ("nobody", 401)):
        for below in ("/pricing", "/plans/{plan_id}", "/plans/{plan_id}/metrics/{metric_id}/cost"):
            assert ask(person).get(draft.path(below)).status_code == status


@pytest.mark.parametrize("state", [states.PRICING_REQUESTED, states.PRICING_APPROVED, states.PUBLISHED])
def test_prices_that_were_sent_or_approved_are_not_edited(app, people, ask, state):
    stage = Listed.in_state(app, people, state)
    before = ask("ada").get(stage.path("/pricing")).json
    assert before["locked"] == (state == states.PRICING_REQUESTED)
    for below, body in (
        ("/plans/{plan_id}", {"name": "Other", "code": "other"}),
        ("/plans/{plan_id}/remove", {}),
        *([("/plans/{plan_id}/metrics", METRIC)] if state == states.PRICING_REQUESTED else []),
        ("/plans/{plan_id}/metrics/{metric_id}", METRIC),
        ("/plans/{plan_id}/metrics/{metric_id}/remove", {}),
    ):
        answer = ask("ada").post(stage.path(below), body)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "pricing"), below
    assert ask("ada").get(stage.path("/pricing")).json == before


def test_a_metric_joins_approved_prices_by_their_next_version(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLISHED)
    plan = stage.path("/plans/{plan_id}")
    before = ask("ada").get(plan).json
    assert ask("ada").post(f"{plan}/metrics", METRIC).status_code == 201
    after = ask("ada").get(plan).json
    assert after["in_force"] == before["in_force"] and before["open"] is None
    assert [metric["approved"] for metric in after["metrics"]] == [True, False]
    assert len(after["open"]["prices"]) == len(before["in_force"]["prices"]) + 1


def test_a_price_changes_by_a_version_for_a_month_to_come(app, people, ask):
    with time_machine.travel("2026-03-10T09:00:00Z") as time:
        stage = Listed.in_state(app, people, states.PUBLISHED)
        ada, here = ask("ada"), stage.path("/plans/{plan_id}")
        assert ada.get(stage.path("/pricing")).json["earliest_change"] == "2026-05"
        begun = ada.post(f"{here}/change-prices").json
        assert begun["open"]["number"] == 2 and begun["open"]["prices"] == begun["in_force"]["prices"]
        again = ada.post(f"{here}/change-prices")
        assert again.status_code == 409
        written = ada.post(stage.path("/plans/{plan_id}/metrics/{metric_id}/prices"), {"price": PER_HOUR}).json
        assert written["open"]["prices"][0]["price"]["bands"][0]["price"] == "175"
        assert written["in_force"]["prices"][0]["price"]["bands"][0]["price"] == "150"
        early = ada.post(f"{here}/request-pricing", {"effective_from": "2026-04"})
        assert (early.status_code, early.json["errors"][0]["field"]) == (422, "effective_from")
        sent = ada.post(f"{here}/request-pricing", {"effective_from": "2026-06"}).json
        assert (sent["open"]["status"], sent["open"]["effective_from"]) == ("requested", "2026-06")
        for below, body in (("/metrics/{metric_id}/prices", {"price": PER_HOUR}), ("/discard-prices", {})):
            assert ada.post(stage.path("/plans/{plan_id}" + below), body).status_code == 422, "the operator reads it"
        stage.decide(app, people, reason="Too dear.")
        back = ada.get(here).json
        assert back["open"]["status"] == "draft"
        feedback = ada.get(stage.path("/checklist")).json["feedback"]
        assert (feedback["kind"], feedback["plan"], feedback["price_number"]) == ("price-change", "Standard", 2)
        assert feedback["reason"] == "Too dear."
        assert ada.post(f"{here}/request-pricing").json["open"]["effective_from"] == "2026-05"
        stage.decide(app, people)
        (coming,) = ada.get(here).json["coming"]
        assert (coming["effective_from"], coming["status"]) == ("2026-05", "approved")
        cost = stage.path("/plans/{plan_id}/metrics/{metric_id}/cost")
        assert ada.get(f"{cost}?quantity=1").json["amount"]["amount"] == "150.00"
        assert ada.get(f"{cost}?quantity=1&price_version={coming['id']}").json["amount"]["amount"] == "175.00"
        time.move_to("2026-05-01T00:00:00Z")
        assert ada.get(f"{cost}?quantity=1").json["amount"]["amount"] == "175.00"


def test_a_change_that_is_thrown_away_leaves_what_is_in_force(app, people, ask):
    stage = Listed.in_state(app, people, CHANGING)
    told = ask("ada").post(stage.path("/plans/{plan_id}/discard-prices")).json
    assert told["open"] is None and told["in_force"]["number"] == 1
    assert ask("ada").post(stage.path("/plans/{plan_id}/discard-prices")).status_code == 409


def test_a_plan_that_joins_is_sent_by_itself(app, people, ask):
    stage = Listed.in_state(app, people, states.PUBLISHED)
    ada = ask("ada")
    plan = ada.post(stage.path("/plans"), {"name": "Night", "code": "night"}).json["id"]
    here = stage.path(f"/plans/{plan}")
    unpriced = ada.post(f"{here}/request-pricing")
    assert (unpriced.status_code, unpriced.json["errors"][0]["field"]) == (422, "listing")
    assert ada.post(f"{here}/metrics", METRIC).status_code == 201
    assert ada.post(f"{here}/discard-prices").status_code == 422, "first prices: the plan is removed instead"
    assert ada.post(f"{here}/request-pricing").json["open"]["status"] == "requested"
    stage.decide(app, people)
    told = ada.get(here).json
    assert told["in_force"]["number"] == 1 and told["metrics"][0]["approved"] and not told["is_new"]
