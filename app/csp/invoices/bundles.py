"""An invoice with the credit notes and voids that amend it: what is in force, what each customer's part comes to, what is in the way.

A statement is drawn for the bundle, so that a customer reads one figure for what Microsoft billed and took back. An amendment's own
page shows itself alone. Everything is read from the documents' totals, so that it costs the same with fifty thousand lines and with
five million.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import or_, select

from app.csp.customers.model import CspCustomer
from app.csp.customers.terms import Terms, terms_of
from app.csp.invoices import rules
from app.csp.invoices.model import CspDocument, CspDocumentTotal
from app.foundation.database import db
from app.foundation.tenancy import one

#: amendments of amendments are followed so far, and no more of them than this
_DEPTH, _MOST = 4, 100


class Key(NamedTuple):
    customer_id: uuid.UUID
    currency: str


@dataclass
class Part:
    """What one customer's lines come to over the bundle, in one currency."""

    customer_id: uuid.UUID
    tenant_id: str
    name: str
    domain: str
    linked_organisation_id: uuid.UUID | None
    currency: str
    totals: list[Any] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return Key(self.customer_id, self.currency)

    @cached_property
    def lines(self) -> int:
        return sum(total.lines for total in self.totals)

    @cached_property
    def cost(self) -> Decimal:
        return rules.sum_of(total.cost for total in self.totals)

    @cached_property
    def microsoft_tax(self) -> Decimal:
        return rules.sum_of(total.microsoft_tax for total in self.totals)

    @cached_property
    def unpriced(self) -> int:
        return sum(total.unpriced for total in self.totals)

    @cached_property
    def sell(self) -> Decimal | None:
        """None: some line has no mark-up."""
        if any(total.sell is None for total in self.totals):
            return None
        return rules.sum_of(total.sell for total in self.totals)

    @cached_property
    def mark_ups(self) -> tuple[Decimal, Decimal] | None:
        """The lowest and the highest of the lines; None: not set."""
        if self.sell is None:
            return None
        return min(one.least_mark_up for one in self.totals), max(one.most_mark_up for one in self.totals)


@dataclass(frozen=True)
class Bundle:
    """`documents`: the invoice first, then what amends it, oldest first."""

    documents: tuple[CspDocument, ...]
    totals: Sequence[Any]
    #: (id, number) of the document that this one amends, for an amendment's own page
    amended: Any = None

    @property
    def root(self) -> CspDocument:
        return self.documents[0]

    @cached_property
    def parts(self) -> list[Part]:
        """By name, A to Z."""
        found: dict[Key, Part] = {}
        for total in self.totals:
            if total.customer_id is None:
                continue
            part = found.setdefault(
                Key(total.customer_id, total.currency),
                Part(
                    total.customer_id,
                    total.customer_tenant_id,
                    total.name or total.customer_name,
                    total.domain or "",
                    total.linked_organisation_id,
                    total.currency,
                ),
            )
            part.totals.append(total)
        return sorted(found.values(), key=lambda part: (part.name.casefold(), str(part.customer_id), part.currency))

    @cached_property
    def unassigned(self) -> list[Any]:
        """Totals of lines that name nobody, or a tenant that was never listed."""
        return [total for total in self.totals if total.customer_id is None]

    @cached_property
    def total(self) -> Decimal:
        """In force: the invoice and its amendments, Microsoft's tax included."""
        return rules.sum_of(one.total for one in self.documents)

    @cached_property
    def lines_total(self) -> Decimal:
        return rules.sum_of(one.lines_total for one in self.documents if one.lines_total is not None)

    @cached_property
    def difference(self) -> Decimal:
        return rules.EXACT.subtract(self.total, self.lines_total)

    @cached_property
    def customers_total(self) -> dict[str, Decimal]:
        """Of the parts and of what is unassigned, cost and Microsoft's tax, by currency: never added across."""
        found: dict[str, list[Decimal]] = {}
        for total in self.totals:
            found.setdefault(total.currency, []).extend((total.cost, total.microsoft_tax))
        return {currency: rules.sum_of(amounts) for currency, amounts in found.items()}

    @property
    def lines(self) -> int:
        return sum(total.lines for total in self.totals)

    @cached_property
    def in_the_way(self) -> list[CspDocument]:
        """Documents that keep all statements back: they do not tie, were not read, or have unassigned lines, and nobody overrode it."""
        loose = {total.document_id for total in self.unassigned}
        return [one for one in self.documents if (not ties(one) or one.id in loose) and not is_overridden(one)]

    @property
    def reconciles(self) -> bool:
        return all(ties(one) for one in self.documents)

    def part(self, customer_id: uuid.UUID) -> list[Part]:
        return [part for part in self.parts if part.customer_id == customer_id]

    def terms(self) -> dict[uuid.UUID, Terms]:
        return terms_of(self.root.account_id, {part.customer_id for part in self.parts})


