"""An invoice with its amendments as its page shows it: what ties, each customer's row, what issuing would do, what is in its way."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from flask import request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup

from app.csp.accounts.model import CspAccount
from app.csp.customers.terms import Terms
from app.csp.invoices import rules
from app.csp.invoices.bundles import Bundle, Part, bundle_of, is_overridden, ties
from app.csp.invoices.queries import status_of
from app.csp.statements import queries as statements
from app.csp.statements.rules import CHANGED, ISSUED, READY, may_issue, standing
from app.foundation import clock
from app.foundation.billing_month import BillingMonth
from app.foundation.tenancy import one
from app.web.csp_amounts import digits_of, in_minor, in_minor_text, percent, utc_day, with_currency
from app.web.instants import month as month_words

#: customers on a page
PAGE = 50
MONTHS_OFFERED = 18
KINDS = {
    "invoice": _l("Invoice"),
    "void_note": _l("Void note"),
    "adjustment_note": _l("Credit note"),
    "credit_note": _l("Credit note"),
}
TYPES = {"recurring": _l("recurring"), "one_time": _l("one-time")}


def recent_months() -> list[BillingMonth]:
    """What a list's menu offers, newest first; any other may be asked for by the address."""
    now = BillingMonth.at(clock.now())
    return [now.shifted(-back) for back in range(MONTHS_OFFERED)]


def kind_of(document: Any) -> str:
    """Microsoft's word for it; an unknown one as sent."""
    return str(KINDS.get(document.document_type, document.document_type or _("Document")))


@dataclass
class Row:
    """One customer's line of the table; amounts as text, None's as a dash."""

    part: Part
    state: str
    tax_rate: Decimal | None
    latest: Any
    tax: Decimal | None
    with_credit: bool

    @property
    def earned(self) -> Decimal | None:
        return None if self.part.sell is None else rules.EXACT.subtract(self.part.sell, self.part.cost)

    @property
    def gross(self) -> Decimal | None:
        if self.part.sell is None or self.tax is None:
            return None
        return rules.EXACT.add(self.part.sell, self.tax)

    @property
    def mark_up(self) -> str:
        found = self.part.mark_ups
        if found is None:
            return ""
        least, most = found
        return percent(least) if least == most else f"{percent(least)} \u2013 {percent(most)}"

    @property
    def next_version(self) -> int:
        return self.latest.version + 1 if self.latest else 1

    @property
    def told(self) -> str:
        """The small print under the tag."""
        if self.part.sell is None:
            return ngettext("mark-up not set, %(num)s line", "mark-up not set, %(num)s lines", self.part.unpriced)
        if self.state == ISSUED:
            return _("version %(n)s", n=self.latest.version)
        if not may_issue(self.state):
            return _("held back")
        words = [_("version %(n)s", n=self.next_version)]
        if self.with_credit:
            words.append(_("with credit"))
        if self.part.mark_ups == (0, 0):
            words.append(_("0 % chosen"))
        if self.tax_rate is None:
            words.append(_("no tax set"))
        return ", ".join(words)


@dataclass
class Sums:
    """The table's last row, of one currency."""

    currency: str
    rows: list[Row] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return sum(row.part.lines for row in self.rows)

    @property
    def cost(self) -> Decimal:
        return rules.sum_of(row.part.cost for row in self.rows)

    @property
    def sell(self) -> Decimal:
        return rules.sum_of(row.part.sell for row in self.rows if row.part.sell is not None)

    @property
    def earned(self) -> Decimal:
        return rules.sum_of(row.earned for row in self.rows if row.earned is not None)

    @property
    def tax(self) -> Decimal:
        return rules.sum_of(row.tax for row in self.rows if row.tax is not None)

    @property
    def gross(self) -> Decimal:
        return rules.sum_of(row.gross for row in self.rows if row.gross is not None)


