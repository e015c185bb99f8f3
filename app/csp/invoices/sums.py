"""What a document's lines come to, added up line by line as they arrive. Pure; exact to the last digit, or an error."""

from collections.abc import Iterable, Iterator
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, NamedTuple

from app.csp.microsoft.records import Line

#: no sum of amounts that fit their columns is rounded: a digit that would be lost is an error
EXACT = Context(prec=150, traps=[Inexact, InvalidOperation, Overflow])
BILLING = "billing"
NOTHING = Decimal(0)


class CustomerSum(NamedTuple):
    """One customer in one currency. tenant id "" are the lines that name nobody."""

    customer_tenant_id: str
    currency: str
    customer_name: str
    lines: int
    cost: Decimal
    microsoft_tax: Decimal


class Sums:
    """Of one version of a document's lines. Only billing lines count; usage lines are the days behind them."""

    def __init__(self) -> None:
        #: (tenant id, currency) -> [name, lines, cost, tax]
        self._of_customers: dict[tuple[str, str], list[Any]] = {}
        #: currency -> sum of the lines' totals, tax included
        self._totals: dict[str, Decimal] = {}

    def add(self, lines: Iterable[Line]) -> None:
        add, totals, number = EXACT.add, self._totals, Decimal
        for line in lines:
            if line.line_type != BILLING:
                continue
            currency, tenant_id = line.currency, line.customer_tenant_id
            cost = number(line.cost) if line.cost else NOTHING
            tax = number(line.tax) if line.tax else NOTHING
            total = number(line.total) if line.total else add(cost, tax)
            totals[currency] = add(totals.get(currency, NOTHING), total)
            held = self._of_customers.get((tenant_id, currency))
            if held is None:
                self._of_customers[tenant_id, currency] = [line.customer_name, 1, cost, tax]
            else:
                held[0] = line.customer_name or held[0]
                held[1] += 1
                held[2], held[3] = add(held[2], cost), add(held[3], tax)

    def customers(self) -> Iterator[CustomerSum]:
        for (tenant_id, currency), (name, lines, cost, tax) in sorted(self._of_customers.items()):
            yield CustomerSum(tenant_id, currency, name, lines, cost, tax)

    def total_in(self, currency: str) -> Decimal:
        """The sum of the billing lines in the document's own currency. Others are never added to it."""
        return self._totals.get(currency, NOTHING)


def difference(total: Decimal, lines_total: Decimal) -> Decimal:
    """What the document says less what its lines come to; 0 is reconciled, and nothing near it is."""
    return EXACT.subtract(total, lines_total)
