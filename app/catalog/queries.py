"""What the catalog shows: published services, a partner's own products, prices in force."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, select
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.attributes import set_committed_value

from app.catalog import rules
from app.catalog.model import CustomParameter, Metric, MetricPrice, Plan, PriceVersion, Product, Programme
from app.catalog.rules import Remuneration
from app.catalog.tariff import Band, Tariff
from app.foundation.billing_month import BillingMonth
from app.foundation.database import at_most, db
from app.foundation.kept_statements import columns_of
from app.foundation.refusals import NotVisible
from app.foundation.tenancy import Viewer, acting_for_all, viewer_organisation
from app.parties.model import Organisation


@dataclass(frozen=True)
class PricedMetric:
    """One metric of a plan with its tariff in one month. `price` is None when no version is in force."""

    metric: Metric
    version: PriceVersion | None
    price: MetricPrice | None
    #: entries may be rated on it: the operator approved it, or this is an end-to-end test
    billable: bool

    @property
    def tariff(self) -> Tariff | None:
        return self.price.tariff if self.price else None


def programme_of(product_id: uuid.UUID, *, hold: bool = False) -> Programme:
    """The programme a product is sold under, for rules; customers may ask for its effects, never read its shares.

    `hold`: its rules do not change until the caller's transaction ends; other holders do not wait.
    """
    found = select(Programme).join(Product, Product.programme_id == Programme.id).where(Product.id == product_id)
    with acting_for_all("a product's programme decides for every party"):
        return db.session.scalars(_held(found) if hold else found).one()


def programmes_of(product_ids: Iterable[uuid.UUID], *, hold: bool = False) -> dict[uuid.UUID, Programme]:
    """Product id -> its programme, for many products at once; `hold` as in programme_of()."""
    found = (
        select(Product.id, Programme)
        .join(Programme, Product.programme_id == Programme.id)
        .where(Product.id.in_(set(product_ids)))
        .order_by(Programme.id)
    )
    with acting_for_all("a product's programme decides for every party"):
        return {row.id: row.Programme for row in db.session.execute(_held(found) if hold else found)}


def _held(found: Any) -> Any:
    locked = found.with_for_update(read=True, key_share=True, of=Programme)
    return locked.execution_options(populate_existing=True)


def remuneration_of(programme: Programme) -> Remuneration:
    return Remuneration(programme.remuneration, programme.remuneration_percent)  # type: ignore[arg-type]


def product_to_run(product_id: uuid.UUID, by: Viewer) -> Row[*tuple[Any, ...]]:
    """(id, name) of a product whose engagements this viewer runs: its partner or its seller. Published ones of others: NotVisible."""
    mine = Product.partner_id if by.capacity == "partner" else Product.seller_id
    row = db.session.execute(
        select(Product.id, Product.name).where(Product.id == product_id, mine == by.organisation_id)
    ).one_or_none()
    if row is None:
        raise NotVisible
    return row


def product_with_plans(product_id: uuid.UUID) -> Product:
    """A product with parameters, plans, metrics and versions, or NotVisible."""
    return _loaded(Product.id == product_id)


def published_by_slug(slug: str) -> Product:
    return _loaded(Product.slug == slug, Product.state == "published")


def _loaded(*where: object) -> Product:
    plans = selectinload(Product.plans)
    product = db.session.scalar(
        select(Product)
        .where(*where)  # type: ignore[arg-type]
        .options(
            selectinload(Product.parameters),
            plans.selectinload(Plan.metrics),
            plans.selectinload(Plan.price_versions).selectinload(PriceVersion.prices),
        )
    )
    if product is None:
        raise NotVisible
    return product


@dataclass(frozen=True)
class PlanPrices:
    """A plan's metrics and all its price versions, read once for as many months as are asked about."""

    metrics: list[Metric]
    versions: list[PriceVersion]
    #: what is not approved yet counts as well: for end-to-end tests, and for nothing else
    drafts: bool = False

    def in_month(self, month: BillingMonth) -> list[PricedMetric]:
        which = rules.draft_version_for if self.drafts else rules.version_for
        version = which(self.versions, month)
        prices = {price.metric_id: price for price in version.prices} if version else {}
        return [
            PricedMetric(metric, version, prices.get(metric.id), metric.approved or self.drafts)
            for metric in self.metrics
        ]

    def change_after(self, month: BillingMonth) -> BillingMonth | None:
        """From when the plan costs something else: the month of its next approved change."""
        coming = (version.effective_from for version in self.versions if version.approved_at)
        return min((start for start in coming if start > month), default=None)


def prices_of(plan_id: uuid.UUID, *, drafts: bool = False) -> PlanPrices:
    """For rating and previews, whoever looks. `drafts`: the engagement's is_test, so that a real one never meets them."""
    return replace(prices_of_plans([plan_id])[plan_id], drafts=drafts)


def prices_of_plans(plan_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, PlanPrices]:
    """Plan id -> its prices, for many plans at once; approved ones count only."""
    wanted = set(plan_ids)
    found = {plan_id: PlanPrices([], []) for plan_id in wanted}
    with acting_for_all("a plan's prices count for every party"):
        rows = db.session.execute(_PRICES, {"plan_ids": list(wanted)}).all()
    prices: dict[PriceVersion, list[MetricPrice]] = {}
    for metric, version, price in rows:
        its = found[metric.plan_id]
        if metric not in its.metrics:
            its.metrics.append(metric)
        if version is not None and version not in prices:
            its.versions.append(version)
            prices[version] = []
        if price is not None:
            prices[version].append(price)
    for version, its_prices in prices.items():
        set_committed_value(version, "prices", its_prices)
    return found


