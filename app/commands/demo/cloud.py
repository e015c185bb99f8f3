"""What the demo resells: Microsoft as a stand-in on this machine, and Northbridge's CSP account discovered from it.

    playing = microsoft(settings)     # None where somebody said where Microsoft is: then the demo has no account of its own
    resell(app, playing)              # once; everything by the real actions, over HTTP

It refuses one customer to the partner for good, so every run is partial. The last run begins when the portal does, among its faults, so
that there is something to see.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from flask import Flask
from sqlalchemy import select

from app.commands.demo.csp_terms import sell
from app.commands.demo.people import ACME, GLOBEX, viewer_of
from app.commands.stand_in import StandIn, World, play_beside
from app.config import Settings
from app.csp.accounts import application, login, states
from app.csp.accounts.actions import register
from app.csp.accounts.application import Application
from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer
from app.csp.discovery import actions as discovery
from app.csp.invoices.actions import override
from app.csp.invoices.model import CspDocument, CspDocumentTotal
from app.csp.microsoft.bases import Bases
from app.csp.statements import actions as statements
from app.foundation import clock
from app.foundation.database import db
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, acting_for_all, viewing
from app.jobs import discover
from app.jobs.work import never

#: how many are issued at most, or tried
STATEMENTS = 14
ADA = "ada@northbridge.example"


Growth = Callable[[World], object]
#: what happens at Microsoft while the demo's account is connected: a customer comes, another leaves
GROWTH: tuple[Growth, Growth] = (lambda world: world.new_customer(), lambda world: world.leave(world.customers[7].id))


def microsoft(settings: Settings) -> StandIn | None:
    """The stand-in answers from now on, and this process knows where; None where somebody said where Microsoft is."""
    if not settings.demo or settings.microsoft_is_given:
        return None
    playing = play_beside(settings.portal_url, settings.instance_path, today=clock.now().date())
    if playing.login.refresh_tokens:  # the demo was lived through before
        for grow in GROWTH:
            grow(playing.world)
    registration = playing.world.registration
    application.follow(
        Application(
            Bases(playing.url, playing.url, playing.url),
            registration.client_id,
            registration.client_secret,
            registration.redirect_uris[0],
        )
    )
    return playing


def settings_of(playing: StandIn) -> dict[str, str]:
    """What leads a portal to the stand-in, as its environment."""
    registration = playing.world.registration
    bases = dict.fromkeys(("MICROSOFT_LOGIN_BASE", "PARTNER_CENTER_API_BASE", "MICROSOFT_GRAPH_BASE"), playing.url)
    return {
        **bases,
        "MICROSOFT_CLIENT_ID": registration.client_id,
        "MICROSOFT_CLIENT_SECRET": registration.client_secret,
    }


def resell(app: Flask, playing: StandIn | None) -> None:
    """Northbridge's account: registered, connected, discovered, sold on terms. Where there is one already, nothing."""
    if playing is None:
        return
    with app.app_context():
        with acting_for_all("demo data"):
            if (
                db.session.scalar(select(CspAccount.id).where(CspAccount.state == states.CONNECTED).limit(1))
                is not None
            ):
                db.session.remove()
                return
        with _in_a_hurry(playing):
            ada = viewer_of(ADA)
            if ada is not None:
                _live(playing, ada)
            db.session.remove()


@contextmanager
def _in_a_hurry(playing: StandIn) -> Iterator[None]:
    """Without the pauses and faults that are there to be watched."""
    slow_ms, faults = playing.habits.slow_ms, list(playing.faults.listed)
    playing.habits.slow_ms = 0
    playing.faults.clear()
    try:
        yield
    finally:
        playing.habits.slow_ms = slow_ms
        playing.faults.listed.extend(faults)


