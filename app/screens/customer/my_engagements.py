"""My engagements: what was requested, how it stands, what it is charged, and the customer's own four verbs."""

import uuid
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing.charged_months import charged_beside, charged_so_far
from app.billing.own_pages import own_details, own_history_tab
from app.catalog.price_list import next_price_month
from app.documents import Column, Words, rows_of
from app.engagements import actions, queries, states
from app.engagements.model import Engagement
from app.engagements.queries import EngagementPage
from app.engagements.shown import EngagementShown
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.history_shown import place_of
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.foundation.refusals import AlreadyDone, Refused
from app.screens.customer import own_header, own_verbs, recent_months, verbs_shown
from app.web.engagement_history import told_to_customer
from app.web.exports import download
from app.web.fields import PortalForm, TextField
from app.web.figures import money_with_currency
from app.web.filters import Choice, Months, Search
from app.web.fragments import go_to, show, show_fresh
from app.web.guard import needs
from app.web.languages import locale_name
from app.web.listing import ListOf
from app.web.submissions import submit_once
from app.web.ui import TAGS

screen = Blueprint("my_engagements", __name__)

STATES = {state: TAGS[state].label for state in (*states.CURRENT, *states.PAST)}
LIST = ListOf(
    Search("search", _l("Search")),
    Choice("status", _l("Status"), STATES),
    Months("month", _l("Requested"), recent_months),
)
HISTORY = ListOf()
VERBS = "any('withdraw','request-completion','withdraw-completion-request','delete-instance')"

COLUMNS = (
    Column(_l("Number"), "number"),
    Column(_l("Name"), "name"),
    Column(_l("Service"), "product_name"),
    Column(_l("Plan"), "plan_name"),
    Column(_l("Provider"), "partner_name"),
    Column(_l("Status"), Words("state", STATES)),
    Column(_l("Requested at (UTC)"), "requested_at"),
    Column(_l("Active from (UTC)"), "active_from"),
    Column(_l("Ended at (UTC)"), "ended_at"),
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
    asked = {
        "states_wanted": [wanted["status"]] if wanted["status"] else (),
        "requested_in": wanted["month"],
        "search": wanted["search"] or "",
    }
    if kind:
        found = queries.engagements(**asked)
        return download(
            kind, "my-engagements", COLUMNS, rows_of(found.order_by(*(key.desc() for key in queries.LIST_KEYS)))
        )
    found, values = queries.engagements_asked(**asked, own=True)
    page = page_of(
        found, queries.LIST_KEYS, after=listing.after, before=listing.before, values=values, beside=charged_beside
    )
    viewer, language = tenancy.current(), locale_name()
    return show(
        "customer/my_engagements.html",
        block="list",
        listing=listing.with_page(page),
        rows=tuple((row, _sums(its, language)) for row, its in zip(page.rows, charged_so_far(page.rows), strict=True)),
        verbs=tuple(
            (*each, verbs_shown(*each, viewer, language))
            for each in sorted({(row.state, row.instance_state) for row in page.rows})
        ),
    )


@lru_cache(maxsize=5000)
def _sums(charged: tuple[Money, ...], _language: str) -> tuple[str, ...]:
    return tuple(map(money_with_currency, charged))


@screen.get("/my/engagements/<uuid:engagement_id>")
@needs("engagement:view-own", capacity="customer")
def show_details(engagement_id: uuid.UUID) -> Response:
    return show("customer/engagement_details.html", stale=False, **_details(engagement_id))


@screen.get("/my/engagements/<uuid:engagement_id>/history")
@needs("engagement:view-own", capacity="customer")
def show_history(engagement_id: uuid.UUID) -> Response:
    listing = HISTORY.read()
    page, events = own_history_tab(engagement_id, place_of(after=listing.after, before=listing.before))
    return show(
        "customer/engagement_history.html",
        block="events",
        listing=listing.with_page(events),
        events=told_to_customer(events.rows),
        **own_header(page, "history"),
    )


@screen.get(f"/my/engagements/<uuid:engagement_id>/<{VERBS}:verb>")
@needs("engagement:steer", capacity="customer")
def ask(engagement_id: uuid.UUID, verb: str) -> Response:
    page = queries.engagement_page(engagement_id)
    return _confirm(page, verb, _form_of(verb, version=page.engagement.version))


@screen.post(f"/my/engagements/<uuid:engagement_id>/<{VERBS}:verb>")
@needs("engagement:steer", capacity="customer")
def act(engagement_id: uuid.UUID, verb: str) -> Response:
    page = queries.engagement_page(engagement_id)
    form = _form_of(verb)
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _act(engagement_id, verb, form), action=verb)
            return go_to(f"/my/engagements/{engagement_id}", toast=_words(page, verb)["toast"])
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _fresh(engagement_id)
    return _confirm(page, verb, form)


