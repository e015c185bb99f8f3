"""Invoice lines of all kinds as records, whole pages at once. Pure.

A page is read column by column: its items share their names, so for each spelling of them it is worked out once where a column's
values stand, and every value that occurs again on the page is cleaned once. That is what lets hundreds of thousands of lines cost
little more than their JSON. v1 and Graph spell the same names, the one in camelCase, the other in PascalCase.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Decimal
from functools import lru_cache, partial
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any

import msgspec

from app.csp.microsoft.records import Line
from app.csp.microsoft.spelling import DIGITS, digits, id_of, instant_text, text_of

Clean = Callable[[Any], str]
Way = Callable[[Any], Any]


def _text(longest: int) -> Clean:
    return lambda value: text_of(value, longest)


#: a column's cleaning, and the names it may have on the wire: the first that is there and says something
COLUMNS: tuple[tuple[Clean, tuple[str, ...]], ...] = (
    (partial(id_of, longest=36), ("customerid", "customertenantid")),
    (_text(300), ("customername", "customercompanyname")),
    # office lines have a billing id as subscriptionId, and the subscription's own id here
    (id_of, ("syndicationpartnersubscriptionnumber", "subscriptionid")),
    (_text(400), ("productname", "offername", "servicename")),
    (_text(400), ("skuname", "resourcename", "metername", "subscriptionname")),
    (_text(60), ("chargetype",)),
    (instant_text, ("chargestartdate", "usagedate")),
    (instant_text, ("chargeenddate", "usagedate")),
    (_text(80), ("unittype", "unitofmeasure", "unit")),
    (digits, ("quantity", "consumedquantity")),
    (digits, ("unitprice", "listprice")),
    (digits, ("effectiveunitprice", "pretaxeffectiverate")),
    (digits, ("subtotal", "pretaxcharges", "billingpretaxtotal")),
    (digits, ("taxtotal", "tax", "taxamount")),
    (digits, ("totalforcustomer", "total", "posttaxtotal")),
    (lambda value: text_of(value, 3).upper(), ("currency", "billingcurrency", "currencycode")),
)
_COST, _TAX, _TOTAL, _CURRENCY = 12, 13, 14, 15

#: what else a line says that exports show, by the name it is kept under in `more`
MORE = (
    "orderId", "orderDate", "productId", "skuId", "availabilityId", "offerId", "durableOfferId", "customerDomainName",
    "domainName", "customerCountry", "mpnId", "resellerMpnId", "publisherName", "publisherId", "subscriptionDescription",
    "subscriptionStartDate", "subscriptionEndDate", "termAndBillingCycle", "billingFrequency", "billingCycleType",
    "alternateId", "referenceId", "reservationOrderId", "priceAdjustmentDescription", "discountDetails", "pricingCurrency",
    "pricingPreTaxTotal", "pcToBCExchangeRate", "pcToBCExchangeRateDate", "billableQuantity", "creditReasonCode",
    "promotionId", "productQualifiers", "meterDescription", "meterId", "meterName", "meterCategory", "meterSubCategory",
    "meterRegion", "meterType", "resourceGroup", "resourceUri", "resourceLocation", "resourceName", "consumedService",
    "usageDate", "entitlementId", "entitlementDescription", "rateOfPartnerEarnedCredit", "tags", "additionalInfo",
    "serviceName", "serviceType", "region", "sku", "amount", "totalOtherDiscount", "includedQuantity", "overageQuantity",
)  # fmt: skip
#: the same thing under another name
_ALSO = {"tier2mpnid": "resellerMpnId"}
_MORE_BY_NAME = {name.lower(): name for name in MORE} | _ALSO
_EXACT = Context(prec=2 * DIGITS)
_encode = msgspec.json.Encoder().encode
_line = partial(tuple.__new__, Line)
#: numbers one below the other, none of them with more digits than a column holds
_ALL_PLAIN = re.compile(r"(?:(?:-?[0-9]{1,30}+(?:\.[0-9]{1,28}+)?+)?(?:\n|\Z))*+")


class Places:
    """Where the values of items with just these names stand."""

    def __init__(self, names: tuple[str, ...]) -> None:
        sent = {name.lower(): name for name in names}
        self.columns: list[tuple[Clean, list[Way]]] = [
            (clean, [itemgetter(sent[name]) for name in wanted if name in sent]) for clean, wanted in COLUMNS
        ]
        used = {next((name for name in wanted if name in sent), "") for _clean, wanted in COLUMNS}
        self.more: list[tuple[str, Way]] = [
            (kept_as, itemgetter(sent[name]))
            for name, kept_as in _MORE_BY_NAME.items()
            if name in sent and name not in used
        ]


@lru_cache(256)
def _places(names: tuple[str, ...]) -> Places:
    return Places(names)


def lines_of(items: Sequence[Mapping[str, Any]], *, line_type: str, provider: str, currency: str = "") -> list[Line]:
    """The items in their order, none left out: two that are alike are two charges. Unreadable where an amount is none."""
    lines: list[Line] = []
    for names, run in groupby(items, key=tuple):
        lines += _alike(_places(names), list(run), line_type, provider, currency)
    return lines


def _alike(
    places: Places, items: list[Mapping[str, Any]], line_type: str, provider: str, currency: str
) -> Iterable[Line]:
    columns = [_column(clean, ways, items) for clean, ways in places.columns]
    if line_type == "billing" and "" in columns[_TOTAL]:
        columns[_TOTAL] = list(map(_total, columns[_COST], columns[_TAX], columns[_TOTAL]))
    if currency and "" in columns[_CURRENCY]:
        columns[_CURRENCY] = [said or currency for said in columns[_CURRENCY]]
    count = len(items)
    return map(_line, zip([line_type] * count, [provider] * count, *columns, _more(places.more, items), strict=True))


def _column(clean: Clean, ways: Sequence[Way], items: list[Mapping[str, Any]]) -> list[str]:
    """One column of the page, from the first of its names that says something."""
    if not ways:
        return [""] * len(items)
    values = list(map(ways[0], items))
    for way in ways[1:]:
        values = [value or other for value, other in zip(values, map(way, items), strict=True)]
    if clean is digits and (plain := _plain(values)) is not None:
        return plain
    return _each(values, clean)


def _each(values: list[Any], clean: Clean) -> list[str]:
    """All of them cleaned, every distinct one once."""
    try:
        cleaned = {value: clean(value) for value in set(values)}
    except TypeError:  # a list or an object where a value belongs
        return [clean(value) for value in values]
    if len(cleaned) == 1:
        return [cleaned[values[0]]] * len(values)
    return [cleaned[value] for value in values]


def _plain(values: list[Any]) -> list[str] | None:
    """Numbers that all are written plainly, seen in one look; None where one of them needs a closer one."""
    said = "\n".join(map(str, values))
    found = said.split("\n")
    return found if len(found) == len(values) and _ALL_PLAIN.fullmatch(said) else None


def _total(cost: str, tax: str, total: str) -> str:
    """A billing line without a total comes to its cost and tax; one without either comes to nothing."""
    return total or format(_EXACT.add(Decimal(cost or 0), Decimal(tax or 0)), "f")


def _more(ways: Sequence[tuple[str, Way]], items: list[Mapping[str, Any]]) -> list[str]:
    """What else is said, as compact JSON, without what is empty. What all of these items have in common is spelled once."""
    columns: list[Iterable[str]] = []
    common = ""
    for name, way in ways:
        column = _each(list(map(way, items)), partial(_member, name))
        if all(map(column[0].__eq__, column)):
            common += column[0]
        else:
            columns += [repeat(common, len(items)), column] if common else [column]
            common = ""
    columns.append(repeat(common, len(items)))
    return [f"{{{said[1:]}}}" for said in map("".join, zip(*columns, strict=True))]


def _member(name: str, value: Any) -> str:
    """`,"name":value`, or nothing for what is empty."""
    if value is None or value == "" or (not value and isinstance(value, list | dict)):
        return ""
    if isinstance(value, str):
        value = value.replace("\0", "")
    return f',"{name}":{_encode(value).decode()}'
