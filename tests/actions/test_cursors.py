"""Cursors are anybody's to write: what no page of ours made is named as such before it reaches the database."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select

from app.foundation.history import History
from app.foundation.pages import BadCursor, page_of
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation

ID = "01890000-0000-7000-8000-000000000000"
BY_TIME = (Organisation.created_at, Organisation.id)
BY_NAME = (Organisation.name, Organisation.id)


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        (BY_TIME, ["2026-01-01T00:00:00", ID]),  # an instant without a zone
        (BY_TIME, ["0001-01-01T00:00:00+14:00", ID]),  # before all time, once it is UTC
        (BY_TIME, [5, ID]),
        (BY_NAME, ["a\0", ID]),
        (BY_NAME, ["\ud800", ID]),
        (BY_NAME, ["Acme", [ID]]),
        ((History.sequence,), [10**30]),
        ((History.sequence,), [True]),
    ],
)
def test_no_value_reaches_the_database_that_it_cannot_hold(
    keys: tuple[ColumnElement[Any], ...], written: list[Any]
) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(written).encode()).decode().rstrip("=")
    with acting_for_all("a test pages"), pytest.raises(BadCursor):
        page_of(select(*keys), keys, after=cursor)
