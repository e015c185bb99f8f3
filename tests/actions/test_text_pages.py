"""A page that is read as one text is the page that is read row by row."""

import uuid
from typing import Any

from sqlalchemy import Boolean, String, Uuid, case, false, literal, select

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Instant, Month
from app.foundation.pages import cursor_of, page_of
from app.foundation.tenancy import acting_for_all
from app.foundation.text_pages import text_page_of
from app.members import directory
from app.parties import queries
from app.parties.model import Organisation
from tests.makers import make_organisation

NAMES = ("Zoë & <Söhne>", 'Quotes "and" \\ backslashes', "ÅÄÖ", "abc", "Abd", "日本", "emoji 🙂", "[1,2]")
#: every kind of column, with and without a value
KINDS: tuple[tuple[Any, Any], ...] = (
    (Uuid(), uuid.UUID(int=5)), (String(), '["a"]'), (Boolean(), True), (Instant(), clock.now()), (Month(), BillingMonth(2026, 3)),
)  # fmt: skip


KIND_COLUMNS = (
    case((Organisation.name == "abc", literal(value, kind))).label(f"kind_{number}")
    for number, (kind, value) in enumerate(KINDS)
)
EVERY_KIND = select(Organisation.id, Organisation.name, *KIND_COLUMNS)


def test_pages_are_the_same_whichever_way_they_are_read() -> None:
    for name in NAMES:
        make_organisation(name)
    organisations, values = queries.organisations_asked()
    with acting_for_all("a test reads lists"):
        for found, asked in (
            (organisations, {"values": values, "beside": directory.beside}),
            (EVERY_KIND, {"values": {}}),
        ):
            for size in (1, 3, 50):
                down, up = (both_ways(found, way, size=size, **asked) for way in ("next", "previous"))
                assert down == sorted(up, key=down.index) and {row.name for row in down} >= set(NAMES)
        assert text_page_of(EVERY_KIND.where(false()), queries.LIST_KEYS, values={}).rows == []


def both_ways(found: Any, way: str, **asked: Any) -> list[Any]:
    seen: list[Any] = []
    place = (
        {}
        if way == "next"
        else {"before": cursor_of(Organisation(name="\U0010ffff", id=uuid.UUID(int=0)), ("name", "id"))}
    )
    while True:
        there: dict[str, Any] = {"oldest_first": True, **asked, **place}
        one, other = text_page_of(found, queries.LIST_KEYS, **there), page_of(found, queries.LIST_KEYS, **there)
        assert (one.rows, one.next, one.previous) == (other.rows, other.next, other.previous)
        assert [list(map(type, row)) for row in one.rows] == [list(map(type, row)) for row in other.rows]
        seen += one.rows
        on = one.next if way == "next" else one.previous
        if on is None:
            return seen
        place = {"after" if way == "next" else "before": on}
