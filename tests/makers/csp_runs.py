"""Discovery against a Microsoft on loopback: an account that is connected to it, runs, and what they must come to.

with discovery(people.viewer("ada"), World(3)) as stage:      # in an app context
    run = stage.discover()                                    # trigger, claim, read to the end
    stage.agrees()                                            # every customer's and document's totals, to the last digit
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from app.commands.stand_in import Faults, Scale, StandIn, World, standing_in
from app.csp.accounts import application
from app.csp.accounts.application import Application
from app.csp.customers.arrivals import RESELLER
from app.csp.customers.model import CspCustomer, CspSubscription, CspUsage
from app.csp.discovery import actions, queries
from app.csp.discovery.model import CspListed, CspRun
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion, CspLine
from app.csp.microsoft.bases import Bases
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.tenancy import Viewer, acting_for_all, viewing
from app.jobs import discover
from app.jobs.work import Stopped, never
from tests.makers.csp_accounts import connected

SMALL = Scale(customers=12, subscriptions=30, invoices=9, lines=400)
#: what a second run with nothing new leaves as it is
KEPT = (CspCustomer, CspSubscription, CspUsage, CspDocument, CspDocumentVersion, CspLine, CspDocumentTotal, History)


@dataclass
class Stage:
    by: Viewer
    account_id: uuid.UUID
    world: World
    microsoft: StandIn

    @property
    def faults(self) -> Faults:
        return self.microsoft.faults

    def trigger(self) -> CspRun:
        with viewing(self.by):
            run = actions.trigger(self.account_id, by=self.by)
            db.session.commit()
            return run

    def work(self, stopped: Stopped = never) -> None:
        """Whatever is due, as a worker does it; by hand, to its end."""
        with acting_for_all("a test's worker") as system:
            if stopped is never:
                discover.run(by=system, stopped=never)
                return
            from app.csp.discovery import claiming
            from app.csp.discovery.reading.run import worker_name

            for run_id in claiming.due_runs(5):
                worker = worker_name("a test")
                assert claiming.claim(run_id, worker)
                discover.read(run_id, worker, by=system, stopped=stopped)
        db.session.remove()

    def discover(self) -> CspRun:
        self.trigger()
        self.work()
        return self.last()

    def last(self) -> CspRun:
        with acting_for_all("a test looks"):
            db.session.remove()
            run = queries.last_run(self.account_id)
            assert run is not None
            return run

    def last_or_none(self) -> CspRun | None:
        with acting_for_all("a test looks"):
            db.session.remove()
            return queries.last_run(self.account_id)

    def kinds(self) -> dict[str, Any]:
        with acting_for_all("a test looks"):
            return {kind.kind: kind for kind in queries.kinds_of(self.last().id)}

    def agrees(self) -> None:
        """The rows are what Microsoft has: totals of each customer and document, lines, and who is a customer."""
        assert totals(self.account_id) == self.world.totals()
        assert lines_in_force(self.account_id) == {key: count for key, count in self.world.counts().items() if count}
        with acting_for_all("a test looks"):
            listed = select(CspCustomer.tenant_id).where(
                CspCustomer.account_id == self.account_id, CspCustomer.relationship == RESELLER
            )
            assert set(db.session.scalars(listed)) == {one.id for one in self.world.listed()}
            documents = db.session.scalars(select(CspDocument).where(CspDocument.account_id == self.account_id)).all()
            assert {one.number: (one.total, one.amends) for one in documents} == {
                one.number: (one.total, one.amends) for one in self.world.everything()
            }
            assert {one.number: one.difference for one in documents} == {
                one.number: one.off_by for one in self.world.everything()
            }
            assert not db.session.scalar(select(func.count()).select_from(CspListed))

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row that a run may write, to see that it wrote none."""
        with acting_for_all("a test looks"):
            db.session.remove()
            found = {}
            for model in KEPT:
                columns = list(model.__table__.columns)
                found[model.__tablename__] = sorted(map(repr, db.session.execute(select(*columns))))
            return found  # type: ignore[return-value]


@contextmanager
def discovery(by: Viewer, world: World | None = None, faults: Faults | None = None, **account: Any) -> Iterator[Stage]:
    world = world or World(1, SMALL)
    with standing_in(world, faults) as microsoft:
        url = microsoft.url
        registration = world.registration
        application.follow(
            Application(
                Bases(url, url, url),
                registration.client_id,
                registration.client_secret,
                registration.redirect_uris[0],
            )
        )
        try:
            with viewing(by):
                made = connected(by, tenant=world.tenant_id, refresh_token=microsoft.refresh_token(), **account)
                account_id = made.id
            db.session.remove()
            yield Stage(by, account_id, world, microsoft)
        finally:
            application.follow(None)


def totals(account_id: uuid.UUID) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
    """(number, customer's tenant id, currency) -> cost and cost with tax, of the versions in force."""
    with acting_for_all("a test looks"):
        rows = db.session.execute(
            select(
                CspDocument.number, CspDocumentTotal.customer_tenant_id, CspDocumentTotal.currency, CspDocumentTotal.cost,
                CspDocumentTotal.microsoft_tax,
            )
            .join(CspDocumentTotal, CspDocumentTotal.version_id == CspDocument.version_id)
            .where(CspDocument.account_id == account_id)
        ).all()  # fmt: skip
        return {(row[0], row[1], row[2]): (row[3], row[3] + row[4]) for row in rows}


def lines_in_force(account_id: uuid.UUID) -> dict[tuple[str, str], int]:
    """(number, billing or usage) -> lines."""
    with acting_for_all("a test looks"):
        rows = db.session.execute(
            select(CspDocument.number, CspLine.line_type, func.count())
            .join(CspLine, CspLine.version_id == CspDocument.version_id)
            .where(CspDocument.account_id == account_id)
            .group_by(CspDocument.number, CspLine.line_type)
        )
        return {(row[0], row[1]): row[2] for row in rows}


@contextmanager
def microsoft_set_up() -> Iterator[None]:
    """An application at a Microsoft that nobody calls: sign-ins can be begun, and none comes back."""
    nowhere = "http://127.0.0.1:9"
    application.follow(
        Application(Bases(nowhere, nowhere, nowhere), "a client", "its secret", "http://localhost/csp/callback")
    )
    try:
        yield
    finally:
        application.follow(None)


def account_ids(by: Viewer) -> dict[str, str]:
    """For tests that walk all routes: a connected account of this person's."""
    with viewing(by):
        return {"account_id": str(connected(by).id)}
