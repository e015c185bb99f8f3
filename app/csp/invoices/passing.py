"""What a version's lines are sold at, added up while they pass on their way in, so that putting it in force reads few of them again:
those of customers with a refund, whose charge is known only when all lines are there, and of customers whose terms have changed since.

    known = Known(account_id)            customers and their terms, for all the documents of one run
    prices = Prices(known, otherwise)    of one version; prices.add(lines) page by page
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import date

from sqlalchemy import select

from app.csp.customers.model import CspCustomer
from app.csp.customers.terms import Terms, terms_of
from app.csp.invoices import rules
from app.csp.invoices.rules import BILLING, Sold
from app.csp.microsoft.records import Line
from app.foundation.database import db

#: tenant id and currency
Key = tuple[str, str]
#: ids in one statement
SOME = 500


class Known:
    """An account's customers by their tenant ids, each with the terms it was found with last."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self._account_id = account_id
        self._ids: dict[str, uuid.UUID] = {}
        self._terms: dict[str, Terms] = {}

    def terms(self, tenants: Collection[str]) -> dict[str, Terms]:
        """Of those that are customers, as they were found at some time."""
        fresh = [tenant for tenant in tenants if tenant not in self._terms]
        if fresh:
            self.renewed(fresh)
        return {tenant: self._terms[tenant] for tenant in tenants if tenant in self._terms}

    def renewed(self, tenants: Collection[str]) -> dict[str, tuple[uuid.UUID, Terms]]:
        """Of those that are customers, as they stand now: inside the transaction that writes what they come to."""
        self._look_up(tenants)
        ids = {tenant: self._ids[tenant] for tenant in tenants if tenant in self._ids}
        terms = terms_of(self._account_id, ids.values()) if ids else {}
        self._terms |= {tenant: terms[customer_id] for tenant, customer_id in ids.items()}
        return {tenant: (customer_id, terms[customer_id]) for tenant, customer_id in ids.items()}

    def _look_up(self, tenants: Collection[str]) -> None:
        unknown = sorted({tenant for tenant in tenants if tenant and tenant not in self._ids})
        for start in range(0, len(unknown), SOME):
            found = select(CspCustomer.tenant_id, CspCustomer.id).where(
                CspCustomer.account_id == self._account_id,
                CspCustomer.tenant_id.in_(unknown[start : start + SOME]),
            )
            self._ids |= {row.tenant_id: row.id for row in db.session.execute(found)}


class Prices:
    """Of one version. Its sums are those of its billing lines, each priced at its own day, as if none of them were a refund."""

    def __init__(self, known: Known, otherwise: date) -> None:
        self.known, self.otherwise = known, otherwise
        self.sums: dict[Key, Sold] = {}
        #: tenants with a line that may give back another one's charge
        self.refunding: set[str] = set()
        #: what each tenant's lines were priced at so far; None: it is no customer
        self._terms: dict[str, Terms | None] = {}

    def add(self, lines: Iterable[Line]) -> None:
        billed = [line for line in lines if line.line_type == BILLING]
        fresh = {line.customer_tenant_id for line in billed} - self._terms.keys()
        if fresh:
            known = self.known.terms(fresh)
            self._terms |= {tenant: known.get(tenant) for tenant in fresh}
        terms, sums, otherwise, price = self._terms, self.sums, self.otherwise, rules.price_on
        for line in billed:
            tenant, cost = line.customer_tenant_id, line.cost
            if cost.startswith("-") and tenant and line.subscription_id:
                self.refunding.add(tenant)
            own = terms[tenant]
            if own is None:
                continue
            key = (tenant, line.currency)
            sold = sums.get(key)
            if sold is None:
                sold = sums[key] = Sold()
            day = rules.day_in(line.charge_start) or otherwise
            sold.add(price(day, cost, line.charge_type, line.currency, own.mark_up_on))

    def are_at(self, tenant: str, terms: Terms) -> bool:
        """Whether its lines were priced at these very terms."""
        return self._terms.get(tenant) == terms
