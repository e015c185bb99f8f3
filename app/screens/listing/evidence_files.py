"""Metering evidence: upload a file, take it away, and look at it again. Files leave as attachments, never as pages."""

import hashlib
import uuid
from typing import Any

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from app.catalog import states
from app.catalog.evidence import SLOTS, add_evidence, evidence_file, remove_evidence
from app.catalog.file_kinds import MOST_BYTES
from app.catalog.listing_queries import evidence_now
from app.foundation import tenancy
from app.foundation.refusals import NotVisible, Refused
from app.web.checklist_page import page_of_product
from app.web.evidence_download import as_attachment
from app.web.fields import PortalForm
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.listing_pages import Confirm, address, decided, listing
from app.web.submissions import submit_once
from app.web.templating import translate
from app.web.uploads import takes_files

screen = Blueprint("evidence_files", __name__)


class Upload(PortalForm):
    """The file is compared by its content: the same form sent twice adds it once, another file is another body."""

    def __init__(self, *arguments: Any, content: bytes = b"", **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._digest = hashlib.sha256(content).hexdigest()

    def own_fields(self) -> dict[str, Any]:
        return {**super().own_fields(), "digest": self._digest}


@screen.get("/products/<uuid:product_id>/evidence/slots/<string:slot>", endpoint="show_slot")
@needs("product:edit", capacity="partner")
def show_slot(product_id: uuid.UUID, slot: str) -> Response:
    """The address of a refused upload, opened again: the slots are on the checklist's page."""
    listing(product_id)
    if slot not in SLOTS:
        raise NotVisible
    return go_to(f"{address(product_id, 'publish')}#evidence")


def _too_large(product_id: uuid.UUID, slot: str) -> Response:
    return _refused(product_id, slot, _("The file is larger than 5 MB."), 413)


def _refused(product_id: uuid.UUID, slot: str, why: str, status: int) -> Response:
    page = page_of_product(listing(product_id), upload_error=why, slot=slot)
    return show("listing/publish.html", status=status, **page)


@screen.post("/products/<uuid:product_id>/evidence/slots/<string:slot>")
@takes_files(MOST_BYTES, too_large=_too_large)
@needs("product:edit", capacity="partner")
def upload(product_id: uuid.UUID, slot: str) -> Response:
    product = listing(product_id)
    sent = request.files.get("file")
    content = sent.stream.read(MOST_BYTES + 1) if sent else b""
    form, there = Upload(content=content), address(product_id, "publish")
    if not form.validate_on_submit():
        raise Refused("file", _("This form did not arrive whole. Reload the page and send it again."))
    try:
        submit_once(
            form,
            lambda: add_evidence(
                product,
                slot=slot,
                file_name=(sent.filename if sent else "") or "",
                content=content,
                by=tenancy.current(),
            ),
            action="add-evidence",
        )
    except Refused as no:
        return _refused(product_id, slot, translate(no), 422)
    return go_to(there, toast=_("Uploaded. Submit the evidence when it is whole."))


@screen.get("/products/<uuid:product_id>/evidence/<uuid:evidence_id>")
@needs("product:edit", capacity="partner")
def download(product_id: uuid.UUID, evidence_id: uuid.UUID) -> Response:
    product = listing(product_id)
    return as_attachment(evidence_file(product_id, evidence_id), product.slug)


@screen.get("/products/<uuid:product_id>/evidence/<uuid:evidence_id>/remove", endpoint="ask_remove")
@screen.post("/products/<uuid:product_id>/evidence/<uuid:evidence_id>/remove")
@needs("product:edit", capacity="partner")
def remove(product_id: uuid.UUID, evidence_id: uuid.UUID) -> Response:
    product = listing(product_id)
    there = address(product_id, "publish")
    file = evidence_file(product_id, evidence_id)
    current = any(one.id == evidence_id for one in evidence_now(product_id))
    if request.method == "GET" and (product.state != states.PRICING_APPROVED or not current):
        return go_to(there)
    return decided(
        Confirm(version=product.version),
        lambda: remove_evidence(product, evidence_id=evidence_id, by=tenancy.current()),
        lambda: go_to(there),
        action="remove-evidence",
        then=there,
        toast=_("Removed."),
        decision={
            "title": _("Remove file"),
            "eyebrow": product.name,
            "sentence": _("%(file)s is no part of the evidence any more.", file=file.file_name),
            "submit": _("Remove file"),
            "kind": "danger",
            "action": request.path,
            "cancel": there,
        },
    )
