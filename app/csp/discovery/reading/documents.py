"""Invoices: the whole listing, with the documents that amend others standing inside them, and the periods that it leaves out."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from app.csp.accounts.states import INDIRECT_RESELLER
from app.csp.discovery.model import CspListed
from app.csp.discovery.reading.work import Work
from app.csp.discovery.states import INVOICES
from app.csp.invoices.arrivals import documents_listed, with_amendments
from app.csp.invoices.model import CspDocument
from app.csp.microsoft.records import Document, Refused
from app.foundation.database import db, end_reading


def read(work: Work) -> None:
    progress = work.begin(INVOICES)
    if work.model == INDIRECT_RESELLER:  # its provider is billed, so Microsoft has no invoices for it
        with work.page(progress):
            progress.known = 0
            work.end(progress)
        return
    for page in work.pages(work.client.invoices, progress.cursor.get("next")):
        documents = _with_periods(work, list(with_amendments(page.records)))
        with work.page(progress):
            arrived = documents_listed(work.owner, documents, by=work.by)
            progress.done += work.listed(INVOICES, (document.number[:80] for document in documents))
            progress.new += arrived.new
            progress.changed += arrived.changed
            if page.next is not None:
                progress.cursor = {"next": dict(page.next)}
                continue
            progress.known = progress.done
            db.session.execute(delete(CspListed).where(CspListed.run_id == work.run_id, CspListed.kind == INVOICES))
            work.end(progress)


def _with_periods(work: Work, documents: Sequence[Document]) -> list[Document]:
    """A billing period that the listing leaves out stands on the document's own page: asked for once, kept from then on."""
    without = [one.number for one in documents if one.period_start is None and one.period_end is None]
    if not without:
        return list(documents)
    kept = db.session.execute(
        select(CspDocument.number, CspDocument.period_start, CspDocument.period_end).where(
            CspDocument.account_id == work.owner.account_id, CspDocument.number.in_(without)
        )
    )
    periods = {row.number: (row.period_start, row.period_end) for row in kept}
    end_reading()

    def call(number: str) -> Callable[[], Document]:
        return lambda: work.client.invoice(number)

    asked = [number for number in without if number not in periods]
    for number, future in zip(asked, work.fetchers.in_order(call(number) for number in asked), strict=True):
        try:
            found = work.answer(future)
            periods[number] = (found.period_start, found.period_end)
        except Refused:  # the document is there without it
            continue
    return [_within(one, *periods[one.number]) if one.number in periods else one for one in documents]


def _within(document: Document, start: datetime | None, end: datetime | None) -> Document:
    return document._replace(period_start=start, period_end=end)
