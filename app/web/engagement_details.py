"""What the Details tab shows below the header: the request, what is delivered, who is concerned, what waits."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from app.billing.engagement_figures import delivered
from app.billing.queries import unbilled_open_months
from app.catalog.model import Programme
from app.catalog.price_list import next_price_month
from app.catalog.queries import priced_metrics
from app.engagements import states
from app.engagements.model import CompletionRequest, Engagement
from app.engagements.queries import EngagementPage, open_completion_request
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.members.queries import recipients
from app.months.queries import OpenMonth, taking_entries
from app.web.engagement_header import CLOSES_SOON
from app.web.engagement_history import chain_holds, events_page, told
from app.web.instants import deadline
from app.web.instants import month as month_words
from app.web.price_words import price_words

LATEST = 5
_MOST_DECIDERS = 3


def details_of(page: EngagementPage, programme: Programme, *, sees_billing: bool) -> dict[str, Any]:
    """Keys of engagements/details.html. Amounts only when `sees_billing`."""
    e = page.engagement
    takes = taking_entries(clock.now())[programme.cut_off]
    months = [one.month for one in takes]
    request = open_completion_request(e.id) if e.state == states.COMPLETION_REQUESTED else None
    billable = e.state in states.BILLABLE
    unbilled = unbilled_open_months(e, months) if billable else []
    latest = events_page(e.id, size=LATEST)
    return {
        "asked": request,
        "unbilled": [_closing(one) for one in takes if one.month in unbilled],
        "open_months": [month_words(month) for month in months] if e.state in states.CURRENT else [],
        "prices": _prices(e, months) if sees_billing else [],
        "prices_change": next_price_month(e.plan_id, BillingMonth.at(clock.now()))
        if e.state in states.CURRENT
        else None,
        "delivered": _delivered(e, programme.currency) if sees_billing and e.active_from else None,
        "people": _people(page, request),
        "latest": told(latest.rows, amounts=sees_billing),
        "chain_holds": chain_holds(e.id, latest),
    }


def _closing(one: OpenMonth) -> dict[str, Any]:
    return {
        "value": str(one.month),
        "words": month_words(one.month),
        "deadline": deadline(one.closes_at) if one.closes_at else _("is reopened until the operator closes it again"),
        "closes_soon": one.closes_at is not None and one.closes_at - clock.now() <= CLOSES_SOON,
    }


def _prices(e: Engagement, months: Sequence[BillingMonth]) -> list[tuple[str, str, int]]:
    """(metric, its price in words, price version) in force now, for the plan's row."""
    month = months[-1] if months else BillingMonth.at(clock.now())
    priced = priced_metrics(e.plan_id, month, drafts=e.is_test)
    return [(one.metric.name, price_words(one), one.version.number) for one in priced if one.version and one.price]


def _delivered(e: Engagement, currency: str) -> dict[str, Any] | None:
    found = delivered(e.id)
    if found is None:
        return None
    first, last = month_words(found.first), month_words(found.last)
    when = first if found.first == found.last else _("%(first)s to %(last)s", first=first, last=last)
    return {"amount": Money.of_minor(found.minor, currency), "entries": found.entries, "when": when}


def _people(page: EngagementPage, request: CompletionRequest | None) -> list[dict[str, Any]]:
    """Who asked, who asks for completion, and for the partner who of its own may answer."""
    e = page.engagement
    people: list[dict[str, Any]] = [
        {
            "name": e.requested_by_name or page.customer_name,
            "lines": [_("Requested it, %(client)s", client=page.customer_name), *filter(None, [e.contact_number])],
        }
    ]
    if request and request.asked_by_name == e.requested_by_name:
        people[0]["lines"].insert(1, _("Asked for completion"))
    elif request:
        people.append(
            {"name": request.asked_by_name, "lines": [_("Asked for completion, %(client)s", client=page.customer_name)]}
        )
    permission = {states.PENDING: "engagement:decide", states.COMPLETION_REQUESTED: "engagement:complete"}.get(e.state)
    if permission and tenancy.current().capacity == "partner":
        words = (
            _("May approve, %(partner)s", partner=page.partner_name)
            if e.state == states.PENDING
            else _("May answer, %(partner)s", partner=page.partner_name)
        )
        people += [
            {"name": one.name, "lines": [words]} for one in recipients(e.partner_id, permission)[:_MOST_DECIDERS]
        ]
    return people
