"""Issuing: freezes what a customer's part of an invoice comes to as the next version of its statement, and tells the customer.

One customer, one transaction, under the invoice's lock: two who issue in the same moment make one version, because the second one
finds that the statement in force says already what it would say.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select

from app.csp import permissions
from app.csp.customers.terms import Terms
from app.csp.invoices import pricing, refunds, rules
from app.csp.invoices import queries as invoices
from app.csp.invoices.bundles import Bundle, Part, bundle_of, is_overridden
from app.csp.invoices.model import CspDocument
from app.csp.statements import events, queries
from app.csp.statements.model import (
    CspStatement,
    CspStatementCost,
    CspStatementLine,
    CspStatementLineCost,
    CspStatementShare,
)
from app.csp.statements.rules import ISSUED, may_issue, standing
from app.foundation import clock, history
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db, transaction
from app.foundation.money import Money
from app.foundation.numbers import next_number
from app.foundation.refusals import AlreadyDone, NotVisible, Refused
from app.foundation.tenancy import Viewer, one
from app.foundation.text import N_
from app.parties.model import Organisation

ISSUE = "issue"
CHANGED_MEANWHILE = N_("%(customer)s comes to another amount by now. Look at it again.")
#: minor units that a line or a total may have; beyond it a database's whole numbers end
MOST_MINOR = 10**17
#: frozen lines written by one statement
_TOGETHER = 2000


def issue(document_id: uuid.UUID, customer_id: uuid.UUID, *, shown: str = "", by: Viewer) -> CspStatement:
    """The customer's statements of this invoice and its amendments, one a currency; the first of them.

    `shown`: what the page said it comes to (`amounts_of`); if that changed meanwhile, nothing is issued. AlreadyDone where the
    statements in force say it all already.
    """
    by.must(permissions.ISSUE)
    with transaction():
        one(CspDocument, document_id, lock=True)
        bundle = bundle_of(document_id, customer_id)
        parts = bundle.part(customer_id)
        if not parts:
            raise NotVisible
        _check(bundle, parts, shown)
        terms = bundle.terms()[customer_id]
        tax_rate = terms.tax_on(bundle.root.invoice_date.date())
        latest = queries.latest_of(document_id, customer_id)
        made = []
        for part in parts:
            before = latest.get(part.key)
            state = standing(
                sell=part.sell, lines=part.lines, tax_rate=tax_rate, latest=queries.issued(before), held=False
            )  # fmt: skip
            if may_issue(state):
                made.append(_freeze(bundle, part, terms, tax_rate, before, by))
        if not made:
            raise AlreadyDone(ISSUED, ISSUE)
    return made[0]


def amounts_of(parts: Iterable[Part]) -> str:
    """What a page shows of a customer's parts, carried back by its form."""
    return " ".join(f"{part.sell if part.sell is None else format(part.sell, 'f')} {part.currency}" for part in parts)


def _check(bundle: Bundle, parts: list[Part], shown: str) -> None:
    if bundle.amended:
        raise Refused(
            "statement", N_("It amends %(number)s: statements are issued there."), number=bundle.amended.number
        )
    if bundle.in_the_way:
        raise Refused(
            "statement",
            N_("%(number)s does not tie with its lines yet, or has lines of nobody: no statement is issued for it."),
            number=bundle.in_the_way[0].number,
        )
    if any(part.sell is None for part in parts):
        raise Refused("statement", N_("%(customer)s has no mark-up yet. 0 %% counts as one."), customer=parts[0].name)
    if shown and shown != amounts_of(parts):
        raise Refused("statement", CHANGED_MEANWHILE, customer=parts[0].name)


