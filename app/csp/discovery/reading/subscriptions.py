"""Subscriptions: each customer's own list, whole."""

from collections.abc import Callable, Iterator

from app.csp.customers import arrivals
from app.csp.discovery import rules
from app.csp.discovery.reading.customers import Answered, Named, answers, customers_of, note_refused
from app.csp.discovery.reading.work import Progress, Work
from app.csp.discovery.states import SUBSCRIPTIONS


def read(work: Work) -> None:
    progress = work.begin(SUBSCRIPTIONS)
    for some in each_customer(work, progress, lambda one: work.client.subscriptions(one.tenant_id)):
        with work.page(progress):
            lists = {customer.id: answer for customer, answer in some if not isinstance(answer, Exception)}
            arrived = arrivals.subscriptions_read(work.owner, lists, by=work.by)
            progress.done += sum(map(len, lists.values()))
            progress.new += arrived.new
            progress.changed += arrived.changed
            note_refused(work, SUBSCRIPTIONS, some)
            move_on(progress, some)
    with work.page(progress):
        progress.known = progress.done
        work.end(progress)


def each_customer(work: Work, progress: Progress, ask: Callable[[Named], object]) -> Iterator[Answered]:
    """Every listed customer's answer, from where this run was taken over, or else from where the one before was cut short."""
    customers = customers_of(work.owner.account_id)
    if "begun_after" not in progress.cursor:
        left_at = work.left_at.get(progress.kind, {})
        progress.cursor = {"begun_after": left_at.get("after", ""), "customers": 0, "of": len(customers)}
    todo = rules.still_to_read(customers, progress.cursor["begun_after"], progress.cursor.get("after"))
    return answers(work, [customers[tenant_id] for tenant_id in todo], ask)


def move_on(progress: Progress, some: Answered) -> None:
    read_so_far = progress.cursor["customers"] + len(some)
    progress.cursor = {**progress.cursor, "after": some[-1][0].tenant_id, "customers": read_so_far}
