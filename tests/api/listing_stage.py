"""Northbridge's products on their way into the catalog, as listing by API finds them.

stage = Listed.in_state(app, people, "draft")      # complete: entry, support, one parameter, one plan, hours at 150
stage.path("/plans/{plan_id}/metrics")             # addresses with this product's ids
stage.decide(app, people)                          # the operator says yes to what waits; reason="...": no
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from app.catalog import entries, price_changes, reviews, states
from app.catalog.evidence import add_evidence
from app.catalog.listing_queries import evidence_now
from app.catalog.listing_rules import ParameterDraft
from app.catalog.model import Product
from app.foundation.database import db
from app.foundation.history import History
from app.foundation.tenancy import acting_for_all, one, viewing
from tests.makers import make_programme
from tests.makers.listing import as_it_stands, make_listing, open_review, png_of
from tests.people import People

#: a price change is being written; a file of evidence is uploaded
CHANGING, UPLOADED = "changing", "uploaded"

PER_HOUR = {"model": "per_unit", "bands": [{"price": "175"}]}
TIERS = {"model": "graduated", "bands": [{"up_to": "1000", "price": "1.00"}, {"up_to": None, "price": "0.90"}]}
METRIC = {"kind": "Unit", "name": "Servers", "unit": "servers", "step": "1", "price": TIERS}
ENTRY = {
    "name": "Log watch", "category": "Operations", "summary": "Eyes on your logs, day and night.",
    "description": "We read them.\nYou sleep.", "request_email": "watch@northbridge.example",
}  # fmt: skip
PICTURE = base64.b64encode(png_of("a meter")).decode()
FILE = {"slot": "rated-usage", "file_name": "rated.png", "content": PICTURE}


@dataclass
class Listed:
    product: Product
    ids: dict[str, str] = field(default_factory=dict)

    @classmethod
    def in_state(cls, app: Flask, people: People, state: str, **options: Any) -> "Listed":
        ada = people.viewer("ada")
        with app.app_context():
            programme = make_programme("Managed services", **options)
            reached = {CHANGING: states.PUBLISHED, UPLOADED: states.PRICING_APPROVED}.get(state, state)
            product = make_listing(
                people.northbridge, reached, programme=programme, by=ada, operator=people.viewer("olga")
            )
            with viewing(ada):
                if reached not in states.ENTRY_UNDER_REVIEW:
                    entries.add_parameter(
                        product,
                        version=one(Product, product.id).version,
                        draft=ParameterDraft("Region", "short_text"),
                        by=ada,
                    )
                if state == CHANGING:
                    price_changes.start_price_change(
                        product, version=one(Product, product.id).version, plan_id=product.plans[0].id, by=ada
                    )
                if state == UPLOADED:
                    add_evidence(
                        product, slot="estimator", file_name="estimate.png", content=png_of("estimate"), by=ada
                    )
            return cls(as_it_stands(product)).named()

    def named(self) -> "Listed":
        product = self.product
        plan = product.plans[0]
        self.ids = {"product_id": str(product.id), "plan_id": str(plan.id), "metric_id": str(plan.metrics[0].id)}
        with acting_for_all("a test looks"):
            files = evidence_now(product.id)
            if product.parameters:
                self.ids["parameter_id"] = str(product.parameters[0].id)
            if files:
                self.ids["evidence_id"] = str(files[0].id)
        db.session.remove()
        return self

    def path(self, below: str = "") -> str:
        return f"/products/{{product_id}}{below}".format(**self.ids)

    def decide(self, app: Flask, people: People, *, reason: str | None = None) -> None:
        with app.app_context(), viewing(people.viewer("olga")) as olga:
            review_id = open_review(self.product).id
            if reason is None:
                reviews.approve(review_id, by=olga)
            else:
                reviews.reject(review_id, reason=reason, by=olga)
            db.session.remove()

    def events(self, app: Flask) -> int:
        """How much has happened to products and engagements."""
        happened = select(func.count(History.id)).where(History.subject_kind.in_(("product", "engagement")))
        with app.app_context(), acting_for_all("a test counts"):
            count = db.session.scalar(happened) or 0
            db.session.remove()
        return count
