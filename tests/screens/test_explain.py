"""Explain: how an amount came about, for partner and operator, as a page and as an opened row."""

from decimal import Decimal

import pytest

from app.catalog.tariff import Band, Tariff
from app.foundation.clock import pinned
from app.foundation.database import db
from app.foundation.tenancy import acting_for_all
from app.web.tier_bars import tier_bar
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.makers.catalog import add_price_version
from tests.page import Fragment, Page
from tests.screens.billing_stage import HTMX, OCTOBER, at, rate_now, set_stage, utc

D = Decimal


@pytest.fixture(autouse=True)
def _present():
    with at():
        yield


@pytest.fixture
def stage(app, people):
    return set_stage(app, people)


def table(page):
    return [
        [" ".join(cell.get_text(" ").split()) for cell in row.select("td")]
        for row in page.soup.select(".explain table tbody tr")
    ]


def facts(page):
    return {
        dt.get_text(strip=True): " ".join(dd.get_text(" ").split())
        for dt, dd in zip(page.soup.select(".explain dt"), page.soup.select(".explain dd"), strict=True)
    }


def test_the_pictures_explanation(as_, stage):
    page = Page(as_("ada").get(f"{stage.path}/{stage.drill.id}"))
    page.check()
    assert "How USD 5,849.84 came about" in page.text
    assert table(page) == [
        ["0 to 100 h", "15.50", "160.0000", "2,480.00000"],
        ["over 100 h", "22.75", "148.1250", "3,369.84375"],
        ["Sum", "38.25", "", "5,849.84375"],
        ["Month before, rounded half-up", "13,520.00"],
        ["Month after, rounded half-up", "19,369.84"],
        ["Amount, the difference", "5,849.84"],
    ]
    assert facts(page) == {
        "Price": "Version 1, in force since January 2020",
        "Submitted": "29 Oct 2026 07:40 UTC, Ada Marsh",
        "Rated": "29 Oct 2026 07:40 UTC, automatically",
        "Customer is charged": "USD 5,849.84 gross, before tax",
        "Due to Northbridge": "USD 4,679.87 revenue share of 80 % of gross",
    }
    bar = page.soup.select_one("svg.tiers")
    assert [text.get_text() for text in bar.select("text")] == [
        "0 h",
        "150 h",
        "100 h, tier limit",
        "84.50 before",
        "122.75 after",
    ]
    assert page.soup.select_one("[data-print]")


def test_htmx_opens_the_row_under_its_entry(as_, stage):
    answer = as_("ada").get(f"{stage.path}/{stage.drill.id}?month=2026-10", headers=HTMX)
    part = Fragment(answer)
    part.check()
    opened = part.soup.select("tr.opened")
    assert len(opened) == 1
    assert opened[0].find_previous_sibling("tr")["id"] == f"entry-{stage.drill.id}"
    close = part.soup.select_one("tr.is-open a[aria-expanded=true]")
    assert (close["href"], close["hx-get"]) == (f"{stage.path}?month=2026-10", f"{stage.path}?month=2026-10")
    assert table(part)[-1] == ["Amount, the difference", "5,849.84"]
    assert "Ransomware" in part.text  # the rest of the filtered list is there too
    assert "Month: October 2026" in part.text


def test_the_operator_sees_the_same(as_, stage):
    page = Page(as_("olga").get(f"{stage.path}/{stage.drill.id}"))
    page.check()
    assert facts(page)["Due to Northbridge"].startswith("USD 4,679.87")


def test_an_undecided_entry_is_explained_as_provisional(app, as_, stage):
    page = Page(as_("ada").get(f"{stage.path}/{stage.night.id}"))
    page.check()
    assert "How USD 1,777.50 would come about" in page.text
    assert "Provisional: it is not decided yet" in page.text
    assert table(page)[:2] == [
        ["0 to 100 h", "0.00", "160.0000", "0.00000"],
        ["over 100 h", "12.00", "148.1250", "1,777.50000"],
    ]
    assert facts(page)["Rated"] == "Not yet"
    assert rate_now(app, stage.night) == "rated"
    decided = Page(as_("ada").get(f"{stage.path}/{stage.night.id}"))
    assert "came about" in decided.text
    assert table(decided) == table(page)  # what was foreseen is what was rated


def test_what_has_no_amount_says_why(as_, stage):
    page = Page(as_("ada").get(f"{stage.path}/{stage.rejected.id}"))
    page.check()
    assert "It was rejected, so nothing is charged for it." in page.text
    assert "Looks like minutes, not hours." in page.text


def _entries(app, people, quantities, **product):
    """A rated entry a quantity, in October; the path of the last one."""
    with app.app_context():
        with pinned(utc(2026, 6, 1)):
            made = make_product(product.pop("programme", None), partner=people.northbridge, **product)
        engagement = make_engagement(made, people.acme, at=utc(2026, 9, 1))
        for n, quantity in enumerate(quantities):
            entry = make_entry(engagement, quantity, by=people.viewer("ada"), at=utc(2026, 10, 5 + n), rated=True)
        db.session.remove()
    return f"/engagements/{engagement.id}/billing-entries/{entry.id}"


def test_a_negative_amount_is_explained_in_a_sentence(app, people, as_):
    page = Page(
        as_("ada").get(_entries(app, people, ["1000", "1"], model="simple", bands=[("1000", "1"), (None, "0.90")]))
    )
    page.check()
    assert table(page) == [
        ["taken back: 0 to 1,000 h", "−1,000.00", "1.0000", "−1,000.00000"],
        ["now: over 1,000 h", "1,001.00", "0.9000", "900.90000"],
        ["Sum", "1.00", "", "−99.10000"],
        ["Month before, rounded half-up", "1,000.00"],
        ["Month after, rounded half-up", "900.90"],
        ["Amount, the difference", "−99.10"],
    ]
    assert "all 1,001.00 h of it are now 0.9000 each. So this entry lowers the month by USD 99.10." in page.text


