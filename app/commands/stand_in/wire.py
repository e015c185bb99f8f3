"""How the stand-in's records look on the wire: names, cases and traps as Microsoft's documents have them, digits as they are."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from app.commands.stand_in.ledger import Charge, Customer, Document, LineSet, Subscription

_OBJECTS = {
    ("onetime", "billing"): "OneTimeInvoiceLineItem",
    ("onetime", "usage"): "DailyRatedUsageLineItem",
    ("office", "billing"): "LicenseBasedLineItem",
    ("azure", "billing"): "UsageBasedLineItem",
    ("azure", "usage"): "DailyUsageLineItem",
}


def number(digits: str | int | Decimal) -> msgspec.Raw:
    """A JSON number of just these digits."""
    return msgspec.Raw(str(digits).encode())


def profile(customer: Customer) -> dict[str, Any]:
    return {"tenantId": customer.id, "domain": customer.domain, "companyName": customer.name}


def customer(one: Customer) -> dict[str, Any]:
    sent = {
        "id": one.id,
        "companyProfile": {**profile(one), "attributes": {"objectType": "CustomerCompanyProfile"}},
        "relationshipToPartner": "reseller",
        "attributes": {"objectType": "Customer"},
    }
    if one.reseller_mpn:
        sent["associatedPartnerId"] = one.reseller_mpn
    return sent


def customer_alone(one: Customer) -> dict[str, Any]:
    first, last = one.contact
    mail = f"{first}.{last}@{one.domain}".lower()
    return {
        **customer(one),
        "commerceId": one.commerce_id,
        "allowDelegatedAccess": True,
        "customDomains": [],
        "billingProfile": {
            "id": one.commerce_id,
            "firstName": first,
            "lastName": last,
            "email": mail,
            "culture": "en-US",
            "language": "en",
            "companyName": one.name,
            "defaultAddress": {
                "country": one.country,
                "city": "Nordstadt",
                "addressLine1": "Am Markt 1",
                "postalCode": "12345",
            },
            "attributes": {"etag": f'"{one.commerce_id[:8]}"', "objectType": "CustomerBillingProfile"},
        },
    }


def subscription(one: Subscription) -> dict[str, Any]:
    product = one.product
    ends = one.starts.replace(year=one.starts.year + 1, day=1)
    return {
        "id": one.id.upper() if one.seats % 2 else one.id,
        "offerId": f"{product.product_id}:{product.sku_id}:CFQ7TTC0K971",
        "offerName": product.name,
        "friendlyName": product.name,
        "quantity": one.seats,
        "unitType": "Licenses",
        "hasPurchasableAddons": False,
        "creationDate": f"{one.starts}T09:12:44.5381456Z",
        "effectiveStartDate": f"{one.starts}T00:00:00",
        "commitmentEndDate": f"{ends}T00:00:00+00:00" if one.is_yearly else "9999-12-10T00:00:00Z",
        "cancellationAllowedUntilDate": "0001-01-01T00:00:00",
        "status": one.status,
        "autoRenewEnabled": one.status == "active",
        "isTrial": False,
        "isMicrosoftProduct": True,
        "billingType": "license",
        "billingCycle": "monthly",
        "termDuration": "P1Y" if one.is_yearly else "P1M",
        "renewalTermDuration": "",
        "partnerId": "",
        "suspensionReasons": ["CustomerCancellation"] if one.status == "suspended" else [],
        "orderId": one.order_id,
        "productType": {"id": "OnlineServicesNCE", "displayName": "OnlineServicesNCE"},
        "attributes": {"etag": f"{one.id[:8]}{one.seats}", "objectType": "Subscription"},
    }


def document(one: Document, link: Callable[[Document, LineSet], str] | None = None) -> dict[str, Any]:
    """As the list has it; an amendment's details are without links."""
    whole = one.currency == "JPY"
    sent = {
        "id": one.number,
        "invoiceDate": f"{one.day}T00:00:00Z",
        "billingPeriodStartDate": f"{one.starts}T00:00:00Z",
        "billingPeriodEndDate": f"{one.ends}T00:00:00Z",
        "totalCharges": number(int(one.total) if whole else one.total),
        "paidAmount": number(one.paid),
        "currencyCode": one.currency,
        "currencySymbol": {"EUR": "€", "USD": "$", "JPY": "¥"}.get(one.currency, ""),
        "invoiceDetails": [_detail(one, lines, link) for lines in one.sets],
        "documentType": one.document_type,
        "invoiceType": one.invoice_type,
        "attributes": {"objectType": "Invoice"},
    }
    if one.amends:
        sent["amendsOf"] = one.amends
    if one.amendments:
        sent["amendments"] = [document(note) for note in one.amendments]
    return sent


