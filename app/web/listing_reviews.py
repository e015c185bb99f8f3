"""The three queues of listing reviews work alike: a list with what waits, one page each, one decision, or many at once.

A screen names its queue and what its page shows besides; everything else is here.
"""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Response, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import Select
from wtforms import Field

from app.catalog import reviews
from app.catalog.listing_events import DECIDE_REVIEWS
from app.catalog.reviews import LIST_KEYS, Bulk, partners_waiting, review_page, waiting_reviews
from app.documents import Column, rows_of
from app.foundation import clock, tenancy
from app.foundation.pages import page_of
from app.foundation.refusals import AlreadyDone, Refused
from app.web.exports import download
from app.web.fields import PortalForm, TextField
from app.web.filters import Choice, Reference
from app.web.fragments import go_to, show, show_fresh
from app.web.listing import ListOf
from app.web.submissions import submit_once

#: "typically up to 24 hours", by the guide; flagged, never decided by itself
OVERDUE_AFTER = timedelta(hours=24)
OVERDUE = {"only": _l("overdue only")}
#: ticked rows decided in one go
MOST_TICKED = 100

WORDS = {
    "pricing": {
        "title": _l("Pricing reviews"),
        "approve": _l("Approve pricing"),
        "reject": _l("Return pricing"),
        "outcome": _l("Its prices count from their month on and never change again."),
        "icon": "pricing--traditional",
        "empty": _l("Pricing that a partner asks to have approved appears here, and changes of approved prices."),
    },
    "evidence": {
        "title": _l("Evidence reviews"),
        "approve": _l("Approve metering evidence"),
        "reject": _l("Return metering evidence"),
        "outcome": _l("The partner may request publication next."),
        "icon": "attachment",
        "empty": _l("Metering evidence that a partner submits appears here."),
    },
    "publication": {
        "title": _l("Publication reviews"),
        "approve": _l("Publish"),
        "reject": _l("Return the entry"),
        "outcome": _l("It is in the catalog at once, and clients may request it."),
        "icon": "catalog",
        "empty": _l("Products that a partner asks to have published appear here."),
    },
}


_COLUMNS = (
    Column(_l("Product"), "product_name"),
    Column(_l("Partner"), "partner_name"),
    Column(_l("Asked by"), "submitted_by_name"),
    Column(_l("Plan"), lambda row: row.plan_name or ""),
    Column(_l("Overdue"), "overdue"),
    Column(_l("Submitted at (UTC)"), "submitted_at"),
)


class Approve(PortalForm):
    """Nothing to enter. `ticked`: the rows that are decided together, a part of what was sent."""

    ticked: tuple[uuid.UUID, ...] = ()

    def own_fields(self) -> dict[str, Any]:
        return {**super().own_fields(), "ticked": [str(one) for one in self.ticked]}


class Reject(Approve):
    reason = TextField(
        _l("What to mend"),
        most=1000,
        lines=True,
        description=_l("The partner is mailed it and reads it on the checklist."),
    )


def queue_page(queue: str, kind: str = "") -> Response:
    """What waits, oldest first; `kind`: as a file."""
    partners = partners_waiting(queue)
    listing = ListOf(Choice("overdue", _l("Age"), OVERDUE), Reference("partner", _l("Partner"), partners)).read()
    late = clock.now() - OVERDUE_AFTER
    found = waiting_reviews(
        queue, before=late if listing.values["overdue"] else None, partner_id=listing.values["partner"]
    )
    if kind:
        return download(kind, f"{queue}-reviews", _COLUMNS, _file_rows(found, late))
    page = page_of(found, LIST_KEYS, after=listing.after, before=listing.before, oldest_first=True)
    me = tenancy.current()
    return show(
        "reviews/queue.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        overdue={row.id for row in page.rows if row.submitted_at < late},
        decides={row.id for row in page.rows if _may_decide(row, me)},
        me=me.member_id,
        **_of(queue),
    )


def _file_rows(found: Select[*tuple[Any, ...]], late: datetime) -> Iterator[Any]:
    for row in rows_of(found.order_by(*LIST_KEYS)):
        yield SimpleNamespace(**row._asdict(), overdue=row.submitted_at < late)


def review(queue: str, review_id: uuid.UUID, more: Callable[[Any], dict[str, Any]]) -> Response:
    return show(
        f"reviews/{queue}.html", block="judged", stale=False, **_page(queue, review_page(queue, review_id), more)
    )


