"""The statements of docs/operating.md that make months partitions: they work as printed, and the portal goes on with them."""

import re
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.foundation import append_only, clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from tests.makers import make_engagement, make_entry, make_product
from tests.migrations.test_migrations import portal  # noqa: F401  the fixture

pytestmark = pytest.mark.postgres


def printed(repository: Path) -> str:
    chapter = (repository / "docs" / "operating.md").read_text().partition("## Monthly partitions")[2]
    found = re.search(r"```sql\n(.*?)```", chapter, re.DOTALL)
    assert found
    return found[1]


def test_the_partitions_as_printed(portal: Flask, repository: Path) -> None:  # noqa: F811
    engagement = make_engagement(make_product())
    make_entry(engagement, "3", rated=True)
    db.session.remove()
    with db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(printed(repository))
    make_entry(engagement, "4", rated=True)
    db.session.remove()
    with db.engine.begin() as connection:
        append_only.protect(connection)  # as after every migration
        assert append_only.unprotected(connection) == []
    with db.engine.connect() as connection:
        where = "SELECT tableoid::regclass::text, count(*) FROM charge_line GROUP BY 1"
        assert {name: count for name, count in connection.execute(text(where))} == {partition_of_now(): 2}  # noqa: C416
        plan = connection.execute(text("EXPLAIN SELECT * FROM charge_line WHERE booked_month = 202701")).scalars()
        assert "charge_line_202701" in " ".join(plan)
        with pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text("UPDATE charge_line SET gross_minor = 0"))
    checked = portal.test_cli_runner().invoke(args=["check", "all"])
    assert checked.exit_code == 0, checked.output


def partition_of_now() -> str:
    number = BillingMonth.at(clock.now()).number
    if number < 202701:
        return "charge_line_until_2026"
    return f"charge_line_{number}" if number < 202703 else "charge_line_later"
