"""Customers, their subscriptions and their usage, as records. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from babel.numbers import get_territory_currencies

from app.csp.microsoft.decoding import Fields
from app.csp.microsoft.records import Customer, CustomerDetails, Subscription, Usage
from app.csp.microsoft.spelling import decimal_of, id_of, instant, text_of, truth, word

#: as Microsoft lists them; another word stays as it was sent
STATUSES = ("none", "active", "pending", "suspended", "expired", "disabled", "deleted")
_ADDRESS = {
    "addressline1": "address_line_1",
    "addressline2": "address_line_2",
    "city": "city",
    "state": "state",
    "postalcode": "postal_code",
    "country": "country",
    "phonenumber": "phone",
}
_CONTACT = {
    "firstname": "first_name",
    "lastname": "last_name",
    "email": "email",
    "culture": "culture",
    "language": "language",
    "companyname": "company_name",
}


def customer_of(sent: Mapping[str, Any]) -> Customer:
    """A customer is known by its id; names and domains change."""
    customer = Fields(sent)
    profile = customer.within("companyProfile")
    return Customer(
        tenant_id=id_of(customer.get("id") or profile.get("tenantId")),
        name=text_of(profile.get("companyName"), 300),
        domain=text_of(profile.get("domain"), 300),
        relationship=text_of(customer.get("relationshipToPartner"), 40),
        reseller_mpn=text_of(customer.get("associatedPartnerId"), 40) or None,
    )


def details_of(customer: Fields) -> CustomerDetails:
    profile = customer.within("billingProfile")
    address = profile.within("defaultAddress")
    contact = {ours: text_of(profile.get(theirs)) for theirs, ours in _CONTACT.items()}
    contact |= {ours: text_of(address.get(theirs)) for theirs, ours in _ADDRESS.items()}
    return CustomerDetails(
        commerce_id=id_of(customer.get("commerceId")) or None,
        contact={name: said for name, said in contact.items() if said},
    )


def subscription_of(sent: Mapping[str, Any]) -> Subscription:
    one = Fields(sent)
    status = text_of(one.get("status"), 40)
    reasons = one.get("suspensionReasons")
    return Subscription(
        subscription_id=id_of(one.get("id")),
        name=text_of(one.get("friendlyName") or one.get("offerName")),
        offer_id=text_of(one.get("offerId"), 200),
        offer_name=text_of(one.get("offerName")),
        quantity=decimal_of(one.get("quantity")) or Decimal(0),
        unit_type=text_of(one.get("unitType"), 60),
        status=word(status) if word(status) in STATUSES else status,
        auto_renew=truth(one.get("autoRenewEnabled")),
        is_trial=truth(one.get("isTrial")) or False,
        billing_type=text_of(one.get("billingType"), 40),
        billing_cycle=text_of(one.get("billingCycle"), 40),
        term=text_of(one.get("termDuration"), 20),
        created_on=instant(one.get("creationDate")),
        starts_at=instant(one.get("effectiveStartDate")),
        ends_at=instant(one.get("commitmentEndDate")),
        order_id=text_of(one.get("orderId"), 80),
        parent_id=id_of(one.get("parentSubscriptionId")),
        suspension_reasons=[text_of(reason) for reason in reasons] if isinstance(reasons, list) else [],
    )


def usage_of(summary: Fields) -> Usage:
    return Usage(
        budget=decimal_of(summary.within("budget").get("amount")),
        cost=decimal_of(summary.get("totalCost")) or Decimal(0),
        currency=_currency_of(summary),
        period_start=instant(summary.get("billingStartDate")),
        period_end=instant(summary.get("billingEndDate")),
        as_of=instant(summary.get("lastModifiedDate")),
    )


def _currency_of(summary: Fields) -> str:
    """The code where it is sent; a legacy record names a place ("en-GB") whose money it is."""
    code = text_of(summary.get("currencyCode")).upper()
    if len(code) == 3 and code.isalpha():
        return code
    place = text_of(summary.get("currencyLocale")).replace("_", "-").rpartition("-")[2].upper()
    current = get_territory_currencies(place) if len(place) == 2 and place.isalpha() else []
    return str(current[0]) if current else ""
