"""Billing entries by API: one, many, lists, explanations, withdrawing; and that customers are given gross only."""

import re
from decimal import Decimal

import pytest

from app.engagements import states
from app.foundation import clock, idempotency
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_entry, make_product, make_programme, rate
from tests.screens.engagement_stage import set_stage, statements

HERE = str(BillingMonth.at(clock.now()))


@pytest.fixture
def stage(app, people):
    return set_stage(app, people, states.ACTIVE, states.PENDING)


@pytest.fixture
def path(stage):
    return f"/engagements/{stage.engagements[states.ACTIVE].id}/billing-entries"


def entry(quantity="2.5", **more):
    return {"metric": "hours", "month": HERE, "quantity": quantity, "notes": "Night shift", **more}


def rate_all(app):
    from app.billing.queries import due_for_rating
    from app.billing.rating import rate_entry

    with app.app_context(), acting_for_all("a test's rating") as job:
        for entry_id in due_for_rating():
            rate_entry(entry_id, by=job)
        db.session.remove()


def test_one_entry_from_submitted_to_rated(app, ask, path):
    made = ask("ada").post(path, entry())
    assert made.status_code == 201, made.text
    told = made.json
    assert (told["status"], told["quantity"], told["amount"]) == ("submitted", "2.5", None)
    assert told["explanation"]["provisional"] and told["explanation"]["amount"]["amount"] == "375.00"
    rate_all(app)
    told = ask("ada").get(f"/billing-entries/{told['id']}").json
    assert told["amount"] == {"amount": "375.00", "currency": "USD"}
    assert told["explanation"]["due"] == {"amount": "300.00", "currency": "USD"}
    assert told["explanation"]["tiers"] == [
        {"above": "0", "up_to": None, "quantity": "2.5", "unit_price": "150", "amount": "375"}
    ]


def test_a_customer_is_given_gross_and_nothing_else(app, ask, path):
    ask("ada").post(path, entry())
    waiting = ask("dot").get("/billing-entries").json["items"][0]
    assert (waiting["status"], waiting["charge"]) == ("being-rated", None)
    rate_all(app)
    told = ask("dot").get(f"/billing-entries/{waiting['id']}").json
    assert told["charge"] == {
        "gross": {"amount": "375.00", "currency": "USD"},
        "tax": {"amount": "0.00", "currency": "USD"},
    }
    assert not {"amount", "reason", "submitted_by"} & told.keys()
    assert not {"due", "amount", "cost_before", "cost_after"} & told["explanation"].keys()
    assert ask("eve").get(f"/billing-entries/{waiting['id']}").status_code == 404
    assert ask("cy").get(f"/billing-entries/{waiting['id']}").status_code == 404
    (line,) = ask("dot").get(f"/charges?month={HERE}").json["items"]
    assert line["gross"]["amount"] == "375.00" and not {"due", "customer"} & line.keys()
    (line,) = ask("ada").get(f"/charges?month={HERE}").json["items"]
    assert line["due"]["amount"] == "300.00" and line["customer"] == "Acme"
    assert ask("cy").get("/charges").json["items"] == []


def test_lists_by_month_and_status(app, ask, stage, path):
    for quantity in ("1", "2"):
        ask("ada").post(path, entry(quantity))
    ask("ada").post(f"/billing-entries/{ask('ada').get(path).json['items'][0]['id']}/withdraw")
    rate_all(app)
    ask("ada").post(path, entry("3"))

    def found(who, query="", below="/billing-entries"):
        return sorted(item["quantity"] for item in ask(who).get(f"{below}?{query}").json["items"])

    assert found("ada") == ["1", "2", "3"]
    assert found("ada", f"month={HERE}&status=rated") == ["1"]
    assert found("ada", "status=submitted", path) == ["3"]
    assert found("ada", "month=1999-01") == []
    assert found("dot", "status=being-rated") == ["3"] and found("dot", "status=submitted") == []
    assert found("cy") == found("eve") == []
    assert ask("ada").get("/billing-entries?limit=2").json["next_cursor"]


def test_what_a_rule_refuses_is_named(ask, stage, path):
    def refused(body):
        answer = ask("ada").post(path, body)
        return answer.status_code, [error["field"] for error in answer.json["errors"]]

    assert refused(entry("0")) == (422, ["quantity"])
    assert refused(entry("0.001")) == (422, ["quantity"])
    assert refused(entry(month="2031-01")) == (422, ["month"])
    assert refused(entry(metric="gigabytes")) == (422, ["metric"])
    assert refused({}) == (422, ["metric", "month", "quantity"])
    pending = f"/engagements/{stage.engagements[states.PENDING].id}/billing-entries"
    assert ask("ada").post(pending, entry()).status_code == 409
    assert ask("ben").post(path, entry()).json["permission"] == "billing-entry:submit"
    assert ask("cy").post(path, entry()).status_code == 404