def decide(
    queue: str,
    review_id: uuid.UUID,
    more: Callable[[Any], dict[str, Any]],
    *,
    approving: bool,
    outcome: Callable[[Any], str] | None = None,
) -> Response:
    """GET asks, POST decides; 409 with the request as it stands now when somebody decided it meanwhile.

    `outcome`: what approving this very request comes to, where the queue's own sentence does not say it.
    """
    row = review_page(queue, review_id)
    form: Any = Approve() if approving else Reject()
    here, words = f"/reviews/{queue}/{review_id}", WORDS[queue]
    if form.validate_on_submit():
        try:
            submit_once(form, lambda: _answer(form, review_id, approving), action="approve" if approving else "return")
            toast = (
                _("%(name)s: approved.", name=row.product_name)
                if approving
                else _("%(name)s goes back with your feedback.", name=row.product_name)
            )
            return go_to(f"/reviews/{queue}", toast=toast)
        except Refused as no:
            form.refuse(no)
        except AlreadyDone:
            return _fresh(queue, review_id, more)
    if row.outcome is not None:
        return _fresh(queue, review_id, more)
    if request.method == "GET" and not _may_decide(row, tenancy.current()):
        return go_to(here)  # one's own request: that page says why
    fields: list[Field] = [] if approving else [form.reason]
    about = {"name": row.product_name, "partner": row.partner_name}
    asked = {
        "eyebrow": row.product_name,
        "title": words["approve"] if approving else words["reject"],
        "submit": words["approve"] if approving else words["reject"],
        "kind": "primary" if approving else "danger",
        "sentence": (outcome(row) if outcome else words["outcome"])
        if approving
        else _("%(name)s goes back to %(partner)s, who mends it and asks again.", **about),
        "fields": fields,
        "form": form,
        "action": request.path,
        "cancel": here,
        "live": True,
    }
    return show("confirm_page.html", block="decision", status=form.status, decision=asked)


def decide_ticked(queue: str) -> Response:
    """The ticked rows, with one reason where they go back. GET asks and names them, POST decides each by itself."""
    sent = request.form if request.method == "POST" else request.args
    approving = sent.get("decision") != "reject"
    ids = _ticked(sent.getlist("review"))
    rows = [row for row in _rows(queue, ids) if _may_decide(row, tenancy.current())]
    if request.method == "GET" and not rows:
        return go_to(f"/reviews/{queue}", toast=_("Tick rows that wait for you first."), kind="blocked")
    form: Any = Approve() if approving else Reject()
    form.ticked = tuple(ids)
    done: list[Bulk] = []
    if form.validate_on_submit():
        try:
            submit_once(
                form,
                lambda: _answer_all(queue, ids, form, approving, done),
                action="approve-all" if approving else "return-all",
            )
            return go_to(f"/reviews/{queue}", toast=_told(done))
        except Refused as no:
            form.refuse(no)
    return show(
        "reviews/decide_ticked.html",
        status=form.status,
        form=form,
        rows=rows,
        approving=approving,
        **_of(queue),
    )


def _answer(form: Any, review_id: uuid.UUID, approving: bool) -> Any:
    by = tenancy.current()
    return reviews.approve(review_id, by=by) if approving else reviews.reject(review_id, reason=form.reason.data, by=by)


def _answer_all(queue: str, ids: list[uuid.UUID], form: Any, approving: bool, done: list[Bulk]) -> Any:
    reason = None if approving else form.reason.data
    asked = [row.id for row in _rows(queue, ids)]
    if not asked:
        raise Refused("decision", _("None of them is there any more."))
    done.append(reviews.decide_all(asked, reason=reason, by=tenancy.current()))
    return SimpleNamespace(id=asked[0])


def _told(done: list[Bulk]) -> str:
    if not done:
        return _("This was sent before; nothing was decided twice.")
    decided, left = done[0].decided, done[0].left
    words = ngettext("%(num)s decided.", "%(num)s decided.", decided)
    return (
        f"{words} {ngettext('%(num)s was left as it stands now.', '%(num)s were left as they stand now.', left)}"
        if left
        else words
    )


def _ticked(values: list[str]) -> list[uuid.UUID]:
    found = []
    for value in values[:MOST_TICKED]:
        try:
            found.append(uuid.UUID(value))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def _rows(queue: str, ids: list[uuid.UUID]) -> list[Any]:
    return reviews.reviews_by_id(queue, ids) if ids else []


def _page(queue: str, row: Any, more: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    me = tenancy.current()
    waits = row.outcome is None
    return {
        "row": row,
        "here": f"/reviews/{queue}/{row.id}",
        "waits": waits,
        "overdue": waits and row.submitted_at < clock.now() - OVERDUE_AFTER,
        "decides": _may_decide(row, me),
        "own": row.submitted_by_id is not None and row.submitted_by_id == me.member_id,
        **_of(queue),
        **more(row),
    }


def _fresh(queue: str, review_id: uuid.UUID, more: Callable[[Any], dict[str, Any]]) -> Response:
    row = review_page(queue, review_id)
    return show_fresh(f"/reviews/{queue}/{review_id}", f"reviews/{queue}.html", stale=True, **_page(queue, row, more))


def _of(queue: str) -> dict[str, Any]:
    return {"queue": queue, "queue_path": f"/reviews/{queue}", "words": WORDS[queue]}


def _may_decide(row: Any, me: tenancy.Viewer) -> bool:
    return row.outcome is None and me.may(DECIDE_REVIEWS) and row.submitted_by_id != me.member_id
