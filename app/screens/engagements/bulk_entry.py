"""Bulk entry, the grid: one row an engagement of the filtered list; preview, then what is ticked is submitted.

Each row is sent under a key of its own, made of the page's submission key and its engagement: a double click or a reload
finds every row submitted already, and a refused row stays, with what was typed, to be corrected and sent again.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, request

from app.billing.batch import Line
from app.catalog.queries import approved_metrics
from app.engagements import choices
from app.engagements.billable import LIST_KEYS, billable_asked, by_id, metrics_beside
from app.foundation import tenancy
from app.foundation.pages import PAGE, Page
from app.foundation.text_pages import text_page_of
from app.web.bulk_bar import bar_of, listed
from app.web.bulk_grid import Answer, Sent, Untouched, answer_of, as_typed, place_of, start, untouched
from app.web.bulk_rows import Entered, entered, months_of, preview_rows, submit_rows, taking_now, totals
from app.web.fields import PortalForm, acting_as
from app.web.figures import money_with_currency
from app.web.fragments import show, wants_fragment
from app.web.guard import needs
from app.web.listing import Listing
from app.web.submissions import new_key, sender

screen = Blueprint("bulk_entry", __name__)

PATH = "/engagements/bulk-entry"


class Grid(PortalForm):
    """Only the hidden fields: the rows are read one by one, however many there are."""


@screen.get("/engagements/bulk-entry")
@needs("billing-entry:submit", capacity="partner")
def show_grid() -> Response:
    listing, page = _listing()
    rendered_for = acting_as(tenancy.current())
    return _show(
        listing, page, untouched(page), shown=len(page.rows), submission_key=new_key(), rendered_for=rendered_for
    )


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
        answer, number = answer_of(rows[0], alone=True) or Answer(), rows[0].engagement and rows[0].engagement.number
        return show("engagements/bulk_entry.html", block="came_to", p=rows[0].place, number=number, answer=answer)
    if fine and do == "submit":
        submit_rows(typed, by=by)
    else:
        preview_rows(typed, by=by)
    return _show_typed(rows, form, typed)


def _listing() -> tuple[Listing, Page]:
    viewer = tenancy.current()
    listing = listed(PATH)
    asked = listing.values
    found, values = billable_asked(
        search=asked["search"] or "", customer_id=asked["client"], product_id=asked["product"]
    )
    whose = choices.Whose(own_products_of=viewer.organisation_id)
    page = text_page_of(
        choices.with_ids(found),
        LIST_KEYS,
        after=listing.after,
        before=listing.before,
        values={**values, **whose.values},
        once=(*choices.beside_rows(*whose.shape), metrics_beside),
    )
    return listing.with_page(page), page


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
    place = place_of(engagement_id)
    fields = ("metric", "month", "quantity", "notes")
    typed = {name: sent.get(f"{place}-{name}", "") for name in fields}
    own = metrics.get(engagement.plan_id, ()) if engagement else ()
    if not (typed["quantity"].strip() or typed["notes"].strip()):
        months = months_of(engagement, taking_now()) if engagement else ()
        begun = {name: typed[name] or text for name, text in start(own, months).items()}
        return Entered(place, engagement, own, {**typed, **begun})

    def keyed(_line: Line) -> str:
        return f"grid:{key}:{engagement_id.hex}"

    picked = sent.get(f"{place}-pick", "") if f"{place}-asked" in sent else None
    return entered(place, engagement, own, typed, key=keyed, picked=picked)


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _show_typed(rows: Sequence[Entered], form: Grid, typed: Sequence[Entered]) -> Response:
    done = [row for row in typed if row.created_as or row.duplicate_of]
    left = [row for row in rows if not (row.created_as or row.duplicate_of)]
    wrong = [row for row in typed if row.errors]
    if any(row.created_as for row in typed):
        form.submission_key.data = new_key()  # what stays is another submission; the old page's rows are spent
    nothing = not typed
    not_sent = request.form.get("do") == "submit" and not done
    grid, lost = as_typed(left), [row for row in left if row.engagement is None]
    return _show(
        *_listing(),
        grid,
        shown=len(grid.rows) + len(lost),
        submission_key=form.submission_key.data,
        rendered_for=form.rendered_for.data,
        status=422 if wrong or nothing or not_sent or form.form_errors else 200,
        form_errors=form.form_errors,
        lost=lost,
        done=done,
        wrong=wrong,
        nothing=nothing,
        not_sent=not_sent,
        unseen=not_sent and any(row.is_ready and row.picked is None for row in typed),  # its amount was not shown
        ready=sum(row.is_ready for row in left),
        totals=tuple(map(money_with_currency, totals(left))),
    )


#: What is only told after a POST.
_TOLD: dict[str, Any] = {
    "form_errors": (), "lost": (), "done": (), "wrong": (), "totals": (), "ready": 0,
    "nothing": False, "not_sent": False, "unseen": False,
}  # fmt: skip


def _show(listing: Listing, page: Page, grid: Untouched | Sent, *, status: int = 200, **told: Any) -> Response:
    here = listing.link()
    return show(
        "engagements/bulk_entry.html",
        status=status,
        listing=listing,
        bar=bar_of(listing, page),
        grid=grid,
        upload=here.replace(PATH, f"{PATH}/upload", 1),
        filtered=here.replace(PATH, "/engagements", 1),
        **_TOLD | told,
    )
