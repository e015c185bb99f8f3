"""A client's search reads its own engagements along their index, also where it has thousands and an average client thirty.

PostgreSQL expects that fewer than it is asked for are there at all, and would read and sort all of them.
"""

import re
from typing import Any

import pytest

from app.foundation.database import db
from tests.screens.test_list_plans import (
    _HALF_OF_THEM_PAST,
    _THIRTY_OF_MOST,
    _among_many,
    address,
    seen_by,
    stage,
)

__all__ = ["stage"]

PATHS = [
    "/my/engagements?search=zebra",
    "/my/engagements?search=zebra&before={oldest}",
    "/my/engagements?search=zebra&status=active",
    "/my/engagements?search=acme+zebra",
]


@pytest.mark.postgres
def test_it_is_read_in_order_and_looked_up_by_its_ids(app: Any, people: Any, stage: Any, as_: Any) -> None:
    asked = []
    for path in PATHS:
        where = address(path, stage, people)
        as_("dot").get(where)  # by which it becomes known that there is an index
        asked += [one for one in seen_by(app, as_("dot"), where) if "few AS MATERIALIZED" in one[0]]
    assert len(asked) == len(PATHS)
    with app.app_context(), db.engine.connect() as connection:
        plans = _among_many(connection, stage, asked, _THIRTY_OF_MOST, _HALF_OF_THEM_PAST)
    for plan in plans:
        lines = plan.splitlines()
        scans = [
            nr for nr, line in enumerate(lines) if re.search(r"Scan.* on engagement\b", line) and "pk_" not in line
        ]
        assert scans
        for nr in scans:
            if "Subquery Scan" not in lines[nr]:  # of one row that was looked up by its id
                assert "Sort" not in _above(lines, nr), (lines[nr], plan)


def _above(lines: list[str], nr: int) -> list[str]:
    """What the node's rows go through until a bound is set to them."""
    found: list[str] = []
    deep = _depth(lines[nr])
    for line in reversed(lines[:nr]):
        if "->" in line and _depth(line) < deep:
            deep = _depth(line)
            node = line.strip().removeprefix("->  ")
            if node == "Limit":
                break
            found.append(node)
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
