"""Invoices, credit notes and voids as records, amendments inside what they amend. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.csp.microsoft.decoding import Fields
from app.csp.microsoft.records import Document, LineSet
from app.csp.microsoft.spelling import decimal_of, instant, one_of, text_of, word

_DOCUMENT_TYPES = {
    "invoice": "invoice",
    "voidnote": "void_note",
    "adjustmentnote": "adjustment_note",
    "creditnote": "adjustment_note",
}
_INVOICE_TYPES = {"recurring": "recurring", "onetime": "one_time"}
#: of a document that names no day at all
_UNDATED = datetime(1970, 1, 1, tzinfo=UTC)


def document_of(sent: Mapping[str, Any]) -> Document:
    """The document with its own sign and its own words; a document it amends is named, never guessed from a number."""
    one = sent if isinstance(sent, Fields) else Fields(sent)
    start, end = instant(one.get("billingPeriodStartDate")), instant(one.get("billingPeriodEndDate"))
    return Document(
        number=text_of(one.get("id"), 80),
        document_type=one_of(one.get("documentType") or "invoice", _DOCUMENT_TYPES),
        invoice_type=one_of(one.get("invoiceType"), _INVOICE_TYPES),
        amends=text_of(one.get("amendsOf"), 80) or None,
        invoice_date=instant(one.get("invoiceDate")) or end or start or _UNDATED,
        period_start=start,
        period_end=end,
        currency=text_of(one.get("currencyCode"), 3).upper(),
        total=decimal_of(one.get("totalCharges")) or Decimal(0),
        paid=decimal_of(one.get("paidAmount")),
        line_sets=_line_sets(one),
        amendments=[_amending(one, each) for each in one.several("amendments")],
    )


def _amending(document: Fields, amendment: Fields) -> Document:
    """What is nested inside a document amends it, also where it does not say so itself."""
    read = document_of(amendment)
    return read._replace(
        amends=read.amends or text_of(document.get("id"), 80),
        currency=read.currency or text_of(document.get("currencyCode"), 3).upper(),
    )


def _line_sets(document: Fields) -> list[LineSet]:
    """The sets of lines to fetch, each once, however often it is listed."""
    sets: dict[tuple[str, str], LineSet] = {}
    for detail in document.several("invoiceDetails"):
        one = LineSet(text_of(detail.get("billingProvider"), 20), text_of(detail.get("invoiceLineItemType"), 40))
        if one.provider and one.line_type:
            sets.setdefault((provider_of(one), word(one.line_type)), one)
    return list(sets.values())


def provider_of(line_set: LineSet) -> str:
    """onetime, office or azure as the query wants it; marketplace is what onetime was called once."""
    provider = word(line_set.provider)
    return "onetime" if provider == "marketplace" else provider


def line_type_of(line_set: LineSet) -> str:
    """billing, whose sum is the document's total, or usage; a set of another kind counts for nothing."""
    kind = word(line_set.line_type).removesuffix("lineitems")
    return kind[:10] or "unknown"