@dataclass
class _Frozen:
    """What was written so far of one statement."""

    sell: int = 0
    lines: int = 0
    last_charge_on: date = date.min
    shares: dict[str, list[Any]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    costs: list[dict[str, Any]] = field(default_factory=list)


def _freeze(
    bundle: Bundle, part: Part, terms: Terms, tax_rate: Decimal | None, before: Any, by: Viewer
) -> CspStatement:
    root, frozen, currency = bundle.root, _Frozen(), part.currency
    for document, originals, line in _lines(bundle, part):
        price = pricing.price_of(line, terms, originals, document)
        if price.sell is None or price.mark_up is None:
            raise Refused("statement", N_("%(customer)s has no mark-up yet. 0 %% counts as one."), customer=part.name)
        _add(frozen, document, line, price)
    if (
        Money.of_minor(frozen.sell, currency).amount != part.sell
    ):  # a statement foots with its invoice's page, or is none
        raise Refused("statement", CHANGED_MEANWHILE, customer=part.name)
    if max(abs(frozen.sell), *(abs(row["sell_minor"]) for row in frozen.rows)) > MOST_MINOR:
        raise Refused(
            "statement", N_("An amount of %(customer)s is larger than a statement holds."), customer=part.name
        )
    tax = Money(rules.tax_of(Money.of_minor(frozen.sell, currency).amount, tax_rate, currency), currency).minor
    statement = CspStatement(
        partner_id=root.partner_id,
        csp_customer_id=part.customer_id,
        customer_organisation_id=part.linked_organisation_id,
        account_id=root.account_id,
        document_id=root.id,
        document_number=root.number,
        number=before.number if before else next_number("ST"),
        version=before.version + 1 if before else 1,
        partner_name=_name_of(root.partner_id),
        customer_name=part.name,
        customer_tenant_id=part.tenant_id,
        period_start=root.period_start,
        period_end=root.period_end,
        invoice_date=root.invoice_date,
        month=BillingMonth.at(root.period_start or root.invoice_date),
        currency=currency,
        tax_rate=tax_rate,
        subtotal_minor=frozen.sell,
        tax_minor=tax,
        total_minor=frozen.sell + tax,
        lines=frozen.lines,
        last_charge_on=max(frozen.last_charge_on, date(1970, 1, 1)),
        issued_at=clock.now(),
        issued_by_name=by.label[:200],
    )
    db.session.add(statement)
    db.session.flush()
    _write(statement, bundle, part, frozen)
    history.record(
        statement,
        events.ISSUED,
        by=by,
        number=statement.number,
        version=statement.version,
        customer=statement.customer_name,
        total=str(Money.of_minor(statement.total_minor, currency)),
        invoice=statement.document_number,
    )
    return statement


def _lines(bundle: Bundle, part: Part) -> Iterator[tuple[CspDocument, dict[int, str], Any]]:
    """The part's lines document by document, with what their refunds give back."""
    for document in bundle.documents:
        if any(total.document_id == document.id for total in part.totals):
            assert document.version_id is not None
            originals = refunds.originals_of(document.version_id, tenant=part.tenant_id)
            found = invoices.lines_of(document.version_id, part.tenant_id).order_by(*invoices.LINE_KEYS)
            for line in db.session.execute(found).all():
                if line.currency == part.currency:
                    yield document, originals, line


def _add(frozen: _Frozen, document: CspDocument, line: Any, price: rules.Price) -> None:
    frozen.lines += 1
    minor = Money(price.sell, line.currency).minor  # type: ignore[arg-type]
    more = _more(line.more)
    frozen.rows.append(
        {
            "sequence": frozen.lines,
            "document_number": document.number,
            "subscription_id": line.subscription_id,
            "product_name": line.product_name,
            "sku_name": line.sku_name,
            "product_id": more.get("productid", "")[:200],
            "sku_id": more.get("skuid", "")[:200],
            "publisher": more.get("publishername", more.get("publisher", ""))[:300],
            "charge_type": line.charge_type,
            "charge_start": line.charge_start,
            "charge_end": line.charge_end,
            "quantity": line.quantity,
            "unit_type": line.unit_type,
            "sell_minor": minor,
        }
    )
    frozen.costs.append(
        {
            "sequence": frozen.lines,
            "cost": Decimal(line.cost or 0),
            "mark_up": price.mark_up,
            "version_id": document.version_id,
            "line_sequence": line.sequence,
        }
    )
    frozen.sell += minor
    frozen.last_charge_on = max(frozen.last_charge_on, price.day)
    share = frozen.shares.setdefault(line.subscription_id, [line.product_name, 0, 0])
    share[1] += 1
    share[2] += minor


def _more(text: str) -> dict[str, str]:
    """Microsoft's other fields by their names without case and underscores: the wire's spelling drifts."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    named = found if isinstance(found, dict) else {}
    return {name.lower().replace("_", ""): value for name, value in named.items() if isinstance(value, str)}


def _write(statement: CspStatement, bundle: Bundle, part: Part, frozen: _Frozen) -> None:
    sold = {"statement_id": statement.id, "partner_id": statement.partner_id, "csp_customer_id": part.customer_id}
    own = {"statement_id": statement.id, "partner_id": statement.partner_id}
    for begin in range(0, len(frozen.rows), _TOGETHER):
        some = slice(begin, begin + _TOGETHER)
        db.session.execute(insert(CspStatementLine), [{**sold, **row} for row in frozen.rows[some]])
        db.session.execute(insert(CspStatementLineCost), [{**own, **row} for row in frozen.costs[some]])
    db.session.add_all(
        CspStatementShare(**sold, subscription_id=subscription, product_name=name, lines=lines, sell_minor=minor)
        for subscription, (name, lines, minor) in frozen.shares.items()
    )
    overridden = {one.id: one.override_reason for one in bundle.documents if is_overridden(one)}
    db.session.add_all(
        CspStatementCost(
            **sold,
            version_id=total.version_id,
            document_id=total.document_id,
            lines=total.lines,
            cost=total.cost,
            override_reason=overridden.get(total.document_id),
        )
        for total in part.totals
    )
    db.session.flush()


def _name_of(partner_id: uuid.UUID) -> str:
    return db.session.scalars(select(Organisation.name).where(Organisation.id == partner_id)).one()
