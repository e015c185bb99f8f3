"""My engagements: what was requested, how it stands, what it is charged, and the customer's own four verbs."""

import json
import uuid
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing import own_entries
from app.documents import Column, rows_of
from app.engagements import actions, menu, queries, states
from app.engagements.queries import EngagementPage
from app.foundation import clock, history, tenancy, transitions
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.foundation.refusals import AlreadyDone, Refused
from app.web.exports import download
from app.web.fields import PortalForm, TextField
from app.web.filters import Choice, Months, Search
from app.web.fragments import go_to, show, show_stale
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.submissions import submit_once
from app.web.templating import translate
from app.web.tiers import tier_bar, tier_words
from app.web.ui import TAGS

screen = Blueprint("my_engagements", __name__)

STATES = {state: TAGS[state].label for state in (*states.CURRENT, *states.PAST)}
ENTRY_STATES = {"rated": _l("Rated"), "being-rated": _l("Being rated"), "rejected": _l("Rejected"), "withdrawn": _l("Withdrawn")}


def _recent_months() -> list[BillingMonth]:
    here = BillingMonth.at(clock.now())
    return [here.shifted(-back) for back in range(12)]


LIST = ListOf(Search("search", _l("Search")), Choice("status", _l("Status"), STATES), Months("month", _l("Requested"), _recent_months))
ENTRIES = ListOf(Search("search", _l("Search")), Months("month", _l("Month"), _recent_months), Choice("status", _l("Status"), ENTRY_STATES))

COLUMNS = (
    Column(_l("Number"), "number"),
    Column(_l("Name"), "name"),
    Column(_l("Service"), "product_name"),
    Column(_l("Plan"), "plan_name"),
    Column(_l("Provider"), "partner_name"),
    Column(_l("Status"), lambda row: str(STATES[row.state])),
    Column(_l("Requested at (UTC)"), "requested_at"),
    Column(_l("Active from (UTC)"), "active_from"),
    Column(_l("Ended at (UTC)"), "ended_at"),
)
ENTRY_COLUMNS = (
    Column(_l("Number"), "number"),
    Column(_l("Month"), "service_month"),
    Column(_l("Metric"), "metric_name"),
    Column(_l("Quantity"), "quantity"),
    Column(_l("Unit"), "unit"),
    Column(_l("Notes"), "notes"),
    Column(_l("Status"), lambda row: str(ENTRY_STATES[_shown_as(row.state)])),
    Column(_l("Amount without tax"), lambda row: None if row.gross_minor is None else Money.of_minor(row.gross_minor, row.currency)),
    Column(_l("Tax"), lambda row: None if row.tax_minor is None else Money.of_minor(row.tax_minor, row.currency)),
    Column(_l("Currency"), "currency"),
)


class Confirm(PortalForm):
    """A decision without a field."""


class RequestCompletion(PortalForm):
    wish = TextField(_l("What you would like to say"), most=1000, lines=True, optional=True)


@screen.get("/my/engagements")
@screen.get("/my/engagements.<any(csv, xlsx):kind>")
@needs("engagement:view-own", capacity="customer")
def show_list(kind: str = "") -> Response:
    listing = LIST.read()
    wanted = listing.values
    found = queries.engagements(
        states_wanted=[wanted["status"]] if wanted["status"] else (), requested_in=wanted["month"], search=wanted["search"] or ""
    )
    if kind:
        return download(kind, "my-engagements", COLUMNS, rows_of(found.order_by(*(key.desc() for key in queries.LIST_KEYS))))
    page = page_of(found, queries.LIST_KEYS, after=listing.after, before=listing.before)
    viewer = tenancy.current()
    return show(
        "customer/my_engagements.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        charged=own_entries.charged_by_engagement([row.id for row in page.rows]),
        verbs={(row.state, row.instance_state): _verbs(row.state, row.instance_state, viewer) for row in page.rows},
    )


@screen.get("/my/engagements/<uuid:engagement_id>")
@needs("engagement:view-own", capacity="customer")
def show_details(engagement_id: uuid.UUID) -> Response:
    return _details(engagement_id)


@screen.get("/my/engagements/<uuid:engagement_id>/history")
@needs("engagement:view-own", capacity="customer")
def show_history(engagement_id: uuid.UUID) -> Response:
    page = queries.engagement_page(engagement_id)
    return show("customer/engagement_history.html", block="events", events=_told(engagement_id), **_header(page, "history"))


@screen.get("/my/engagements/<uuid:engagement_id>/billing-entries")
@screen.get("/my/engagements/<uuid:engagement_id>/billing-entries.<any(csv, xlsx):kind>")
@needs("engagement:view-own", capacity="customer")
def show_entries(engagement_id: uuid.UUID, kind: str = "") -> Response:
    page = queries.engagement_page(engagement_id)
    listing = ENTRIES.read()
    if kind:
        ordered = own_entries.charged_rows(_filtered(engagement_id, listing)).order_by(*(key.desc() for key in own_entries.LIST_KEYS))
        return download(kind, f"{page.engagement.number}-billing-entries", ENTRY_COLUMNS, rows_of(ordered))
    return _entries(page, listing)


