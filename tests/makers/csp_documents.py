"""Microsoft's documents and their lines, as discovery leaves them: read whole, reconciled, totalled and priced.

account = make_account(partner)
customer = make_csp_customer(account, "Aldgate Insurance", linked=people.acme, mark_up="15", tax="20", monitored=True)
invoice = make_document(account, "G048201937", [line(customer, "100.80"), line(customer, "-94.08", start="2026-09-03")])
read_again(invoice, [...])            # another version of its lines takes the first one's place
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer, CspMarkUp, CspSubscription, CspTaxRate
from app.csp.invoices import pricing, rules
from app.csp.invoices.model import CspDocument, CspDocumentTotal, CspDocumentVersion, CspLine
from app.csp.microsoft.records import Line
from app.csp.statements import actions
from app.foundation import clock
from app.foundation.database import transaction
from app.foundation.tenancy import acting_for_all, viewing
from app.foundation.text import folded
from app.parties.model import Organisation
from tests.makers.parties import as_partner

LONG_AGO = date(2020, 1, 1)


def make_account(
    partner: Organisation, name: str = "Harborline CSP (EU)", *, model: str = "direct", mark_up: str | None = None, tax: str | None = None
) -> CspAccount:  # fmt: skip
    """Connected; `mark_up`: the default of all its customers."""
    with acting_for_all("a test's account"), transaction() as session:
        account = CspAccount(
            partner_id=partner.id, name=name, tenant_id=str(uuid.uuid4()), model=model, state="connected", currency="EUR",
            managed_mark_up=_percent(mark_up), not_managed_mark_up=_percent(mark_up), tax_rate=_percent(tax),
            created_at=clock.now(), created_by_name="Ada Marsh",
        )  # fmt: skip
        session.add(account)
    return account


def make_csp_customer(
    account: CspAccount, name: str = "Aldgate Insurance", *, linked: Organisation | None = None, mark_up: str | None = None,
    tax: str | None = None, monitored: bool = False, tenant_id: str = "",
) -> CspCustomer:  # fmt: skip
    """Listed by Microsoft. `monitored`: with one subscription that it may see in its own view."""
    with acting_for_all("a test's CSP customer"), transaction() as session:
        customer = CspCustomer(
            partner_id=account.partner_id, account_id=account.id, tenant_id=tenant_id or str(uuid.uuid4()), name=name,
            domain=f"{folded(name).split()[0]}.example", search_name=folded(name), relationship="reseller",
            first_seen_at=clock.now(), linked_organisation_id=linked.id if linked else None,
            linked_at=clock.now() if linked else None,
        )  # fmt: skip
        session.add(customer)
        session.flush()
        if monitored:
            session.add(
                CspSubscription(
                    partner_id=account.partner_id,
                    account_id=account.id,
                    customer_id=customer.id,
                    subscription_id="sub-1",
                    name="Microsoft 365 E3",
                    search_name="microsoft 365 e3",
                    quantity=Decimal(10),
                    status="active",
                    is_monitored=True,
                )
            )
    if mark_up is not None:
        set_mark_up(customer, mark_up)
    if tax is not None:
        with acting_for_all("a test's tax"), transaction() as session:
            session.add(
                CspTaxRate(
                    partner_id=customer.partner_id,
                    customer_id=customer.id,
                    percent=Decimal(tax),
                    valid_from=LONG_AGO,
                    set_at=clock.now(),
                    set_by_name="Ada Marsh",
                )
            )
    return customer


def set_mark_up(customer: CspCustomer, percent: str, valid_from: date = LONG_AGO) -> None:
    with acting_for_all("a test's mark-up"), transaction() as session:
        session.add(
            CspMarkUp(
                partner_id=customer.partner_id,
                customer_id=customer.id,
                percent=Decimal(percent),
                valid_from=valid_from,
                set_at=clock.now(),
                set_by_name="Ada Marsh",
            )
        )


def line(
    customer: CspCustomer | str | None, cost: str, *, tax: str = "0", start: str = "2026-09-01", end: str = "2026-09-30",
    charge_type: str = "cycleCharge", quantity: str = "10", subscription: str = "sub-1", product: str = "Microsoft 365 E3",
    currency: str = "EUR", line_type: str = "billing", name: str = "",
) -> Line:  # fmt: skip
    """One billing line. `customer`: a CSP customer, a tenant id that nobody has, or None for a line that names nobody."""
    tenant_id = customer.tenant_id if isinstance(customer, CspCustomer) else customer or ""
    named = customer.name if isinstance(customer, CspCustomer) else name
    return Line(
        line_type=line_type,
        provider="onetime",
        customer_tenant_id=tenant_id,
        customer_name=named,
        subscription_id=subscription,
        product_name=product,
        sku_name=product,
        charge_type=charge_type,
        charge_start=f"{start}T00:00:00Z" if start else "",
        charge_end=f"{end}T00:00:00Z" if end else "",
        unit_type="Licenses",
        quantity=quantity,
        unit_price=cost.lstrip("-"),
        effective_unit_price=cost.lstrip("-"),
        cost=cost,
        tax=tax,
        total=format(rules.EXACT.add(Decimal(cost), Decimal(tax)), "f"),
        currency=currency,
        more='{"product_id":"CFQ7TTC0LH18","sku_id":"0001","publisher_name":"Microsoft"}',
    )


def make_document(
    account: CspAccount, number: str = "G048201937", lines: Sequence[Line] = (), *, total: str | None = None, amends: str | None = None,
    document_type: str = "invoice", at: datetime = datetime(2026, 10, 8, tzinfo=UTC), currency: str = "EUR", read: bool = True,
    period: tuple[datetime, datetime] | None = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 30, tzinfo=UTC)),
) -> CspDocument:  # fmt: skip
    """`total`: as Microsoft says, the lines' sum if nothing is said; `read=False`: its lines were not read yet."""
    with acting_for_all("a test's document"), transaction() as session:
        document = CspDocument(
            partner_id=account.partner_id, account_id=account.id, number=number, document_type=document_type,
            invoice_type="recurring", amends=amends, invoice_date=at, period_start=period[0] if period else None,
            period_end=period[1] if period else None, currency=currency,
            total=Decimal(total) if total is not None else rules.sum_of(Decimal(one.total) for one in lines if one.line_type == "billing"),
            first_seen_at=clock.now(),
        )  # fmt: skip
        session.add(document)
    if read:
        read_again(document, lines)
    return document