def _detail(one: Document, lines: LineSet, link: Callable[[Document, LineSet], str] | None) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "invoiceLineItemType": "billing_line_items" if lines.kind == "billing" else "usage_line_items",
        "billingProvider": "one_time" if lines.provider == "onetime" else lines.provider,
        "attributes": {"objectType": "InvoiceDetail"},
    }
    if link is not None:
        detail["links"] = {"self": {"uri": link(one, lines), "method": "GET", "headers": []}}
    return detail


def line(one: Document, lines: LineSet, charge: Charge) -> dict[str, Any]:
    sent = _LINES[lines.provider, lines.kind](one, charge)
    sent["attributes"] = {"objectType": _OBJECTS[lines.provider, lines.kind]}
    return sent


def _seat_line(one: Document, charge: Charge) -> dict[str, Any]:
    who, what = charge.customer, charge.product
    return {
        "partnerId": "a478f132-3bd7-496d-9b4f-337e88c68c7e",
        "customerId": f"org:{who.id}" if who else "",
        "customerName": who.name if who else "",
        "customerDomainName": who.domain if who else "",
        "customerCountry": who.country if who else "",
        "invoiceNumber": one.number,
        "mpnId": "4390934",
        "resellerMpnId": int(who.reseller_mpn or 0) if who else 0,
        "orderId": f"{charge.subscription[:12].replace('-', '')}",
        "orderDate": "2025-09-01T08:21:13.1204416Z",
        "productId": what.product_id,
        "skuId": what.sku_id,
        "availabilityId": "CFQ7TTC0K971",
        "productName": what.name,
        "skuName": what.sku,
        "chargeType": charge.charge_type,
        "unitPrice": number(charge.unit_price),
        "effectiveUnitPrice": number(charge.effective),
        "unitType": "",
        "quantity": number(charge.quantity),
        "subtotal": number(charge.cost),
        "taxTotal": number(charge.tax),
        "totalForCustomer": number(charge.total),
        "currency": one.currency,
        "publisherName": what.publisher,
        "publisherId": "",
        "subscriptionDescription": what.name,
        "subscriptionId": charge.subscription,
        "chargeStartDate": charge.starts,
        "chargeEndDate": charge.ends,
        "termAndBillingCycle": "One-Year commitment for monthly/yearly billing",
        "alternateId": charge.subscription[:12],
        "priceAdjustmentDescription": '[{"Type":"Partner Earned Credit","Value":"15%"}]' if what.price == 0 else "",
        "discountDetails": "",
        "pricingCurrency": "USD",
        "pcToBCExchangeRate": number("0.921500000000000000") if one.currency == "EUR" else 1,
        "pcToBCExchangeRateDate": f"{one.starts}T00:00:00Z",
        "billableQuantity": number(charge.quantity),
        "meterDescription": "",
        "reservationOrderId": "",
        "billingFrequency": "Monthly",
        "creditReasonCode": "Refund" if charge.cost.startswith("-") else "",
    }


def _rated_line(one: Document, charge: Charge) -> dict[str, Any]:
    who, what = charge.customer, charge.product
    return {
        "partnerId": "a478f132-3bd7-496d-9b4f-337e88c68c7e",
        "customerId": who.id if who else "",
        "customerName": who.name if who else "",
        "customerDomainName": who.domain if who else "",
        "customerCountry": who.country if who else "",
        "invoiceNumber": one.number,
        "mpnId": "4390934",
        "resellerMpnId": "0",
        "productId": what.product_id,
        "skuId": what.sku_id,
        "productName": what.name,
        "skuName": what.sku,
        "billingProvider": "marketplace",
        "usageDate": charge.starts,
        "chargeStartDate": f"{one.starts}T00:00:00Z",
        "chargeEndDate": f"{one.ends}T00:00:00Z",
        "subscriptionId": charge.subscription,
        "entitlementId": charge.subscription,
        "meterId": "9f3a5b1c-52d6-4f0a-b1de-70b6dc1f3f5e",
        "meterCategory": what.name,
        "meterName": what.sku,
        "meterRegion": "EU West",
        "resourceGroup": "RG-PROD",
        "resourceUri": f"/subscriptions/{charge.subscription}/resourceGroups/rg-prod",
        "resourceLocation": "westeurope",
        "consumedService": "Microsoft.Compute",
        "unitOfMeasure": "1 Hour",
        "quantity": number(charge.quantity),
        "unitPrice": number(charge.unit_price),
        "effectiveUnitPrice": number(charge.effective),
        "billingPreTaxTotal": number(charge.cost),
        "billingCurrency": one.currency,
        "pricingPreTaxTotal": number(charge.cost),
        "pricingCurrency": "USD",
        "rateOfPartnerEarnedCredit": number("0.15"),
        "tags": "",
        "additionalInfo": '{"ServiceType":"Standard_D4s_v5"}',
    }


