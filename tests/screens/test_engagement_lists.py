"""Current and Past engagements: what is listed, filtered, exported and offered; three statements a page."""

import csv
import io
import uuid
import zipfile
from datetime import UTC, datetime

import pytest
import time_machine

from app.engagements import choices, states
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.months import reopening
from tests.makers import freeze_month, make_engagement, make_entry, make_product, make_programme
from tests.page import Fragment, Page
from tests.screens.engagement_stage import EVERY_STATE, HTMX, set_stage, statements


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def names(page):
    return {a.text for a in page.soup.select("td.k-name > a")}


def menu_of(page, engagement):
    return [a.text for a in page.soup.select(f"#m-{engagement.id} a")]


def current(stage):
    return f"/products/{stage.product.id}/current-engagements"


def past(stage):
    return f"/products/{stage.product.id}/past-engagements"


def test_current_engagements_of_a_product(stage, as_):
    page = Page(as_("ada").get(current(stage)))
    page.check()
    assert names(page) == {"Archive, pending", "Archive, active", "Archive, completion_requested", "Globex archive"}
    assert page.soup.h1.text == "Current engagements"
    assert [a.text for a in page.soup.select(".crumbs a")] == ["My products", "Data rescue"]


def test_past_engagements_of_a_product(stage, as_):
    page = Page(as_("ada").get(past(stage)))
    page.check()
    assert names(page) == {f"Archive, {state}" for state in states.PAST}
    for state in states.PAST:
        assert menu_of(page, stage.engagements[state]) == ["View details"]


def test_all_products_show_current_ones_until_asked_for_past_ones(app, people, stage, as_):
    ada = as_("ada")
    page = Page(ada.get("/engagements"))
    page.check()
    assert len(names(page)) == 4
    assert "Status: current" in page.text
    assert names(Page(ada.get("/engagements?status=past"))) == {f"Archive, {state}" for state in states.PAST}
    for state in EVERY_STATE:
        found = Page(ada.get(f"/engagements?status={state}"))
        found.check()
        assert f"Archive, {state}" in names(found)


def test_the_operator_lists_every_partners(stage, as_):
    page = Page(as_("olga").get("/engagements"))
    page.check()
    assert len(names(page)) == 5
    assert "Contrail" in page.text
    assert menu_of(page, stage.engagements["active"]) == ["View details"]


def test_the_actions_menu_by_state_and_role(stage, as_):
    ada, ben = Page(as_("ada").get(current(stage))), Page(as_("ben").get(current(stage)))
    assert menu_of(ada, stage.engagements["pending"]) == ["View details"]  # Approve and Reject live inside View details
    assert menu_of(ada, stage.engagements["active"]) == ["View details", "Add billing entry", "Mark as complete"]
    assert menu_of(ada, stage.engagements["completion_requested"]) == [
        "View details", "Add billing entry", "Mark as complete", "Decline, keep active", "Reject completion request",
    ]  # fmt: skip
    for state in states.CURRENT:
        assert menu_of(ben, stage.engagements[state]) == ["View details"]
    assert [a.get_text(" ", strip=True).split(" ENG")[0] for a in ada.soup.select("td.k-go a")] == [
        "Add entry",
        "Review",
        "Add entry",
        "Review",
    ]


def test_every_filter_finds_what_it_says(app, people, stage, as_):
    ada = as_("ada")
    acme, globex = people.acme.id, people.globex.id
    with app.app_context():
        other = make_product(people_programme(stage), people.northbridge, name="Backup")
        make_engagement(other, people.acme, name="Backup of Acme", at=clock.now())
    last = BillingMonth.at(clock.now()).previous
    for query, expected in {
        "search=globex": {"Globex archive"},
        "search=ARCHIVE, act": {"Archive, active"},
        "search=backup": {"Backup of Acme"},
        f"search={stage.globex.number}": {"Globex archive"},
        "search=100%": set(),
        f"client={globex}": {"Globex archive"},
        f"client={acme}&status=pending": {"Archive, pending"},
        f"product={other.id}": {"Backup of Acme"},
        f"month={last.next}": {"Backup of Acme"},
        f"month={last}&client={globex}": {"Globex archive"},
        f"client={uuid.uuid4()}": set(),
    }.items():
        page = Page(ada.get(f"/engagements?{query}"))
        page.check()
        assert names(page) == expected, query
    by_plan = Page(ada.get(f"{current(stage)}?plan={stage.product.plans[0].id}&status=active"))
    assert names(by_plan) == {"Archive, active", "Globex archive"}


