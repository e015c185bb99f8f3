"""What a month is charged, and an engagement so far, is added up once, and a month anew with whatever is rated in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import current_app
from sqlalchemy import event, select

from app.billing import charged_months
from app.billing.charged_months import charged_beside, charged_by_month, charged_so_far
from app.billing.model import RatingGroup
from app.engagements.model import Engagement
from app.engagements.queries import newest_current
from app.foundation import clock
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.tenancy import acting_for_all, one, viewing
from app.parties.model import Organisation
from tests.actions.closed_months import NOVEMBER, NOW, OCTOBER, D, of_october, tiered
from tests.makers import as_customer, correct, make_entry
from tests.screens.engagement_stage import statements


@pytest.fixture(autouse=True)
def in_november() -> Any:
    with clock.pinned(NOW):
        yield


def charged(engagement: Engagement, limit: int = 3) -> list[tuple[Any, ...]]:
    """As the client is told, and the same as if nothing had been kept."""
    with acting_for_all("a test's client"):
        client = one(Organisation, engagement.customer_id)
    with viewing(as_customer(client)):
        found = charged_by_month(engagement.id, limit)
        charged_months.forget()
        assert found == charged_by_month(engagement.id, limit)
    return [(str(row.service_month), row.currency, row.gross_minor, row.tax_minor, row.entries) for row in found]


def test_nothing_is_charged_before_anything_is_rated() -> None:
    engagement = tiered()
    make_entry(engagement, "5")
    assert charged(engagement) == []


def test_each_rating_and_each_correction_shows_at_once() -> None:
    engagement = tiered(tax_percent=D(10))
    first, _second = of_october(engagement, "600", "600")
    assert charged(engagement) == [(str(OCTOBER), "USD", 118000, 11800, 2)]
    make_entry(engagement, "10", rated=True)
    assert charged(engagement) == [
        (str(NOVEMBER), "USD", 1000, 100, 1),
        (str(OCTOBER), "USD", 118000, 11800, 2),
    ]
    correct(first, "500")
    assert charged(engagement)[1] == (str(OCTOBER), "USD", 109000, 10900, 4)
    assert charged(engagement, 1) == [(str(NOVEMBER), "USD", 1000, 100, 1)]


def test_what_was_added_up_is_not_added_up_again() -> None:
    engagement = tiered()
    of_october(engagement, "600", "600")
    charged(engagement)
    with acting_for_all("a test's client"), statements(current_app) as seen:
        charged_by_month(engagement.id)
    assert len(seen) == 1 and "charge_line" not in seen[0]
    with acting_for_all("another test client"):
        other = one(Organisation, engagement.partner_id)
    with viewing(as_customer(other)):
        assert charged_by_month(engagement.id) == []


def so_far(engagement: Engagement) -> tuple[Money, ...]:
    """As the client's Home and list tell it, and the same as if nothing had been kept."""
    with acting_for_all("a test's client"):
        client = one(Organisation, engagement.customer_id)
    with viewing(as_customer(client)):
        (row,) = newest_current(5, charged_beside)
        (found,) = charged_so_far([row])
        charged_months.forget()
        assert [found] == charged_so_far([row])
    return found


def test_what_an_engagement_comes_to_shows_each_rating_and_each_correction_at_once() -> None:
    engagement = tiered(tax_percent=D(10))
    make_entry(engagement, "5")
    assert so_far(engagement) == ()
    first, _second = of_october(engagement, "600", "600")
    assert so_far(engagement) == (Money.of_minor(118000, "USD"),)
    make_entry(engagement, "10", rated=True)
    assert so_far(engagement) == (Money.of_minor(119000, "USD"),)
    correct(first, "500")
    assert so_far(engagement) == (Money.of_minor(110000, "USD"),)


def test_one_more_entry_adds_up_its_month_alone() -> None:
    engagement = tiered()
    of_october(engagement, "600", "600")
    make_entry(engagement, "10", rated=True)
    so_far(engagement)
    with acting_for_all("a test's client"):
        rows = newest_current(5, charged_beside)
        with statements(current_app) as seen:
            charged_so_far(rows)
    assert seen == []
    make_entry(engagement, "10", rated=True)
    with acting_for_all("a test's client"):
        october, november = db.session.scalars(select(RatingGroup).order_by(RatingGroup.service_month))
        rows = newest_current(5, charged_beside)
        with values_asked_with() as seen:
            assert charged_so_far(rows) == [(Money.of_minor(120000, "USD"),)]
    assert november.id.hex in seen[-1] and october.id.hex not in seen[-1]


def test_what_was_never_looked_at_is_added_up_in_one_statement_more() -> None:
    engagement = tiered()
    of_october(engagement, "600", "600")
    make_entry(engagement, "10", rated=True)
    charged_months.forget()
    with acting_for_all("a test's client"):
        rows = newest_current(5, charged_beside)
        with statements(current_app) as seen:
            assert charged_so_far(rows) == [(Money.of_minor(119000, "USD"),)]
    assert len(seen) == 1


@contextmanager
def values_asked_with() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, _statement: str, values: Any, *_rest: Any) -> None:
        seen.append(repr(values).replace("-", ""))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
