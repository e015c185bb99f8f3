"""What a customer does: browse the catalog, request a service, follow the engagement, read the charges. Gross and tax only.

What surrounds the three tabs of an own engagement stands here, since two screens show them.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from flask_babel import gettext as _

from app.billing.own_pages import OwnPage
from app.engagements import menu
from app.engagements.menu import MenuLine
from app.foundation import tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.tenancy import Viewer
from app.web import filters
from app.web.languages import locale_name

#: The customer's own verbs, as paths below the engagement; the state table says when each is offered.
STEER = "engagement:steer"
_MONTHS_OFFERED = 12


def recent_months() -> tuple[BillingMonth, ...]:
    """What a month filter offers."""
    return filters.recent_months(_MONTHS_OFFERED)


def path_of(action: str) -> str:
    return action.replace("_", "-")


def own_verbs(state: str, instance_state: str, viewer: Viewer) -> list[tuple[str, MenuLine]]:
    """(the last part of the path, the menu's line) of what this customer may do now."""
    lines = menu.lines_for(state, viewer, instance_state=instance_state)
    return [(path_of(line.action), line) for line in lines if line.permission == STEER]


class VerbShown(NamedTuple):
    """One line of a row's Actions menu."""

    path: str
    label: str
    icon: str
    danger: bool


@lru_cache(maxsize=1000)
def verbs_shown(state: str, instance_state: str, viewer: Viewer, _language: str) -> tuple[VerbShown, ...]:
    """own_verbs() as rows of a list print them."""
    return tuple(
        VerbShown(path, _(line.label), line.icon, line.danger)
        for path, line in own_verbs(state, instance_state, viewer)
    )


class OwnTab(NamedTuple):
    label: str
    path: str
    count: int | None  # type: ignore[assignment]  # no page counts a tab's fields
    current: bool


class OwnHead(NamedTuple):
    """The page's head as the template prints it, and as its piece of the page is kept by."""

    name: str
    number: str
    state: str
    product: str
    plan: str
    partner: str
    here: str
    tabs: tuple[OwnTab, ...]
    verbs: tuple[VerbShown, ...]


def own_header(page: OwnPage, tab: str) -> dict[str, Any]:
    """For customer/engagement_page.html. `tab`: 'details', 'history' or 'billing-entries'. Asks nothing more."""
    head = own_head(page, tab, tenancy.current(), locale_name())
    return {"head": head, "page": page, "e": page.engagement, "here": head.here}


@lru_cache(maxsize=1000)
def own_head(page: OwnPage, tab: str, viewer: Viewer, language: str) -> OwnHead:
    e = page.engagement
    here = f"/my/engagements/{e.id}"
    tabs = (
        OwnTab(_("Details"), here, None, tab == "details"),
        OwnTab(_("History"), f"{here}/history", page.events, tab == "history"),
        OwnTab(_("Billing entries"), f"{here}/billing-entries", page.entries, tab == "billing-entries"),
    )
    names = e.name, e.number, e.state, page.product_name, page.plan_name, page.partner_name
    return OwnHead(*names, here, tabs, verbs_shown(e.state, e.instance_state, viewer, language))
