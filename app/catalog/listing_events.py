"""What can happen to a listing, with the exact facts each event carries, and who is told. Customers read none of it."""

from collections.abc import Iterable
from typing import Any

from app.catalog.states import PRICING_REQUESTED
from app.foundation.history import Event, declare
from app.foundation.outbox import Notice
from app.foundation.permissions import declare as declare_permission
from app.foundation.text import N_

VIEW_REVIEWS = declare_permission("listing-review:view", N_("See what partners ask to have reviewed"))
DECIDE_REVIEWS = declare_permission(
    "listing-review:decide", N_("Approve or return pricing, metering evidence and publication")
)


def _tell_partner(template: str, what: str, place: str) -> Any:
    """A notice to everybody who lists products for the partner, with the page on which it goes on."""

    def tells(product: Any, facts: dict[str, Any]) -> Iterable[Notice]:
        yield _notice(template, product, what=what, place=place, **facts)

    return tells


def _tell_of_price_change(template: str) -> Any:
    """The same for a price version that was sent by itself; one that comes along with its product is told with it."""

    def tells(version: Any, facts: dict[str, Any]) -> Iterable[Notice]:
        product = version.plan.product
        if product.state != PRICING_REQUESTED:
            yield _notice(template, product, what=f"prices of plan {facts['plan']}", place="pricing", **facts)

    return tells


def _notice(template: str, product: Any, **facts: Any) -> Notice:
    about = {"product": product.name, "product_id": str(product.id), **facts}
    return Notice("organisation", str(product.partner_id), template, about, "product:edit")


def _declare(name: str, sentence: str, *fields: str, icon: str = "edit", tells: Any = None) -> str:
    return declare(Event(name, sentence, None, frozenset(fields), icon, tells))


CREATED = _declare("product_created", N_("Product created under %(programme)s"), "programme", icon="add")
ENTRY_CHANGED = _declare("catalog_entry_changed", N_("Catalog entry changed: edition %(edition)s"), "edition")
SUPPORT_CHANGED = _declare(
    "support_changed", N_("Support details changed: edition %(edition)s"), "edition", icon="headset"
)
PARAMETER_CHANGED = _declare(
    "custom_parameters_changed",
    N_("Custom parameter %(label)s %(how)s: edition %(edition)s"),
    "label",
    "how",
    "edition",
)
PRICING_CHANGED = _declare(
    "pricing_changed", N_("Plan %(plan)s: %(what)s"), "plan", "what", icon="pricing--traditional"
)
EVIDENCE_ADDED = _declare(
    "evidence_added", N_("Metering evidence uploaded: %(file)s"), "file", "digest", icon="attachment"
)
EVIDENCE_REMOVED = _declare("evidence_removed", N_("Metering evidence removed: %(file)s"), "file", icon="trash-can")

_declare("pricing_requested", N_("Pricing approval requested"), icon="send")
_declare(
    "pricing_approved",
    N_("Pricing approved"),
    icon="checkmark",
    tells=_tell_partner("listing_approved", N_("pricing"), "publish"),
)
_declare(
    "pricing_returned",
    N_("Pricing came back: %(reason)s"),
    "reason",
    icon="undo",
    tells=_tell_partner("listing_returned", N_("pricing"), "pricing"),
)
_declare("evidence_submitted", N_("Metering evidence submitted: %(files)s"), "files", icon="send")
_declare(
    "evidence_approved",
    N_("Metering evidence approved"),
    icon="checkmark",
    tells=_tell_partner("listing_approved", N_("metering evidence"), "publish"),
)
_declare(
    "evidence_returned",
    N_("Metering evidence came back: %(reason)s"),
    "reason",
    icon="undo",
    tells=_tell_partner("listing_returned", N_("metering evidence"), "publish"),
)
_declare("publication_requested", N_("Publication requested: edition %(edition)s"), "edition", icon="send")
_declare(
    "product_published",
    N_("Published: edition %(edition)s"),
    "edition",
    icon="checkmark",
    tells=_tell_partner("listing_published", N_("publication"), "publish"),
)
_declare(
    "publication_returned",
    N_("Publication came back: %(reason)s"),
    "reason",
    icon="undo",
    tells=_tell_partner("listing_returned", N_("publication"), "publish"),
)
_declare("product_withdrawn", N_("Withdrawn from the catalog"), icon="subtract")

_declare(
    "prices_requested",
    N_("Prices of plan %(plan)s, version %(number)s, sent for approval"),
    "plan",
    "number",
    icon="pricing--traditional",
)
_declare(
    "prices_approved",
    N_("Prices of plan %(plan)s, version %(number)s, approved: in force from %(month)s"),
    "plan",
    "number",
    "month",
    icon="pricing--traditional",
    tells=_tell_of_price_change("price_change_approved"),
)
_declare(
    "prices_returned",
    N_("Prices of plan %(plan)s, version %(number)s, came back: %(reason)s"),
    "plan",
    "number",
    "reason",
    icon="undo",
    tells=_tell_of_price_change("listing_returned"),
)
PRICES_ANNOUNCED = _declare(
    "prices_announced",
    N_("Customers told of the prices of plan %(plan)s from %(month)s on: %(customers)s"),
    "plan",
    "month",
    "customers",
    icon="email",
)
