"""Partner Portal. `create_app` reads as the table of contents."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

#: Rooms with tables of their own, each in its model.py, and the foundation's ideas that keep one: tenancy and migrations
#: must know every table before the first query.
ROOMS = ("parties", "members", "catalog", "engagements", "billing", "charges", "months", "operations", "notices")
IDEAS_WITH_TABLES = (
    "announcements", "history", "history_stretches", "idempotency", "job_results", "numbers", "outbox", "request_counts", "saved_views",
    "timetable", "workers",
)  # fmt: skip
#: Tables that stand apart from their room's model.py.
TABLES_APART = (
    "members.api_keys", "notices.webhook_model", "csp.accounts.model", "csp.customers.model", "csp.invoices.model",
    "csp.discovery.model", "csp.statements.model",
)  # fmt: skip
#: Events that only jobs record, and that every process shows: one without jobs imports nothing else that declares them.
EVENTS_APART = ("csp.customers.found", "csp.invoices.found")


def create_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """The portal as a WSGI application. `overrides` take the place of environment variables of the same names.

    The imports stand inside so that a rule or a room can be imported without Flask and every screen behind it.
    """
    from werkzeug.middleware.proxy_fix import ProxyFix

    from app import api, commands, screens
    from app.config import HERE, settings_from
    from app.foundation import beside, clock, database, history_stretches
    from app.web import (
        addresses,
        assets,
        bearer,
        csrf,
        errors,
        guard,
        logs,
        metrics,
        microsoft,
        request_viewer,
        security_headers,
        shell,
        sign_in,
        templating,
        ui,
        uploads,
    )  # fmt: skip
    from app.web.portal import Portal

    settings = settings_from({**os.environ, **{k: str(v) for k, v in (overrides or {}).items() if v is not None}})
    app = Portal("portal", root_path=str(HERE), instance_path=str(settings.instance_path))
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        # a megabyte of text is answered on its field; what is larger, with 413
        MAX_CONTENT_LENGTH=4 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        SQLALCHEMY_ENGINE_OPTIONS={"hide_parameters": True},  # a failed statement's values are not for the log
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
    )
    if settings.proxies:
        hops = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    clock.follow(settings.instance_path / "demo-clock" if settings.demo else None)
    history_stretches.follow(settings.secret_key)
    _know_every_table_and_event()
    database.install(app, settings.database_url, migrations=HERE / "migrations")
    beside.install(app)

    logs.install(app)
    security_headers.install(app)
    metrics.install(app)
    sign_in.install(app)
    microsoft.install(app)
    bearer.install(app)
    request_viewer.install(app)
    uploads.install(app)
    csrf.install(app)
    guard.install(app)
    templating.install(app)
    assets.install(app)
    ui.install_ui(app)
    shell.install(app, screens.MENU)
    errors.install(app)
    addresses.install(app)
    screens.install(app)
    api.install(app)
    commands.install(app)
    _feed_from_rooms()
    return app


def _know_every_table_and_event() -> None:
    from importlib import import_module

    ideas, rooms = (f"foundation.{idea}" for idea in IDEAS_WITH_TABLES), (f"{room}.model" for room in ROOMS)
    for module in (*ideas, *rooms, *TABLES_APART, *EVENTS_APART):
        import_module(f"app.{module}")


def _feed_from_rooms() -> None:
    """What waits, for the menu's counts, what is watched, for /metrics, what is checked, what failed; each room says its own."""
    from importlib import import_module
    from importlib.util import find_spec

    from app.billing import corrections_waiting, month_end, month_ties
    from app.billing import gauges as billing_gauges
    from app.billing import queries as billing
    from app.billing import waiting as billing_waiting
    from app.catalog import actions as programmes
    from app.catalog import waiting as listing
    from app.csp.accounts import actions as csp_accounts
    from app.csp.accounts import clients
    from app.csp.customers import terms
    from app.csp.dashboard import queries as csp_dashboard
    from app.csp.invoices import original
    from app.csp.statements import repricing
    from app.engagements import queries as engagements
    from app.engagements import waiting as engagements_waiting
    from app.foundation import checks, failed_rows, self_check, waiting, workers
    from app.months import checklist
    from app.months import waiting as months_waiting
    from app.notices import addresses as notice_addresses
    from app.notices import gauges as notice_gauges
    from app.notices import portal as notices
    from app.notices import webhook_gauges
    from app.web import metrics, shell

    for count in (engagements.waiting_count, billing.waiting_count, notices.unread_count, *listing.COUNTS):
        shell.waiting(count)
    for count in (corrections_waiting.waiting_count, months_waiting.waiting_count):
        shell.waiting(count)
    for count in (
        failed_rows.waiting_count,
        notice_addresses.own_refusal,
    ):  # counted beside what waits, and no decisions
        shell.waiting(count)
    waiting.offer(*engagements_waiting.KINDS, *billing_waiting.KINDS, *corrections_waiting.KINDS)
    waiting.offer(*listing.KINDS, *months_waiting.KINDS)
    programmes.fix_cut_off_when(billing.has_entries)
    repricing.connect()
    csp_accounts.when_terms_change(terms.changed_for_account)
    original.open_with(clients.client_of)
    checklist.offer(month_end.lines)
    checklist.count_with(month_ties.totals)
    for name, help_text, figure in (
        *billing_gauges.GAUGES,
        *notice_gauges.GAUGES,
        *webhook_gauges.GAUGES,
        *workers.GAUGES,
    ):
        metrics.gauge(name, help_text, figure)
    if find_spec("app.csp.discovery.rules"):
        csp_dashboard.next_run_by(import_module("app.csp.discovery.rules").next_slot)
    self_check.offer(checks.checks)
    for room in ROOMS:
        if find_spec(f"app.{room}.checks"):
            self_check.offer(import_module(f"app.{room}.checks").checks)
        if find_spec(f"app.{room}.failed_rows"):
            failed_rows.offer(*import_module(f"app.{room}.failed_rows").KINDS)
