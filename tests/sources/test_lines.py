"""Lines of all kinds as columns: the same for every spelling, in their order, none left out and no digit lost."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.csp.microsoft.decoding import json_of
from app.csp.microsoft.documents import document_of, line_type_of, provider_of
from app.csp.microsoft.lines import lines_of
from app.csp.microsoft.records import Document, Line, LineSet
from app.csp.microsoft.sources import source_of
from app.csp.microsoft.spelling import Unreadable
from tests.sources.recorded import FOLDER


def recorded(name: str) -> list[dict[str, Any]]:
    found = {key.lower(): value for key, value in json_of((FOLDER / name).read_bytes()).items()}
    return list(found["items"])


def billed(items: list[dict[str, Any]], provider: str = "onetime") -> list[Line]:
    return lines_of(items, line_type="billing", provider=provider, currency="EUR")


def test_a_new_commerce_line() -> None:
    line = billed(recorded("onetime-1.json"))[0]
    assert line[:-1] == (
        "billing", "onetime", "0e1b7ac2-9c39-4d6a-8a53-0b6c2b9d5f01", 'Adler & Söhne <Optik> "Nord"',
        "5c1a3f70-8e0b-4c93-9f22-6d1b0a7e4c11", "Microsoft 365 Business Basic", "Microsoft 365 Business Basic", "New",
        "2025-02-01T00:00:00Z", "2025-02-28T00:00:00Z", "", "10", "10.08", "10.08", "100.80", "0.0", "100.80", "EUR",
    )  # fmt: skip
    more = json.loads(line.more)
    assert more["pcToBCExchangeRate"] == "0.921512345678901234567890" and more["resellerMpnId"] == 0
    assert more["orderId"] == "e30bf85d88ec" and "discountDetails" not in more and "unitPrice" not in more


def test_names_in_another_case_and_the_export_say_the_same() -> None:
    lower = billed(recorded("onetime-1.json"))
    exported = [json_of(row.encode()) for row in (FOLDER / "part-00000.json").read_text().splitlines()]
    upper = lines_of(exported, line_type="billing", provider="onetime")
    amounts = [(line.customer_tenant_id, line.quantity, line.cost, line.total, line.subscription_id) for line in lower]
    assert amounts == [
        (one.customer_tenant_id, one.quantity, one.cost, one.total, one.subscription_id) for one in upper
    ]


def test_an_office_line_has_the_subscription_of_partner_center() -> None:
    line = billed(recorded("office-1.json"), "office")[1]
    assert line.subscription_id == "5c1a3f70-8e0b-4c93-9f22-6d1b0a7e4c13"
    assert (line.product_name, line.cost, line.tax, line.total) == ("Office 365 E3", "-15.00", "-2.85", "-17.85")
    assert line.customer_tenant_id == "0e1b7ac2-9c39-4d6a-8a53-0b6c2b9d5f01"


def test_an_azure_line_and_its_exponents() -> None:
    first, second = billed(recorded("azure.json"), "azure")
    assert (first.customer_name, first.cost, first.quantity) == ("東京光学株式会社", "28.82860766744404945074", "744.0")
    assert (second.unit_price, second.tax) == ("0.01", "0.00000000000000000001")


def test_usage_is_the_breakdown_and_never_the_bill() -> None:
    line = lines_of(recorded("onetime-usage.json"), line_type="usage", provider="onetime")[0]
    assert (line.line_type, line.cost, line.total, line.currency) == ("usage", "0.5097480000000000000123", "", "EUR")
    quantities = lines_of(recorded("azure-usage.json"), line_type="usage", provider="azure")[0]
    assert (quantities.cost, quantities.quantity, quantities.charge_start) == ("", "24.0", "2024-12-23T00:00:00Z")


def test_twins_are_two_charges_and_odd_dates_are_none() -> None:
    one, twin, credit, unknown = billed(recorded("onetime-2.json"))
    assert one == twin and one.charge_end == "9999-12-31T00:00:00Z"
    assert (credit.customer_tenant_id, credit.charge_start, credit.charge_end) == ("", "", "")
    assert (unknown.total, unknown.sku_name, unknown.more) == ("0", "", "{}")


def test_a_total_that_was_not_sent_is_cost_and_tax() -> None:
    item = {"subtotal": "1.10", "tax": "0.0000000000000000000000000000000000000001"}
    assert billed([item])[0].total == "1.1000000000000000000000000000000000000001"


@pytest.mark.parametrize(
    "wrong", [{"subtotal": "1,10"}, {"quantity": [1]}, {"totalForCustomer": True}, {"tax": "1\n2"}]
)
def test_an_amount_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        billed([dict.fromkeys(wrong, "1"), wrong])


NAMES = ("customerId", "Subtotal", "taxTotal", "totalForCustomer", "productName", "tags", "somethingNew", "orderId")
VALUES = some.one_of(
    some.none(), some.text(max_size=12), some.integers(-(10**18), 10**18), some.lists(some.integers(), max_size=2)
)


@given(some.lists(some.dictionaries(some.sampled_from(NAMES), VALUES, max_size=8), max_size=12))
def test_many_at_once_are_read_as_one_by_one(items: list[dict[str, Any]]) -> None:
    try:
        alone = [line for item in items for line in billed([item])]
    except Unreadable:
        with pytest.raises(Unreadable):
            billed(items)
        return
    assert billed(items) == alone
    assert len(alone) == len(items) and all(type(json.loads(line.more)) is dict for line in alone)
    assert all("\0" not in "".join(line) and isinstance(line, Line) for line in alone)


@given(some.lists(some.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**9), max_value=10**9)))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    body = "[" + ",".join(f'{{"totalForCustomer": {amount:f}}}' for amount in amounts) + "]"
    assert sum((Decimal(line.total) for line in billed(json_of(body.encode()))), Decimal(0)) == sum(amounts, Decimal(0))


def document(sets: list[tuple[str, str]], ends: str, **sent: Any) -> Document:
    details = [{"billingProvider": provider, "invoiceLineItemType": kind} for provider, kind in sets]
    return document_of({"id": "1", "billingPeriodEndDate": ends, "invoiceDetails": details, "totalCharges": 1, **sent})


@pytest.mark.parametrize(
    ("sets", "ends", "source"),
    [
        ([("one_time", "billing_line_items")], "2025-03-31T23:59:59Z", "v1"),
        ([("OneTime", "BillingLineItems"), ("one_time", "usage_line_items")], "2025-04-01T00:00:00Z", "graph"),
        ([("marketplace", "billing_line_items")], "2026-04-30T00:00:00Z", "graph"),
        ([("office", "billing_line_items")], "2026-04-30T00:00:00Z", "v1"),
        ([("azure", "billing_line_items"), ("one_time", "billing_line_items")], "2026-04-30T00:00:00Z", "v1"),
        ([], "2026-04-30T00:00:00Z", "v1"),
    ],
)
def test_where_the_lines_of_a_document_come_from(sets: list[tuple[str, str]], ends: str, source: str) -> None:
    assert source_of(document(sets, ends)) == source


def test_a_document_without_a_period_goes_by_its_own_date() -> None:
    late = document([("one_time", "billing_line_items")], "0001-01-01T00:00:00", invoiceDate="2025-05-08T00:00:00Z")
    assert source_of(late) == "graph" and late.period_end is None
    assert source_of(document([], "2026-04-30", invoiceType="OneTime")) == "graph"


def test_documents_and_their_words() -> None:
    sent = document([], "2026-04-30", documentType="Credit Note", invoiceType="OneTime", currencyCode="eur")
    assert (sent.document_type, sent.invoice_type, sent.currency) == ("adjustment_note", "one_time", "EUR")
    assert document([], "", documentType="VoidNote").document_type == "void_note"
    assert document([], "", documentType="Proforma of 2027").document_type == "Proforma of 2027"
    nested = document([], "", id="G1", amendments=[{"id": "G2", "totalCharges": "-1.10", "amendments": [{"id": "G3"}]}])
    assert (nested.amendments[0].amends, nested.amendments[0].amendments[0].amends) == ("G1", "G2")
    assert nested.amendments[0].total == Decimal("-1.10")


def test_a_set_of_lines_is_listed_once() -> None:
    sets = document(
        [("one_time", "billing_line_items"), ("OneTime", "BillingLineItems"), ("x", "Future")], ""
    ).line_sets
    assert sets == [LineSet("one_time", "billing_line_items"), LineSet("x", "Future")]
    assert [(provider_of(one), line_type_of(one)) for one in sets] == [("onetime", "billing"), ("x", "future")]
