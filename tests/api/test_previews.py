"""Previews by API: what one entry or many would come to, what looks like them, and that nothing is written."""

import pytest

from app.engagements import states
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import viewing
from app.members import api_keys
from tests.api.conftest import Caller
from tests.makers import correct, freeze_month, make_engagement, make_entry, make_product, make_programme
from tests.screens.billing_stage import OCTOBER, add_set_up_metric, at, utc
from tests.screens.billing_stage import set_stage as set_billing_stage
from tests.screens.engagement_stage import set_stage

HERE = BillingMonth.at(clock.now())
BATCH = "/billing-entries/batch"


@pytest.fixture
def stage(app, people):
    return set_stage(app, people, states.ACTIVE, states.PENDING)


@pytest.fixture
def path(stage):
    return f"/engagements/{stage.engagements[states.ACTIVE].id}/billing-entries"


def asked(quantity="2.5", metric="hours", month=HERE, notes="Night shift"):
    return f"metric={metric}&month={month}&quantity={quantity}&notes={notes}"


def record(stage, key, quantity="1", **more):
    mine = str(stage.engagements[states.ACTIVE].id)
    said = {"metric": "hours", "month": str(HERE), "quantity": quantity, "notes": ""}
    return {"key": key, "engagement_id": mine, **said, **more}


def test_what_it_would_come_to(ask, path):
    told = ask("ada").get(f"{path}/preview?{asked()}")
    assert told.status_code == 200, told.text
    seen = told.json
    assert seen["amount"] == {"amount": "375.00", "currency": "USD"} and seen["month_before"]["amount"] == "0.00"
    assert seen["explanation"]["provisional"] and seen["explanation"]["due"]["amount"] == "300.00"
    assert seen["closes_at"].startswith(str(HERE.next)) and not seen["waits_for_review"] and seen["looks_like"] is None
    assert ask("ada").get(path).json["items"] == []


def test_the_second_of_two_alike_is_asked_about(ask, path):
    first = (
        ask("ada").post(path, {"metric": "hours", "month": str(HERE), "quantity": "2.5", "notes": "Night shift"}).json
    )
    seen = ask("ada").get(f"{path}/preview?{asked()}").json
    assert seen["looks_like"]["number"] == first["number"] and not seen["looks_like"]["is_set_up"]
    assert (seen["month_before"]["amount"], seen["month_after"]["amount"]) == ("375.00", "750.00")
    assert ask("ada").get(f"{path}/preview?{asked(notes='Day shift')}").json["looks_like"] is None


def test_an_earlier_set_up_is_asked_about(app, ask, people):
    with at():
        stage = set_billing_stage(app, people)
        set_up = add_set_up_metric(app, stage)
        made = ask("ada").post(stage.path, {"metric": "set-up", "month": "2026-10", "quantity": "1"}).json
        seen = ask("ada").get(f"{stage.path}/preview?metric={set_up.id}&month=2026-10&quantity=2").json
        assert seen["looks_like"]["number"] == made["number"] and seen["looks_like"]["is_set_up"]
        batch = {"records": [{"key": "a", "engagement_id": str(stage.engagement.id), "metric": "set-up", "month": "2026-10", "quantity": "2"}]}  # fmt: skip
        (result,) = ask("ada").post(f"{BATCH}/preview", batch).json["results"]
        assert result["looks_like"]["number"] == made["number"] and result["looks_like"]["is_set_up"]


def test_what_was_taken_back_looks_like_nothing(app, ask, people):
    """One by one and in a batch: what a correction has taken back no longer stands for the work."""
    with at(utc(2026, 12, 2)):
        stage = set_billing_stage(app, people)
        november = BillingMonth(2026, 11)
        with app.app_context():
            freeze_month(OCTOBER)
            made = make_entry(stage.engagement, "7", month=november, notes="Same", at=utc(2026, 11, 9), rated=True)
            db.session.remove()
        seen = f"{stage.path}/preview?metric=hours&month=2026-11&quantity=7&notes=Same"
        batch = {"records": [{"key": "a", "engagement_id": str(stage.engagement.id), "metric": "hours", "month": "2026-11", "quantity": "7", "notes": "Same"}]}  # fmt: skip
        assert ask("ada").get(seen).json["looks_like"]["number"] == made.number
        assert ask("ada").post(f"{BATCH}/preview", batch).json["results"][0]["looks_like"]["number"] == made.number
    with app.app_context():
        with clock.pinned(utc(2026, 12, 4)):
            freeze_month(november)
            correct(made, "0")
        db.session.remove()
    with app.app_context(), clock.pinned(utc(2026, 12, 2)):
        from app.billing import actions, lookalikes
        from app.billing.actions import Draft
        from app.billing.batch import Judged, Line, Outcome

        with viewing(people.viewer("ada")):
            draft = Draft(made.metric_id, november, made.quantity, "Same")
            assert lookalikes.lookalike_of(stage.engagement.id, draft) is None
            priced = actions.priced_metric(actions.prices_for(stage.engagement), made.metric_id, november)
            line = Line("a", stage.engagement.id, draft)
            assert lookalikes.lookalikes([Judged(line, Outcome("a", "created"), priced)]) == [None]
        db.session.remove()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (asked("0"), "quantity"),
        (asked("0.0001"), "quantity"),
        (asked("1e400"), "quantity"),
        (asked(month="1999-01"), "month"),
        (asked(month="2026-13"), "month"),
        (asked(metric="no-such"), "metric"),
        (asked(notes="x" * 501), "notes"),
        ("metric=hours", "month"),
        (asked() + "&price=1", "price"),
    ],
)
def test_it_is_refused_as_sending_it_would_be(ask, path, query, field):
    refused = ask("ada").get(f"{path}/preview?{query}")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)


