"""One customer's lines of one document: cost, mark-up, sell, and Explain; as a page and as files."""

import re
import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import lazy_gettext as _l

from app.csp.invoices import queries, refunds
from app.documents import rows_of
from app.foundation.pages import page_of
from app.foundation.refusals import NotVisible
from app.web.csp_invoice_page import invoice_page
from app.web.csp_line_cells import PRICED_COLUMNS, priced
from app.web.exports import download
from app.web.filters import Choice
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("csp_invoice_customer", __name__)

HERE = "/csp/invoices/<uuid:document_id>/customers/<uuid:billed_customer_id>"
_SEQUENCE = re.compile(r"[0-9]{1,9}")


@screen.get(HERE)
@screen.get(f"{HERE}/lines.<any(csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def show_lines(document_id: uuid.UUID, billed_customer_id: uuid.UUID, kind: str = "") -> Response:
    page = invoice_page(document_id)
    rows = [row for row in page.rows if row.part.customer_id == billed_customer_id]
    if not rows:
        raise NotVisible
    documents = {one.number: one for one in page.bundle.documents if _has_lines(one, rows)}
    listing = _list(documents).read(f"{page.here}/customers/{billed_customer_id}")
    document = documents.get(listing.values["document"]) or next(iter(documents.values()))
    terms, version_id = page.bundle.terms()[billed_customer_id], document.version_id
    assert version_id is not None, "what has lines was read"
    found = queries.lines_of(version_id, rows[0].part.tenant_id)
    if kind:
        originals = refunds.originals_of(version_id, tenant=rows[0].part.tenant_id)
        every = rows_of(found.order_by(*queries.LINE_KEYS))
        return download(kind, "invoice-lines", PRICED_COLUMNS, priced(every, terms, originals, document))
    lines = page_of(found, queries.LINE_KEYS, after=listing.after, before=listing.before, oldest_first=True)
    originals = refunds.originals_of(version_id, [line.sequence for line in lines.rows])
    asked = request.args.get("explain", "")
    return show(
        "csp/invoice_customer.html",
        block="list",
        page=page,
        parts=rows,
        document=document,
        listing=listing.with_page(lines),
        rows=list(priced(lines.rows, terms, originals, document)),
        explained=int(asked) if _SEQUENCE.fullmatch(asked) else None,
        cursor=f"&after={listing.after}" if listing.after else f"&before={listing.before}" if listing.before else "",
    )


def _has_lines(document: Any, rows: Any) -> bool:
    return any(total.document_id == document.id for row in rows for total in row.part.totals)


def _list(documents: dict[str, Any]) -> ListOf:
    """Which document's lines; the invoice's own, if nothing is said."""
    if len(documents) < 2:
        return ListOf(Choice("document", _l("Document"), {}))
    return ListOf(
        Choice("document", _l("Document"), {number: number for number in documents}, unset=next(iter(documents)))
    )
