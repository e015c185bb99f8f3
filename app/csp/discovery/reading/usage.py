"""Usage: what Microsoft estimates each customer's present period to cost, which budgets are compared with."""

from sqlalchemy import select

from app.csp.customers import arrivals
from app.csp.customers.model import CspCustomer
from app.csp.discovery.reading.customers import OF_A_CUSTOMER, note_refused
from app.csp.discovery.reading.subscriptions import each_customer, move_on
from app.csp.discovery.reading.work import Work
from app.csp.discovery.states import USAGE
from app.foundation.database import db


def read(work: Work) -> None:
    progress = work.begin(USAGE)
    for some in each_customer(work, progress, lambda one: work.client.usage(one.tenant_id)):
        with work.page(progress):
            read_now = {customer.id: answer for customer, answer in some if not isinstance(answer, Exception)}
            arrived = arrivals.usage_read(work.owner, read_now)
            progress.done += len(some)
            progress.new += arrived.new
            progress.changed += arrived.changed
            note_refused(work, USAGE, some)
            move_on(progress, some)
    with work.page(progress):
        progress.known = progress.done
        _who_answers_again(work)
        work.end(progress)


def _who_answers_again(work: Work) -> None:
    """Every customer was asked for all it has: whom nothing was refused, is refused nothing any more."""
    refused = work.refused_so_far(*OF_A_CUSTOMER)
    rows = db.session.execute(
        select(CspCustomer.id, CspCustomer.tenant_id).where(
            CspCustomer.account_id == work.owner.account_id, CspCustomer.refusal.is_not(None)
        )
    )
    arrivals.refusals_of({row.id: None for row in rows if row.tenant_id not in refused})
