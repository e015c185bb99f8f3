"""Review queue of pricing: first prices of a product, and changes of approved ones."""

import uuid

from flask import Blueprint, Response

from app.web import listing_reviews
from app.web.guard import needs
from app.web.reviewed_listing import of_pricing, pricing_outcome

screen = Blueprint("pricing_reviews", __name__)


@screen.get("/reviews/pricing")
@screen.get("/reviews/pricing.<any(csv, xlsx):kind>")
@needs("listing-review:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    return listing_reviews.queue_page("pricing", kind)


@screen.get("/reviews/pricing/decide", endpoint="ask_ticked")
@screen.post("/reviews/pricing/decide")
@needs("listing-review:decide", capacity="operator")
def decide_ticked() -> Response:
    return listing_reviews.decide_ticked("pricing")


@screen.get("/reviews/pricing/<uuid:pricing_review_id>")
@needs("listing-review:view", capacity="operator")
def show_one(pricing_review_id: uuid.UUID) -> Response:
    return listing_reviews.review("pricing", pricing_review_id, of_pricing)


@screen.get("/reviews/pricing/<uuid:pricing_review_id>/approve", endpoint="ask_approve")
@screen.post("/reviews/pricing/<uuid:pricing_review_id>/approve")
@needs("listing-review:decide", capacity="operator")
def approve(pricing_review_id: uuid.UUID) -> Response:
    return listing_reviews.decide("pricing", pricing_review_id, of_pricing, approving=True, outcome=pricing_outcome)


@screen.get("/reviews/pricing/<uuid:pricing_review_id>/reject", endpoint="ask_reject")
@screen.post("/reviews/pricing/<uuid:pricing_review_id>/reject")
@needs("listing-review:decide", capacity="operator")
def reject(pricing_review_id: uuid.UUID) -> Response:
    return listing_reviews.decide("pricing", pricing_review_id, of_pricing, approving=False)
