"""Invoices: the whole listing, with the documents that amend others standing inside them."""

from sqlalchemy import delete

from app.csp.accounts.states import INDIRECT_RESELLER
from app.csp.discovery.model import CspListed
from app.csp.discovery.reading.work import Work
from app.csp.discovery.states import INVOICES
from app.csp.invoices.arrivals import documents_listed, with_amendments
from app.foundation.database import db


def read(work: Work) -> None:
    progress = work.begin(INVOICES)
    if work.model == INDIRECT_RESELLER:  # its provider is billed, so Microsoft has no invoices for it
        with work.page(progress):
            progress.known = 0
            work.end(progress)
        return
    for page in work.pages(work.client.invoices, progress.cursor.get("next")):
        documents = list(with_amendments(page.records))
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
