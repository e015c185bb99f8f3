"""Products on their way into the catalog, taken along the real actions to the state that is wanted."""

import struct
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from app.catalog import entries, plans, requests, reviews, states
from app.catalog.evidence import add_evidence
from app.catalog.listing_queries import evidence_now
from app.catalog.listing_rules import MetricDraft, code_for
from app.catalog.model import Evidence, ListingReview, Plan, Product, Programme
from app.catalog.price_table import PriceDraft
from app.catalog.queries import product_with_plans
from app.catalog.tariff import Band
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import Viewer, acting_for_all, one, viewing
from app.parties.model import Organisation
from tests.makers.catalog import make_programme
from tests.makers.parties import as_operator, as_partner, make_organisation


def png_of(words: str = "evidence") -> bytes:
    """A real picture, one grey pixel, with `words` in it so that two of them differ."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"Title\0" + words.encode())
        + chunk(b"IDAT", zlib.compress(b"\0\x80"))
        + chunk(b"IEND", b"")
    )


def price_draft(*bands: tuple[str | None, str], model: str = "per_unit", charge_unit: str = "1") -> PriceDraft:
    """price_draft(("1000", "1"), (None, "0.90"), model="graduated"); 150 an hour if nothing is said."""
    pairs: Sequence[tuple[str | None, str]] = bands or ((None, "150"),)
    made = tuple(Band(None if up_to is None else Decimal(up_to), Decimal(price)) for up_to, price in pairs)
    return PriceDraft(model, Decimal(charge_unit), made)


def metric_draft(
    kind: str = "Hours", name: str = "Hours", unit: str = "h", step: str = "0.25", one: str = ""
) -> MetricDraft:
    return MetricDraft(kind, name, unit, Decimal(step), unit_one=one)


#: the asks and answers on the way to each state
_ROAD = (
    (states.DRAFT, None),
    (states.PRICING_REQUESTED, requests.request_pricing),
    (states.PRICING_APPROVED, "approve"),
    (states.EVIDENCE_SUBMITTED, requests.submit_evidence),
    (states.EVIDENCE_APPROVED, "approve"),
    (states.PUBLICATION_REQUESTED, requests.request_publication),
    (states.PUBLISHED, "approve"),
    (states.WITHDRAWN, requests.withdraw_product),
    (states.REPUBLICATION_REQUESTED, requests.request_publication),
)


def make_listing(
    partner: Organisation | None = None,
    state: str = states.DRAFT,
    *,
    name: str = "Log watch",
    programme: Programme | None = None,
    prices: PriceDraft | None = None,
    by: Viewer | None = None,
    operator: Viewer | None = None,
) -> Product:
    """A complete product with one plan and one metric, hours at 150, in `state`; its reviews decided by the operator."""
    programme = programme or make_programme(f"Programme of {name} {uuid4().hex[:6]}")
    partner = partner or make_organisation(f"Partner of {name}", partner=True)
    ada = by or as_partner(partner)
    olga = operator or as_operator()
    with viewing(ada):
        product = entries.create_product(name=name, slug=code_for(name, (), 60), programme_id=programme.id, by=ada)
        write_entry(product, ada)
        plan = add_plan(product, ada)
        add_metric(product, plan, ada, prices=prices)
    for there, step in _ROAD:
        if step == "approve":
            with viewing(olga):
                reviews.approve(open_review(product).id, by=olga)
        elif step is not None:
            with viewing(ada):
                if step is requests.submit_evidence:
                    add_evidence(
                        one(Product, product.id),
                        slot="estimator",
                        file_name="estimate.png",
                        content=png_of(name),
                        by=ada,
                    )
                step(one(Product, product.id), version=one(Product, product.id).version, by=ada)  # type: ignore[operator]
        if there == state:
            break
    return as_it_stands(product)


def write_entry(product: Product, by: Viewer, **columns: Any) -> Product:
    """A catalog entry and support details that leave nothing to wish for."""
    entry = {
        "name": product.name, "category": "Operations", "summary": "Eyes on your logs.",
        "description": "We read them, you sleep.", "request_email": "requests@northbridge.example", **columns,
    }  # fmt: skip
    entries.change_catalog_entry(product, version=one(Product, product.id).version, **entry, by=by)
    return entries.change_support(
        product, version=one(Product, product.id).version, support="Monday to Friday, 08:00 to 18:00.", by=by
    )


def add_plan(product: Product, by: Viewer, name: str = "Standard") -> Plan:
    return plans.add_plan(
        product, version=one(Product, product.id).version, name=name, code=name.lower(), description="", by=by
    )


def add_metric(
    product: Product, plan: Plan, by: Viewer, *, draft: MetricDraft | None = None, prices: PriceDraft | None = None
) -> Any:
    return plans.add_metric(
        product,
        version=one(Product, product.id).version,
        plan_id=plan.id,
        draft=draft or metric_draft(),
        prices=prices or price_draft(),
        by=by,
    )


def open_review(product: Product) -> ListingReview:
    """The product's request that waits."""
    with acting_for_all("a test looks for a review"):
        found = db.session.scalars(
            select(ListingReview).where(ListingReview.product_id == product.id, ListingReview.outcome.is_(None))
        ).one()
        db.session.expunge(found)
    return found


def as_it_stands(product: Product) -> Product:
    """The product as the database holds it, with parameters, plans, metrics and versions; it keeps what it knows."""
    product_id = product.id
    db.session.remove()
    with acting_for_all("a test looks"):
        found = product_with_plans(product_id)
        db.session.expunge_all()  # else a refused action, which rolls back, would make it forget
    return found


def listing_ids(product: Product) -> dict[str, str]:
    """What the addresses of listing and reviews name: parts of this product, and one request a queue, of its siblings."""
    with acting_for_all("a test's partner"):
        partner = one(Organisation, product.partner_id)
        programme = one(Programme, product.programme_id)
        db.session.expunge_all()
    waiting = {
        queue: make_listing(partner, state, name=f"{product.name} {queue}", programme=programme)
        for queue, state in (
            ("pricing", states.PRICING_REQUESTED),
            ("evidence", states.EVIDENCE_SUBMITTED),
            ("publication", states.PUBLICATION_REQUESTED),
        )
    }
    content = png_of(product.name)
    with acting_for_all("a test's evidence"), transaction() as session:
        file = Evidence(
            product_id=product.id, seller_id=product.seller_id, partner_id=product.partner_id, slot="estimator",
            file_name="estimate.png", content_type="image/png", size=len(content), digest="0" * 64, content=content,
            uploaded_by_name="Ada", uploaded_at=clock.now(),
        )  # fmt: skip
        session.add(file)
    product = as_it_stands(product)
    return {
        "plan_id": str(product.plans[0].id),
        "metric_id": str(product.plans[0].metrics[0].id),
        "parameter_id": str(product.parameters[0].id),
        "evidence_id": str(file.id),
        "sent_file_id": str(_sent_file(waiting["evidence"]).id),
        **{f"{queue}_review_id": str(open_review(found).id) for queue, found in waiting.items()},
    }


def _sent_file(product: Product) -> Evidence:
    with acting_for_all("a test looks for a file"):
        return evidence_now(product.id)[0]
