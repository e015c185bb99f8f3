"""Programmes and products with one plan, one metric and one approved price version."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from app.catalog.model import CustomParameter, Metric, MetricPrice, Plan, PriceVersion, Product, Programme
from app.catalog.tariff import Model
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.database import transaction
from app.foundation.tenancy import acting_for_all
from app.parties.model import Organisation
from tests.makers.parties import make_organisation, the_operator


def make_programme(name: str = "Professional services", **columns: Any) -> Programme:
    """A programme of the operator: 80 % revenue share, USD, no review. Any column may be given: cut_off="roll-forward"."""
    values = {
        "cut_off": "reject-after-grace",
        "completion_outcome": "delete",
        "currency": "USD",
        "remuneration": "revenue_share",
        "remuneration_percent": Decimal(80),
        "tax_percent": Decimal(0),
        **columns,
    }
    seller = the_operator()
    with acting_for_all("a test's programme"), transaction() as session:
        programme = Programme(name=name, seller_id=seller.id, **values)
        session.add(programme)
    return programme


def make_product(
    programme: Programme | None = None,
    partner: Organisation | None = None,
    *,
    name: str = "Data rescue",
    state: str = "published",
    model: Model = "per_unit",
    bands: Sequence[tuple[str | None, str]] = ((None, "150.00"),),
    charge_unit: str = "1",
    step: str = "0.01",
    month_limit: str | None = None,
    approved: bool = True,
    effective_from: BillingMonth | None = None,
    parameters: Sequence[dict[str, Any]] = (),
    request_email: str = "requests@northbridge.example",
) -> Product:
    """A published product with one plan and one metric, hours at 150.00. `bands`: (up to, price) as exact text.

    `parameters`: custom parameters as columns, such as {"key": "region", "label": "Region", "kind": "short_text"}.
    """
    programme = programme or make_programme(f"Programme of {name}")
    partner = partner or make_organisation(f"Partner of {name}", partner=True)
    now = clock.now()
    metric = Metric(
        code="hours", kind="Hours", name="Hours", unit="h", step=Decimal(step), approved=approved, position=1,
        month_limit=None if month_limit is None else Decimal(month_limit),
    )  # fmt: skip
    plan = Plan(name="Standard", code="standard", description="", position=1, metrics=[metric], price_versions=[])
    product = Product(
        programme_id=programme.id,
        seller_id=programme.seller_id,
        partner_id=partner.id,
        name=name,
        slug="-".join(name.lower().split()),
        category="Services",
        summary=f"{name} in one sentence.",
        request_email=request_email,
        state=state,
        created_at=now,
        plans=[plan],
        parameters=[
            CustomParameter(**{"position": n, "options": [], "required": False, **columns})
            for n, columns in enumerate(parameters, 1)
        ],
    )
    with acting_for_all("a test's product"), transaction() as session:
        session.add(product)
        session.flush()
        add_price_version(plan, metric, model, bands, charge_unit, effective_from, programme.currency)
    return product


def add_price_version(
    plan: Plan,
    metric: Metric,
    model: Model,
    bands: Sequence[tuple[str | None, str]],
    charge_unit: str = "1",
    effective_from: BillingMonth | None = None,
    currency: str = "USD",
) -> PriceVersion:
    """The plan's next approved price version, for this one metric; in force from 2020 on if nothing is said."""
    written: list[dict[str, Any]] = [{"up_to": up_to, "price": price} for up_to, price in bands]
    with acting_for_all("a test's prices"), transaction():
        price = MetricPrice(metric_id=metric.id, model=model, charge_unit=Decimal(charge_unit), bands=written)
        version = PriceVersion(
            number=len(plan.price_versions) + 1,
            effective_from=effective_from or BillingMonth(2020, 1),
            currency=currency,
            approved_at=clock.now(),
            prices=[price],
        )
        plan.price_versions.append(version)
    return version
