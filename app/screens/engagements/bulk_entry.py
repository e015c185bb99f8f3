"""Bulk entry, the grid: one row an engagement of the filtered list; preview, then what is ticked is submitted.

Each row is sent under a key of its own, made of the page's submission key and its engagement: a double click or a reload
finds every row submitted already, and a refused row stays, with what was typed, to be corrected and sent again.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from app.billing.batch import Line
from app.catalog.queries import approved_metrics
from app.engagements import choices
from app.engagements.billable import LIST_KEYS, billable_asked, by_id
from app.foundation import clock, tenancy
from app.foundation.billing_month import BillingMonth
from app.foundation.pages import PAGE, page_of
from app.web.bulk_rows import Entered, entered, months_of, preview_rows, submit_rows, totals
from app.web.fields import PortalForm
from app.web.filters import Reference, Search
from app.web.fragments import show, wants_fragment
from app.web.guard import needs
from app.web.instants import month
from app.web.listing import Listing, ListOf
from app.web.submissions import new_key, sender

screen = Blueprint("bulk_entry", __name__)

PATH = "/engagements/bulk-entry"


class Grid(PortalForm):
    """Only the hidden fields: the rows are read one by one, however many there are."""


class RowShown(NamedTuple):
    """All that one row of the grid prints, but for what it would come to; by this it is kept."""

    place: str
    id: uuid.UUID
    name: str
    number: str
    client: str
    #: (value, words) of each
    metrics: tuple[tuple[str, str], ...]
    months: tuple[tuple[str, str], ...]
    unit: str
    metric: str
    month: str
    quantity: str
    notes: str
    engagement_error: str | None
    metric_error: str | None
    month_error: str | None
    quantity_error: str | None
    notes_error: str | None


@screen.get("/engagements/bulk-entry")
@needs("billing-entry:submit", capacity="partner")
def show_grid() -> Response:
    with clock.pinned(clock.now()):  # every row asks which months are open
        listing = _listing()
        shown = listing.page.rows if listing.page else []
        metrics = approved_metrics(row.plan_id for row in shown)
        rows = [_row(row.id, row, metrics, {}, "") for row in shown]
        return _show(listing, rows, Grid())


@screen.post("/engagements/bulk-entry")
@needs("billing-entry:submit", capacity="partner")
def act() -> Response:
    """`do`: preview, submit, or row (the amount of one row as it is typed)."""
    form = Grid()
    fine = form.validate_on_submit()
    by = sender(form) if fine else tenancy.current()
    rows = _rows_sent(form)
    typed = [row for row in rows if row.typed.get("quantity", "").strip() or row.typed.get("notes", "").strip()]
    do = request.form.get("do", "")
    if do == "row" and wants_fragment() and rows:
        preview_rows(typed, by=by)
        return show("engagements/bulk_entry.html", block="came_to", r=rows[0], alone=True)
    if fine and do == "submit":
        submit_rows(typed, by=by)
    else:
        preview_rows(typed, by=by)
    return _show(_listing(), rows, form, typed)


def _listing() -> Listing:
    viewer = tenancy.current()
    known: dict[str, Mapping[str, str]] = {"client": {}, "product": {}}
    listing = ListOf(
        Search("search", _l("Search")),
        Reference("client", _l("Client"), lambda: known["client"]),
        Reference("product", _l("Product"), lambda: known["product"]),
    ).read(PATH)
    asked = listing.values
    found, values = billable_asked(
        search=asked["search"] or "", customer_id=asked["client"], product_id=asked["product"]
    )
    whose = choices.Whose(own_products_of=viewer.organisation_id)
    page = page_of(
        choices.with_ids(found),
        LIST_KEYS,
        after=listing.after,
        before=listing.before,
        values={**values, **whose.values},
        once=choices.beside_rows(*whose.shape),
    )
    if page.rows or listing.is_filtered:
        here = choices.choices_of(page, whose)
        known.update(client=here.client, product=here.product)
    return listing.with_page(page)


_FIELD = re.compile(r"e[0-9a-f]{32}-(quantity|notes)")


def _rows_sent(form: Grid) -> list[Entered]:
    """The rows that the page held, in their order, read again for whoever sends it; a page holds no more than PAGE.

    `only`: the one row that is being typed in; htmx sends its whole form along. A row whose own mark is spoiled is
    known by its fields, so that what was typed in it is not lost.
    """
    one = request.form.get("only", "")
    by_field = (str(uuid.UUID(name[1:33])) for name in request.form if _FIELD.fullmatch(name))
    named = [one] if one else (*request.form.getlist("row"), *by_field)
    ids = list(dict.fromkeys(found for text in named if (found := _id(text))))[:PAGE]
    here = by_id(ids)
    metrics = approved_metrics({row.plan_id for row in here.values()})
    key = form.submission_key.data
    rows = [_row(each, here.get(each), metrics, request.form, key) for each in ids]
    return [row for row in rows if row.engagement is not None or row.errors]


def _row(
    engagement_id: uuid.UUID, engagement: Any, metrics: Mapping[uuid.UUID, Sequence[Any]], sent: Any, key: str
) -> Entered:
    place = f"e{engagement_id.hex}"
    fields = ("metric", "month", "quantity", "notes")
    typed = {name: sent.get(f"{place}-{name}", "") for name in fields}
    own = metrics.get(engagement.plan_id, ()) if engagement else ()
    if not (typed["quantity"].strip() or typed["notes"].strip()):
        return Entered(place, engagement, own, {**typed, **_start(engagement, own, typed)})

    def keyed(_line: Line) -> str:
        return f"grid:{key}:{engagement_id.hex}"

    picked = sent.get(f"{place}-pick", "") if f"{place}-asked" in sent else None
    return entered(place, engagement, own, typed, key=keyed, picked=picked)


def _start(engagement: Any, metrics: Sequence[Any], typed: Mapping[str, str]) -> dict[str, str]:
    """What an untouched row shows: the plan's first metric, the month that closes first."""
    months = months_of(engagement) if engagement else []
    return {
        "metric": typed["metric"] or (str(metrics[0].id) if metrics else ""),
        "month": typed["month"] or (str(months[0]) if months else ""),
    }


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _show(listing: Listing, rows: Sequence[Entered], form: Grid, typed: Sequence[Entered] = ()) -> Response:
    done = [row for row in typed if row.created_as or row.duplicate_of]
    left = [row for row in rows if not (row.created_as or row.duplicate_of)]
    wrong = [row for row in typed if row.errors]
    asked = form.is_submitted()
    if any(row.created_as for row in typed):
        form.submission_key.data = new_key()  # what stays is another submission; the old page's rows are spent
    nothing = asked and not typed
    not_sent = asked and request.form.get("do") == "submit" and not done
    unseen = not_sent and any(row.is_ready and row.picked is None for row in typed)  # sent before its amount was shown
    return show(
        "engagements/bulk_entry.html",
        status=422 if wrong or nothing or not_sent or form.form_errors else 200,
        listing=listing,
        form=form,
        rows=left,
        done=done,
        wrong=wrong,
        nothing=nothing,
        not_sent=not_sent,
        unseen=unseen,
        ready=[row for row in left if row.is_ready],
        totals=totals(left),
        alone=False,
        shown=_rows_shown(left),
        upload=listing.link().replace(PATH, f"{PATH}/upload", 1),
        filtered=listing.link().replace(PATH, "/engagements", 1),
    )