def _act(engagement_id: uuid.UUID, verb: str, form: PortalForm) -> Engagement:
    """The verb, if the engagement still is as the form showed it."""
    engagement = tenancy.one(Engagement, engagement_id, lock=True)
    if form.seen_version is not None and form.seen_version != engagement.version:
        raise AlreadyDone(engagement.state, verb)
    by = tenancy.current()
    if isinstance(form, RequestCompletion):
        return actions.request_completion(engagement, wish=form.wish.data or "", by=by)
    plain = {
        "withdraw": actions.withdraw,
        "withdraw-completion-request": actions.withdraw_completion_request,
        "delete-instance": actions.delete_instance,
    }
    return plain[verb](engagement, by=by)


def _form_of(verb: str, **shown: Any) -> PortalForm:
    return RequestCompletion(**shown) if verb == "request-completion" else Confirm(**shown)


def _confirm(page: EngagementPage, verb: str, form: PortalForm) -> Response:
    """The question, or the engagement as it stands where it is not to be asked any more."""
    e = page.engagement
    if verb not in dict(own_verbs(e.state, e.instance_state, tenancy.current())):
        return _fresh(e.id)
    words = _words(page, verb)
    fields = [form.wish] if isinstance(form, RequestCompletion) else []
    asked = {
        "eyebrow": e.number,
        "action": request.path,
        "cancel": f"/my/engagements/{e.id}",
        "form": form,
        "fields": fields,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision={**asked, **words})


def _words(page: EngagementPage, verb: str) -> dict[str, Any]:
    """Title, outcome in one sentence, the button's verb, and what is said afterwards."""
    partner = page.partner_name
    return {
        "withdraw": {
            "title": _("Withdraw request"),
            "sentence": _("The request is taken back, %(partner)s is told, and nothing is charged.", partner=partner),
            "submit": _("Withdraw request"),
            "kind": "danger",
            "toast": _("Withdrawn. %(partner)s is told by e-mail.", partner=partner),
        },
        "request-completion": {
            "title": _("Request completion"),
            "sentence": _(
                "%(partner)s is asked to mark the engagement as complete; until then work goes on and is charged.",
                partner=partner,
            ),
            "submit": _("Request completion"),
            "toast": _("Completion requested. %(partner)s is told by e-mail and decides.", partner=partner),
        },
        "withdraw-completion-request": {
            "title": _("Withdraw completion request"),
            "sentence": _(
                "The engagement stays active as if completion had not been asked for, and %(partner)s is told.",
                partner=partner,
            ),
            "submit": _("Withdraw completion request"),
            "toast": _("The engagement stays active. %(partner)s is told by e-mail.", partner=partner),
        },
        "delete-instance": {
            "title": _("Delete instance"),
            "sentence": _(
                "The instance leaves your account for good; the engagement, its history and its charges stay readable."
            ),
            "submit": _("Delete instance"),
            "kind": "danger",
            "toast": _("The instance is deleted. Its history and charges stay here."),
        },
    }[verb]


def _fresh(engagement_id: uuid.UUID) -> Response:
    """Somebody was faster: 409 with the engagement as it stands now."""
    context = _details(engagement_id)
    return show_fresh(f"/my/engagements/{engagement_id}", "customer/engagement_details.html", stale=True, **context)


def _details(engagement_id: uuid.UUID) -> dict[str, Any]:
    own = own_details(engagement_id)
    return {
        "particulars": own.particulars,
        "asked": own.asked,
        "latest": told_to_customer(own.latest.rows),
        "charged": own.charged,
        "prices_change": _prices_change(own.page.engagement),
        **own_header(own.page, "details"),
    }


def _prices_change(engagement: EngagementShown) -> BillingMonth | None:
    """From when the plan costs something else, while the engagement is still going on."""
    if engagement.state not in states.CURRENT:
        return None
    return next_price_month(engagement.plan_id, BillingMonth.at(clock.now()))
