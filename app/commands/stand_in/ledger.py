"""What the stand-in knows of: customers, subscriptions, documents, and the charges in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from app.commands.stand_in.catalogue import Product


@dataclass(frozen=True)
class Scale:
    customers: int = 40
    subscriptions: int = 110
    #: documents, amendments not counted
    invoices: int = 24
    #: of all billing and usage lines together, about
    lines: int = 3000


#: what the speed of a discovery is measured on
BENCH = Scale(customers=1000, subscriptions=5000, invoices=60, lines=200_000)


@dataclass
class Registration:
    """The portal's application, as it is registered with this Microsoft."""

    client_id: str = "5f0c2c2e-0b8f-4e2e-9f5d-1d6a3c1b7e90"
    client_secret: str = "only+for/the~stand-in="  # noqa: S105  # for a loopback server
    redirect_uris: tuple[str, ...] = ("http://127.0.0.1:8000/csp/callback",)


@dataclass
class Customer:
    id: str
    name: str
    domain: str
    country: str
    contact: tuple[str, str]
    commerce_id: str
    reseller_mpn: str = ""
    #: 403 with this code, as where delegated rights are missing
    refused: str = ""
    is_gone: bool = False
    #: this month's usage in hundredths; None: it uses nothing
    usage: int | None = None
    budget: int | None = None
    #: never listed: only lines know it
    is_unlisted: bool = False


@dataclass
class Subscription:
    id: str
    customer: Customer
    product: Product
    seats: int
    status: str = "active"
    starts: date = date(2025, 9, 1)
    is_yearly: bool = True
    order_id: str = ""


class Charge(NamedTuple):
    """One line. Amounts are digits as they go over the wire."""

    customer: Customer | None
    product: Product
    subscription: str
    charge_type: str
    quantity: str
    unit_price: str
    effective: str
    cost: str
    tax: str
    total: str
    starts: str
    ends: str


@dataclass
class LineSet:
    #: onetime, office or azure, and billing or usage
    provider: str
    kind: str
    charges: list[Charge] = field(default_factory=list)


@dataclass
class Document:
    number: str
    document_type: str
    invoice_type: str
    currency: str
    day: date
    starts: date
    ends: date
    sets: list[LineSet]
    amends: str | None = None
    amendments: list["Document"] = field(default_factory=list)
    #: added to what its lines come to, so that it does not reconcile
    off_by: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    #: counts changes, as an eTag does
    edition: int = 1

    @property
    def total(self) -> Decimal:
        with localcontext(prec=80):
            return sum((Decimal(one.total) for one in self.billed()), Decimal(0)) + self.off_by

    def billed(self) -> Iterator[Charge]:
        return (charge for lines in self.sets if lines.kind == "billing" for charge in lines.charges)

    @property
    def providers(self) -> set[str]:
        return {lines.provider for lines in self.sets}