def _rows_shown(rows: Sequence[Entered]) -> dict[str, RowShown]:
    """Place -> what its row prints. Rows of one plan offer the same metrics, those of one policy the same months."""
    metrics: dict[uuid.UUID, tuple[tuple[str, str], ...]] = {}
    months: dict[tuple[BillingMonth, ...], tuple[tuple[str, str], ...]] = {}
    shown = {}
    for row in rows:
        e, typed, errors = row.engagement, row.typed, row.errors
        if e is None:
            continue
        if e.plan_id not in metrics:
            metrics[e.plan_id] = tuple((str(metric.id), metric.name) for metric in row.metrics)
        offered = _months_offered(row)
        if offered not in months:
            months[offered] = tuple((str(each), month(each)) for each in offered)
        shown[row.place] = RowShown(
            row.place, e.id, e.name, e.number, e.customer_name, metrics[e.plan_id], months[offered], row.unit,
            typed["metric"], typed["month"], typed["quantity"], typed["notes"],
            *(errors.get(name) for name in ("engagement", "metric", "month", "quantity", "notes")),
        )  # fmt: skip
    return shown


def _months_offered(row: Entered) -> tuple[BillingMonth, ...]:
    """The open months, and the one that was chosen before it closed."""
    offered = tuple(months_of(row.engagement))
    chosen = row.line.draft.month if row.line else None
    return offered if chosen is None or chosen in offered else (*offered, chosen)
