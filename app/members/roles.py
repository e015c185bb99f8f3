"""Who may do what: one table from permission to the roles that must all be held. Pure.

The roles page, the API and every guard read this table; nothing else grants anything.
"""

from dataclasses import dataclass
from functools import lru_cache

from app.foundation.capacity import Capacity
from app.foundation.text import N_


@dataclass(frozen=True)
class Role:
    """A role a member may hold in an organisation that acts in `capacity`."""

    key: str
    label: str
    capacity: Capacity
    sentence: str


PRICING_VIEWER = "partner-pricing-viewer"
PRICING_SUBMITTER = "partner-pricing-submitter"
INSTANCE_EDITOR = "software-instance-editor"
PRODUCT_EDITOR = "product-editor"
PARTNER_ADMIN = "partner-admin"
CLOUD_ADMIN = "cloud-admin"
CLOUD_BILLING = "cloud-billing"
CUSTOMER_MEMBER = "service-requester"
CUSTOMER_ADMIN = "customer-admin"
OPERATOR_RATER = "rating-reviewer"
LISTING_REVIEWER = "listing-reviewer"
OPERATOR_PROGRAMMES = "programme-manager"
OPERATOR_ADMIN = "operator-admin"
OPERATOR_CLOSER = "month-closer"

ROLES: dict[str, Role] = {
    role.key: role
    for role in (
        Role(PRICING_VIEWER, N_("Partner Pricing Viewer"), "partner", N_("Sees billing entries and amounts")),
        Role(
            PRICING_SUBMITTER,
            N_("Partner Pricing Submitter"),
            "partner",
            N_("Adds and withdraws billing entries, with Viewer and Editor"),
        ),
        Role(
            INSTANCE_EDITOR,
            N_("Software Instance Editor"),
            "partner",
            N_("Approves, rejects and completes engagements"),
        ),
        Role(PRODUCT_EDITOR, N_("Product Editor"), "partner", N_("Lists products, plans and prices")),
        Role(
            PARTNER_ADMIN,
            N_("Organisation admin"),
            "partner",
            N_("Manages the organisation's members, API keys and webhooks"),
        ),
        Role(
            CLOUD_ADMIN,
            N_("Cloud Admin"),
            "partner",
            N_("Registers CSP accounts, runs discovery, sets mark-up, tax and budgets; includes Cloud billing"),
        ),
        Role(
            CLOUD_BILLING,
            N_("Cloud billing"),
            "partner",
            N_("Sees CSP customers, invoices and their cost, issues statements"),
        ),
        Role(CUSTOMER_MEMBER, N_("Service requester"), "customer", N_("Requests services and asks for completion")),
        Role(
            CUSTOMER_ADMIN,
            N_("Organisation admin"),
            "customer",
            N_("Manages the organisation's members, API keys and webhooks"),
        ),
        Role(
            OPERATOR_RATER,
            N_("Rating reviewer"),
            "operator",
            N_("Decides entries in review and corrections, never own ones"),
        ),
        Role(
            LISTING_REVIEWER,
            N_("Listing reviewer"),
            "operator",
            N_("Decides pricing, metering evidence and publication, never own requests"),
        ),
        Role(
            OPERATOR_PROGRAMMES,
            N_("Programme manager"),
            "operator",
            N_("Sets up programmes and changes their rules"),
        ),
        Role(
            OPERATOR_ADMIN,
            N_("Operator admin"),
            "operator",
            N_("Manages organisations and members, retries what failed, runs the self-check"),
        ),
        Role(
            OPERATOR_CLOSER,
            N_("Month closer"),
            "operator",
            N_("Closes months, asks to reopen them, confirms what others ask"),
        ),
    )
}

#: A role that brings others with it.
INCLUDES: dict[str, frozenset[str]] = {CLOUD_ADMIN: frozenset({CLOUD_BILLING})}

#: What any member of an organisation in this capacity may do, whatever the roles.
EVERY_MEMBER: dict[Capacity, frozenset[str]] = {
    "partner": frozenset({"engagement:view", "inbox:view"}),
    "customer": frozenset({"engagement:view-own", "charge:view-own", "catalog:view", "inbox:view", "cloud:view-own"}),
    "operator": frozenset(
        {
            "engagement:view",
            "programme:view",
            "organisation:view",
            "member:view-all",
            "billing-entry:view",
            "rating-queue:view",
            "operations:view",
            "month:view",
            "listing-review:view",
        }
    ),
}