@pytest.mark.parametrize(
    "quantity",
    [
        "1e400",
        "NaN",
        "-1",
        "9" * 40,
        "１２",
        "😀",
        "\u0000",
        "\ud800",
        "1,5",
        " ",
        1.5,
        12,
        None,
        True,
        [],
        {"a": 1},
        1e300,
    ],
)
def test_hostile_quantities_are_refused_by_name(ask, path, quantity):
    answer = ask("ada").post(path, entry(quantity))
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["quantity"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"quantity": NaN}', 400),
        (b'{"quantity": Infinity}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400),
        (b"9" * 5_000, 400),
        (b"[]", 422),
        (b'"text"', 422),
        (b"null", 422),
        (b"1", 422),
        (b'{"\\ud800": "\\u0000"}', 422),
        (b"{}" + b" " * 5_000_000, 413),
    ],
)
def test_hostile_bodies_end_in_a_refusal(ask, path, raw, status):
    ada = ask("ada")
    answer = ada.client.post(f"/api/v1{path}", data=raw, content_type="application/json", headers=ada._headers({}))
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"


def test_a_megabyte_of_notes_is_answered_on_its_field(ask, path):
    answer = ask("ada").post(path, entry(notes="x" * 1_000_000))
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "notes")


def test_only_json_is_read(ask, path):
    ada = ask("ada")
    answer = ada.client.post(f"/api/v1{path}", data={"metric": "hours"}, headers=ada._headers({}))
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")
    answer = ada.client.put(f"/api/v1{path}", headers=ada._headers({}))
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert answer.content_type == "application/problem+json"


def test_a_repeat_adds_nothing(ask, path):
    first, again = ask("ada").post(path, entry(), once="e-1"), ask("ada").post(path, entry(), once="e-1")
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert len(ask("ada").get(path).json["items"]) == 1
    assert ask("ada").post(path, entry("3"), once="e-1").status_code == 409


def test_a_batch_answers_record_by_record(ask, stage, path):
    mine, foreign = str(stage.engagements[states.ACTIVE].id), str(stage.foreign.id)
    metric = ask("ada").get(f"/products/{stage.product.id}").json["plans"][0]["metrics"][0]
    records = [
        {"key": "a", "engagement_id": mine, **entry("1")},
        {"key": "b", "engagement_id": mine, **entry("2", metric=metric["id"])},
        {"key": "c", "engagement_id": mine, **entry("0")},
        {"key": "d", "engagement_id": foreign, **entry("1")},
        {"key": "e", "engagement_id": mine, **entry("1", metric="no-such")},
        {"key": "a", "engagement_id": mine, **entry("1")},
    ]
    told = ask("ada").post("/billing-entries/batch", {"records": records})
    assert told.status_code == 200, told.text
    results = told.json["results"]
    assert [one["key"] for one in results] == ["a", "b", "c", "d", "e", "a"]
    assert [one["result"] for one in results] == [
        "created", "created", "refused", "refused", "refused", "duplicate",
    ]  # fmt: skip
    assert [error["field"] for one in results for error in one["errors"]] == ["quantity", "engagement_id", "metric"]
    assert results[5]["number"] == results[0]["number"] and results[2]["id"] is None
    again = ask("ada").post("/billing-entries/batch", {"records": records}).json["results"]
    assert [one["result"] for one in again][:2] == ["duplicate", "duplicate"]
    assert len(ask("ada").get(path).json["items"]) == 2
    assert ask("ben").post("/billing-entries/batch", {"records": records}).status_code == 403
    assert {one["result"] for one in ask("cy").post("/billing-entries/batch", {"records": records[:3]}).json["results"]} == {"refused"}  # fmt: skip


def test_a_batch_with_a_key_answers_word_for_word(ask, stage):
    record = {"key": "a", "engagement_id": str(stage.engagements[states.ACTIVE].id), **entry("1")}
    first = ask("ada").post("/billing-entries/batch", {"records": [record]}, once="b-1")
    again = ask("ada").post("/billing-entries/batch", {"records": [record]}, once="b-1")
    assert first.json == again.json and first.json["results"][0]["result"] == "created"
    other = {"records": [{**record, "quantity": "2"}]}
    assert ask("ada").post("/billing-entries/batch", other, once="b-1").status_code == 409


def test_a_key_taken_by_another_body_is_refused_before_any_work(app, people, ask, stage, path):
    """The first request is still at work: it has taken its key, and nothing is answered yet."""
    record = {"key": "a", "engagement_id": str(stage.engagements[states.ACTIVE].id), **entry("1")}
    body = {"method": "POST", "path": "/api/v1/billing-entries/batch", "body": "another"}
    with app.app_context():
        assert idempotency.claim(idempotency.outside_key("partner:same"), body, by=people.viewer("ada")) is None
        db.session.remove()
    answer = ask("ada").post("/billing-entries/batch", {"records": [record]}, once="same")
    assert answer.status_code == 409
    assert ask("ada").get(path).json["items"] == []