@screen.get("/my/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>")
@needs("engagement:view-own", capacity="customer")
def explain(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """The same list with one entry opened; alone, where the list's page does not hold it."""
    page = queries.engagement_page(engagement_id)
    listing = ENTRIES.read(path=f"/my/engagements/{engagement_id}/billing-entries")
    return _entries(page, listing, opened=own_entries.own_entry(engagement_id, entry_id))


@screen.get("/my/engagements/<uuid:engagement_id>/<any('withdraw','request-completion','withdraw-completion-request','delete-instance'):verb>")
@needs("engagement:steer", capacity="customer")
def ask(engagement_id: uuid.UUID, verb: str) -> Response:
    page = queries.engagement_page(engagement_id)
    if not _possible(page, verb):
        return _stale(engagement_id)
    return _confirm(page, verb, _form_of(verb))


@screen.post("/my/engagements/<uuid:engagement_id>/<any('withdraw','request-completion','withdraw-completion-request','delete-instance'):verb>")
@needs("engagement:steer", capacity="customer")
def act(engagement_id: uuid.UUID, verb: str) -> Response:
    page = queries.engagement_page(engagement_id)
    form = _form_of(verb)
    if form.validate_on_submit():
        words = {"wish": form.wish.data or ""} if isinstance(form, RequestCompletion) else {}
        action = getattr(actions, _action(verb))
        try:
            submit_once(form, lambda: action(page.engagement, by=tenancy.current(), **words), action=verb)
            return go_to(f"/my/engagements/{engagement_id}", toast=_decision_words(page, verb)["toast"])
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _stale(engagement_id)
    return _confirm(page, verb, form)


def _action(verb: str) -> str:
    return verb.replace("-", "_")


def _form_of(verb: str) -> PortalForm:
    return RequestCompletion() if verb == "request-completion" else Confirm()


def _possible(page: EngagementPage, verb: str) -> bool:
    e = page.engagement
    removed = verb == "delete-instance" and e.instance_state == states.INSTANCE_REMOVED
    return transitions.next_state(states.TRANSITIONS, e.state, _action(verb)) is not None and not removed


def _verbs(state: str, instance_state: str, viewer: tenancy.Viewer) -> list[tuple[str, menu.MenuLine]]:
    """(the last part of the path, the menu's line) of what may be done now."""
    lines = menu.lines_for(state, viewer, instance_state=instance_state)
    return [(line.action.replace("_", "-"), line) for line in lines if line.permission == "engagement:steer"]


def _stale(engagement_id: uuid.UUID) -> Response:
    """Somebody was faster: the engagement as it stands now."""
    notice = _("It has changed since that page was opened, so this can no longer be done. This is how it stands now.")
    return show_stale(f"/my/engagements/{engagement_id}", notice, lambda: _details(engagement_id, notice))


def _header(page: EngagementPage, tab: str) -> dict[str, Any]:
    """What surrounds every tab."""
    e = page.engagement
    here = f"/my/engagements/{e.id}"
    events, entries = own_entries.counts_for_tabs(e.id)
    tabs = (("details", _("Details"), here, None), ("history", _("History"), f"{here}/history", events),
            ("billing-entries", _("Billing entries"), f"{here}/billing-entries", entries))  # fmt: skip
    return {
        "page": page,
        "e": e,
        "here": here,
        "tabs": [{"label": label, "path": path, "count": count, "current": key == tab} for key, label, path, count in tabs],
        "verbs": _verbs(e.state, e.instance_state, tenancy.current()),
    }


def _details(engagement_id: uuid.UUID, stale: str = "") -> Response:
    tenancy.db.session.expire_all()
    page = queries.engagement_page(engagement_id)
    return show(
        "customer/engagement_details.html",
        status=409 if stale else 200,
        stale=stale,
        asked=queries.open_completion_request(engagement_id),
        latest=_told(engagement_id)[:3],
        charged=own_entries.charged_by_engagement([engagement_id]).get(engagement_id, []),
        **_header(page, "details"),
    )


def _told(engagement_id: uuid.UUID) -> list[dict[str, Any]]:
    """The events that are for the customer, newest first, as ui.timeline takes them."""
    told = []
    for row in history.events_of("engagement", engagement_id):
        event = history.EVENTS.get(row.event)
        if event is None or not event.customer_sentence:
            continue
        facts = json.loads(row.facts)
        if "month" in facts:
            facts["month"] = BillingMonth.parse(facts["month"])
        told.append({"icon": event.icon, "text": translate(event.customer_sentence, facts), "at": row.at, "by": row.by_label})
    return told


def _shown_as(state: str) -> str:
    return next(key for key, shown in own_entries.SHOWN_AS.items() if state in shown)


def _filtered(engagement_id: uuid.UUID, listing: Any) -> Any:
    wanted = listing.values
    return own_entries.own_entries(engagement_id, month=wanted["month"], state=wanted["status"], search=wanted["search"])
