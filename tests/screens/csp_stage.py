"""Northbridge resells: an account with three customers in different standing, and Contrail's one beside it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from app.csp.accounts.model import CspAccount
from app.csp.customers.budgets import measure_budget, set_budget
from app.csp.customers.links import link_customer
from app.csp.customers.mark_ups import set_mark_up, set_tax_rate
from app.csp.customers.model import CspCustomer, CspSubscription
from app.csp.customers.monitoring import monitor
from app.foundation import clock
from app.foundation.database import db
from app.foundation.tenancy import viewing
from app.parties.relations import relate
from tests.makers.csp_customers import make_account, make_customer, make_subscription, make_usage
from tests.people import People

#: a row of every rate begins on it, so that the walk of routes finds one to remove
FAR = date(2030, 1, 1)


@dataclass
class Stage:
    account: CspAccount
    #: complete: linked to Acme, monitored, 18 %
    fabrikam: CspCustomer
    #: nothing set
    tailspin: CspCustomer
    #: its relationship has ended, and Microsoft refuses it
    gone: CspCustomer
    subscription: CspSubscription
    foreign: CspCustomer


def set_stage(app: Any, people: People) -> Stage:
    with app.app_context():
        account = make_account(people.northbridge, tax_rate=Decimal(20))
        fabrikam = make_customer(
            account, "Fabrikam", contact={"first_name": "Jo", "last_name": "Hale", "email": "jo@fabrikam.example"}
        )
        subscription = make_subscription(fabrikam)
        make_subscription(fabrikam, "Azure plan", status="suspended", suspension_reasons=["CustomerCancellation"])
        make_usage(fabrikam, "450.00")
        tailspin = make_customer(account, "Tailspin Toys")
        make_subscription(tailspin)
        gone = make_customer(
            account, "Wingtip", relationship="former", gone_at=datetime(2026, 9, 3, tzinfo=UTC),
            refusal="Microsoft answers 403 (2000): access denied.", refused_at=datetime(2026, 9, 2, tzinfo=UTC),
        )  # fmt: skip
        foreign = make_customer(make_account(people.contrail, "Contrail CSP"), "Secret of contrail")
        make_subscription(foreign)
        as_sold(people, fabrikam, subscription)
        db.session.remove()
    return Stage(account, fabrikam, tailspin, gone, subscription, foreign)


def as_sold(
    people: People, customer: CspCustomer, subscription: CspSubscription, person: str = "ada", to: str = "acme"
) -> None:
    """Linked, monitored, with terms and a budget: by the real actions."""
    by = people.viewer(person)
    with viewing(by):
        relate(customer.partner_id, people.organisations[to].id, by=by)
        link_customer(customer.id, people.organisations[to].id, by=by)
        monitor(customer.id, subscription.id, on=True, by=by)
        set_mark_up(customer.id, percent=Decimal(18), valid_from=date(2026, 1, 1), by=by)
        set_mark_up(customer.id, percent=Decimal("20.50"), valid_from=FAR, by=by)
        set_tax_rate(customer.id, percent=Decimal(0), valid_from=FAR, by=by)
        set_budget(customer.id, amount=Decimal(500), currency="EUR", recipients=[], by=by)
        measure_budget(customer.id, by=by)


def csp_ids(people: People, partner: str, person: str, to: str) -> dict[str, str]:
    """What the walks of routes need of one partner."""
    account = make_account(people.organisations[partner], f"CSP of {partner}")
    customer = make_customer(account, f"Customer of {partner}")
    subscription = make_subscription(customer)
    make_usage(customer, "12.50", read_at=clock.now())
    as_sold(people, customer, subscription, person, to)
    return {
        "account_id": str(account.id),
        "csp_customer_id": str(customer.id),
        "csp_subscription_id": str(subscription.id),
    }
