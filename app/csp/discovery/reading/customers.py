"""Customers: the whole listing, then the own page of each of whom something is to be learnt there."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import delete, select

from app.csp.customers import arrivals
from app.csp.customers.model import CspCustomer
from app.csp.discovery import rules
from app.csp.discovery.model import CspListed
from app.csp.discovery.reading.work import Progress, Work
from app.csp.discovery.rules import GIVE_UP_AFTER
from app.csp.discovery.states import CUSTOMERS, SUBSCRIPTIONS, USAGE
from app.csp.invoices.pricing import adopt
from app.csp.microsoft.records import Refused, Unreachable
from app.foundation.database import db

#: customers whose answers are written in one transaction
BATCH = 50
#: kinds that are asked for each customer by itself
OF_A_CUSTOMER = (CUSTOMERS, SUBSCRIPTIONS, USAGE)


class Named(NamedTuple):
    """A customer as calls and refusals name it."""

    id: uuid.UUID
    tenant_id: str
    name: str


def read(work: Work) -> None:
    progress = work.begin(CUSTOMERS)
    if not progress.cursor.get("is_listed"):
        _list(work, progress)
    _read_own_pages(work, progress)


def _list(work: Work, progress: Progress) -> None:
    for page in work.pages(work.client.customers, progress.cursor.get("next")):
        with work.page(progress):
            arrived = arrivals.customers_listed(work.owner, page.records, by=work.by)
            progress.done += work.listed(CUSTOMERS, (record.tenant_id for record in page.records))
            progress.new += arrived.new
            progress.changed += arrived.changed
            if page.next is not None:
                progress.cursor = {"next": dict(page.next)}
                continue
            progress.known = progress.done
            progress.changed += arrivals.unlisted(work.owner, work.listed_so_far(CUSTOMERS), by=work.by)
            adopt(work.owner.account_id)
            db.session.execute(delete(CspListed).where(CspListed.run_id == work.run_id, CspListed.kind == CUSTOMERS))
            progress.cursor = {"is_listed": True}


def _read_own_pages(work: Work, progress: Progress) -> None:
    """Customers count as read once nothing is to be learnt of them any more."""
    known, after = progress.known or 0, progress.cursor.get("after")
    todo = [one for one in _with_pages_due(work) if after is None or one.tenant_id > after]
    progress.done = known - len(todo)
    for some in answers(work, todo, lambda customer: work.client.customer(customer.tenant_id)):
        with work.page(progress):
            details = {customer.id: answer for customer, answer in some if not isinstance(answer, Exception)}
            progress.changed += arrivals.details_read(details, by=work.by)
            note_refused(work, CUSTOMERS, some)
            progress.done += len(some)
            progress.cursor = {"is_listed": True, "after": some[-1][0].tenant_id}
    with work.page(progress):
        progress.done = known
        work.end(progress)


def _with_pages_due(work: Work) -> list[Named]:
    rows = db.session.execute(
        select(CspCustomer.id, CspCustomer.tenant_id, CspCustomer.name, CspCustomer.digest, CspCustomer.refusal).where(
            CspCustomer.account_id == work.owner.account_id, CspCustomer.relationship == arrivals.RESELLER
        )
    )
    due = [
        Named(row.id, row.tenant_id, row.name)
        for row in rows
        if rules.details_are_due(
            row.tenant_id, work.number, has_details=bool(row.digest[32:]), is_refused=row.refusal is not None
        )
    ]
    return sorted(due, key=lambda one: one.tenant_id)


def customers_of(account_id: uuid.UUID) -> dict[str, Named]:
    """Tenant id -> each customer that is listed."""
    rows = db.session.execute(
        select(CspCustomer.id, CspCustomer.tenant_id, CspCustomer.name).where(
            CspCustomer.account_id == account_id, CspCustomer.relationship == arrivals.RESELLER
        )
    )
    return {row.tenant_id: Named(row.id, row.tenant_id, row.name) for row in rows}


Answered = list[tuple[Named, Any]]


def answers(work: Work, customers: Sequence[Named], ask: Callable[[Named], Any]) -> Iterator[Answered]:
    """Each customer with its answer, or with the exception of what Microsoft would not tell; some at a time, in their order.

    So many in a row that reach nobody are a server that is away, and no matter of one customer: raised, after what came before.
    """

    def call(customer: Named) -> Callable[[], Any]:
        return lambda: ask(customer)

    futures = work.fetchers.in_order(call(customer) for customer in customers)
    in_vain = 0
    for some in _batches(zip(customers, futures, strict=True)):
        answered: Answered = []
        for customer, future in some:
            try:
                answered.append((customer, work.answer(future)))
                in_vain = 0
            except Refused as no:
                answered.append((customer, no))
                in_vain = 0
            except Unreachable as nobody:
                in_vain += 1
                if in_vain >= GIVE_UP_AFTER:
                    if answered:
                        yield answered
                    raise
                answered.append((customer, nobody))
            except BaseException:
                if answered:
                    yield answered
                raise
        yield answered


def _batches(pairs: Iterable[tuple[Named, "Future[Any]"]]) -> Iterator[list[tuple[Named, "Future[Any]"]]]:
    source = iter(pairs)
    while batch := list(islice(source, BATCH)):
        yield batch


def note_refused(work: Work, kind: str, answered: Answered) -> None:
    """Inside a page's transaction: on the run, and on each customer that does not answer. Who answers again is told at the end."""
    refused = [(customer, answer) for customer, answer in answered if isinstance(answer, Exception)]
    for customer, no in refused:
        work.note_refusal(kind, customer.tenant_id, customer.name, no)
    if refused:
        earlier = work.refused_so_far(*OF_A_CUSTOMER)
        arrivals.refusals_of({customer.id: earlier[customer.tenant_id[:80]] for customer, _no in refused})