def read_again(document: CspDocument, lines: Iterable[Line]) -> int:
    """A new version of its lines in force; its number."""
    with acting_for_all("a test's lines"), transaction() as session:
        kept = session.scalars(select(CspDocument).where(CspDocument.id == document.id)).one()
        version = CspDocumentVersion(
            partner_id=kept.partner_id, document_id=kept.id, source="v1", begun_at=clock.now(), complete_at=clock.now()
        )
        session.add(version)
        session.flush()
        every = list(lines)
        session.add_all(
            CspLine(partner_id=kept.partner_id, version_id=version.id, sequence=place, **one._asdict())
            for place, one in enumerate(every, start=1)
        )
        version.lines = len(every)
        _add_totals(session, kept, version.id, [one for one in every if one.line_type == "billing"])
        found = rules.reconcile(kept.total, [Decimal(one.total) for one in every if one.line_type == "billing"])
        kept.version_id, kept.lines_total, kept.difference = version.id, found.lines_total, found.difference
        kept.reconciled_at = clock.now()
        kept.version += 1
        session.flush()
        pricing.reprice(version.id)
    return int(version.id)


def _add_totals(session: Any, document: CspDocument, version_id: int, lines: Sequence[Line]) -> None:
    ids = dict(
        session.execute(
            select(CspCustomer.tenant_id, CspCustomer.id).where(CspCustomer.account_id == document.account_id)
        ).all()
    )
    by_key: dict[tuple[str, str], list[Line]] = {}
    for one in lines:
        by_key.setdefault((one.customer_tenant_id, one.currency), []).append(one)
    for (tenant, currency), some in by_key.items():
        session.add(
            CspDocumentTotal(
                partner_id=document.partner_id,
                version_id=version_id,
                customer_tenant_id=tenant,
                currency=currency,
                document_id=document.id,
                customer_id=ids.get(tenant),
                customer_name=some[0].customer_name,
                lines=len(some),
                cost=rules.sum_of(Decimal(one.cost) for one in some),
                microsoft_tax=rules.sum_of(Decimal(one.tax) for one in some),
            )
        )
    session.flush()


def csp_ids(partner: Organisation, customer: Organisation, number: str) -> dict[str, str]:
    """An account with one linked customer, an issued statement and a second customer that is ready, for walks of all routes."""
    account = make_account(partner, f"CSP of {partner.name}", mark_up="15", tax="20")
    linked = make_csp_customer(account, f"Cloud of {customer.name}", linked=customer, mark_up="15", monitored=True)
    other = make_csp_customer(account, "Ready Retail", mark_up="10")
    lines = [line(linked, "100.80"), line(linked, "-94.08", start="2026-09-03", quantity="-10"), line(other, "5.00")]
    document = make_document(account, number, lines)
    with viewing(as_partner(partner)) as by:
        statement = actions.issue(document.id, linked.id, by=by)
    return {
        "document_id": str(document.id),
        "billed_customer_id": str(linked.id),
        "statement_id": str(statement.id),
        "number": number,
    }


def _percent(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
