"""What must hold of the catalog: products are where their history says, and a request waits exactly while something asks."""

from sqlalchemy import and_, func, or_, select

from app.catalog import states
from app.catalog.model import ListingReview, MetricPrice, PriceVersion, Product
from app.catalog.requests import EVIDENCE, PRICE_CHANGE, PRICING, PUBLICATION
from app.catalog.tariff import BadTariff
from app.foundation.database import streamed
from app.foundation.history import History
from app.foundation.self_check import Check, Verdicts

_WAITS = {
    states.PRICING_REQUESTED: PRICING,
    states.EVIDENCE_SUBMITTED: EVIDENCE,
    states.PUBLICATION_REQUESTED: PUBLICATION,
    states.REPUBLICATION_REQUESTED: PUBLICATION,
}


def checks() -> list[Check]:
    return [
        Check("products are in the state that history says", _states),
        Check("a product's request waits exactly while its state says so", _requests),
        Check("price versions are approved exactly when they have their approval", _versions),
        Check("every stored price makes a tariff", _tariffs),
    ]


def _states() -> Verdicts:
    """Products that were set up before listing had a history say nothing."""
    said = select(History.to_state).where(
        History.subject_kind == "product",
        History.subject_id == Product.id,
        History.about_id.is_(None),  # events of its price versions name those
        History.to_state.is_not(None),
    )
    last = said.order_by(History.sequence.desc()).limit(1).scalar_subquery()
    for row in streamed(select(Product.slug, Product.state, last.label("said"))):
        fine = row.said is None or row.said == row.state
        yield "" if fine else f"product {row.slug} is {row.state}, history says {row.said}"


def _requests() -> Verdicts:
    of_product = (
        ListingReview.product_id == Product.id,
        ListingReview.outcome.is_(None),
        ListingReview.kind != PRICE_CHANGE,
    )
    count = select(func.count(ListingReview.id)).where(*of_product).scalar_subquery()
    kind = select(func.min(ListingReview.kind)).where(*of_product).scalar_subquery()
    for row in streamed(select(Product.slug, Product.state, count.label("open"), kind.label("kind"))):
        wanted = _WAITS.get(row.state)
        if (row.open, row.kind) == ((1, wanted) if wanted else (0, None)):
            yield ""
        else:
            yield f"product {row.slug} is {row.state} and has {row.open} open requests ({row.kind or 'none'})"


def _versions() -> Verdicts:
    wrong = or_(
        and_(PriceVersion.state == states.APPROVED, PriceVersion.approved_at.is_(None)),
        and_(PriceVersion.state != states.APPROVED, PriceVersion.approved_at.is_not(None)),
    )
    for row in streamed(select(PriceVersion.id, PriceVersion.state, wrong.label("wrong"))):
        yield f"price version {row.id} is {row.state} and its approval says otherwise" if row.wrong else ""


def _tariffs() -> Verdicts:
    for row in streamed(select(MetricPrice)):
        price: MetricPrice = row.MetricPrice
        try:
            assert price.tariff
            yield ""
        except (BadTariff, ArithmeticError, KeyError, TypeError) as trouble:
            yield f"price {price.id} makes no tariff: {trouble}"
