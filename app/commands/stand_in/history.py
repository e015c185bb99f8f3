"""How the stand-in's world came to be: customers, what they subscribe to, and one set of documents a month with every trap in it.

Amounts are figures, not formulas: Microsoft rounds down here and up there, so a line's cost is never computed from price and seats by
whoever reads it.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from app.commands.stand_in import catalogue
from app.commands.stand_in.ledger import Charge, Customer, Document, LineSet, Subscription

if TYPE_CHECKING:
    from app.commands.stand_in.world import World

TAX = 19
#: by currency: hundredths of it in its smallest unit, and how many decimals are written
_PLACES = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0}


def live(world: "World") -> None:
    scale = world.scale
    for _each in range(scale.customers):
        add_customer(world, _name(world))
    _settle_customers(world)
    for number in range(scale.subscriptions):
        _subscribe(world, world.customers[number % len(world.customers)])
    _unlisted(world)
    _bill(world)


def add_customer(world: "World", name: str) -> Customer:
    dice = world.dice
    short = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())[:14] or "kunde"
    customer = Customer(
        id=world.new_id(),
        name=name,
        domain=f"{short}{len(world.customers)}.onmicrosoft.com",
        country=dice.choice(catalogue.COUNTRIES),
        contact=dice.choice(catalogue.CONTACTS),
        commerce_id=world.new_id(),
        usage=dice.randrange(500, 900_000) if dice.random() < 0.6 else None,
    )
    if customer.usage and dice.random() < 0.5:
        customer.budget = dice.choice((100_000, 250_000, 500_000))
    world.customers.append(customer)
    return customer


def _name(world: "World") -> str:
    dice = world.dice
    return f"{dice.choice(catalogue.FIRST)} {dice.choice(catalogue.SECOND)} {dice.choice(catalogue.ENDINGS)}"


def _settle_customers(world: "World") -> None:
    """One that refuses, one that left, one with an indirect reseller, one with a very long name."""
    if len(world.customers) < 8:
        return
    world.customers[3].refused = "2032"
    world.customers[5].is_gone = True
    world.customers[6].reseller_mpn = "6142101"
    world.customers[
        7
    ].name = "Vereinigte Wasser- und Abwasserzweckverbände des Landkreises Nordwestuckermark-Süd e.G. (in Gründung)"


def _subscribe(world: "World", customer: Customer) -> Subscription:
    dice = world.dice
    subscription = Subscription(
        id=world.new_id(),
        customer=customer,
        product=dice.choice(catalogue.SEATS),
        seats=dice.randrange(1, 80),
        status=dice.choices(("active", "suspended", "expired", "disabled", "deleted"), (90, 4, 3, 2, 1))[0],
        starts=world.today.replace(day=1) - timedelta(days=dice.randrange(0, 700)),
        is_yearly=dice.random() < 0.7,
        order_id=f"{dice.getrandbits(40):012x}",
    )
    world.subscriptions.append(subscription)
    return subscription


def _unlisted(world: "World") -> None:
    """A tenant that only old lines name."""
    lost = add_customer(world, "Tideline Freight Ltd (former)")
    lost.is_unlisted, lost.usage = True, None


def _bill(world: "World") -> None:
    """Documents of the last months up to today, and three of the time before new-commerce lines moved to the export."""
    scale = world.scale
    each = max(scale.lines // max(scale.invoices, 1), 12)
    months = [_month(world.today, back) for back in range(scale.invoices)]
    for number in range(scale.invoices):
        kind = number % 4
        if kind == 0:
            made = seat_invoice(world, months[number // 2], "EUR", each)
        elif kind == 1:
            made = seat_invoice(world, _month(date(2025, 4, 8), number // 4), "USD" if number % 8 == 1 else "JPY", each)
        elif kind == 2:
            made = _office_invoice(world, months[number // 2], each)
        else:
            made = _azure_invoice(world, months[number // 2], each)
        world.documents.append(made)
    if len(world.documents) > 5:
        world.documents[1].amendments.append(credit_note(world, world.documents[1]))
        world.documents[4].amendments.append(credit_note(world, world.documents[4]))
        world.documents[2].amendments.append(_void(world, world.documents[2]))
    world.documents.sort(key=lambda one: (one.day, one.number))


def _month(today: date, back: int) -> date:
    """The 8th of a month so many before today's."""
    months = today.year * 12 + today.month - 1 - back
    return date(months // 12, months % 12 + 1, 8)


def _period(day: date) -> tuple[date, date]:
    end = day.replace(day=1) - timedelta(days=1)
    return end.replace(day=1), end


def _document(world: "World", prefix: str, day: date, currency: str, sets: list[LineSet]) -> Document:
    starts, ends = _period(day)
    return Document(
        number=f"{prefix}{world.dice.randrange(10**8, 10**9):09d}",
        document_type="invoice",
        invoice_type="OneTime" if prefix == "G" else "Recurring",
        currency=currency,
        day=day,
        starts=starts,
        ends=ends,
        sets=sets,
    )


def seat_invoice(world: "World", day: date, currency: str, lines: int) -> Document:
    """A new-commerce invoice: seats, changes of seats, a reservation, usage with its daily breakdown, and the odd lines."""
    billing, usage = LineSet("onetime", "billing"), LineSet("onetime", "usage")
    document = _document(world, "G", day, currency, [billing, usage])
    sold = world.subscriptions
    daily = lines // 4
    for at in range(lines - daily - 10):
        subscription = sold[(at + world.dice.randrange(3)) % len(sold)]
        billing.charges.append(seat_charge(world, document, subscription, "renew" if at % 5 else "cycleCharge"))
    billing.charges += _seat_change(world, document, sold[0])
    billing.charges += _odd_charges(world, document)
    for at in range(daily):
        usage.charges.append(_daily(world, document, world.customers[at % world.scale.customers]))
    return document


def seat_charge(world: "World", document: Document, subscription: Subscription, charge_type: str) -> Charge:
    seats = world.dice.randrange(1, 60)
    unit = subscription.product.price
    return _charge(world, document, subscription, charge_type, seats, unit, unit * seats - world.dice.randrange(0, 3))


def _seat_change(world: "World", document: Document, subscription: Subscription) -> list[Charge]:
    """10.08 a seat, from 10 to 12 seats after two days: the old charge, its refund and the new one, as Microsoft prints them."""
    if _PLACES[document.currency] == 0:
        return []
    return [
        _charge(world, document, subscription, "new", 10, 1008, 10080),
        _charge(world, document, subscription, "removeQuantity", -10, 1008, -9408, effective=941),
        _charge(world, document, subscription, "addQuantity", 12, 1008, 11289, effective=941),
    ]


def _odd_charges(world: "World", document: Document) -> list[Charge]:
    """A line twice, one of nobody, one of a tenant never listed, one of nothing, one that never ends, a credit."""
    first = world.subscriptions[1 % len(world.subscriptions)]
    twin = _charge(world, document, first, "new", 5, 560, 2800)
    lost = world.customers[-1] if world.customers[-1].is_unlisted else None
    return [
        twin,
        twin,
        _charge(world, document, first, "customerCredit", 1, 0, 1500)._replace(customer=None),
        _charge(world, document, first, "renew", 3, 940, 2820)._replace(customer=lost),
        _charge(world, document, first, "new", 0, 560, 0),
        _charge(world, document, first, "new", 1, 11340, 11340)._replace(ends="9999-12-31T00:00:00Z"),
        _charge(world, document, first, "cancelImmediate", -2, 1170, -2340)._replace(starts="0001-01-01T00:00:00"),
    ]


def _charge(
    world: "World",
    document: Document,
    subscription: Subscription,
    charge_type: str,
    quantity: int,
    unit: int,
    cost: int,
    effective: int | None = None,
) -> Charge:
    places = _PLACES[document.currency]
    tax = (abs(cost) * TAX // 100) * (1 if cost >= 0 else -1)
    return Charge(
        subscription.customer,
        subscription.product,
        subscription.id,
        charge_type,
        str(quantity),
        _money(unit, places),
        _money(unit if effective is None else effective, places),
        _money(cost, places),
        _money(tax, places),
        _money(cost + tax, places),
        f"{document.starts}T00:00:00Z",
        f"{document.ends}T00:00:00Z",
    )


def _money(minor: int, places: int) -> str:
    if places == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def _daily(world: "World", document: Document, customer: Customer) -> Charge:
    """A day's use of one meter: 15 and more decimals, before tax."""
    dice = world.dice
    day = document.starts + timedelta(days=dice.randrange(28))
    amount = f"{dice.randrange(0, 40)}.{dice.randrange(10**17):017d}"
    return Charge(
        customer, dice.choice(catalogue.USAGE[1:]), customer.commerce_id, "usage", f"{dice.randrange(24)}.{dice.randrange(10**6):06d}",
        "0.192", "0.192", amount, "", "", f"{day}T00:00:00Z", f"{day + timedelta(days=1)}T00:00:00Z",
    )  # fmt: skip


def _office_invoice(world: "World", day: date, lines: int) -> Document:
    billing = LineSet("office", "billing")
    document = _document(world, "D", day, "EUR", [billing])
    sold = world.subscriptions
    for at in range(lines):
        billing.charges.append(
            seat_charge(world, document, sold[at % len(sold)], "CYCLE FEE" if at % 9 else "PRORATE FEE")
        )
    return document


def _azure_invoice(world: "World", day: date, lines: int) -> Document:
    """Consumption with more digits than a double keeps, and its daily quantities."""
    dice = world.dice
    billing, usage = LineSet("azure", "billing"), LineSet("azure", "usage")
    document = _document(world, "D", day, "USD", [billing, usage])
    for at in range(lines // 2):
        customer = world.customers[at % world.scale.customers]
        cost = Decimal(f"{dice.randrange(0, 300)}.{dice.randrange(10**20):020d}")
        tax = Decimal(f"{dice.randrange(0, 30)}.{dice.randrange(10**12):012d}")
        billing.charges.append(
            Charge(
                customer,
                dice.choice(catalogue.USAGE[1:]),
                customer.commerce_id,
                "ASSESS USAGE FEE FOR CURRENT CYCLE",
                f"{dice.randrange(1, 744)}.5",
                "0.1920",
                "0.18240",
                str(cost),
                str(tax),
                str(cost + tax),
                f"{document.starts}T00:00:00",
                f"{document.ends}T00:00:00",
            )
        )
    for at in range(lines - lines // 2):
        usage.charges.append(_daily(world, document, world.customers[at % world.scale.customers]))
    return document


def credit_note(world: "World", document: Document) -> Document:
    """Gives back the first two charges of a document, with their own sign."""
    return _note(world, document, "adjustment_note", 2)


def _void(world: "World", document: Document) -> Document:
    return _note(world, document, "VoidNote", None)


def _note(world: "World", document: Document, document_type: str, how_many: int | None) -> Document:
    billing = next(one for one in document.sets if one.kind == "billing")
    back = LineSet(billing.provider, "billing", [_turned(one) for one in billing.charges[:how_many]])
    note = _document(world, document.number[0], document.day, document.currency, [back])
    note.starts, note.ends = document.starts, document.ends
    note.document_type, note.amends = document_type, document.number
    note.day = document.day + timedelta(days=5)
    return note


def _turned(charge: Charge) -> Charge:
    return charge._replace(
        charge_type="cancelImmediate",
        quantity=_minus(charge.quantity),
        cost=_minus(charge.cost),
        tax=_minus(charge.tax),
        total=_minus(charge.total),
    )


def _minus(digits: str) -> str:
    return digits.removeprefix("-") if digits.startswith("-") else f"-{digits}"
