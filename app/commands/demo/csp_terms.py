"""What the demo's partner makes of its discovered CSP customers: terms, links, monitoring and budgets, by the real actions.

Called once customers are there, whoever discovered them. The first by name are sold to in full, one is given away at cost, one
has a budget it will not keep, and the rest wait to be seen to: so that every page has something of each kind to show.
"""

import uuid
from collections.abc import Collection
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import select

from app.csp.customers.budgets import estimates_of, set_budget
from app.csp.customers.links import link_customer, organisations_to_link
from app.csp.customers.mark_ups import set_mark_up
from app.csp.customers.model import CspCustomer
from app.csp.customers.monitoring import monitor_all
from app.csp.customers.queries import today
from app.foundation.database import db
from app.foundation.money import exponent
from app.foundation.tenancy import Viewer, viewing

#: percent, by place in the list of names; beyond it the account's default counts
MARK_UPS = (Decimal(18), Decimal("22.5"), Decimal(0))
#: what share of its budget the estimate uses: the first is fine, the second over it
USED = (Decimal("0.62"), Decimal("1.08"), Decimal("0.85"))


def sell(account_id: uuid.UUID, *, by: Viewer, to: Collection[str] = ()) -> int:
    """Set terms for the account's first customers; how many have some now. Safe to say again.

    `to`: the names of the organisations that they may be linked to, all there are where nothing is said.
    """
    with viewing(by):
        found = select(CspCustomer).where(CspCustomer.account_id == account_id, CspCustomer.relationship == "reseller")
        customers = db.session.scalars(found.order_by(CspCustomer.search_name).limit(len(MARK_UPS))).all()
        organisations = [one for one in organisations_to_link(limit=100) if not to or one.name in to]
        for place, customer in enumerate(customers):
            set_mark_up(customer.id, percent=MARK_UPS[place], valid_from=_a_year_ago(), by=by)
            if customer.linked_organisation_id is None and place < len(organisations):
                monitor_all(customer.id, on=True, by=by)
                link_customer(customer.id, organisations[place].id, by=by)
            _budget(customer, USED[place], by)
    return len(customers)


def _a_year_ago() -> date:
    return (today() - timedelta(days=365)).replace(day=1)


def _budget(customer: CspCustomer, used: Decimal, by: Viewer) -> None:
    estimate = estimates_of([customer.id]).get(customer.id)
    if estimate is None or estimate.cost <= 0:
        return
    step = Decimal(1).scaleb(-exponent(estimate.currency))
    amount = (estimate.cost / used).quantize(step, rounding=ROUND_CEILING)
    set_budget(customer.id, amount=amount, currency=estimate.currency, recipients=[], by=by)
