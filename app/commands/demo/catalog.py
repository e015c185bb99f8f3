"""What the demo's partners sell. Names and prices are invented."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.catalog.listing_events import CREATED
from app.catalog.model import CustomParameter, Metric, MetricPrice, Plan, PriceVersion, Product, Programme
from app.catalog.states import DRAFT, PRICING_APPROVED, PUBLISHED
from app.commands.demo.people import CONTRAIL, NORTHBRIDGE, OPERATOR, Cast
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.tenancy import current
from app.parties.model import Organisation

Bands = tuple[tuple[str | None, str], ...]


@dataclass(frozen=True)
class Priced:
    """A metric and its prices: {first month, counted back from now: bands}."""

    kind: str
    name: str
    unit: str
    step: str
    model: str
    versions: dict[int, Bands]
    month_limit: str | None = None
    #: one of the unit, where that is another word
    one: str = ""


@dataclass(frozen=True)
class Listed:
    name: str
    category: str
    summary: str
    partner: str
    plans: dict[str, tuple[Priced, ...]]
    parameters: tuple[tuple[str, str, tuple[str, ...], bool], ...] = ()
    description: str = ""
    programme: str = "Managed professional services"
    state: str = "published"


def _hours(model: str, versions: dict[int, Bands], limit: str | None = None) -> Priced:
    return Priced("Hours", "Hours", "h", "0.25", model, versions, limit)


PRODUCTS = (
    Listed(
        "Incident response",
        "Security",
        "People on call around the clock, at your side within 30 minutes.",
        NORTHBRIDGE,
        {
            "Standard": (
                _hours(
                    "graduated", {13: (("100", "165"), (None, "152")), 4: (("100", "160"), (None, "148.125"))}, "744"
                ),
            ),
            "Enterprise": (_hours("per_unit", {13: ((None, "196.80"),)}),),
        },
        (
            ("Systems in scope", "paragraph", (), True),
            ("First response within", "selection", ("30 minutes", "1 hour", "4 hours"), True),
        ),
        "A duty team that knows your systems before the incident. Includes a drill each quarter and a written report after every call.",
    ),
    Listed(
        "Managed backup",
        "Operations",
        "Nightly copies, restore tests each quarter, reports your auditors accept.",
        NORTHBRIDGE,
        {
            "Standard": (
                Priced(
                    "Unit",
                    "Protected data",
                    "TB",
                    "0.01",
                    "graduated",
                    {13: (("10", "42.50"), ("50", "38"), (None, "31.25"))},
                ),
                _hours("per_unit", {13: ((None, "160"),)}),
            ),
        },
        (
            ("Recovery point", "selection", ("1 hour", "4 hours", "24 hours"), True),
            ("Recovery time", "selection", ("4 hours", "8 hours", "2 days"), True),
            ("Data location", "short_text", (), True),
            ("Retention", "selection", ("1 year", "7 years", "10 years"), False),
            ("Purchase order", "short_text", (), False),
            ("Encryption keys held by us", "checkbox", (), False),
        ),
    ),
    Listed(
        "Landing zone set-up",
        "Cloud foundations",
        "A cloud account structure you can grow into, handed over with a runbook.",
        NORTHBRIDGE,
        {
            "Fixed hours": (
                _hours("per_unit", {13: ((None, "150"),)}),
                Priced("Implementation", "Set-up", "set-up", "1", "per_unit", {13: ((None, "6400"),)}, "1"),
            ),
        },
        (("Number of subscriptions", "short_text", (), True),),
    ),
    Listed(
        "Patch management",
        "Operations",
        "Servers patched inside your window, with evidence.",
        NORTHBRIDGE,
        {
            "Standard": (
                Priced(
                    "Unit",
                    "Servers",
                    "servers",
                    "1",
                    "simple",
                    {13: (("100", "9.50"), ("500", "8.20"), (None, "7.10"))},
                    one="server",
                ),
            )
        },
    ),
    Listed(
        "Security review",
        "Security",
        "Two weeks, two people, one report.",
        NORTHBRIDGE,
        {"Two weeks": ()},
        state="draft",
    ),
    Listed(
        "Cloud migration sprint",
        "Cloud foundations",
        "Three weeks that move one application, tests included.",
        CONTRAIL,
        {"Sprint": (_hours("simple", {13: (("200", "185"), (None, "171.50"))}),)},
        (
            ("Application to move", "short_text", (), True),
            ("Source", "selection", ("Data centre", "Other cloud"), True),
        ),
    ),
    Listed(
        "Database care",
        "Operations",
        "Tuning, upgrades and a number to call, for the databases you name.",
        CONTRAIL,
        {
            "Care": (
                Priced(
                    "Unit",
                    "Instances",
                    "instances",
                    "1",
                    "graduated",
                    {13: (("5", "212.37"), (None, "189.53"))},
                    one="instance",
                ),
            )
        },
        programme="Marketplace services",
    ),
)


@dataclass
class Shelf:
    #: the month that prices' first months are counted back from
    here: BillingMonth
    programmes: dict[str, Programme] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    plans: dict[tuple[str, str], Plan] = field(default_factory=dict)
    metrics: dict[Any, list[Metric]] = field(default_factory=dict)


def stock(cast: Cast) -> Shelf:
    """Put programmes and products into the catalog, approved and published as the listing would have left them."""
    shelf = Shelf(BillingMonth.at(clock.now()).shifted(13))  # the clock stands thirteen months ago here
    set_up_programmes(shelf, cast.organisations[OPERATOR])
    for listed in PRODUCTS:
        # its prices are written down as approved; listing.publish_shelf takes it from there to where clients find it
        put_on(shelf, listed, cast, state=PRICING_APPROVED if listed.state == PUBLISHED else listed.state)
        product = shelf.products[listed.name]
        history.record(product, CREATED, by=current(), to_state=DRAFT, programme=listed.programme)
    return shelf


def set_up_programmes(shelf: Shelf, operator: Organisation) -> None:
    """The two programmes that the demo's products are sold under, as far as the shelf lacks them."""
    rules: dict[str, dict[str, Any]] = {
        "Managed professional services": {"review_threshold_minor": 1_500_000},
        "Marketplace services": {
            "cut_off": "roll-forward", "remuneration": "net_plus_mark_up", "remuneration_percent": Decimal(25),
            "tax_percent": Decimal(7), "allows_block": True, "completion_outcome": "keep-active",
        },
    }  # fmt: skip
    for name, settings in rules.items():
        if name not in shelf.programmes:
            shelf.programmes[name] = Programme(name=name, seller_id=operator.id, **settings)
    db.session.add_all(shelf.programmes.values())
    db.session.flush()