_METRICS = (
    select(Metric)
    .where(Metric.plan_id.in_(bindparam("plan_ids", expanding=True)))
    .order_by(Metric.plan_id, Metric.position)
)
#: no plan is without a metric
_PRICES = (
    select(Metric, PriceVersion, MetricPrice)
    .outerjoin(PriceVersion, PriceVersion.plan_id == Metric.plan_id)
    .outerjoin(MetricPrice, and_(MetricPrice.price_version_id == PriceVersion.id, MetricPrice.metric_id == Metric.id))
    .where(Metric.plan_id.in_(bindparam("plan_ids", expanding=True)))
    .order_by(Metric.plan_id, Metric.position, PriceVersion.number)
)


def metrics_of(plan_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Metric]]:
    """Plan id -> its metrics in their order."""
    found: dict[uuid.UUID, list[Metric]] = {}
    wanted = select(Metric).where(Metric.plan_id.in_(list(plan_ids))).order_by(Metric.plan_id, Metric.position)
    for metric in db.session.scalars(wanted):
        found.setdefault(metric.plan_id, []).append(metric)
    return found


_APPROVED = _METRICS.where(Metric.approved)


def approved_metrics(plan_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Metric]]:
    """Plan id -> the metrics that may be billed, in their order, for many plans in one statement."""
    found: dict[uuid.UUID, list[Metric]] = {plan_id: [] for plan_id in plan_ids}
    with acting_for_all("a plan's metrics count for every party"):
        for metric in db.session.scalars(_APPROVED, {"plan_ids": list(found)}):
            found[metric.plan_id].append(metric)
    return found


def priced_metrics(plan_id: uuid.UUID, month: BillingMonth, *, drafts: bool = False) -> list[PricedMetric]:
    """Every metric of the plan with the price in force in `month`."""
    return prices_of(plan_id, drafts=drafts).in_month(month)


def is_priced(plan_id: uuid.UUID, month: BillingMonth, *, drafts: bool = False) -> bool:
    """Whether the plan has at least one approved metric with a price in force: what is not, is not offered."""
    return any(priced.billable and priced.tariff for priced in priced_metrics(plan_id, month, drafts=drafts))


def gross_tariff(tariff: Tariff, remuneration: Remuneration) -> Tariff:
    """The tariff as a customer may see it: every price at gross. For display; amounts come from the charge book."""
    bands = tuple(Band(band.up_to, remuneration.gross_unit_price(band.price)) for band in tariff.bands)
    return Tariff(tariff.model, bands, tariff.charge_unit)


@dataclass(frozen=True)
class CatalogTile:
    """What the catalog's list shows of one published service."""

    slug: str
    name: str
    summary: str
    category: str
    partner_name: str


def published_services(search: str = "", category: str = "") -> Sequence[CatalogTile]:
    """Published services by name; at most 200 are shown, a search narrows them."""
    found = (
        select(Product.slug, Product.name, Product.summary, Product.category, Organisation.name.label("partner_name"))
        .join(Organisation, Organisation.id == Product.partner_id)
        .where(Product.state == "published")
        .order_by(Product.category, Product.name)
        .limit(200)
    )
    if search:
        like = f"%{_escaped(search)}%"
        found = found.where(Product.name.ilike(like, escape="\\") | Product.summary.ilike(like, escape="\\"))
    if category:
        found = found.where(Product.category == category)
    return [CatalogTile(*row) for row in db.session.execute(found)]


def categories() -> Sequence[str]:
    return db.session.scalars(
        select(Product.category)
        .where(Product.state == "published", Product.category != "")
        .distinct()
        .order_by(Product.category)
    ).all()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def parameters_of(product_id: uuid.UUID) -> Sequence[CustomParameter]:
    return db.session.scalars(
        select(CustomParameter).where(CustomParameter.product_id == product_id).order_by(CustomParameter.position)
    ).all()


def step_sentence(step: Decimal) -> str:
    """'0.25' for help texts, without trailing zeros."""
    return f"{step.normalize():f}"


def programmes() -> Sequence[Programme]:
    """Every programme this viewer may read, by name: a handful in any installation."""
    return db.session.scalars(select(Programme).order_by(Programme.name)).all()


def policies_in_use(viewer: Viewer) -> Sequence[Row[*tuple[Any, ...]]]:
    """(cut_off, takes_all_three) of the programmes a partner sells under, each pair once; for the operator, of all programmes."""
    return columns_of(_OWN_POLICIES if viewer.capacity == "partner" else _POLICIES)


def _under_own(found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Only programmes under which the partner who looks sells anything."""
    own = select(Product.programme_id).where(Product.partner_id == viewer_organisation())
    return found.where(Programme.id.in_(own))


_POLICIES = (
    select(Programme.cut_off, Programme.viewing_takes_all_three.label("takes_all_three"))
    .distinct()
    .order_by(Programme.cut_off)
)
_OWN_POLICIES = _under_own(_POLICIES)
_NAMES = select(Programme.cut_off, Programme.name).order_by(Programme.name).limit(at_most(20))
_OWN_NAMES = _under_own(_NAMES)


def programme_names_by_cut_off(viewer: Viewer) -> dict[str, list[str]]:
    """Cut-off policy -> names of the programmes under it, as far as policies_in_use() tells of them; at most 20."""
    names: dict[str, list[str]] = {}
    for row in columns_of(_OWN_NAMES if viewer.capacity == "partner" else _NAMES):
        names.setdefault(row.cut_off, []).append(row.name)
    return names
