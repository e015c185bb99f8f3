"""The lists of engagements that partner and operator read: current, past, one product's or all.

    listed = read_list(default=states.CURRENT, offered=states.CURRENT, product_id=product_id)
    if kind:
        return download(kind, "current-engagements", COLUMNS, listed.every_row())
    return show("engagements/list.html", block="list", **listed.shown(), title=...)

Together one statement: rows, figures and what can be filtered by (engagements/choices.py, billing/engagement_figures.py).
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select

from app.billing.at_a_glance import still_unbilled, with_waiting_entries
from app.billing.engagement_figures import beside, with_open_month
from app.billing.queries import may_view_billing
from app.documents import Column, Words, rows_of
from app.documents.row_stream import Rows
from app.engagements import choices, queries, states
from app.engagements.choices import Choices
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.named import Named
from app.foundation.pages import page_of
from app.foundation.tenancy import Viewer
from app.months.queries import OpenMonths, open_by_the_clock
from app.web import instants
from app.web.engagement_cells import AWAITED, NOBODY, closes_at, waiting_for
from app.web.engagement_header import CLOSES_SOON, PATHS, ActionShown, actions_shown
from app.web.filters import Choice, Months, Reference, Search, recent_months
from app.web.languages import locale_name
from app.web.listing import Listing, ListOf
from app.web.programme_words import CUT_OFFS
from app.web.ui import TAGS

COLUMNS = (
    Column(_l("Reference"), "number"),
    Column(_l("Name"), "name"),
    Column(_l("Client"), "customer_name"),
    Column(_l("Partner"), "partner_name"),
    Column(_l("Product"), "product_name"),
    Column(_l("Plan"), "plan_name"),
    Column(_l("Status"), Words("state", {state: TAGS[state].label for state in (*states.CURRENT, *states.PAST)})),
    Column(_l("Requested at (UTC)"), "requested_at"),
    Column(_l("Active from (UTC)"), "active_from"),
    Column(_l("Ended at (UTC)"), "ended_at"),
    Column(_l("Identifier"), "id"),
)
#: The Status filter's word for every past state at once.
PAST = "past"
#: and its word for every state there is
EVERY = "all"
#: The Entries filter's word for those not rated yet; its other words are cut-off policies: nothing yet for their open month.
WAITING = "waiting"
_MONTHS_OFFERED = 13


class Verbs(NamedTuple):
    """What is offered in one state: the same in each of its rows, but for the address of the row that it begins with."""

    #: the one likely action
    go_label: str
    go_icon: str
    go_path: str
    #: their paths begin with the row's address
    actions: tuple[ActionShown, ...]
    #: somebody must decide
    waits: bool
    #: it takes entries
    billable: bool


class Head(NamedTuple):
    """What all rows of a page have in common, and each is drawn by."""

    #: their one month by name, if they have one; else each says its own
    month: str
    months_differ: bool
    currencies_differ: bool
    only_past: bool
    #: whether this viewer may read figures: of products that demand nothing, and of those that take all three permissions
    reads: bool
    reads_all_three: bool
    shows_figures: bool
    #: small print under the client: whose service, which one
    names_partner: bool
    names_product: bool


@dataclass(frozen=True)
class Listed:
    listing: Listing
    viewer: Viewer
    #: gives the filtered list without what only the page shows, for files
    found: Callable[[], Select[*tuple[Any, ...]]]
    rows: Sequence[Any]
    choices: Choices

    def every_row(self) -> Rows:
        return rows_of(self.found().order_by(*(key.desc() for key in queries.LIST_KEYS)))

    @property
    def product_name(self) -> str | None:
        """From the rows of one product's list; None when there are none."""
        return self.rows[0].product_name if self.rows else None

    @property
    def asks_past(self) -> bool:
        return self.listing.values["status"] in (PAST, *states.PAST)

    def bulk_entry(self, product_id: uuid.UUID | None = None) -> str | None:
        """Where what is listed here can be billed in one go, with the same filters; None for who may not, or only the past."""
        if self.asks_past or self.viewer.capacity != "partner" or not self.viewer.may("billing-entry:submit"):
            return None
        kept = {name: self.listing.text.get(name) for name in ("search", "client", "product")}
        asked = {**kept, "product": str(product_id)} if product_id else kept
        written = urlencode({name: text for name, text in asked.items() if text})
        return "/engagements/bulk-entry" + (f"?{written}" if written else "")

    def crumbs(self, product_name: str) -> list[tuple[str, str]]:
        """Above one product's list. The operator has no products of its own."""
        products = (
            (_("My products"), "/products") if self.viewer.capacity == "partner" else (_("Engagements"), "/engagements")
        )
        return [products, (product_name, self.listing.path.rpartition("/")[0])]

    def shown(self) -> dict[str, Any]:
        """What engagements/list.html needs, less its words. One currency or month for all rows goes into the column's head."""
        with clock.pinned(clock.now()):  # one instant for all rows
            return self._shown()

    def _shown(self) -> dict[str, Any]:
        facts = list(map(_FACTS, self.rows))
        names_product = "product" in self.listing.values
        drawn = _of_facts(frozenset(facts), self.viewer, self.asks_past, names_product, locale_name())
        return {
            "listing": self.listing,
            "head": drawn.head,
            "rows": self._rows(drawn, facts),
            "verbs": drawn.verbs,
            "currency": drawn.currency,
            "closing": drawn.closing and (drawn.closing[0], instants.deadline(drawn.closing[1])),
        }

    def _rows(self, drawn: "Drawn", facts: Sequence[tuple[Any, ...]]) -> tuple[tuple[Any, str, bool, bool], ...]:
        """Each row as it was read, and what the present instant says of it: how long somebody waits, whether for too long, and
        whether its month closes soon."""
        soon_until = clock.now() + CLOSES_SOON
        soon = {its: end is not None and end <= soon_until for its, end in drawn.ends.items()}
        pairs = zip(self.rows, facts, strict=True)
        if not drawn.anybody_waits:
            return tuple([(row, *NOBODY, soon[its]) for row, its in pairs])
        return tuple([(row, *waiting_for(row.state, row.requested_at, row.asked_at), soon[its]) for row, its in pairs])


