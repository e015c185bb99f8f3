"""The History tab: every event with its sentence, actor, states, and the mark that the chain holds."""

import pytest
from sqlalchemy import text

from app.foundation.database import db
from tests.makers import make_entry
from tests.page import Fragment, Page
from tests.screens.engagement_stage import HTMX, set_stage, statements


@pytest.fixture
def stage(app, people):
    return set_stage(app, people, "active", "completion_requested", "deleted")


def rows(page):
    return [[td.get_text(" ", strip=True) for td in tr.select("td")] for tr in page.soup.select("tbody tr")]


@pytest.mark.parametrize("who", ["ada", "ben", "olga"])
def test_every_event_newest_first(app, stage, as_, who):
    page = Page(as_(who).get(f"{stage.path('deleted')}/history"))
    page.check()
    told = rows(page)
    assert [row[1] for row in told] == [
        "Completion request rejected, engagement deleted: It was never started.",
        "Completion requested: The work is done.",
        "Request approved",
        "Created on plan Standard, request mailed to requests@northbridge.example",
    ]
    assert [(row[3], row[4]) for row in told] == [
        ("Completion requested", "Deleted"), ("Active", "Completion requested"), ("Pending", "Active"), ("—", "Pending"),
    ]  # fmt: skip
    assert told[0][2] == "Partner of Northbridge, Northbridge" and told[1][2] == "Customer of Acme, Acme"
    assert "History chain verified" in page.text


def test_billing_is_told_there(app, stage, as_):
    with app.app_context():
        make_entry(stage.engagements["active"], "12.5", rated=True)
    page = Page(as_("ada").get(f"{stage.path('active')}/history"))
    page.check()
    told = rows(page)
    assert told[0][1].startswith("Billing entry BE-") and told[0][4] == "Rated"
    assert "submitted: 12.5 h for " in told[1][1] and "-" not in told[1][1].rpartition("for ")[2]


def test_amounts_of_history_where_billing_may_not_be_seen(app, people, as_):
    stage = set_stage(app, people, "active", viewing_takes_all_three=True)
    with app.app_context():
        make_entry(stage.engagements["active"], "12.5", rated=True)
    assert "USD\u00a01,875.00" in as_("ada").get(f"{stage.path('active')}/history").text
    for path in (stage.path("active"), f"{stage.path('active')}/history"):
        answer = as_("ben").get(path).text
        assert "1,875.00" not in answer and "1875" not in answer


def test_the_list_alone_for_htmx(stage, as_):
    part = Fragment(as_("ada").get(f"{stage.path('active')}/history", headers=HTMX))
    part.check()
    assert part.soup.select_one("#results table") and not part.soup.select("h1")


def test_a_changed_row_breaks_the_mark(app, stage, as_):
    with app.app_context():
        connection = db.session.connection()
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER history_no_update"))
        else:
            connection.execute(text("ALTER TABLE history DISABLE TRIGGER history_append_only"))
        connection.execute(
            text("UPDATE history SET facts = replace(facts, 'never', 'once') WHERE event = 'completion_rejected'")
        )
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE history ENABLE TRIGGER history_append_only"))
        db.session.commit()
    ada = as_("ada")
    for path in (stage.path("deleted"), f"{stage.path('deleted')}/history"):
        page = Page(ada.get(path))
        page.check()
        assert "The history chain does not hold" in page.text and "chain verified" not in page.text
    assert "History chain verified" in ada.get(stage.path("active")).text


def test_who_may_read_it(stage, as_):
    path = f"{stage.path('active')}/history"
    for who, status in {"cy": 404, "dot": 403, "nobody": 302}.items():
        assert as_(who).get(path).status_code == status
        assert as_(who).get(path, headers=HTMX).status_code in (status, 401)
    assert as_("ada").get(f"/engagements/{stage.foreign.id}/history").status_code == 404


@pytest.mark.parametrize(("who", "tab", "most"), [
    ("ada", "", 4), ("olga", "", 4), ("dot", "/my", 4),
])  # fmt: skip
def test_it_asks_the_database_little(app, stage, as_, who, tab, most):
    """Who asks, the engagement with its counts, the events with what they are verified by, the menu's counts."""
    client, path = as_(who), f"{tab}{stage.path('deleted')}/history"
    client.get(path)
    with statements(app) as seen:
        assert client.get(path).status_code == 200
    assert len(seen) <= most, seen
