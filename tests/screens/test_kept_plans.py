"""What PostgreSQL reads by a plan that it keeps, made for an average value: so every page after a connection's tenth is read."""

import re
from typing import Any

import pytest

from app.foundation.database import db
from tests.screens.test_list_plans import _ALIKE, _CHARGES, _HALF_OF_THEM_PAST, _THIRTY_OF_MOST, address, seen_by, stage

__all__ = ["stage"]

pytestmark = pytest.mark.postgres

PAGES = [
    ("ada", "{engagement}"),
    ("ada", "{engagement}/billing-entries"),
    ("ada", "/engagements"),
    ("dot", "/my{engagement}/billing-entries"),
]
#: Each of the other engagements has one entry, and the page's ten thousand, of which two thousand have waited.
_ALIKE_ENTRY = """
    INSERT INTO billing_entry SELECT (jsonb_populate_record(one, jsonb_build_object('id', gen_random_uuid(),
        'number', 'ALIKE-' || nr, 'rated_sequence', 10000 + nr, 'amount_minor', 1, {values}))).*
    FROM billing_entry one, ({others}) other
    WHERE one.id = (SELECT id FROM billing_entry WHERE engagement_id = %(id)s LIMIT 1)"""
_ENTRIES = _ALIKE_ENTRY.format(
    values="'engagement_id', other.id, 'state', 'rated'",
    others="SELECT id, 20000 + row_number() OVER () AS nr FROM engagement WHERE id <> %(id)s",
)
_TEN_THOUSAND = _ALIKE_ENTRY.format(
    values="'state', CASE WHEN nr %% 5 = 0 THEN 'submitted' ELSE 'rated' END",
    others="SELECT generate_series(1, 10000) AS nr",
)
_NEARLY_ALL_RATED = """
    UPDATE billing_entry SET state = 'rated' WHERE state = 'submitted' AND number LIKE 'ALIKE-%%' AND number <> 'ALIKE-5'"""


def test_what_waits_of_a_large_engagement_is_not_looked_for_among_what_is_rated(
    app: Any, people: Any, stage: Any, as_: Any
) -> None:
    """Where the index of the few is larger than they are, an average engagement's one entry looked nearer in any other."""
    asked = []
    for who, path in PAGES:
        seen = seen_by(app, as_(who), address(path, stage, people))
        asked += (waits := [one for one in seen if "billing_entry.state IN ('submitted', 'in_review')" in one[0]])
        assert waits, path
    for plan in _kept(app, stage, asked, _ENTRIES, _TEN_THOUSAND, _NEARLY_ALL_RATED):
        # an index of the few has the state within it, and so no filter by it
        assert " using ix_billing_entry_undecided" in plan and not re.search(
            r"Filter: .*'{submitted,in_review}'", plan
        ), plan


def test_a_clients_search_in_its_charges_reads_them_in_order(app: Any, people: Any, stage: Any, as_: Any) -> None:
    paths = ("/my/charges?search=archive", "/my/charges?search=archive&month={month}", "/my/charges?search=zebra")
    asked = [
        one
        for path in paths
        for one in seen_by(app, as_("dot"), address(path, stage, people))
        if re.search(r"FROM charge_line\b.*AS looked\b", one[0], re.S)
    ]
    assert len(asked) == len(paths)
    for plan in _kept(app, stage, asked, _THIRTY_OF_MOST, _HALF_OF_THEM_PAST):
        # once for what is shown, once for where the search ended
        parts = plan.split(" using ix_charge_line_customer on charge_line")
        assert len(parts) == 3 and " on charge_line" not in "".join(parts), plan
        assert not any(re.search(r"\bSort\b", part.rpartition("Limit\n")[2]) for part in parts[:-1]), plan


def _kept(app: Any, stage: Any, asked: list[tuple[str, Any]], *filled: str) -> list[str]:
    """The plans for values that are not known, among thousands of clients and engagements."""
    with app.app_context(), db.engine.connect() as connection, connection.begin() as rolled_back:
        for each in (_ALIKE["organisation"], _ALIKE["engagement"], *filled):
            connection.exec_driver_sql(each, {"id": stage.engagements["active"].id})
        connection.exec_driver_sql(_CHARGES)
        connection.exec_driver_sql("ANALYZE organisation, engagement, billing_entry, charge_line")
        plans = []
        for statement, parameters in asked:
            numbers = {name: f"${nr}" for nr, name in enumerate(parameters, 1)}
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN (GENERIC_PLAN, COSTS off) {statement % numbers}")
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
        rolled_back.rollback()
    return plans