def test_a_simple_tier_that_only_grows_is_one_line(app, people, as_):
    page = Page(
        as_("ada").get(_entries(app, people, ["100", "20"], model="simple", bands=[("1000", "1"), (None, "0.90")]))
    )
    assert table(page)[:2] == [["0 to 1,000 h", "20.00", "1.0000", "20.00000"], ["Sum", "20.00", "", "20.00000"]]


def test_blocks_are_flat(app, people, as_):
    block = {"model": "block", "bands": [("1000", "100"), ("2500", "2500")]}
    ada = as_("ada")
    moved = Page(ada.get(_entries(app, people, ["900", "500"], name="Moved", **block)))
    moved.check()
    assert table(moved)[:3] == [
        ["taken back: 0 to 1,000 h", "−900.00", "100.0000", "−100.00000"],
        ["now: 1,000 to 2,500 h", "1,400.00", "2,500.0000", "2,500.00000"],
        ["Sum", "500.00", "", "2,400.00000"],
    ]
    stayed = Page(ada.get(_entries(app, people, ["100", "500"], name="Stayed", **block)))
    assert table(stayed)[0] == ["0 to 1,000 h", "500.00", "100.0000", "0.00000"]
    assert "The month stays in this flat tier, so the entry adds nothing." in stayed.text


def test_rounding_is_of_the_month_not_of_the_entry(app, people, as_):
    page = Page(as_("ada").get(_entries(app, people, ["1", "1"], bands=[(None, "0.004")])))
    assert table(page) == [
        ["all", "1.00", "0.0040", "0.00400"],
        ["Sum", "1.00", "", "0.00400"],
        ["Month before, rounded half-up", "0.00"],
        ["Month after, rounded half-up", "0.01"],
        ["Amount, the difference", "0.01"],
    ]


def test_net_plus_mark_up_names_both_figures(app, people, as_):
    with app.app_context():
        programme = make_programme("Marketplace", remuneration="net_plus_mark_up", remuneration_percent=D(25))
    page = Page(as_("ada").get(_entries(app, people, ["720"], programme=programme, bands=[(None, "0.1")])))
    assert facts(page)["Customer is charged"] == "USD 90.00 gross, before tax"
    assert facts(page)["Due to Northbridge"] == "USD 72.00 net; 25 % mark-up makes the gross"


def test_the_version_it_was_rated_with_is_named_for_good(app, people, as_, stage):
    """A later version, even one that reaches back, changes no explanation."""
    with app.app_context(), acting_for_all("a test's later version"):
        from sqlalchemy import select
        from sqlalchemy.orm import selectinload

        from app.catalog.model import Plan

        plan = db.session.scalars(
            select(Plan)
            .where(Plan.id == stage.engagement.plan_id)
            .options(selectinload(Plan.metrics), selectinload(Plan.price_versions))
        ).one()
        add_price_version(plan, plan.metrics[0], "per_unit", [(None, "1")], effective_from=OCTOBER)
        db.session.remove()
    page = Page(as_("ada").get(f"{stage.path}/{stage.drill.id}"))
    assert facts(page)["Price"].startswith("Version 1")
    assert table(page)[-1] == ["Amount, the difference", "5,849.84"]


def test_charge_units_other_than_one_are_said(app, people, as_):
    page = Page(as_("ada").get(_entries(app, people, ["20"], bands=[(None, "50")], charge_unit="10")))
    assert "Price per 10 h" in page.text
    assert table(page)[0] == ["all", "20.00", "50.0000", "100.00000"]


@pytest.mark.parametrize("customer", ["dot", "eve"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_customers_never_get_here(as_, stage, customer, headers):
    answer = as_(customer).get(f"{stage.path}/{stage.drill.id}", headers=headers)
    assert answer.status_code in (403, 404)
    assert "4,679" not in answer.text


TIERS = (("100", "160"), ("500", "150"), (None, "148.125"))


@pytest.mark.parametrize(
    ("bands", "before", "after", "shares", "named"),
    [
        (TIERS, "0", "50", (0, 50, 0), "100 h, tier limit"),
        (TIERS, "84.5", "122.75", (84.5, 15.5, 22.75), "100 h, tier limit"),
        (TIERS, "134.75", "146.75", (134.75, 0, 12), "100 h, tier limit"),
        (TIERS, "50", "600", (50, 50, 500), "500 h, tier limit"),
        (TIERS, "200", "600", (200, 300, 100), "500 h, tier limit"),
        (((None, "5"),), "3", "4", (3, 1, 0), None),
        ((("100", "1"),), "0", "100", (0, 100, 0), "100 h, plan limit"),
        (TIERS, "0", "0.000001", (0, 0.000001, 0), None),
    ],
)
def test_bars_are_true_to_scale(app, bands, before, after, shares, named):
    tariff = Tariff("graduated", tuple(Band(None if up is None else D(up), D(price)) for up, price in bands))
    with app.test_request_context():
        bar = tier_bar(tariff, D(before), D(after), "h")
    scale = float(D(after)) / (bar.before + bar.first + bar.next)
    assert [round(part * scale, 6) for part in (bar.before, bar.first, bar.next)] == pytest.approx(list(shares))
    assert bar.before + bar.first + bar.next <= 1
    assert all(0 < at_ <= 1 for at_, _words in bar.limits)
    assert next((words for _at, words in bar.limits if words), None) == named
