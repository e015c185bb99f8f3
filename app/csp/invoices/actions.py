"""What people do with a document: let statements be issued for it though it does not tie."""

import uuid

from app.csp import permissions
from app.csp.invoices import bundles, events
from app.csp.invoices.bundles import bundle_of
from app.csp.invoices.model import CspDocument
from app.foundation import clock, history
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_

OVERRIDE = "override"


def override(document_id: uuid.UUID, *, reason: str, by: Viewer) -> CspDocument:
    """Of every document of the bundle that is in the way, as it stands now; it ends where a document's lines are read anew."""
    by.must(permissions.OVERRIDE)
    reason = reason.strip()
    if not reason:
        raise Refused("reason", N_("Say why: it stays in the document's history."))
    with transaction():
        one(CspDocument, document_id, lock=True)
        bundle = bundle_of(document_id)
        if not bundle.in_the_way:
            raise AlreadyDone("reconciled", OVERRIDE)
        for document in bundle.in_the_way:
            document.override_reason = reason[:1000]
            document.override_by_name = by.label[:200]
            document.override_at = clock.now()
            document.override_version_id = document.version_id
            document.version += 1
            history.record(
                document,
                events.OVERRIDDEN,
                by=by,
                number=document.number,
                what=_what(document),
                reason=document.override_reason,
            )
        db.session.flush()
    return bundle.root


def _what(document: CspDocument) -> str:
    """For History, which keeps facts in plain words."""
    if document.version_id is None:
        return "its lines could not be read"
    if not bundles.ties(document):
        return f"its lines differ from its total by {document.difference:f} {document.currency}"
    return "some of its lines name no known customer"
