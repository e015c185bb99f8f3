"""What a partner asks the operator to approve: pricing, metering evidence, publication, a change of prices."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import contains_eager, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from app.catalog import states
from app.catalog.actions import EDIT_PRODUCT
from app.catalog.checklist import missing_of_entry, missing_of_pricing
from app.catalog.listing_queries import evidence_now, own_product
from app.catalog.model import ListingReview, Plan, PriceVersion, Product
from app.catalog.plans import plan_of
from app.catalog.price_changes import check_asked_month
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.change_state import change_state
from app.foundation.database import db, transaction
from app.foundation.refusals import AlreadyDone, Refused
from app.foundation.tenancy import Viewer
from app.foundation.text import N_, filled

PRICING, PRICE_CHANGE, EVIDENCE, PUBLICATION = "pricing", "price-change", "evidence", "publication"


def request_pricing(product: Product, *, version: int, by: Viewer) -> Product:
    """The plans' first prices, all of them at once. From here on they are not edited until they come back."""
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _seen(product, version, by)
        plans = plans_with_prices(product)
        _nothing_is_missing(missing_of_pricing(plans))
        for price_version in (found for plan in plans for found in plan.price_versions):
            if price_version.state == states.DRAFT:
                change_state(
                    price_version, states.REQUEST, by=by, plan=price_version.plan.name, number=price_version.number
                )
        change_state(product, states.REQUEST_PRICING, by=by)
        _ask(product, PRICING, by)
    return product


def submit_evidence(product: Product, *, version: int, by: Viewer) -> Product:
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _seen(product, version, by)
        files = evidence_now(product.id)
        if product.state == states.PRICING_APPROVED and not files:
            raise Refused("evidence", N_("Upload at least one file first."))
        change_state(product, states.SUBMIT_EVIDENCE, by=by, files=", ".join(one.file_name for one in files))
        _ask(product, EVIDENCE, by)
    return product


def request_publication(product: Product, *, version: int, by: Viewer) -> Product:
    """What customers will read, as it stands; it stays so until the operator has decided."""
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _seen(product, version, by)
        nothing_of_the_entry_is_missing(product)
        change_state(product, states.REQUEST_PUBLICATION, by=by, edition=product.edition)
        _ask(product, PUBLICATION, by)
    return product


def withdraw_product(product: Product, *, version: int, by: Viewer) -> Product:
    """Nobody requests it any more; engagements that name it go on, and are billed, as before."""
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _seen(product, version, by)
        change_state(product, states.WITHDRAW, by=by)
    return product


def request_price_change(
    product: Product, *, version: int, plan_id: Any, effective_from: BillingMonth | None, by: Viewer
) -> PriceVersion:
    """The plan's open version, for the month that is asked for; the approval may have to move it further out.

    The first prices of a plan that joins an approved product are sent the same way and count from their approval on.
    """
    by.must(EDIT_PRODUCT)
    with transaction():
        product = _seen(product, version, by)
        if product.state not in states.PRICES_APPROVED:
            raise Refused("pricing", N_("The plan is sent for approval with its product."))
        plan = next(found for found in plans_with_prices(product) if found.id == plan_of(product, plan_id).id)
        _nothing_is_missing(missing_of_pricing([plan]))
        change = next((found for found in plan.price_versions if found.state != states.APPROVED), None)
        if change is None:
            raise AlreadyDone(states.APPROVED, states.REQUEST)
        columns: dict[str, Any] = {}
        if change.number > 1:
            columns["effective_from"] = check_asked_month(product, effective_from)
        change_state(change, states.REQUEST, by=by, columns=columns, plan=plan.name, number=change.number)
        product.version += 1
        _ask(product, PRICE_CHANGE, by, price_version_id=change.id)
    return change


def plans_with_prices(product: Product) -> Sequence[Plan]:
    """As they stand now in the database, each with its metrics and versions, and with its product for History."""
    plans = db.session.scalars(
        select(Plan)
        .join(Plan.product)
        .where(Plan.product_id == product.id)
        .order_by(Plan.position)
        .options(
            contains_eager(Plan.product),
            selectinload(Plan.metrics),
            selectinload(Plan.price_versions).selectinload(PriceVersion.prices),
        )
        .execution_options(populate_existing=True)
    ).all()
    for plan in plans:
        for version in plan.price_versions:
            set_committed_value(version, "plan", plan)
    return plans


def nothing_of_the_entry_is_missing(product: Product) -> None:
    missing = missing_of_entry(product)
    if not product.support:
        missing.append((N_("support details"), {}))
    _nothing_is_missing(missing)


def _nothing_is_missing(missing: Sequence[tuple[str, dict[str, Any]]]) -> None:
    if missing:
        what = ", ".join(filled(sentence, facts) for sentence, facts in missing)
        raise Refused("listing", N_("There is still missing: %(what)s."), what=what)


def _seen(product: Product, version: int, by: Viewer) -> Product:
    """The own product, locked, unless somebody changed it since the page was drawn."""
    product = own_product(product.id, by=by, lock=True)
    if product.version != version:
        raise AlreadyDone("changed", "request")
    return product


def _ask(product: Product, kind: str, by: Viewer, **more: Any) -> None:
    db.session.add(
        ListingReview(
            kind=kind,
            product_id=product.id,
            seller_id=product.seller_id,
            partner_id=product.partner_id,
            submitted_by_id=by.member_id,
            submitted_by_name=by.member_name,
            submitted_at=clock.now(),
            **more,
        )
    )
