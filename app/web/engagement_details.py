"""What the Details tab shows below the header: the request, what is delivered, who is concerned, what waits."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _

from app.billing.engagement_figures import TabPage
from app.billing.queries import unbilled_months
from app.billing.rating import prices_for
from app.billing.tab_ground import DetailsTab, GroupShown
from app.catalog.price_list import next_price_month
from app.catalog.queries import PlanPrices
from app.engagements import states
from app.engagements.shown import EngagementShown, OpenRequest, Particulars
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.money import Money
from app.members.queries import recipients
from app.months.queries import OpenMonth
from app.web.engagement_header import CLOSES_SOON
from app.web.engagement_history import told
from app.web.instants import deadline
from app.web.instants import month as month_words
from app.web.price_words import price_words

_MOST_DECIDERS = 3


def details_of(tab: DetailsTab, *, sees_billing: bool) -> dict[str, Any]:
    """Keys of engagements/details.html. Amounts only when `sees_billing`."""
    page, ground, (latest, chain_holds), particulars, asked = tab
    e = page.engagement
    takes = ground.months.takes
    months = [one.month for one in takes]
    request = asked if e.state == states.COMPLETION_REQUESTED else None
    unbilled = unbilled_months(e, months, ground.billed) if e.state in states.BILLABLE else []
    prices = prices_for(e) if sees_billing else None
    return {
        "particulars": particulars,
        "asked": request,
        "unbilled": [_closing(one) for one in takes if one.month in unbilled],
        "open_months": [month_words(month) for month in months] if e.state in states.CURRENT else [],
        "prices": _prices(prices, months) if prices else [],
        "prices_change": _prices_change(e, prices),
        "delivered": _delivered(ground.groups, page.programme.currency) if sees_billing and e.active_from else None,
        "people": _people(page, particulars, request),
        "latest": told(latest.rows, amounts=sees_billing),
        "chain_holds": chain_holds,
    }


def _closing(one: OpenMonth) -> dict[str, Any]:
    return {
        "value": str(one.month),
        "words": month_words(one.month),
        "deadline": deadline(one.closes_at) if one.closes_at else _("is reopened until the operator closes it again"),
        "closes_soon": one.closes_at is not None and one.closes_at - clock.now() <= CLOSES_SOON,
    }


def _prices(prices: PlanPrices, months: Sequence[BillingMonth]) -> list[tuple[str, str, int]]:
    """(metric, its price in words, price version) in force now, for the plan's row."""
    priced = prices.in_month(months[-1] if months else BillingMonth.at(clock.now()))
    return [(one.metric.name, price_words(one), one.version.number) for one in priced if one.version and one.price]


def _prices_change(e: EngagementShown, prices: PlanPrices | None) -> BillingMonth | None:
    """`prices`: where they are known anyway."""
    if e.state not in states.CURRENT:
        return None
    now = BillingMonth.at(clock.now())
    return prices.change_after(now) if prices else next_price_month(e.plan_id, now)


def _delivered(groups: Sequence[GroupShown], currency: str) -> dict[str, Any] | None:
    """What is rated, in how many entries, from which month to which; None while nothing is."""
    rated = [group for group in groups if group.entries]
    if not rated:
        return None
    months = [group.service_month for group in rated]
    first, last = month_words(min(months)), month_words(max(months))
    when = first if first == last else _("%(first)s to %(last)s", first=first, last=last)
    amount = Money.of_minor(sum(group.amount_minor for group in rated), currency)
    return {"amount": amount, "entries": sum(group.entries for group in rated), "when": when}


def _people(page: TabPage, particulars: Particulars, request: OpenRequest | None) -> list[dict[str, Any]]:
    """Who asked, who asks for completion, and for the partner who of its own may answer."""
    e = page.engagement
    people: list[dict[str, Any]] = [
        {
            "name": particulars.requested_by_name or page.customer_name,
            "lines": [
                _("Requested it, %(client)s", client=page.customer_name),
                *filter(None, [particulars.contact_number]),
            ],
        }
    ]
    if request and request.asked_by_name == particulars.requested_by_name:
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