@dataclass
class InvoicePage:
    bundle: Bundle
    account: CspAccount
    rows: list[Row]

    @property
    def document(self) -> Any:
        return self.bundle.root

    @property
    def here(self) -> str:
        return f"/csp/invoices/{self.document.id}"

    @property
    def title(self) -> str:
        return f"{kind_of(self.document)} {self.document.number}"

    @property
    def facts(self) -> list[Any]:
        document = self.document
        told: list[Any] = []
        if document.period_start:
            told.append(Markup("<b>%s</b>") % month_words(BillingMonth.at(document.period_start)))
        if document.invoice_type:
            told.append(str(TYPES.get(document.invoice_type, document.invoice_type)))
        told.append(_("dated %(day)s", day=utc_day(document.invoice_date)))
        if document.paid:
            told.append(_("paid %(amount)s", amount=with_currency(document.paid, document.currency)))
        return [*told, _("amounts in %(currency)s", currency=document.currency)]

    @property
    def customers(self) -> int:
        return len({row.part.customer_id for row in self.rows})

    @property
    def other_currencies(self) -> bool:
        return set(self.bundle.customers_total) - {self.document.currency} != set()

    @property
    def of_customers(self) -> str:
        """Cost and Microsoft's tax of all customers and of what is unassigned, one amount a currency."""
        found = self.bundle.customers_total or {self.document.currency: rules.NOTHING}
        if not self.other_currencies:
            return in_minor(found[self.document.currency], self.document.currency)
        return ", ".join(with_currency(amount, currency) for currency, amount in found.items())

    @property
    def of_customers_exactly(self) -> str:
        """Every digit of it, where it has more than its currency."""
        own = self.bundle.customers_total.get(self.document.currency)
        return "" if self.other_currencies else digits_of(own, self.document.currency)

    @property
    def unassigned_words(self) -> str:
        count = sum(total.lines for total in self.bundle.unassigned)
        tax = rules.sum_of(total.microsoft_tax for total in self.bundle.totals)
        words = (
            ngettext("%(num)s line unassigned", "%(num)s lines unassigned", count) if count else _("nothing unassigned")
        )
        if tax:
            words = _(
                "%(words)s, %(tax)s of it Microsoft's tax", words=words, tax=in_minor_text(tax, self.document.currency)
            )
        return words

    @cached_property
    def status(self) -> str:
        """Of the bundle: the first of its documents that does not tie says it."""
        found = [status_of(one) for one in self.bundle.documents]
        return next((one for one in found if one != "reconciled"), "reconciled")

    @cached_property
    def ready(self) -> list[Row]:
        return [row for row in self.rows if may_issue(row.state)]

    @cached_property
    def ready_customers(self) -> list[uuid.UUID]:
        """Those of whose rows one is ready and none has no mark-up, by name."""
        unpriced = {row.part.customer_id for row in self.rows if row.part.sell is None}
        return list(dict.fromkeys(row.part.customer_id for row in self.ready if row.part.customer_id not in unpriced))

    @cached_property
    def unpriced(self) -> list[Row]:
        return [row for row in self.rows if row.part.sell is None]

    @cached_property
    def sums(self) -> list[Sums]:
        """One row a currency, that of the invoice first."""
        found: dict[str, Sums] = {}
        for row in self.rows:
            found.setdefault(row.part.currency, Sums(row.part.currency)).rows.append(row)
        return sorted(found.values(), key=lambda sums: (sums.currency != self.document.currency, sums.currency))

    @property
    def counts(self) -> str:
        """'5 ready, 1 blocked'"""
        words = {
            READY: _("%(n)s ready"), CHANGED: _("%(n)s changed"), ISSUED: _("%(n)s issued"), "blocked": _("%(n)s blocked"),
        }  # fmt: skip
        counted = {state: sum(1 for row in self.rows if row.state == state) for state in words}
        return ", ".join(text.replace("%(n)s", str(counted[state])) for state, text in words.items() if counted[state])

    @property
    def issue_gross(self) -> str:
        """What would be frozen: one amount a currency."""
        found: dict[str, list[Decimal]] = {}
        for row in self.ready:
            if row.gross is not None:
                found.setdefault(row.part.currency, []).append(row.gross)
        return ", ".join(with_currency(rules.sum_of(amounts), currency) for currency, amounts in found.items())

    @property
    def unlinked(self) -> int:
        return len({row.part.customer_id for row in self.ready if row.part.linked_organisation_id is None})

    def amounts(self, customer_id: uuid.UUID) -> list[Part]:
        return self.bundle.part(customer_id)

    @cached_property
    def hindrances(self) -> list[dict[str, Any]]:
        """What is in the way, all in one list: icon, text, where to put it right."""
        return [*self._untied(), *self._loose(), *self._without_mark_up()]

    def _untied(self) -> list[dict[str, Any]]:
        found = []
        for document in self.bundle.documents:
            if ties(document):
                continue
            if document.version_id is None:
                text = document.refusal or _("its lines were not read yet")
            else:
                amount = with_currency(document.difference, document.currency)
                text = _("its lines differ from its total by %(amount)s", amount=amount)
            found.append({"what": document.number, "text": text, "overridden": is_overridden(document), "path": None})
        return found

    def _loose(self) -> list[dict[str, Any]]:
        loose = self.bundle.unassigned
        if not loose:
            return []
        count = sum(total.lines for total in loose)
        held = {one.id for one in self.bundle.in_the_way}
        return [
            {
                "what": ngettext("%(num)s unassigned line", "%(num)s unassigned lines", count),
                "text": _("it names no customer that Microsoft lists"),
                "overridden": not any(total.document_id in held for total in loose),
                "path": f"{self.here}/unassigned",
            }
        ]

    def _without_mark_up(self) -> list[dict[str, Any]]:
        return [
            {
                "what": row.part.name,
                "text": _("set its mark-up"),
                "overridden": False,
                "path": f"/csp/customers/{row.part.customer_id}/budget",
            }
            for row in self.unpriced
        ]

    @property
    def in_force(self) -> list[dict[str, Any]]:
        """The amendments' table: each document with its kind, day and total."""
        return [
            {
                "path": f"/csp/invoices/{one.id}",
                "number": one.number,
                "kind": kind_of(one),
                "at": one.invoice_date,
                "status": status_of(one),
                "amount": in_minor(one.total, one.currency),
                "exact": digits_of(one.total, one.currency),
            }
            for one in self.bundle.documents
        ]


