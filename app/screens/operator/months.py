"""Months: every book's months with their states and totals, and one month's close checklist, totals that tie and history."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Response
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.billing.month_ties import booked_sums
from app.documents import Column
from app.foundation.billing_month import BillingMonth
from app.foundation.database import db
from app.foundation.money import Money
from app.foundation.pages import page_of
from app.foundation.refusals import NotVisible
from app.months import queries, states
from app.months.model import Month
from app.months.queries import LIST_KEYS
from app.web.exports import download
from app.web.figures import money_with_currency
from app.web.filters import Choice
from app.web.fragments import show
from app.web.guard import needs
from app.web.listing import ListOf
from app.web.months_shown import BOOKS, TAG_OF, earlier, shown_month
from app.web.ui import TAGS

screen = Blueprint("months", __name__)

STATES = {state: TAGS[tag].label for state, tag in TAG_OF.items()}
LIST = ListOf(Choice("status", _l("Status"), STATES), Choice("book", _l("Book"), BOOKS))
#: earlier months named beside one
EARLIER = 6

COLUMNS = (
    Column(_l("Month"), "month"),
    Column(_l("Book"), lambda row: str(BOOKS[row.book])),
    Column(_l("Status"), lambda row: str(STATES[row.state])),
    Column(_l("Frozen at (UTC)"), "frozen_at"),
    Column(_l("Closed at (UTC)"), "closed_at"),
    Column(_l("Gross"), "gross"),
)


@screen.get("/months")
@screen.get("/months.<any(csv, xlsx):kind>")
@needs("month:view", capacity="operator")
def show_list(kind: str = "") -> Response:
    listing = LIST.read("/months")
    asked = listing.values
    wanted = (asked["status"],) if asked["status"] else ()
    found = queries.months(book=asked["book"], states_wanted=wanted)
    if kind:
        every = db.session.execute(found.order_by(*(key.desc() for key in LIST_KEYS))).all()
        return download(kind, "months", COLUMNS, _with_gross(every))
    page = page_of(found, LIST_KEYS, after=listing.after, before=listing.before)
    return show(
        "operator/months.html",
        block="list",
        listing=listing.with_page(page),
        rows=page.rows,
        gross=_gross(page.rows),
        books=BOOKS,
        tag_of=TAG_OF,
    )


@screen.get("/months/<month:month>")
@needs("month:view", capacity="operator")
def show_one(month: BillingMonth) -> Response:
    """Each book that has the month, one below the other."""
    rows = queries.books_of(month)
    if not rows:
        raise NotVisible
    before = db.session.execute(
        queries.months().where(Month.month < month).order_by(*(key.desc() for key in LIST_KEYS)).limit(EARLIER)
    ).all()
    return show(
        "operator/month.html",
        block="books",
        month=month,
        shown=[shown_month(row) for row in rows],
        earlier=earlier(before),
        books=BOOKS,
    )


def _gross(rows: Any) -> dict[Any, str]:
    """month row -> what was booked, one amount a currency: as closed, or as it stands."""
    closed = [row.id for row in rows if row.state == states.CLOSED]
    stored: dict[Any, list[str]] = {}
    for total in queries.stored_totals(closed):
        gross = Money.of_minor(int(total.gross_minor), total.currency)
        stored.setdefault(total.month_id, []).append(money_with_currency(gross))
    live = booked_sums(sorted({row.month for row in rows if row.state != states.CLOSED}))
    return {
        row.id: ", ".join(stored.get(row.id, []) if row.state == states.CLOSED else _said(live.get((row.book, row.month), [])))
        for row in rows
    }  # fmt: skip


def _said(amounts: list[Money]) -> list[str]:
    return [money_with_currency(amount) for amount in amounts]


def _with_gross(rows: Any) -> Iterator[Any]:
    gross = _gross(rows)
    return (SimpleNamespace(**row._mapping, gross=gross[row.id].replace("\u00a0", " ") or _("nothing")) for row in rows)
