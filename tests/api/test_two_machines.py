"""Two machines on one database do the same thing in the same moment: it is done once, and both are told what counts."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.billing.model import BillingEntry
from app.engagements import states
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import CUT_OFF_POLICIES, BillingMonth
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.tenancy import acting_for_all
from app.months import actions as months
from app.months import states as month_states
from app.months.model import Month
from tests.api.conftest import key_of
from tests.makers import make_engagement
from tests.people import People
from tests.screens.engagement_stage import set_stage

HERE = str(BillingMonth.at(clock.now()))
CONTESTED, SENDS = 8, 24


class Machine:
    def __init__(self, app: Flask, log: Path) -> None:
        url = app.config["SQLALCHEMY_DATABASE_URI"]
        environment = {
            **os.environ, "DATABASE_URL": url, "DEMO": "0", "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
            "INSTANCE_PATH": app.instance_path,
        }  # fmt: skip
        self._log = log
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.api.machine"],
                cwd=Path(__file__).parents[2],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def tell(self, order: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self._log.read_text()[-3000:]
        return line.strip()


@pytest.fixture(scope="module")
def machines(migrated_app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    folder = tmp_path_factory.mktemp("machines")
    both = [Machine(migrated_app, folder / f"{number}.log") for number in (1, 2)]
    try:
        assert [machine.hear() for machine in both] == ["ready", "ready"]
        yield both
    finally:
        for machine in both:
            with machine.process as process:
                process.stdin.close()


def at_once(machines: list[Machine], *orders: dict[str, Any]) -> list[Any]:
    """One order each, begun in the same moment; what each came to."""
    at = time.time() + 0.2
    for machine, order in zip(machines, orders, strict=True):
        machine.tell({**order, "at": at})
    return [json.loads(machine.hear()) for machine in machines]


def test_both_freeze_the_same_months(app: Flask, machines: list[Machine]) -> None:
    past = [BillingMonth.at(clock.now()).shifted(-back) for back in range(3, 9)]
    with app.app_context(), acting_for_all("a test's months"):
        for month in past:
            for book in CUT_OFF_POLICIES:
                months.hold(book, month)
        db.session.remove()
    frozen = at_once(machines, {"run": "freeze_months"}, {"run": "freeze_months"})
    with app.app_context(), acting_for_all("a test looks"):
        shut = db.session.scalars(select(Month.id).where(Month.state == month_states.FROZEN)).all()
        told = Counter(db.session.scalars(select(History.subject_id).where(History.event == "month_frozen")))
    assert set(past) and len(shut) >= len(past) * len(CUT_OFF_POLICIES)
    assert told == dict.fromkeys(shut, 1)
    assert sum(frozen) == len(shut), "who came second counts nothing as its own"


def test_one_key_sent_over_and_over_to_both_makes_one_entry(
    app: Flask, people: People, machines: list[Machine]
) -> None:
    stage = set_stage(app, people, states.ACTIVE)
    engagement = stage.engagements[states.ACTIVE]
    body = {"metric": "hours", "month": HERE, "quantity": "2.5", "notes": "Once"}
    with app.app_context():
        key = key_of(people, "ada")
        db.session.remove()
    sends = [[f"/engagements/{engagement.id}/billing-entries", key, "one-key", body]] * SENDS
    answers = at_once(machines, *[{"asks": sends, "threads": 4}] * 2)
    told = {tuple(answer) for machine in answers for answer in machine}
    with app.app_context(), acting_for_all("a test looks"):
        (entry_id,) = db.session.scalars(select(BillingEntry.id).where(BillingEntry.notes == "Once")).all()
        events = db.session.scalar(select(func.count(History.id)).where(History.about_id == entry_id))
    assert told == {(201, str(entry_id))}
    assert events == 1


def test_two_approve_at_once_and_one_of_them_did(app: Flask, people: People, machines: list[Machine]) -> None:
    stage = set_stage(app, people, states.PENDING)
    with app.app_context():
        contested = [
            make_engagement(stage.product, people.acme, state=states.PENDING, name=f"Contested {number}").id
            for number in range(CONTESTED)
        ]
        keys = [key_of(people, person) for person in ("ada", "abe")]
        db.session.remove()
    orders = [
        {"asks": [[f"/engagements/{one}/approve", key, f"{key[-9:]}-{one}", {}] for one in contested], "threads": 1}
        for key in keys
    ]
    answers = at_once(machines, *orders)
    statuses = [sorted(status for status, _ in pair) for pair in zip(*answers, strict=True)]
    assert statuses == [[200, 409]] * CONTESTED
    with app.app_context(), acting_for_all("a test looks"):
        for number, one in enumerate(contested):
            row = db.session.scalars(select(Engagement).where(Engagement.id == one)).one()
            found = select(History.by_label).where(History.subject_id == one, History.event == "request_approved")
            (who,) = db.session.scalars(found).all()
            assert row.state == states.ACTIVE
            winner = "Ada" if answers[0][number][0] == 200 else "Abe"
            assert who.startswith(winner)
