"""The lists of engagements that partner and operator read: current, past, one product's or all.

    listed = read_list(default=states.CURRENT, offered=states.CURRENT, product_id=product_id)
    if kind:
        return download(kind, "current-engagements", COLUMNS, listed.every_row())
    return show("engagements/list.html", block="list", **listed.shown(), title=...)

Together one statement: rows, figures and what can be filtered by (engagements/choices.py, billing/engagement_figures.py).
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
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
from app.foundation.pages import page_of
from app.foundation.tenancy import Viewer
from app.months.queries import OpenMonths, open_by_the_clock
from app.web import instants
from app.web.engagement_cells import NOTHING, MonthCell, closes_at, closes_soon, month_cell, waiting_cell
from app.web.engagement_header import PATHS, menu_lines
from app.web.figures import DASH
from app.web.filters import Choice, Months, Reference, Search
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


class Action(NamedTuple):
    """One line of a row's Actions menu; its path begins with the row's address."""

    label: str
    icon: str
    path: str
    #: opens over the page
    dialog: bool
    danger: bool
    divider: bool


class Verbs(NamedTuple):
    """What is offered in one state: the same in each of its rows, but for the address of the row that it begins with."""

    #: the one likely action
    go_label: str
    go_icon: str
    go_path: str
    actions: tuple[Action, ...]
    #: somebody must decide
    waits: bool


class RowShown(NamedTuple):
    """One row as the database has it, and what the present instant says of it: all that the template prints or chooses by."""

    id: str
    reference: str
    name: str
    client: str
    #: small print under the client: whose service, on which plan
    offer: str
    state: str
    requested_at: datetime
    ended_at: datetime | None
    #: how long it waits for somebody, and whether for too long
    waiting: str
    late: bool
    #: what is billed for the month that the form offers first
    month: MonthCell
    currency: str
    #: None: nothing, or nothing for this viewer
    rated_minor: int | None


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
        currencies = {row.currency for row in self.rows}
        months = {row.open_month for row in self.rows if row.state in states.BILLABLE} or {
            row.open_month for row in self.rows
        }
        one_month = months.pop() if len(months) == 1 else 0
        one_currency = next(iter(currencies)) if len(currencies) == 1 else None
        past = self.asks_past or not any(row.state in states.CURRENT for row in self.rows)
        return {
            "listing": self.listing,
            "rows": self._rows(one_month, past=past),
            "verbs": {state: verbs_of(state, self.viewer, locale_name()) for state in {row.state for row in self.rows}},
            "currency": one_currency,
            "month": instants.month(BillingMonth.of_number(one_month)) if one_month else _("Open month"),
            "closing": None if past else self._closing(),
            "shows_product": "product" in self.listing.values,
            "shows_figures": any(_may_read(self.viewer, row) for row in self.rows),
            "only_past": past,
        }

    def _closing(self) -> Any:
        """(month, when it closes) of the month that closes first among the rows."""
        ends = [(end, row.open_month) for row in self.rows if (end := closes_at(row)) is not None]
        if not ends:
            return None
        end, month = min(ends)
        return instants.month(BillingMonth.of_number(month)), instants.deadline(end)

    def _rows(self, one_month: int, *, past: bool) -> list[RowShown]:
        """What many rows have in common is worked out once."""
        reads = cache(lambda all_three: may_view_billing(self.viewer, takes_all_three=all_three))
        soon = cache(lambda cut_off, month, reopened: closes_soon(cut_off, month, reopened))
        offer, said = cache(self._offer), cache(_)
        return [
            self._row(row, reads(row.takes_all_three), offer, soon, said, named=not one_month, past=past)
            for row in self.rows
        ]

    def _offer(self, partner: str, product: str, plan: str) -> str:
        """Whose service, on which plan: as far as the list does not say it for all its rows."""
        whose = partner if self.viewer.capacity == "operator" else None
        if "product" in self.listing.values:
            return ", ".join(filter(None, (whose, product, plan)))
        return ", ".join(filter(None, (whose, _("%(plan)s plan", plan=plan))))

    def _row(self, row: Any, reads: bool, offer: Any, soon: Any, said: Any, *, named: bool, past: bool) -> RowShown:
        waiting, late = (DASH, False) if past else waiting_cell(row.state, row.requested_at, row.asked_at)
        return RowShown(
            str(row.id),
            row.number,
            row.name,
            row.customer_name,
            offer(row.partner_name, row.product_name, row.plan_name),
            row.state,
            row.requested_at,
            row.ended_at,
            waiting,
            late,
            month_cell(row, soon, said, named=named) if reads and not past else NOTHING,
            row.currency,
            row.rated_minor if reads else None,
        )


@lru_cache(maxsize=1000)
def verbs_of(state: str, viewer: Viewer, _language: str) -> Verbs:
    """Worked out once for all pages of a viewer in a language."""
    decisions = {states.PENDING: "engagement:decide", states.COMPLETION_REQUESTED: "engagement:complete"}
    go = (_("View details"), "arrow--right", "")
    if viewer.may(decisions.get(state, "-")):
        go = (_("Review"), "arrow--right", "")
    elif state == states.ACTIVE and viewer.may("billing-entry:submit"):
        go = (_("Add entry"), "add", PATHS[states.ADD_BILLING_ENTRY])
    view = Action(_("View details"), "view", "", dialog=False, danger=False, divider=False)
    others = (Action(**{**line, "dialog": line["dialog"] is not None}) for line in menu_lines(state, viewer, ""))
    return Verbs(*go, (view, *others), state in decisions)


def read_list(*, default: Sequence[str], offered: Sequence[str], product_id: uuid.UUID | None = None) -> Listed:
    """The list that the address asks for. `default`: the states shown when none is chosen; `offered`: those to choose from.

    `product_id`: that product's engagements, else all this viewer may see.
    """
    with clock.pinned(clock.now()):  # the months open now are asked for here and there
        return _read_list(default, offered, product_id)


def _read_list(default: Sequence[str], offered: Sequence[str], product_id: uuid.UUID | None) -> Listed:
    viewer = tenancy.current()
    months = _open_months()
    known: dict[str, Any] = {"client": {}, "product": {}, "plan": {}}
    listing = _list_of(default, offered, known, product_id).read()
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
        return _by_entries(queries.engagements(**wanted), asked.get("entries"), months, viewer)

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
    known.update(client=here.client, product=here.product, plan=here.plan)
    return Listed(listing.with_page(page), viewer, every, page.rows, here)


@lru_cache(maxsize=256)
def _with_open_month(found: Select[*tuple[Any, ...]], taking: OpenMonths) -> Select[*tuple[Any, ...]]:
    """Built once for each choice of filters while a month lasts."""
    return choices.with_ids(with_open_month(found, taking))


def _list_of(
    default: Sequence[str], offered: Sequence[str], known: dict[str, Any], product_id: uuid.UUID | None
) -> ListOf:
    """`known` is filled when the rows are read, before anybody asks the filters for their options."""
    statuses = {state: TAGS[state].label for state in offered}
    if len(offered) > len(default):
        statuses = {
            **{state: statuses[state] for state in default},
            PAST: _l("Past, all"),
            **statuses,
            EVERY: _l("all"),
        }
    unset = _l("current") if len(offered) > len(default) else ""
    offer = (
        Reference("plan", _l("Plan"), lambda: known["plan"])
        if product_id
        else Reference("product", _l("Product"), lambda: known["product"])
    )
    return ListOf(
        Search("search", _l("Search")),
        Choice("status", _l("Status"), statuses, unset=unset),
        Reference("client", _l("Client"), lambda: known["client"]),
        offer,
        Months("month", _l("Requested"), _recent_months),
        *(
            [Choice("entries", _l("Entries"), _entries_words, offered=False)]
            if _reads_any() and states.ACTIVE in default
            else []
        ),
    )


def _reads_any() -> bool:
    return tenancy.current().may("billing-entry:view")


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


def _by_entries(found: Any, asked: str | None, months: dict[str, BillingMonth], viewer: Viewer) -> Any:
    if asked is None:
        return found
    if asked == WAITING:
        return with_waiting_entries(found, viewer=viewer)
    return still_unbilled(found, months[asked], asked, viewer=viewer)


def _wanted(status: str | None, default: Sequence[str]) -> Sequence[str]:
    if status is None:
        return default
    if status == EVERY:
        return (*states.CURRENT, *states.PAST)
    return states.PAST if status == PAST else (status,)


def _recent_months() -> list[BillingMonth]:
    here = BillingMonth.at(clock.now())
    return [here.shifted(-count) for count in range(_MONTHS_OFFERED)]


def _may_read(viewer: Viewer, row: Any) -> bool:
    return may_view_billing(viewer, takes_all_three=row.takes_all_three)