def test_an_engagement_that_takes_no_entries(ask, stage):
    refused = ask("ada").get(f"/engagements/{stage.engagements[states.PENDING].id}/billing-entries/preview?{asked()}")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "engagement")


def test_who_may_look(app, ask, people, stage, path):
    batch = {"records": [record(stage, "a")]}
    for person, one, many in (("nobody", 401, 401), ("ben", 403, 403), ("dot", 403, 403), ("cy", 404, 200)):
        assert ask(person).get(f"{path}/preview?{asked()}").status_code == one
        answer = ask(person).post(f"{BATCH}/preview", batch)
        assert answer.status_code == many
    assert answer.json["results"][0]["result"] == "refused" and answer.json["results"][0]["amount"] is None
    ada = people.viewer("ada")
    with app.app_context(), viewing(ada):
        _row, whole = api_keys.make("Submit only", ["billing-entry:submit"], expires_in_days=9, by=ada)
        db.session.remove()
    blind = Caller(app, whole)
    assert blind.get(f"{path}/preview?{asked()}").json["permission"] == "billing-entry:view"
    assert blind.post(f"{BATCH}/preview", batch).json["permission"] == "billing-entry:view-with-all-three"


def test_a_batch_is_seen_record_by_record_on_top_of_each_other(app, ask, people):
    with app.app_context():
        tiers = make_programme("Tiers", review_threshold_minor=100_000)
        product = make_product(
            tiers, people.northbridge, name="Tiered", model="graduated", bands=[("10", "100"), (None, "50")]
        )
        engagement = make_engagement(product, people.acme)
        engagement_id = str(engagement.id)
        db.session.remove()
    line = {"engagement_id": engagement_id, "metric": "hours", "month": str(HERE)}
    records = [
        {"key": "a", **line, "quantity": "10"}, {"key": "b", **line, "quantity": "2"}, {"key": "c", **line, "quantity": "0"},
        {"key": "a", **line, "quantity": "10"}, {"key": "d", **line, "quantity": "40"},
    ]  # fmt: skip
    ada = ask("ada")
    results = ada.post(f"{BATCH}/preview", {"records": records}).json["results"]
    assert [one["result"] for one in results] == [
        "would-be-created", "would-be-created", "refused", "duplicate", "would-be-created",
    ]  # fmt: skip
    assert [one["amount"] and one["amount"]["amount"] for one in results] == [
        "1000.00",
        "100.00",
        None,
        None,
        "2000.00",
    ]
    assert [one["waits_for_review"] for one in results] == [False, False, False, False, True]
    assert [one["errors"][0]["field"] for one in results if one["errors"]] == ["quantity"]
    assert not any(one["id"] or one["number"] for one in results)
    assert ada.get("/billing-entries").json["items"] == []
    made = ada.post(BATCH, {"records": records[:1]}).json["results"][0]
    again = ada.post(f"{BATCH}/preview", {"records": records[:2]}).json["results"]
    assert (again[0]["result"], again[0]["number"]) == ("duplicate", made["number"])


def test_a_preview_with_a_key_answers_word_for_word(ask, stage, path):
    batch = {"records": [record(stage, "a")]}
    first = ask("ada").post(f"{BATCH}/preview", batch, once="p-1")
    ask("ada").post(BATCH, batch)
    assert ask("ada").post(f"{BATCH}/preview", batch, once="p-1").json == first.json
    assert ask("ada").post(f"{BATCH}/preview", batch).json != first.json
    assert ask("ada").post(BATCH, batch, once="p-1").status_code == 409
