"""A list's address: what it asks for, and the links it gives."""

import uuid
from typing import Any

import pytest
from flask import Flask

from app.foundation.billing_month import BillingMonth
from app.foundation.pages import Page
from app.web.filters import Choice, Months, Reference, Search
from app.web.listing import Listing, ListOf

CLIENT = uuid.UUID("018f0000-0000-7000-8000-00000000000c")
LIST = ListOf(
    Search("search", "Search"),
    Choice("state", "Status", {"pending": "Pending", "active": "Active"}),
    Months("month", "Month"),
    Reference("client", "Client", lambda: {CLIENT: "Acme"}),
    sorts={"newest": "Newest first", "name": "Name"},
)


@pytest.fixture
def read(small: Flask) -> Any:
    context: list[Any] = []

    def at(address: str) -> Listing:
        context.append(small.test_request_context(address))
        context[-1].push()
        return LIST.read()

    yield at
    for each in reversed(context):
        each.pop()


def test_typed_values(read: Any) -> None:
    listing = read(f"/engagements?search=+Ac++me+&state=active&month=2026-10&client={CLIENT}&sort=name&after=abc")
    assert listing.values == {"search": "Ac me", "state": "active", "month": BillingMonth(2026, 10), "client": CLIENT}
    assert (listing.sort, listing.after, listing.before) == ("name", "abc", None)
    assert [a.label for a in listing.active] == [
        "Search: Ac me",
        "Status: Active",
        "Month: October 2026",
        "Client: Acme",
    ]
    assert listing.active[1].clear == f"/engagements?search=Ac+me&month=2026-10&client={CLIENT}&sort=name"
    assert listing.is_filtered
    assert listing.clear_all == "/engagements?sort=name"
    assert listing.csv.startswith("/engagements.csv?search=Ac+me&state=active&month=2026-10")
    assert "after" not in listing.csv
    assert listing.keep("search") == {"state": "active", "month": "2026-10", "client": str(CLIENT), "sort": "name"}
    assert (
        listing.link(state="pending", search=None)
        == f"/engagements?state=pending&month=2026-10&client={CLIENT}&sort=name"
    )
    assert listing.link(month=BillingMonth(2027, 1)).count("month=2027-01") == 1


@pytest.mark.parametrize(
    "address",
    [
        "/e?state=frozen&month=2026-99&client=7&sort=password&search=%20",
        "/e?search=a%00b&state=%FF",
        "/e?client=" + "x" * 36,
        "/e?state=&month=&after=",
        "/e?search=%E2%80%AEabc",
    ],
)
def test_what_is_unknown_is_ignored(read: Any, address: str) -> None:
    listing = read(address)
    assert set(listing.values.values()) == {None}
    assert (listing.sort, listing.after, listing.is_filtered, listing.clear_all) == ("newest", None, False, "/e")


def test_menus_and_sorts(read: Any) -> None:
    listing = read("/e?state=active&q=no")
    menu = listing.menus[0]
    assert (menu.id, menu.label) == ("filter-state", "Status: Active")
    assert [tuple(o) for o in menu.options] == [
        ("All", "/e", False),
        ("Pending", "/e?state=pending", False),
        ("Active", "/e?state=active", True),
    ]
    assert listing.menus[1].label == "Client: all"
    assert [(s.key, s.link, s.current) for s in listing.sorts] == [
        ("newest", "/e?state=active&sort=newest", True),
        ("name", "/e?state=active&sort=name", False),
    ]


def test_paging_keeps_the_filters(read: Any) -> None:
    listing = read("/e?state=active&before=zz&after=yy")
    assert (listing.after, listing.before) == (None, "zz")
    assert (listing.next, listing.previous) == (None, None)
    listing = listing.with_page(Page([], "n/x", None))
    assert (listing.next, listing.previous) == ("/e?state=active&after=n%2Fx", None)


def test_an_export_is_of_the_same_list(read: Any) -> None:
    assert read("/e.csv?state=active").link() == "/e?state=active"
    assert read("/e.xlsx").xlsx == "/e.xlsx"


def test_names_may_not_clash() -> None:
    with pytest.raises(ValueError, match="clash"):
        ListOf(Search("after"))
    with pytest.raises(ValueError, match="clash"):
        ListOf(Search("q"), Choice("q", "Q", {}))
