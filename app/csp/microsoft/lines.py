"""Invoice lines of all kinds as records, whole pages at once. Pure.

A page is read column by column: its items share their names, so for each spelling of them it is worked out once where a column's
values stand, and every value that occurs again on the page is cleaned once. That is what lets hundreds of thousands of lines cost
little more than their JSON. v1 and Graph spell the same names, the one in camelCase, the other in PascalCase.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal
from functools import lru_cache, partial
from itertools import groupby, repeat
from typing import Any

import msgspec

from app.csp.microsoft.records import Line
from app.csp.microsoft.spelling import DIGITS, digits, id_of, instant_text, text_of

Clean = Callable[[Any], str]
#: what all the items of a page say under one name
Values = tuple[Any, ...]


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
#: values that come on page after page: names, ids, dates
REMEMBERED = 8192
_EXACT = Context(prec=2 * DIGITS)
_encode = msgspec.json.Encoder().encode
_line = partial(tuple.__new__, Line)
#: numbers one below the other, none of them with more digits than a column holds
_ALL_PLAIN = re.compile(r"(?:(?:-?[0-9]{1,30}+(?:\.[0-9]{1,28}+)?+)?(?:\n|\Z))*+")


class Places:
    """Where the values of items with just these names stand."""

    def __init__(self, names: tuple[str, ...]) -> None:
        sent = {name.lower(): name for name in names}
        at = {name: place for place, name in enumerate(names)}
        self.columns: list[tuple[Clean, list[int]]] = [
            (clean, [at[sent[name]] for name in wanted if name in sent]) for clean, wanted in COLUMNS
        ]
        used = {next((name for name in wanted if name in sent), "") for _clean, wanted in COLUMNS}
        self.more: list[tuple[str, int]] = [
            (kept_as, at[sent[name]]) for name, kept_as in _MORE_BY_NAME.items() if name in sent and name not in used
        ]


@lru_cache(256)
def _places(names: tuple[str, ...]) -> Places:
    return Places(names)


def lines_of(items: Sequence[dict[str, Any]], *, line_type: str, provider: str, currency: str = "") -> list[Line]:
    """The items in their order, none left out: two that are alike are two charges. Unreadable where an amount is none."""
    lines: list[Line] = []
    for names, run in groupby(items, key=tuple):
        lines += _alike(_places(names), list(run), line_type, provider, currency)
    return lines


def _alike(places: Places, items: list[dict[str, Any]], line_type: str, provider: str, currency: str) -> Iterable[Line]:
    count = len(items)
    sent: list[Values] = list(zip(*map(dict.values, items), strict=True))
    columns = [_column(clean, [sent[at] for at in ways], count) for clean, ways in places.columns]
    if line_type == "billing" and "" in columns[_TOTAL]:
        columns[_TOTAL] = list(map(_total, columns[_COST], columns[_TAX], columns[_TOTAL]))
    if currency and "" in columns[_CURRENCY]:
        columns[_CURRENCY] = [said or currency for said in columns[_CURRENCY]]
    more = _more([(name, sent[at]) for name, at in places.more], count)
    return map(_line, zip(repeat(line_type, count), repeat(provider, count), *columns, more, strict=True))


def _column(clean: Clean, ways: Sequence[Values], count: int) -> list[str]:
    """One column of the page, from the first of its names that says something."""
    if not ways:
        return [""] * count
    values = ways[0]
    for way in ways[1:]:
        values = tuple([value or other for value, other in zip(values, way, strict=True)])
    if clean is digits and (plain := _plain(values)) is not None:
        return plain
    return _each(values, clean, _remembering(clean))


def _each(values: Values, clean: Clean, remembered: Clean) -> list[str]:
    """All of them cleaned, every distinct one once, and those of the pages before not again."""
    count = len(values)
    if _is_one(values):
        return [clean(values[0])] * count
    try:
        cleaned = {value: remembered(value) for value in set(values)}
    except TypeError:  # a list or an object where a value belongs
        return [clean(value) for value in values]
    return [cleaned[value] for value in values]


def _is_one(values: Values) -> bool:
    """Whether the whole page says the same; most columns that do not are told by three looks."""
    first = values[0]
    return bool(first == values[-1] == values[len(values) // 2] and values.count(first) == len(values))


@lru_cache(64)
def _remembering(clean: Clean) -> Clean:
    return lru_cache(REMEMBERED)(clean)


def _plain(values: Values) -> list[str] | None:
    """Numbers that all are written plainly, seen in one look; None where one of them needs a closer one."""
    said = "\n".join(map(str, values))
    found = said.split("\n")
    return found if len(found) == len(values) and _ALL_PLAIN.fullmatch(said) else None


def _total(cost: str, tax: str, total: str) -> str:
    """A billing line without a total comes to its cost and tax; one without either comes to nothing."""
    return total or format(_EXACT.add(Decimal(cost or 0), Decimal(tax or 0)), "f")


def _more(said: Sequence[tuple[str, Values]], count: int) -> list[str]:
    """What else is said, as compact JSON, without what is empty. What all of these items have in common is spelled once."""
    columns: list[Iterable[str]] = []
    common = ""
    for name, values in said:
        if _is_one(values):
            common += _member(name, values[0])
            continue
        if common:
            columns.append(repeat(common, count))
            common = ""
        columns.append(_each(values, partial(_member, name), partial(_short_member, name)))
    columns.append(repeat(common, count))
    return [f"{{{members[1:]}}}" for members in map("".join, zip(*columns, strict=True))]


def _short_member(name: str, value: Any) -> str:
    """Remembered, unless it is long: not many of those come again, and they would fill the memory."""
    return _member(name, value) if isinstance(value, str) and len(value) > 80 else _remembered_member(name, value)


def _member(name: str, value: Any) -> str:
    """`,"name":value`, or nothing for what is empty."""
    if value is None or value == "" or (not value and isinstance(value, list | dict)):
        return ""
    if isinstance(value, str):
        value = value.replace("\0", "")
    return f',"{name}":{_encode(value).decode()}'


_remembered_member = lru_cache(2 * REMEMBERED, typed=True)(_member)
