"""What surrounds an engagement's pages, for whoever shows one of its tabs to partner or operator.

    page = tab_asked_for(engagement_id)                       # NotVisible: 404
    return show("engagements/history.html", block="events", **engagement_header(page, "history"), ...)

The template extends engagements/engagement_page.html and fills `title`, `content` and whatever its tab adds. Keys given:
`head` (all of the page's head), `age` (of a request that waits), `page` (TabPage), `e` (the engagement), `here`
("/engagements/<id>"), `programme`, `sees_billing`, `crumbs`, `tabs`, `decides` (Approve and Reject are offered here), `add_entry`
(path or None), `answers` (may mark as complete and reject completion requests).
"""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from flask_babel import gettext as _

from app.billing.engagement_figures import TabPage, tab_page
from app.billing.queries import may_view_billing
from app.engagements import menu, states, testing
from app.engagements.queries import EngagementPage, engagement_page
from app.foundation import tenancy
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer
from app.web.instants import ago
from app.web.languages import locale_name

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
    head = head_of(page, viewer, current_tab, locale_name())
    e = page.engagement
    return {
        "head": head,
        "page": page,
        "e": e,
        "here": head.here,
        "age": ago(e.requested_at) if e.state == states.PENDING else None,
        "programme": page.programme,
        "sees_billing": may_view_billing(viewer, takes_all_three=page.programme.viewing_takes_all_three),
        "crumbs": head.crumbs,
        "tabs": head.tabs,
        "decides": head.decides,
        "add_entry": head.add_entry,
        "answers": head.answers,
    }


class TabShown(NamedTuple):
    label: str
    path: str
    count: str | None  # type: ignore[assignment]  # no page counts a tab's fields
    current: bool


class ActionShown(NamedTuple):
    """A line of the Actions menu."""

    label: str
    icon: str
    path: str
    #: opens over the page
    dialog: bool
    danger: bool
    divider: bool


class Head(NamedTuple):
    """The page's head as the template prints it, and as its piece of the page is kept by."""

    name: str
    number: str
    state: str
    is_test: bool
    requested_at: datetime
    active_from: datetime | None
    ended_at: datetime | None
    client: str
    #: where the reader is none of its people
    partner: str | None
    plan: str
    here: str
    crumbs: tuple[tuple[str, str], ...]
    tabs: tuple[TabShown, ...]
    actions: tuple[ActionShown, ...]
    #: Approve and Reject are offered; a completion request may be answered
    decides: bool
    answers: bool
    add_entry: str | None
    #: the page's own notice holds its one primary button
    notice_decides: bool


def actions_shown(state: str, viewer: Viewer, here: str) -> tuple[ActionShown, ...]:
    lines = menu_lines(state, viewer, here)
    return tuple(ActionShown(**{**line, "dialog": line["dialog"] is not None}) for line in lines)


@lru_cache(maxsize=1000)
def head_of(page: TabPage, viewer: Viewer, current_tab: str, _language: str) -> Head:
    e = page.engagement
    here = address(e.id)
    offered = {line.action for line in menu.lines_for(e.state, viewer)}
    return Head(
        name=e.name,
        number=e.number,
        state=e.state,
        is_test=e.is_test,
        requested_at=e.requested_at,
        active_from=e.active_from,
        ended_at=e.ended_at,
        client=page.customer_name,
        partner=page.partner_name if viewer.capacity == "operator" else None,
        plan=page.plan_name,
        here=here,
        crumbs=tuple(crumbs(page, viewer)),
        tabs=_tabs(page, here, current_tab, viewer),
        actions=actions_shown(e.state, viewer, here),
        decides=states.APPROVE in offered,
        answers=states.REJECT_COMPLETION_REQUEST in offered,
        add_entry=here + PATHS[states.ADD_BILLING_ENTRY] if states.ADD_BILLING_ENTRY in offered else None,
        notice_decides=e.state == states.COMPLETION_REQUESTED and current_tab == "details",
    )


def crumbs(page: EngagementPage | TabPage, viewer: Viewer) -> list[tuple[str, str]]:
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


def _tabs(page: TabPage, here: str, current: str, viewer: Viewer) -> tuple[TabShown, ...]:
    tabs = (
        TabShown(_("Details"), here, None, current == "details"),
        TabShown(_("History"), f"{here}/history", page.events, current == "history"),
    )
    if not may_view_billing(viewer, takes_all_three=page.programme.viewing_takes_all_three):
        return tabs
    return (
        *tabs,
        TabShown(_("Billing entries"), f"{here}/billing-entries", page.entries, current == "billing-entries"),
    )
