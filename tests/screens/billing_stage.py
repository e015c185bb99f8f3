"""The pictures' engagement: October 2026 at 160.00 to 100 h and 148.125 above, seen on 1 November 2026, 20:00 UTC."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.billing import rating
from app.billing.model import BillingEntry
from app.catalog.model import Metric, MetricPrice, PriceVersion
from app.engagements.model import Engagement
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all, one, viewing
from tests.makers import make_engagement, make_entry, make_product, make_programme
from tests.page import Page
from tests.people import People

HTMX = {"HX-Request": "true"}
OCTOBER = BillingMonth(2026, 10)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


PRESENT = utc(2026, 11, 1, 20)


@contextmanager
def at(instant: datetime = PRESENT) -> Iterator[time_machine.Traveller]:
    with time_machine.travel(instant, tick=False) as machine:
        yield machine


@dataclass
class Stage:
    engagement: Engagement
    #: rated: 84.50 h in two entries, then the drill's 38.25 h
    drill: BillingEntry
    #: submitted: 12 h, Night shift
    night: BillingEntry
    #: rejected: 2,400 h
    rejected: BillingEntry

    @property
    def here(self) -> str:
        return f"/engagements/{self.engagement.id}"

    @property
    def path(self) -> str:
        return f"{self.here}/billing-entries"


def set_stage(app: Flask, people: People, *, threshold: int | None = None, **programme: Any) -> Stage:
    with app.app_context():
        with clock.pinned(utc(2026, 6, 1)):
            rules = make_programme("Professional services", review_threshold_minor=threshold, **programme)
            product = make_product(
                rules,
                people.northbridge,
                name="Incident response",
                model="graduated",
                bands=[("100", "160"), (None, "148.125")],
                step="0.25",
            )
        engagement = make_engagement(product, people.acme, name="24x7 incident response", at=utc(2026, 7, 12, 9))
        ada = people.viewer("ada")
        make_entry(engagement, "40", notes="On-call weeks 40 and 41", by=ada, at=utc(2026, 10, 12, 8, 55), rated=True)
        rejected = make_entry(engagement, "2400", notes="Incident 5498", by=ada, at=utc(2026, 10, 18, 11, 3))
        _reject(people, rejected, "Looks like minutes, not hours. Please submit again.")
        make_entry(
            engagement, "44.5", notes="Incident 5521, core switch", by=ada, at=utc(2026, 10, 22, 16, 20), rated=True
        )
        drill = make_entry(
            engagement, "38.25", notes="Ransomware drill, two teams", by=ada, at=utc(2026, 10, 29, 7, 40), rated=True
        )
        night = make_entry(
            engagement, "12", notes="Night shift, storage controller failover", by=ada, at=utc(2026, 10, 31, 18, 2)
        )
        db.session.remove()
    return Stage(engagement, drill, night, rejected)


def rate_now(app: Flask, entry: BillingEntry) -> str:
    """What the job does with it, in a context of its own, as the job has."""
    with app.app_context(), acting_for_all("a test's rating job") as job:
        state = rating.rate_entry(entry.id, by=job)
        db.session.remove()
    return state


def _reject(people: People, entry: BillingEntry, reason: str) -> None:
    """As the operator would: in review first."""
    with acting_for_all("a test's review"), transaction():
        from app.billing import states
        from app.foundation.change_state import change_state

        row = one(BillingEntry, entry.id)
        with acting_for_all("a test's review") as job:
            change_state(row, states.SEND_TO_REVIEW, by=job, number=row.number, amount="0")
    with viewing(people.viewer("olga")) as olga, clock.pinned(utc(2026, 10, 19, 9)):
        rating.reject(one(BillingEntry, entry.id), reason=reason, by=olga)


def add_set_up_metric(app: Flask, stage: Stage) -> Metric:
    """A second metric on the plan: Set-up, once, 500.00."""
    with app.app_context(), acting_for_all("a test's metric"), transaction() as session:
        plan_id = one(Engagement, stage.engagement.id).plan_id
        metric = Metric(
            plan_id=plan_id,
            position=2,
            code="set-up",
            kind="Implementation",
            name="Set-up",
            unit="set-ups",
            step=Decimal(1),
            approved=True,
        )
        session.add(metric)
        session.flush()
        version = session.query(PriceVersion).filter_by(plan_id=plan_id).one()
        session.add(
            MetricPrice(
                price_version_id=version.id,
                metric_id=metric.id,
                model="per_unit",
                charge_unit=Decimal(1),
                bands=[{"up_to": None, "price": "500"}],
            )
        )
        session.flush()
        session.expunge(metric)
    return metric


def filled(client: FlaskClient, path: str, **typed: Any) -> dict[str, Any]:
    """The form as the browser would send it, with these things typed."""
    page = client.get(path)
    assert page.status_code == 200, page.status_code
    return Page(page).form(path) | {"month": "2026-10"} | typed


def entries(app: Flask, engagement: Engagement) -> Sequence[BillingEntry]:
    with app.app_context(), acting_for_all("a test looks"):
        return db.session.scalars(
            select(BillingEntry).where(BillingEntry.engagement_id == engagement.id).order_by(BillingEntry.number)
        ).all()
