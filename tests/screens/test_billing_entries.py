"""Billing entries: what the list says, to whom, and withdrawing."""

import csv
import io
import uuid
from decimal import Decimal

import pytest
from sqlalchemy import select

from app.billing import states
from app.billing.model import BillingEntry
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.months import actions as months
from tests.makers import make_engagement, make_entry, make_product
from tests.page import Fragment, Page
from tests.people import hidden_fields
from tests.screens.billing_stage import HTMX, add_set_up_metric, at, rate_now, set_stage, utc
from tests.screens.engagement_stage import statements


@pytest.fixture(autouse=True)
def _present():
    with at():
        yield


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def rows(page):
    return [
        [" ".join(cell.get_text(" ").split()) for cell in row.select("td")]
        for row in page.soup.select("#results > table > tbody > tr:not(.opened)")
    ]


def test_the_list_says_three_kinds_of_amounts(as_, stage):
    page = Page(as_("ada").get(f"{stage.path}?month=2026-10"))
    page.check()
    found = rows(page)
    assert [row[0] for row in found] == [
        "BE-1005",
        "BE-1004",
        "BE-1003",
        "BE-1002",
        "BE-1001",
        "October 2026, 4 entries that count",
    ]
    assert found[0][3:6] == ["Submitted", "12.00", "1,777.50 provisional"]
    assert found[1][3:6] == ["Rated", "38.25", "5,849.84"]
    assert found[3][2:6] == [
        "Incident 5498 Looks like minutes, not hours. Please submit again.",
        "Rejected",
        "2,400.00",
        "—",
    ]
    assert found[-1][1:3] == ["134.75", "21,147.34"]
    heads = [head.get_text(strip=True) for head in page.soup.select("#results th")]
    assert heads[4:6] == ["Quantity (h)", "Amount (USD)"]


def test_the_strip_tells_open_frozen_and_what_closes(app, people, as_, stage):
    with app.app_context():
        product = stage.engagement
        make_entry(
            product, "112", month=BillingMonth(2026, 9), by=people.viewer("ada"), at=utc(2026, 9, 20), rated=True
        )
        with acting_for_all("a test's month close") as closer:
            row = months.hold("reject-after-grace", BillingMonth(2026, 9))
            with at(utc(2026, 10, 3)):
                months.freeze(row, by=closer)
        db.session.remove()
    page = Page(as_("ada").get(stage.path))
    cells = [" ".join(cell.get_text(" ").split()) for cell in page.soup.select("#totals .strip > div")]
    assert cells == [
        "October 2026 Open USD 21,147.34 19,369.84 rated, 1,777.50 provisional",
        "September 2026 USD 17,777.50 rated, frozen 3 Oct 2026",
        "October closes in 1 d 4 h 3 Nov 2026 00:00 UTC",
    ]


def test_filters_narrow_the_list_and_its_files(as_, stage):
    ada = as_("ada")
    assert len(rows(Page(ada.get(f"{stage.path}?status=rated")))) == 3
    assert [row[0] for row in rows(Page(ada.get(f"{stage.path}?search=RANSOM")))] == ["BE-1004 October 2026"]
    assert [row[0] for row in rows(Page(ada.get(f"{stage.path}?search=be-1002")))] == ["BE-1002 October 2026"]
    nothing = Page(ada.get(f"{stage.path}?month=2026-08"))
    nothing.check()
    assert "No entry fits these filters" in nothing.text
    assert len(rows(Page(ada.get(f"{stage.path}?month=nonsense&status=none&metric=x")))) == 5
    sheet = list(
        csv.DictReader(
            io.StringIO(ada.get(f"{stage.path}.csv?status=submitted").get_data(as_text=True).lstrip("\ufeff"))
        )
    )
    assert [
        (row["Entry"], row["Quantity"], row["Amount"], row["Provisional amount"], row["Currency"]) for row in sheet
    ] == [("BE-1005", "12.00", "", "1777.50", "USD")]
    whole = ada.get(f"{stage.path}.csv").get_data(as_text=True)
    assert whole.count("\n") == 6
    assert ada.get(f"{stage.path}.xlsx").data[:2] == b"PK"
    assert ada.get(f"{stage.path}.pdf").status_code == 404


def test_a_foreign_cursor_is_404(as_, stage):
    assert as_("ada").get(f"{stage.path}?after=AAAA").status_code == 404


def test_pages_follow_each_other(app, people, as_, stage):
    with app.app_context():
        for n in range(50):
            make_entry(
                stage.engagement,
                "0.25",
                notes=f"Piece {n}",
                by=people.viewer("ada"),
                at=utc(2026, 10, 31, 20, n),
                month=BillingMonth(2026, 10),
            )
        db.session.remove()
    ada = as_("ada")
    first = Page(ada.get(stage.path))
    first.check()
    assert len(rows(first)) == 50
    second = Page(ada.get(first.soup.select_one("a[rel=next]")["href"]))
    assert len(rows(second)) == 5
    assert not {row[0] for row in rows(first)} & {row[0] for row in rows(second)}


