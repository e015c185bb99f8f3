"""A page that is read as one text is the page that is read row by row."""

import uuid
from typing import Any

import pytest
from sqlalchemy import Boolean, String, Uuid, case, false, func, literal, select

from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import Exact, Instant, Month, db, transaction
from app.foundation.pages import Page, cursor_of, page_of
from app.foundation.tenancy import acting_for_all
from app.foundation.text_pages import Within, rows_told, text_page_of
from app.members import directory
from app.parties import queries
from app.parties.model import Organisation
from tests.makers import make_organisation

NAMES = ("Zoë & <Söhne>", 'Quotes "and" \\ backslashes', "ÅÄÖ", "abc", "Abd", "日本", "emoji 🙂", "[1,2]")
#: every kind of column, with and without a value
KINDS: tuple[tuple[Any, Any], ...] = (
    (Uuid(), uuid.UUID(int=5)), (String(), '["a"]'), (String(), "x\ty\u2028\x7f"), (Boolean(), True), (Instant(), clock.now()),
    (Month(), BillingMonth(2026, 3)),
)  # fmt: skip


KIND_COLUMNS = (
    case((Organisation.name == "abc", literal(value, kind))).label(f"kind_{number}")
    for number, (kind, value) in enumerate(KINDS)
)
EVERY_KIND = select(Organisation.id, Organisation.name, *KIND_COLUMNS)


#: of a name behind every other
_BEHIND_ALL = cursor_of(Organisation(name="\U0010ffff", id=uuid.UUID(int=0)), ("name", "id"))


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


def test_what_stands_beside_rows_is_there_without_any() -> None:
    beside = select(literal("here")).scalar_subquery().label("beside")
    with acting_for_all("a test reads lists"):
        page = text_page_of(EVERY_KIND.where(false()), queries.LIST_KEYS, values={}, once=(beside,))
    assert (page.rows, page.next, page.previous, page.once.beside) == ([], None, None, "here")


def test_what_is_worked_out_for_its_rows_is_of_these_alone() -> None:
    for name in NAMES:
        make_organisation(name)
    found = select(Organisation.id, Organisation.name)
    with acting_for_all("a test reads lists"):
        page = text_page_of(found, queries.LIST_KEYS, values={}, once=(_last_name,), oldest_first=True, size=3)
        names = [row.name for row in page_of(found, queries.LIST_KEYS, size=4, oldest_first=True).rows]
    assert page.once.last_name == max(names)


def _last_name(page: Any) -> Any:
    return select(func.max(page.name)).scalar_subquery().label("last_name")


def test_what_changes_is_told_otherwise() -> None:
    make_organisation("Acme")
    found = select(Organisation.id, Organisation.name)
    with acting_for_all("a test reads lists"):
        before, same = (text_page_of(found, queries.LIST_KEYS, values={}) for _ in range(2))
        with transaction():
            db.session.get_one(Organisation, before.rows[0].id).name = "Renamed"
        after = text_page_of(found, queries.LIST_KEYS, values={})
    assert before.told == same.told != after.told
    assert "Renamed" in {row.name for row in after.rows}
    assert list(rows_told(after.told)) == after.rows


@pytest.mark.parametrize("fitting", ["", "0", "29", "1", "357", "0123456789"])
def test_what_is_looked_for_among_so_many_a_page_is_found_whole(fitting: str) -> None:
    """Forwards and backwards, whether rows fit everywhere or nowhere, at the end of what a page looks through or beyond it."""
    for nr in range(40):
        make_organisation(f"Row {nr:02} of {nr % 10}")
    found = select(Organisation.id, Organisation.name).where(Organisation.name.startswith("Row "))
    expected = [f"Row {nr:02} of {nr % 10}" for nr in range(40) if str(nr % 10) in fitting]
    for size, most in ((3, 7), (3, 3), (50, 10), (3, 40), (3, 41)):
        fits = Within(lambda row: func.substr(row.name, 11).in_(list(fitting) or ["none"]), most)
        with acting_for_all("a test reads lists"):
            down, pages_down = _found_within(found, fits, "next", size)
            up, pages_up = _found_within(found, fits, "previous", size)
        assert down == expected and sorted(up) == expected, (size, most)
        assert len(pages_down) <= 40 // min(size, most) + 2
        for page in (*pages_down, *pages_up):
            assert len(page.rows) <= size and page.looked_through in (None, most)


def _found_within(found: Any, within: Within, way: str, size: int) -> tuple[list[str], list[Page]]:
    names: list[str] = []
    pages: list[Page] = []
    place: dict[str, Any] = {} if way == "next" else {"before": _BEHIND_ALL}
    while True:
        page = text_page_of(found, queries.LIST_KEYS, values={}, oldest_first=True, size=size, within=within, **place)
        pages.append(page)
        names += [row.name for row in page.rows]
        on = page.next if way == "next" else page.previous
        if on is None:
            return names, pages
        place = {"after" if way == "next" else "before": on}


def test_only_what_can_be_read_back() -> None:
    unreadable = select(Organisation.id, Organisation.name, literal(None, Exact()).label("quantity"))
    with acting_for_all("a test reads lists"), pytest.raises(TypeError, match="quantity"):
        text_page_of(unreadable, queries.LIST_KEYS, values={})


def both_ways(found: Any, way: str, **asked: Any) -> list[Any]:
    seen: list[Any] = []
    place = {} if way == "next" else {"before": _BEHIND_ALL}
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
