"""A page that is read as one text has the rows, the order and the neighbours of the page that is read row by row."""

from typing import Any

import pytest
from sqlalchemy import select

from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.page_texts import rows_told
from app.foundation.pages import Page, page_of
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests.makers import make_organisation

NAMES = ("Acme", "Łódź 🙂", 'a "b" \\c', "<i>'&", "x\ty", "[null]", "e\u2028")
KEYS = (Organisation.created_at, Organisation.id)
FOUND = select(*KEYS, Organisation.name, Organisation.deactivated_at)
COUNTED = select(Organisation.name).where(Organisation.name == "Acme").limit(1).scalar_subquery().label("beside")


@pytest.fixture
def _organisations() -> None:
    for nr, name in enumerate(NAMES):
        made = make_organisation(f"Organisation {nr}")
        with acting_for_all("a test sets up"), transaction():
            row = db.session.get_one(Organisation, made.id)
            row.name, row.deactivated_at = name, clock.now() if nr % 2 else None


def both(**where: Any) -> Page:
    """The page as text, after it was held against the other."""
    page = page_of(FOUND, KEYS, size=3, once=(COUNTED,), as_text=True, values={}, **where)
    other = page_of(FOUND, KEYS, size=3, once=(COUNTED,), values={}, **where)
    told = len(page.rows[0])
    assert [tuple(row) for row in page.rows] == [tuple(row)[:told] for row in other.rows]
    assert (page.next, page.previous) == (other.next, other.previous)
    assert page.once.beside == "Acme"
    assert page.told is not None
    assert rows_told(page.told)[0] == page.rows
    return page


@pytest.mark.usefixtures("_organisations")
@pytest.mark.parametrize("oldest_first", [False, True])
def test_it_is_the_same_page_in_all_directions(oldest_first: bool) -> None:
    with acting_for_all("a test pages"):
        page = both(oldest_first=oldest_first)
        names = [row.name for row in page.rows]
        while page.next:
            page = both(after=page.next, oldest_first=oldest_first)
            names += [row.name for row in page.rows]
        assert {*NAMES} <= {*names}
        assert len(names) == len({*names})
        while page.previous:
            page = both(before=page.previous, oldest_first=oldest_first)
        assert page.rows == both(oldest_first=oldest_first).rows


@pytest.mark.usefixtures("_organisations")
def test_a_page_without_rows_still_says_what_stands_beside_them() -> None:
    nobody = FOUND.where(Organisation.name == "nobody")
    with acting_for_all("a test pages"):
        page = page_of(nobody, KEYS, once=(COUNTED,), as_text=True, values={})
    assert (tuple(page.rows), page.next, page.previous, page.once.beside) == ((), None, None, "Acme")


@pytest.mark.usefixtures("_organisations")
def test_what_changes_is_another_text() -> None:
    with acting_for_all("a test pages"):
        before = page_of(FOUND, KEYS, as_text=True, values={})
        with transaction():
            db.session.get_one(Organisation, before.rows[0].id).name = "Renamed"
        after = page_of(FOUND, KEYS, as_text=True, values={})
    assert before.told != after.told
    assert after.rows[0].name == "Renamed"


def test_only_what_can_be_read_back() -> None:
    with acting_for_all("a test pages"), pytest.raises(TypeError, match="is_partner"):
        page_of(select(*KEYS, Organisation.is_partner), KEYS, as_text=True, values={})
