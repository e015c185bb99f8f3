"""Metering evidence: the files that show how the metrics are metered, in JSON both ways.

A file is base64 in the body: one way in and out for everything, no second parser, and nothing that anybody uploaded is ever
answered with a content type that a browser would show.
"""

import hashlib
import uuid
from typing import Any

from app.api import listing_schemas as schemas
from app.api.fields import File
from app.api.listing_shapes import evidence, named_as_sent
from app.api.operations import Operations, once
from app.api.schemas import Nothing, page_of
from app.catalog.evidence import add_evidence, evidence_file, remove_evidence
from app.catalog.file_kinds import MOST_BYTES
from app.catalog.listing_queries import evidence_now, own_product
from app.catalog.model import Evidence
from app.foundation import tenancy
from app.foundation.tenancy import one
from app.web.uploads import takes_files

operations = Operations(
    "metering evidence",
    __name__,
    description="Up to three files, one a slot, uploaded between the approval of the pricing and their own review.",
)

EDIT = {"partner": "product:edit"}


@operations.get("/products/<uuid:product_id>/evidence", gives=page_of(schemas.Evidence), needs=EDIT)
def list_evidence(product_id: uuid.UUID) -> Any:
    """The files that count now, without what stands in them; at most one a slot."""
    own_product(product_id, by=tenancy.current())
    return _now(product_id)


@operations.post(
    "/products/<uuid:product_id>/evidence", takes=schemas.NewEvidence, gives=schemas.Evidence, status=201, needs=EDIT
)
@takes_files(File(MOST_BYTES).longest)
def upload_evidence(body: dict[str, Any], product_id: uuid.UUID) -> Any:
    """The slot's file, in place of the one before. It is what its content says it is: PDF, PNG or JPEG, at most 5 MB."""
    product, content = own_product(product_id, by=tenancy.current()), body.pop("content")
    body["sha256"] = hashlib.sha256(content).hexdigest()  # a repeat is compared by it
    with named_as_sent({"file": "content"}):
        added = once(
            body,
            lambda: add_evidence(
                product, slot=body["slot"], file_name=body["file_name"], content=content, by=tenancy.current()
            ),
        )
    return evidence(one(Evidence, added))


@operations.get("/products/<uuid:product_id>/evidence/<uuid:evidence_id>", gives=schemas.EvidenceFile, needs=EDIT)
def get_evidence(product_id: uuid.UUID, evidence_id: uuid.UUID) -> Any:
    """One file with what stands in it, also one that was replaced after its review."""
    own_product(product_id, by=tenancy.current())
    file = evidence_file(product_id, evidence_id)
    return {**evidence(file), "content": file.content}


@operations.post(
    "/products/<uuid:product_id>/evidence/<uuid:evidence_id>/remove", takes=Nothing, gives=page_of(schemas.Evidence), needs=EDIT
)  # fmt: skip
def remove_evidence_file(body: dict[str, Any], product_id: uuid.UUID, evidence_id: uuid.UUID) -> Any:
    """Take a file away before it is sent for review."""
    product = own_product(product_id, by=tenancy.current())
    once(body, lambda: remove_evidence(product, evidence_id=evidence_id, by=tenancy.current()))
    return _now(product_id)


def _now(product_id: uuid.UUID) -> dict[str, Any]:
    return {"items": [evidence(file) for file in evidence_now(product_id)], "next_cursor": None}