def people_programme(stage):
    from app.catalog.queries import programme_of

    return programme_of(stage.product.id)


def test_what_can_be_chosen_is_the_viewers_own(app, people, stage, as_):
    def offered(who, path="/engagements"):
        page = Page(as_(who).get(path))
        return {
            kind: {a.text for a in page.soup.select(f"#filter-{kind} a")} - {"All"}
            for kind in ("client", "product", "plan")
        }

    assert offered("ada") == {"client": {"Acme", "Globex"}, "product": {"Data rescue"}, "plan": set()}
    assert offered("cy") == {"client": {"Globex"}, "product": {"Cloud watch"}, "plan": set()}
    assert offered("olga") == {"client": {"Acme", "Globex"}, "product": {"Cloud watch", "Data rescue"}, "plan": set()}
    assert offered("ada", current(stage)) == {"client": {"Acme", "Globex"}, "product": set(), "plan": {"Standard"}}
    assert offered("ada", "/engagements?search=nothing-like-it")["client"] == {"Acme", "Globex"}


def test_of_too_many_those_on_the_page_can_be_chosen(stage, as_, monkeypatch):
    monkeypatch.setattr(choices, "MOST", 1)
    for kept in ("beside_rows", "_alone"):
        monkeypatch.setattr(choices, kept, getattr(choices, kept).__wrapped__)

    def offered(who, path):
        page = Page(as_(who).get(path))
        return [{a.text for a in page.soup.select(f"#filter-{kind} a")} - {"All"} for kind in ("client", "product")]

    assert offered("ada", "/engagements") == [{"Acme", "Globex"}, {"Data rescue"}]
    assert offered("ada", "/engagements?status=pending") == [{"Acme"}, {"Data rescue"}]
    assert offered("cy", "/engagements") == [{"Globex"}, {"Cloud watch"}]
    assert offered("olga", "/engagements?search=nothing-like-it") == [set(), set()]


def test_filtered_out_says_so_and_clears(stage, as_):
    page = Page(as_("ada").get("/engagements?search=zebra"))
    page.check()
    assert "No engagement fits these filters" in page.text
    assert page.soup.select_one(".empty a")["href"] == "/engagements"


def test_the_list_alone_for_htmx(stage, as_):
    for path in ("/engagements", current(stage), past(stage)):
        part = Fragment(as_("ada").get(path, headers=HTMX))
        part.check()
        assert part.soup.select_one("#results table") and not part.soup.select("h1, .bar")


