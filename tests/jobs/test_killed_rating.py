"""kill -9 at any moment loses nothing and doubles nothing: a rating process is killed fifty times, somewhere."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.billing import events, states
from app.billing.model import BillingEntry, RatingGroup
from app.catalog import tariff as tariffs
from app.charges.model import ChargeLine
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.history import History
from app.foundation.identity import new_id
from app.foundation.money import round_half_up
from app.foundation.numbers import next_number
from app.foundation.tenancy import acting_for_all
from tests.makers import make_engagement, make_entry, make_organisation, make_product, make_programme

KILLS = 50
GROUPS = 6
ENTRIES = 900


@pytest.fixture
def submitted(app: Flask) -> Flask:
    """More submitted entries than fifty processes get through, in six groups: three price models, a limit, a review threshold."""
    chance = random.Random(4711)
    with app.app_context():
        partner, customer = make_organisation("Northbridge", partner=True), make_organisation("Acme", customer=True)
        programme = make_programme(tax_percent=Decimal(19), review_threshold_minor=10_000)
        products = [
            make_product(programme, partner, name="Per unit", bands=[(None, "9.99")]),
            make_product(
                programme,
                partner,
                name="Graduated",
                model="graduated",
                bands=[("100", "1.003"), ("900", "0.9"), (None, "0.8")],
            ),
            make_product(
                programme,
                partner,
                name="Simple",
                model="simple",
                bands=[("400", "1"), (None, "0.9")],
                month_limit="600",
            ),
        ]
        for product in products:
            for _ in range(2):
                make_entry(make_engagement(product, customer))
        for _ in range(ENTRIES // 100):
            submit_like(some_entries(), chance, 100)
    return app


def some_entries() -> list[BillingEntry]:
    """One of each group."""
    with acting_for_all("a test looks"):
        found = db.session.scalars(select(BillingEntry).order_by(BillingEntry.id).limit(GROUPS)).all()
    return list(found)


#: what rating writes; a new entry has none of it, whatever has become of its pattern
UNRATED = dict.fromkeys(
    (
        "rated_at",
        "rated_by_name",
        "rated_sequence",
        "amount_minor",
        "price_version_id",
        "quantity_before",
        "quantity_after",
        "reason",
    )
)


def submit_like(patterns: list[BillingEntry], chance: random.Random, count: int) -> None:
    """More entries like these with other quantities, as submit() leaves them, without asking its rules each time."""
    with acting_for_all("a test's entries") as by, transaction() as session:
        for _ in range(count):
            pattern = chance.choice(patterns)
            columns = {column.key: getattr(pattern, column.key) for column in BillingEntry.__mapper__.column_attrs}
            quantity = Decimal(chance.randrange(1, 1200)) / 100
            columns |= {**UNRATED, "state": states.SUBMITTED, "version": 1, "submitted_at": clock.now()}
            columns |= {"id": new_id(), "number": next_number("BE"), "quantity": quantity}
            entry = BillingEntry(**columns)
            session.add(entry)
            month = str(entry.service_month)
            facts: dict[str, Any] = {"number": entry.number, "quantity": str(quantity), "unit": "h", "month": month}
            history.record(entry, events.SUBMITTED, by=by, to_state=states.SUBMITTED, **facts)
    db.session.remove()


@pytest.fixture
def worker(app: Flask, repository: Path) -> Iterator[Callable[[float | None], str]]:
    """Start a rating process and kill it after so many seconds (None: let it finish); says how it ended."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    command = [sys.executable, "-m", "tests.jobs.rating_worker", url]
    with subprocess.Popen(command, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(kill_after: float | None) -> str:
            process.stdin.write("go\n")
            process.stdin.flush()
            pid = int(process.stdout.readline())
            if kill_after is not None:
                time.sleep(kill_after)
                os.kill(pid, signal.SIGKILL)  # a process that has ended is not reaped before this line is read
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()


def test_killed_fifty_times(submitted: Flask, worker: Callable[[float | None], str]) -> None:
    chance = random.Random()
    reach, waiting, hits = 0.3, left(submitted), 0
    for _ in range(KILLS):
        assert worker(chance.uniform(0.02, reach)) == "killed"
        before, waiting = waiting, left(submitted)
        hits += waiting < before
        # from before the first entry to well among them, however fast this machine is just now
        reach = max(0.1, reach * 0.9) if waiting < before else min(2.0, reach * 1.3)
        if waiting < 150:
            with submitted.app_context():
                submit_like(some_entries(), chance, 300)
            waiting = left(submitted)
    assert hits > KILLS / 5, "nearly every one was killed before its first entry"
    assert worker(None) == "done"
    assert not left(submitted)
    with submitted.app_context(), acting_for_all("a test looks"):
        each_decided_once()
        sums_are_the_tariff()
    checked = submitted.test_cli_runner().invoke(args=["check", "all"])
    assert checked.exit_code == 0, checked.output


def left(app: Flask) -> int:
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(
            select(func.count(BillingEntry.id)).where(BillingEntry.state == states.SUBMITTED)
        ).one()


def each_decided_once() -> None:
    counts = select(BillingEntry.state, func.count(BillingEntry.id)).group_by(BillingEntry.state)
    by_state = {state: count for state, count in db.session.execute(counts)}  # noqa: C416  typed rows
    assert set(by_state) == {states.RATED, states.REJECTED, states.IN_REVIEW}
    lines = select(func.count(ChargeLine.id), func.count(ChargeLine.source_id.distinct()))
    assert db.session.execute(lines).one() == (by_state[states.RATED], by_state[states.RATED])
    events = select(func.count(History.id)).where(History.about_id.is_not(None)).group_by(History.about_id)
    assert set(db.session.scalars(events)) == {2}  # submitted, and decided


def sums_are_the_tariff() -> None:
    from app.catalog.model import Metric, MetricPrice

    groups = db.session.execute(
        select(RatingGroup, MetricPrice)
        .join(Metric, Metric.id == RatingGroup.metric_id)
        .join(MetricPrice, MetricPrice.metric_id == Metric.id)
    ).all()
    assert len(groups) == GROUPS
    for group, price in groups:
        entries = db.session.execute(
            select(func.sum(BillingEntry.amount_minor), func.sum(BillingEntry.quantity)).where(
                BillingEntry.engagement_id == group.engagement_id, BillingEntry.state == states.RATED
            )
        ).one()
        assert entries[0] == group.amount_minor
        assert round_half_up(tariffs.cost(price.tariff, group.quantity), 2) == Decimal(group.amount_minor) / 100
