"""Issuing all statements of an invoice that are ready: bite by bite, so that a thousand customers never hold up one request.

Each answer issues what it can within a few seconds and leads to a page that shows how far it is and sends the next bite by itself; without
script a button does. Nothing is kept of it: what is left is what is still ready after the customer the last bite ended with. Whoever
leaves goes on later from the invoice's page, and who sends a bite twice issues nothing twice.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, request, session
from flask_babel import ngettext

from app.csp.statements import actions
from app.foundation import clock, tenancy
from app.foundation.refusals import Refused
from app.web.csp_invoice_page import InvoicePage, Row, invoice_page
from app.web.csp_issuing import Issue, ask, fresh, issued
from app.web.csp_runs import lasted
from app.web.fields import Carried
from app.web.fragments import go_to, show
from app.web.guard import needs
from app.web.submissions import No, submit_each
from app.web.templating import translate

screen = Blueprint("csp_invoice_issuing", __name__)

HERE = "/csp/invoices/<uuid:document_id>"
#: a bite ends with whichever comes first
BITE_SECONDS = 3
BITE_STATEMENTS = 200
#: of those that could not be issued, named on the page
MOST_NAMED = 20
#: in the member's session: the page that may send the next bite
_GOES_ON = "issuing"
_LONGEST = timedelta(days=1)


class Bite(Issue):
    #: the customer the bite before ended with; empty: from the first
    after = Carried(default="")
    #: how many there were to issue when it began, and when that was, in seconds
    of = Carried(default="")
    begun = Carried(default="")


@dataclass(frozen=True)
class Progress:
    """How far the issuing of one invoice is, read from its own rows and from what the address says."""

    page: InvoicePage
    after: str
    of: int
    begun: datetime
    #: still to be tried, in the page's order
    left: list[uuid.UUID]
    #: tried and still ready: refused
    failed: list[Row]

    @property
    def done(self) -> int:
        return max(0, self.of - len(self.left) - len(self.failed))

    def link(self) -> str:
        return f"{self.page.here}/issuing?after={self.after}&of={self.of}&begun={int(self.begun.timestamp())}"


@screen.get(f"{HERE}/issue", endpoint="ask_issue_all")
@screen.post(f"{HERE}/issue")
@needs("csp-statement:issue", capacity="partner")
def issue_all(document_id: uuid.UUID) -> Response:
    """Every customer that is ready, each in a transaction of its own: one that cannot be issued never holds up the others."""
    page, form = invoice_page(document_id), Bite()
    if form.validate_on_submit():
        return _bite(page, form)
    if not page.ready_customers:
        return fresh(document_id)
    ready = set(page.ready_customers)
    names = [row.part.name for row in page.ready if row.part.customer_id in ready]
    return ask(
        page,
        form,
        title=ngettext("Issue %(num)s statement", "Issue %(num)s statements", len(ready)),
        names=list(dict.fromkeys(names)),
    )


@screen.get(f"{HERE}/issuing")
@needs("csp-statement:issue", capacity="partner")
def show_progress(document_id: uuid.UUID) -> Response:
    page = invoice_page(document_id)
    asked = {name: request.args.get(name, "") for name in ("after", "of", "begun")}
    now = progress_of(page, **asked)
    form = Bite(formdata=None, after=now.after, of=str(now.of), begun=str(int(now.begun.timestamp())))
    return show(
        "csp/issuing.html",
        page=page,
        progress=now,
        form=form,
        # an address alone, whoever made it up, sends nothing: only the answer of a bite goes on by itself, and once
        goes_on=session.pop(_GOES_ON, "") == now.link(),
        elapsed=lasted(clock.now() - now.begun),
        named=now.failed[:MOST_NAMED],
    )


def _bite(page: InvoicePage, form: Bite) -> Response:
    before = progress_of(page, form.after.data or "", form.of.data or "", form.begun.data or "")
    by, began, last = tenancy.current(), clock.now(), before.after
    found: dict[uuid.UUID, No | None] = {}
    for customer_id in before.left[:BITE_STATEMENTS]:
        amounts = actions.amounts_of(page.amounts(customer_id))
        found |= submit_each(
            form,
            [(customer_id, amounts)],
            lambda one, shown: actions.issue(page.document.id, one, shown=shown, by=by),
            action="issue-statements",
        )
        last = str(customer_id)
        if clock.now() - began >= timedelta(seconds=BITE_SECONDS):
            break
    made = sum(1 for no in found.values() if no is None)
    refused = [no for no in found.values() if isinstance(no, Refused)]
    why = translate(refused[0]) if refused else ""
    if len(found) < len(before.left):
        after = Progress(page, last, before.of, before.begun, [], [])
        session[_GOES_ON] = after.link()
        return go_to(after.link(), toast=why or None, kind="risk")
    made += before.done
    if not made and not refused and not before.failed:
        return fresh(page.document.id)
    told = f"{issued(made)} {why or _failed(len(before.failed))}".strip()
    if refused or before.failed:
        return go_to(page.here, toast=told, kind="risk" if made else "blocked")
    return go_to(page.here, toast=told)


def _failed(count: int) -> str:
    return ngettext("%(num)s could not be issued.", "%(num)s could not be issued.", count) if count else ""


def progress_of(page: InvoicePage, after: str, of: str, begun: str) -> Progress:
    """What the address or the form says, made good: it may be old, or anybody's invention."""
    now = clock.now()
    order = [str(one) for one in dict.fromkeys(row.part.customer_id for row in page.rows)]
    place = order.index(after) if after in order else -1
    tried = set(order[: place + 1])
    left = [one for one in page.ready_customers if str(one) not in tried]
    ready = set(page.ready_customers)
    failed = {row.part.customer_id: row for row in page.ready if str(row.part.customer_id) in tried and row.part.customer_id in ready}  # fmt: skip
    least = len(left) + len(failed)
    return Progress(
        page=page,
        after=after if place >= 0 else "",
        of=min(max(_whole(of), least), max(len(order), least)),
        begun=_instant(begun, now),
        left=left,
        failed=list(failed.values()),
    )


def _whole(text: str) -> int:
    return int(text) if len(text) <= 10 and text.isascii() and text.isdigit() else 0


def _instant(text: str, now: datetime) -> datetime:
    seconds = _whole(text)
    then = datetime.fromtimestamp(seconds, UTC) if seconds else now
    return then if now - _LONGEST <= then <= now else now