def _office_line(one: Document, charge: Charge) -> dict[str, Any]:
    who, what = charge.customer, charge.product
    return {
        "partnerId": "A478F132-3BD7-496D-9B4F-337E88C68C7E",
        "customerId": who.id.upper() if who else "",
        "orderId": charge.subscription.upper(),
        "subscriptionId": f"{charge.subscription[:8].upper()}-BILLING",
        "syndicationPartnerSubscriptionNumber": charge.subscription.upper(),
        "offerId": what.product_id,
        "durableOfferId": what.product_id.lower(),
        "offerName": what.name,
        "domainName": who.domain if who else "",
        "billingCycleType": "Monthly",
        "subscriptionName": what.sku,
        "subscriptionDescription": what.name,
        "subscriptionStartDate": "2020-05-01T00:00:00",
        "subscriptionEndDate": "2027-04-30T00:00:00",
        "chargeStartDate": charge.starts,
        "chargeEndDate": charge.ends,
        "chargeType": charge.charge_type,
        "unitPrice": number(charge.unit_price),
        "quantity": number(charge.quantity),
        "amount": number(charge.cost),
        "totalOtherDiscount": 0,
        "subtotal": number(charge.cost),
        "tax": number(charge.tax),
        "totalForCustomer": number(charge.total),
        "currency": one.currency,
        "customerName": who.name if who else "",
        "mpnId": 4390934,
        "tier2MpnId": -1,
        "billingProvider": "office",
        "invoiceLineItemType": "billing_line_items",
    }


def _azure_line(one: Document, charge: Charge) -> dict[str, Any]:
    who, what = charge.customer, charge.product
    return {
        **_azure_daily_line(one, charge),
        "chargeStartDate": charge.starts,
        "chargeEndDate": charge.ends,
        "chargeType": charge.charge_type,
        "listPrice": number(charge.unit_price),
        "pretaxEffectiveRate": number(charge.effective),
        "includedQuantity": 0,
        "overageQuantity": number(charge.quantity),
        "pretaxCharges": number(charge.cost),
        "taxAmount": number(charge.tax),
        "postTaxTotal": number(charge.total),
        "currency": one.currency,
        "detailLineItemId": 0,
        "serviceName": what.name,
        "domainName": who.domain if who else "",
    }


def _azure_daily_line(one: Document, charge: Charge) -> dict[str, Any]:
    who, what = charge.customer, charge.product
    return {
        "partnerId": "A478F132-3BD7-496D-9B4F-337E88C68C7E",
        "customerId": who.id.upper() if who else "",
        "customerCompanyName": who.name if who else "",
        "mpnId": 4390934,
        "tier2MpnId": -1,
        "invoiceNumber": one.number,
        "subscriptionId": charge.subscription.upper(),
        "subscriptionName": "Microsoft Azure",
        "serviceName": what.name,
        "serviceType": what.sku,
        "resourceName": what.sku,
        "resourceGuid": "9F3A5B1C-52D6-4F0A-B1DE-70B6DC1F3F5E",
        "region": "EU West",
        "usageDate": charge.starts,
        "consumedQuantity": number(charge.quantity),
        "unit": "Hours",
    }


_LINES: dict[tuple[str, str], Callable[[Document, Charge], dict[str, Any]]] = {
    ("onetime", "billing"): _seat_line,
    ("onetime", "usage"): _rated_line,
    ("office", "billing"): _office_line,
    ("azure", "billing"): _azure_line,
    ("azure", "usage"): _azure_daily_line,
}

_RENAMED = {
    "totalForCustomer": "Total",
    "resellerMpnId": "Tier2MpnId",
    "pcToBCExchangeRate": "PCToBCExchangeRate",
    "pcToBCExchangeRateDate": "PCToBCExchangeRateDate",
    "unitOfMeasure": "Unit",
    "resourceUri": "ResourceURI",
}


def row(one: Document, lines: LineSet, charge: Charge) -> dict[str, Any]:
    """A line as the export has it: the same, in PascalCase."""
    sent = _LINES[lines.provider, lines.kind](one, charge)
    return {_RENAMED.get(name) or name[0].upper() + name[1:]: value for name, value in sent.items()}
