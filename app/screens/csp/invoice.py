"""One invoice with its amendments: what ties, its customers, its history, Microsoft's own PDF, and files of it."""

import uuid
from collections.abc import Iterator

from flask import Blueprint, Response, request, stream_with_context
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.csp.invoices import original, queries
from app.csp.invoices.bundles import bundle_of
from app.csp.invoices.model import CspDocument
from app.csp.microsoft.records import Paused, SignInNeeded, Unreachable
from app.csp.microsoft.records import Refused as MicrosoftRefuses
from app.documents import Column, rows_of
from app.foundation.database import end_reading
from app.foundation.pages import page_of
from app.foundation.tenancy import one
from app.web.chains import events_page, holds, told
from app.web.csp_focus import invoice_focus
from app.web.csp_invoice_page import invoice_page, shown
from app.web.csp_line_cells import LINE_COLUMNS
from app.web.exports import download
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing import ListOf

screen = Blueprint("csp_invoice", __name__)

HERE = "/csp/invoices/<uuid:document_id>"
LIST = ListOf()
COLUMNS = (
    Column(_l("Customer"), lambda row: row.part.name),
    Column(_l("Domain"), lambda row: row.part.domain),
    Column(_l("Microsoft's id"), lambda row: row.part.tenant_id),
    Column(_l("Currency"), lambda row: row.part.currency),
    Column(_l("Lines"), lambda row: row.part.lines),
    Column(_l("Cost"), lambda row: row.part.cost),
    Column(_l("Mark-up"), lambda row: row.mark_up or None),
    Column(_l("Earned"), "earned"),
    Column(_l("Sell, net"), lambda row: row.part.sell),
    Column(_l("Tax rate, %"), "tax_rate"),
    Column(_l("Tax"), "tax"),
    Column(_l("Sell, gross"), "gross"),
    Column(_l("Statement"), lambda row: row.state),
    Column(_l("Version"), lambda row: row.latest.version if row.latest else None),
)


@screen.get(HERE)
@needs("csp-billing:view", capacity="partner")
def show_invoice(document_id: uuid.UUID) -> Response:
    page = invoice_page(document_id)
    return show("csp/invoice.html", block="panel", **shown(page), stale=False)


@screen.get(f"{HERE}/customers.<any(csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def export_customers(document_id: uuid.UUID, kind: str) -> Response:
    page = invoice_page(document_id)
    return download(kind, _file(f"invoice-{page.document.number}"), COLUMNS, iter(page.rows))


@screen.get(f"{HERE}/focus.csv")
@needs("csp-billing:view", capacity="partner")
def export_focus(document_id: uuid.UUID) -> Response:
    """FOCUS 1.2 of every line of the invoice and its amendments, at cost."""
    columns, charges = invoice_focus(bundle_of(document_id))
    return download("csv", _file(f"focus-{one(CspDocument, document_id).number}"), columns, charges)


@screen.get(f"{HERE}/history")
@needs("csp-billing:view", capacity="partner")
def show_history(document_id: uuid.UUID) -> Response:
    page = invoice_page(document_id)
    listing = LIST.read(f"{page.here}/history")
    events = events_page("csp_document", document_id, after=listing.after, before=listing.before)
    return show(
        "csp/invoice_history.html",
        block="events",
        page=page,
        listing=listing.with_page(events),
        events=[told(row) for row in events.rows],
        holds=holds("csp_document", document_id),
    )


@screen.get(f"{HERE}/unassigned")
@screen.get(f"{HERE}/unassigned.<any(csv, xlsx):kind>")
@needs("csp-billing:view", capacity="partner")
def show_unassigned(document_id: uuid.UUID, kind: str = "") -> Response:
    """Lines that name nobody or a tenant that was never listed; one bucket at a time."""
    page = invoice_page(document_id)
    buckets = page.bundle.unassigned
    asked = request.args.get("bucket", "")
    chosen = next((one for one in buckets if f"{one.version_id}.{one.customer_tenant_id}" == asked), None)
    chosen = chosen or (buckets[0] if buckets else None)
    found = queries.lines_of(chosen.version_id, chosen.customer_tenant_id) if chosen else None
    if kind:
        lines = rows_of(found.order_by(*queries.LINE_KEYS)) if found is not None else iter(())
        return download(kind, "unassigned-lines", LINE_COLUMNS, lines)
    listing = LIST.read(f"{page.here}/unassigned")
    shown_lines = (
        page_of(found, queries.LINE_KEYS, after=listing.after, before=listing.before, oldest_first=True)
        if found is not None
        else None
    )
    return show(
        "csp/unassigned.html",
        block="list",
        page=page,
        buckets=buckets,
        chosen=chosen,
        listing=listing.with_page(shown_lines) if shown_lines else listing,
        rows=shown_lines.rows if shown_lines else [],
    )


@screen.get(f"{HERE}/original.pdf")
@needs("csp-billing:view", capacity="partner")
def fetch_original(document_id: uuid.UUID) -> Response:
    """Microsoft's own PDF, fetched now: its link dies after half an hour, so none is kept."""
    document = one(CspDocument, document_id)
    number = document.number
    end_reading()
    try:
        pieces = original.pdf_of(document)
        first = next(pieces, b"")
    except (MicrosoftRefuses, SignInNeeded, Unreachable, Paused, original.NotConnected) as why:
        return go_to(f"/csp/invoices/{document_id}", toast=_why_not(why), kind="blocked")
    response = Response(stream_with_context(_from(first, pieces)), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{_file(number)}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _from(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _why_not(why: Exception) -> str:
    match why:
        case MicrosoftRefuses():
            return _(
                "Microsoft refuses this document's PDF: %(status)s %(why)s", status=why.status, why=why.description
            )
        case SignInNeeded():
            return _("Sign in to Microsoft again for this account first: %(why)s", why=why.cause)
        case Paused():
            return _("Microsoft has asked this account to wait. Try again in a few minutes.")
        case original.NotConnected():
            return _("This account is not connected to Microsoft.")
        case _:
            return _("Microsoft does not answer just now. Try again in a few minutes.")


def _file(name: str) -> str:
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in name)[:60]