def test_a_batch_has_its_limits_and_names_what_is_wrong_where(ask, stage):
    record = {"engagement_id": str(stage.engagements[states.ACTIVE].id), **entry("1")}
    many = {"records": [{"key": str(n), **record} for n in range(1001)]}
    assert ask("ada").post("/billing-entries/batch", many).json["errors"][0]["field"] == "records"
    assert ask("ada").post("/billing-entries/batch", {"records": []}).status_code == 422
    wrong = ask("ada").post("/billing-entries/batch", {"records": [{"key": "a", **record}, {"key": "b"}]})
    assert [error["field"] for error in wrong.json["errors"]] == [
        "records.1.metric", "records.1.month", "records.1.quantity", "records.1.engagement_id",
    ]  # fmt: skip


def test_a_thousand_records_in_one_call(ask, stage):
    record = {"engagement_id": str(stage.engagements[states.ACTIVE].id), **entry("0.25")}
    many = {"records": [{"key": str(n), **record} for n in range(1000)]}
    results = ask("ada").post("/billing-entries/batch", many).json["results"]
    assert len(results) == 1000 and {one["result"] for one in results} == {"created"}


def test_a_programme_may_ask_all_three_roles_for_viewing(app, ask, people):
    with app.app_context():
        strict = make_programme("Strict", viewing_takes_all_three=True)
        engagement = make_engagement(make_product(strict, people.northbridge, name="Strict care"), people.acme)
        made = make_entry(engagement, "1")
        rate(made)
        entry_id, engagement_id = made.id, engagement.id
        db.session.remove()
    for path in (f"/billing-entries/{entry_id}", f"/engagements/{engagement_id}/billing-entries"):
        assert ask("ada").get(path).status_code == 200
        assert ask("ben").get(path).json["permission"] == "billing-entry:view-with-all-three"
    for path in ("/billing-entries", "/charges"):
        assert len(ask("ada").get(path).json["items"]) == 1 and ask("ben").get(path).json["items"] == []
    told = ask("ben").get(f"/engagements/{engagement_id}/history").json["items"]
    assert not any("150" in event["sentence"] for event in told)


def test_net_never_reaches_a_customer(app, ask, people):
    """Walks what a customer's key can reach and looks for the figures that are a partner's."""
    with app.app_context():
        net = make_programme(
            "Marketplace",
            remuneration="net_plus_mark_up",
            remuneration_percent=Decimal("17.3"),
            tax_percent=Decimal(7),
        )
        product = make_product(net, people.northbridge, name="Bare service", bands=[(None, "123.37")])
        engagement = make_engagement(product, people.acme)
        for quantity in ("3.7", "4.1"):
            make_entry(engagement, quantity, rated=True)
        make_entry(engagement, "2.9")
        engagement_id, product_id = engagement.id, product.id
        db.session.remove()
    dot, ada = ask("dot"), ask("ada")
    ids = {"engagement_id": engagement_id, "product_id": product_id, "kind_name": "engagement-request"}
    ids |= dict.fromkeys(("row_id", "batch_id", "membership_id", "statement_id"), engagement_id)
    entries = [one["id"] for one in dot.get("/billing-entries").json["items"]]
    paths = set()
    for rule in app.url_map.iter_rules():
        needed = getattr(app.view_functions[rule.endpoint], "needed_by_capacity", {})
        if "GET" in (rule.methods or ()) and "customer" in needed:
            for entry_id in entries:
                known = {**ids, "entry_id": entry_id}
                names = re.findall(r"<\w+:(\w+)>", rule.rule)
                path = re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule).format(**{name: known[name] for name in names})
                paths.add(path.removeprefix("/api/v1"))
    planted = ("123.37", "456.47", "505.82", "17.3", "357.77", "962.29")
    # instants are left out: 17.3 may be seconds
    seen = {path: re.sub(r"\d{4}-\d\d-\d\dT[^\"]*", "", dot.get(path).text) for path in paths}
    assert "456.47" in ada.get("/billing-entries").text, "what is planted is what partners are due"
    assert "535.44" in seen["/charges"] and len(seen) == 27
    assert not [(path, figure) for path, text in seen.items() for figure in planted if figure in text]
    assert not [path for path, text in seen.items() if '"due"' in text or '"amount": null' in text]


def test_a_list_takes_three_statements_at_most(app, ask, stage, path):
    for quantity in ("1", "2", "3"):
        ask("ada").post(path, entry(quantity))
    for who in ("ada", "dot"):
        lists = ["/engagements", "/billing-entries", "/charges", "/notices", "/members", "/organisation/history"]
        for below in lists if who == "dot" else [*lists, "/corrections"]:
            ask(who).get(below)  # the use of the key is noted once a minute
            with statements(app) as asked:
                assert ask(who).get(below).status_code == 200
            # the key's limit is no list's: on PostgreSQL every request of a program writes its count
            of_list = [one for one in asked if "request_count" not in one and "synchronous_commit" not in one]
            assert len(of_list) <= 3, of_list