class Facts(NamedTuple):
    """What of a row decides how the page's head and its other rows look."""

    state: str
    currency: str
    cut_off: str
    takes_all_three: bool
    open_month: int
    reopened_month: int | None


#: equal to the Facts of the same row
_FACTS = attrgetter(*Facts._fields)


class Drawn(NamedTuple):
    """What follows from the facts of a page's rows, of which there are few, however many rows."""

    head: Head
    currency: str | None
    verbs: tuple[tuple[str, Verbs], ...]
    anybody_waits: bool
    #: facts of a row -> when its month closes
    ends: Mapping[tuple[Any, ...], datetime | None]
    #: the month that closes first among the rows, and when
    closing: tuple[str, datetime] | None


@lru_cache(maxsize=1000)
def _of_facts(
    told: frozenset[tuple[Any, ...]], viewer: Viewer, asks_past: bool, names_product: bool, _language: str
) -> Drawn:
    facts = [Facts(*each) for each in told]
    found_states, currencies = {each.state for each in facts}, {each.currency for each in facts}
    months = {each.open_month for each in facts if each.state in states.BILLABLE} or {each.open_month for each in facts}
    one_month = months.pop() if len(months) == 1 else 0
    reads = {three: may_view_billing(viewer, takes_all_three=three) for three in (False, True)}
    head = Head(
        month=instants.month(BillingMonth.of_number(one_month)) if one_month else _("Open month"),
        months_differ=not one_month,
        currencies_differ=len(currencies) != 1,
        only_past=asks_past or not found_states.intersection(states.CURRENT),
        reads=reads[False],
        reads_all_three=reads[True],
        shows_figures=any(reads[each.takes_all_three] for each in facts),
        names_partner=viewer.capacity == "operator",
        names_product=names_product,
    )
    ends: dict[Any, datetime | None] = {
        each: closes_at(each.cut_off, each.open_month, each.reopened_month) for each in facts
    }
    dated = [(end, each.open_month) for each, end in ends.items() if end is not None and not head.only_past]
    return Drawn(
        head,
        None if head.currencies_differ else currencies.pop(),
        tuple((state, _verbs_of(state, viewer)) for state in sorted(found_states)),
        not head.only_past and not found_states.isdisjoint(AWAITED),
        ends,
        (instants.month(BillingMonth.of_number(min(dated)[1])), min(dated)[0]) if dated else None,
    )


def _verbs_of(state: str, viewer: Viewer) -> Verbs:
    decisions = {states.PENDING: "engagement:decide", states.COMPLETION_REQUESTED: "engagement:complete"}
    go = (_("View details"), "arrow--right", "")
    if viewer.may(decisions.get(state, "-")):
        go = (_("Review"), "arrow--right", "")
    elif state == states.ACTIVE and viewer.may("billing-entry:submit"):
        go = (_("Add entry"), "add", PATHS[states.ADD_BILLING_ENTRY])
    view = ActionShown(_("View details"), "view", "", dialog=False, danger=False, divider=False)
    return Verbs(*go, (view, *actions_shown(state, viewer, "")), state in decisions, state in states.BILLABLE)


