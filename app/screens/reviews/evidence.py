"""Review queue of metering evidence: the files that show how a product meters what it bills."""

import uuid

from flask import Blueprint, Response

from app.catalog.evidence import evidence_file
from app.catalog.reviews import review_page
from app.web import listing_reviews
from app.web.evidence_download import as_attachment
from app.web.guard import needs
from app.web.reviewed_listing import of_evidence

screen = Blueprint("evidence_reviews", __name__)


@screen.get("/reviews/evidence")
@screen.get("/reviews/evidence.<any(csv, xlsx):kind>")
@needs("listing-review:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    return listing_reviews.queue_page("evidence", kind)


@screen.get("/reviews/evidence/decide", endpoint="ask_ticked")
@screen.post("/reviews/evidence/decide")
@needs("listing-review:decide", capacity="operator")
def decide_ticked() -> Response:
    return listing_reviews.decide_ticked("evidence")


@screen.get("/reviews/evidence/<uuid:evidence_review_id>")
@needs("listing-review:view", capacity="operator")
def show_one(evidence_review_id: uuid.UUID) -> Response:
    return listing_reviews.review("evidence", evidence_review_id, of_evidence)


@screen.get("/reviews/evidence/<uuid:evidence_review_id>/approve", endpoint="ask_approve")
@screen.post("/reviews/evidence/<uuid:evidence_review_id>/approve")
@needs("listing-review:decide", capacity="operator")
def approve(evidence_review_id: uuid.UUID) -> Response:
    return listing_reviews.decide("evidence", evidence_review_id, of_evidence, approving=True)


@screen.get("/reviews/evidence/<uuid:evidence_review_id>/reject", endpoint="ask_reject")
@screen.post("/reviews/evidence/<uuid:evidence_review_id>/reject")
@needs("listing-review:decide", capacity="operator")
def reject(evidence_review_id: uuid.UUID) -> Response:
    return listing_reviews.decide("evidence", evidence_review_id, of_evidence, approving=False)


@screen.get("/reviews/evidence/<uuid:evidence_review_id>/files/<uuid:sent_file_id>")
@needs("listing-review:view", capacity="operator")
def download(evidence_review_id: uuid.UUID, sent_file_id: uuid.UUID) -> Response:
    row = review_page("evidence", evidence_review_id)
    return as_attachment(evidence_file(row.product_id, sent_file_id), row.slug)