def _live(playing: StandIn, ada: Viewer) -> None:
    now, gained, lost = clock.now(), *GROWTH
    #: how long ago a run was triggered, what had happened at Microsoft before it, and what went wrong in it
    runs: tuple[tuple[timedelta, Growth | None, str | None], ...] = (
        (timedelta(days=74), None, None),
        (timedelta(days=40), gained, None),
        (timedelta(days=12), lost, None),
        (timedelta(days=1, hours=9), None, "/invoices"),
        (timedelta(hours=19), None, None),
    )
    with viewing(ada):
        with clock.pinned(now - timedelta(days=75)):
            account_id = _registered(playing, ada)
            _log_in(account_id, ada)
        for ago, grow, fault in runs:
            if grow is not None:
                grow(playing.world)
            with clock.pinned(now - ago):
                _discover(playing, account_id, ada, fault)
        sell(account_id, by=ada, to=(ACME, GLOBEX))  # they have people, who can be told of statements
        _issue(account_id, ada)
        discovery.trigger(account_id, by=ada)


def _issue(account_id: Any, ada: Viewer) -> None:
    """Statements to the linked customers for the last invoices, the newest as far as nothing is in its way; the others with a reason where something is."""
    documents = db.session.execute(
        select(CspDocument.id, CspDocument.invoice_date, CspDocument.override_reason, CspDocumentTotal.customer_id)
        .join(CspDocumentTotal, CspDocumentTotal.version_id == CspDocument.version_id)
        .join(CspCustomer, CspCustomer.id == CspDocumentTotal.customer_id)
        .where(
            CspDocument.account_id == account_id,
            CspDocument.amends.is_(None),
            CspDocument.currency == "EUR",
            CspCustomer.linked_organisation_id.is_not(None),
        )
        .order_by(CspDocument.invoice_date.desc(), CspDocument.id)
        .limit(STATEMENTS)
    ).all()
    newest, discovered_at = documents[0].id if documents else None, clock.now() - timedelta(days=73)
    for row in reversed(documents):
        with clock.pinned(max(row.invoice_date + timedelta(days=2), discovered_at)), suppress(AlreadyDone, Refused):
            if row.id != newest and row.override_reason is None:
                override(row.id, reason="Lines of customers that have left are billed by hand.", by=ada)
        with clock.pinned(max(row.invoice_date + timedelta(days=3), discovered_at)), suppress(AlreadyDone, Refused):
            statements.issue(row.id, row.customer_id, by=ada)


def _registered(playing: StandIn, ada: Viewer) -> Any:
    known = db.session.scalar(
        select(CspAccount.id).where(
            CspAccount.tenant_id == playing.world.tenant_id, CspAccount.state != states.DISCONNECTED
        )
    )
    if known is not None:
        return known
    percentages = {"managed_mark_up": Decimal(18), "not_managed_mark_up": Decimal(12), "tax_rate": Decimal(20)}
    return register(
        "Northbridge CSP (EU)", playing.world.tenant_id, states.DIRECT, mpn_id=playing.world.mpn_id, percentages=percentages, by=ada
    ).id  # fmt: skip


def _log_in(account_id: Any, ada: Viewer) -> None:
    """As a browser would: the consent page, its first link, and back with what it brings."""
    asked = urlsplit(login.begin(account_id, by=ada))
    consent = asked._replace(
        path=asked.path.removesuffix("authorize") + "consent",
        query=f"{asked.query}&stand_in_mfa=yes&stand_in_who=partner",
    )
    answer = httpx.get(consent.geturl())
    brought = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    login.finish(brought["state"], code=brought["code"], by=ada)


def _discover(playing: StandIn, account_id: Any, ada: Viewer, fault: str | None) -> None:
    """One run, from Trigger Discovery to its end, in this thread."""
    broken = playing.faults.add("refuse", f"GET /v1{fault}", times=None, status=403) if fault else None
    discovery.trigger(account_id, by=ada)
    logging.disable(logging.WARNING if broken else logging.NOTSET)  # broken for show: no news to who starts the portal
    try:
        with acting_for_all("demo data") as system:
            discover.run(by=system, stopped=never)
    finally:
        logging.disable(logging.NOTSET)
    if broken is not None:
        playing.faults.listed.remove(broken)
