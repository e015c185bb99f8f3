"""CSP accounts, customers, subscriptions and usage as a discovery would leave them. Each wants an app context, none a viewer."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from app.csp.accounts import states
from app.csp.accounts.model import CspAccount
from app.csp.customers.model import CspCustomer, CspSubscription, CspUsage
from app.foundation import clock
from app.foundation.database import db, transaction
from app.foundation.tenancy import acting_for_all
from app.foundation.text import folded
from app.parties.model import Organisation


def make_account(partner: Organisation, name: str = "Northbridge CSP (EU)", **facts: Any) -> CspAccount:
    """A connected account; give `managed_mark_up`, `not_managed_mark_up` or `tax_rate` as Decimals where they are set."""
    kept = {
        "tenant_id": str(uuid.uuid4()), "model": states.DIRECT, "state": states.CONNECTED, "currency": "EUR",
        "created_at": clock.now(), "created_by_name": "Ada Marsh, Northbridge", **facts,
    }  # fmt: skip
    return _kept(CspAccount(partner_id=partner.id, name=name, **kept))


def make_customer(account: CspAccount, name: str = "Fabrikam", **facts: Any) -> CspCustomer:
    """Listed, not linked, without any terms."""
    domain = facts.pop("domain", f"{name.lower().replace(' ', '')}.example")
    kept = {
        "tenant_id": str(uuid.uuid4()), "relationship": "reseller", "relationship_as_sent": "Reseller",
        "first_seen_at": clock.now(), "contact": {}, **facts,
    }  # fmt: skip
    return _kept(
        CspCustomer(
            partner_id=account.partner_id, account_id=account.id, name=name, domain=domain,
            search_name=f"{folded(name)} {domain}", **kept,
        )
    )  # fmt: skip


def make_subscription(customer: CspCustomer, name: str = "Microsoft 365 E3", **facts: Any) -> CspSubscription:
    kept = {
        "subscription_id": str(uuid.uuid4()), "quantity": Decimal(25), "status": "active", "unit_type": "Licenses",
        "offer_name": name, "auto_renew": True, "billing_type": "license", "billing_cycle": "monthly", "term": "P1Y",
        "ends_at": datetime(2027, 3, 31, tzinfo=UTC), "order_id": "a1b2c3", **facts,
    }  # fmt: skip
    return _kept(
        CspSubscription(
            partner_id=customer.partner_id, account_id=customer.account_id, customer_id=customer.id, name=name,
            search_name=folded(name), **kept,
        )
    )  # fmt: skip


def make_usage(customer: CspCustomer, cost: str, *, begins: date | None = None, **facts: Any) -> CspUsage:
    """This month's estimate, or that of the period beginning then; sent again, it takes the former one's place."""
    begins = begins or clock.now().date().replace(day=1)
    with acting_for_all("a test's usage"), transaction() as session:
        usage = session.query(CspUsage).filter_by(customer_id=customer.id, period_start=begins).one_or_none()
        usage = usage or CspUsage(partner_id=customer.partner_id, customer_id=customer.id, period_start=begins)
        kept = {"currency": "EUR", "as_of": clock.now(), "read_at": clock.now(), "period_end": None, **facts}
        usage.cost = Decimal(cost)
        for name, value in kept.items():
            setattr(usage, name, value)
        session.add(usage)
    return usage


def _kept(row: Any) -> Any:
    with acting_for_all("a test's row"), transaction() as session:
        session.add(row)
        session.flush()
    db.session.expunge(row)
    return row