def invoice_page(document_id: uuid.UUID) -> InvoicePage:
    """Everything the page and its decisions read; NotVisible for another partner's."""
    bundle = bundle_of(document_id)
    account = one(CspAccount, bundle.root.account_id)
    latest = statements.latest_of(bundle.root.id)
    held = bool(bundle.in_the_way or bundle.amended)
    return InvoicePage(bundle, account, rows_of(bundle, bundle.terms(), latest, held=held))


def rows_of(bundle: Bundle, terms: dict[uuid.UUID, Terms], latest: Any, *, held: bool) -> list[Row]:
    day, root = bundle.root.invoice_date.date(), bundle.root
    found = []
    for part in bundle.parts:
        rate = terms[part.customer_id].tax_on(day)
        last = latest.get(part.key)
        state = standing(sell=part.sell, lines=part.lines, tax_rate=rate, latest=statements.issued(last), held=held)
        tax = None if part.sell is None else rules.tax_of(part.sell, rate, part.currency)
        credit = any(total.document_id != root.id for total in part.totals)
        found.append(Row(part, state, rate, last, tax, credit))
    return found


def page_of_rows(
    rows: Sequence[Row], after: str | None, before: str | None
) -> tuple[list[Row], str | None, str | None]:
    """Fifty of the rows, which are in memory and in order; cursors are a row's own key."""
    keys = [f"{row.part.customer_id}.{row.part.currency}" for row in rows]
    begin = keys.index(after) + 1 if after in keys else 0
    if before in keys:
        begin = max(0, keys.index(before) - PAGE)
    some = list(rows[begin : begin + PAGE])
    following = keys[begin + PAGE - 1] if begin + PAGE < len(rows) else None
    return some, following, keys[begin] if begin else None


def shown(page: InvoicePage) -> dict[str, Any]:
    """What the page's template takes, for the screen and for who shows it again after a lost race."""
    rows, following, first = page_of_rows(page.rows, request.args.get("after"), request.args.get("before"))
    return {
        "page": page,
        "rows": rows,
        "next": f"{page.here}?after={following}" if following else None,
        "previous": f"{page.here}?before={first}" if first else None,
    }
