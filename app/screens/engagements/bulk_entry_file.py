"""Bulk entry, the file: a template to fill in, its upload, a preview by row and column, then all of it or what is ticked.

Between preview and submit the text travels in the page, signed for this member and organisation: what is submitted is what
was shown, without anything kept on the server. Each row has a record key (web/bulk_file.py), so that a file sent twice
makes nothing twice, however often and whenever.
"""

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from itsdangerous import BadData, URLSafeTimedSerializer
from wtforms import FileField

from app.billing.batch import MOST_LINES
from app.catalog.queries import approved_metrics
from app.documents import Column
from app.engagements.billable import LIST_KEYS, billable, by_number
from app.foundation.database import db
from app.foundation.refusals import Refused
from app.foundation.tenancy import Viewer
from app.web.bulk_file import HEADS, MOST_BYTES, Sheet, record_keys, sheet_of, text_of
from app.web.bulk_rows import Entered, entered, months_of, preview_rows, submit_rows, taking_now, totals
from app.web.exports import download
from app.web.fields import Carried, PortalForm
from app.web.filters import Reference, Search
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import Listing, ListOf
from app.web.submissions import sender

screen = Blueprint("bulk_entry_file", __name__)

PATH = "/engagements/bulk-entry/upload"
LIST = ListOf(
    Search("search", _l("Search")), Reference("client", _l("Client"), {}), Reference("product", _l("Product"), {})
)
#: how long a preview may lie in an open page before it must be uploaded again
KEPT_SECONDS = 24 * 3600
COLUMNS = tuple(Column(head, column) for head, column in HEADS.items())


class Upload(PortalForm):
    file = FileField(_l("CSV file"))
    #: the previewed text, signed
    sheet = Carried(default="")


@screen.get("/engagements/bulk-entry/template.csv")
@needs("billing-entry:submit", capacity="partner")
def download_template() -> Response:
    """The filtered engagements, one line each and metric, with the month that closes first and no quantity yet."""
    return download("csv", "bulk-entry", COLUMNS, _template_rows(LIST.read(PATH)))


@screen.get("/engagements/bulk-entry/upload")
@needs("billing-entry:submit", capacity="partner")
def show_upload() -> Response:
    return _show(Upload())


@screen.post("/engagements/bulk-entry/upload")
@needs("billing-entry:submit", capacity="partner")
def act() -> Response:
    """`do`: preview (of a file), submit (what is ticked) or submit-all (of the previewed text)."""
    form = Upload()
    if not form.validate_on_submit():
        return _show(form)
    by, do = sender(form), request.form.get("do", "")
    try:
        text = _previewed(form, by) if do in ("submit", "submit-all") else text_of(_content(form))
        sheet = sheet_of(text)
    except Refused as no:
        form.refuse(no)
        return _show(form)
    rows = _rows(sheet, ticked=do == "submit")
    if do in ("submit", "submit-all"):
        submit_rows(rows, every=do == "submit-all", by=by)
    else:
        preview_rows(rows, by=by)
    form.sheet.data = _signer().dumps([text, *_whose(by)])
    return _show(form, sheet, rows)


def _content(form: Upload) -> bytes:
    """One byte more than is allowed, so that a larger file is known as such and never held."""
    stream = getattr(form.file.data, "stream", None)
    content: bytes = stream.read(MOST_BYTES + 1) if stream else b""
    return content


def _previewed(form: Upload, by: Viewer) -> str:
    try:
        text, *whose = _signer().loads(form.sheet.data or "", max_age=KEPT_SECONDS)
    except BadData:
        whose = []
    if whose != _whose(by):
        raise Refused("file", _("The preview is not valid any more; upload the file again."))
    return str(text)


def _whose(by: Viewer) -> list[str]:
    return [str(by.organisation_id), str(by.member_id)]


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="bulk-entry-file")


def _rows(sheet: Sheet, *, ticked: bool) -> list[Entered]:
    """The sheet's rows with their engagements, found by number among those this viewer may see."""
    numbers = [row.cells["engagement"].upper() for row in sheet.rows]
    known = by_number({number for number in numbers if len(number) <= 20 and number.isprintable()})
    metrics = approved_metrics({engagement.plan_id for engagement in known.values()})
    key_of = record_keys()
    rows = []
    for row, number in zip(sheet.rows, numbers, strict=True):
        engagement = known.get(number)
        own = metrics.get(engagement.plan_id, ()) if engagement else ()
        picked = request.form.get(f"pick-{row.number}", "") if ticked else None
        if row.surplus:
            wrong = _("it has %(cells)s cells, the head has %(heads)s. Put a text that holds a comma into quotes.")
            found = dict(zip(("cells", "heads"), row.surplus, strict=True))
            rows.append(Entered(str(row.number), engagement, own, row.cells, {"row": wrong % found}))
            continue
        rows.append(entered(str(row.number), engagement, own, row.cells, key=partial(key_of, row), picked=picked))
    return rows


def _template_rows(listing: Listing) -> Iterator[Any]:
    asked = listing.values
    found = billable(search=asked["search"] or "", customer_id=asked["client"], product_id=asked["product"])
    rows = db.session.execute(found.order_by(*(key.desc() for key in LIST_KEYS)).limit(MOST_LINES)).all()
    metrics = approved_metrics({row.plan_id for row in rows})
    taking = taking_now()
    lines = 0
    for row in rows:
        months = months_of(row, taking)
        for metric in metrics[row.plan_id] if months else ():
            lines += 1
            if lines > MOST_LINES:
                return
            yield SimpleNamespace(
                engagement=row.number, client=row.customer_name, name=row.name, metric=metric.name,
                month=months[0], quantity="", notes="", reference="",
            )  # fmt: skip


def _show(form: Upload, sheet: Sheet | None = None, rows: list[Entered] | None = None) -> Response:
    listing = LIST.read(PATH)
    rows = rows or []
    sent = [row for row in rows if row.outcome]
    wrong = [row for row in rows if row.errors]
    nothing = sheet is not None and not rows
    not_sent = (
        bool(sheet) and request.form.get("do") != "preview" and not sent and not any(r.duplicate_of for r in rows)
    )
    return show(
        "engagements/bulk_entry_file.html",
        status=422 if form.errors or wrong or nothing or not_sent else 200,
        form=form,
        sheet=sheet,
        rows=rows,
        wrong=wrong,
        created=[row for row in rows if row.created_as],
        repeated=[row for row in rows if row.duplicate_of],
        ready=[row for row in rows if row.is_ready],
        totals=totals(rows),
        most=MOST_LINES,
        grid=listing.link().replace(PATH, "/engagements/bulk-entry", 1),
        blank=listing.link().replace(PATH, "/engagements/bulk-entry/template.csv", 1),
        heads=list(HEADS),
        tried=form.is_submitted() and sheet is not None and request.form.get("do") != "preview",
    )
