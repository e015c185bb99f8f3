"""What surrounds an engagement's pages, for whoever shows one of its tabs to partner or operator.

    page = tab_asked_for(engagement_id)                       # NotVisible: 404
    return show("engagements/history.html", block="events", **engagement_header(page, "history"), ...)

The template extends engagements/engagement_page.html and fills `title`, `content` and whatever its tab adds. Keys given:
`page` (EngagementPage), `e` (the engagement), `here` ("/engagements/<id>"), `programme`, `sees_billing`, `crumbs`, `tabs`,
`actions` (lines of the Actions menu, for ui.menu), `decides` (Approve and Reject are offered here), `add_entry` (path or
None), `answers` (may mark as complete and reject completion requests).
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from flask_babel import gettext as _

from app.billing.engagement_figures import TabPage, tab_page
from app.billing.queries import may_view_billing
from app.engagements import menu, states, testing
from app.engagements.queries import EngagementPage, engagement_page
from app.foundation import tenancy
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer

Found = TypeVar("Found")

#: Where each action lives, below /engagements/<id>. What is not here has no screen for partner or operator.
PATHS = {
    states.APPROVE: "/approve",
    states.REJECT: "/reject",
    states.ADD_BILLING_ENTRY: "/billing-entries/new",
    states.MARK_AS_COMPLETE: "/mark-complete",
    states.DECLINE_KEEP_ACTIVE: "/reject-completion?outcome=keep-active",
    states.REJECT_COMPLETION_REQUEST: "/reject-completion",
}
#: A month without an entry is a risk from here on; before, it is the usual state of a month that has just begun.
CLOSES_SOON = timedelta(days=7)
#: Opens as a page of its own; the others are short decisions, shown as dialogs.
WHOLE_PAGES = frozenset({states.ADD_BILLING_ENTRY})


def engagement_asked_for(engagement_id: uuid.UUID) -> EngagementPage:
    """The engagement whose page this is, or NotVisible. A test one only here, for who may run or review tests.

    From there on the request sees tests: what a page of one engagement reads is that engagement's.
    """
    return also_a_test(lambda: engagement_page(engagement_id))


def tab_asked_for(engagement_id: uuid.UUID) -> TabPage:
    """The same for one of the tabs, with what engagement_header() shows around it."""
    return also_a_test(lambda: tab_page(engagement_id))


def also_a_test(find: Callable[[], Found]) -> Found:
    """One row that the request names, or NotVisible; among tests as well for who may run or review them."""
    viewer = tenancy.current()
    try:
        return find()
    except NotVisible:
        if not (viewer.may(testing.RUN) or viewer.may("rating-queue:view")):
            raise
    tenancy.set_viewer(tenancy.as_tester(viewer))
    try:
        return find()
    except NotVisible:
        tenancy.set_viewer(viewer)
        raise


def address(engagement_id: uuid.UUID) -> str:
    return f"/engagements/{engagement_id}"


def menu_lines(state: str, viewer: Viewer, here: str, *, place: str = "menu") -> list[dict[str, Any]]:
    """The Actions menu as ui.menu takes it, in the state table's order; what does harm stands last, under a hairline."""
    lines = [line for line in menu.lines_for(state, viewer, place=place) if line.action in PATHS]
    lines.sort(key=lambda line: line.danger)
    first_harmful = next((line for line in lines if line.danger), None)
    return [
        {
            "label": _(line.label),
            "icon": line.icon,
            "path": here + PATHS[line.action],
            "dialog": None if line.action in WHOLE_PAGES else "",
            "danger": line.danger,
            "divider": line is first_harmful and len(lines) > 1,
        }
        for line in lines
    ]


def engagement_header(page: TabPage, current_tab: str) -> dict[str, Any]:
    """`current_tab`: 'details', 'history' or 'billing-entries'. Asks nothing more."""
    viewer = tenancy.current()
    e, programme = page.engagement, page.programme
    here = address(e.id)
    sees_billing = may_view_billing(viewer, takes_all_three=programme.viewing_takes_all_three)
    offered = {line.action for line in menu.lines_for(e.state, viewer)}
    return {
        "page": page,
        "e": e,
        "here": here,
        "programme": programme,
        "sees_billing": sees_billing,
        "crumbs": crumbs(page, viewer),
        "tabs": _tabs(page, here, current_tab, sees_billing=sees_billing),
        "actions": menu_lines(e.state, viewer, here),
        "decides": states.APPROVE in offered,
        "add_entry": here + PATHS[states.ADD_BILLING_ENTRY] if states.ADD_BILLING_ENTRY in offered else None,
        "answers": states.REJECT_COMPLETION_REQUEST in offered,
        "current_tab": current_tab,
    }


def crumbs(page: EngagementPage, viewer: Viewer) -> list[tuple[str, str]]:
    """My products / product / Current engagements, or Testing; the operator has no products of its own."""
    past = page.engagement.state in states.PAST
    if page.engagement.is_test and viewer.capacity != "partner":
        return [(_("Rating queue"), "/reviews/rating")]
    if viewer.capacity != "partner":
        return [(_("Engagements"), "/engagements?status=past" if past else "/engagements")]
    product = f"/products/{page.engagement.product_id}"
    if page.engagement.is_test:
        return [(_("My products"), "/products"), (page.product_name, product), (_("Testing"), f"{product}/testing")]
    lists = (
        (_("Past engagements"), f"{product}/past-engagements")
        if past
        else (_("Current engagements"), f"{product}/current-engagements")
    )
    return [(_("My products"), "/products"), (page.product_name, product), lists]


def _tabs(page: TabPage, here: str, current: str, *, sees_billing: bool) -> list[dict[str, Any]]:
    tabs = [
        {"label": _("Details"), "path": here, "current": current == "details"},
        {"label": _("History"), "path": f"{here}/history", "count": page.events, "current": current == "history"},
    ]
    if sees_billing:
        entries = {"label": _("Billing entries"), "path": f"{here}/billing-entries", "count": page.entries}
        tabs.append({**entries, "current": current == "billing-entries"})
    return tabs
