"""What a version's lines are sold at, added up while they pass on their way in, so that putting it in force reads few of them again:
those of customers with a refund, whose charge is known only when all lines are there, and of customers whose terms have changed since.

    known = Known(account_id)            customers, their terms and what waits, for all the documents of one run
    prices = Prices(known, otherwise)    of one version; prices.add(lines) page by page
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date

from sqlalchemy import select

from app.csp.customers.model import CspCustomer
from app.csp.customers.terms import Terms, terms_of_account
from app.csp.invoices import rules
from app.csp.invoices.model import CspDocument, CspDocumentTotal
from app.csp.invoices.rules import BILLING, Sold
from app.csp.microsoft.records import Line
from app.foundation.database import db

#: tenant id and currency
Key = tuple[str, str]
#: ids in one statement
SOME = 500


class Known:
    """What all the documents of one run ask for: the account's customers by their tenant ids, and their terms as found last."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self._account_id = account_id
        #: None: it was no customer when it was looked for
        self._ids: dict[str, uuid.UUID | None] = {"": None}
        self._terms: Callable[[uuid.UUID], Terms] | None = None
        self.waiting = Waiting(account_id)

    def terms(self, tenants: Collection[str]) -> dict[str, Terms | None]:
        """As they were found at some time; None: it is no customer."""
        self._look_up({tenant for tenant in tenants if tenant not in self._ids})
        if self._terms is None:
            self._terms = terms_of_account(self._account_id)
        return {tenant: None if (one := self._ids[tenant]) is None else self._terms(one) for tenant in tenants}

    def renewed(self, tenants: Collection[str]) -> dict[str, tuple[uuid.UUID, Terms]]:
        """Of those that are customers, as they stand now: inside the transaction that writes what they come to."""
        self._look_up({tenant for tenant in tenants if tenant and self._ids.get(tenant) is None})
        self._terms = terms_of_account(self._account_id)
        return {tenant: (one, self._terms(one)) for tenant in tenants if (one := self._ids[tenant]) is not None}

    def _look_up(self, tenants: Collection[str]) -> None:
        wanted = sorted(tenants)
        for start in range(0, len(wanted), SOME):
            some = wanted[start : start + SOME]
            found = select(CspCustomer.tenant_id, CspCustomer.id).where(
                CspCustomer.account_id == self._account_id, CspCustomer.tenant_id.in_(some)
            )
            self._ids |= dict.fromkeys(some) | {row.tenant_id: row.id for row in db.session.execute(found)}


class Waiting:
    """Which customers of which versions in force have refunds whose charge is in no document: read once, then kept by the one run
    that changes it."""

    def __init__(self, account_id: uuid.UUID) -> None:
        self._account_id = account_id
        self._tenants: dict[int, set[str]] | None = None

    def for_charges_of(self, version_id: int, tenants: Collection[str]) -> dict[int, set[str]]:
        """Of these customers alone, in other versions than this."""
        if self._tenants is None:
            self._tenants = self._found()
        asked = set(tenants)
        common = {each: some & asked for each, some in self._tenants.items() if each != version_id}
        return {each: some for each, some in common.items() if some}

    def note(self, version_id: int, looked_for: Iterable[str] | None, lost: Mapping[str, int]) -> None:
        """These (None: all) customers' refunds were looked for, and of them so many found no charge."""
        if self._tenants is not None:
            kept = set() if looked_for is None else self._tenants.get(version_id, set()).difference(looked_for)
            self._tenants[version_id] = kept | lost.keys()

    def gone(self, version_id: int) -> None:
        """Another version has its place."""
        if self._tenants is not None:
            self._tenants.pop(version_id, None)

    def forget(self) -> None:
        """What was noted was not written: read again."""
        self._tenants = None

    def _found(self) -> dict[int, set[str]]:
        found = (
            select(CspDocumentTotal.version_id, CspDocumentTotal.customer_tenant_id)
            .join(CspDocument, CspDocument.version_id == CspDocumentTotal.version_id)
            .where(CspDocument.account_id == self._account_id, CspDocumentTotal.unmatched > 0)
        )
        waiting: dict[int, set[str]] = {}
        for version_id, tenant in db.session.execute(found):
            waiting.setdefault(version_id, set()).add(tenant)
        return waiting


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
            self._terms |= self.known.terms(fresh)
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
