"""What the wire gives, cleaned of its spelling: one record a thing, every digit kept. Pure.

Ids are lower-case without `org:`; absent is None or ""; dates of the year 1 are None; unknown words stay as sent; amounts are Decimals
parsed from the digits on the wire, and in lines those very digits as text.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple


class Customer(NamedTuple):
    tenant_id: str
    name: str
    domain: str
    #: relationshipToPartner as sent
    relationship: str
    reseller_mpn: str | None


class CustomerDetails(NamedTuple):
    """What only a customer's own address says."""

    commerce_id: str | None
    contact: Mapping[str, Any]


class Subscription(NamedTuple):
    subscription_id: str
    name: str
    offer_id: str
    offer_name: str
    quantity: Decimal
    unit_type: str
    status: str
    auto_renew: bool | None
    is_trial: bool
    billing_type: str
    billing_cycle: str
    term: str
    created_on: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    order_id: str
    parent_id: str
    suspension_reasons: Sequence[str]


class Usage(NamedTuple):
    """A customer's usage summary, an estimate."""

    budget: Decimal | None
    cost: Decimal
    currency: str
    period_start: datetime | None
    period_end: datetime | None
    as_of: datetime | None


class LineSet(NamedTuple):
    """One of a document's invoiceDetails, its words as sent."""

    provider: str
    line_type: str


class Document(NamedTuple):
    number: str
    #: invoice, void_note, adjustment_note, else as sent
    document_type: str
    #: recurring, one_time, else as sent
    invoice_type: str
    amends: str | None
    invoice_date: datetime
    period_start: datetime | None
    period_end: datetime | None
    currency: str
    total: Decimal
    paid: Decimal | None
    line_sets: Sequence[LineSet]
    amendments: Sequence["Document"]


class Line(NamedTuple):
    """The columns of csp_line from line_type to more, in that order, ready to be written."""

    line_type: str
    provider: str
    customer_tenant_id: str
    customer_name: str
    subscription_id: str
    product_name: str
    sku_name: str
    charge_type: str
    charge_start: str
    charge_end: str
    unit_type: str
    quantity: str
    unit_price: str
    effective_unit_price: str
    cost: str
    tax: str
    total: str
    currency: str
    more: str


class Page(NamedTuple):
    """Records, and what asks for the page after it; None after the last. A cursor is JSON and outlives the process."""

    records: Sequence[Any]
    next: Mapping[str, Any] | None


class Refused(Exception):
    """Microsoft says no to this one thing, for good: 400, 403, 404 and their like. The rest may still be read."""

    def __init__(
        self, status: int, code: str, description: str, request_id: str = "", correlation_id: str = ""
    ) -> None:
        super().__init__(f"{status} {code}: {description}")
        self.status, self.code, self.description = status, code, description
        #: by which Microsoft finds the call again
        self.request_id, self.correlation_id = request_id, correlation_id


class SignInNeeded(Exception):
    """No token will do any more: the admin must sign in again. `cause` is for people."""

    def __init__(self, cause: str, code: str = "") -> None:
        super().__init__(cause)
        self.cause, self.code = cause, code


class ApplicationRefused(SignInNeeded):
    """Microsoft refuses the portal's own application: its secret is wrong or has ended. Tell the admin; no consent is lost."""


class Unreachable(Exception):
    """Every try of one call failed: 5xx, resets, short bodies. Try another day."""


class Changed(Unreachable):
    """What was being read is another by now: its beginning and its end do not belong together. Read it anew."""


class Paused(Exception):
    """Throttled for longer than a worker waits: go on at `seconds` from now, from the last committed page."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"paused for {seconds:.0f} s")
        self.seconds = seconds