def put_on(shelf: Shelf, listed: Listed, cast: Cast, *, state: str) -> None:
    """One product with its plans and approved prices, in this state."""
    partner = cast.organisations[listed.partner]
    product = Product(
        programme_id=shelf.programmes[listed.programme].id,
        seller_id=cast.organisations[OPERATOR].id,
        partner_id=partner.id,
        name=listed.name,
        slug=listed.name.lower().replace(" ", "-"),
        category=listed.category,
        summary=listed.summary,
        description=listed.description or listed.summary,
        support="Monday to Friday, 08:00 to 18:00, by e-mail and telephone. Outside these hours for critical calls.",
        request_email=f"requests@{listed.partner.split()[0].lower()}.example",
        state=state,
        created_at=clock.now(),
    )
    db.session.add(product)
    db.session.flush()
    shelf.products[listed.name] = product
    for position, (label, kind, options, required) in enumerate(listed.parameters, 1):
        key = label.lower().replace(" ", "-")
        db.session.add(
            CustomParameter(
                product_id=product.id,
                position=position,
                key=key,
                label=label,
                kind=kind,
                options=list(options),
                required=required,
            )
        )
    for position, (plan_name, priced) in enumerate(listed.plans.items(), 1):
        _plan(shelf, product, plan_name, priced, position)


def _plan(shelf: Shelf, product: Product, name: str, priced: tuple[Priced, ...], position: int) -> None:
    plan = Plan(product_id=product.id, position=position, name=name, code=name.lower().replace(" ", "-"))
    db.session.add(plan)
    db.session.flush()
    shelf.plans[product.name, name] = plan
    shelf.metrics[plan.id] = []
    starts = sorted({back for metric in priced for back in metric.versions}, reverse=True)
    versions = {}
    for number, back in enumerate(starts, 1):
        month = shelf.here.shifted(-back)
        versions[back] = PriceVersion(
            plan_id=plan.id, number=number, effective_from=month, currency="USD", approved_at=month.starts_at
        )
        db.session.add(versions[back])
    db.session.flush()
    for place, one in enumerate(priced, 1):
        metric = Metric(
            plan_id=plan.id, position=place, code=one.name.lower().replace(" ", "-"), kind=one.kind, name=one.name, unit=one.unit,
            unit_one=one.one, step=Decimal(one.step), month_limit=Decimal(one.month_limit) if one.month_limit else None, approved=True,
        )  # fmt: skip
        db.session.add(metric)
        db.session.flush()
        shelf.metrics[plan.id].append(metric)
        for back, bands in one.versions.items():
            prices = [{"up_to": up_to, "price": price} for up_to, price in bands]
            db.session.add(
                MetricPrice(price_version_id=versions[back].id, metric_id=metric.id, model=one.model, bands=prices)
            )
    db.session.flush()
