"""What a product still needs on its way into the catalog, and who has the ball.

Each line is derived from what is there; nothing is ticked off by hand. `cure` names the screen on which it is mended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.catalog import states
from app.catalog.model import Evidence, Metric, Plan, Product
from app.catalog.states import (
    DRAFT,
    EVIDENCE_APPROVED,
    EVIDENCE_SUBMITTED,
    PRICING_REQUESTED,
    PUBLICATION_REQUESTED,
    PUBLISHED,
    REPUBLICATION_REQUESTED,
    SHOWN,
    WITHDRAWN,
)
from app.foundation.text import N_

Ball = Literal["partner", "operator", "nobody"]
#: a sentence marked with N_() and its facts
Missing = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """One thing to have. `missing`: sentences with their facts. `ball`: who moves next, 'nobody' where it is done or not yet due."""

    key: str
    text: str
    done: bool
    ball: Ball
    #: the screen that mends it, below the product's address; "" where there is nothing to do
    cure: str = ""
    missing: tuple[Missing, ...] = field(default=())


def missing_of_entry(product: Product) -> list[Missing]:
    wanted = (
        (product.summary, N_("a summary")),
        (product.description, N_("a description")),
        (product.category, N_("a category")),
        (product.request_email, N_("the address that requests are mailed to")),
    )
    return [(what, {}) for value, what in wanted if not value]


def missing_of_pricing(plans: Sequence[Plan]) -> list[Missing]:
    """What the plans lack before their prices can be judged. A plan comes with its metrics and price versions."""
    if not plans:
        return [(N_("a plan"), {})]
    missing: list[Missing] = []
    for plan in plans:
        if not plan.metrics:
            missing.append((N_("a metric in plan %(plan)s"), {"plan": plan.name}))
        missing += [
            (N_("a price for %(metric)s in plan %(plan)s"), {"metric": metric.name, "plan": plan.name})
            for metric in plan.metrics
            if not _priced(plan, metric)
        ]
    return missing


def checklist(product: Product, evidence: Sequence[Evidence]) -> list[Line]:
    """Line by line, in the guide's order. The product comes with its plans (own_listing)."""
    state = product.state
    entry, pricing = missing_of_entry(product), missing_of_pricing(product.plans)
    support: list[Missing] = [] if product.support else [(N_("hours and ways to reach support"), {})]
    files: list[Missing] = [] if evidence else [(N_("at least one file"), {})]
    priced = state not in (DRAFT, PRICING_REQUESTED)
    proven = state not in (DRAFT, PRICING_REQUESTED, states.PRICING_APPROVED, EVIDENCE_SUBMITTED)
    return [
        _own("entry", N_("Catalog entry"), "catalog-entry", entry),
        _own("support", N_("Support details"), "support", support),
        _own("pricing", N_("Plans, metrics and prices"), "pricing", pricing),
        _asked(
            "pricing-approval", N_("Pricing approved"), priced, state == PRICING_REQUESTED, "publish", state == DRAFT
        ),
        _own("evidence", N_("Metering evidence uploaded"), "publish", [] if proven else files, due=priced),
        _asked(
            "evidence-approval",
            N_("Metering evidence approved"),
            proven,
            state == EVIDENCE_SUBMITTED,
            "publish",
            state == states.PRICING_APPROVED,
        ),
        _asked(
            "publication",
            N_("Published"),
            state == PUBLISHED,
            state in (PUBLICATION_REQUESTED, REPUBLICATION_REQUESTED),
            "publish",
            state in (EVIDENCE_APPROVED, WITHDRAWN),
        ),
    ]


def who_has_the_ball(product: Product) -> Ball:
    if product.state in (PRICING_REQUESTED, EVIDENCE_SUBMITTED, PUBLICATION_REQUESTED, REPUBLICATION_REQUESTED):
        return "operator"
    return "nobody" if product.state in SHOWN else "partner"


def _own(key: str, text: str, cure: str, missing: Sequence[Missing], *, due: bool = True) -> Line:
    done = due and not missing
    return Line(key, text, done, "partner" if due and missing else "nobody", cure, tuple(missing) if due else ())


def _asked(key: str, text: str, done: bool, waits: bool, cure: str, due: bool) -> Line:
    ball: Ball = "operator" if waits else "partner" if due and not done else "nobody"
    return Line(key, text, done, ball, cure if ball == "partner" else "")


def _priced(plan: Plan, metric: Metric) -> bool:
    newest = max(plan.price_versions, key=lambda version: version.number, default=None)
    return newest is not None and any(price.metric_id == metric.id for price in newest.prices)