def test_htmx_gets_the_content_alone(as_, stage):
    answer = as_("ada").get(f"{stage.path}?month=2026-10", headers=HTMX)
    assert "<html" not in answer.text
    assert "HX-Request" in answer.headers["Vary"]
    part = Fragment(answer)
    part.check()
    assert part.soup.select_one("#results table")
    assert part.soup.select_one("#totals .strip")


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_who_gets_in(as_, stage, headers):
    paths = [
        stage.path,
        f"{stage.path}.csv",
        f"{stage.path}/{stage.drill.id}",
        f"{stage.path}/{stage.night.id}/still-submitted",
    ]
    for path in paths:
        assert as_("ben").get(path, headers=headers).status_code in (200, 303), path
        assert as_("olga").get(path, headers=headers).status_code in (200, 303), path
        assert as_("cy").get(path, headers=headers).status_code == 404, path
        assert as_("nobody").get(path, headers=headers).status_code in (302, 401), path
        for customer in ("dot", "eve"):
            assert as_(customer).get(path, headers=headers).status_code in (403, 404), path


def test_the_viewer_may_look_and_not_touch(as_, stage):
    ben, olga = as_("ben"), as_("olga")
    for client in (ben, olga):
        page = Page(client.get(stage.path))
        page.check()
        assert not page.soup.select("a[href$=withdraw]")
        assert not page.soup.select("#results .dots")
        assert client.get(f"{stage.path}/{stage.night.id}/withdraw").status_code == 403
        assert client.get(f"{stage.path}/new").status_code == 403
    form = hidden_fields(ben.get("/account").text, "/account")
    assert ben.post(f"{stage.path}/{stage.night.id}/withdraw", data=form).status_code == 403


def test_a_programme_may_ask_all_three_roles_for_viewing(app, people, as_):
    strict = set_stage(app, people, viewing_takes_all_three=True)
    for path in (
        strict.path,
        f"{strict.path}.csv",
        f"{strict.path}/{strict.drill.id}",
        f"{strict.path}/{strict.night.id}/still-submitted",
    ):
        assert as_("ben").get(path, headers=HTMX).status_code == 403, path
        assert as_("ada").get(path, headers=HTMX).status_code == 200, path
        assert as_("olga").get(path, headers=HTMX).status_code == 200, path


def test_entries_of_other_engagements_are_not_here(app, people, as_, stage):
    with app.app_context():
        other = make_engagement(make_product(partner=people.northbridge, name="Other"), people.acme, at=utc(2026, 9, 1))
        foreign = make_entry(other, "1", by=people.viewer("ada"), at=utc(2026, 10, 5)).id
        db.session.remove()
    ada = as_("ada")
    for entry in (foreign, uuid.uuid4()):
        for verb in ("", "/withdraw", "/still-submitted"):
            assert ada.get(f"{stage.path}/{entry}{verb}", headers=HTMX).status_code == 404


def test_only_submitted_rows_ask_again_and_stop(app, as_, stage):
    ada = as_("ada")
    page = Page(ada.get(stage.path))
    asking = page.soup.select("[hx-get$=still-submitted]")
    assert [tag["hx-get"] for tag in asking] == [f"{stage.path}/{stage.night.id}/still-submitted"]
    assert asking[0]["hx-trigger"] == "load delay:2s"
    again = ada.get(asking[0]["hx-get"], headers=HTMX)
    Fragment(again).check()
    assert asking[0]["hx-get"] in again.text
    rate_now(app, stage.night)
    decided = ada.get(asking[0]["hx-get"], headers=HTMX)
    assert (decided.text, "entry-decided" in decided.headers["HX-Trigger"]) == ("", True)
    fresh = Page(ada.get(stage.path, headers=HTMX).get_data(as_text=True))
    assert not fresh.soup.select("[hx-get$=still-submitted]")
    assert ada.get(f"{stage.path}/{stage.night.id}/still-submitted").status_code == 303  # without script nobody asks


def test_what_would_be_rejected_says_so(app, as_, stage):
    with app.app_context(), acting_for_all("a test lowers the limit"):
        from app.catalog.model import Metric
        from app.foundation.database import transaction

        with transaction() as session:
            session.scalars(select(Metric)).one().month_limit = Decimal(130)
        db.session.remove()
    page = Page(as_("ada").get(f"{stage.path}?month=2026-10"))
    page.check()
    assert rows(page)[0][5] == "— would be rejected as it stands"
    assert rows(page)[-1][0] == "October 2026, 3 entries that count"