@pytest.mark.parametrize("query", ["", "?status=past", "?search=archive&status=active"])
def test_the_files_hold_exactly_what_is_filtered(stage, as_, query):
    ada = as_("ada")
    shown = [
        str(small.contents[0]).rstrip(", ")
        for small in Page(ada.get(f"/engagements{query}")).soup.select("td.k-name .ref")
    ]
    answer = ada.get(f"/engagements.csv{query}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["Reference"] for row in rows] == shown
    assert rows[0]["Client"] in ("Acme", "Globex") and rows[0]["Product"] == "Data rescue"
    sheet = (
        zipfile.ZipFile(io.BytesIO(ada.get(f"/engagements.xlsx{query}").data)).read("xl/worksheets/sheet1.xml").decode()
    )
    assert sheet.count("<row ") == len(shown) + 1


def test_the_files_of_a_product(stage, as_):
    for path, number in ((current(stage), 4), (past(stage), 4)):
        assert len(as_("ben").get(f"{path}.csv").text.strip().splitlines()) == number + 1
        assert as_("cy").get(f"{path}.csv").status_code == 404
        assert as_("nobody").get(f"{path}.csv").status_code == 302
        assert as_("dot").get(f"{path}.xlsx").status_code == 403
    assert as_("ada").get("/engagements.pdf").status_code == 404


def test_another_partner_sees_nothing_of_it(stage, as_):
    cy = as_("cy")
    for path in (current(stage), past(stage)):
        assert cy.get(path).status_code == 404
        assert cy.get(path, headers=HTMX).status_code == 404
    assert names(Page(cy.get("/engagements"))) == {"Watch of Globex"}
    assert "Archive" not in cy.get("/engagements.csv?status=past").text
    for path in (current(stage), "/engagements"):
        assert as_("nobody").get(path).status_code == 302
        assert as_("dot").get(path).status_code == 403


def test_figures_of_the_open_month(app, people, stage, as_):
    month = BillingMonth.at(clock.now())
    with app.app_context():
        make_entry(stage.engagements["active"], "12.5", month=month, rated=True)
        make_entry(stage.globex, "2", month=month)
    rows = {
        tr.select_one("a").text: tr.get_text(" ", strip=True)
        for tr in Page(as_("ben").get(current(stage))).soup.select("tbody tr")
    }
    assert "1,875.00" in rows["Archive, active"]
    closing = month if clock.now().day > 2 else month.previous
    if closing == month:
        assert "submitted" in rows["Globex archive"]
    assert "no entry yet" in rows["Archive, completion_requested"]


def test_figures_where_the_programme_asks_all_three_roles(app, people, as_):
    stage = set_stage(app, people, "active", viewing_takes_all_three=True)
    with app.app_context():
        make_entry(stage.engagements["active"], "12.5", rated=True)
    assert "1,875.00" in as_("ada").get("/engagements").text
    page = Page(as_("ben").get("/engagements"))
    page.check()
    assert "1,875.00" not in page.html and "Rated" not in page.text


def test_pages_follow_each_other_without_loss(app, people, as_):
    stage = set_stage(app, people, "pending")
    with app.app_context():
        for number in range(52):
            make_engagement(stage.product, people.acme, state="pending", name=f"Request {number}")
    ada = as_("ada")
    first = Page(ada.get(current(stage)))
    following = first.soup.select_one('.foot a[rel="next"]')["href"]
    second = Page(ada.get(following))
    assert len(names(first)) == 50 and len(names(second)) == 3 and not names(first) & names(second)
    back = Page(ada.get(second.soup.select_one('.foot a[rel="prev"]')["href"]))
    assert names(back) == names(first)
    assert len(ada.get(f"{current(stage)}.csv").text.strip().splitlines()) == 54
    assert ada.get(f"{current(stage)}?after=nonsense").status_code == 404


@pytest.mark.parametrize("who", ["ada", "olga"])
def test_three_statements_a_page(app, stage, as_, who):
    browser = as_(who)
    for path in ("/engagements", "/engagements?status=past&search=archive", current(stage), past(stage)):
        browser.get(path)
        with statements(app) as seen:
            assert browser.get(path).status_code == 200
        assert len(seen) <= 3, (path, seen)


NOVEMBER_1, NOVEMBER_20 = datetime(2026, 11, 1, 9, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=UTC)
OCTOBER = BillingMonth(2026, 10)


def reopen(month, book="reject-after-grace"):
    with acting_for_all("the machine's owner") as owner:
        reopening.reopen_at_once(freeze_month(month, book=book), reason="Two entries were lost", by=owner)


def figures(page):
    """Engagement -> what its row says of the open month."""
    return {
        row.select_one("td.k-name a").text: row.select("td.num")[1].get_text(" ", strip=True)
        for row in page.soup.select("tbody tr")
    }


def test_the_open_month_is_the_one_that_takes_entries(app, people, as_):
    """By the months' rows too: in the grace days October is first, unless it is frozen already; then it is November."""
    with time_machine.travel(NOVEMBER_1, tick=False):
        stage = set_stage(app, people, "active")
        with app.app_context():
            make_entry(stage.engagements["active"], "12.5", month=OCTOBER, rated=True)
        page = Page(as_("ada").get(current(stage)))
        page.check()
        assert "October 2026 closes 3 Nov 2026 00:00 UTC" in page.text
        assert page.soup.select("th.num")[1].text == "October 2026 USD"
        assert figures(page) == {"Archive, active": "1,875.00"}
        with app.app_context():
            freeze_month(OCTOBER)  # by a clock that ran ahead and came back
        for who in ("ada", "olga"):
            page = Page(as_(who).get(current(stage)))
            page.check()
            assert "October 2026 closes" not in page.text and page.soup.select("th.num")[1].text == "November 2026 USD"
            assert "November 2026 closes 3 Dec 2026 00:00 UTC" in page.text
            assert figures(page) == {"Archive, active": "no entry yet"}
        form = Page(as_("ada").get(f"{stage.path('active')}/billing-entries/new"))
        assert [radio["value"] for radio in form.soup.select("input[name=month]")] == ["2026-11"]


def test_a_reopened_month_comes_first_where_it_can_be_billed(app, people, as_):
    """For engagements that were active in it; it has no deadline, the other one keeps its own."""
    with app.app_context(), clock.pinned(datetime(2026, 10, 5, tzinfo=UTC)):
        stage_of_october = make_product(make_programme("Services"), people.northbridge)
        old = make_engagement(stage_of_october, people.acme, name="Old")
        make_entry(old, "2", month=OCTOBER, rated=True)
    with time_machine.travel(NOVEMBER_20, tick=False):
        with app.app_context():
            make_engagement(stage_of_october, people.acme, name="New", at=NOVEMBER_1)
            make_engagement(stage_of_october, people.acme, name="Asked", state="pending", at=NOVEMBER_1)
            reopen(OCTOBER)
            db.session.remove()
        path = f"/products/{stage_of_october.id}/current-engagements"
        page = Page(as_("ada").get(path))
        page.check()
        assert figures(page) == {"Old": "300.00 Oct", "New": "no entry yet Nov", "Asked": "—"}
        assert page.soup.select("th.num")[1].text == "Open month USD"
        assert "November 2026 closes 3 Dec 2026" in page.text and not page.soup.select("td.amber")
        as_("ada").get(path)
        with statements(app) as seen:
            assert as_("ada").get(path).status_code == 200
        assert len(seen) <= 3, seen
        first = Page(as_("ada").get(f"/engagements/{old.id}/billing-entries/new"))
        assert first.soup.select_one("input[name=month][checked]")["value"] == "2026-10"


def test_where_every_month_is_shut_nothing_is_promised(app, people, as_):
    with time_machine.travel(NOVEMBER_20, tick=False):
        stage = set_stage(app, people, "active")
        with app.app_context():
            freeze_month(OCTOBER.next)
        page = Page(as_("ada").get(current(stage)))
        page.check()
        assert figures(page) == {"Archive, active": "—"} and "closes" not in page.text


def test_two_policies_name_their_months(app, people, as_):
    with time_machine.travel(NOVEMBER_1, tick=False):
        set_stage(app, people, "active")
        with app.app_context():
            rolling = make_product(
                make_programme("Marketplace", cut_off="roll-forward"), people.northbridge, name="Rolling"
            )
            make_engagement(rolling, people.acme, name="Rolls", at=datetime(2026, 10, 2, tzinfo=UTC))
        page = Page(as_("ada").get("/engagements"))
        page.check()
        assert figures(page) == {"Archive, active": "no entry yet Oct", "Rolls": "no entry yet Nov"}