#: (permission, capacity) -> the roles that must ALL be held.
GRANTS: dict[tuple[str, Capacity], frozenset[str]] = {
    ("product:view", "partner"): frozenset(),
    ("product:edit", "partner"): frozenset({PRODUCT_EDITOR}),
    ("engagement:decide", "partner"): frozenset({INSTANCE_EDITOR}),
    ("engagement:complete", "partner"): frozenset({INSTANCE_EDITOR}),
    ("billing-entry:view", "partner"): frozenset({PRICING_VIEWER}),
    ("billing-entry:view-with-all-three", "partner"): frozenset({PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR}),
    ("billing-entry:submit", "partner"): frozenset({PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR}),
    ("correction:request", "partner"): frozenset({PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR}),
    ("correction:decide", "partner"): frozenset({PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR}),
    ("testing:run", "partner"): frozenset({PRICING_VIEWER, PRICING_SUBMITTER, INSTANCE_EDITOR}),
    ("member:view", "partner"): frozenset({PARTNER_ADMIN}),
    ("member:manage", "partner"): frozenset({PARTNER_ADMIN}),
    ("organisation:secure", "partner"): frozenset({PARTNER_ADMIN}),
    ("api-key:manage", "partner"): frozenset({PARTNER_ADMIN}),
    ("webhook:manage", "partner"): frozenset({PARTNER_ADMIN}),
    ("csp-account:manage", "partner"): frozenset({CLOUD_ADMIN}),
    ("csp-discovery:run", "partner"): frozenset({CLOUD_ADMIN}),
    ("csp-customer:manage", "partner"): frozenset({CLOUD_ADMIN}),
    ("csp-document:override", "partner"): frozenset({CLOUD_ADMIN}),
    ("csp-customer:view", "partner"): frozenset({CLOUD_BILLING}),
    ("csp-billing:view", "partner"): frozenset({CLOUD_BILLING}),
    ("csp-statement:issue", "partner"): frozenset({CLOUD_BILLING}),
    ("engagement:request", "customer"): frozenset({CUSTOMER_MEMBER}),
    ("engagement:steer", "customer"): frozenset({CUSTOMER_MEMBER}),
    ("member:view", "customer"): frozenset({CUSTOMER_ADMIN}),
    ("member:manage", "customer"): frozenset({CUSTOMER_ADMIN}),
    ("organisation:secure", "customer"): frozenset({CUSTOMER_ADMIN}),
    ("api-key:manage", "customer"): frozenset({CUSTOMER_ADMIN}),
    ("webhook:manage", "customer"): frozenset({CUSTOMER_ADMIN}),
    ("rating-queue:decide", "operator"): frozenset({OPERATOR_RATER}),
    ("correction:request", "operator"): frozenset({OPERATOR_RATER}),
    ("correction:decide", "operator"): frozenset({OPERATOR_RATER}),
    ("month:manage", "operator"): frozenset({OPERATOR_CLOSER}),
    ("listing-review:decide", "operator"): frozenset({LISTING_REVIEWER}),
    ("billing-entry:view-with-all-three", "operator"): frozenset(),
    ("programme:manage", "operator"): frozenset({OPERATOR_PROGRAMMES}),
    ("organisation:manage", "operator"): frozenset({OPERATOR_ADMIN}),
    ("operations:retry", "operator"): frozenset({OPERATOR_ADMIN}),
    ("member:view", "operator"): frozenset({OPERATOR_ADMIN}),
    ("member:manage", "operator"): frozenset({OPERATOR_ADMIN}),
    ("organisation:secure", "operator"): frozenset({OPERATOR_ADMIN}),
}


@lru_cache(maxsize=1000)
def permissions_of(roles: frozenset[str], capacity: Capacity) -> frozenset[str]:
    """What these roles allow an acting member in this capacity."""
    held = roles.union(*(INCLUDES.get(role, frozenset()) for role in roles))
    granted = {name for (name, where), needed in GRANTS.items() if where == capacity and needed <= held}
    return frozenset(granted | EVERY_MEMBER.get(capacity, frozenset()))
