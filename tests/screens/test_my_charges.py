"""What the own organisation is charged: gross and tax, by booked month, footing."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from bs4 import Tag

from app.charges import queries
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.page import Fragment, Page
from tests.screens import billing_stage
from tests.screens.engagement_stage import HTMX, statements

PATH = "/my/charges"


@pytest.fixture
def charged(app, people):
    """July to October 2026 of Acme, an entry of Globex, at 20 % tax."""
    stage = billing_stage.set_stage(app, people, tax_percent=Decimal(20))
    with app.app_context():
        other = make_product(make_programme("Other rules"), people.contrail, name="Cloud watch")
        globex = make_engagement(other, people.globex, name="Globex watch", at=datetime(2026, 9, 1, tzinfo=UTC))
        make_entry(globex, "7", month=BillingMonth(2026, 10), at=datetime(2026, 10, 5, tzinfo=UTC), rated=True)
        make_entry(stage.engagement, "1", month=BillingMonth(2026, 8), at=datetime(2026, 8, 20, tzinfo=UTC), rated=True)
        db.session.remove()
    with billing_stage.at():
        yield stage


def test_lines_and_totals_of_own_charges(charged, as_):
    page = Page(as_("dot").get(PATH))
    page.check()
    assert "October 2026" in page.text and "August 2026" in page.text and "USD 5,849.84" in page.text
    assert "Globex" not in page.text and "Cloud watch" not in page.text
    strip = page.soup.select_one(".strip").get_text(" ", strip=True)
    assert "19,369.84" in strip and "3,873.97" in strip and "23,243.81" in strip


def test_one_month_foots(charged, as_):
    page = Page(as_("dot").get(f"{PATH}?month=2026-10"))
    page.check()
    gross = [
        Decimal(cell.get_text(strip=True).split()[-1].replace(",", ""))
        for cell in page.soup.select("tbody tr:not(.total) td.k-a")
    ]
    total = page.soup.select_one("tr.total").select("td.num")
    assert len(gross) == 3 and sum(gross) == Decimal(total[0].get_text(strip=True).split()[-1].replace(",", ""))
    assert "August 2026" not in page.soup.select_one("#results").text


def test_a_search_goes_on_where_it_ended(charged, as_, monkeypatch):
    """No index knows the words of a line: a page looks through so many lines, and says so."""
    monkeypatch.setattr(queries, "SEARCHED", queries.SEARCHED._replace(most=2))
    dot, pages = as_("dot"), 0
    on: Any = {"href": f"{PATH}?search=38.25"}
    found: list[Tag] = []
    while on:
        page = Page(dot.get(on["href"]))
        page.check()
        pages += 1
        found += page.soup.select("#results tbody tr")
        on = page.soup.select_one("#results a[rel=next]")
        if on:
            assert "2 looked through" in page.text or "2 lines looked through" in page.text
        assert found or page.soup.select_one("#results .empty")
    assert pages > 1 and len(found) == 1 and "5,849.84" in found[0].text
    # from the end of which nothing was found one comes back to what was
    back = page.soup.select_one("#results a[rel=prev]")["href"]
    assert Page(dot.get(back)).soup.select_one("#results a[rel=next]")


def test_search_fragment_and_empty_states(charged, as_):
    part = Fragment(as_("dot").get(f"{PATH}?search=38.25", headers=HTMX))
    part.check()
    assert "5,849.84" in part.text and "7,120.00" not in part.text
    for wild in ("38_25", "38%25", "38/.25"):
        assert "5,849.84" not in Fragment(as_("dot").get(f"{PATH}?search={wild}", headers=HTMX)).text
    nothing = Page(as_("dot").get(f"{PATH}?search=nowhere"))
    nothing.check()
    assert "No charge fits" in nothing.text


def test_without_any_charge(people, as_):
    page = Page(as_("dot").get(PATH))
    page.check()
    assert "Charges appear here" in page.text


def test_csv_holds_exactly_what_is_filtered(charged, as_):
    rows = list(csv.DictReader(io.StringIO(as_("dot").get(f"{PATH}.csv?month=2026-10").text)))
    assert len(rows) == 3 and set(rows[0]) == {
        "Booked month",
        "Service month",
        "Description",
        "Provider",
        "Amount without tax",
        "Tax",
        "Currency",
    }
    assert sum(Decimal(row["Amount without tax"]) for row in rows) == Decimal("19369.84")
    assert as_("dot").get(f"{PATH}.xlsx").data[:2] == b"PK"


def test_pages_by_keyset_show_every_line_once(app, charged, people, as_):
    with app.app_context():
        for day in range(1, 29):
            for hour in (1, 2):
                make_entry(
                    charged.engagement,
                    "0.25",
                    month=BillingMonth(2026, 9),
                    at=datetime(2026, 9, day, hour, tzinfo=UTC),
                    rated=True,
                )
        db.session.remove()
    dot, path, seen = as_("dot"), PATH, []
    while path:
        page = Page(dot.get(path))
        seen += [cell.get_text(strip=True) for cell in page.soup.select("tbody tr:not(.total) td.k-name")]
        following = page.soup.select_one("a[rel=next]")
        path = str(following["href"]) if following else ""
    assert len(seen) == 60
    assert "Previous" in page.text and page.soup.select_one("a[rel=prev]")


def test_two_statements(app, charged, as_):
    dot = as_("dot")
    with statements(app) as asked:
        dot.get(PATH, headers=HTMX)
    assert len([one for one in asked if "FROM member" not in one]) <= 2, asked


@pytest.mark.parametrize("path", [PATH, f"{PATH}.csv", f"{PATH}.xlsx"])
def test_who_gets_in(charged, as_, path):
    for other in ("ada", "ben", "cy", "olga"):
        assert as_(other).get(path).status_code == 403
    assert as_("nobody").get(path).status_code == 302
    assert "5849.84" not in as_("eve").get(path).get_data(as_text=False).decode("latin1").replace(",", "")


def test_every_line_leads_to_its_explanation(charged, as_):
    dot = as_("dot")
    links = Page(dot.get(PATH)).soup.select("td.k-go a")
    assert len(links) == 4
    answer = dot.get(links[0]["href"])
    assert answer.status_code == 303
    page = Page(dot.get(answer.headers["Location"]))
    page.check()
    assert str(charged.engagement.id) in answer.headers["Location"]
    assert as_("eve").get(links[0]["href"]).status_code == 404