def ties(document: Any) -> bool:
    return document.version_id is not None and document.difference is not None and document.difference == 0


def is_overridden(document: Any) -> bool:
    """Of the very lines that are in force: an override ends where they are read anew."""
    return document.override_at is not None and document.override_version_id == document.version_id


def bundle_of(document_id: uuid.UUID, customer_id: uuid.UUID | None = None) -> Bundle:
    """NotVisible for another partner's document. Three statements, one more for each step of amendments.

    `customer_id`: with this customer's totals alone, and what is unassigned.
    """
    document = one(CspDocument, document_id)
    amended = _amended_by(document)
    documents = [document] if amended else [document, *_amendments(document)]
    return Bundle(tuple(documents), _totals(documents, customer_id), amended)


def _amended_by(document: CspDocument) -> Any:
    if not document.amends or document.amends == document.number:
        return None
    found = select(CspDocument.id, CspDocument.number).where(
        CspDocument.account_id == document.account_id, CspDocument.number == document.amends
    )
    return db.session.execute(found).one_or_none()


def _amendments(document: CspDocument) -> list[CspDocument]:
    found: list[CspDocument] = []
    seen, numbers = {document.number}, [document.number]
    for _ in range(_DEPTH):
        some = db.session.scalars(
            select(CspDocument)
            .where(CspDocument.account_id == document.account_id, CspDocument.amends.in_(numbers))
            .order_by(CspDocument.invoice_date, CspDocument.id)
            .limit(_MOST)
        ).all()
        fresh = [one for one in some if one.number not in seen]
        if not fresh:
            break
        found += fresh
        numbers = [one.number for one in fresh]
        seen |= set(numbers)
    return sorted(found, key=lambda one: (one.invoice_date, one.id))


def _totals(documents: Sequence[CspDocument], customer_id: uuid.UUID | None) -> Sequence[Any]:
    order = {one.id: place for place, one in enumerate(documents)}
    rows = _rows_of([one.version_id for one in documents if one.version_id is not None], customer_id)
    return sorted(rows, key=lambda row: (order[row.document_id], row.customer_tenant_id, row.currency))


def totals_of(version_id: int | None) -> Sequence[Any]:
    """What one document alone comes to, customer by customer, by name; what names no known customer last."""
    rows = _rows_of([version_id] if version_id is not None else [])
    return sorted(
        rows,
        key=lambda row: (row.customer_id is None, (row.name or "").casefold(), row.customer_tenant_id, row.currency),
    )


def _rows_of(versions: Sequence[int], customer_id: uuid.UUID | None = None) -> Sequence[Any]:
    found = (
        select(
            CspDocumentTotal.document_id,
            CspDocumentTotal.version_id,
            CspDocumentTotal.customer_id,
            CspDocumentTotal.customer_tenant_id,
            CspDocumentTotal.customer_name,
            CspDocumentTotal.currency,
            CspDocumentTotal.lines,
            CspDocumentTotal.cost,
            CspDocumentTotal.microsoft_tax,
            CspDocumentTotal.sell,
            CspDocumentTotal.least_mark_up,
            CspDocumentTotal.most_mark_up,
            CspDocumentTotal.unpriced,
            CspCustomer.name,
            CspCustomer.domain,
            CspCustomer.linked_organisation_id,
        )
        .outerjoin(CspCustomer, CspCustomer.id == CspDocumentTotal.customer_id)
        .where(CspDocumentTotal.version_id.in_(versions))
    )
    if customer_id is not None:
        mine, nobodys = CspDocumentTotal.customer_id == customer_id, CspDocumentTotal.customer_id.is_(None)
        found = found.where(or_(mine, nobodys))
    return db.session.execute(found).all()
