"""Review queue of publication: the catalog entry as clients will read it."""

import uuid

from flask import Blueprint, Response

from app.web import listing_reviews
from app.web.guard import needs
from app.web.reviewed_listing import of_publication

screen = Blueprint("publication_reviews", __name__)


@screen.get("/reviews/publication")
@screen.get("/reviews/publication.<any(csv, xlsx):kind>")
@needs("listing-review:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    return listing_reviews.queue_page("publication", kind)


@screen.get("/reviews/publication/decide", endpoint="ask_ticked")
@screen.post("/reviews/publication/decide")
@needs("listing-review:decide", capacity="operator")
def decide_ticked() -> Response:
    return listing_reviews.decide_ticked("publication")


@screen.get("/reviews/publication/<uuid:publication_review_id>")
@needs("listing-review:view", capacity="operator")
def show_one(publication_review_id: uuid.UUID) -> Response:
    return listing_reviews.review("publication", publication_review_id, of_publication)


@screen.get("/reviews/publication/<uuid:publication_review_id>/approve", endpoint="ask_approve")
@screen.post("/reviews/publication/<uuid:publication_review_id>/approve")
@needs("listing-review:decide", capacity="operator")
def approve(publication_review_id: uuid.UUID) -> Response:
    return listing_reviews.decide("publication", publication_review_id, of_publication, approving=True)


@screen.get("/reviews/publication/<uuid:publication_review_id>/reject", endpoint="ask_reject")
@screen.post("/reviews/publication/<uuid:publication_review_id>/reject")
@needs("listing-review:decide", capacity="operator")
def reject(publication_review_id: uuid.UUID) -> Response:
    return listing_reviews.decide("publication", publication_review_id, of_publication, approving=False)
