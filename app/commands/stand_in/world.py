"""The world behind the stand-in: one partner tenant, its customers, subscriptions and documents, the same for the same seed.

It may grow between two readings (a late line, an amendment, somebody who comes or goes), and it says itself what every document
comes to for every customer, so that whoever reads it over the wire can be judged.
"""

import random
import threading
import uuid
from collections import defaultdict
from datetime import date, timedelta
from decimal import Context, Decimal

from app.commands.stand_in import history
from app.commands.stand_in.ledger import Charge, Customer, Document, Registration, Scale, Subscription

#: more digits than any sum here has
_EXACT = Context(prec=80)
PARTNER = "a478f132-3bd7-496d-9b4f-337e88c68c7e"


class World:
    def __init__(self, seed: int = 1, scale: Scale | None = None, *, today: date = date(2026, 11, 26)) -> None:
        self.dice = random.Random(seed)
        self.scale = scale or Scale()
        self.today = today
        self.tenant_id = PARTNER
        self.mpn_id = "4390934"
        self.company = "Bergland Cloud Services GmbH"
        self.currency = "EUR"
        self.is_vetted = True
        self.registration = Registration()
        #: who may sign in: a name, their tenant
        self.admin = "admin@bergland-cloud.example"
        self.foreign_tenant = "7c1f4b1e-1f0a-4f0e-8a2b-0d4d7b9d9a11"
        self.customers: list[Customer] = []
        self.subscriptions: list[Subscription] = []
        self.documents: list[Document] = []
        self.lock = threading.RLock()
        history.live(self)

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def listed(self) -> list[Customer]:
        return [one for one in self.customers if not one.is_gone and not one.is_unlisted]

    def customer(self, tenant_id: str) -> Customer | None:
        return next((one for one in self.customers if one.id == tenant_id.lower()), None)

    def everything(self) -> list[Document]:
        """Every document, amendments among them."""
        return [one for document in self.documents for one in (document, *document.amendments)]

    def document(self, number: str) -> Document | None:
        number = number.removeprefix("OneTime-").removeprefix("Recurring-")
        return next((one for one in self.everything() if one.number == number), None)

    # What is true, for those who compare.

    def totals(self) -> dict[tuple[str, str, str], tuple[Decimal, Decimal]]:
        """(number, customer's id or "", currency) -> cost and total of its billing lines."""
        sums: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
        for document in self.everything():
            for one in document.billed():
                key = (document.number, one.customer.id if one.customer else "", document.currency)
                cost, total = sums[key]
                sums[key] = _EXACT.add(cost, Decimal(one.cost)), _EXACT.add(total, Decimal(one.total))
        return dict(sums)

    def counts(self) -> dict[tuple[str, str], int]:
        """(number, billing or usage) -> lines."""
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for document in self.everything():
            for lines in document.sets:
                counts[document.number, lines.kind] += len(lines.charges)
        return dict(counts)

    # How it grows between two readings.

    def late_line(self, number: str) -> Charge:
        """One more charge on a document that was there already."""
        with self.lock:
            document = self._must(number)
            billing = next(one for one in document.sets if one.kind == "billing")
            charge = history.seat_charge(self, document, self.dice.choice(self._sold()), "new")
            billing.charges.append(charge)
            document.edition += 1
            return charge

    def amend(self, number: str) -> Document:
        """A credit note for the first charges of a document, nested inside it."""
        with self.lock:
            note = history.credit_note(self, self._must(number))
            self._must(number).amendments.append(note)
            return note

    def new_customer(self, name: str = "Neuhaus Optik GmbH") -> Customer:
        with self.lock:
            return history.add_customer(self, name)

    def leave(self, tenant_id: str) -> None:
        """The relationship ended: listed no more, though old lines name it."""
        with self.lock:
            found = self.customer(tenant_id)
            if found is None:
                raise LookupError(tenant_id)
            found.is_gone = True

    def change_seats(self, subscription_id: str, seats: int) -> None:
        with self.lock:
            next(one for one in self.subscriptions if one.id == subscription_id).seats = seats

    def month_later(self) -> Document:
        """The next month's new-commerce invoice."""
        with self.lock:
            self.today = (self.today.replace(day=1) + timedelta(days=32)).replace(day=8)
            document = history.seat_invoice(self, self.today, "EUR", 40)
            self.documents.append(document)
            return document

    def _must(self, number: str) -> Document:
        found = self.document(number)
        if found is None:
            raise LookupError(number)
        return found

    def _sold(self) -> list[Subscription]:
        return [one for one in self.subscriptions if not one.customer.is_gone]
