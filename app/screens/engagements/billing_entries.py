"""Billing entries of one engagement: month totals, the list, Explain, and withdrawing what is not decided yet."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, make_response, redirect, request
from flask_babel import gettext as _

from app.billing import actions, queries, states
from app.billing.engagement_figures import TabPage
from app.billing.explanations import explanation
from app.billing.queries import LIST_KEYS, MonthTotal
from app.billing.rating import prices_for
from app.billing.tab_ground import Ground, entries_tab
from app.catalog.model import Metric
from app.catalog.queries import programme_of
from app.documents import rows_of
from app.foundation import tenancy
from app.foundation.refusals import AlreadyDone, MissingRole, NotVisible
from app.foundation.tenancy import one
from app.web.amounts_explained import due_words, explained
from app.web.engagement_header import address, also_a_test, engagement_header, tab_asked_for
from app.web.entry_list import (
    ListHead,
    columns,
    corrections_of,
    entries,
    entries_page,
    lines_of,
    list_of,
    parted,
    strip,
    total_of,
)
from app.web.exports import download
from app.web.fields import PortalForm
from app.web.fragments import go_to, show, wants_fragment
from app.web.guard import needs
from app.web.submissions import submit_once

screen = Blueprint("billing_entries", __name__)


class Withdraw(PortalForm):
    pass


@screen.get("/engagements/<uuid:engagement_id>/billing-entries")
@screen.get("/engagements/<uuid:engagement_id>/billing-entries.<any(csv, xlsx):kind>")
@needs("billing-entry:view")
def show_list(engagement_id: uuid.UUID, kind: str = "") -> Response:
    page, ground = _tab_asked_for(engagement_id)
    return _download(page, kind) if kind else _list_page(page, ground)


@screen.get("/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>")
@needs("billing-entry:view")
def explain(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """How the amount came about: its own page, or for htmx the list with the row opened."""
    page, ground = _tab_asked_for(engagement_id)
    entry = actions.entry_of(engagement_id, entry_id)
    if wants_fragment():
        return _list_page(page, ground, opened=entry)
    header = _header(page)
    crumbs = [
        *header["crumbs"],
        (page.engagement.name, header["here"]),
        (_("Billing entries"), f"{header['here']}/billing-entries"),
    ]
    return show(
        "engagements/explain.html",
        **{**header, "crumbs": crumbs},
        **_explained(entry, page, header),
        unit=one(Metric, entry.metric_id).unit,
    )


@screen.get("/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>/still-submitted")
@needs("billing-entry:view")
def still_submitted(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Any:
    """What a Submitted row asks every two seconds: itself again, until it is decided, and then the list reads itself anew."""
    page = tab_asked_for(engagement_id)
    entry = actions.entry_of(engagement_id, entry_id)
    if not wants_fragment():
        return redirect(f"{address(engagement_id)}/billing-entries", 303)
    _check_sees(page)
    if entry.state == states.SUBMITTED:
        return show("engagements/billing_entries.html", block="asks_again", here=address(engagement_id), entry=entry)
    return make_response("", 200, {"HX-Trigger": json.dumps({"entry-decided": {"number": entry.number}})})


@screen.get("/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>/withdraw")
@needs("billing-entry:submit")
def confirm_withdraw(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    page, ground = _tab_asked_for(engagement_id)
    entry = actions.entry_of(engagement_id, entry_id)
    if entry.state != states.SUBMITTED:
        return _list_page(page, ground, faster=entry)
    return _ask_withdraw(page, entry, Withdraw())


@screen.post("/engagements/<uuid:engagement_id>/billing-entries/<uuid:entry_id>/withdraw")
@needs("billing-entry:submit")
def withdraw(engagement_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    page = tab_asked_for(engagement_id)
    entry = actions.entry_of(engagement_id, entry_id)
    form = Withdraw()
    if not form.validate_on_submit():
        return _ask_withdraw(page, entry, form)
    try:
        submit_once(form, lambda: actions.withdraw(entry, by=tenancy.current()), action="withdraw-billing-entry")
    except AlreadyDone:
        return _list_page(*_tab_asked_for(engagement_id), faster=actions.entry_of(engagement_id, entry_id))
    return go_to(f"{address(engagement_id)}/billing-entries", toast=_("%(number)s withdrawn.", number=entry.number))


def _ask_withdraw(page: TabPage, entry: Any, form: Withdraw) -> Response:
    back = f"{address(page.engagement.id)}/billing-entries"
    decision = {
        "title": _("Withdraw billing entry"),
        "eyebrow": entry.number,
        "action": request.path,
        "submit": _("Withdraw %(number)s", number=entry.number),
        "sentence": _(
            "%(number)s is not rated and not charged. It stays in the list as Withdrawn.", number=entry.number
        ),
        "kind": "danger",
        "cancel": back,
        "form": form,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=decision)


def _tab_asked_for(engagement_id: uuid.UUID) -> tuple[TabPage, Ground]:
    """What the list itself stands on as well, in one statement."""
    return also_a_test(lambda: entries_tab(engagement_id))


def _header(page: TabPage) -> dict[str, Any]:
    header = engagement_header(page, "billing-entries")
    if not header["sees_billing"]:
        raise MissingRole("billing-entry:view-with-all-three")
    return header


def _check_sees(page: TabPage) -> None:
    _header(page)


def _list_page(page: TabPage, ground: Ground, *, opened: Any = None, faster: Any = None) -> Response:
    """The whole tab. `opened`: the entry whose Explain is open; `faster`: one that was decided before it was withdrawn."""
    header = _header(page)
    engagement, here, currency = page.engagement, f"{header['here']}/billing-entries", page.programme.currency
    provisional = queries.provisional_amounts(engagement) if ground.waiting else {}
    totals: Sequence[MonthTotal] = ground.totals
    if provisional:
        totals = queries.month_totals(engagement, currency, provisional, ground.groups)
    listing = list_of([total.month for total in totals], ground.metrics).read(here)
    found = entries_page(engagement.id, listing)
    listing = listing.with_page(found)
    corrections = corrections_of(engagement, ground)
    lines = lines_of(
        found.rows, provisional, here, takes_entries=header["add_entry"] is not None, corrections=corrections
    )
    return show(
        "engagements/billing_entries.html",
        block="content",
        status=409 if faster else 200,
        **header,
        listing=listing,
        list_head=ListHead(
            alone=listing.values["month"] is not None,
            is_test=engagement.is_test,
            several_metrics=len(ground.metrics) > 1,
            currency=currency,
            path=here,
            query=_query(),
        ),
        unit=ground.metrics[0].unit if len(ground.metrics) == 1 else None,
        currency=currency,
        parts=parted(lines, opened.id if opened else None),
        shown=len(lines),
        waiting=list(corrections.waiting.values()),
        strip=strip(engagement, ground, totals, currency, listing),
        total=total_of(totals, listing.values),
        opened=opened,
        faster=faster,
        **(_explained(opened, page, header) if opened else {}),
    )


def _query() -> str:
    """The list's filters and place, carried along by the links that open and close a row."""
    text = request.query_string.decode("ascii", "ignore")
    return f"?{text}" if text else ""


def _explained(entry: Any, page: TabPage, header: dict[str, Any]) -> dict[str, Any]:
    programme = programme_of(page.engagement.product_id)
    found = explanation(entry, page.engagement, programme)
    return {
        "entry": entry,
        "how": explained(found) if found else None,
        "due_words": due_words(found, programme) if found else "",
    }


def _download(page: TabPage, kind: str) -> Response:
    _check_sees(page)
    engagement = page.engagement
    if engagement.is_test:
        raise NotVisible  # a test leaves the portal in no file
    prices = prices_for(engagement)
    provisional = queries.provisional_amounts(engagement, prices)
    listing = list_of([], prices.metrics).read()
    found = entries(engagement.id, listing.values).order_by(*(key.desc() for key in LIST_KEYS))
    return download(kind, f"{engagement.number}-billing-entries", columns(provisional), rows_of(found))
