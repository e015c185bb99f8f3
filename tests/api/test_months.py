"""Months by API: which take entries until when, and what was billed and charged in each."""

from app.foundation.database import db
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.screens.billing_stage import OCTOBER, at, rate_now, set_stage, utc
from tests.screens.engagement_stage import statements


def test_months_that_take_entries(app, people, ask):
    with at():
        set_stage(app, people)
        items = ask("ada").get("/months").json["items"]
        assert [(one["month"], one["closes_at"]) for one in items] == [
            ("2026-10", "2026-11-03T00:00:00Z"), ("2026-11", "2026-12-03T00:00:00Z"),
        ]  # fmt: skip
        assert items[0]["programmes"] == ["Professional services"]
        assert [(one["engagements"], one["billed"]) for one in items] == [(1, 1), (1, 0)]
        assert ask("cy").get("/months").json["items"] == [], "under whose programmes one sells nothing"
        assert ask("dot").get("/months").status_code == 403 and ask("nobody").get("/months").status_code == 401
    with at(utc(2026, 11, 3)):
        assert [one["month"] for one in ask("ada").get("/months").json["items"]] == ["2026-11"]


def test_counts_are_for_those_who_view_billing(app, people, ask):
    with at():
        set_stage(app, people, viewing_takes_all_three=True)
        assert "billed" in ask("ada").get("/months").json["items"][0]
        assert "billed" not in ask("ben").get("/months").json["items"][0]
        refused = ask("ben").get("/charges/months")
        assert (refused.status_code, refused.json["permission"]) == (403, "billing-entry:view-with-all-three")


def test_what_an_engagement_comes_to_by_month(app, people, ask):
    with at():
        stage = set_stage(app, people)
        path = f"{stage.here}/months"
        november, october = ask("ada").get(path).json["items"]
        assert (november["month"], november["entries"], november["takes_entries"]) == ("2026-11", 0, True)
        assert (october["month"], october["entries"], october["closes_at"]) == ("2026-10", 4, "2026-11-03T00:00:00Z")
        assert october["rated"] == {"amount": "19369.84", "currency": "USD"}
        assert october["provisional"]["amount"] == "1777.50"
        own = ask("dot").get(path).json["items"]
        assert [(one["month"], one["entries"], one["gross"]) for one in own] == [("2026-10", 3, october["rated"])]
        assert "rated" not in own[0] and "takes_entries" not in own[0]
        assert ask("cy").get(path).status_code == ask("eve").get(path).status_code == 404
        assert ask("ben").get(path).status_code == 200
    with at(utc(2026, 11, 20)):
        rate_now(app, stage.night)
        october = ask("ada").get(path).json["items"][-1]
        assert not october["takes_entries"] and october["closes_at"] is None


def test_totals_by_booked_month(app, people, ask):
    with app.app_context():
        product = make_product(make_programme(), people.northbridge)
        engagement = make_engagement(product, people.acme, at=utc(2026, 9, 1))
        make_entry(engagement, "2", month=OCTOBER, at=utc(2026, 10, 9), rated=True)
        make_entry(engagement, "1", month=OCTOBER.next, at=utc(2026, 11, 9), rated=True)
        db.session.remove()
    with at(utc(2026, 11, 20)):
        partner = ask("ada").get("/charges/months").json["items"]
        assert [(one["booked_month"], one["gross"]["amount"], one["due"]["amount"]) for one in partner] == [
            ("2026-10", "300.00", "240.00"), ("2026-11", "150.00", "120.00"),
        ]  # fmt: skip
        customer = ask("dot").get("/charges/months?last=2026-10").json["items"]
        assert [one["gross"]["amount"] for one in customer] == ["300.00"] and "due" not in customer[0]
        assert ask("dot").get("/charges/months?first=2026-11&last=2026-10").json["items"] == []
        assert ask("eve").get("/charges/months").json["items"] == ask("cy").get("/charges/months").json["items"] == []
        assert ask("ada").get("/charges/months?first=2026-13").status_code == 422
        found = ask("dot").get("/charges?search=Rescue").json["items"]
        assert len(found) == 2 and ask("dot").get("/charges?search=nothing").json["items"] == []
        assert len(ask("ada").get("/charges?search=rescue").json["items"]) == 2


def test_few_statements(app, people, ask):
    with at():
        set_stage(app, people)
        ask("dot").get("/charges/months")
        with statements(app) as seen:
            ask("dot").get("/charges/months")
        assert len([one for one in seen if "charge_month" in one]) == 1