def read_list(*, default: Sequence[str], offered: Sequence[str], product_id: uuid.UUID | None = None) -> Listed:
    """The list that the address asks for. `default`: the states shown when none is chosen; `offered`: those to choose from.

    `product_id`: that product's engagements, else all this viewer may see.
    """
    with clock.pinned(clock.now()):  # the months open now are asked for here and there
        return _read_list(default, offered, product_id)


def _read_list(default: Sequence[str], offered: Sequence[str], product_id: uuid.UUID | None) -> Listed:
    viewer = tenancy.current()
    by_entries = states.ACTIVE in default and viewer.may("billing-entry:view")
    listing = _list_of(tuple(default), tuple(offered), product_id is not None, by_entries, locale_name()).read()
    asked = listing.values
    wanted = {
        "states_wanted": tuple(_wanted(asked["status"], default)),
        "product_id": product_id or asked.get("product"),
        "customer_id": asked["client"],
        "plan_id": asked.get("plan"),
        "requested_in": asked["month"],
        "search": asked["search"] or "",
    }

    def every() -> Select[*tuple[Any, ...]]:
        return _by_entries(queries.engagements(**wanted), asked.get("entries"), viewer)

    found, values = (every(), {}) if asked.get("entries") else queries.engagements_asked(**wanted)
    whose = choices.Whose(viewer.organisation_id if viewer.capacity == "partner" else None, product_id)
    page = page_of(
        _with_open_month(found, open_by_the_clock(clock.now())),
        queries.LIST_KEYS,
        after=listing.after,
        before=listing.before,
        values={**values, **whose.values},
        beside=beside,
        once=choices.beside_rows(*whose.shape),
    )
    here = choices.choices_of(page, whose) if page.rows or listing.is_filtered else Choices()
    listing = listing.with_page(page, client=here.client, product=here.product, plan=here.plan)
    return Listed(listing, viewer, every, page.rows, here)


@lru_cache(maxsize=256)
def _with_open_month(found: Select[*tuple[Any, ...]], taking: OpenMonths) -> Select[*tuple[Any, ...]]:
    """Built once for each choice of filters while a month lasts."""
    return choices.with_ids(with_open_month(found, taking))


@lru_cache(maxsize=100)
def _list_of(
    default: tuple[str, ...], offered: tuple[str, ...], of_product: bool, by_entries: bool, _language: str
) -> ListOf:
    """What client, product and plan may be is read with the rows. In one language, so that its words are plain text."""
    unset = _("current") if len(offered) > len(default) else ""
    return ListOf(
        Search("search", _("Search")),
        Choice("status", _("Status"), _statuses(default, offered), unset=unset),
        Reference("client", _("Client")),
        Reference("plan", _("Plan")) if of_product else Reference("product", _("Product")),
        Months("month", _("Requested"), _recent_months),
        *([Choice("entries", _("Entries"), _entries_words, offered=False)] if by_entries else []),
    )


def _statuses(default: tuple[str, ...], offered: tuple[str, ...]) -> Named:
    """The Status filter's words."""
    statuses = {state: str(TAGS[state].label) for state in offered}
    if len(offered) <= len(default):
        return Named(statuses)
    own = {state: statuses[state] for state in default}
    return Named({**own, PAST: _("Past, all"), **statuses, EVERY: _("all")})


def _entries_words() -> dict[str, str]:
    """What the Entries filter says; two policies whose open months are one are told apart by their names."""
    months = _open_months()
    together = len(set(months.values())) == 1
    words = _l("none yet for %(month)s, %(policy)s") if together else _l("none yet for %(month)s")
    nothing = {
        key: words % {"month": instants.month(month), "policy": str(CUT_OFFS[key]).lower()}
        for key, month in months.items()
    }
    return {**nothing, WAITING: _("waiting to be rated")}


def _open_months() -> dict[str, BillingMonth]:
    """Cut-off policy -> the month that closes next under it."""
    return {key: months[0] for key, months in open_by_the_clock(clock.now())}


def _by_entries(found: Any, asked: str | None, viewer: Viewer) -> Any:
    if asked is None:
        return found
    if asked == WAITING:
        return with_waiting_entries(found, viewer=viewer)
    return still_unbilled(found, _open_months()[asked], asked, viewer=viewer)


def _wanted(status: str | None, default: Sequence[str]) -> Sequence[str]:
    if status is None:
        return default
    if status == EVERY:
        return (*states.CURRENT, *states.PAST)
    return states.PAST if status == PAST else (status,)


def _recent_months() -> Sequence[BillingMonth]:
    return recent_months(_MONTHS_OFFERED)