def test_withdraw_asks_and_does_it_once(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/{stage.night.id}/withdraw"
    page = Page(ada.get(path))
    page.check()
    assert "is not rated and not charged" in page.text
    form = hidden_fields(page.html, path)
    first, again = ada.post(path, data=form), ada.post(path, data=form)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["Location"] == stage.path
    assert state_of(app, stage.night.id) == states.WITHDRAWN
    listed = Page(ada.get(stage.path))
    assert "BE-1005 withdrawn." in listed.text
    assert rows(listed)[0][3:6] == ["Withdrawn", "12.00", "—"]


def test_a_rating_that_was_faster_answers_409_with_the_fresh_list(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/{stage.night.id}/withdraw"
    form = hidden_fields(ada.get(path).text, path)
    rate_now(app, stage.night)
    answer = ada.post(path, data=form)
    assert answer.status_code == 409
    page = Page(answer)
    page.check()
    assert "BE-1005 was not withdrawn" in page.text
    assert rows(page)[0][3] == "Rated"
    assert ada.get(path).status_code == 409


def test_a_form_of_another_organisation_changes_nothing(app, as_, stage):
    ada, path = as_("ada"), f"{stage.path}/{stage.night.id}/withdraw"
    form = hidden_fields(ada.get(path).text, path) | {"rendered_for": str(uuid.uuid4())}
    assert ada.post(path, data=form).status_code == 409
    assert state_of(app, stage.night.id) == states.SUBMITTED


def test_another_partner_withdraws_nothing(app, as_, stage):
    cy = as_("cy")
    form = hidden_fields(cy.get("/account").text, "/account")
    assert cy.post(f"{stage.path}/{stage.night.id}/withdraw", data=form).status_code == 404
    assert state_of(app, stage.night.id) == states.SUBMITTED


def test_two_metrics_say_which(app, people, as_, stage):
    metric = add_set_up_metric(app, stage)
    with app.app_context():
        make_entry(
            stage.engagement,
            "1",
            metric=metric,
            notes="Set-up",
            by=people.viewer("ada"),
            at=utc(2026, 10, 30),
            rated=True,
            month=BillingMonth(2026, 10),
        )
        db.session.remove()
    ada = as_("ada")
    page = Page(ada.get(f"{stage.path}?month=2026-10"))
    page.check()
    assert rows(page)[1][4:6] == ["1.00 set-ups Set-up", "500.00"]
    assert rows(page)[-1][1:3] == ["", "21,647.34"]  # hours and set-ups do not add up, money does
    assert len(rows(Page(ada.get(f"{stage.path}?metric={metric.id}")))) == 1


def test_an_empty_tab_says_what_comes_here(app, people, as_):
    with app.app_context():
        engagement = make_engagement(make_product(partner=people.northbridge), people.acme, at=utc(2026, 10, 20))
        db.session.remove()
    page = Page(as_("ada").get(f"/engagements/{engagement.id}/billing-entries"))
    page.check()
    assert "Billing entries appear here" in page.text
    assert "no entries yet" in page.text


@pytest.mark.parametrize("state", ["pending", "rejected", "complete"])
def test_engagements_that_take_no_entries_have_a_tab_all_the_same(app, people, as_, state):
    with app.app_context():
        engagement = make_engagement(
            make_product(partner=people.northbridge), people.acme, state=state, at=utc(2026, 10, 20)
        )
        db.session.remove()
    page = Page(as_("ada").get(f"/engagements/{engagement.id}/billing-entries"))
    page.check()
    assert "closes" not in page.text


def test_statements_do_not_grow_with_the_rows(app, people, as_, stage):
    ada = as_("ada")
    ada.get(stage.path)
    with statements(app) as few:
        ada.get(stage.path)
    with app.app_context():
        for n in range(30):
            make_entry(
                stage.engagement,
                "1",
                notes=f"Piece {n}",
                by=people.viewer("ada"),
                at=utc(2026, 10, 31, 20, n),
                rated=n % 2 == 0,
                month=BillingMonth(2026, 10),
            )
        db.session.remove()
    with statements(app) as many:
        ada.get(stage.path)
    assert len(many) == len(few) <= 8, "\n".join(many)
    with statements(app) as polled:
        ada.get(f"{stage.path}/{stage.night.id}/still-submitted", headers=HTMX)
    assert len(polled) <= 3, "\n".join(polled)


def test_where_nothing_waits_the_tab_asks_four_times(app, people, as_):
    """Who asks; the header with metrics, months and what is rated; the rows; the menu's counts."""
    with app.app_context():
        engagement = make_engagement(
            make_product(partner=people.northbridge), people.acme, state="active", at=utc(2026, 10, 20)
        )
        for n in range(3):
            make_entry(engagement, "1", by=people.viewer("ada"), at=utc(2026, 10, 31, 20, n), rated=True)
        db.session.remove()
    ada, path = as_("ada"), f"/engagements/{engagement.id}/billing-entries"
    ada.get(path)
    with statements(app) as seen:
        assert "3 entries" in Page(ada.get(path)).text
    assert len(seen) == 4, "\n".join(seen)


def state_of(app, entry_id):
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalar(select(BillingEntry.state).where(BillingEntry.id == entry_id))
