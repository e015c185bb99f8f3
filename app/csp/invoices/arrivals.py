"""What discovery writes of Microsoft's documents: what the listing says of each, new or changed.

Each function stands inside the caller's transaction, is the system's alone, and is safe to say again. Their lines are
line_arrivals'.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import select

from app.csp.customers.arrivals import Arrived, Owner, fit
from app.csp.digests import half_digest_of
from app.csp.invoices import found
from app.csp.invoices.model import CspDocument
from app.csp.invoices.sums import difference
from app.csp.microsoft.documents import line_type_of, provider_of
from app.csp.microsoft.records import Document
from app.csp.microsoft.spelling import word
from app.foundation import bulk, clock, history_in_bulk
from app.foundation.database import db
from app.foundation.identity import new_ids
from app.foundation.tenancy import Viewer

_LISTED = (
    "document_type", "invoice_type", "amends", "invoice_date", "period_start", "period_end", "currency", "total", "paid", "line_sets",
    "digest",
)  # fmt: skip
_NEW = ("id", "partner_id", "account_id", "number", *_LISTED, "first_seen_at", "version")


def with_amendments(documents: Iterable[Document], amends: str | None = None) -> Iterator[Document]:
    """Each document, and each that amends it, which stands nowhere but inside it."""
    for document in documents:
        yield document if document.amends or amends is None else document._replace(amends=amends)
        yield from with_amendments(document.amendments, document.number)


def documents_listed(owner: Owner, page: Sequence[Document], *, by: Viewer) -> Arrived:
    """A page of the listing, its amendments among it. One number is one document, however often it is listed."""
    records = {fit(record.number, 80): record for record in page}
    known = {
        row.number: row
        for row in db.session.execute(
            select(
                CspDocument.id, CspDocument.number, CspDocument.digest, CspDocument.total, CspDocument.currency,
                CspDocument.lines_total,
            ).where(CspDocument.account_id == owner.account_id, CspDocument.number.in_(list(records)))
        )
    }  # fmt: skip
    fresh, changed, unsettled, told, retold = [], [], [], [], []
    for number, record in records.items():
        digest, row = _digest_of(record), known.get(number)
        if row is None:
            fresh.append((number, record, digest))
            continue
        if row.digest == digest:
            continue
        changed.append((row.id, *_columns(record, digest)))
        if row.digest[32:] != digest[32:]:  # what its lines come to has to be looked at again
            left = None if row.lines_total is None else difference(record.total, row.lines_total)
            unsettled.append((row.id, left, None))
        if row.total != record.total:
            facts = {"old_total": f"{row.total:f}", "new_total": f"{record.total:f}", "currency": record.currency}
            retold.append((found.Subject(row.id, owner.partner_id), facts))
    rows, now = [], clock.now()
    for (number, record, digest), row_id in zip(fresh, new_ids(len(fresh)), strict=True):
        rows.append((row_id, owner.partner_id, owner.account_id, number, *_columns(record, digest), now, 1))
        facts = {"number": number, "total": f"{record.total:f}", "currency": record.currency}
        told.append((found.Subject(row_id, owner.partner_id), facts))
    bulk.insert(CspDocument, _NEW, rows)
    bulk.update(CspDocument, ("id",), _LISTED, changed)
    bulk.update(CspDocument, ("id",), ("difference", "reconciled_at"), unsettled)
    history_in_bulk.record_many(told, found.FOUND, by=by)
    history_in_bulk.record_many(retold, found.TOTAL_CHANGED, by=by)
    return Arrived(len(rows), len(changed))


def _digest_of(record: Document) -> str:
    """Of all that is kept, then of what decides over the lines: their sum, their sets, and what amends it.

    One word in another spelling, which one answer may have and the next not, is no change.
    """
    sets = sorted({(provider_of(one), line_type_of(one)) for one in record.line_sets})
    amended_by = sorted(amendment.number for amendment in record.amendments)
    kept = (
        word(record.document_type), word(record.invoice_type), record.amends, record.invoice_date, record.period_start, record.period_end,
        record.currency, record.total, record.paid, sets,
    )  # fmt: skip
    return half_digest_of(kept) + half_digest_of((record.currency, record.total, sets, amended_by))


def _columns(record: Document, digest: str) -> tuple[Any, ...]:
    sets = [{"provider": one.provider, "type": one.line_type} for one in record.line_sets]
    return (
        fit(record.document_type, 40), fit(record.invoice_type, 40), fit(record.amends, 80) or None, record.invoice_date,
        record.period_start, record.period_end, fit(record.currency, 3), record.total, record.paid, sets, digest,
    )  # fmt: skip
