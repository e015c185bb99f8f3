"""The month a list shows of each engagement is the one its form offers first: one statement and the query agree."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from app.billing.engagement_figures import with_open_month
from app.engagements import queries
from app.engagements.model import Engagement
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.months import states
from app.months.model import Month
from app.months.queries import open_by_the_clock, taking_entries
from tests.makers import make_engagement, make_organisation, make_product, make_programme

SOON = datetime(2026, 10, 29, tzinfo=UTC)
POLICIES = ("reject-after-grace", "roll-forward")
#: every month that is near, in every state it may have, or without a row
rows = st.dictionaries(
    st.tuples(st.sampled_from(POLICIES), st.integers(-3, 1).map(BillingMonth(2026, 11).shifted)),
    st.sampled_from((states.OPEN, states.FROZEN, states.CLOSED, states.REOPENED)),
    max_size=8,
)


@pytest.fixture
def made(app: Flask) -> Any:
    """Under each policy three engagements, active since an instant at the very edge of a UTC month."""
    with app.app_context():
        partner, acme = make_organisation("Northbridge", partner=True), make_organisation("Acme", customer=True)
        for policy in POLICIES:
            product = make_product(make_programme(f"Under {policy}", cut_off=policy), partner, name=policy)
            for at in (
                datetime(2026, 8, 31, 23, 59, 59, tzinfo=UTC),
                datetime(2026, 10, 1, tzinfo=UTC),
                datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC),
            ):
                make_engagement(product, acme, at=at, name=f"{policy} {at:%d %b}")
        db.session.remove()
        yield


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.timedeltas(timedelta(0), timedelta(days=10)))
def test_the_list_and_the_form_agree(made: Any, months: dict[Any, str], later: timedelta) -> None:
    now = SOON + later
    with acting_for_all("a test compares"):
        with transaction() as session:
            session.execute(delete(Month))
            session.add_all(Month(book=book, month=month, state=state) for (book, month), state in months.items())
        taking = taking_entries(now)
        listed = db.session.execute(with_open_month(queries.engagements(), open_by_the_clock(now))).all()
        since = {row.id: row.active_from for row in db.session.execute(select(Engagement.id, Engagement.active_from))}
        for row in listed:
            offered = [one for one in taking[row.cut_off] if one.month.overlaps(since[row.id], None)]
            assert row.open_month == (offered[0].month.number if offered else 0), (row.name, now)
            if offered:
                assert (row.open_month == row.reopened_month) == (offered[0].closes_at is None)
    db.session.remove()
